"""How well the readers of a review agree, every two of them and all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from heldout.records import Estimate
from heldout.review.snapshot import Image, Reader, Reading, Snapshot
from heldout.stats.agreement import agreement_estimate, cohen_estimate, fleiss_estimate
from heldout.stats.scores import Indices


@dataclass(frozen=True)
class PairAgreement:
    """How well two readers agree, on images of which both named a class.

    Attributes:
        a: The first.
        b: The second.
        both: Images that both read.
        could_not_tell: Images of these of which at least one could not tell.
        same: Share of the others that both gave the same class; None without any.
        kappa: Cohen's; None without any, or where both gave all the same class.
        weighted: Likewise with quadratic weights, of grades; None of classes without an order.
    """

    a: str
    b: str
    both: int
    could_not_tell: int
    same: Estimate | None
    kappa: Estimate | None
    weighted: Estimate | None


@dataclass(frozen=True)
class Agreement:
    """How well readers agree.

    Attributes:
        pairs: Every two readers.
        fleiss: Fleiss' kappa of all, on images of which all named a class; None of fewer than three.
    """

    pairs: tuple[PairAgreement, ...]
    fleiss: Estimate | None


def agreement(snapshot: Snapshot, patients: Mapping[str, str], order: Sequence[str] = ()) -> Agreement:
    """How well the readers agree; what an adjudicator says is no part of it.

    Args:
        snapshot: What was read.
        patients: Image id -> patient, empty if not known.
        order: The classes from low to high, where they are grades.
    """
    readers = [reader for reader in snapshot.readers if reader.role == "reader" and snapshot.by_reader[reader.number]]
    made = _Made(snapshot, patients, tuple(order))
    pairs = tuple(made.pair(a, b) for a, b in combinations(readers, 2))
    return Agreement(pairs, made.all_of(readers) if len(readers) > 2 else None)


@dataclass(frozen=True)
class _Made:
    """Kappas from readings."""

    snapshot: Snapshot
    patients: Mapping[str, str]
    order: tuple[str, ...]

    def pair(self, a: Reader, b: Reader) -> PairAgreement:
        both, named = self._shared([a, b])
        ratings = self._numbers([a, b], named)
        ids, whose, k = [image.id for image in named], self._patients(named), len(self.snapshot.classes)
        same = agreement_estimate(ratings[:, 0], ratings[:, 1], ids, whose) if named else None
        kappa = cohen_estimate(ratings[:, 0], ratings[:, 1], k, ids, whose)
        weighted = cohen_estimate(ratings[:, 0], ratings[:, 1], k, ids, whose, True) if self.order else None
        return PairAgreement(a.name, b.name, len(both), len(both) - len(named), same, kappa, weighted)

    def all_of(self, readers: Sequence[Reader]) -> Estimate | None:
        _, named = self._shared(readers)
        ratings = self._numbers(readers, named)
        return fleiss_estimate(
            ratings, len(self.snapshot.classes), [image.id for image in named], self._patients(named)
        )

    def _shared(self, readers: Sequence[Reader]) -> tuple[list[Image], list[Image]]:
        """Images that all read, and those of them of which all named a class."""
        read = [self.snapshot.by_reader[reader.number] for reader in readers]
        both = [image for image in self.snapshot.images if all(image.number in own for own in read)]
        return both, [image for image in both if all(own[image.number].label is not None for own in read)]

    def _numbers(self, readers: Sequence[Reader], images: Sequence[Image]) -> Indices:
        """Class by each reader, shape (n, m), in the order of the grades where there is one."""
        number: dict[str | None, int] = {name: k for k, name in enumerate(self.order or self.snapshot.classes)}
        own: list[dict[int, Reading]] = [self.snapshot.by_reader[reader.number] for reader in readers]
        rows = [[number[one[image.number].label] for one in own] for image in images]
        return np.array(rows, dtype=np.int64).reshape(len(images), len(readers))

    def _patients(self, images: Sequence[Image]) -> list[str]:
        return [self.patients.get(image.id, "") for image in images]
