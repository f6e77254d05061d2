"""The rules of the house, enforced: floors, no cycles, no wildcard imports, nothing heavy on the cheap half."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "heldout"

FLOORS = {
    "_version": 0,
    "errors": 0,
    "registry": 1,
    "settings": 1,
    "files": 1,
    "claims": 2,
    "optional": 1,
    "progress": 1,
    "records": 2,
    "stats": 3,
    "images": 3,
    "phantoms": 4,
    "data.entries": 5,
    "data.examine": 6,
    "data.readers": 6,
    "data.load": 7,
    "data.memory": 8,
    "data.splits": 8,
    "data.store": 8,
    "strategies": 7,
    "runs.earlier": 8,
    "runs.ledger": 8,
    "backbones": 8,
    "training": 9,
    "runs.folder": 9,
    "runs.compare": 10,
    "runs.predict": 10,
    "runs.plan": 8,
    "runs.write_study": 9,
    "runs.share": 8,
    "runs.context": 10,
    "runs.fit": 11,
    "runs.tuning": 12,
    "runs.execute": 13,
    "diagnosis.variants": 10,
    "diagnosis.run_data": 11,
    "diagnosis.relatives": 11,
    "diagnosis.tables": 12,
    "diagnosis.read": 13,
    "diagnosis.gap": 14,
    "diagnosis.causes": 15,
    "diagnosis.interventions": 15,
    "diagnosis.diagnose": 16,
    "report": 17,
    "study": 18,
    "classifier": 19,
    "cli": 20,
    "__init__": 21,
}
"""A module imports only from its own room or from lower floors; a room is a folder of `src/heldout`, or a file or a
folder of `data`, `runs` and `diagnosis`. Two rooms on one floor do not see each other. strategies stand below training,
not above: a strategy is a plan in plain data, and needs no torch."""

DIVIDED = {"data", "runs", "diagnosis"}

HEAVY = {"torch", "torchvision", "timm", "accelerate", "safetensors"}
HEAVY_ROOMS = {"backbones", "training", "diagnosis.interventions", "runs.context", "runs.fit", "runs.predict"}
HEAVY_ROOMS |= {"runs.execute", "runs.tuning"}
HEAVY_ROOMS |= {"study", "classifier"}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def home(path: Path) -> str:
    return room(path.relative_to(SOURCE).with_suffix("").parts)


def room(parts: Sequence[str]) -> str:
    """The room of a module, its name being given in parts without `heldout`."""
    if parts[0] in DIVIDED and len(parts) > 1 and parts[1] != "__init__":
        return f"{parts[0]}.{parts[1]}"
    return parts[0]


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the floor they come from"
            assert node.module
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_lower_floors(path: Path) -> None:
    here = home(path)
    if here in DIVIDED:
        assert not imported(ast.parse(path.read_text())), f"{here}/__init__.py holds no code"
        return
    assert here in FLOORS, f"{here} has no floor: give it one in this test"
    for name in imported(ast.parse(path.read_text())):
        parts = name.split(".")
        if parts[0] != "heldout" or len(parts) == 1:
            continue
        there = room(parts[1:])
        if there not in FLOORS or there == here:
            continue
        assert FLOORS[there] < FLOORS[here] or there == "_version", f"{path.name} ({here}) imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_the_heavy_half_names_torch(path: Path) -> None:
    if home(path) in HEAVY_ROOMS:
        return
    roots = {name.split(".")[0] for name in imported(ast.parse(path.read_text()))}
    assert not roots & HEAVY


def test_no_wildcard_imports_and_no_kwargs_of_our_own() -> None:
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert all(alias.name != "*" for alias in node.names), path
            if isinstance(node, ast.FunctionDef):
                assert node.args.kwarg is None, f"{path.name}: {node.name} takes **{node.args.kwarg.arg}"


CHEAP = [
    "import heldout",
    "import heldout.runs.compare",
    "import heldout.report",
    "import heldout.data.load, heldout.data.splits, heldout.phantoms",
    "import heldout.strategies; list(heldout.strategies.strategies)",
    "import heldout.diagnosis.causes; list(heldout.diagnosis.causes.causes)",
    "from heldout.cli import main; main(['--help'])",
]


@pytest.mark.parametrize("statement", CHEAP)
def test_the_cheap_half_never_imports_torch(statement: str) -> None:
    code = f"{statement}\nimport sys\nassert 'torch' not in sys.modules, 'torch was imported'"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
