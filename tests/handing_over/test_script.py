"""`predict.py` of a folder: answers as `heldout predict` does where heldout is not, and what its self-test notices."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from heldout.files import write_json, write_text
from heldout.handing_over.names import CARRIED
from heldout.handing_over.self_test import why_no_script
from heldout.handing_over.sums import SUMS, sums_of
from heldout.images.prepare import EIGHT, MORE, REAL
from heldout.records import InputMap
from heldout.records.calibration import RuleKind
from heldout.records.export import ExportInput, Window
from tests.cli.call import call
from tests.handing_over.made_folder import made_folder

ABSENT = "heldout", "torch", "torchvision", "timm", "scipy", "pandas", "sklearn", "pydicom", "tifffile", "imagecodecs"
BARE = f"""
import runpy, sys
for name in {ABSENT}:
    sys.modules[name] = None  # importing it is an error
script, *sys.argv[1:] = sys.argv[1:]
runpy.run_path(script, run_name="__main__")
"""

Rules = dict[RuleKind, tuple[float, ...] | None]


def bare(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """`python predict.py WORDS…` where neither heldout nor any library but its two can be imported."""
    command = [sys.executable, "-I", "-B", "-c", BARE, str(folder / "predict.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="surrogateescape", check=False)


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))[1:]


def pictures(folder: Path) -> Path:
    """Every kind of 8-bit file that the script takes, dark to light, in two folders."""
    rng = np.random.default_rng(0)
    (folder / "deep").mkdir(parents=True)

    def noise(level: float, *shape: int) -> Image.Image:
        return Image.fromarray(np.clip(rng.normal(level, 30, shape), 0, 255).astype(np.uint8))

    for k, level in enumerate(np.linspace(60, 180, 12)):
        noise(level, 20 + k, 31).save(folder / f"grey-{k}.png")
    noise(80, 24, 30, 3).save(folder / "colour.bmp")
    noise(105, 24, 30, 3).save(folder / "plain.tif")
    noise(170, 24, 30).convert("1").save(folder / "one-bit.png")
    noise(130, 24, 30, 3).quantize(9).save(folder / "palette.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    noise(110, 24, 40, 3).save(folder / "deep" / "turned.jpg", exif=exif)
    return folder


@pytest.mark.parametrize(
    ("rules", "several"),
    [
        (None, False),
        (None, True),
        ({}, False),
        ({"error": (0.7, 0.7, 0.7)}, False),
        ({"error": None}, False),
        ({"sets": (0.2, 0.2, 0.2)}, False),
        ({"class-sets": (0.6, 0.25, 0.0)}, False),
        ({"ppv": (0.9, 0.9), "npv": (0.7, 0.7)}, False),
        ({"ppv": None, "npv": (0.7, 0.7)}, False),
    ],
)
def test_it_answers_as_heldout_predict_where_heldout_cannot_be_imported(
    rules: Rules | None, several: bool, tmp_path: Path
) -> None:
    classes = ("dark", "grey") if rules is not None and "npv" in rules else ("dark", "grey", "light")
    folder, images = made_folder(tmp_path / "out", rules, classes, several), pictures(tmp_path / "images")
    answer = call("predict", folder, images, "--csv", tmp_path / "a.csv")
    assert answer.status == 0, answer.err
    done = bare(folder, images)
    assert done.returncode == 0, done.stderr
    (tmp_path / "b.csv").write_text(done.stdout)
    expected, found = (pd.read_csv(tmp_path / name, keep_default_na=False) for name in ("a.csv", "b.csv"))
    assert found.columns.tolist() == expected.columns.tolist() and len(found) == 17
    assert ("answer" in found) == bool(rules)
    expected, found = (table.sort_values("image", ignore_index=True) for table in (expected, found))
    texts = [name for name in found if not name.startswith("p(")]
    assert found[texts].equals(expected[texts])
    numbers = [name for name in found if name.startswith("p(")]
    np.testing.assert_allclose(found[numbers], expected[numbers], atol=1e-6, rtol=0)
    told = found["answer" if rules else "predicted"]
    assert told.nunique() > (rules != {"error": None}), "the images do not try the rule"


def test_what_pillow_would_read_otherwise_is_refused_and_the_rest_is_answered(tmp_path: Path) -> None:
    folder, images = made_folder(tmp_path / "out"), tmp_path / "images"
    images.mkdir()
    grey = Image.fromarray(np.full((20, 20), 90, np.uint8))
    grey.save(images / "good.png")
    Image.fromarray(np.full((20, 20), 9000, np.uint16)).save(images / "deep.png")
    tifffile.imwrite(images / "deep-colour.tif", np.full((20, 20, 3), 9000, np.uint16), photometric="rgb")
    grey.convert("RGBA").save(images / "alpha.png")
    grey.save(images / "pages.tif", save_all=True, append_images=[grey])
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 20), dtype=np.uint8)).save(images / "broken.png")
    (images / "broken.png").write_bytes((images / "broken.png").read_bytes()[:200])
    (images / "notes.txt").write_text("no image")
    done = bare(folder, images, tmp_path / "none.png")
    assert done.returncode == 1
    assert [line.split(",")[0] for line in done.stdout.splitlines()[1:]] == [str(images / "good.png")]
    bad = {"alpha.png", "broken.png", "deep-colour.tif", "deep.png", "none.png", "notes.txt", "pages.tif"}
    assert {Path(line.split(": ")[0]).name for line in done.stderr.splitlines()} == bad


@pytest.mark.parametrize("encoding", ["cp1252", "ascii:strict", "utf-8:strict"])
def test_no_name_and_no_encoding_of_the_terminal_costs_an_answer(encoding: str, tmp_path: Path) -> None:
    folder, images = made_folder(tmp_path / "out", classes=("dark", "肺炎", "light")), tmp_path / "images"
    images.mkdir()
    names = ["grau.png", 'é, "肺炎".png', os.fsdecode(b"caf\xe9.png")]  # the last is no UTF-8
    for name in names:
        with (images / name).open("wb") as file:
            Image.fromarray(np.full((20, 20), 100, np.uint8)).save(file, "PNG")
    assert call("predict", folder, images, "--csv", tmp_path / "a.csv").status == 0
    done = subprocess.run(
        [sys.executable, "-B", folder / "predict.py", images],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    texts = (done.stdout, (tmp_path / "a.csv").read_bytes())
    found, expected = (rows_of(text.decode("utf-8", "surrogateescape")) for text in texts)
    assert [row[:2] for row in sorted(found)] == [row[:2] for row in sorted(expected)]
    assert {row[0] for row in found} == {str(images / name) for name in names} and found[0][1] == "肺炎"


@pytest.mark.parametrize("kind", ["error", "sets"])
def test_a_threshold_close_to_1_is_reached_as_heldout_says(kind: RuleKind, tmp_path: Path) -> None:
    """1 − 10⁻⁹ is 1 in float32, and so is a probability of 1 − 10⁻⁸, which does not reach it."""
    slopes = (-0.2, 0.004, 0.2)
    folder, images = made_folder(tmp_path / "out", {kind: (1 - 1e-9,) * 3}, slopes=slopes), tmp_path / "images"
    images.mkdir()
    for level in (20, 120, 126, 130, 140, 160, 220):
        Image.fromarray(np.full((20, 20), level, np.uint8)).save(images / f"{level}.png")
    assert call("predict", folder, images, "--csv", tmp_path / "a.csv").status == 0
    (tmp_path / "b.csv").write_text(bare(folder, images).stdout)
    expected, found = (
        pd.read_csv(tmp_path / name, keep_default_na=False).sort_values("image") for name in ("a.csv", "b.csv")
    )
    assert found["answer"].tolist() == expected["answer"].tolist()
    largest = np.float32(found[["p(dark)", "p(grey)", "p(light)"]].max(axis=1))
    assert ((largest == 1) & (found.filter(like="p(").max(axis=1) < 1 - 1e-9)).any(), "float32 would do as well"


def test_images_of_more_than_8_bits_where_the_run_learned_from_such(tmp_path: Path) -> None:
    rule = InputMap("percentile:1,99", (100.0,), (40000.0,), 9, depths=(MORE,))
    folder, images = made_folder(tmp_path / "out", rule=rule), tmp_path / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    for k in range(4):
        pixels = rng.normal(15000 + 9000 * k, 2000, (20, 25)).astype(np.uint16)
        Image.fromarray(pixels).save(images / f"{k}.{'png' if k % 2 else 'tif'}")
    assert call("predict", folder, images, "--csv", tmp_path / "a.csv").status == 0
    done = bare(folder, images)
    assert done.returncode == 0, done.stderr
    (tmp_path / "b.csv").write_text(done.stdout)
    expected, found = (pd.read_csv(tmp_path / name) for name in ("a.csv", "b.csv"))
    assert found["predicted"].tolist() == expected["predicted"].tolist() and found["predicted"].nunique() > 1
    np.testing.assert_allclose(found.iloc[:, 2:], expected.iloc[:, 2:], atol=1e-6)
    assert found["p(dark)"].is_monotonic_decreasing
    Image.fromarray(np.full((20, 20), 90, np.uint8)).save(images / "shallow.png")
    done = bare(folder, images)
    assert done.returncode == 1 and done.stderr.startswith(str(images / "shallow.png"))


@pytest.mark.parametrize(
    ("window", "channels", "depths", "said"),
    [
        ("", (1, 3), (EIGHT,), ""),
        ("", (1, 3), (EIGHT, MORE), ""),
        ("dicom-window", (1, 3), (EIGHT,), "dicom-window"),
        ("", (5,), (EIGHT,), "5 channels"),
        ("", (1, 3), (REAL,), REAL),
        ("", (3,), (MORE,), "colour"),
    ],
)
def test_it_is_left_out_where_pillow_alone_cannot_read_what_the_run_takes(
    window: Window, channels: tuple[int, ...], depths: tuple[str, ...], said: str
) -> None:
    wanted = ExportInput("uint8", channels, window, 32, "pad", "bilinear", (0.5,), (0.5,))
    why = why_no_script(wanted, depths)
    assert said in why and bool(why) == bool(said)


def with_self_test(folder: Path) -> Path:
    """The folder with two images and what they are answered with."""
    (folder / "self_test").mkdir()
    for k, level in enumerate((70, 160)):
        Image.fromarray(np.full((20, 20), level, np.uint8)).save(folder / "self_test" / f"{k}.png")
    rows = [line.split(",") for line in bare(folder, folder / "self_test").stdout.splitlines()[1:]]
    write_json(folder / "self_test.json", {Path(row[0]).name: list(map(float, row[-3:])) for row in rows})
    write_text(folder / SUMS, sums_of(folder, ("card.md",)))
    return folder


def test_the_self_test_notices_a_changed_file_and_other_numbers(tmp_path: Path) -> None:
    folder = with_self_test(made_folder(tmp_path / "out", {"error": (0.6, 0.6, 0.6)}))
    done = bare(folder, "--self-test")
    assert done.returncode == 0 and done.stderr == "self-test passed\n" and len(done.stdout.splitlines()) == 3
    checked = subprocess.run(["sha256sum", "-c", SUMS], cwd=folder, capture_output=True, text=True, check=False)
    assert checked.returncode == 0 and "self_test/1.png: OK" in checked.stdout

    wanted = json.loads((folder / "self_test.json").read_text())
    wanted["1.png"][0] += 2e-4  # as if the runtime gave other numbers
    write_json(folder / "self_test.json", wanted)
    write_text(folder / SUMS, sums_of(folder, ("card.md",)))
    done = bare(folder, "--self-test")
    assert done.returncode == 1 and "1.png: answered otherwise" in done.stderr and "0.png" not in done.stderr

    (folder / "thresholds.json").write_text((folder / "thresholds.json").read_text().replace("0.6", "0.5"))
    done = bare(folder, "--self-test")
    assert done.returncode == 1 and "thresholds.json: changed" in done.stderr
    (folder / "self_test" / "0.png").write_bytes(b"none")
    done = bare(folder, "--self-test")
    assert done.returncode == 1 and "0.png: changed" in done.stderr


def test_it_has_40_lines_and_imports_two_libraries_and_numpy(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "out")
    script, images = (folder / name for name in CARRIED)
    lines = [*script.read_text().splitlines(), *images.read_text().splitlines()]
    assert len(script.read_text().splitlines()) <= 40 and len(lines) <= 140
    imported = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported - set(sys.stdlib_module_names) == {"numpy", "onnxruntime", "PIL"}
