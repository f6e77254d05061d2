"""The sections on why test is lower: what they say, what they draw, and that nothing of it sinks the page."""

from __future__ import annotations

import base64
import csv
import dataclasses
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from plotly.offline import get_plotlyjs

from heldout.records import TERMS, Diagnosis
from heldout.records._codec import write_record
from heldout.records.terms import TERM_TITLES, VERDICT_SIGNS
from heldout.report import _gallery as gallery_module
from heldout.report import build_report
from heldout.report._blocks import Block, Charts, Commands, Fault, Fold, Gallery, Headline, Page, Prose, Table
from heldout.report._definitions import DIAGNOSIS
from heldout.report._diagnosed import diagnosed
from heldout.report._diagnosed import told as told_run
from heldout.report._gallery import BYTES, MOST, SIDE
from heldout.report._material import Material, gather
from heldout.report._sections import SECTIONS
from heldout.report.figures.property_shift import class_name_id, shift
from heldout.report.figures.reliability import bins_of
from heldout.report.figures.threshold_curve import accuracies, scores
from heldout.report.page import compose, render
from heldout.stats.scores import auc_binary
from tests.report.made_diagnosis import diagnose_study, without_gap
from tests.report.studies import EVIL, embedded
from tests.report.test_page import charts, elements, read
from tests.worlds.made_study import RUNS, make_study


def section(page: Page, id_: str) -> tuple[Block, ...]:
    return next((section.blocks for section in page.sections if section.id == id_), ())


def everything(page: Page) -> list[Block]:
    """Blocks of the three sections, those in folds too."""
    found: list[Block] = []
    for id_ in ("why", "evidence", "advice"):
        for block in section(page, id_):
            found += [block, *(block.blocks if isinstance(block, Fold) else ())]
    return found


def table(page: Page, id_: str) -> Table:
    return next(block for block in everything(page) if isinstance(block, Table) and block.id == id_)


def faults(page: Page) -> list[Fault]:
    return [block for section in page.sections for block in section.blocks if isinstance(block, Fault)]


def featured(material: Material) -> Diagnosis:
    return diagnosed(material)[0].diagnosis


def with_diagnosis(material: Material, diagnosis: Diagnosis) -> Material:
    """The study with this diagnosis alone."""
    return dataclasses.replace(material, diagnoses={diagnosis.run: diagnosis})


def test_the_question_stands_right_after_the_answer(told: Material) -> None:
    assert [section.id for section in compose(told).sections][:4] == ["why", "evidence", "advice", "models"]
    assert SECTIONS[0].title == "Why is the test score lower?"


def test_without_a_diagnosis_it_says_which_command_makes_one(four: Material, four_page: str) -> None:
    page = compose(four)
    assert [type(block) for block in section(page, "why")] == [Prose, Commands]
    assert "heldout diagnose STUDY" in four_page
    assert not section(page, "evidence") and not section(page, "advice")
    assert "def-budget" not in four_page


def test_without_a_test_set_there_is_nothing_to_ask(tmp_path: Path) -> None:
    page = compose(gather(make_study(tmp_path / "s", runs=RUNS[:1], n_test=0)))
    (only,) = section(page, "why")
    assert isinstance(only, Prose) and "no test set" in only.text


def test_the_best_run_is_told_at_length_and_the_others_folded(told: Material) -> None:
    page = compose(told)
    head = next(block for block in section(page, "why") if isinstance(block, Headline))
    assert head.sentence.startswith(
        "efficientnet_lite0 (frozen): test is 9.0 points lower than validation (95\u00a0% interval 5.5 to 12.5)"
    )
    assert head.text == featured(told).summary
    assert dict((label, value) for label, value, _ in head.facts) == {
        "Validation": "94.0 %",
        "Test": "85.0 %",
        "Largest part": "6.2 points",
        "Causes established": "1",
    }
    folds = [block.summary for block in section(page, "why") if isinstance(block, Fold)]
    assert folds == [
        "efficientnet_lite0 · finetune: 16.0 points lower",
        "efficientnet_lite1 · finetune: 22.0 points lower",
    ]
    assert [row["run"] for row in read(table(page, "budgets").sheet)] == [k.diagnosis.run for k in diagnosed(told)]


def test_nothing_failed(told: Material, evil: Material) -> None:
    assert faults(compose(told)) == [] and faults(compose(evil)) == []


def test_the_waterfall_goes_from_validation_to_test_without_a_gap(told: Material) -> None:
    chart = next(chart for chart in charts(compose(told)) if chart.id == "gap-budget")
    diagnosis = featured(told)
    assert diagnosis.val_accuracy and diagnosis.test_accuracy
    rows = read(chart.sheet)
    assert [row["step"] for row in rows] == ["validation", *TERMS, "test"]
    at = diagnosis.val_accuracy.value
    for row, term in zip(rows[1:-1], diagnosis.budget, strict=True):
        assert float(row["accuracy_from"]) == pytest.approx(at)
        assert float(row["points"]) == term.points.value
        at = float(row["accuracy_to"])
    assert at == pytest.approx(diagnosis.test_accuracy.value)
    bar = next(trace for trace in chart.spec["data"] if trace["type"] == "bar")
    ends = [start + length for start, length in zip(bar["base"], bar["x"], strict=True)]
    assert ends[:-1] == pytest.approx(bar["base"][1:])
    for end, plus, minus, term in zip(
        ends, bar["error_x"]["array"], bar["error_x"]["arrayminus"], diagnosis.budget, strict=True
    ):
        start = end + term.points.value
        assert (start - end - plus, start - end + minus) == pytest.approx((term.points.low, term.points.high))
    colours = dict(zip(TERMS, bar["marker"]["color"], strict=True))
    assert (colours["threshold"], colours["prior"], colours["ranking"]) == ("@lost", "@gained", "@grey")


def test_findings_stand_in_the_order_of_the_record_with_sign_word_and_manual(told: Material, told_page: str) -> None:
    found = table(compose(told), "why-findings")
    diagnosis = featured(told)
    assert [row[0].text for row in found.rows] == [finding.cause for finding in diagnosis.findings]
    verdicts = [row[1].text for row in found.rows]
    assert verdicts == [
        "● established",
        "◐ suggested",
        "◐ suggested",
        "? not identifiable",
        "○ excluded",
        "– not applicable",
        "! failed",
    ]
    assert found.rows[0][0].link.endswith("/docs/causes/threshold.md")
    assert found.rows[0][2].text == "6.2" and found.rows[0][2].note == "3.1 to 9.3"
    assert found.rows[0][3].note == "→ Set the threshold again on a small sample of target images."
    assert "needs 62 test images read again by two blind readers" in told_page
    styles = (Path(gallery_module.__file__).parent / "templates" / "diagnosis.css").read_text()
    for tone in ("established", "suggested", "excluded", "failed"):
        assert f".tone.{tone}" in styles


def test_every_number_of_the_record_is_in_a_csv(told: Material) -> None:
    page = compose(told)
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
    rows = table(compose(told), "why-class-rows").rows
    assert [cell.text for cell in rows[0]] == ["normal", "50.0 %", "50.0 %", "–", "80.0 %", "–"]


def test_lenses_stand_apart_and_are_never_added(told: Material, told_page: str) -> None:
    page = compose(told)
    looks = table(page, "why-lens-looks")
    assert looks.caption == "What is in the images"
    assert [c.heading for c in looks.columns][1:4] == [
        "known looks, more frequent on test",
        "same looks, still worse",
        "looks that validation lacks",
    ]
    assert [row[0].note for row in looks.rows] == ["the pretrained network's features", "measured image properties"]
    assert [cell.text for cell in looks.rows[1][1:4]] == ["–", "–", "–"]
    assert table(page, "why-lens-learnable").caption == "What would fix it"
    assert "never add one to another" in told_page


def test_remedies_are_ranked_and_exploratory_ones_marked(told: Material) -> None:
    known = featured(told)
    turned = with_diagnosis(told, dataclasses.replace(known, remedies=known.remedies[::-1]))
    rows = table(compose(turned), "why-remedies").rows
    assert [row[0].text for row in rows] == ["threshold set on half of the test patients", "trained with blur"]
    assert [row[2].text for row in rows] == ["● held out", "◐ exploratory"]


def test_the_review_list_is_complete_and_blind(told: Material, told_page: str) -> None:
    found = table(compose(told), "why-review")
    rows = read(found.sheet)
    assert {row["id"]: float(row["probability"]) for row in rows} == featured(told).review
    assert {row["label"] for row in rows} == {""}
    places = dict(zip(told.cohort.table["id"], told.cohort.table["source"], strict=True))
    assert all(row["file"] == places[row["id"]] for row in rows)
    assert "Review these 62 images" in told_page


def test_galleries_show_the_cited_images_small_and_with_what_the_run_said(told: Material, told_page: str) -> None:
    made = [block for block in everything(compose(told)) if isinstance(block, Gallery)]
    assert [len(gallery.thumbs) for gallery in made] == [MOST, 10]
    known = diagnosed(told)[0]
    finding = known.diagnosis.findings[0]
    assert tuple(thumb.id for thumb in made[0].thumbs) == finding.images[:MOST]
    table_ = known.run.predictions.set_index("id")
    for thumb in made[0].thumbs:
        row = table_.loc[thumb.id]
        logits = row[["logit_0", "logit_1"]].to_numpy(dtype=np.float64)
        assert thumb.predicted == told.classes[int(row["predicted"])]
        assert thumb.truth == told.classes[int(row["label"])]
        assert thumb.right == (row["predicted"] == row["label"])
        assert thumb.probability == f"{100 * np.exp(logits).max() / np.exp(logits).sum():.0f} %"
        kind, data = thumb.picture.split(",", 1)
        assert kind == "data:image/jpeg;base64"
        assert max(Image.open(io.BytesIO(base64.b64decode(data))).size) <= SIDE
    pictures = [a["src"] or "" for tag, a in elements(told_page).tags if tag == "img"]
    assert len(pictures) == MOST + 10 and all(src.startswith("data:image/jpeg;base64,") for src in pictures)
    assert sum(map(len, pictures)) <= BYTES


def test_pictures_stop_where_the_page_would_grow_too_large(told: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery_module, "BYTES", 10_000)
    made = [block for block in everything(compose(told)) if isinstance(block, Gallery)]
    sizes = [len(thumb.picture) for gallery in made for thumb in gallery.thumbs]
    assert 0 < sum(sizes) <= 10_000 and sizes.count(0) > 20
    assert len(sizes) == MOST + 10  # the images are named all the same


def test_without_pixels_the_ids_are_shown(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:1])
    (made,) = diagnose_study(folder, pixels=False)
    html = build_report(folder)
    assert not [tag for tag, _ in elements(html).tags if tag == "img"]
    for id_ in made.findings[0].images[:MOST]:
        assert f"<code>{id_}</code></summary>" in html
    assert "pixels are no longer in the study" in html


def test_a_damaged_store_costs_the_pictures_only(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:1])
    diagnose_study(folder)
    for path in folder.glob("images/*/pixels.npy"):
        path.write_bytes(b"no array")
    page = compose(gather(folder))
    assert faults(page) == []
    assert [block for block in everything(page) if isinstance(block, Gallery)]


def test_ids_that_the_study_does_not_know_are_passed_over(told: Material) -> None:
    known = featured(told)
    finding = dataclasses.replace(known.findings[0], images=("nobody", *known.findings[0].images[:2]))
    changed = with_diagnosis(told, dataclasses.replace(known, findings=(finding,), review={"nobody": 0.5}))
    page = compose(changed)
    (gallery,) = [block for block in everything(page) if isinstance(block, Gallery)]
    assert len(gallery.thumbs) == 2
    assert faults(page) == [] and read(table(page, "why-review").sheet)[0]["id"] == "nobody"


def test_a_gap_that_covers_zero_is_said_first_and_nothing_is_explained(told: Material) -> None:
    page = compose(with_diagnosis(told, without_gap(featured(told))))
    head, *rest = section(page, "why")
    assert isinstance(head, Headline)
    assert "not distinguishable from no gap at all. There is nothing to explain" in head.sentence
    assert [label for label, _, _ in head.facts] == ["Validation", "Test"]
    assert [type(block) for block in rest] == [Fold]
    assert section(page, "evidence") == ()
    ids = [block.id for block in everything(page) if isinstance(block, Table)]
    assert "why-remedies" not in ids and "why-review" in ids
    assert not {"gap-budget", "threshold-curve", "reliability"} & {chart.id for chart in charts(page)}


def test_a_test_set_that_is_easier_is_said_as_such(told: Material) -> None:
    known = featured(told)
    assert known.gap_points
    gap = dataclasses.replace(known.gap_points, value=-5.0, low=-8.0, high=-2.0)
    page = compose(with_diagnosis(told, dataclasses.replace(known, gap_points=gap)))
    head = section(page, "why")[0]
    assert isinstance(head, Headline) and faults(page) == []
    assert head.sentence.endswith("test is 5.0 points higher than validation (95\u00a0% interval 2.0 to 8.0).")


def test_galleries_say_from_which_part_their_images_are(told: Material) -> None:
    known = featured(told)
    some = known.findings[0].images[:2]
    mixed = dataclasses.replace(known.findings[1], images=(*some, told.split.val[0]))
    ids = (dataclasses.replace(known.findings[0], images=some), mixed)
    page = compose(with_diagnosis(told, dataclasses.replace(known, findings=ids)))
    captions = [block.caption for block in everything(page) if isinstance(block, Gallery)]
    assert captions[0].startswith("Test images, most") and captions[1].startswith("Images of several parts, most")


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


@pytest.mark.parametrize("missing", [("threshold",), ("leakage", "threshold")])
def test_terms_that_were_not_measured_leave_no_hole(told: Material, missing: tuple[str, ...]) -> None:
    known = featured(told)
    kept = [term for term in known.budget if term.term not in missing]
    lost = sum(term.points.value for term in known.budget if term.term in missing)
    last = dataclasses.replace(kept[-1].points, value=kept[-1].points.value + lost, high=kept[-1].points.high + lost)
    kept[-1] = dataclasses.replace(kept[-1], points=last)
    page = compose(with_diagnosis(told, dataclasses.replace(known, budget=tuple(kept))))
    assert faults(page) == []
    rows = read(next(chart for chart in charts(page) if chart.id == "gap-budget").sheet)
    assert len(rows) == len(kept) + 2
    assert float(rows[-2]["accuracy_to"]) == pytest.approx(float(rows[-1]["accuracy_to"]))


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
    assert EVIL not in render(page).replace(get_plotlyjs(), "")


def test_a_diagnosis_of_another_run_is_not_taken_for_this_one(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:2])
    made = diagnose_study(folder)
    write_record(folder / "diagnosis" / f"{made[0].run}.json", made[1])
    (fault,) = faults(compose(gather(folder)))
    assert made[1].run in fault.reason


def test_a_property_table_that_is_none_costs_its_figure_only(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:1])
    diagnose_study(folder)
    (path,) = folder.glob("quality/*.parquet")
    path.write_bytes(b"nothing")
    page = compose(gather(folder))
    assert [fault.title for fault in faults(page)] == ["Figure «What the images look like»"]
    assert {"gap-budget", "threshold-curve", "reliability"} <= {chart.id for chart in charts(page)}
    path.unlink()
    assert faults(compose(gather(folder))) == []


def test_the_shifted_property_is_drawn_first_with_all_its_images(told: Material) -> None:
    drawn = [chart for chart in charts(compose(told)) if chart.id.startswith("property-")]
    assert {chart.title.split(",")[0] for chart in drawn[:2]} == {"Sharpness"}
    assert not any("Colour" in chart.title for chart in drawn), "what never varies is not drawn"
    assert "blurrier" in drawn[0].caption
    rows = read(drawn[0].sheet)
    labels = told.cohort.table.set_index("id")["label"]
    for part in ("train", "val", "test"):
        images = sum(int(row["images"]) for row in rows if row["split"] == part)
        assert images == (labels.loc[list(told.split.part(part))] == rows[0]["class"]).sum()
    (path,) = told.folder.glob("quality/*.parquet")
    values = pd.read_parquet(path).set_index("id")["sharpness"]
    sides = {
        part: values.loc[[i for i in told.split.part(part) if labels[i] == rows[0]["class"]]].to_numpy()
        for part in ("val", "test")
    }
    both = np.concatenate([sides["test"], sides["val"]])
    expected = auc_binary(np.arange(len(both)) < len(sides["test"]), both)
    assert shift(sides) == pytest.approx(expected)


def test_the_threshold_curve_is_the_accuracy_at_each_cut(told: Material) -> None:
    chart = next(chart for chart in charts(compose(told)) if chart.id == "threshold-curve")
    run = diagnosed(told)[0].run
    test = run.predictions[run.predictions["split"] == "test"]
    margin = (test["logit_1"] - test["logit_0"]).to_numpy(dtype=np.float64)
    for row in read(chart.sheet)[-161::20]:
        assert row["split"] == "test"
        direct = ((margin > float(row["cut_log_odds"])) == (test["label"] == 1).to_numpy()).mean()
        assert float(row["accuracy"]) == pytest.approx(direct)
    at = min(read(chart.sheet)[-161:], key=lambda row: abs(float(row["cut_log_odds"])))
    assert float(at["accuracy"]) == pytest.approx(run.row.test.accuracy.value if run.row.test else 0)


def test_validation_is_weighted_to_the_shares_of_test_on_the_threshold_curve() -> None:
    margin, positive = np.array([-1.0, 2.0, 3.0, -2.0]), np.array([True, True, True, False])
    at_zero = accuracies(margin, positive, 0.5, np.array([0.0]))
    assert at_zero == pytest.approx([0.5 * 2 / 3 + 0.5 * 1.0])


def test_more_classes_have_no_threshold_curve(evil: Material) -> None:
    assert told_run(evil) is not None
    assert "threshold-curve" not in {chart.id for chart in charts(compose(evil))}


def test_the_reliability_bins_hold_every_image_once(told: Material, evil: Material) -> None:
    for material in (told, evil):
        run = diagnosed(material)[0].run
        for part in ("val", "test"):
            bins = bins_of(run, part, len(material.classes))
            assert sum(b[6] for b in bins) == len(material.split.part(part))
            hits = sum(round(b[3] * b[6]) for b in bins)
            rows = run.predictions[run.predictions["split"] == part]
            assert hits == (rows["label"] == rows["predicted"]).sum()
            for start, end, mean, right, low, high, _ in bins:
                assert start - 1e-9 <= mean <= end + 1e-9 and low <= right <= high


def test_domain_aucs_stand_against_chance_where_it_is_known(told: Material) -> None:
    rows = read(next(chart for chart in charts(compose(told)) if chart.id == "domain-auc").sheet)
    assert [(row["class"], row["domain_auc"], row["null_max"]) for row in rows] == [
        ("normal", "0.81", "0.58"),
        ("pneumonia", "0.97", ""),
    ]
    no_lens = with_diagnosis(told, dataclasses.replace(featured(told), lenses=()))
    (row,) = read(next(chart for chart in charts(compose(no_lens)) if chart.id == "domain-auc").sheet)
    assert (row["class"], row["domain_auc"]) == ("normal", "0.81")
    bare = dataclasses.replace(featured(told), lenses=(), findings=())
    assert "domain-auc" not in {chart.id for chart in charts(compose(with_diagnosis(told, bare)))}


def test_ids_of_figures_are_plain_and_one_a_class() -> None:
    names = ["normal", "a b", "a-b", "<script>", "%script%", "ä", "ö"]
    ids = [class_name_id(name) for name in names]
    assert len(set(ids)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9-]+", id_) for id_ in ids)


def test_hostile_texts_stay_text(evil: Material, evil_page: str) -> None:
    assert len(diagnosed(evil)) == 12
    text = evil_page.replace(get_plotlyjs(), "")
    assert EVIL not in text
    for word in ("blurrier", "Set the threshold again", "how threshold was measured", "Site is not known"):
        assert f"{word}" in text
    assert text.count("&lt;script&gt;alert(1)") > 100
    for chart in charts(compose(evil)):
        assert "<script" not in str(chart.spec)


def test_ids_on_the_page_are_one_each_and_links_arrive(told: Material, told_page: str) -> None:
    text = told_page.replace(get_plotlyjs(), "")
    identities = re.findall(r'\sid="([^"]+)"', text)
    assert len(identities) == len(set(identities))
    targets = {a["href"][1:] for tag, a in elements(told_page).tags if tag == "a" and (a["href"] or "").startswith("#")}
    assert targets <= set(identities)
    assert {term.id for term in DIAGNOSIS} <= set(identities)
    for block in everything(compose(told)):
        if isinstance(block, Table | Gallery):
            assert embedded(told_page, block.id)["csv"] == block.sheet.csv()


def test_equal_studies_give_equal_pages_and_stay_small(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:2])
    bare = len(build_report(folder))
    diagnose_study(folder)
    page = build_report(folder)
    assert page == build_report(folder)
    assert len(page) - bare < 1_500_000


def test_csvs_have_no_ragged_rows(told: Material) -> None:
    page = compose(told)
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


def test_scores_are_the_difference_of_logits(told: Material) -> None:
    margin, positive = scores(told.runs[0], "test")
    assert len(margin) == len(positive) == len(told.split.test)
    assert ((margin > 0) == (told.runs[0].predictions.query("split == 'test'")["predicted"] == 1)).all()
