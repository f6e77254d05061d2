"""What a page of `heldout serve` is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute

from heldout.web.site import Site


@dataclass(frozen=True)
class WebPage:
    """A page, bound to `PAGE` in a file of its own in `pages/`.

    Attributes:
        name: Name on the shelf, and the address of the page below the token: `/TOKEN/name`.
        title: What the menu calls it.
        order: Its place in the menu: ours are the hundreds, so that another may stand between.
        routes: Its addresses, with `/name` among them; what they answer is asked of the site.
    """

    name: str
    title: str
    order: int
    routes: Callable[[Site], Sequence[BaseRoute]]
