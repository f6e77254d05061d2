from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.causes.image_quality import ALL, CAUSE, DEGRADED, INTERVENTION
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.images.mapping import map_property
from heldout.images.quality import quality_of
from tests.diagnosis.causes.made_evidence import case, evidence, moved, quality, with_scored


def blurred(
    *, name: str = "sharpness", shift_sd: float = -0.8, back: float = -1.6, lost: float = 1.6, noise: float = 0.3
) -> RunData:
    """Test NORMAL images moved toward ILL; validation NORMAL images move there too when `name` is mapped."""
    made = quality(evidence(shift=1.6), {(name, 0): shift_sd})
    return with_scored(
        made,
        INTERVENTION,
        {
            ("sharpness", "val"): moved(made, "val", 0, lost if name == "sharpness" else 0.0, noise=noise),
            ("contrast", "val"): moved(made, "val", 0, lost if name == "contrast" else 0.0, seed=1, noise=noise),
            (ALL, "val"): moved(made, "val", 0, lost, seed=2, noise=noise),
            ("sharpness", "test"): moved(made, "test", 0, back if name == "sharpness" else 0.0, noise=noise),
            ("contrast", "test"): moved(made, "test", 0, back if name == "contrast" else 0.0, seed=1, noise=noise),
            (ALL, "test"): moved(made, "test", 0, back, seed=2, noise=noise),
        },
    )


def test_blur_of_one_class_is_established_named_and_its_images_cited() -> None:
    made = blurred(back=0.0)  # sharpening is not done, so nothing can be regained
    finding = CAUSE.judge(case(made))
    assert finding.verdict == "established"
    assert "Test images of NORMAL are blurrier" in finding.sentence and "cannot be done honestly" in finding.sentence
    effect = case(made).effect(INTERVENTION, "sharpness")
    assert effect is not None and finding.points is not None
    assert finding.points.value == pytest.approx(effect.lost.value)
    assert finding.numbers["of_threshold"] == pytest.approx(effect.of_threshold.value, abs=1e-3)
    test = made.test
    assert test is not None and made.quality is not None and len(finding.images) > 3
    sharpness = made.quality["sharpness"].loc[list(finding.images)]
    assert sharpness.is_monotonic_increasing  # the blurriest first
    row = {id_: i for i, id_ in enumerate(test.ids)}
    assert all(not test.right[row[id_]] and test.labels[row[id_]] == 0 for id_ in finding.images)


def test_a_reversible_property_is_established_only_if_the_reverse_regains() -> None:
    assert CAUSE.judge(case(blurred(name="contrast", shift_sd=0.8))).verdict == "established"
    refused = CAUSE.judge(case(blurred(name="contrast", shift_sd=0.8, back=0.0)))
    assert refused.verdict == "suggested" and "regains" in refused.sentence


def test_lost_contrast_is_not_stretched_back_with_its_grain() -> None:
    finding = CAUSE.judge(case(blurred(name="contrast", shift_sd=-0.8, back=0.0)))
    assert finding.verdict == "established" and "stretch the grain too" in finding.sentence


def test_blur_that_costs_points_but_is_not_what_differs_is_excluded() -> None:
    finding = CAUSE.judge(case(blurred(shift_sd=0.0, back=0.0)))
    assert finding.verdict == "excluded" and "do not differ" in finding.reason


def test_the_property_that_differs_is_named_though_another_costs_as_much() -> None:
    made = blurred(back=0.0)
    table = made.scored[INTERVENTION].table.copy()
    for column in ("logit_0", "logit_1"):  # contrast costs what sharpness does, but test has the same contrast
        sharp = table.loc[(table["variant"] == "sharpness") & (table["split"] == "val"), column].to_numpy()
        table.loc[(table["variant"] == "contrast") & (table["split"] == "val"), column] = 2 * sharp
    finding = CAUSE.judge(case(replace(made, scored={INTERVENTION: VariantLogits(table)})))
    assert finding.verdict == "established" and "blurrier" in finding.sentence


def test_without_a_quality_table_the_loss_alone_does_not_establish_it() -> None:
    finding = CAUSE.judge(case(replace(blurred(back=0.0), quality=None)))
    assert finding.verdict == "suggested" and finding.images  # validation images then


def test_it_is_silent_where_mapping_changes_nothing() -> None:
    finding = CAUSE.judge(case(blurred(lost=0.0, back=0.0, noise=0.05)))
    assert finding.verdict == "excluded" and finding.priority == 0


def test_a_handful_of_changed_images_is_no_evidence() -> None:
    made = evidence(shift=1.0)
    assert made.val is not None
    margins = made.val.logits[:, 1] - made.val.logits[:, 0]
    margins[np.flatnonzero(made.val.right & (made.val.labels == 0))[:4]] = 3.0  # four images to the worse, none better
    finding = CAUSE.judge(case(with_scored(made, INTERVENTION, {("sharpness", "val"): margins})))
    assert finding.verdict in ("not identifiable", "excluded")


def test_switched_off_and_impossible_are_told_apart() -> None:
    assert CAUSE.judge(case(evidence())).verdict == "not identifiable"
    absent = replace(evidence(), absent={INTERVENTION: "the images are all blank"})
    finding = CAUSE.judge(case(absent))
    assert finding.verdict == "not applicable" and "blank" in finding.reason


def test_the_directions_that_cannot_be_reversed_are_those_that_mapping_leaves_alone() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (2, 32, 32), dtype=np.uint8)
    now = quality_of(pixels)
    for name in ("sharpness", "blockiness"):
        (degraded,) = DEGRADED[name]
        back = now[name].to_numpy() - degraded * 1.0  # toward the better
        mapped, _ = map_property(pixels, name, back)
        assert (mapped == pixels).all(), name


def test_no_property_that_differs_excludes_it() -> None:
    finding = CAUSE.judge(case(replace(evidence(), absent={INTERVENTION: "no measured property shifts"})))
    assert finding.verdict == "excluded"


def test_where_only_the_reverse_could_be_done_it_is_suggested() -> None:
    made = quality(evidence(shift=1.6), {("sharpness", 0): 0.8})  # test is sharper
    finding = CAUSE.judge(case(with_scored(made, INTERVENTION, {("sharpness", "test"): moved(made, "test", 0, -1.6)})))
    assert finding.verdict == "suggested" and "regains" in finding.sentence


def test_one_property_is_not_counted_twice_for_being_all_there_is() -> None:
    made = blurred(back=0.0)
    table = made.scored[INTERVENTION].table
    one = table[table["variant"] == "sharpness"]
    kept = VariantLogits(pd.concat([one, one.assign(variant=ALL)], ignore_index=True))
    finding = CAUSE.judge(case(replace(made, scored={INTERVENTION: kept})))
    assert finding.verdict == "established" and finding.points is not None
    assert "Bonferroni" not in finding.points.method


def test_all_properties_together_are_judged_even_alone() -> None:
    made = evidence(shift=1.6)
    both = {(ALL, "val"): moved(made, "val", 0, 1.6), (ALL, "test"): moved(made, "test", 0, -1.6)}
    finding = CAUSE.judge(case(with_scored(made, INTERVENTION, both)))
    assert finding.verdict == "established" and "No single property" in finding.sentence
