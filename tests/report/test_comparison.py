"""The sections on the runs: their tables, figures and CSVs hold what the comparison holds."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from heldout.report.blocks import (
    Fault,
    Sheet,
)
from heldout.report.bundle import plotly_js
from heldout.report.figures import Figure, figures
from heldout.report.material import Material, gather
from heldout.report.page import TEMPLATES, compose
from heldout.report.sections.reproduce import run_command
from tests.report.pages import (
    charts,
    composed,
    read,
    tables,
)
from tests.report.studies import EVIL_CLASSES
from tests.worlds.made_study import RUNS, make_study


def test_the_comparison_csv_holds_every_number_of_the_comparison(evil: Material) -> None:
    rows = read(tables(composed(evil))["scores"].sheet)
    *rows, baseline = rows
    assert len(rows) == len(evil.comparison.runs) == 12
    always = evil.comparison.baseline
    assert always is not None and always.test is not None and baseline["id"] == ""
    assert (float(baseline["test_accuracy"]), baseline["train_accuracy"]) == (always.test.value, "")
    for text, row in zip(rows, evil.runs, strict=True):
        assert text["id"] == row.id and int(text["seed"]) == row.seed and text["model"] == row.model
        assert row.test and row.gap_points
        for name, estimate in (
            ("train_accuracy", row.train.accuracy),
            ("val_accuracy", row.val.accuracy),
            ("test_accuracy", row.test.accuracy),
            ("test_auc", row.test.auc),
            ("gap_points", row.gap_points),
            ("over_baseline_points", row.over_baseline_points),
            *((f"test_recall_{name}", row.test.recall[name]) for name in EVIL_CLASSES),
        ):
            assert estimate is not None
            assert (float(text[name]), float(text[f"{name}_low"]), float(text[f"{name}_high"])) == (
                estimate.value,
                estimate.low,
                estimate.high,
            )
            assert (int(text[f"{name}_n"]), text[f"{name}_method"]) == (estimate.n, estimate.method)
        assert int(text["oscillation_reversals"]) == row.oscillation.reversals
        assert float(text["oscillation_roughness_points"]) == row.oscillation.roughness_points
        assert text["overfit_epoch"] == ("" if row.overfit_epoch is None else str(row.overfit_epoch))
        assert text["frozen_verified"] == str(row.frozen.verified)
        assert int(text["test_evaluations"]) == row.test_evaluations
        assert int(text["trainable_parameters"]) == row.trainable_parameters
        assert float(text["seconds_per_epoch"]) == row.seconds_per_epoch


def test_the_pairs_say_what_the_comparison_says(evil: Material) -> None:
    page = composed(evil)
    table = read(tables(page)["pairs-table"].sheet)
    assert [(r["a"], r["b"], float(r["p_holm"]), r["verdict"]) for r in table] == [
        (p.a, p.b, p.p_holm, p.verdict) for p in evil.comparison.pairs
    ]
    figure = next(chart for chart in charts(page) if chart.id == "pairs")
    assert all(float(row["difference_points"]) >= 0 for row in read(figure.sheet))  # turned: the better run first
    shown = {frozenset((r["a"], r["b"])): float(r["difference_points"]) for r in read(figure.sheet)}
    for pair in evil.comparison.pairs:
        assert shown[frozenset((pair.a, pair.b))] == abs(pair.difference_points.value)
    assert "the table holds all" in figure.caption  # 66 pairs are too many to draw


def test_confusion_counts_are_those_of_the_predictions(evil: Material) -> None:
    for run in evil.runs:
        chart = next(c for c in charts(composed(evil)) if c.id == f"confusion-{run.id}")
        test = evil.predictions(run.id, "test")
        for row in read(chart.sheet):
            mask = test.labels == EVIL_CLASSES.index(row["truth"])
            taken = mask & (test.predicted == EVIL_CLASSES.index(row["predicted"]))
            assert int(row["images"]) == taken.sum()
            assert float(row["share_of_truth"]) == pytest.approx(taken.sum() / mask.sum())
        break


def test_curves_are_the_history(four: Material) -> None:
    page = composed(four)
    histories = {run.id: four.run(run.id).history for run in four.runs}
    for id_, what, scale in (("accuracy-curves", "accuracy", 100), ("loss-curves", "loss", 1)):
        chart = next(chart for chart in charts(page) if chart.id == id_)
        rows = read(chart.sheet)
        for run in four.runs:
            mine = [row for row in rows if row["run"] == run.id]
            assert [float(r[f"val_{what}"]) for r in mine] == histories[run.id][f"val_{what}"].tolist()
            line = next(
                t for t in chart.spec["data"] if t.get("legendgroup") == run.id and t["mode"] == "lines+markers"
            )
            assert line["y"] == pytest.approx(scale * histories[run.id][f"val_{what}"].to_numpy())
            assert line["line"]["color"] == four.marks[run.id].ink


def test_a_run_has_one_colour_and_seeds_share_it(evil: Material) -> None:
    colours: dict[tuple[str, str], set[int]] = {}
    for run in evil.runs:
        colours.setdefault((run.model, run.strategy), set()).add(evil.marks[run.id].colour)
    assert all(len(found) == 1 for found in colours.values())
    assert len({next(iter(found)) for found in colours.values()}) == 4
    assert len(set(evil.marks.values())) == 12


def test_the_models_table_states_and_does_not_invent(four: Material) -> None:
    table = tables(composed(four))["models-table"]
    columns = [column.heading for column in table.columns]
    for row, info in zip(table.rows, four.catalogue.values(), strict=True):
        assert not isinstance(info, str)
        shown = dict(zip(columns, row, strict=True))
        assert (shown["acc@1"].text == "not stated") == (info.acc1 is None)
        assert shown["Parameters"].text == ("~" if "params" in info.computed else "") + f"{info.params:,}"


def test_an_unknown_backbone_is_no_fault(tmp_path: Path) -> None:
    runs = [dataclasses.replace(RUNS[0], model="nobody_knows_me")]
    page = compose(gather(make_study(tmp_path / "s", runs=runs)))
    table = tables(page)["models-table"]
    assert [cell.text for cell in table.shown[0]].count("not stated") == 7
    assert any("nobody_knows_me" in note for note in table.notes)


def test_runs_without_test_are_compared_on_validation(tmp_path: Path) -> None:
    page = compose(gather(make_study(tmp_path / "s", n_test=0)))
    assert tables(page)["pairs-table"].caption == "All pairs on validation"
    assert not [b for s in page.sections for b in s.blocks if isinstance(b, Fault)]


def test_the_command_to_make_it_again_holds_how_the_images_were_read(tmp_path: Path) -> None:
    material = gather(make_study(tmp_path / "s", runs=RUNS[:1]))
    reading = {"patient": r"(p\d+)_", "skip-unreadable": True, "no-test": False, "val-fraction": 0.3, "per-class": None}
    record = dataclasses.replace(material.study, reading=reading)
    files = dataclasses.replace(material.files, record=record)
    command = run_command(dataclasses.replace(material, files=files))
    words = shlex.split(command)
    assert words[words.index("--patient") + 1] == r"(p\d+)_"
    assert words[words.index("--val-fraction") + 1] == "0.3"
    assert "--skip-unreadable" in words
    assert not {"--no-test", "--per-class", "None", "True"} & set(words)


def test_the_reader_finds_n_seeds_settings_and_commands(evil: Material, evil_page: str) -> None:
    text = re.sub(r"<[^>]+>", "", evil_page.replace(plotly_js(), ""))
    for expected in (
        "n = 250",
        "patient bootstrap",
        "The 250 test images were scored 12 times",
        "heldout run",
        "--seeds 3",
        "--set frozen.bn=eval",
        "efficientnet_lite0 · finetune · seed 2",
        evil.study.cohort,
        evil.study.split,
        "1 file left out on request",
        "a truncated file",
        "A note on",
    ):
        assert expected in text, expected
    settings = read(tables(composed(evil))["settings-table"].sheet)
    assert {row["bn"] for row in settings} == {"train", "eval"}


def test_many_classes_stay_readable(tmp_path: Path) -> None:
    classes = tuple(f"class {i:02d}" for i in range(40))
    study = make_study(tmp_path / "s", runs=RUNS[:1], classes=classes, n_train=80, n_val=80, n_test=160)
    material = gather(study)
    chart = next(c for c in charts(compose(material)) if c.id.startswith("confusion"))
    axis = chart.spec["layout"]["xaxis"]
    assert axis["ticktext"] == list(classes[::3]) and axis["tickvals"] == list(range(0, 40, 3))
    assert "texttemplate" not in chart.spec["data"][0]
    assert len(chart.sheet.rows) == 1600
    assert len(tables(compose(material))["recalls-table"].columns) == 41


@pytest.mark.parametrize("figure", list(figures), ids=lambda figure: figure.name)
def test_every_figure_draws_plain_data(
    figure: Figure, evil: Material, told: Material, crossed: Material, stressed: Path, calibrated: Material
) -> None:
    drawn = figure.draw(evil) or figure.draw(told) or figure.draw(crossed)  # some are of two classes, or of folds
    drawn = drawn or figure.draw(gather(stressed)) or figure.draw(calibrated)
    assert drawn, "the studies of the tests have something to draw for every figure"
    for chart in drawn:
        assert chart.caption and chart.description and chart.title
        assert {"data", "layout", "height", "legend", "narrow"} == set(chart.spec)
        roles = set(re.findall(r"'(@\w+)'", str(chart.spec)))
        styles = (TEMPLATES / "page.css").read_text()
        assert all(f"--{role[1:]}:" in styles for role in roles), roles
        numbers = [x for t in chart.spec["data"] for x in t.get("x", []) if isinstance(x, float)]
        assert np.isfinite(numbers).all()


def test_csv_is_rfc_4180() -> None:
    sheet = Sheet(("a", "b"), (('say "hi", you', None), (0.1 + 0.2, True)))
    assert sheet.csv() == 'a,b\r\n"say ""hi"", you",\r\n0.30000000000000004,True\r\n'
    with pytest.raises(ValueError, match="2 values under 1 headings"):
        Sheet(("a",), ((1, 2),))


def test_a_class_that_a_spreadsheet_would_run_is_quoted_where_it_is_saved(evil: Material) -> None:
    saved = [chart.sheet.csv() for chart in charts(composed(evil))]
    assert any('"\'=""1+1"""' in text for text in saved)
    assert not any(re.search(r'(^|[,\n])"?=', text) for text in saved)
