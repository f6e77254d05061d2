from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.causes.image_quality import ALL, CAUSE, DEGRADED, INTERVENTION
from heldout.diagnosis.diagnose import cause_data
from heldout.diagnosis.effects import effect_of
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.images.mapping import map_property
from heldout.images.quality import quality_of
from heldout.records import ReasonKind
from tests.worlds.made_runs import judged, made_run, moved, quality, with_scored


def blurred(
    *, name: str = "sharpness", shift_sd: float = -0.8, back: float = -1.6, lost: float = 1.6, noise: float = 0.3
) -> RunData:
    """Test NORMAL images moved toward ILL; validation NORMAL images move there too when `name` is mapped."""
    made = quality(made_run(shift=1.6), {(name, 0): shift_sd})
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
    finding = judged(CAUSE, made)
    assert (
        finding.verdict == "established"
        and finding.numbers["shift_sd"] < -0.5
        and "regained_points" not in finding.numbers
    )
    effect = effect_of(cause_data(made), INTERVENTION, "sharpness", "val")
    assert effect is not None and finding.points is not None
    assert finding.points.value == pytest.approx(effect.lost.value)
    assert finding.explains["threshold"] == pytest.approx(effect.mended(), abs=1e-3)
    test = made.test
    assert test is not None and made.quality is not None and len(finding.images) > 3
    sharpness = made.quality["sharpness"].loc[list(finding.images)]
    assert sharpness.is_monotonic_increasing  # the blurriest first
    row = {id_: i for i, id_ in enumerate(test.ids)}
    assert all(not test.right[row[id_]] and test.labels[row[id_]] == 0 for id_ in finding.images)


def test_a_reversible_property_is_established_only_if_the_reverse_regains() -> None:
    assert judged(CAUSE, blurred(name="contrast", shift_sd=0.8)).verdict == "established"
    refused = judged(CAUSE, blurred(name="contrast", shift_sd=0.8, back=-0.1))
    assert refused.verdict == "suggested" and abs(refused.numbers["regained_points"]) < 1


def test_a_reverse_that_costs_points_on_test_too_contradicts_the_property() -> None:
    """What merely disturbs the network does so both ways: 16.7 points on validation, and 2.7 more on test."""
    refused = judged(CAUSE, blurred(name="contrast", shift_sd=0.8, back=0.0))
    assert (refused.verdict, refused.kind) == ("excluded", ReasonKind.CONTRADICTED)
    assert refused.numbers["regained_points"] < -1.5 and refused.priority == 0 and refused.explains == {}
    assert "costs 2.7 points" in refused.sentence


def test_lost_contrast_is_not_stretched_back_with_its_grain() -> None:
    finding = judged(CAUSE, blurred(name="contrast", shift_sd=-0.8, back=0.0))
    assert finding.verdict == "established" and "regained_points" not in finding.numbers


def test_blur_that_costs_points_but_is_not_what_differs_is_excluded() -> None:
    finding = judged(CAUSE, blurred(shift_sd=0.0, back=0.0))
    assert (finding.verdict, finding.kind) == ("excluded", ReasonKind.NO_DIFFERENCE)


def test_the_property_that_differs_is_named_though_another_costs_as_much() -> None:
    made = blurred(back=0.0)
    table = made.scored[INTERVENTION].table.copy()
    for column in ("logit_0", "logit_1"):  # contrast costs what sharpness does, but test has the same contrast
        sharp = table.loc[(table["variant"] == "sharpness") & (table["split"] == "val"), column].to_numpy()
        table.loc[(table["variant"] == "contrast") & (table["split"] == "val"), column] = 2 * sharp
    finding = judged(CAUSE, replace(made, scored={INTERVENTION: VariantLogits(table)}))
    assert finding.verdict == "established" and finding.numbers["shift_sd"] < -0.5


def test_without_a_quality_table_the_loss_alone_does_not_establish_it() -> None:
    finding = judged(CAUSE, replace(blurred(back=0.0), quality=None))
    assert finding.verdict == "suggested" and finding.images  # validation images then


def test_it_is_silent_where_mapping_changes_nothing() -> None:
    finding = judged(CAUSE, blurred(lost=0.0, back=0.0, noise=0.05))
    assert finding.verdict == "excluded" and finding.priority == 0


def test_a_handful_of_changed_images_shows_nothing() -> None:
    made = made_run(shift=1.0)
    assert made.val is not None
    margins = made.val.logits[:, 1] - made.val.logits[:, 0]
    margins[np.flatnonzero(made.val.right & (made.val.labels == 0))[:4]] = 3.0  # four images to the worse, none better
    finding = judged(CAUSE, with_scored(made, INTERVENTION, {("sharpness", "val"): margins}))
    assert finding.verdict in ("not identifiable", "excluded")


def test_switched_off_and_impossible_are_told_apart() -> None:
    off = judged(CAUSE, made_run())
    assert (off.verdict, off.kind) == ("not identifiable", ReasonKind.SWITCHED_OFF)
    absent = replace(made_run(), absent={INTERVENTION: Absence(ReasonKind.DOES_NOT_APPLY, "the images are all blank")})
    finding = judged(CAUSE, absent)
    assert (finding.verdict, finding.kind) == ("not applicable", ReasonKind.DOES_NOT_APPLY)


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
    finding = judged(
        CAUSE,
        replace(made_run(), absent={INTERVENTION: Absence(ReasonKind.NO_DIFFERENCE, "no measured property shifts")}),
    )
    assert (finding.verdict, finding.kind) == ("excluded", ReasonKind.NO_DIFFERENCE)


def test_where_only_the_reverse_could_be_done_it_is_suggested() -> None:
    made = quality(made_run(shift=1.6), {("sharpness", 0): 0.8})  # test is sharper
    finding = CAUSE.judge(
        cause_data(with_scored(made, INTERVENTION, {("sharpness", "test"): moved(made, "test", 0, -1.6)}))
    )
    assert finding.verdict == "suggested" and finding.numbers["regained_sharpness"] > RULES.margin


def test_one_property_is_not_counted_twice_for_being_all_there_is() -> None:
    made = blurred(back=0.0)
    table = made.scored[INTERVENTION].table
    one = table[table["variant"] == "sharpness"]
    kept = VariantLogits(pd.concat([one, one.assign(variant=ALL)], ignore_index=True))
    finding = judged(CAUSE, replace(made, scored={INTERVENTION: kept}))
    assert finding.verdict == "established" and finding.points is not None
    assert "Bonferroni" not in finding.points.method


def test_all_properties_together_are_judged_even_alone() -> None:
    made = made_run(shift=1.6)
    both = {(ALL, "val"): moved(made, "val", 0, 1.6), (ALL, "test"): moved(made, "test", 0, -1.6)}
    finding = judged(CAUSE, with_scored(made, INTERVENTION, both))
    assert (
        finding.verdict == "established" and "lost_all" in finding.numbers and "lost_sharpness" not in finding.numbers
    )


def test_half_and_control_are_no_properties_of_their_own_and_are_told() -> None:
    made = blurred(back=0.0)
    tried = {
        ("half:sharpness", "val"): moved(made, "val", 0, 0.8),
        ("control:sharpness", "val"): moved(made, "val", 0, 0),
    }
    more = with_scored(made, "more", tried).scored["more"].table
    both = VariantLogits(pd.concat([made.scored[INTERVENTION].table, more], ignore_index=True))
    before, finding = judged(CAUSE, made), judged(CAUSE, replace(made, scored={INTERVENTION: both}))
    assert (finding.verdict, finding.points) == ("established", before.points), "two properties, not four"
    assert 0 < finding.numbers["lost_half"] < finding.numbers["lost_sharpness"]
    assert finding.numbers["lost_control"] < 3 and "Half of the change costs" in finding.sentence


def test_a_procedure_that_costs_as_much_where_nothing_differs_is_contradicted() -> None:
    made = blurred(back=0.0)
    tried = {
        ("half:sharpness", "val"): moved(made, "val", 0, 0.8),
        ("control:sharpness", "val"): moved(made, "val", 0, 1.7),
    }
    more = with_scored(made, "more", tried).scored["more"].table
    both = VariantLogits(pd.concat([made.scored[INTERVENTION].table, more], ignore_index=True))
    finding = judged(CAUSE, replace(made, scored={INTERVENTION: both}))
    assert (finding.verdict, finding.kind) == ("excluded", ReasonKind.CONTRADICTED)
    assert "values of other validation images costs" in finding.sentence


def processed(*, spared: bool, control: float = 0.0) -> RunData:
    """Validation NORMAL loses most of its accuracy when blurred; test is blurred, and loses as much or hardly any."""
    made = quality(made_run(shift=0.4 if spared else 2.5), {("sharpness", 0): -0.8})
    variants = {("sharpness", "val"): moved(made, "val", 0, 2.5), (ALL, "val"): moved(made, "val", 0, 2.5, seed=2)}
    if control:
        assert made.val is not None
        some = np.arange(len(made.val)) % 2 == 0  # half of the images can be blurred
        own = made.val.logits[:, 1] - made.val.logits[:, 0]
        variants["control:sharpness", "val"] = np.where(some, moved(made, "val", 0, control, seed=3), own)
    return with_scored(made, INTERVENTION, variants)


def test_what_costs_validation_far_more_than_test_loses_by_it_is_not_established() -> None:
    assert judged(CAUSE, processed(spared=False)).verdict == "established"
    finding = judged(CAUSE, processed(spared=True))
    assert finding.verdict == "suggested" and "Test images, which are so already" in finding.sentence
    assert finding.points is not None and finding.priority < finding.points.value / 2


def test_a_control_that_touches_fewer_images_speaks_for_as_many_as_the_change_where_test_is_spared() -> None:
    finding = judged(CAUSE, processed(spared=True, control=2.5))
    assert (finding.verdict, finding.kind) == ("excluded", ReasonKind.CONTRADICTED)
    assert judged(CAUSE, processed(spared=False, control=0.2)).verdict == "established"


def test_beside_a_contradicted_property_one_that_was_not_tried_further_is_suggested_at_most() -> None:
    """Contrast costs as much where nothing differs; of sharpness, which costs a little less, that was not asked."""
    made = quality(made_run(shift=2.5), {("sharpness", 0): -0.8, ("contrast", 0): -0.8})
    variants = {("sharpness", "val"): moved(made, "val", 0, 2.2), ("contrast", "val"): moved(made, "val", 0, 2.5)}
    assert judged(CAUSE, with_scored(made, INTERVENTION, variants)).verdict == "established"
    variants["control:contrast", "val"] = moved(made, "val", 0, 2.6, seed=4)
    assert judged(CAUSE, with_scored(made, INTERVENTION, variants)).verdict == "suggested"
