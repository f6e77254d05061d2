"""The house rules, enforced: floors, no circles (within packages too), private modules, a cheap half without torch."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "heldout"

FLOORS = {
    "_version": 0,
    "errors": 0,
    "processes": 0,
    "computing": 0,
    "registry": 1,
    "settings": 1,
    "files": 1,
    "claims": 1,
    "remote": 2,
    "system_errors": 1,
    "language": 2,
    "replacing": 2,
    "structured_reports": 3,
    "array_files": 2,
    "optional": 1,
    "progress": 1,
    "displayed": 1,
    "shown": 1,
    "ties": 1,
    "connected": 1,
    "records": 2,
    "work": 2,
    "stats": 3,
    "images": 3,
    "answer": 4,
    "phantoms": 4,
    "data.entries": 4,
    "data.labels": 5,
    "data.door": 6,
    "data.examine": 6,
    "data.readers": 6,
    "data.draft": 7,
    "data.tabulate": 7,
    "data.load": 8,
    "data.input_map": 8,
    "data.memory": 8,
    "data.splits": 8,
    "data.squares": 7,
    "data.squaring": 6,
    "data.store": 8,
    "strategies": 7,
    "runs.earlier": 8,
    "runs.ledger": 8,
    "backbones": 8,
    "training": 9,
    "runs.recipes": 8,
    "runs.folder": 9,
    "runs.sitting": 9,
    "runs.under_way": 10,
    "runs.tidy": 8,
    "runs.study_checks": 8,
    "runs.judging": 9,
    "given": 11,
    "runs.answers": 8,
    "runs.one_label": 10,
    "runs.read_classes": 8,
    "runs.read_images": 9,
    "runs.read_labels": 8,
    "runs.rows": 10,
    "stresses": 5,
    "runs.stressed": 10,
    "runs.stress_report": 11,
    "runs.stress": 12,
    "runs.pairs": 11,
    "runs.compare_folds": 11,
    "runs.compare_labels": 11,
    "runs.compare": 12,
    "trackers": 13,
    "runs.calibrated": 9,
    "runs.candidates": 10,
    "runs.predict": 11,
    "saliency": 12,
    "exporting": 12,
    "runs.plan": 8,
    "runs.selections": 8,
    "runs.ladder": 8,
    "runs.asked": 9,
    "runs.write_study": 9,
    "runs.share": 8,
    "runs.rates": 10,
    "runs.rule_judging": 9,
    "runs.context": 10,
    "runs.fit": 11,
    "runs.feature_spans": 11,
    "runs.tuning": 12,
    "runs.join": 12,
    "executors": 9,
    "runs.execute": 13,
    "runs.auto": 13,
    "runs.cross_validation": 14,
    "runs.auto_study": 15,
    "diagnosis.content": 2,
    "diagnosis.looks": 2,
    "diagnosis.rules": 2,
    "diagnosis.absence": 3,
    "diagnosis.words": 4,
    "diagnosis.results": 4,
    "diagnosis.variants": 10,
    "diagnosis.run_data": 11,
    "diagnosis.relatives": 11,
    "diagnosis.baseline": 12,
    "diagnosis.patients": 12,
    "diagnosis.seeds": 12,
    "diagnosis.tables": 12,
    "runs.calibrate": 13,
    "diagnosis.read": 13,
    "diagnosis.suspects": 13,
    "diagnosis.gap": 14,
    "diagnosis.contradiction": 15,
    "diagnosis.groups": 15,
    "diagnosis.properties": 15,
    "diagnosis.appearance": 16,
    "diagnosis.cause_data": 17,
    "diagnosis.effects": 18,
    "diagnosis.trials": 18,
    "diagnosis.training_images": 19,
    "diagnosis.pooled": 19,
    "diagnosis.doses": 19,
    "diagnosis.verdict": 19,
    "diagnosis.causes": 20,
    "diagnosis.lenses": 20,
    "diagnosis.interventions": 20,
    "diagnosis.order": 21,
    "diagnosis.carriers": 21,
    "diagnosis.labels_in_doubt": 21,
    "diagnosis.shares": 21,
    "diagnosis.summary": 21,
    "diagnosis.experiments": 21,
    "diagnosis.diagnose": 22,
    "diagnosis.until_told": 23,
    "report": 23,
    "paper": 24,
    "review": 24,
    "handing_over": 25,
    "notebook": 25,
    "web": 25,
    "study": 26,
    "fitted": 26,
    "classifier": 27,
    "demonstration": 27,
    "any_model": 27,
    "cli": 28,
    "__init__": 29,
}
"""A module imports only from its own room or from lower floors; a room is a folder of `src/heldout`, or a file or a
folder of `data`, `runs` and `diagnosis`. Two rooms on one floor do not see each other. strategies stand below training,
not above: a strategy is a plan in plain data, and needs no torch."""

DIVIDED = {"data", "runs", "diagnosis"}

HEAVY = {"torch", "torchvision", "timm", "accelerate", "safetensors"}
HEAVY_ROOMS = {"backbones", "training", "diagnosis.interventions", "runs.context", "runs.fit", "runs.predict"}
HEAVY_ROOMS |= {"runs.execute", "runs.tuning", "runs.join", "runs.cross_validation", "runs.auto", "runs.auto_study"}
HEAVY_ROOMS |= {"runs.feature_spans", "study", "classifier", "fitted", "runs.stress", "saliency", "exporting"}
HEAVY_ROOMS |= {"handing_over"}


@cache
def modules() -> tuple[Path, ...]:
    return tuple(sorted(SOURCE.rglob("*.py")))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def home(path: Path) -> str:
    return room(path.relative_to(SOURCE).with_suffix("").parts)


def room(parts: Sequence[str]) -> str:
    """The room of a module, its name being given in parts without `heldout`."""
    if parts[0] in DIVIDED and len(parts) > 1 and parts[1] != "__init__":
        return f"{parts[0]}.{parts[1]}"
    return parts[0]


@cache
def walked(text: str) -> tuple[tuple[ast.Import | ast.ImportFrom, ...], tuple[str, ...]]:
    """Every import of a module, at the top and within functions; its functions that take `**words`."""
    imports: list[ast.Import | ast.ImportFrom] = []
    takers = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.args.kwarg is not None:
            takers.append(f"{node.name} takes **{node.args.kwarg.arg}")
    return tuple(imports), tuple(takers)


def imports_in(text: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    return walked(text)[0]


def imported(nodes: Sequence[ast.Import | ast.ImportFrom]) -> set[str]:
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        else:
            assert node.level == 0, "relative imports hide the floor they come from"
            assert node.module
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@cache
def imports_of(path: Path) -> frozenset[str]:
    return frozenset(imported(imports_in(path.read_text())))


def broken_floors(path: Path) -> list[str]:
    """What a module imports from its own floor or from higher ones."""
    here = home(path)
    if here in DIVIDED:
        return [f"{here}/__init__.py holds no code, and imports {name}" for name in imports_of(path)]
    if here not in FLOORS:
        return [f"{here} has no floor: give it one in this test"]
    found = []
    for name in sorted(imports_of(path)):
        parts = name.split(".")
        if parts[0] != "heldout" or len(parts) == 1:
            continue
        there = room(parts[1:])
        if there not in FLOORS or there == here:
            continue
        if not (FLOORS[there] < FLOORS[here] or there == "_version"):
            found.append(f"{path.relative_to(SOURCE)} ({here}) imports {name}")
    return found


def test_a_module_imports_only_lower_floors() -> None:
    assert len(modules()) > 400
    assert [line for path in modules() for line in broken_floors(path)] == []


def arrows(package: Path) -> dict[str, set[str]]:
    """Module -> modules of the same package that it imports.

    Every import counts: at the top of a file, within a function (where circles hide), and under TYPE_CHECKING (a circle
    of knowledge is one too). Importing `a.b` does not count as importing the face of `a`; importing a name of `a` does.
    """
    files = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    graph = {}
    for name, path in files.items():
        found: set[str] = set()
        for node in imports_in(path.read_text()):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif node.module:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                found.update(module if module in files else node.module for module in full)
        graph[name] = found & files.keys() - {name}
    return graph


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of a circle, the first again at the end; empty if there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = arrows(SOURCE)
    assert len(graph) == len(modules()) and sum(map(len, graph.values())) > len(graph)
    assert circle(graph) == []


@pytest.mark.parametrize(
    "closing",
    [
        "from made.a import x",
        "def f():\n    from made.a import x",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from made import a",
        "import made.inner.c",
    ],
)
def test_a_circle_is_noticed_wherever_the_import_stands(tmp_path: Path, closing: str) -> None:
    inner = tmp_path / "made" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "made" / "__init__.py").write_text("from made.a import x\n")
    (tmp_path / "made" / "a.py").write_text("from made.b import x\n")
    (inner / "__init__.py").write_text("")
    (inner / "c.py").write_text("from made.b import x\n")
    (tmp_path / "made" / "b.py").write_text("x = 1\n")
    assert circle(arrows(tmp_path / "made")) == []
    (tmp_path / "made" / "b.py").write_text(f"{closing}\n")
    assert "made.b" in circle(arrows(tmp_path / "made"))


def intrusions(path: Path, root: Path, within: tuple[str, ...]) -> list[str]:
    """Private modules (a leading `_`) that a file imports from outside the folder they stand in.

    Args:
        path: The file.
        root: Folder that holds the packages.
        within: Packages whose private modules are asked for.
    """
    here = path.relative_to(root).parts[:-1] if path.is_relative_to(root) else ()
    found = []
    for name in sorted(imports_of(path)):
        parts = tuple(name.split("."))
        for depth, part in enumerate(parts):
            folder = parts[:depth]
            place = root.joinpath(*folder, part)
            private = part.startswith("_") and not part.startswith("__")
            if not private or not (place.is_dir() or place.with_suffix(".py").is_file()):
                continue
            asked = any(f"{'.'.join(folder)}.".startswith(f"{package}.") for package in within)
            if asked and here[:depth] != folder:
                found.append(".".join(parts[: depth + 1]))
    return sorted(set(found))


def test_nobody_imports_the_private_modules_of_another_folder() -> None:
    files = [
        path for part in ("src", "tests", "benchmarks", "scripts", "examples") for path in (ROOT / part).rglob("*.py")
    ]
    assert len(files) > len(modules())
    found = {str(path.relative_to(ROOT)): intrusions(path, SOURCE.parent, ("heldout",)) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


def test_an_intrusion_is_noticed(tmp_path: Path) -> None:
    for folder in ("made/one/deep", "made/two"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "made/one/_own.py").write_text("_x = 1\n")
    text = "from made.one._own import _x\ndef f():\n    from made.one import _own\n    from made import __doc__\n"
    for file in ("made/one/a.py", "made/one/deep/b.py", "made/two/c.py", "made/d.py"):
        (tmp_path / file).write_text(text)
    found = {file: intrusions(tmp_path / file, tmp_path, ("made",)) for file in ("made/one/a.py", "made/one/deep/b.py")}
    assert not any(found.values()), "a folder's own modules, and those of folders in it, may"
    for file in ("made/two/c.py", "made/d.py"):
        assert intrusions(tmp_path / file, tmp_path, ("made",)) == ["made.one._own"]
        assert intrusions(tmp_path / file, tmp_path, ("made.two",)) == []
        assert intrusions(tmp_path / file, tmp_path / "made", ("made",)) == []
    outside = tmp_path / "script.py"
    outside.write_text(text)
    assert intrusions(outside, tmp_path, ("made",)) == ["made.one._own"]


def test_only_the_heavy_half_names_torch() -> None:
    heavy = {path: {name.split(".")[0] for name in imports_of(path)} & HEAVY for path in modules()}
    assert any(heavy.values())
    assert {
        str(path.relative_to(SOURCE)) for path, names in heavy.items() if names if home(path) not in HEAVY_ROOMS
    } == set()


def test_no_wildcard_imports_and_no_kwargs_of_our_own() -> None:
    for path in modules():
        assert not any(name.endswith(".*") for name in imports_of(path)), path
        assert walked(path.read_text())[1] == (), path


CHEAP = [
    "import heldout",
    "import heldout.runs.compare",
    "import heldout.report",
    "import heldout.saliency",
    "import heldout.data.load, heldout.data.splits, heldout.phantoms",
    "import heldout.backbones.sources; list(heldout.backbones.sources.sources)",
    "import heldout.strategies; list(heldout.strategies.strategies)",
    "import heldout.diagnosis.causes; list(heldout.diagnosis.causes.causes)",
    "from heldout.cli import main; main(['--help'])",
]


@pytest.mark.parametrize("statement", CHEAP)
def test_the_cheap_half_never_imports_torch(statement: str) -> None:
    code = f"{statement}\nimport sys\nassert 'torch' not in sys.modules, 'torch was imported'"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_picture_of_the_floors_is_that_of_the_imports() -> None:
    script = [sys.executable, str(ROOT / "scripts" / "make_architecture.py"), "--check"]
    result = subprocess.run(script, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


DISPLAYED = {
    "diagnosis/causes/leakage.py: SHOWN_CHANGES",
    "diagnosis/causes/covariate_shift.py: NAMED_FROM",
    "diagnosis/doses.py: LEARNED",
    "diagnosis/gap/prior.py: NAMED",
    "diagnosis/gap/prior.py: NAMED_FROM",
    "diagnosis/gap/prior.py: OTHERS",
    "diagnosis/causes/new_site.py: SHOWN",
    "diagnosis/gap/prior.py: SHOWN",
    "diagnosis/summary.py: NAMED_FROM",
    "diagnosis/tables.py: CHUNK",
    "diagnosis/words.py: NAMED",
}
"""Numbers that no verdict hangs on: from where on something is named in a sentence, how many images are read at a
time. All others stand in `diagnosis/rules.py`."""


def numbers_set(tree: ast.Module) -> list[str]:
    """Names of constants in capitals at the top of a module that are numbers, or made of numbers alone."""
    found = []
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = getattr(node, "value", None)
        numeric = value is not None and any(
            isinstance(part, ast.Constant) and isinstance(part.value, int | float) and not isinstance(part.value, bool)
            for part in ast.walk(value)
            if not isinstance(value, ast.Dict | ast.Call)
        )
        found += [target.id for target in targets if isinstance(target, ast.Name) and target.id.isupper() and numeric]
    return found


def test_hand_set_numbers_of_the_diagnosis_stand_in_the_rules() -> None:
    """Interventions have settings of their own (strengths, sizes of batches); what verdicts ask of them are rules."""
    places = [SOURCE / "diagnosis", *(SOURCE / "diagnosis" / name for name in ("causes", "gap", "lenses"))]
    paths = [path for place in places for path in place.glob("*.py")]
    assert len(paths) > 40
    found = {f"{path.relative_to(SOURCE)}: {name}" for path in paths for name in numbers_set(parsed(path))}
    assert found == DISPLAYED


def test_a_hand_set_number_is_noticed() -> None:
    tree = ast.parse("MARGIN = 1.5\nFEWEST: int = 10\nPAIR = (0.5, 2)\nTWICE = 2 * 3\nNAME = 'a'\nFINE = True\nx = 3\n")
    assert numbers_set(tree) == ["MARGIN", "FEWEST", "PAIR", "TWICE"]
