"""The pages of `heldout serve`: one page a file, found by the shelf and put at the place it names."""

from heldout.registry import Shelf
from heldout.web.page import WebPage

pages: Shelf[WebPage] = Shelf("heldout.web.pages", attribute="PAGE", noun="web page", group="heldout.pages")

__all__ = ["WebPage", "pages"]
