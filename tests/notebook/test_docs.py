"""docs/notebook.md says what is so: its numbers are those of the code, its calls exist."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import heldout.notebook
from heldout.notebook.album import PAGE
from heldout.notebook.bars import PAUSE
from heldout.notebook.of_study import AT_ONCE
from heldout.study import Study

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "notebook.md").read_text(encoding="utf-8")


def test_numbers_of_the_page_are_those_of_the_code() -> None:
    module = (Path(heldout.notebook.__file__).parent / "templates" / "gallery.js").read_text(encoding="utf-8")
    kept = re.search(r"const KEPT = (\d+);", module)
    assert kept is not None and int(kept[1]) == 6 * PAGE and "keeps six such pages" in TEXT
    assert f"{PAGE} at most at a time" in TEXT
    assert f"up to {AT_ONCE:,}" in TEXT
    assert PAUSE == 1 / 4 and "four times a second at most" in TEXT


def test_calls_of_the_page_exist() -> None:
    found = 0
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        for call in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)):
            assert isinstance(call.func, ast.Attribute)
            name = call.func.attr
            taken = inspect.signature(Study if name == "Study" else getattr(Study, name)).parameters
            assert {one.arg for one in call.keywords} <= set(taken)
            found += 1
    assert found == 6


def test_the_extra_is_in_the_package() -> None:
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {re.split(r"[><=]", one)[0] for one in extras["notebook"]} == {"anywidget", "ipywidgets"}
