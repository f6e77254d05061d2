"""Why an image is refused."""

from __future__ import annotations

from heldout.errors import HeldoutError, Problem


class ImageError(HeldoutError):
    """An image, or an array of images, that cannot be read faithfully.

    Args:
        where: The file, with the array and row in it.
        found: What is there.
        expected: What should be there.
        remedy: What the person can do about it.
    """

    def __init__(self, where: str, found: str, expected: str, remedy: str) -> None:
        self.where = where
        self.found = found
        self.expected = expected
        self.remedy = remedy
        super().__init__(str(self.problem(where)))

    def problem(self, where: str, source: str = "") -> Problem:
        """The same as a `Problem`, said of a place that the person knows: relative to DATA, with a manifest's line."""
        return Problem(where, self.found, self.expected, self.remedy, source)


class SeveralImagesError(ImageError):
    """A file of several images, of which none was chosen.

    Args:
        where: The file.
        count: How many it holds.
        noun: What they are called: pages, frames.
        alike: Whether each is an image of its own, as rows of an array are.
    """

    def __init__(self, where: str, count: int, noun: str, alike: bool) -> None:
        self.count = count
        self.alike = alike
        super().__init__(
            where,
            f"{count} {noun}",
            "one image",
            "Name the one that matters in the column `row` of a manifest (from 0), or write each as a file of its own.",
        )
