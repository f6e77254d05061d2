"""What tests in a real browser have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

TRIES, PAUSE = 1200, 50
"""How often is asked, and the milliseconds between."""


def until(page: Page, expression: str) -> None:
    """Wait until something is true; the page's own policy forbids playwright's way, which evaluates text.

    An expression that cannot be evaluated is not true yet: while a page is left for another there is no element at all.

    Args:
        page: In which.
        expression: Of JavaScript.

    Raises:
        AssertionError: It never was.
    """
    from playwright.sync_api import Error

    said: Error | None = None
    for _ in range(TRIES):
        try:
            if page.evaluate(expression):
                return
            said = None
        except Error as error:
            said = error
        page.wait_for_timeout(PAUSE)
    raise AssertionError(f"never true: {expression}") from said
