"""Cohort -> Split: given parts are kept, missing ones are drawn."""

from __future__ import annotations

from heldout.data.splits.split_method import Draw, SplitMethod
from heldout.errors import HeldoutError, UsageError
from heldout.records import Cohort, Split
from heldout.registry import Shelf

split_methods: Shelf[SplitMethod] = Shelf(
    "heldout.data.splits", group="heldout.splits", attribute="SPLIT", noun="split method"
)


def make_split(
    cohort: Cohort, val_fraction: float = 0.2, seed: int = 0, way: str | None = None, test_fraction: float = 0.2
) -> Split:
    """Decide which images are for training, validation and test.

    A part that the data gives is kept. A missing validation set is drawn from train; where no split is given at all,
    test is drawn from all images first. A draw is stratified by class, by patient wherever a patient is named, keeps
    exact copies together, and depends on the seed and the images alone, not on their order.

    Args:
        cohort: The images.
        val_fraction: Share of train that validation gets, where none is given.
        seed: Seed of the draw.
        way: Name of the way to draw; by default the one that suits.
        test_fraction: Share of all images that test gets, where no split is given.

    Returns:
        The split; `method` says how it was drawn.

    Raises:
        InputError: A class is too small.
        UsageError: A fraction is not between 0 and 1, or there is no such way.
    """
    for word, fraction in (("--val-fraction", val_fraction), ("test_fraction", test_fraction)):
        if not 0 < fraction < 1:
            raise UsageError(f"Found {word} {fraction}; expected a share between 0 and 1, for example 0.2.")
    draw = Draw(val_fraction, test_fraction, seed)
    if way is not None:
        return split_methods.get(way).draw(cohort, draw)
    fitting = [candidate for candidate in split_methods if candidate.suits(cohort)]
    if len(fitting) != 1:
        names = ", ".join(candidate.name for candidate in fitting) or "none"
        raise HeldoutError(f"Found {len(fitting)} ways to split that suit ({names}); expected one: name it.")
    return fitting[0].draw(cohort, draw)
