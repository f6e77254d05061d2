"""What a notebook shows of a study, a comparison and diagnoses: the answer first, escaped, in its own box."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from heldout.answer import comparison_sentences, headline, names_in
from heldout.answer.names import RunIdentity, run_names
from heldout.answer.texts import percent, percent_range
from heldout.notebook import of_study
from heldout.records import Comparison, Diagnoses, Diagnosis, Estimate
from heldout.records.codec import read_record
from heldout.records.comparison import Choosing, FoldPair
from heldout.runs.compare import compare
from heldout.study import Study
from tests.notebook.conftest import study_in
from tests.notebook.markup import Markup, check_harmless
from tests.report.made_diagnosis import without_gap
from tests.report.studies import EVIL, EVIL_CLASSES, drop_run
from tests.worlds.made_study import RUNS, make_study


def page_of(record: Comparison | Diagnosis | Diagnoses | Study) -> Markup:
    html = record._repr_html_()
    assert html is not None
    page = Markup(html)
    check_harmless(page)
    return page


def test_a_comparison_answers_before_its_table(comparison: Comparison) -> None:
    page = page_of(comparison)
    said = comparison_sentences(comparison, names_in(comparison))
    assert tuple(page.texts[: len(said)]) == said
    for row in comparison.runs:
        assert row.test is not None
        value = page.texts.index(percent_range(row.test.accuracy))
        assert page.texts[value - 1] == percent(row.test.accuracy.value), "an interval stands under its value"
    assert "always 'normal', the commonest class" in page.texts
    assert "1 of 3 pairs of runs can be told apart" in page.texts


def test_folds_and_seeds_are_told_where_there_are_any(comparison: Comparison) -> None:
    a, b = comparison.runs[:2]
    points = Estimate(-2.0, -5.0, 1.0, 80, "corrected resampled t, 6 folds")
    pair = FoldPair(a.model, a.strategy, b.model, b.strategy, 3, 2, points, 0.04, 0.08, "not distinguishable")
    chosen = Choosing(0, (a.id, a.id, b.id), Estimate(0.8, 0.7, 0.9, 80, "Wilson"))
    group = replace(comparison.groups[0], seeds=(0, 1), test_accuracy=0.8, test_spread_points=1.25)
    crossed = replace(comparison, fold_pairs=(pair,), choosing=(chosen,), groups=(group, *comparison.groups[1:]))
    texts, plain = page_of(crossed).texts, page_of(comparison).texts
    assert "Out of fold 0 of 1 pair can be told apart" in texts
    assert "Pairs out of fold (6 folds), difference in points" in texts
    assert "efficientnet_lite0 · finetune (2×), efficientnet_lite0 · frozen (1×)" in texts
    assert "80.0 % ± 1.2" in texts
    assert not {"Over seeds", "Out of fold 0 of 1 pair can be told apart"} & set(plain)


def test_plainer_forms_say_the_same(comparison: Comparison, told: Diagnoses) -> None:
    markdown, lines = comparison._repr_markdown_(), []
    assert markdown is not None

    class Printer:
        text = staticmethod(lines.append)

    comparison._repr_pretty_(Printer(), cycle=False)
    first = comparison_sentences(comparison, names_in(comparison))[0]
    assert "".join(lines).startswith(first)
    assert "85.0 % (75.3–91.3)" in "".join(lines)
    assert markdown.splitlines()[4].startswith("| run | train | validation | test |")
    assert told[0].summary in (told[0]._repr_markdown_() or "")
    assert repr(comparison).startswith("Comparison(runs="), "what is printed stays the record"


@pytest.mark.parametrize("what", ["comparison", "diagnosis", "study"])
def test_names_of_other_people_run_nothing(evil_folder: Path, what: str) -> None:
    made: dict[str, Comparison | Diagnosis | Study] = {
        "comparison": compare(evil_folder, bootstrap=200),
        "diagnosis": read_record(Diagnosis, next(iter(sorted(evil_folder.glob("diagnosis/*.json"))))),
        "study": study_in(evil_folder),
    }
    page, markdown = page_of(made[what]), made[what]._repr_markdown_()
    assert EVIL in page.text, "the trap was shown, as text"
    assert what != "study" or set(EVIL_CLASSES) <= set(page.texts)
    assert markdown is not None and "<script" not in markdown and "<img" not in markdown


def test_the_budget_is_drawn_to_scale(told: Diagnoses) -> None:
    diagnosis = told[0]
    page = page_of(diagnosis)
    assert page.texts[0] == headline(diagnosis, spoken(diagnosis)) and page.texts[1] == diagnosis.summary
    bars = page.bars()
    kinds = [kind.removeprefix("heldout-") for kind, _, _ in bars]
    assert kinds == ["whole", "lost", "gained", "lost", "lost", "whole"], "terms of 0 points have no bar"
    moved = {term.term: term.points.value for term in diagnosis.budget if term.points.value}
    lengths = dict(zip(moved, (end - begin for _, begin, end in bars[1:-1]), strict=True))
    for term, points in moved.items():
        assert lengths[term] / lengths["ranking"] == pytest.approx(abs(points) / moved["ranking"], abs=0.01)
    at = bars[0][2]
    for kind, begin, end in bars[1:-1]:
        begun, left = (end, begin) if kind == "heldout-lost" else (begin, end)
        assert begun == pytest.approx(at, abs=0.02), "each begins where the one above ends"
        at = left
    assert bars[-1][2] == pytest.approx(at, abs=0.02), "what is left is test"


def spoken(diagnosis: Diagnosis) -> str:
    known = RunIdentity(diagnosis.run, diagnosis.model, diagnosis.strategy, diagnosis.seed)
    return run_names([known])[diagnosis.run].spoken


def test_causes_have_a_sentence_each_and_verdicts_a_sign(told: Diagnoses) -> None:
    page = page_of(told[0])
    for finding in told[0].findings:
        said = finding.sentence if finding.verdict in ("established", "suggested") else finding.cause
        assert said in page.text
    assert {"● Established", "○ Excluded", "? Not identifiable", "– Not applicable", "! Failed"} & set(page.texts) == {
        "○ Excluded",
        "? Not identifiable",
        "– Not applicable",
        "! Failed",
    }


def test_where_there_is_no_gap_nothing_is_explained(told: Diagnoses) -> None:
    page = page_of(without_gap(told[0]))
    assert "There is nothing to explain." in page.texts[0]
    assert page.bars() == [] and "What was found" not in page.texts


def test_several_diagnoses_are_a_tuple_that_shows_each(told: Diagnoses) -> None:
    assert isinstance(told, tuple) and told == tuple(told) and told[1].run == list(told)[1].run
    page = page_of(told)
    names = run_names([RunIdentity(one.run, one.model, one.strategy, one.seed) for one in told])
    for one in told:
        assert headline(one, names[one.run].spoken) in page.texts
    assert page_of(Diagnoses()).texts == ["No run was diagnosed."]


def test_of_several_labels_it_is_told_which_loses_most(told: Diagnoses) -> None:
    diagnoses = Diagnoses([replace(without_gap(told[0]), label="mass"), replace(told[0], label="<b>oedema")])
    page = page_of(diagnoses)
    assert page.texts[0].endswith(
        "Of 2 labels 1 loses accuracy from validation to test: <b>oedema (+16.0 points, +12.5 to +19.5)."
    )
    table = page.texts[page.texts.index("why") :]
    assert table.index("<b>oedema") < table.index("mass"), "the one that loses most stands first"


def test_a_study_that_was_not_trained_is_looked_at_without_doing_anything(tmp_path: Path) -> None:
    study = Study("nowhere/at/all", ["efficientnet_lite0"], ["frozen", "probe"], out=tmp_path / "study", seeds=2)
    page = page_of(study)
    assert "efficientnet_lite0 with frozen and probe, 2 seeds: 4 runs planned." in page.texts[0]
    assert not (tmp_path / "study").exists()


def test_a_study_says_how_far_it_is_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_study(tmp_path / "study", runs=RUNS[:3])
    drop_run(folder, 2)
    page, said = page_of(study_in(folder)), comparison_sentences(compare(folder), names_in(compare(folder)))
    assert tuple(page.texts[: len(said)]) == said
    assert "2 of 3 planned runs finished. study.run() goes on from there." in page.texts[len(said)]
    assert "620 images of 238 patients, by part" in page.texts

    def never(study: object) -> None:
        raise AssertionError("a large study is not compared by looking at it")

    monkeypatch.setattr(of_study, "AT_ONCE", 100)
    monkeypatch.setattr(of_study, "compare_study", never)
    texts = page_of(study_in(folder)).texts
    assert "study.compare() says which run is best, study.diagnose() why test is lower." in texts
    assert "efficientnet_lite0" in texts


def test_a_damaged_folder_is_told_not_raised(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "study", runs=RUNS[:1])
    (folder / "split.parquet").write_bytes(b"no table")
    page = page_of(study_in(folder))
    assert "Its folder cannot be shown." in page.texts and "split.parquet" in page.text


def test_importing_the_package_imports_no_notebook() -> None:
    code = (
        "import sys, heldout\n"
        "assert not {'IPython', 'ipywidgets', 'anywidget', 'jinja2', 'numpy', 'pandas'} & set(sys.modules)\n"
        "from heldout.records import Diagnoses\n"
        "assert 'No run was diagnosed' in Diagnoses()._repr_html_()\n"
        "assert 'IPython' not in sys.modules and 'torch' not in sys.modules\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
