"""What the sections on the gap draw and show: waterfall, galleries, distributions, curves."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from heldout.records import USUAL_TERMS
from heldout.report import build_report
from heldout.report import gallery as gallery_module
from heldout.report.blocks import (
    Gallery,
)
from heldout.report.figures.property_shift import class_name_id, shift
from heldout.report.figures.reliability import bins_of
from heldout.report.figures.threshold_curve import accuracies, scores
from heldout.report.gallery import BYTES, MOST, MOST_OF_OTHERS, SIDE
from heldout.report.material import Material, gather
from heldout.report.page import compose
from heldout.stats.scores import auc_binary
from tests.report.made_diagnosis import diagnose_study
from tests.report.pages import (
    charts,
    composed,
    elements,
    everything,
    faults,
    featured,
    read,
    table,
    with_diagnosis,
)
from tests.worlds.made_study import RUNS, make_study


def test_the_waterfall_goes_from_validation_to_test_without_a_gap(told: Material) -> None:
    chart = next(chart for chart in charts(composed(told)) if chart.id == "gap-budget")
    diagnosis = featured(told)
    assert diagnosis.val_accuracy and diagnosis.test_accuracy
    rows = read(chart.sheet)
    assert [row["step"] for row in rows] == ["validation", *USUAL_TERMS, "test"]
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
    colours = dict(zip(USUAL_TERMS, bar["marker"]["color"], strict=True))
    assert (colours["threshold"], colours["prior"], colours["ranking"]) == ("@lost", "@gained", "@grey")


def test_galleries_show_the_cited_images_small_and_with_what_the_run_said(told: Material, told_page: str) -> None:
    made = [block for block in everything(composed(told)) if isinstance(block, Gallery)]
    assert [len(gallery.thumbs) for gallery in made] == [MOST, 10]
    known = featured(told)
    finding = known.findings[0]
    assert tuple(thumb.id for thumb in made[0].thumbs) == finding.images[:MOST]
    table_ = pd.read_parquet(told.run(known.run).folder / "predictions.parquet").set_index("id")
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
    assert len(pictures) == MOST + 10 + 2 * (MOST_OF_OTHERS + 10) and all(
        src.startswith("data:image/jpeg;base64,") for src in pictures
    )
    assert sum(map(len, pictures)) <= BYTES


def test_pictures_stop_where_the_page_would_grow_too_large(told: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery_module, "BYTES", 20_000)  # half of it for the best run
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


def test_galleries_say_from_which_part_their_images_are(told: Material) -> None:
    known = featured(told)
    some = known.findings[0].images[:2]
    mixed = dataclasses.replace(known.findings[1], images=(*some, told.split.val[0]))
    ids = (dataclasses.replace(known.findings[0], images=some), mixed)
    page = compose(with_diagnosis(told, dataclasses.replace(known, findings=ids)))
    captions = [block.caption for block in everything(page) if isinstance(block, Gallery)]
    assert captions[0].startswith("Test images, most") and captions[1].startswith("Images of several parts, most")


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


def test_a_property_table_that_is_none_costs_its_figure_only(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:1])
    diagnose_study(folder)
    (path,) = folder.glob("quality/*.parquet")
    path.write_bytes(b"nothing")
    page = compose(gather(folder))
    assert [fault.title for fault in faults(page)] == ["Figure «Measured properties of the images»"]
    assert {"gap-budget", "threshold-curve", "reliability"} <= {chart.id for chart in charts(page)}
    path.unlink()
    assert faults(compose(gather(folder))) == []


def test_the_shifted_property_is_drawn_first_with_all_its_images(told: Material) -> None:
    drawn = [chart for chart in charts(composed(told)) if chart.id.startswith("property-")]
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
    chart = next(chart for chart in charts(composed(told)) if chart.id == "threshold-curve")
    run = told.row(featured(told).run)
    test = told.predictions(run.id, "test")
    margin = test.logits[:, 1] - test.logits[:, 0]
    for row in read(chart.sheet)[-161::20]:
        assert row["split"] == "test"
        direct = ((margin > float(row["cut_log_odds"])) == (test.labels == 1)).mean()
        assert float(row["accuracy"]) == pytest.approx(direct)
    at = min(read(chart.sheet)[-161:], key=lambda row: abs(float(row["cut_log_odds"])))
    assert float(at["accuracy"]) == pytest.approx(run.test.accuracy.value if run.test else 0)


def test_validation_is_weighted_to_the_shares_of_test_on_the_threshold_curve() -> None:
    margin, positive = np.array([-1.0, 2.0, 3.0, -2.0]), np.array([True, True, True, False])
    at_zero = accuracies(margin, positive, 0.5, np.array([0.0]))
    assert at_zero == pytest.approx([0.5 * 2 / 3 + 0.5 * 1.0])


def test_more_classes_have_no_threshold_curve(evil: Material) -> None:
    assert evil.told is not None
    assert "threshold-curve" not in {chart.id for chart in charts(composed(evil))}


def test_the_reliability_bins_hold_every_image_once(told: Material, evil: Material) -> None:
    for material in (told, evil):
        id_ = featured(material).run
        for part in ("val", "test"):
            bins = bins_of(material.predictions(id_, part))
            assert sum(b[6] for b in bins) == len(material.split.part(part))
            hits = sum(round(b[3] * b[6]) for b in bins)
            side = material.predictions(id_, part)
            assert hits == (side.labels == side.logits.argmax(axis=1)).sum()
            for start, end, mean, right, low, high, _ in bins:
                assert start - 1e-9 <= mean <= end + 1e-9 and low <= right <= high


def test_domain_aucs_stand_against_chance_where_it_is_known(told: Material) -> None:
    rows = read(next(chart for chart in charts(composed(told)) if chart.id == "domain-auc").sheet)
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


def test_scores_are_the_difference_of_logits(told: Material) -> None:
    margin, positive = scores(told.predictions(told.runs[0].id, "test"))
    assert len(margin) == len(positive) == len(told.split.test)
    assert ((margin > 0) == (told.predictions(told.runs[0].id, "test").predicted == 1)).all()
