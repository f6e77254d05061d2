"""Mutants of a room's code, held against the room's own tests: what no test notices is printed.

    pip install cosmic-ray
    python benchmarks/mutants.py stats tests/stats --sample 60
    python benchmarks/mutants.py diagnosis/gap tests/diagnosis/gap tests/diagnosis/causes/test_selection.py
    python benchmarks/mutants.py data/splits tests/data/splits

The mutations are cosmic-ray's. A place in the code is drawn first and one of its mutations then, since an arithmetic
operator alone has ten. Left out are annotations, which run nothing, the wording of texts, and decorators, without which
a module does not import or (`frozen`) only forbids less. A mutant is killed if a test fails, or if the tests take five
times the processor time that they took without it. A line a mutant goes to OUT/<room>.jsonl; the same command goes on
from there.

Tests run in a fork of a process that has imported the libraries, on a copy of the source: nothing here is changed.
Those of the module's own name come first, and quick ones before slow ones.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib
import json
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent

LEFT_OUT = ("RemoveDecorator", "VariableReplacer", "VariableInserter")
"""Mutations without which a module does not import, or that need a configuration."""

LIBRARIES = ("hypothesis", "pandas", "pyarrow", "pydantic", "scipy.stats", "sklearn.metrics", "statsmodels.api")
"""Imported once."""

PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")

PATIENCE = 5.0


@dataclass(frozen=True)
class Mutant:
    """A change of the code.

    Attributes:
        file: The module, relative to the package.
        line: Where it is.
        mutation: Its name.
        occurrence: Which place of that mutation in the module.
        outcome: `killed`, `killed by time`, `survived`.
        change: The lines that differ.
    """

    file: str
    line: int
    mutation: str
    occurrence: int
    outcome: str = ""
    change: str = ""


def places(package: Path, room: str) -> Iterator[tuple[tuple[str, int, int], Mutant]]:
    """Every mutation of a room: (file, line, column) and the mutant."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    for file in sorted((package / room).rglob("*.py")):
        tree = get_ast(file.read_text())
        for name in operator_names():
            if name.endswith(LEFT_OUT):
                continue
            operator, occurrence = get_operator(name)(), 0
            for node in ast_nodes(tree):
                for (line, column), _ in operator.mutation_positions(node):
                    where = file.relative_to(package).as_posix()
                    yield (where, line, column), Mutant(where, line, name, occurrence)
                    occurrence += 1


def mutated(text: str, mutant: Mutant) -> str | None:
    """The module with the change; None where it runs alike or not at all."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    changed = mutate_code(text, get_operator(mutant.mutation)(), mutant.occurrence)
    try:
        same = changed is None or _run(changed) == _run(text)
    except SyntaxError:
        return None
    return None if same else changed


class _Runs(ast.NodeTransformer):
    """Without annotations, and decorators of classes."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = []
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)


def _run(text: str) -> str:
    return ast.dump(_Runs().visit(ast.parse(text)))


def worded(text: str) -> Callable[[int, int], bool]:
    """Whether a line and column (from 0) of a module lie within a text that is put together."""
    spans = [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.JoinedStr)
    ]
    return lambda line, column: any(start <= (line, column) < end for start, end in spans)


def drawn(package: Path, room: str, sample: int, seed: int) -> Iterator[tuple[Mutant, str]]:
    """So many mutants with their modules' text, each of another place."""
    found: dict[tuple[str, int, int], list[Mutant]] = {}
    texts: dict[str, Callable[[int, int], bool]] = {}
    for place, mutant in places(package, room):
        file, line, column = place
        if file not in texts:
            texts[file] = worded((package / file).read_text())
        if not texts[file](line, column):
            found.setdefault(place, []).append(mutant)
    rng = np.random.default_rng(seed)
    for index in rng.permutation(len(found)):
        mutants = list(found.values())[index]
        mutant = mutants[int(rng.integers(len(mutants)))]
        text = mutated((package / mutant.file).read_text(), mutant)
        if text is not None:
            yield mutant, text
            sample -= 1
        if not sample:
            return


class Quickest:
    """A plug-in of pytest: writes down what tests took, or runs them in that order.

    Args:
        file: Where it is written; read where it is there.
        first: Name of the test file whose tests come first.
    """

    def __init__(self, file: Path, first: str) -> None:
        self.file, self.first = file, first
        self.known: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}
        self.took: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Order them."""
        items.sort(key=lambda item: (self.first not in item.nodeid, self.known.get(item.nodeid, 0.0)))

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Add what a phase of a test took."""
        self.took[report.nodeid] = self.took.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        """Write it down the first time."""
        if not self.known:
            self.file.write_text(json.dumps(self.took))


def tested(source: Path, tests: Sequence[str], plugin: Quickest, seconds: float) -> tuple[str, float]:
    """`killed`, `killed by time` or `survived`, and the processor time that the tests took, in a fork."""
    pid = os.fork()
    if pid == 0:
        limit = int(seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        sys.path.insert(0, str(source))
        os.environ["PYTHONPATH"] = str(source)
        import pytest

        os._exit(int(pytest.main([*PYTEST, *tests], [plugin])))
    _, status, used = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    outcome = "survived" if code == 0 else "killed by time" if code < 0 else "killed"
    return outcome, used.ru_utime + used.ru_stime


def main() -> None:
    """Test mutants that are not in the journal yet, and print those that survive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("room", help="folder of src/heldout")
    parser.add_argument("tests", nargs="+", help="its tests")
    parser.add_argument("--sample", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "mutants")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    journal = given.out / f"{given.room.replace('/', '-')}.jsonl"
    lines = journal.read_text().splitlines() if journal.exists() else []
    done = {(one.file, one.mutation, one.occurrence): one for one in (Mutant(**json.loads(line)) for line in lines)}
    for name in LIBRARIES:
        importlib.import_module(name)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "src", folder, dirs_exist_ok=True)
        source = Path(folder)
        durations = source / "durations.json"
        outcome, seconds = tested(source, given.tests, Quickest(durations, ""), 3600)
        if outcome != "survived":
            sys.exit(f"The tests fail without any mutation: {' '.join(given.tests)}")
        for mutant, text in drawn(ROOT / "src/heldout", given.room, given.sample, given.seed):
            if (mutant.file, mutant.mutation, mutant.occurrence) in done:
                continue
            file = source / "heldout" / mutant.file
            whole = file.read_text()
            file.write_text(text)
            own = f"test_{Path(mutant.file).stem.removeprefix('_')}.py"
            outcome, _ = tested(source, given.tests, Quickest(durations, own), PATIENCE * seconds)
            file.write_text(whole)
            lines = [line for line in difflib.unified_diff(whole.split("\n"), text.split("\n"), n=0)][3:]
            found = Mutant(mutant.file, mutant.line, mutant.mutation, mutant.occurrence, outcome, "\n".join(lines))
            with journal.open("a") as kept:
                kept.write(json.dumps(asdict(found)) + "\n")
            done[mutant.file, mutant.mutation, mutant.occurrence] = found
    survivors = [one for one in done.values() if one.outcome == "survived"]
    for one in survivors:
        print(f"{one.file}:{one.line} {one.mutation}\n{one.change}\n")
    print(f"{given.room}: {len(done)} mutants, {len(done) - len(survivors)} killed, {len(survivors)} survived")


if __name__ == "__main__":
    main()
