"""Names of networks on the model hub: `ORG/NAME[@REVISION][:POOLING]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from heldout.errors import UsageError

POOLINGS = {
    "cls": "the class token",
    "mean": "the mean of the patch tokens, or of a map",
    "cls+mean": "both, side by side",
    "map": "the checkpoint's own attention pooling (SigLIP's)",
    "own": "whatever timm does for this architecture where the checkpoint names nothing",
}
"""How tokens become one row of features, and what it is. Register tokens are in none of them."""

BRANCH = "main"
"""The revision that a name without one means."""

FORM = re.compile(
    r"(?P<repository>[\w.-]+/[\w.-]+)"
    r"(?:@(?P<revision>[^\s:?*\[\\^~]+))?"  # what git allows in the name of a branch or tag has none of these
    r"(?::(?P<pooling>[a-z+]+))?"
)


@dataclass(frozen=True)
class HubName:
    """A network on the model hub.

    Attributes:
        repository: `ORG/NAME`.
        revision: A commit, tag or branch.
        pooling: One of `POOLINGS`; empty for the checkpoint's own.
    """

    repository: str
    revision: str = BRANCH
    pooling: str = ""

    @classmethod
    def of(cls, text: str) -> HubName:
        """The parts of `ORG/NAME[@REVISION][:POOLING]`.

        Raises:
            UsageError: It is not of that form, or there is no such pooling.
        """
        match = FORM.fullmatch(text)
        if match is None:
            raise UsageError(
                f"Found 'hub:{text}'; expected hub:ORG/NAME[@REVISION][:POOLING], e.g. hub:facebook/dinov2-small:mean."
            )
        repository, revision, pooling = match["repository"], match["revision"], match["pooling"]
        if pooling and pooling not in POOLINGS:
            raise UsageError(f"Found the pooling '{pooling}' in 'hub:{text}'; expected one of {', '.join(POOLINGS)}.")
        return cls(repository, revision or BRANCH, pooling or "")

    def __str__(self) -> str:
        """`hub:ORG/NAME@REVISION:POOLING`."""
        return f"hub:{self.repository}@{self.revision}" + (f":{self.pooling}" if self.pooling else "")
