"""The rules of the house, enforced: floors, no cycles, no wildcard imports, nothing heavy on the cheap half."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "heldout"

FLOORS = {
    "_version": 0,
    "errors": 0,
    "registry": 1,
    "settings": 1,
    "files": 1,
    "optional": 1,
    "progress": 1,
    "ties": 1,
    "records": 2,
    "stats": 3,
    "images": 3,
    "phantoms": 3,
    "readers": 4,
    "splits": 4,
    "store": 4,
    "runs": 4,
    "compare": 5,
    "backbones": 5,
    "strategies": 5,
    "evidence": 5,
    "training": 6,
    "budget": 6,
    "causes": 7,
    "fit": 8,
    "diagnose": 8,
    "report": 9,
    "predict": 9,
    "tuning": 9,
    "experiments": 10,
    "study": 11,
    "classifier": 12,
    "cli": 13,
    "__init__": 14,
}
"""A module imports only from its own package or from lower floors. Two packages on one floor do not see each other.
strategies stand below training, not above: a strategy is a plan in plain data, and needs no torch."""

HEAVY = {"torch", "torchvision", "timm", "accelerate", "safetensors"}
HEAVY_HALF = {"backbones", "training", "fit", "predict", "classifier", "tuning", "study", "experiments"}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def home(path: Path) -> str:
    relative = path.relative_to(SOURCE)
    return relative.parts[0].removesuffix(".py")


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
    assert here in FLOORS, f"{here} has no floor: give it one in this test"
    for name in imported(ast.parse(path.read_text())):
        parts = name.split(".")
        if parts[0] != "heldout" or len(parts) == 1:
            continue
        there = parts[1]
        if there not in FLOORS or there == here:
            continue
        assert FLOORS[there] < FLOORS[here] or there == "_version", f"{path.name} ({here}) imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_the_heavy_half_names_torch(path: Path) -> None:
    if home(path) in HEAVY_HALF:
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
    "import heldout.compare",
    "import heldout.report",
    "import heldout.readers, heldout.splits, heldout.phantoms",
    "import heldout.strategies; list(heldout.strategies.strategies)",
    "import heldout.causes; list(heldout.causes.causes)",
    "from heldout.cli import main; main(['--help'])",
]


@pytest.mark.parametrize("statement", CHEAP)
def test_the_cheap_half_never_imports_torch(statement: str) -> None:
    code = f"{statement}\nimport sys\nassert 'torch' not in sys.modules, 'torch was imported'"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
