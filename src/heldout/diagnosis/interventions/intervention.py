"""What an experiment is: it asks the network something, and leaves logits that a cause can judge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions.context import Indices, InterventionContext, Pixels
from heldout.diagnosis.interventions.needs import Need


@dataclass(frozen=True)
class Change:
    """Something that an intervention did to validation images to make them like those of test.

    Attributes:
        name: The variant under which the intervention scored it alone.
        place: Changes are made in this order: what stands in the picture (0), then lens, sensor and file (1 and up).
        make: (rows of validation (m,), images (m, s, s, c)) -> the changed images, of the same shape.
        spent: The variant that disturbs images as much without the change, whose cost is none of the change's; empty
            without one.
    """

    name: str
    place: int
    make: Callable[[Indices, Pixels], Pixels]
    spent: str = ""


class Intervention(ABC):
    """One intervention or refit. A subclass, in a file of its own, is bound to `INTERVENTION` as an instance.

    The class docstring says what is done, which variants it writes, and why it is done so.

    Attributes:
        name: Name of its files, by which causes ask for it.
        title: For the progress bar.
        version: Raised whenever the same run would get other numbers: results of another version are made anew.
        grows: Whether it scores a sample of validation and test image by image, so that more images can be appended to
            what an earlier call left (`InterventionContext.scored`).
        needs: What it needs that only a model trained here is sure to have.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int] = 1
    grows: ClassVar[bool] = False
    needs: ClassVar[frozenset[Need]] = frozenset({Need.IMAGES, Need.NETWORK})

    @abstractmethod
    def why_not(self, context: InterventionContext) -> Absence | None:
        """Why it cannot be done or has no meaning on this run; None where it can. What it `needs` is there."""

    @abstractmethod
    def run(self, context: InterventionContext) -> pd.DataFrame:
        """Do it; nothing of the context is changed.

        Returns:
            Columns `id`, `split` (train, val or test), `variant` and `logit_0` … `logit_<k−1>`, an image at most once
            in a variant and split; an empty table where what it leaves is elsewhere (see `about`).

        Raises:
            NothingToDoError: It turns out on the way that there is nothing to do.
        """

    def changes(self, context: InterventionContext) -> tuple[Change, ...]:
        """Changes of validation images that can be made together with those of other interventions; none by default."""
        return ()

    def after(self, others: Iterable[Intervention]) -> tuple[str, ...]:
        """Names of the interventions whose results it asks for (`InterventionContext.result`); none by default.

        They are done before it, and whenever one of them is done anew so is it.

        Args:
            others: All interventions on the shelf.
        """
        return ()

    def settings(self, context: InterventionContext) -> dict[str, int]:
        """What besides the run decides the numbers: results with other settings are made anew."""
        return {"seed": context.seed, "limit": context.limit}

    def about(self, context: InterventionContext, table: pd.DataFrame) -> dict[str, Any]:
        """More for its JSON file, beside the keys that every experiment has."""
        return {}

    def is_current(self, about: Mapping[str, Any], context: InterventionContext) -> bool:
        """Whether what an earlier call left would come out the same now.

        A failure is tried again, and so is what 0.1.0 left out, which did not say of what kind the reason is.
        """
        same = about.get("version") == self.version and about.get("settings") == self.settings(context)
        return same and not about.get("failed", False) and (about.get("absent") is None or "kind" in about)


class NothingToDoError(Exception):
    """There is nothing to do, as turned out on the way."""

    def __init__(self, absence: Absence) -> None:
        super().__init__(absence.text)
        self.absence = absence


__all__ = ["Change", "Intervention", "NothingToDoError"]
