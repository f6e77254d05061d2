"""Every block of Python in README, CONTRIBUTING and docs/: its names exist, its calls take what it gives, and it runs.

A block is carried out in a folder of its own, with what it speaks of (`X`, `patients`, `train`, …) supplied. Those of
`ELSEWHERE` are carried out, or held to be the code that is, by the test named there.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import joblib
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from starlette.responses import HTMLResponse
from starlette.routing import Route

import heldout
from heldout.strategies import Phase
from heldout.strategies import strategies as shelf
from heldout.strategies.finetune import Finetune
from heldout.strategies.strategy import STRENGTHS
from heldout.web.pages import WebPage
from tests.docs.reading import Block, blocks
from tests.worlds.bright_cells import bright_cells
from tests.worlds.given_tables import CLASSES, made_table

ELSEWHERE = {
    "CONTRIBUTING.md": "tests/contract/test_one_file.py: it is a_cause.py, which makes a study there",
    "docs/export.md": "tests/exporting/test_export.py",
    "docs/saliency.md": "tests/saliency/test_ask.py",
    "docs/notebook.md": "tests/notebook/test_docs.py has the calls, tests/notebook/test_kernel.py carries them out",
}

SMALLER = {
    'heldout.Study("images/", ["resnet34"], ["finetune", "frozen", "probe"], out="study", seeds=3)': (
        'heldout.Study("images/", ["efficientnet_lite0"], ["probe"], out="study", seeds=1, image_size=32)'
    ),
    '("efficientnet_lite0", strategy="probe")': '("efficientnet_lite0", strategy="probe", image_size=32)',
    '("efficientnet_lite0", "probe")': '("efficientnet_lite0", "probe", image_size=32)',
    "image_size=128": "image_size=32",
    "GroupKFold(5)": "GroupKFold(2)",
    "Frozen(lr=1e-3), Frozen(lr=1e-2)": "Frozen(lr=1e-3, epochs=1), Frozen(lr=1e-2, epochs=1)",
    "cv=3": "cv=2",
    "image_shape=(64, 64)": "image_size=32, image_shape=(64, 64)",
    "TransferClassifier().fit": 'TransferClassifier(strategy="probe", image_size=32).fit',
    "image_size=224,": "image_size=32,",
}
"""What takes minutes -> what takes seconds."""

BLOCKS = [block for block in blocks() if block.language == "python"]
HERE = [block for block in BLOCKS if block.page not in ELSEWHERE]


class Net:
    """A network of somebody's: three classes by the mean of each colour."""

    def predict(self, images: np.ndarray) -> np.ndarray:
        strength = np.exp(images.reshape(len(images), -1, 3).mean(1) / 20)
        return np.asarray(strength / strength.sum(1, keepdims=True))


def arrays() -> dict[str, Any]:
    """What blocks about arrays speak of: light and dark images, two a patient."""
    rng = np.random.default_rng(0)
    n = 24
    label = np.arange(n) // 4 % 2
    X = rng.normal(90 + 80 * label[:, None, None], 30, (n, 32, 32)).clip(0, 255).astype(np.uint8)
    rows = rng.normal(90 + 80 * label[:, None], 30, (n, 4096)).clip(0, 255).astype(np.uint8)
    patients = np.array([f"p{k // 2}" for k in range(n)])
    table = {"label": np.array(["light", "dark"])[label], "split": "train", "patient": patients}
    table["split"] = np.array(["train", "train", "test"])[np.arange(n) // 4 % 3]
    named = {"X": X, "y": table["label"], "Y": np.stack([label, rng.permutation(label)], axis=1), "X_new": X[:3]}
    named |= {"patients": patients, "patient": patients, "rows": rows, "images": X, "joblib": joblib}
    table["label"] = np.where(label, "NORMAL", "PNEUMONIA")
    return {**named, "table": pd.DataFrame(table), "model": None}


def tables(folder: Path) -> dict[str, Any]:
    """What blocks about tables speak of: predictions of three classes whose images are there, and a network."""
    parts = {part: made_table(part, 30) for part in ("train", "val", "test")}
    rng = np.random.default_rng(1)
    net = Net()
    for part, table in parts.items():
        table["path"] = [f"{part}/{k}.png" for k in range(len(table))]
        level = (
            80 + 40 * np.eye(3)[[CLASSES.index(name) for name in table["label"]]] + rng.normal(0, 15, (len(table), 3))
        )
        pixels = rng.normal(level[:, None, None, :], 20, (len(table), 32, 32, 3)).clip(0, 255).astype(np.uint8)
        (folder / "images" / part).mkdir(parents=True)
        for name, one in zip(table["path"], pixels, strict=True):
            Image.fromarray(one).save(folder / "images" / name)
        table[[f"prob_{name}" for name in CLASSES]] = net.predict(pixels)
    return {**{part: table.drop(columns=["split", "id"], errors="ignore") for part, table in parts.items()}, "net": net}


EXCERPTS: dict[str, Any] = {
    "HTMLResponse": HTMLResponse,
    "Route": Route,
    "WebPage": WebPage,
    "dataclass": dataclass,
    "Trained": next(base for base in Finetune.__mro__ if base.__name__ == "Trained"),
    "ClassVar": ClassVar,
    "Phase": Phase,
    "STRENGTHS": STRENGTHS,
    "heldout": heldout,
}
"""What files that a page shows a part of have imported above that part."""


def prepared(block: Block, folder: Path) -> dict[str, Any]:
    """What a block finds by name, and in its folder."""
    found = {**EXCERPTS, **arrays()}
    if block.page == "docs/any-model.md":
        found |= tables(folder)
    if block.page == "docs/data.md" and "frame" in block.code:
        (folder / "scans").mkdir()
        for k in range(8):
            Image.fromarray(found["X"][k]).save(folder / "scans" / f"{k}.png")
        names = [f"{k}.png" for k in range(8)]
        found["frame"] = pd.DataFrame({"image_id": names, "dx": ["a", "b"] * 4, "split": ["train"] * 4 + ["test"] * 4})
    if block.page == "docs/data.md" and "mhsma" in block.code:
        for part in ("train", "valid", "test"):
            np.save(folder / f"y_head_{part}.npy", np.arange(6) % 2)
            np.save(folder / f"x_64_{part}.npy", np.zeros((6, 64, 64), np.uint8))
    if block.page == "README.md":
        bright_cells(folder / "images")
    return found


def unknown_names(tree: ast.Module, known: set[str]) -> list[str]:
    """Names that a block reads and nobody binds."""
    bound = known | set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    read = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    return sorted({node.id for node in read} - bound)


def calls(tree: ast.Module, names: dict[str, Any]) -> Iterator[tuple[Any, ast.Call]]:
    """Calls of what the block imports or finds, with the object that is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            try:
                yield eval(ast.unparse(node.func), dict(names)), node
            except (NameError, AttributeError, TypeError):  # a method of what the block makes itself
                continue


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_names_and_calls_of_a_block_exist(block: Block, tmp_path: Path) -> None:
    tree = ast.parse(block.code)
    names = {**prepared(block, tmp_path), "study": heldout.Study}
    assert unknown_names(tree, set(names)) == []
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), str(block), "exec"), names)
    for called, node in calls(tree, names):
        if not (getattr(called, "__module__", None) or "").startswith("heldout"):
            continue
        taken = inspect.signature(called).parameters
        assert {word.arg for word in node.keywords} <= set(taken), ast.unparse(node)


def test_every_page_is_accounted_for() -> None:
    pages = {block.page for block in BLOCKS}
    assert set(ELSEWHERE) <= pages and len(HERE) >= 10
    for told in ELSEWHERE.values():
        assert (Path(__file__).parents[2] / told.split(":")[0].split(" ")[0]).is_file()
    assert [slow for slow in SMALLER if not any(slow in block.code for block in BLOCKS)] == []


@pytest.mark.parametrize("wrong", ["heldout.Studdy('images')", "print(nothing)", "heldout.load(frame, path_colum='x')"])
def test_a_fault_is_noticed(wrong: str, tmp_path: Path) -> None:
    block = Block("docs/data.md", 1, "python", f"frame = X\n{wrong}")
    if "Studdy" in wrong:
        with pytest.raises(AttributeError):
            exec(wrong, {"heldout": heldout})
    else:
        with pytest.raises(AssertionError):
            test_names_and_calls_of_a_block_exist(block, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("block", HERE, ids=str)
def test_a_block_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = block.code
    for long, short in SMALLER.items():
        code = code.replace(long, short)
    names: dict[str, Any] = {**prepared(block, tmp_path), "__name__": "block"}
    if block.page == "docs/scikit-learn.md" and "joblib" in code:
        probe = heldout.TransferClassifier("efficientnet_lite0", "probe", image_size=32)
        names["model"] = probe.fit(names["X"], names["y"])
    exec(compile(code, str(block), "exec", dont_inherit=True), names)
    if block.page == "README.md":
        assert (tmp_path / "study" / "report.html").is_file()
    if "mhsma" in code:
        assert len(heldout.load("mhsma.csv")) == 18
    if "HeadThenNorm" in code:
        assert [phase.name for phase in names["HeadThenNorm"]().phases()] == ["probe", "norm"]
    assert shelf.names()
