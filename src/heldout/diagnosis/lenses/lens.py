"""What a lens is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from heldout.diagnosis.cause_data import CauseData
from heldout.records import Lens


class LensView(ABC):
    """One way to divide the ranking term. A subclass, in a file of its own, is bound to `LENS` as an instance.

    Attributes:
        name: Stable name, as in the JSON.
        place: Where it stands among the lenses; small is first.
    """

    name: ClassVar[str]
    place: ClassVar[int] = 100

    @abstractmethod
    def views(self, data: CauseData) -> tuple[Lens, ...]:
        """What it shows of one run; empty where it shows nothing. Asked only where there is a gap to explain."""
