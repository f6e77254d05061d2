"""Nothing is decided by reading a sentence: all of `src/heldout` asks typed fields; what reads words has its reason."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "heldout"

PROSE = {"caption", "detail", "message", "note", "notes", "reason", "remedy", "sentence", "summary", "title", "words"}
"""Names, fields and keys that hold words for people; `kind`, `verdict`, `status`, `code` are for programs."""

PROSE_FIELDS = {*PROSE, "text", "method"}
"""The same of fields and keys alone: a variable called `text` is often what a person typed, which has to be read."""

SEARCHES = {"startswith", "endswith", "removeprefix", "removesuffix", "find", "rfind", "index", "rindex", "count"}
CUTS = {"partition", "rpartition", "split", "rsplit"}
"""Ways of reading; to cut at white space only lays out."""

PATTERNS = {"search", "match", "fullmatch", "findall", "finditer"}

TORCH = "torch's words, which advise what must not be done: they are replaced"
TRANSLATED = "how a page is shown in another language; nothing is decided by it"
LAYOUT = "words that stand above already are not shown twice"

ALLOWED = {
    r"backbones/weights.py: re.sub('\\x1b\\[\\d+m', '', str(error))": TORCH,
    "backbones/weights.py: re.search('unsupported (?:global|class|operand)', said, re.IGNORECASE)": TORCH,
    r"backbones/weights.py: re.search('(?:GLOBAL:?|class|globals:) ([\\w.]*\\w)', said)": TORCH,
    "language/page.py: pieces[0].text == bare": TRANSLATED,
    "language/page.py: msgid not in words": TRANSLATED,
    "language/page.py: LETTERS.search(piece.text)": TRANSLATED,
    "cli/views/inspect.py: note != told": LAYOUT,
    "report/sections/_why_tables.py: lens.title != caption": LAYOUT,
    "claims.py: _read(self.path) == self.text": "a claim's text is for programs: who holds the claim",
    "notebook/plain.py: cell.note.startswith('[')": "an interval in brackets gets no parentheses round them",
}
"""What reads words all the same -> why it may."""


def is_prose(node: ast.AST) -> bool:
    """Whether an expression is words for people, or made of them: lowered, stripped, sliced.

    `finding.reason`, `verdict["reason"]`, `row.get("note")`, a name like `note`, an exception's text.
    """
    if isinstance(node, ast.Call):
        called = node.func
        if isinstance(called, ast.Name):
            return called.id == "str" and bool(node.args) and is_exception(node.args[0])
        asked = isinstance(called, ast.Attribute) and called.attr == "get" and node.args
        return (bool(asked) and is_key(node.args[0])) or (isinstance(called, ast.Attribute) and is_prose(called.value))
    if isinstance(node, ast.Subscript):
        named = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
        return is_key(node.slice) or (not named and is_prose(node.value))
    if isinstance(node, ast.Attribute):
        return node.attr in PROSE_FIELDS
    return isinstance(node, ast.Name) and node.id in PROSE


def is_key(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in PROSE_FIELDS


def is_exception(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("error", "exception", "reason")


def is_phrase(node: ast.expr) -> bool:
    """Whether it is a text of several words: nothing but a sentence has one in it."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value.split()) > 1


def compares(node: ast.Compare) -> bool:
    """Whether a comparison reads words: `"x" in reason`, `reason == "x"`, `"two words" in anything`."""
    for left, how, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
        if isinstance(how, ast.Is | ast.IsNot):
            continue
        within = isinstance(how, ast.In | ast.NotIn) and not isinstance(right, ast.Tuple | ast.Set | ast.List)
        if is_prose(left) or is_prose(right) or (within and is_phrase(left)):
            return True
    return False


def calls(node: ast.Call) -> bool:
    """Whether a call reads words: searches in them, cuts them at a word, looks something up by them."""
    if not isinstance(node.func, ast.Attribute):
        return False
    name, owner, given = node.func.attr, node.func.value, node.args
    phrase = any(map(is_phrase, given))
    if name in SEARCHES:
        return is_prose(owner) or phrase
    if name in CUTS:
        blank = not given or (isinstance(given[0], ast.Constant) and not str(given[0].value).strip())
        return (is_prose(owner) and not blank) or phrase
    regular = isinstance(owner, ast.Name) and owner.id == "re"
    if name in PATTERNS:
        return any(map(is_prose, given)) or (regular and phrase)
    return (regular or name == "get") and any(map(is_prose, given))


def readings(tree: ast.AST) -> list[str]:
    """Everything that reads words for people, as source."""
    found: list[ast.AST] = []
    for node in ast.walk(tree):
        if (isinstance(node, ast.Compare) and compares(node)) or (isinstance(node, ast.Call) and calls(node)):
            found.append(node)
        if isinstance(node, ast.Match) and is_prose(node.subject):
            found.append(node.subject)
        if isinstance(node, ast.Subscript) and is_prose(node.slice):
            found.append(node)
    return [ast.unparse(node) for node in found]


def test_nothing_is_decided_by_reading_a_sentence() -> None:
    paths = sorted(SOURCE.rglob("*.py"))
    assert len(paths) > 300
    found = {
        f"{path.relative_to(SOURCE)}: {line}"
        for path in paths
        for line in readings(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found - ALLOWED.keys() == set(), "ask a typed field"
    assert ALLOWED.keys() - found == set(), "allowed, but no longer there"
    assert all(ALLOWED.values())


@pytest.mark.parametrize(
    "line",
    [
        'untold = "cannot" in verdict["reason"]',
        "if 'overlap' in finding.reason: pass",
        "[note for note in notes if note.startswith(HINT)]",
        'basis = lens.title.partition(": ")[2]',
        'reason = "" if finding.reason in finding.sentence else finding.reason',
        "x = finding.sentence == 'no'",
        "x = a.detail.startswith('not measured')",
        "x = a.detail.lower().startswith('not')",
        "x = a.text[4:] != 'no'",
        "x = split.method == 'given'",
        "x = any('not converged' in row.phase for row in history)",
        "x = row.phase.count('not converged')",
        "if 'pickle' in str(error).lower(): pass",
        "x = about.get('reason') == 'it failed'",
        "re.search('instead of', finding.reason)",
        "PATTERN.search(finding.reason)",
        "x = finding.reason.removeprefix('because ')",
        "x = TABLE[finding.reason]",
        "x = TABLE.get(finding.reason)",
        "match found.summary:\n    case 'a':\n        pass",
    ],
)
def test_reading_a_sentence_is_noticed(line: str) -> None:
    assert readings(ast.parse(line))


@pytest.mark.parametrize(
    "line",
    [
        "x = f'{finding.reason}: {finding.sentence}' if finding.reason else finding.kind == 'more images'",
        "x = finding.verdict in ('not identifiable', 'not applicable')",
        "x = ' '.join(str(error).split())[:200]",
        "first = str(error).partition('\\n')[0]",
        "x = finding.reason is None",
        "x = summary['images'] == 1",
    ],
)
def test_showing_a_sentence_is_no_reading(line: str) -> None:
    assert readings(ast.parse(line)) == []
