"""The sections on why test is lower: what they say, and that nothing of it sinks the page."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from pathlib import Path

from heldout.answer.why import headline
from heldout.records import TermStatus
from heldout.records.codec import write_record
from heldout.records.terms import TERM_TITLES, VERDICT_SIGNS
from heldout.report import build_report
from heldout.report import gallery as gallery_module
from heldout.report.blocks import (
    Causes,
    Chart,
    Charts,
    Commands,
    Fold,
    Gallery,
    Headline,
    Prose,
    Table,
)
from heldout.report.bundle import plotly_js
from heldout.report.definitions_diagnosis import DIAGNOSIS
from heldout.report.figures.gap_budget import said_of
from heldout.report.gallery import MOST_OF_OTHERS
from heldout.report.material import Material, gather
from heldout.report.page import compose, render
from tests.report.made_diagnosis import diagnose_study, without_gap
from tests.report.pages import (
    charts,
    composed,
    elements,
    everything,
    faults,
    featured,
    read,
    section,
    table,
    with_diagnosis,
)
from tests.report.studies import EVIL, embedded
from tests.worlds.made_study import RUNS, make_study


def test_the_question_stands_right_after_the_answer(told: Material) -> None:
    found = [section.id for section in composed(told).sections][:6]
    assert found == ["why", "subgroups", "evidence", "other-runs", "advice", "models"]
    assert composed(told).sections[0].title == "Why is the test score lower?"


def test_without_a_diagnosis_it_says_which_command_makes_one(four: Material, four_page: str) -> None:
    page = composed(four)
    assert [type(block) for block in section(page, "why")] == [Prose, Commands]
    assert "heldout diagnose STUDY" in four_page
    assert not section(page, "evidence") and not section(page, "advice")
    assert "def-budget" not in four_page


def test_without_a_test_set_there_is_nothing_to_ask(tmp_path: Path) -> None:
    page = compose(gather(make_study(tmp_path / "s", runs=RUNS[:1], n_test=0)))
    (only,) = section(page, "why")
    assert isinstance(only, Prose) and "no test set" in only.text


def test_the_best_run_is_told_at_length_and_the_others_folded(told: Material) -> None:
    page = composed(told)
    head = next(block for block in section(page, "why") if isinstance(block, Headline))
    assert head.sentence == headline(featured(told), "efficientnet_lite0 (frozen)")
    assert head.text == featured(told).summary
    assert dict((label, value) for label, value, _ in head.facts) == {
        "Validation": "94.0 %",
        "Test": "85.0 %",
        "Largest part": "6.2 points",
        "Causes established": "1",
    }
    folds = [block for block in section(page, "other-runs") if isinstance(block, Fold)]
    assert [fold.summary for fold in folds] == [
        "efficientnet_lite0 · finetune: 16.0 points lower",
        "efficientnet_lite1 · finetune: 22.0 points lower",
    ]
    budgets = next(block for block in section(page, "other-runs") if isinstance(block, Table))
    assert [row["run"] for row in read(budgets.sheet)] == [known.run for known in told.diagnosed]


def test_every_run_with_a_gap_has_its_figures_causes_and_galleries(told: Material) -> None:
    page = composed(told)
    folds = [block for block in section(page, "other-runs") if isinstance(block, Fold)]
    for fold, diagnosis in zip(folds, told.diagnosed[1:], strict=True):
        drawn = [block.id for block in fold.blocks if isinstance(block, Chart)]
        kinds = ("gap-budget", "subgroup-gaps", "threshold-curve", "reliability", "domain-auc")
        assert drawn == [f"{kind}-{diagnosis.run}" for kind in kinds]
        rows = read(next(block for block in fold.blocks if isinstance(block, Chart)).sheet)
        assert {row["run"] for row in rows} == {diagnosis.run}
        assert not [block for block in fold.blocks if isinstance(block, Charts)], "properties of images stand once"
        made = [block for block in fold.blocks if isinstance(block, Gallery)]
        assert [len(gallery.thumbs) for gallery in made] == [MOST_OF_OTHERS, 10]
        assert all(thumb.picture for gallery in made for thumb in gallery.thumbs)
        assert [block for block in fold.blocks if isinstance(block, Causes)]
    gone = dataclasses.replace(told.diagnosed[1], explained=False)
    changed = dataclasses.replace(told, diagnoses={**told.diagnoses, gone.run: gone})
    (without, _) = [block for block in section(compose(changed), "other-runs") if isinstance(block, Fold)]
    assert {type(block) for block in without.blocks} == {Headline, Table}, "nothing is drawn where nothing is explained"


def test_a_cause_is_one_sentence_with_its_evidence(told: Material) -> None:
    page, known = composed(told), featured(told)
    (causes,) = [block for block in section(page, "why") if isinstance(block, Causes)]
    first, second, third = causes.causes
    assert (first.sign, first.title, first.points) == (
        "● established",
        "The line between the classes",
        "6.2 [3.1, 9.3] points",
    )
    assert [cause.link for cause in (first, second)] == ["#why-images-threshold", "#why-images-image-quality"]
    assert third.link == "#why-findings", "no images, so where all of it stands"
    assert third.sentence == known.findings[2].sentence
    assert [sign for sign, _ in causes.rest] == ["? not identifiable", "○ excluded", "– not applicable", "! failed"]
    assert "threshold set on half of the test patients, +6.0 points [2.0, 10.0] on test" in causes.tried
    told_twice = dataclasses.replace(known.findings[0], sentence="It costs 6.2 points. More of it stands below.")
    changed = with_diagnosis(told, dataclasses.replace(known, findings=(told_twice, *known.findings[1:])))
    (causes,) = [block for block in section(compose(changed), "why") if isinstance(block, Causes)]
    assert causes.causes[0].sentence == "It costs 6.2 points."
    assert table(compose(changed), "why-findings").shown[0][3].text == told_twice.sentence


def test_without_a_gap_of_the_best_run_the_others_are_still_told(told: Material) -> None:
    known = featured(told)
    page = compose(dataclasses.replace(told, diagnoses={**told.diagnoses, known.run: without_gap(known)}))
    assert section(page, "evidence") == ()
    folds = [block for block in section(page, "other-runs") if isinstance(block, Fold)]
    pictures = [[b for b in fold.blocks if isinstance(b, Gallery)] for fold in folds]
    assert len(folds) == 2 and all(len(made) == 2 for made in pictures)
    grids = [[b for b in fold.blocks if isinstance(b, Charts)] for fold in folds]
    assert [len(found) for found in grids] == [1, 0], "what was measured on the images stands with the first"
    assert all(chart.id.endswith(told.diagnosed[1].run) for chart in grids[0][0].charts)


def test_nothing_failed(told: Material, evil: Material) -> None:
    assert faults(composed(told)) == [] and faults(composed(evil)) == []


def test_findings_stand_in_the_order_of_the_record_with_sign_word_and_manual(told: Material) -> None:
    found = table(composed(told), "why-findings")
    diagnosis = featured(told)
    assert [row[0].text for row in found.shown] == [finding.cause for finding in diagnosis.findings]
    verdicts = [row[1].text for row in found.shown]
    assert verdicts == [
        "● established",
        "◐ suggested",
        "◐ suggested",
        "? not identifiable",
        "○ excluded",
        "– not applicable",
        "! failed",
    ]
    assert found.shown[0][0].link.endswith("/docs/causes/threshold.md")
    assert found.shown[0][2].text == "6.2" and found.shown[0][2].note == "3.1 to 9.3"
    assert found.shown[0][3].note == "→ Set the threshold again on a small sample of target images."
    assert [bool(row[1].note) for row in found.shown] == [False, False, False, True, True, False, False]
    styles = (Path(gallery_module.__file__).parent / "templates" / "diagnosis.css").read_text()
    for tone in ("established", "suggested", "excluded", "failed"):
        assert f".tone.{tone}" in styles


def test_causes_that_lack_the_same_stand_in_one_row(told: Material) -> None:
    diagnosis = featured(told)
    open_ = next(finding for finding in diagnosis.findings if finding.verdict == "not identifiable")
    lacking = [
        dataclasses.replace(open_, code=name, cause=name.title(), shared_reason="the experiments were switched off")
        for name in ("blur", "token", "norm")
    ]
    more = dataclasses.replace(diagnosis, findings=(*diagnosis.findings, *lacking))
    found = table(compose(with_diagnosis(told, more)), "why-findings")
    assert len(found.shown) == len(diagnosis.findings) + 1
    last = found.shown[-1]
    assert last[0].text == "Blur, Token and Norm" and last[1].text == "? not identifiable" and last[1].note == ""
    assert last[-1].text == "Not judged, since the experiments were switched off: Blur, Token, Norm."
    assert len({len([value for cell in row for value in cell.values]) for row in found.rows}) == 1, "no ragged row"


def test_every_number_of_the_record_is_in_a_csv(told: Material) -> None:
    page = composed(told)
    diagnosis = featured(told)
    numbers = {row["quantity"]: row for row in read(table(page, "why-numbers").sheet)}
    estimates = {f"term {t.term}": t.points for t in diagnosis.budget}
    estimates |= {f.cause: f.points for f in diagnosis.findings if f.points}
    estimates |= {r.name: r.gain_points for r in diagnosis.remedies}
    for name, estimate in estimates.items():
        row = numbers[name]
        assert [float(row[key]) for key in ("points", "low", "high")] == [estimate.value, estimate.low, estimate.high]
        assert (int(row["n"]), row["method"]) == (estimate.n, estimate.method)
        assert (row["bootstrap"], row["seed"]) == ("1000", "7")
    named = {(row["code"], row["name"]): float(row["value"]) for row in read(table(page, "why-named-numbers").sheet)}
    for finding in diagnosis.findings:
        for name, value in finding.numbers.items():
            assert named[(finding.code, name)] == value
    intro = next(b for b in everything(page) if isinstance(b, Prose) and "bootstrap" in b.text)
    assert "B = 1,000 replicates, seed 7" in intro.text


def test_classes_without_a_recall_are_left_open(told: Material) -> None:
    rows = table(composed(told), "why-class-rows").shown
    assert [cell.text for cell in rows[0]] == ["normal", "50.0 %", "50.0 %", "–", "80.0 %", "–", "–", "–"]


def test_lenses_stand_apart_and_are_never_added(told: Material, told_page: str) -> None:
    page = composed(told)
    appearance = table(page, "why-lens-appearance")
    assert appearance.caption == "What is in the images"
    assert [c.heading for c in appearance.headings][1:4] == [
        "known appearance, more frequent on test",
        "same appearance, still worse",
        "appearance that validation lacks",
    ]
    notes = [row[0].note for row in appearance.shown]
    assert notes == [
        "the pretrained network's features",
        "measured image properties",
    ]
    assert [cell.text for cell in appearance.shown[1][1:4]] == ["–", "–", "–"]
    assert table(page, "why-lens-learnable").caption == "What would fix it"
    assert "never add one to another" in told_page


def test_remedies_are_ranked_and_exploratory_ones_marked(told: Material) -> None:
    known = featured(told)
    turned = with_diagnosis(told, dataclasses.replace(known, remedies=known.remedies[::-1]))
    rows = table(compose(turned), "why-remedies").shown
    assert [row[0].text for row in rows] == ["threshold set on half of the test patients", "trained with blur"]
    assert [row[2].text for row in rows] == ["● held out", "◐ exploratory"]


def test_the_review_list_is_complete_and_blind(told: Material, told_page: str) -> None:
    found = table(composed(told), "why-review")
    rows = read(found.sheet)
    assert {row["id"]: float(row["probability"]) for row in rows} == featured(told).review
    assert {row["label"] for row in rows} == {""}
    places = dict(zip(told.cohort.table["id"], told.cohort.table["source"], strict=True))
    assert all(row["file"] == places[row["id"]] for row in rows)
    assert "Review these 62 images" in told_page


def test_a_gap_that_covers_zero_is_said_first_and_nothing_is_explained(told: Material) -> None:
    page = compose(with_diagnosis(told, without_gap(featured(told))))
    head, *rest = section(page, "why")
    assert isinstance(head, Headline)
    assert head.sentence == headline(without_gap(featured(told)), "efficientnet_lite0 (frozen)")
    assert [label for label, _, _ in head.facts] == ["Validation", "Test"]
    assert [type(block) for block in rest] == [Fold]
    assert section(page, "evidence") == ()
    ids = [block.id for block in everything(page) if isinstance(block, Table)]
    assert "why-remedies" not in ids and "why-review" in ids
    assert not {"gap-budget", "threshold-curve", "reliability"} & {chart.id for chart in charts(page)}


def test_a_run_whose_gap_cannot_be_taken_apart_has_its_reason(told: Material) -> None:
    bare = dataclasses.replace(
        featured(told),
        val_accuracy=None,
        gap_points=None,
        explained=False,
        summary="Not identifiable: needs validation images.",
        budget=(),
        classes=(),
        lenses=(),
        findings=(),
        remedies=(),
        review={},
        limits=(),
    )
    page = compose(with_diagnosis(told, bare))
    html = render(page)
    assert faults(page) == []
    assert "needs validation images" in html and "no gap that could be explained" in html


def test_a_diagnosis_that_cannot_be_read_is_a_fault_in_its_place(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:3])
    made = diagnose_study(folder)
    (folder / "diagnosis" / f"{made[0].run}.json").write_text("{")
    path = folder / "diagnosis" / f"{made[1].run}.json"
    data = json.loads(path.read_text())
    data["budget"][0]["points"] = EVIL
    path.write_text(json.dumps(data))
    page = compose(gather(folder))
    assert sorted(fault.title for fault in faults(page)) == sorted(f"The diagnosis {made[i].run}" for i in (0, 1))
    assert all(str(tmp_path) not in fault.reason for fault in faults(page)), "no path of this machine"
    assert any(isinstance(block, Headline) for block in section(page, "why")), "the third run is told"
    assert EVIL not in render(page).replace(plotly_js(), "")


def test_a_diagnosis_of_another_run_is_not_taken_for_this_one(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:2])
    made = diagnose_study(folder)
    write_record(folder / "diagnosis" / f"{made[0].run}.json", made[1])
    (fault,) = faults(compose(gather(folder)))
    assert made[1].run in fault.reason


def test_hostile_texts_stay_text(evil: Material, evil_page: str) -> None:
    assert len(evil.diagnosed) == 12
    text = evil_page.replace(plotly_js(), "")
    assert EVIL not in text
    for word in ("blurrier", "Set the threshold again", "how threshold was measured", "Site is not known"):
        assert f"{word}" in text
    assert text.count("&lt;script&gt;alert(1)") > 100
    for chart in charts(composed(evil)):
        assert "<script" not in str(chart.spec)


def test_ids_on_the_page_are_one_each_and_links_arrive(told: Material, told_page: str) -> None:
    text = told_page.replace(plotly_js(), "")
    identities = re.findall(r'\sid="([^"]+)"', text)
    assert len(identities) == len(set(identities))
    targets = {a["href"][1:] for tag, a in elements(told_page).tags if tag == "a" and (a["href"] or "").startswith("#")}
    assert targets <= set(identities)
    assert {term.id for term in DIAGNOSIS} <= set(identities)
    for block in everything(composed(told)):
        if isinstance(block, Table | Gallery):
            assert embedded(told_page, block.id)["csv"] == block.sheet.csv()


def test_equal_studies_give_equal_pages_and_stay_small(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:2])
    bare = len(build_report(folder))
    diagnose_study(folder)
    page = build_report(folder)
    assert page == build_report(folder)
    assert len(page) - bare < 1_500_000 and len(page.encode()) < 3_000_000


def test_csvs_have_no_ragged_rows(told: Material) -> None:
    page = composed(told)
    sheets = [block.sheet for block in everything(page) if isinstance(block, Table | Gallery)]
    sheets += [chart.sheet for block in everything(page) if isinstance(block, Charts) for chart in block.charts]
    for sheet in sheets:
        header, *rows = csv.reader(io.StringIO(sheet.csv(), newline=""))
        assert rows and all(len(row) == len(header) for row in rows)


def test_the_manual_names_every_term_verdict_and_sign() -> None:
    text = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    for term, title in TERM_TITLES.items():
        assert f"| {term} | {title} |" in text
    for verdict, sign in VERDICT_SIGNS.items():
        assert re.search(rf"^\| {verdict}.*\| {re.escape(sign)} \|", text, re.MULTILINE), verdict


def test_a_term_that_was_not_measured_has_no_number(told: Material) -> None:
    diagnosis = told.told
    assert diagnosis is not None
    budget = tuple(
        dataclasses.replace(one, status=TermStatus.NOT_MEASURED) if one.term == "leakage" else one
        for one in diagnosis.budget
    )
    page = compose(with_diagnosis(told, dataclasses.replace(diagnosis, budget=budget)))
    shown = {row[0].text: (row[1].text, row[1].note) for row in table(page, "why-budget-table").shown}
    assert shown[TERM_TITLES["leakage"]] == ("–", "not measured")
    assert shown[TERM_TITLES["labels"]] == ("0.0", "0.0 to 2.1")
    assert [said_of(one) for one in budget if one.term == "leakage"] == ["not measured"]
