"""Which measured properties differ between validation and test, and images changed to have the other part's values."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heldout.diagnosis.interventions.context import Indices, InterventionContext, Pixels
from heldout.diagnosis.rules import RULES
from heldout.images.grain import Grain, evenly, grain_of
from heldout.images.mapping import change_property, quantile_targets
from heldout.images.quality import PROPERTIES, as_stack, grey_of, noise, sharpness
from heldout.stats.property_shift import property_shifts

ROUNDS = 4
"""Blurs tried for an image, each aimed anew by what the last one reached."""

NONE = Grain(0.0)
"""Grain of an image that was just blurred."""

FARTHEST = 3.0
"""How far below its target a blur may aim, in the unit of sharpness."""

ORDER = ("sharpness", "colour", "contrast", "brightness", "border", "noise", "blockiness")
"""Order in which several changes are made: as a lens, a sensor and a file format come one after another."""


@dataclass(frozen=True)
class Shifted:
    """A property of one class that differs.

    Attributes:
        name: The property.
        label: Class index.
        smd: Test minus validation mean in standard deviations.
        p: Two-sided p, patients being the units.
    """

    name: str
    label: int
    smd: float
    p: float

    def record(self) -> dict[str, Any]:
        """For JSON, which knows no infinity."""
        return {**asdict(self), "smd": float(np.clip(self.smd, -99, 99))}


def shifted_properties(context: InterventionContext) -> tuple[Shifted, ...]:
    """Properties whose mean differs between validation and test within a class, clearly and by a relevant amount."""
    found: list[Shifted] = []
    names = [item.name for item in PROPERTIES]
    threshold = math.erfc(RULES.clear_shift / math.sqrt(2))  # two-sided p of a normal deviate
    for label in range(context.k):
        sides, patients = [], []
        for part in ("val", "test"):
            rows = np.flatnonzero(context.labels(part) == label)
            sides.append(_values(context, part, names)[rows])
            known = context.patients(part)
            patients.append([known[i] or f"{part} image {i}" for i in rows])
        if min(map(len, sides)) < RULES.min_mapped_class or min(len(set(names_)) for names_ in patients) < 2:
            continue
        shifts = property_shifts(sides[0], sides[1], names, patients[0], patients[1])
        relevant = (shift for shift in shifts if shift.p < threshold and abs(shift.smd) > RULES.min_shift)
        found.extend(Shifted(shift.name, label, shift.smd, shift.p) for shift in relevant)
    return tuple(sorted(found, key=lambda shift: (ORDER.index(shift.name), shift.label)))


def _values(context: InterventionContext, part: str, names: list[str]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = context.quality.loc[list(context.ids(part)), names].to_numpy(dtype=np.float64)
    return values


@dataclass(frozen=True)
class Aim:
    """Which images are changed, and what they are to be like.

    Attributes:
        part: `val` or `test`: whose images are changed.
        like: The part whose values they are given; the same part for a control, in which each random half of a class is
            given the values of the other half, so that nothing differs but what chance and the procedure make.
        share: How far towards these values, 0 … 1.
    """

    part: str
    like: str
    share: float = 1.0

    @classmethod
    def across(cls, part: str) -> Aim:
        """Images of a part with the values of the other part."""
        return cls(part, "test" if part == "val" else "val")


def targets_of(context: InterventionContext, shift: Shifted, aim: Aim, rows: Indices) -> NDArray[np.float64]:
    """The value each of some images is to have, (m,): that of its rank in what it is to be like, class by class.

    NaN for images of other classes, which stay as they are.
    """
    own = _values(context, aim.part, [shift.name])[:, 0]
    here = np.flatnonzero(context.labels(aim.part) == shift.label)
    targets = np.full(len(own), np.nan)
    if aim.like == aim.part:
        order = np.random.default_rng((context.seed, 37, shift.label)).permutation(here)
        halves = (order[: len(order) // 2], order[len(order) // 2 :])
        pairs = [(halves[0], own[halves[1]]), (halves[1], own[halves[0]])]
    else:
        pairs = [(here, _values(context, aim.like, [shift.name])[context.labels(aim.like) == shift.label, 0])]
    for mine, values in pairs:
        if len(mine) and len(values):
            there = quantile_targets(own[mine], values)
            targets[mine] = there if aim.share == 1 else own[mine] + aim.share * (there - own[mine])
    return targets[rows]


def mapped(
    context: InterventionContext, shifts: tuple[Shifted, ...], aim: Aim, rows: Indices, pixels: Pixels
) -> Pixels:
    """Images of a part with these properties as others have them, one change after another.

    A blur takes grain away too, but what a lens blurs is exposed afterwards, with all the grain of the sensor. So an
    image that was blurred is given back as much grain as images of the other part have at its rank, if it has less:
    otherwise the loss of grain would pass for a cost of blur (in simulations 20 points for a true 4.5). So is one that
    was made flatter, since stray light takes contrast before the sensor does its part (1 point for a true 10). Grain is
    spread over grey levels as in the other part: spread evenly it covers the dark inside of a cell (8 points for a true
    15).

    Args:
        context: The run.
        shifts: What to change; others keep what they have, as far as properties can be told apart.
        aim: Whose images, and like which.
        rows: (m,) rows of the part.
        pixels: (m, s, s, c) its images; not changed.
    """
    changed = pixels.copy()
    for shift in shifts:
        targets = targets_of(context, shift, aim, rows)
        here = np.flatnonzero(np.isfinite(targets))
        if len(here):
            changed[here] = _mapped_one(context, shift, aim, changed[here], targets[here])
    return changed


def _mapped_one(
    context: InterventionContext, shift: Shifted, aim: Aim, pixels: Pixels, targets: NDArray[np.float64]
) -> Pixels:
    """Images of one class with one property changed, grain spread or given back as the other part has it."""
    if shift.name == "sharpness":
        return _blurred(context, shift, aim, pixels, targets)
    if shift.name == "noise":
        grain = grain_of(pixels), _grain_there(context, shift, aim)
        return change_property(pixels, "noise", targets, context.seed, grain)
    after = change_property(pixels, shift.name, targets, context.seed)
    if shift.name == "contrast":
        flatter = grey_of(as_stack(after)).std(axis=(1, 2)) < grey_of(as_stack(pixels)).std(axis=(1, 2))
        if flatter.any():
            grain = grain_of(after[flatter]), _grain_there(context, shift, aim)
            after[flatter] = _with_grain(context, shift, aim, after[flatter], grain)
    return after


def _grain_there(context: InterventionContext, shift: Shifted, aim: Aim) -> Grain:
    """How the grain of images of this class depends on grey level in the part aimed at; measured once."""

    def measure() -> Grain:
        rows = np.flatnonzero(context.labels(aim.like) == shift.label)
        return grain_of(np.asarray(context.pixels(aim.like)[rows[evenly(len(rows))]]))

    return context.once(f"grain of class {shift.label} in {aim.like}", measure)


def _blurred(
    context: InterventionContext, shift: Shifted, aim: Aim, pixels: Pixels, targets: NDArray[np.float64]
) -> Pixels:
    """Images blurred and given grain so that both together have the sharpness aimed at: grain passes for detail."""
    goal, grain = targets.copy(), (NONE, _grain_there(context, shift, aim))
    for _ in range(ROUNDS):
        after = change_property(pixels, "sharpness", goal, context.seed)
        blurred = (after != pixels).any(axis=(1, 2, 3))
        if not blurred.any():
            return after
        after[blurred] = _with_grain(context, shift, aim, after[blurred], grain)
        reached = sharpness(grey_of(as_stack(after)))
        goal = np.where(blurred, np.maximum(goal + targets - reached, targets - FARTHEST), goal)
    return after


def _with_grain(
    context: InterventionContext, shift: Shifted, aim: Aim, blurred: Pixels, grain: tuple[Grain, Grain]
) -> Pixels:
    """Blurred images of one class with at least the noise that the other part's images have at their rank."""
    there = _values(context, aim.like, ["noise"])[context.labels(aim.like) == shift.label, 0]
    now = noise(grey_of(as_stack(blurred)))
    targets = quantile_targets(now, there)
    return change_property(blurred, "noise", np.where(targets > now, targets, np.nan), context.seed, grain)
