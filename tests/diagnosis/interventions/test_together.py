"""Changes made together, half of a change, its control and its reverse: planted in images, on networks made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import nn

from heldout.diagnosis.interventions import InterventionContext, in_order, interventions, quality
from heldout.diagnosis.interventions.combined import Combined, combined_images, costliest
from heldout.diagnosis.interventions.context import stratified
from heldout.diagnosis.interventions.cues import Cues
from heldout.diagnosis.interventions.intervention import Change, Intervention, NothingToDoError
from heldout.diagnosis.interventions.lost import points_lost
from heldout.diagnosis.interventions.quality import Quality
from heldout.diagnosis.rules import RULES
from heldout.errors import HeldoutError
from heldout.records import ReasonKind
from heldout.records.combined import members, together
from heldout.records.logit_table import logits_in
from tests.diagnosis.interventions.contexts import Corner, Detail, Images, context_of, deciding_by

SIZE = 32
N = {"train": 120, "val": 160, "test": 160}


def lost(context: InterventionContext, table: pd.DataFrame, variant: str) -> float:
    return points_lost(context, table[(table["variant"] == variant) & (table["split"] == "val")])


def accuracy(context: InterventionContext, table: pd.DataFrame, variant: str, part: str) -> float:
    chosen = table[(table["variant"] == variant) & (table["split"] == part)]
    truth = pd.Series(context.labels(part), index=context.ids(part))
    return float((logits_in(chosen).argmax(axis=1) == truth[chosen["id"]].to_numpy()).mean())


def leave(context: InterventionContext, intervention: Intervention, table: pd.DataFrame) -> None:
    """As if the intervention had been done."""
    folder = context.run.folder / "experiments"
    folder.mkdir(parents=True, exist_ok=True)
    table.to_parquet(folder / f"{intervention.name}.parquet", index=False)


class DetailAndCorner(nn.Module):
    """The lesser of fine detail and of the brightness of the corner: class 1 has to have both."""

    def __init__(self) -> None:
        super().__init__()
        self.detail, self.corner = Detail(), Corner()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        detail, corner = (stage(x).mean(dim=(2, 3), keepdim=True) for stage in (self.detail, self.corner))
        return torch.minimum(detail, 1.1 + 0.3 * corner)


def textured(n: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Class 1 has more fine texture, and a bright corner; class 0 a dark one."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    strength = np.where(labels, 30.0, 12.5) + rng.normal(size=n)
    smooth = gaussian_filter(rng.normal(size=(n, SIZE, SIZE)), (0, 5, 5)) * 250
    values = 128 + smooth + rng.normal(size=(n, SIZE, SIZE)) * strength[:, None, None]
    values[:, :3, :3] = np.where(labels, 250.0, 20.0)[:, None, None]
    return values, labels.astype(np.int64)


def planted(blur: bool, token: bool) -> Images:
    """On test 70 % of class 1 are blurred, and 70 % have the corner of class 0, where asked for."""
    images = {}
    for seed, (part, n) in enumerate(N.items()):
        values, labels = textured(n, seed)
        rng = np.random.default_rng(7)
        blurred, bare = ((labels == 1) & (rng.random(n) < 0.7) for _ in range(2))
        if part == "test" and blur:
            corner = values[:, :3, :3].copy()
            values = np.where(blurred[:, None, None], gaussian_filter(values, (0, 0.8, 0.8)), values)
            values[:, :3, :3] = corner
        if part == "test" and token:
            values[bare, :3, :3] = 20.0
        images[part] = np.clip(np.rint(values), 0, 255).astype(np.uint8)[..., None], labels
    return images


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> InterventionContext:
    """A network that needs texture and corner, and a test set that lacks both; what changes do alone has been seen."""
    context = context_of(
        tmp_path_factory.mktemp("both"), deciding_by(DetailAndCorner(), 1.0), planted(True, True), limit=120
    )
    assert accuracy_of_run(context, "val") > 0.95 and accuracy_of_run(context, "test") < 0.65
    for intervention in (Quality(), Cues()):
        leave(context, intervention, intervention.run(context))
    return context


def accuracy_of_run(context: InterventionContext, part: str) -> float:
    return float((context.logits(part).argmax(axis=1) == context.labels(part)).mean())


def test_changes_that_cost_points_are_made_in_every_combination(both: InterventionContext) -> None:
    chosen = costliest(both)
    assert {"cues:across:corners", "quality:sharpness"} <= set(chosen) and len(chosen) == 4
    assert next(iter(chosen)).startswith("cues"), "what stands in the picture comes before the lens"
    table = Combined().run(both)
    assert table["variant"].nunique() == 2 ** len(chosen) - 1
    assert set(table["split"]) == {"val"} and table.groupby("variant").size().eq(120).all()
    sets = {frozenset(members(variant)) for variant in table["variant"].unique()}
    assert frozenset(chosen) in sets and all(frozenset([name]) in sets for name in chosen)
    whole = lost(both, table, together(chosen))
    alone = {name: lost(both, table, name) for name in chosen}
    assert max(alone.values()) <= whole + 1 and min(alone.values()) > 1.5
    assert sum(alone.values()) > 2 * whole, "an image is wrong only once"


def test_alone_a_change_is_what_its_intervention_made(both: InterventionContext) -> None:
    table, quality = Combined().run(both), both.result("quality")
    assert quality is not None
    own = quality[(quality["variant"] == "sharpness") & (quality["split"] == "val")].set_index("id")
    again = table[table["variant"] == "quality:sharpness"].set_index("id").loc[own.index]
    np.testing.assert_array_equal(logits_in(again), logits_in(own))


def test_it_is_done_anew_where_what_it_asks_for_is_another(both: InterventionContext) -> None:
    before = Combined().settings(both)
    assert before == Combined().settings(both) and before["result of quality"] != 0
    file = both.run.folder / "experiments" / "quality.parquet"
    kept = file.read_bytes()
    pd.read_parquet(file).iloc[1:].to_parquet(file, index=False)
    assert Combined().settings(both) != before
    file.write_bytes(kept)


def test_one_change_is_nothing_to_divide(tmp_path: Path) -> None:
    context = context_of(tmp_path, deciding_by(DetailAndCorner(), 1.0), planted(False, True), limit=80)
    for intervention in (Quality(), Cues()):
        try:
            leave(context, intervention, intervention.run(context))
        except NothingToDoError:
            continue
    with pytest.raises(NothingToDoError) as found:
        Combined().run(context)
    assert found.value.absence.kind is ReasonKind.NO_DIFFERENCE


def test_subsets_share_what_they_begin_with() -> None:
    made: list[str] = []

    def change(name: str, by: int) -> Change:
        def make(rows: NDArray[np.int64], pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
            made.append(name)
            return (pixels * 2 + by).astype(np.uint8)

        return Change(name, 0, make)

    class Some:
        def __init__(self, name: str, by: int) -> None:
            self.change = change(name, by)

    chosen = {name: Some(name, by) for by, name in enumerate("abc")}
    found = dict(combined_images(chosen, np.arange(1), np.zeros((1, 1), dtype=np.uint8)))  # type: ignore[arg-type]
    assert set(found) == {tuple(x) for x in ("a", "b", "c", "ab", "ac", "bc", "abc")}
    assert int(found["a", "b", "c"][0, 0]) == (0 * 2 + 1) * 2 + 2 and int(found["c",][0, 0]) == 2
    assert len(made) == 7


def test_half_a_blur_costs_less_than_the_whole_and_the_control_nothing(both: InterventionContext) -> None:
    """Fine texture that a blur took passes for grain: the costliest property is one of the two."""
    table = both.result("quality")
    assert table is not None
    (name,) = {variant.partition(":")[2] for variant in table["variant"] if variant.startswith("half:")}
    assert name in ("noise", "sharpness")
    whole, half, control = (lost(both, table, variant) for variant in (name, f"half:{name}", f"control:{name}"))
    assert whole > 20
    assert 5 < half < whole - 5
    assert abs(control) < 3


def test_the_cue_of_validation_gives_test_back_what_it_lost(both: InterventionContext) -> None:
    table = both.result("cues")
    assert table is not None
    given = accuracy(both, table, "same:corners", "val") - accuracy(both, table, "across:corners", "val")
    back = accuracy(both, table, "across:corners", "test") - accuracy(both, table, "same:corners", "test")
    assert given > 0.1 and back > 0.1
    assert not (table["variant"] == "across:surround").any(), "the finding itself may stand there"


def test_more_images_are_other_images(both: InterventionContext) -> None:
    labels = both.labels("val")
    more = replace(both, limit=160, scored=120)
    assert set(stratified(labels, 120, 0)) < set(stratified(labels, 160, 0)), "a larger sample keeps the smaller"
    assert not set(more.sample("val")) & set(both.sample("val"))
    assert len(more.sample("val")) + len(both.sample("val")) == 160
    np.testing.assert_array_equal(more.sample("train"), stratified(more.labels("train"), 120, 0))


@pytest.mark.parametrize("intervention", [Quality(), Cues()], ids=lambda one: one.name)
def test_more_images_get_the_variants_that_the_first_had(both: InterventionContext, intervention: Intervention) -> None:
    earlier = both.result(intervention.name)
    assert earlier is not None
    more = replace(both, limit=160, scored=120)
    more.__dict__.update(network=both.network, pretrained=both.network)
    table = intervention.run(more)
    there = earlier[~earlier["variant"].str.startswith("only:")]
    assert set(table["variant"]) == set(there["variant"])
    assert not table.merge(earlier, on=["id", "split", "variant"]).size


def test_what_asks_for_results_comes_after_them() -> None:
    names = [one.name for one in in_order(interventions)]
    assert sorted(names) == list(interventions.names())
    assert names.index("combined") > max(names.index("cues"), names.index("quality"))
    assert set(Combined().after(interventions)) == {"cues", "quality"}


class Waiting(Quality):
    def __init__(self, name: str, other: str) -> None:
        self.name, self.other = name, other  # type: ignore[misc]

    def after(self, others: object) -> tuple[str, ...]:
        return (self.other,)


def test_interventions_that_wait_for_each_other_are_an_error() -> None:
    with pytest.raises(HeldoutError, match="wait for each other"):
        in_order([Waiting("a", "b"), Waiting("b", "a")])
    assert [one.name for one in in_order([Waiting("a", "b"), Waiting("b", "nobody")])] == ["b", "a"]


@pytest.mark.parametrize(
    ("lost", "changed"),
    [
        ({"contrast": 38.0, "brightness": 1.0, "all": 12.0}, ["all"]),
        ({"contrast": 12.0 + RULES.margin, "brightness": 1.0, "all": 12.0}, ["contrast", "brightness"]),
        ({}, ["contrast", "brightness"]),
    ],
)
def test_a_property_dearer_alone_than_with_all_is_not_combined_alone(
    lost: dict[str, float], changed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shifts = tuple(SimpleNamespace(name=name) for name in ("contrast", "brightness"))
    monkeypatch.setattr(quality, "shifted_properties", lambda context: shifts)
    monkeypatch.setattr(quality, "_lost", lambda context: lost)
    assert [change.name for change in Quality().changes(cast(Any, None))] == changed
