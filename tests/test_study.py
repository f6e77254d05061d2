"""A study from images to report on real weights: what is written, never done twice, and counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import heldout
from heldout.errors import HeldoutError, InputError, UsageError
from heldout.files import read_json, write_json
from heldout.progress import Epoch, Silent
from heldout.records import RunRecord
from heldout.records.logit_table import logits_in
from heldout.runs import context as context_module
from heldout.runs import fit as fit_module
from heldout.runs.folder import read_study
from heldout.runs.predict import predict
from heldout.stats.scores import softmax
from heldout.study import Study
from heldout.training import logistic
from tests.worlds.bright_cells import bright_cells

MODEL = "efficientnet_lite0"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_cells(tmp_path_factory.mktemp("data"))


def make(
    data: Path, out: Path, strategies: tuple[str, ...] = ("frozen", "finetune", "probe"), **options: object
) -> Study:
    wanted: dict[str, object] = {"epochs": 2, "image_size": 32, **options}
    return Study(data, [MODEL], strategies, out, **wanted)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def study(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make(data, tmp_path_factory.mktemp("out") / "study").run()


def test_the_folder_holds_what_design_says(study: Study) -> None:
    for name in ("study.json", "cohort.parquet", "split.parquet", "test_evaluations.jsonl"):
        assert (study.folder / name).is_file()
    for item in study.plan():
        run = study.folder / "runs" / item.recipe.id
        assert {p.name for p in run.iterdir()} == {
            "recipe.json",
            "environment.json",
            "history.csv",
            "predictions.parquet",
            "val_epochs.parquet",
            "model.safetensors",
            "run.json",
        }
    assert not list((study.folder / "runs").glob(".*"))  # nothing half-done is left


def test_predictions_cover_every_image_of_every_part_once(study: Study) -> None:
    for item in study.plan():
        table = pd.read_parquet(study.folder / "runs" / item.recipe.id / "predictions.parquet")
        for part in ("train", "val", "test"):
            assert list(table.loc[table["split"] == part, "id"]) == list(study.split.part(part))
        logits = logits_in(table, 2)
        np.testing.assert_array_equal(logits.argmax(1), table["predicted"])


def test_no_patient_of_validation_is_in_training(study: Study) -> None:
    patient = study.cohort.table.set_index("id")["patient"]
    assert not set(patient[list(study.split.train)]) & set(patient[list(study.split.val)])


def test_frozen_is_recorded_as_verified_and_drift_as_not(study: Study, data: Path, tmp_path: Path) -> None:
    by_strategy = {record.strategy: record for record in study.records()}
    assert by_strategy["frozen"].frozen.verified
    assert by_strategy["frozen"].frozen.bn == "eval"
    assert by_strategy["frozen"].trainable_parameters == 1280 * 2 + 2
    assert by_strategy["frozen"].frozen.prefix_stages[0] == "input"
    assert by_strategy["finetune"].trainable_parameters == by_strategy["finetune"].parameters
    drift = make(data, tmp_path / "drift", ("frozen",), settings={"frozen": {"bn": "train"}}).run().records()[0]
    assert not drift.frozen.verified
    assert drift.frozen.bn == "train"
    assert "0 of" in drift.frozen.detail  # no parameter moved
    assert drift.notes


def test_a_solver_that_stopped_early_is_noted(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic, "MAX_ITERATIONS", 1)
    study = make(data, tmp_path / "early", ("probe",)).run()
    (record,) = study.records()
    file = study.folder / "runs" / record.id / "history.csv"
    history = pd.read_csv(file)
    assert len(record.notes) == 1 and history["converged"].tolist() == [False]
    history.drop(columns="converged").to_csv(file, index=False)  # as 0.1.0 wrote it, which kept no hashes of files
    about = read_json(file.with_name("run.json"))
    write_json(file.with_name("run.json"), {name: about[name] for name in about.keys() - {"files", "hash"}})
    (run,) = read_study(study.folder).runs
    assert run.history["val_accuracy"].tolist() == history["val_accuracy"].tolist()


def test_a_finished_study_trains_nothing_and_scores_test_no_more(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (study.folder / "test_evaluations.jsonl").read_text()
    assert len(before.splitlines()) == 3

    def never(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(fit_module, "learn_strategy", never)
    study.run()
    assert (study.folder / "test_evaluations.jsonl").read_text() == before
    assert all(record.test_evaluations == 1 for record in study.records())


def test_equal_recipe_equal_numbers(study: Study, data: Path, tmp_path: Path) -> None:
    again = make(data, tmp_path / "again", ("finetune",)).run()
    first = next(item for item in study.plan() if item.recipe.strategy == "finetune")
    assert again.plan()[0].recipe.id == first.recipe.id
    for name in ("predictions.parquet", "val_epochs.parquet"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(study.folder / "runs" / first.recipe.id / name),
            pd.read_parquet(again.folder / "runs" / first.recipe.id / name),
        )


class StopsAfter(Silent):
    """A person who presses Ctrl-C after some epochs."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def step(self, epoch: Epoch | None = None) -> None:
        if epoch is not None:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


def test_an_interrupted_run_goes_on_and_ends_with_the_same_numbers(study: Study, data: Path, tmp_path: Path) -> None:
    cut = make(data, tmp_path / "cut", ("finetune",))
    with pytest.raises(KeyboardInterrupt):
        cut.run(StopsAfter(1))
    assert not cut.records()
    assert not (cut.folder / "test_evaluations.jsonl").exists()  # nothing has scored the test images yet
    assert not list(cut.folder.rglob("*.claim*"))  # another process may go on at once
    notes: list[str] = []
    reporter = Silent()
    reporter.note = notes.append  # type: ignore[method-assign]
    cut.run(reporter)
    assert any("Going on from epoch 1" in note for note in notes)
    id_ = cut.plan()[0].recipe.id
    for name in ("predictions.parquet", "val_epochs.parquet"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(cut.folder / "runs" / id_ / name), pd.read_parquet(study.folder / "runs" / id_ / name)
        )


def test_a_strategy_never_sees_a_test_image(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make(data, tmp_path / "s", ("frozen",))
    built: list[tuple[str, ...]] = []
    real_build: Callable[..., object] = context_module.build_store
    real_learn: Callable[..., object] = fit_module.learn_strategy

    def build(cohort: object, ids: tuple[str, ...], *rest: object) -> object:
        built.append(tuple(ids))
        return real_build(cohort, ids, *rest)

    def learn(network: object, task: object, *rest: object) -> object:
        seen = {id_ for ids in built for id_ in ids}
        assert not seen & set(study.split.test), "test images were read before learning ended"
        result = real_learn(network, task, *rest)
        built.append(("learned",))
        return result

    monkeypatch.setattr(context_module, "build_store", build)
    monkeypatch.setattr(fit_module, "learn_strategy", learn)
    study.run()
    assert built.index(("learned",)) < built.index(study.split.test)


def test_more_models_and_strategies_join_the_same_study(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "grow"
    make(data, out, ("probe",)).run()
    make(data, out, ("frozen",), seeds=2).run()
    plan = read_study(out).plan
    assert len(plan.runs) == 3
    assert list(plan.strategies) == ["probe", "frozen"]
    assert len(list((out / "plans").iterdir())) == 2
    assert len(make(data, out, ("probe",)).compare().runs) == 3
    with pytest.raises(UsageError, match="other split"):
        make(data, out, ("probe",), split_seed=5).run()


def test_comparison_and_report(study: Study) -> None:
    comparison = study.compare()
    assert len(comparison.runs) == 3
    assert len(comparison.pairs) == 3
    page = study.report().read_text()
    assert "efficientnet_lite0" in page


def test_predict_gives_what_the_run_recorded(study: Study, tmp_path: Path) -> None:
    from PIL import Image

    item = next(item for item in study.plan() if item.recipe.strategy == "finetune")
    run = study.folder / "runs" / item.recipe.id
    table = pd.read_parquet(run / "predictions.parquet")
    test = table[table["split"] == "test"].set_index("id")
    rows = study.cohort.table.set_index("id").loc[test.index]
    files = []
    for id_, row in rows.iterrows():
        pixels = np.load(Path(study.cohort.root) / row["source"])[row["row"]]
        files.append(tmp_path / f"{id_}.png")
        Image.fromarray(pixels).save(files[-1])
    found = predict(run, files)
    recorded = softmax(logits_in(test, 2).astype(np.float32))
    np.testing.assert_allclose(found[["p(dark)", "p(light)"]].to_numpy(), recorded, atol=1e-5)
    with pytest.raises(InputError) as error:
        predict(run, [tmp_path / "absent.png", *files[:1], tmp_path / "also-absent.png"])
    assert len(error.value.problems) == 2
    with pytest.raises(InputError, match="finished run"):
        predict(study.folder, files)


def test_unknown_names_are_told_before_anything_is_written(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="efficientnet_lite0"):
        Study(data, ["efficientnet_lite"], ["frozen"], tmp_path / "x")
    with pytest.raises(UsageError, match="frozen"):
        Study(data, [MODEL], ["freeze"], tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_tables_of_the_persons_are_not_written_over(data: Path, tmp_path: Path) -> None:
    """Neither one that is no table of ours, nor ours of other images; those of a study that was cut off are."""
    study = make(data, tmp_path, ("frozen",), epochs=1)
    (tmp_path / "cohort.parquet").write_text("mine")
    replace(study.split, val=study.split.val[1:]).save(tmp_path / "split.parquet")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError) as refused:
        study.run()
    assert [problem.where for problem in refused.value.problems] == [str(path) for path in sorted(before)]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    study.cohort.save(tmp_path / "cohort.parquet")
    study.split.save(tmp_path / "split.parquet")
    assert len(study.run().records()) == 1


def test_models_that_cannot_be_trained_are_told_together_before_anything_is_trained(data: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.pth").write_bytes(b"junk")
    models = [MODEL, *(f"file:{tmp_path / name}.pth@torchvision:resnet18" for name in ("a", "b"))]
    with pytest.raises(HeldoutError) as error:
        Study(data, models, ["frozen"], tmp_path / "study", epochs=1, image_size=32).run()
    assert "a.pth" in str(error.value) and "b.pth" in str(error.value)
    assert not (tmp_path / "study").exists()


def test_every_model_gets_the_precision_that_suits_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heldout.training.precision.multiplies_bfloat16", lambda: True)
    models = [MODEL, "timm:resnet10t"]
    planned = Study(data, models, ["scratch"], tmp_path / "s", epochs=1, image_size=32, precision="auto").plan()
    assert [item.recipe.precision for item in planned] == ["no", "bf16"]


def test_a_study_of_two_precisions_is_trained_and_compared(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heldout.training.precision.suited", lambda network, device: "bf16")
    mixed = make(data, tmp_path / "s", ("finetune",), precision="auto").run()
    single = make(data, tmp_path / "s", ("finetune",)).run()
    (a,), (b,) = mixed.plan(), single.plan()
    assert (a.recipe.precision, b.recipe.precision) == ("bf16", "no")
    assert len(mixed.compare().runs) == 2
    logits = [
        pd.read_parquet(tmp_path / "s" / "runs" / item.recipe.id / "predictions.parquet")["logit_0"] for item in (a, b)
    ]
    assert not np.array_equal(*logits)  # one was really computed in bfloat16


def test_how_the_images_were_read_is_recorded_as_typed(data: Path, tmp_path: Path) -> None:
    study = make(data, tmp_path / "study", ("probe",), val_fraction=0.25, patient="patient").run()
    record = json.loads((study.folder / "study.json").read_text(encoding="utf-8"))
    assert record["data"] == str(data)
    assert record["reading"] == {
        "patient": "patient",
        "skip-unreadable": False,
        "no-test": False,
        "val-fraction": 0.25,
        "split-seed": 0,
        "per-class": None,
    }


def test_a_cohort_was_read_already(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="read already"):
        make(heldout.load(data), tmp_path / "study", patient="patient")  # type: ignore[arg-type]


def test_classifier_on_arrays() -> None:
    from sklearn.base import clone
    from sklearn.exceptions import NotFittedError

    rng = np.random.default_rng(0)
    y = np.array(["light", "dark"] * 40)
    X = np.clip(rng.normal(np.where(y == "light", 170, 70)[:, None, None], 40, (80, 40, 24)), 0, 255).astype(np.uint8)
    groups = np.arange(80) // 4
    before = torch.get_rng_state()
    model = heldout.TransferClassifier(MODEL, "probe", image_size=32).fit(X, y, groups=groups)
    assert torch.equal(before, torch.get_rng_state())
    assert list(model.classes_) == ["dark", "light"]
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert model.score(X, y) > 0.9
    assert model.frozen_.verified
    again = clone(model).fit(X, y, groups=groups)
    np.testing.assert_array_equal(probabilities, again.predict_proba(X))
    colour = np.repeat(X[..., None], 3, axis=3)
    np.testing.assert_allclose(model.predict_proba(colour), probabilities, atol=1e-5)
    with pytest.raises(InputError):
        heldout.TransferClassifier(MODEL).fit(X, y[:-1])
    with pytest.raises(NotFittedError):
        heldout.TransferClassifier(MODEL).predict(X)


def test_a_run_record_is_typed(study: Study) -> None:
    record = study.records()[0]
    assert isinstance(record, RunRecord)
    assert record.epochs == 2
    assert record.seconds_per_epoch > 0
    assert record.wall_seconds >= record.seconds_per_epoch


def test_a_study_says_why_test_is_lower(data: Path, tmp_path: Path) -> None:
    study = make(data, tmp_path / "study", ("probe",)).run()
    (found,) = study.diagnose()
    assert found.run == study.records()[0].id
    assert found.summary
    assert (study.folder / "diagnosis" / f"{found.run}.json").is_file()


def test_an_order_of_no_classes_is_refused_before_anything_is_written(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected every class once"):
        make(data, tmp_path / "study", ("probe",), order="low,high").run()
    assert not (tmp_path / "study").exists()
