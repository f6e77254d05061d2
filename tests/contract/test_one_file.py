"""Every kind of plug-in is one file of another package, with no edit elsewhere: one small study made of all of them."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from starlette.testclient import TestClient

from heldout import registry
from heldout.backbones import resolve
from heldout.backbones.lookup import entry_of, source_of
from heldout.cli import ExitStatus
from heldout.data.load import load
from heldout.data.splits import make_split
from heldout.diagnosis.diagnose import cause_data, judged
from heldout.diagnosis.read import read_run_data
from heldout.diagnosis.rules import RULES
from heldout.errors import InputError
from heldout.images import content_hash
from heldout.paper import write
from heldout.paper.collect import Collected
from heldout.records import Diagnosis, ReasonKind
from heldout.records.codec import read_record
from heldout.report.blocks import Page
from heldout.report.material import gather
from heldout.report.page import compose
from heldout.runs.folder import StudyFiles, read_study
from heldout.web.app import build
from tests.cli.call import call
from tests.contract.installed import ADDED, ELSEWHERE, Added, install
from tests.executors.same import assert_same
from tests.worlds.bright_cells import bright_cells

ROOT = Path(__file__).parents[2]
MODEL = "elsewhere:two_layers.cells"


@dataclass(frozen=True)
class Made:
    """What was made with the package: a list of images, a study of them, its diagnosis."""

    data: Path
    study: Path

    @property
    def files(self) -> StudyFiles:
        return read_study(self.study)

    @property
    def diagnosis(self) -> Diagnosis:
        (file,) = (self.study / "diagnosis").glob("*.json")
        return read_record(Diagnosis, file)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A study by reader, weights and strategy of the package; three of four test images are negatives."""
    folder = tmp_path_factory.mktemp("one_file")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDOUT_CACHE", str(folder / "cache"))
        weights = install(patch, folder)
        save_weights(weights)
        data, study = cells(folder / "data"), folder / "study"
        done("run", data, "--models", MODEL, "--strategies", "fixed", "--image-size", 32, "--out", study)
        done("diagnose", study, "--bootstrap", 200)
        yield Made(data, study)


def save_weights(folder: Path) -> None:
    """Random weights: features of two layers tell bright cells from dark ones."""
    entry = entry_of(resolve(MODEL))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        save_file(source_of(entry.info).model(entry, 32).state_dict(), folder / entry.file)


def cells(folder: Path) -> Path:
    """Bright and dark cells, most of test as negatives, and the list that the reader of the package reads."""
    bright_cells(folder, train=40, test=24)
    for file in sorted((folder / "test").glob("*.npy")):
        images = np.load(file)
        images[:18] = 255 - images[:18]
        np.save(file, images)
    rows = pd.read_csv(folder / "metadata.csv").itertuples()
    lines = []
    for row in rows:
        part, label = row.file.removesuffix(".npy").split("/")
        lines.append(f"{part} {label.removeprefix('test_')} {row.file} {row.row} {row.patient}")
    (folder / "bright.cells").write_text("\n".join(lines))
    return folder / "bright.cells"


def done(*words: object) -> str:
    answer = call(*words)
    assert answer.status == ExitStatus.OK, answer.err
    return answer.out


def told(*words: object) -> Any:
    return json.loads(done(*words, "--json"))


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("added", ADDED, ids=lambda added: added.file)
def test_one_file_is_on_its_shelf(added: Added) -> None:
    plugin = added.shelf.get(added.name)
    module = sys.modules[f"elsewhere.{added.file}"]
    assert plugin is getattr(module, added.shelf.attribute)
    tree = ast.parse((ELSEWHERE / f"{added.file}.py").read_text(encoding="utf-8"))
    asked = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} - {"__future__"}
    assert asked and not {name for name in asked if "._" in name or name.split(".")[0] in ("elsewhere", "tests")}


def test_every_shelf_is_asked() -> None:
    source = Path(registry.__file__).parent
    texts = [path.read_text(encoding="utf-8") for path in source.rglob("*.py")]
    packages = [name for text in texts for name in re.findall(r"= Shelf\(\s*\"([\w.]+)\"", text)]
    assert sorted(packages) == sorted(added.shelf.package for added in ADDED)


def test_a_reader(made: Made) -> None:
    summary = told("inspect", made.data)
    assert summary["reader"] == "cells" and summary["images"] == 128
    cohort = load(made.data)
    assert cohort.reader == "cells" and cohort.patients_known
    assert made.files.cohort.reader == "cells"


@pytest.mark.usefixtures("made")
def test_a_decoder(tmp_path: Path) -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for label in ("dark", "bright"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "x.pgm").write_bytes(b"P5 4 3 255\n" + pixels.tobytes())
    cohort = load(tmp_path)
    assert set(cohort.table["content"]) == {content_hash(pixels)} and len(cohort) == 2
    (tmp_path / label / "x.pgm").write_bytes(b"P5 4 3 255\n" + pixels.tobytes()[:-1])
    with pytest.raises(InputError, match="PGM"):
        load(tmp_path)


def test_a_strategy(made: Made) -> None:
    (run,) = made.files.runs
    assert run.record.strategy == "fixed" and run.record.backbone == MODEL
    assert run.record.learning.chosen == () and not run.record.learning.backbone_trained
    assert run.recipe.settings == {"strength": 0.1}
    (listed,) = [one for one in told("strategies")["strategies"] if one["name"] == "fixed"]
    assert [setting["name"] for setting in listed["settings"]] == ["strength"]


def test_an_intervention(made: Made) -> None:
    (run,) = made.files.runs
    about = json.loads((run.folder / "experiments" / "inverted.json").read_text(encoding="utf-8"))
    assert about["absent"] is None and about["settings"] == {"seed": 0, "limit": 400}
    table = pd.read_parquet(run.folder / "experiments" / "inverted.parquet")
    assert set(table["split"]) == {"val", "test"} and set(table["variant"]) == {"inverted"}


def test_a_cause(made: Made) -> None:
    (finding,) = [finding for finding in made.diagnosis.findings if finding.code == "inverted"]
    assert finding.verdict == "established" and finding.kind is ReasonKind.NONE
    assert finding.points is not None and finding.points.value > 25 and finding.points.low > 0
    assert finding.remedy and finding.images
    (listed,) = [one for one in told("causes")["causes"] if one["code"] == "inverted"]
    assert listed["experiments"] == ["inverted"] and listed["what_to_do"]
    assert told("diagnose", made.study, "--bootstrap", 200)["findings"][0]["code"] == "inverted"


def test_a_cause_judges_from_its_intervention(made: Made) -> None:
    (cause,) = [added.shelf.get("inverted") for added in ADDED if added.file == "a_cause"]
    (run,) = read_run_data(made.files, experiments=False, bootstrap=200)
    without = judged(cause, cause_data(run, RULES))
    assert (without.verdict, without.kind) == ("not identifiable", ReasonKind.SWITCHED_OFF)


def test_a_lens(made: Made) -> None:
    lenses = made.diagnosis.lenses
    (lens,) = [lens for lens in lenses if lens.name == "polarity"]
    assert lens is lenses[-1]
    ranking = next(term.points.value for term in made.diagnosis.budget if term.term == "ranking")
    assert sum(part.value for part in lens.parts.values()) == pytest.approx(ranking)


def test_a_section_and_a_figure(made: Made) -> None:
    page = compose(gather(made.study))
    (section,) = [section for section in page.sections if section.id == "letters"]
    assert [block.id for block in section.blocks] == ["epoch-bars", "letters-table"]
    done("report", made.study)
    html = (made.study / "report.html").read_text(encoding="utf-8")
    assert 'id="letters-table"' in html and "epoch-bars" in html and "Inverted grey values" in html
    assert "causes/inverted.md" not in html and "causes/prior.md" in html


def test_a_topic_of_a_paper(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one figure, that of the package: tests/paper/test_drawing.py draws all others."""
    whole = write.collected

    def collected(page: Page) -> Collected:
        found = whole(page)
        return replace(found, charts={"epoch-bars": found.charts["epoch-bars"]})

    monkeypatch.setattr(write, "collected", collected)
    done("paper", made.study, "--out", tmp_path / "p")
    text = (tmp_path / "p" / "methods.md").read_text(encoding="utf-8")
    images = len(made.files.cohort)
    assert f"## Stains\n\n{images} images were stained [@wilson1927]. [TO FILL: who stained them]" in text
    assert (tmp_path / "p" / "figures" / "epoch-bars.pdf").exists()  # a figure of another package, its axis of names


def test_a_page(made: Made) -> None:
    asking = TestClient(build(made.study, "key"), base_url="http://127.0.0.1:8756")
    counts = made.files.cohort.table["label"].value_counts()
    assert asking.get("/key/counts").text == "\n".join(f"{name}: {counts[name]}" for name in sorted(counts.index))
    assert ">Counts</a>" in asking.get("/key/overview").text  # the menu takes it in
    assert asking.get("/counts").status_code == 403  # the guard stands before it


def test_a_split_method(made: Made) -> None:
    cohort = load(made.data)
    split = make_split(cohort, way="every-fifth")
    patients = cohort.table.set_index("id")["patient"]
    assert len(split.val) and all(patients[id_].endswith(("0", "5")) for id_ in split.val)
    assert make_split(cohort).method != split.method


@pytest.mark.usefixtures("made")
def test_a_world_and_a_plant(tmp_path: Path) -> None:
    words = ["--n", 20, "--patients", 4, "--image-size", 16, "--plant", "negative"]
    answer = told("phantom", tmp_path / "out", "--world", "dusty", *words)
    assert answer["world"] == "dusty"
    (plant,) = answer["plants"]
    assert plant["cause"] == "inverted" and plant["touched"] == 4
    one = next((tmp_path / "out" / "test").glob("*.npy"))
    twin = tmp_path / "out" / "twin" / "test" / one.name
    np.testing.assert_array_equal(np.load(one), 255 - np.load(twin))
    assert "dusty" in (tmp_path / "out" / "metadata.csv").read_text()
    assert "negative" in {plant["name"] for plant in told("plants")["plants"]}


def test_a_stress(made: Made) -> None:
    report = told("stress", made.study, "--only", "negative,class-shares", "--bootstrap", 200)
    (run,) = report["runs"]
    lost = {(one["words"], one["level"]): one["lost_points"]["value"] for one in run["points"]}
    assert lost["swapped", "far"] > 25 and run["worst"]["stress"] == "negative"
    assert [one["measured"] for one in report["stresses"]] == [False, True]
    assert run["forecast_points"] is None and run["expected"] is None


def test_a_tracker(made: Made, tmp_path: Path) -> None:
    (run,) = made.files.runs
    for new, known in (([run.record.id], []), ([], [run.record.id])):
        (sent,) = told("track", made.study, "--to", f"logbook:{tmp_path / 'book.txt'}")["sent"]
        assert (sent["new"], sent["known"]) == (new, known)
    assert (tmp_path / "book.txt").read_text().split()[1] == run.record.id


def test_a_format(made: Made, tmp_path: Path) -> None:
    (run,) = made.files.runs
    record = told("export", run.folder, tmp_path / "weights.npz")
    assert record["kind"] == "arrays" and record["check"]["images"] == 32 and record["inside"] == ["network"]
    assert record["check"]["largest_difference"] == 0 and (tmp_path / "weights.npz.json").is_file()


def test_an_executor(made: Made, tmp_path: Path) -> None:
    words = ("--models", MODEL, "--strategies", "fixed", "--image-size", 32, "--out", tmp_path / "study")
    done("run", made.data, *words, "--on", "another-folder")
    assert_same(tmp_path / "study", made.study)


def test_a_command(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(done("patients", made.data)) == {"patients": 64}
    done("--help")
    assert "Count the patients of DATA." in capsys.readouterr().out


def test_the_table_for_contributors_is_that_of_the_shelves() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for added in ADDED:
        folder = added.shelf.package.removeprefix("heldout.").replace(".", "/")
        (row,) = [line for line in text.splitlines() if f"elsewhere/{added.file}.py)" in line and line[0] == "|"]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1] == f"`{folder}/`" and cells[2].startswith(f"`{added.shelf.attribute}`")
        assert cells[3] == f"`{added.group}`"
        assert (ROOT / "src" / "heldout" / folder).is_dir()


def test_the_worked_example_is_the_cause_that_is_tested() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert code == (ELSEWHERE / "a_cause.py").read_text(encoding="utf-8")
    (points,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert tomllib.loads(points)["project"]["entry-points"] == {
        "heldout.causes": {"inverted": "elsewhere.a_cause:CAUSE"}
    }
