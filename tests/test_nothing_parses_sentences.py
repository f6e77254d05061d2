"""Nothing is decided by reading a sentence: terminal, report and their common answers ask typed fields."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "heldout"
ROOMS = ("answer", "cli", "report")

PROSE = {"sentence", "reason", "detail", "summary", "notes", "words", "remedy", "note", "caption", "title"}
"""Names of fields and of keys that hold text for people."""

READING = {
    "startswith",
    "endswith",
    "partition",
    "rpartition",
    "find",
    "index",
    "removeprefix",
    "removesuffix",
}


def prose(node: ast.expr) -> bool:
    """Whether an expression is text for people: `finding.reason`, `verdict["reason"]`, a name like `note`."""
    if isinstance(node, ast.Attribute):
        return node.attr in PROSE
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value in PROSE
    return isinstance(node, ast.Name) and node.id in PROSE


def readings(tree: ast.AST) -> list[int]:
    """Lines that read a sentence: `"x" in reason`, `note.startswith(…)`, `title.partition(…)`."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            texts = (isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)) or prose(node.left)
            lines += [node.lineno for right in node.comparators if texts and prose(right)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            lines += [node.lineno] if node.func.attr in READING and prose(node.func.value) else []
    return lines


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_reads_sentences(room: str) -> None:
    found = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path in sorted((SOURCE / room).rglob("*.py"))
        for line in readings(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        'untold = "cannot" in verdict["reason"]',
        "[note for note in notes if note.startswith(HINT)]",
        'basis = lens.title.partition(": ")[2]',
        'reason = "" if finding.reason in finding.sentence else finding.reason',
    ],
)
def test_what_stood_here_before_would_be_found(line: str) -> None:
    assert readings(ast.parse(line))
