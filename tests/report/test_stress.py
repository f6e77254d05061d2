"""Runs under stress on the page: a table of runs, what was changed, a figure, and what nobody can know."""

from __future__ import annotations

from pathlib import Path

from heldout.answer.stress import CANNOT, forecast_told
from heldout.report.blocks import Chart, Notes, Prose, Table
from heldout.report.material import gather
from heldout.report.page import compose, render
from heldout.runs.folder import read_study
from heldout.runs.stress_report import FILE, judge_stress
from heldout.runs.stressed import Asked
from tests.report.pages import section
from tests.worlds.made_stress import make_stress
from tests.worlds.made_study import RUNS, make_study


def test_the_section_tells_runs_changes_and_limits(stressed: Path) -> None:
    page = compose(gather(stressed))
    answer, runs, changes, notes, chart = section(page, "stress")
    assert isinstance(answer, Prose) and isinstance(runs, Table) and isinstance(changes, Table)
    assert isinstance(notes, Notes) and isinstance(chart, Chart) and CANNOT in notes.items
    files = read_study(stressed)
    assert [row[0].values[0] for row in runs.rows] == [files.runs[1].record.id, files.runs[0].record.id]
    assert runs.sheet.header[:3] == ("run", "label", "score") and len(changes.rows) == 11
    assert {row[3] for row in chart.sheet.rows} == {"near", "middle", "far"}
    assert "Will it hold elsewhere?" in render(page)
    assert "changed in 8 properties" in answer.text and "of 8 drawn sites" in answer.text


def test_of_some_changes_the_forecast_names_them(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", runs=RUNS[:1], n_train=40, n_val=40, n_test=0)
    asked = Asked(sites=2, only=("noise",))
    make_stress(study, asked)
    report = judge_stress(read_study(study), asked, bootstrap=100)
    (run,) = report.runs
    assert "changed in noise as the sites of 2 pairs differ" in forecast_told(report, run)
    # No answer changed: what was seen in no patient may be in some, and the worst of several is not surer than one.
    (point,) = [one for one in run.points if (one.words, one.level) == (run.worst.words, "middle")]
    assert run.worst.lost_points.low < point.lost_points.low < 0 < point.lost_points.high < run.worst.lost_points.high


def test_without_it_there_is_no_section_and_a_damaged_record_is_said(stressed: Path, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", runs=RUNS[:1], n_train=40, n_val=30, n_test=20)
    assert "stress" not in [one.id for one in compose(gather(study)).sections]
    (study / FILE).parent.mkdir()
    (study / FILE).write_bytes((stressed / FILE).read_bytes())
    (other,) = section(compose(gather(study)), "stress")
    assert isinstance(other, Prose) and "another split" in other.text
    (study / FILE).write_text("{")
    (damaged,) = section(compose(gather(study)), "stress")
    assert isinstance(damaged, Prose) and "cannot be read" in damaged.text
