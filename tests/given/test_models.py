"""Models that were given: a network of ours handed over as a function, networks in ONNX, and what they must keep."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torchvision.transforms import v2

import heldout
from heldout.data.store import build_store
from heldout.diagnosis.diagnose import diagnose as judge
from heldout.diagnosis.interventions import run_interventions
from heldout.errors import HeldoutError, InputError, UsageError
from heldout.given.model import GivenModel
from heldout.given.onnx_ import onnx_model
from heldout.given.preprocessing import Preprocessing, read_preprocessing
from heldout.records import PARTS, Diagnosis, ReasonKind
from heldout.records.logit_table import logits_in
from heldout.runs.folder import StudyFiles, read_study
from heldout.runs.predict import load_network
from heldout.stats.scores import softmax
from heldout.study import Study
from heldout.training import logits_of, machine
from tests.cli.call import call
from tests.worlds.bright_cells import bright_cells
from tests.worlds.given_tables import table_of

SIZE = 32
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> StudyFiles:
    """A run with its interventions; test images are darker than validation, so that a property shifts."""
    folder = tmp_path_factory.mktemp("trained")
    data = bright_cells(folder / "data", train=60, test=24)
    for file in (data / "test").glob("*.npy"):
        np.save(file, (np.load(file) * 0.6).astype(np.uint8))
    Study(data, ["efficientnet_lite0"], ["frozen"], folder / "study", epochs=1, image_size=SIZE).run()
    run_interventions(read_study(folder / "study"), device="cpu", limit=1000)
    return read_study(folder / "study")


@pytest.fixture(scope="module")
def squares(trained: StudyFiles) -> dict[str, Pixels]:
    recipe = trained.runs[0].recipe
    return {
        part: build_store(
            trained.cohort, trained.split.part(part), SIZE, recipe.fit, recipe.interpolation, trained.folder / "images"
        ).pixels
        for part in ("train", "val", "test")
    }


@pytest.fixture(scope="module")
def images(trained: StudyFiles, squares: dict[str, Pixels], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The squares as PNG files in folders, each called by its part and row, so that ids stand as in the split."""
    folder = tmp_path_factory.mktemp("images")
    for part, pixels in squares.items():
        (folder / part).mkdir()
        for row, image in enumerate(pixels):
            Image.fromarray(image[..., 0]).save(folder / part / f"{part}{row:03d}.png")
    return folder


@pytest.fixture(scope="module")
def tables(trained: StudyFiles) -> dict[str, pd.DataFrame]:
    sides = trained.runs[0].predictions
    return {
        part: table_of(trained, side).assign(id=[f"{part}{row:03d}" for row in range(len(side))])
        for part, side in sides.items()
    }


@pytest.fixture(scope="module")
def network(trained: StudyFiles) -> object:
    made, _ = load_network(trained.runs[0].folder)
    place = machine("cpu")

    def predict(pixels: Pixels) -> NDArray[np.float64]:
        assert pixels.dtype == np.uint8 and pixels.shape[1:] == (SIZE, SIZE, 3)
        answers = softmax(logits_of(made, pixels.copy(), place))
        pixels[:] = 0  # what it is handed is its own
        return answers

    return predict


def experiments(folder: Path) -> dict[str, dict[str, object]]:
    files = sorted(folder.glob("runs/*/experiments/*.json"))
    return {file.stem: json.loads(file.read_text()) for file in files}


def scored(folder: Path, name: str) -> pd.DataFrame:
    (file,) = folder.glob(f"runs/*/experiments/{name}.parquet")
    return pd.read_parquet(file)


@pytest.fixture(scope="module")
def asked(
    tables: dict[str, pd.DataFrame], images: Path, network: object, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Diagnosis]:
    out = tmp_path_factory.mktemp("asked") / "study"
    (found,) = heldout.diagnose(
        tables["val"],
        tables["test"],
        train=tables["train"],
        answers="logits",
        predict=network,  # type: ignore[arg-type]
        images=images,
        image_size=SIZE,
        sample=1000,
        bootstrap=100,
        device="cpu",
        out=out,
    )
    return out, found


def test_a_function_is_asked_about_changed_images_as_a_run_is(
    trained: StudyFiles, asked: tuple[Path, Diagnosis]
) -> None:
    out, found = asked
    called = {id_: f"{part}{row:03d}" for part in PARTS for row, id_ in enumerate(trained.split.part(part))}
    for name in ("quality", "cues"):
        own, given = scored(trained.folder, name), scored(out, name)
        assert len(own) > 300
        pd.testing.assert_frame_equal(own[["split", "variant"]], given[["split", "variant"]])
        assert [called[id_] for id_ in own["id"]] == list(given["id"])
        np.testing.assert_allclose(softmax(logits_in(own)), softmax(logits_in(given)), atol=1e-4)
    (own_diagnosis,) = judge(trained, bootstrap=100)
    mine, theirs = ({one.code: one for one in diagnosis.findings} for diagnosis in (own_diagnosis, found))
    for code in ("image-quality", "shortcut", "difficulty", "covariate-shift", "threshold", "prior", "labels"):
        assert (theirs[code].verdict, theirs[code].kind) == (mine[code].verdict, mine[code].kind), code
        assert (theirs[code].points is None) == (mine[code].points is None)
        if (points := mine[code].points) is not None:
            assert theirs[code].points.value == pytest.approx(points.value, abs=1e-6), code  # type: ignore[union-attr]


def test_what_needs_the_network_or_a_training_says_so(asked: tuple[Path, Diagnosis]) -> None:
    out, found = asked
    about = experiments(out)
    for name in ("batchnorm", "interpolation", "grouped", "strengths"):
        assert about[name]["kind"] == ReasonKind.MODEL and "not trained here" in str(about[name]["absent"])
    for name in ("features", "probe", "pooled", "quality", "cues"):
        assert about[name]["absent"] is None, about[name]
    kinds = {one.code: (one.verdict, one.kind) for one in found.findings}
    assert kinds["batchnorm"] == ("not identifiable", ReasonKind.MODEL)
    assert kinds["difficulty"][0] != "not identifiable" or kinds["difficulty"][1] != ReasonKind.IMAGES


def test_a_second_call_does_not_ask_again_and_one_without_the_model_keeps_what_it_said(
    tables: dict[str, pd.DataFrame], images: Path, asked: tuple[Path, Diagnosis], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, before = asked
    monkeypatch.setattr("heldout.given.model.GivenModel.logits", None)
    (after,) = heldout.diagnose(
        tables["val"], tables["test"], train=tables["train"], answers="logits", images=images, image_size=SIZE,
        sample=1000, bootstrap=100, device="cpu", out=out,
    )  # fmt: skip
    assert after == before


def test_tables_without_answers_are_answered_by_the_function(
    tables: dict[str, pd.DataFrame], squares: dict[str, Pixels], network: object, tmp_path: Path, trained: StudyFiles
) -> None:
    bare = {part: table[["id", "label", "patient"]] for part, table in tables.items()}
    (found,) = heldout.diagnose(
        bare["val"], bare["test"], predict=network, images={part: squares[part][..., 0] for part in ("val", "test")},
        experiments=False, bootstrap=100, out=tmp_path / "s",
    )  # type: ignore[arg-type]  # fmt: skip
    run = read_study(tmp_path / "s").runs[0]
    own = trained.runs[0].predictions["test"]
    np.testing.assert_allclose(run.predictions["test"].probabilities, own.probabilities, atol=1e-4)
    assert found.gap_points is not None


def ask(tables: dict[str, pd.DataFrame], out: Path, **options: object) -> None:
    heldout.diagnose(tables["val"], tables["test"], answers="logits", bootstrap=100, out=out, **options)  # type: ignore[arg-type]


def test_another_model_than_that_of_the_table_is_refused_with_the_largest_difference(
    tables: dict[str, pd.DataFrame], images: Path, network: object, tmp_path: Path
) -> None:
    def flipped(pixels: Pixels) -> NDArray[np.float64]:
        return np.asarray(network(pixels))[:, ::-1]  # type: ignore[operator]

    with pytest.raises(InputError, match=r"most by 0\.\d{3} on .*The preprocessing differs") as caught:
        ask(tables, tmp_path / "s", predict=flipped, images=images, image_size=SIZE)
    assert len(caught.value.problems) == 1
    ask(tables, tmp_path / "s", predict=flipped, images=images, image_size=SIZE, classes=["light", "dark"],
        experiments=False)  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda x: np.zeros((len(x), 3)), "array of shape"),
        (lambda x: np.full((len(x), 2), 0.9), "no probabilities"),
        (lambda x: np.full((len(x), 2), np.nan), "not finite"),
        (lambda x: x.nothing(), "AttributeError"),
    ],
)
def test_a_function_that_answers_wrongly_is_told_how(
    answer: object, said: str, tables: dict[str, pd.DataFrame], images: Path, tmp_path: Path
) -> None:
    with pytest.raises(HeldoutError, match=said):
        ask(tables, tmp_path / "s", predict=answer, images=images, image_size=SIZE)


def test_a_model_needs_images_and_images_have_to_be_found(
    tables: dict[str, pd.DataFrame], images: Path, network: object, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="--images DIR"):
        ask(tables, tmp_path / "s", predict=network)
    (images / "again").mkdir()
    first = tables["val"]["id"][0]
    (images / "again" / f"{first}.png").write_bytes((images / "val" / f"{first}.png").read_bytes())
    lost = {**tables, "test": tables["test"].assign(id=[f"x{i}" for i in range(len(tables["test"]))])}
    with pytest.raises(InputError) as caught:
        ask(lost, tmp_path / "s", images=images, image_size=SIZE)
    (images / "again" / f"{first}.png").unlink()
    (images / "again").rmdir()
    assert [problem.found for problem in caught.value.problems] == ["no file", "several files of that name"]
    with pytest.raises(InputError, match="found no such folder"):
        ask(tables, tmp_path / "s", images=tmp_path / "nowhere", image_size=SIZE)
    arrays = {"val": np.zeros((3, 8, 8), np.uint8)}
    with pytest.raises(InputError, match="found 3 images"):
        ask(tables, tmp_path / "s", images=arrays)


def test_pixels_alone_judge_what_needs_no_model(tables: dict[str, pd.DataFrame], images: Path, tmp_path: Path) -> None:
    bare = {part: tables[part].assign(path=[f"{part}/{id_}.png" for id_ in tables[part]["id"]]) for part in tables}
    ask(bare, tmp_path / "s", images=images, image_size=SIZE, device="cpu")
    about = experiments(tmp_path / "s")
    assert about["features"]["absent"] is None and about["pooled"]["absent"] is None
    assert about["quality"]["kind"] == ReasonKind.MODEL and about["cues"]["kind"] == ReasonKind.PARTS_MISSING
    assert about["probe"]["kind"] == ReasonKind.PARTS_MISSING
    assert list((tmp_path / "s" / "quality").glob("*.parquet"))


# ---- ONNX ----

WEIGHT = np.array([[3.0, -3.0], [0.5, 0.2], [-1.0, 1.0]], dtype=np.float32)


def write_onnx(file: Path, batch: int | str = "n", layout: str = "nchw") -> Path:
    """Mean of each channel, then three numbers to two classes."""
    shape = [batch, 3, SIZE, SIZE] if layout == "nchw" else [batch, SIZE, SIZE, 3]
    axes = numpy_helper.from_array(np.array([2, 3] if layout == "nchw" else [1, 2], dtype=np.int64), "axes")
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["m"], keepdims=0),
        helper.make_node("MatMul", ["m", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "means",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 2])],
        [numpy_helper.from_array(WEIGHT, "w"), axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(file))
    return file


STEPS = Preprocessing(SIZE, "logits", mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))


def by_hand(pixels: Pixels, steps: Preprocessing = STEPS) -> NDArray[np.float64]:
    x = pixels.astype(np.float64) / steps.scale
    x = (x - np.array(steps.mean)) / np.array(steps.std)
    return x.mean(axis=(1, 2)) @ WEIGHT


def colour(n: int = 5) -> Pixels:
    return np.random.default_rng(2).integers(0, 256, (n, SIZE, SIZE, 3)).astype(np.uint8)


@pytest.mark.parametrize(("batch", "layout"), [("n", "nchw"), (1, "nchw"), (4, "nchw"), ("n", "nhwc")])
def test_a_network_in_onnx_answers_as_by_hand(tmp_path: Path, batch: int | str, layout: str) -> None:
    steps = Preprocessing(SIZE, "logits", layout=layout, mean=STEPS.mean, std=STEPS.std)  # type: ignore[arg-type]
    model = onnx_model(write_onnx(tmp_path / "m.onnx", batch, layout), steps, ("a", "b"))
    np.testing.assert_allclose(model.logits(colour()), by_hand(colour()), rtol=1e-3, atol=1e-4)
    turned = onnx_model(tmp_path / "m.onnx", Preprocessing(**{**vars(steps), "classes": ("b", "a")}), ("a", "b"))
    np.testing.assert_array_equal(turned.logits(colour()), model.logits(colour())[:, ::-1])
    assert turned.key != model.key


def test_preprocessing_is_that_of_torchvision() -> None:
    image = colour(1)[0]
    steps = v2.Compose(
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(STEPS.mean), list(STEPS.std))]
    )
    np.testing.assert_allclose(STEPS.prepared(image[None])[0], steps(Image.fromarray(image)).numpy(), atol=1e-5)
    swapped = Preprocessing(SIZE, "logits", channels="bgr", layout="nhwc", scale=1).prepared(image[None])
    np.testing.assert_array_equal(swapped[0], image[..., ::-1])
    grey = Preprocessing(SIZE, "logits", channels="grey", scale=1, layout="nhwc").prepared(image[None])
    assert np.abs(grey[0, ..., 0] - np.asarray(Image.fromarray(image).convert("L"), dtype=float)).max() <= 1
    assert Preprocessing(SIZE, "logits", channels="grey").prepared(image[None]).shape == (1, 1, SIZE, SIZE)


def test_only_the_middle_is_shown_where_the_network_crops() -> None:
    seen: list[Pixels] = []

    def predict(pixels: Pixels) -> NDArray[np.float64]:
        seen.append(pixels)
        return np.full((len(pixels), 2), 0.5)

    model = GivenModel(predict, "probabilities", ("a", "b"), ("a", "b"), "k", crop=20)
    model.logits(colour(2))
    np.testing.assert_array_equal(seen[0], colour(2)[:, 6:26, 6:26])


def test_a_preprocessing_that_cannot_be_is_told_whole(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_text('{"size": 32, "output": "scores", "men": [0.5]}')
    with pytest.raises(InputError) as caught:
        read_preprocessing(file)
    assert {"the field 'men'", '"scores"'} == {problem.found for problem in caught.value.problems}
    file.write_text('{"size": 32, "output": "logits", "mean": [1, 2], "std": [0], "crop": 40, "scale": 0}')
    with pytest.raises(InputError) as caught:
        read_preprocessing(file)
    assert [problem.where.rpartition(" ")[2] for problem in caught.value.problems] == ["mean", "crop", "scale", "std"]
    file.write_text('{"size": 32, "output": "logits", "mean": [0.5], "std": [0.25]}')
    assert read_preprocessing(file).mean == (0.5,)


def test_files_that_are_no_network_and_the_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no such file"):
        onnx_model(tmp_path / "none.onnx", STEPS, ("a", "b"))
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(HeldoutError, match=r"cannot read text\.onnx"):
        onnx_model(tmp_path / "text.onnx", STEPS, ("a", "b"))
    with pytest.raises(InputError, match="classes of the preprocessing"):
        onnx_model(write_onnx(tmp_path / "m.onnx"), Preprocessing(**{**vars(STEPS), "classes": ("a", "c")}), ("a", "b"))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(HeldoutError, match=r"heldout\[onnx\]"):
        onnx_model(tmp_path / "m.onnx", STEPS, ("a", "b"))


def test_the_command_line_asks_a_network_in_onnx(
    tables: dict[str, pd.DataFrame], images: Path, squares: dict[str, Pixels], trained: StudyFiles, tmp_path: Path
) -> None:
    write_onnx(tmp_path / "m.onnx")
    for part in ("val", "test"):
        logits = by_hand(np.repeat(squares[part], 3, axis=3))
        table = tables[part][["id", "label", "patient"]]
        table.assign(logit_dark=logits[:, 0], logit_light=logits[:, 1]).to_csv(tmp_path / f"{part}.csv", index=False)
    words = ["diagnose", tmp_path / "val.csv", tmp_path / "test.csv", "--logits", "--images", images, "--model",
             tmp_path / "m.onnx", "--out", tmp_path / "s", "--bootstrap", 100, "--device", "cpu"]  # fmt: skip
    steps = {"size": SIZE, "output": "logits", "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25]}
    (tmp_path / "m.json").write_text(json.dumps({**steps, "mean": [0.1, 0.5, 0.6]}))
    refused = call(*words)
    assert refused.status == 1 and "does not reproduce" in refused.err and "the model says" in refused.err
    (tmp_path / "m.json").write_text(json.dumps(steps))
    answer = call(*words)
    assert answer.status == 0, answer.err
    about = experiments(tmp_path / "s")
    assert about["quality"]["absent"] is None and about["batchnorm"]["kind"] == ReasonKind.MODEL
    bare = [str(word) for word in words if word != "--logits"]
    for part in ("val", "test"):
        tables[part][["id", "label", "patient"]].to_csv(tmp_path / f"{part}.csv", index=False)
    again = call(*bare[:-5], tmp_path / "t", *bare[-4:])
    assert again.status == 0, again.err
    one, two = (read_study(tmp_path / name).runs[0].predictions["test"].logits for name in ("s", "t"))
    np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-3)
