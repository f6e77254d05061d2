"""The folder of a paper: what stands in it, what a second call does, whose files it leaves alone; and the command."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docx
import pytest

from heldout.cli import ExitStatus, main
from heldout.cli.env import Environment
from heldout.errors import HeldoutError, UsageError
from heldout.optional import check
from heldout.paper import write
from heldout.paper.collect import Collected
from heldout.paper.publish import earlier, publish
from heldout.paper.write import write_paper
from heldout.report.blocks import Page, PageSection
from tests.paper.pages import opened
from tests.paper.test_drawing import made
from tests.worlds.made_study import RUNS, make_study


def call(*args: str) -> tuple[ExitStatus, str, str]:
    env = Environment(io.StringIO(), io.StringIO())
    status = main(["paper", *args], env)
    assert isinstance(env.stdout, io.StringIO) and isinstance(env.stderr, io.StringIO)
    return status, env.stdout.getvalue(), env.stderr.getvalue()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("cli") / "study", runs=RUNS[:1], n_train=60, n_val=60, n_test=60)


@pytest.fixture(scope="module", autouse=True)
def few_figures() -> Iterator[None]:
    """Two figures a paper, which take seconds to write; tests/paper/test_drawing.py draws all there are."""
    whole = write.collected

    def collected(page: Page) -> Collected:
        found = whole(page)
        return replace(found, charts=dict(list(found.charts.items())[:2]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "collected", collected)
        yield


@pytest.fixture(scope="module")
def written(study: Path) -> tuple[Path, dict[str, Any]]:
    status, out, err = call(str(study), "--width", "85", "--json")
    assert (status, err) == (ExitStatus.OK, "")
    return study / "paper", json.loads(out)


def test_everything_stands_in_the_folder(written: tuple[Path, dict[str, Any]]) -> None:
    folder, answer = written
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {*answer["files"], "paper.json"} and answer["faults"] == [] == answer["notes"]
    for name in ("scores", "data-table", "settings-table"):
        assert {f"tables/{name}.{ending}" for ending in ("tex", "md", "docx")} <= files
    texts = {f"{name}.{ending}" for name in ("methods", "results") for ending in ("md", "tex", "docx")}
    lists = {f"checklists/{n}.{e}" for n in ("claim-2024", "tripod-ai", "stard-ai") for e in ("md", "docx")}
    assert {*texts, *lists, "flow.pdf", "flow.svg", "flow.md", "tables.docx", "references.bib"} <= files
    assert {"figures/overview.pdf", "figures/captions.md"} <= files and len(list(folder.glob("figures/*.pdf"))) == 2
    assert sum(answer["checklists"]["CLAIM 2024"].values()) == 44
    width = float(opened((folder / "flow.pdf").read_bytes()).mediabox.width)
    assert width == pytest.approx(85 / 25.4 * 72, abs=0.01)
    assert (folder / "flow.svg").read_text().startswith("<?xml") and "```mermaid" in (folder / "flow.md").read_text()
    grids = docx.Document(str(folder / "tables.docx")).tables
    assert len(grids) == len([name for name in files if name.startswith("tables/") and name.endswith(".docx")])


def test_every_citation_is_in_the_references(written: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = written
    bib = (folder / "references.bib").read_text()
    text = "".join(path.read_text() for name in ("methods.md", "checklists/*.md") for path in folder.glob(name))
    keys = set(re.findall(r"(?<=[\[ ])@(\w+)", text))
    assert {"wilson1927", "tejani2024", "collins2024", "sounderajah2025"} <= keys
    assert keys == set(re.findall(r"^@\w+\{(\w+),$", bib, re.MULTILINE))


def test_a_second_call_changes_nothing_and_a_persons_words_stay(written: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = written
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert call(str(folder.parent), "--width", "85")[0] == ExitStatus.OK
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    (folder / "methods.md").write_text("mine")
    (folder / "letter.txt").write_text("mine too")
    status, _, err = call(str(folder.parent), "--width", "85")
    assert status == ExitStatus.USAGE and "methods.md" in err and "--overwrite" in err and "letter" not in err
    assert (folder / "methods.md").read_text() == "mine"


def test_files_of_an_earlier_call_go_only_if_nobody_changed_them(tmp_path: Path) -> None:
    publish(tmp_path / "p", {"a/b.txt": b"1", "c.txt": b"2"}, {})
    (tmp_path / "p" / "c.txt").write_text("changed")
    (tmp_path / "outside.txt").write_text("x")
    manifest = tmp_path / "p" / "paper.json"
    data = json.loads(manifest.read_text())
    data["files"]["../outside.txt"] = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # that of "x"
    manifest.write_text(json.dumps(data))
    assert "../outside.txt" not in earlier(tmp_path / "p")
    publish(tmp_path / "p", {"new.txt": b"3"}, {})
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"p/c.txt", "p/new.txt", "p/paper.json", "outside.txt"}
    with pytest.raises(UsageError, match=r"c\.txt"):
        publish(tmp_path / "p", {"c.txt": b"3"}, {})
    publish(tmp_path / "p", {"c.txt": b"3"}, {}, overwrite=True)
    assert (tmp_path / "p" / "c.txt").read_text() == "3"
    with pytest.raises(HeldoutError, match="no folder"):
        publish(tmp_path / "outside.txt", {"a": b""}, {})


def test_a_figure_that_cannot_be_drawn_is_named_and_the_rest_is_written(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write.compose

    def with_violin(material: Any) -> Page:
        page = whole(material)
        section = PageSection("own", "Own", "", (made([{"type": "violin"}]),))
        return Page(page.title, page.subtitle, page.answer, (), (section,), "")

    monkeypatch.setattr(write, "compose", with_violin)
    status, out, err = call(str(study), "--out", str(tmp_path / "p"))
    assert status == ExitStatus.OK and "'own-figure'" in err and "'violin'" in err
    assert (tmp_path / "p" / "methods.md").exists() and not (tmp_path / "p" / "figures" / "own-figure.pdf").exists()
    assert "20 open" not in err and str(tmp_path / "p") in out


@pytest.mark.parametrize("width", ["5", "nan", "1e9"])
def test_a_width_that_no_page_has_is_refused(study: Path, width: str) -> None:
    status, _, err = call(str(study), "--width", width)
    assert status == ExitStatus.USAGE and "expected 60 to 400" in err


def test_without_the_extra_it_says_how_to_get_it(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "check", lambda module, extra: check(f"no_{module}", extra))
    with pytest.raises(HeldoutError, match=r"pip install 'heldout\[paper\]'"):
        write_paper(study)


def test_what_is_no_study_ends_with_an_error(tmp_path: Path) -> None:
    status, out, err = call(str(tmp_path / "nowhere"))
    assert status == ExitStatus.ERROR and out == "" and "study" in err
