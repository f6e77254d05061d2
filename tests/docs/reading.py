"""What the pages for people hold: command lines and blocks of Python, with the place each stands at."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")],
    key=lambda path: (path.parent != ROOT, str(path)),
)

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(heldout [a-z][^`]*)`")


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: Path of the page within the repository.
        line: Line of the page at which the code begins, from 1.
        language: What stands behind the fence; empty if nothing does.
        code: The text.
    """

    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command line of `heldout`.

    Attributes:
        place: Page and line.
        words: The words after `heldout`.
        whole: Whether it can be carried out as it stands; `heldout run` within a sentence, or `heldout run … --order`,
            names a command and options and leaves the rest open.
    """

    place: str
    words: tuple[str, ...]
    whole: bool

    def __str__(self) -> str:
        return f"{self.place}: heldout {shlex.join(self.words)}"


def blocks() -> Iterator[Block]:
    """Every block of every page."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for found in FENCE.finditer(text):
            line = text.count("\n", 0, found.start()) + 2
            yield Block(str(path.relative_to(ROOT)), line, found[2], found[3])


def commands() -> Iterator[Command]:
    """Every command line: those of blocks, and those within sentences."""
    for block in blocks():
        if block.language in ("", "sh"):
            yield from _of_block(block)
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        blank = FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
        for found in INLINE.finditer(blank):
            words = tuple(shlex.split(found[1]))[1:]
            place = f"{path.relative_to(ROOT)}:{blank.count(chr(10), 0, found.start()) + 1}"
            yield Command(place, tuple(word for word in words if word != "…"), len(words) > 1 and "…" not in found[1])


def _of_block(block: Block) -> Iterator[Command]:
    """Command lines of a block; what stands behind two spaces or `#` is a remark."""
    lines = re.sub(r"\\\n *", "", block.code).splitlines()
    for line in lines:
        for part in line.removeprefix("$ ").split("&&"):
            said = re.split(r" {2,}|\s#\s", part.strip())[0]
            if said.startswith("heldout "):
                yield Command(str(block), tuple(shlex.split(said))[1:], True)
