"""Which images are for training, for validation and for the test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from heldout.errors import InputError, Problem
from heldout.files import hash_of
from heldout.records.codec import check_format
from heldout.records.table_file import load_arrow, save_arrow

FORMAT = 1

PARTS = ("train", "val", "test")
Part = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Split:
    """A partition of a cohort's ids.

    Attributes:
        train: Ids to learn from.
        val: Ids to choose by.
        test: Ids to score once.
        method: How it was drawn, in words: `given`, `validation drawn from train, stratified, by patient`.
        seed: Seed of the draw, or None when nothing was drawn.
        grouped: Whether no patient stands on both sides of the draw, by construction.
        folds: Number of folds of a cross-validation: each image of `val` is scored by a network that learned from the
            other folds, and `train` is empty; 0 where there are none.
    """

    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]
    method: str
    seed: int | None
    grouped: bool
    folds: int = 0

    def __post_init__(self) -> None:
        everything = [*self.train, *self.val, *self.test]
        if len(set(everything)) != len(everything):
            raise ValueError("an image stands in two parts of the split, or twice in one")

    @property
    def hash(self) -> str:
        """Hash of the three sets, and of how folds are drawn; the order of ids does not matter."""
        folds = [self.folds, self.seed] if self.folds else []
        return hash_of([sorted(self.train), sorted(self.val), sorted(self.test), *folds])

    def part(self, name: str) -> tuple[str, ...]:
        """The ids of `train`, `val` or `test`."""
        ids: tuple[str, ...] = {"train": self.train, "val": self.val, "test": self.test}[name]
        return ids

    def save(self, path: Path) -> None:
        """Write as Parquet (columns id, split) with method, seed and hash in the metadata."""
        frame = pd.DataFrame([(id_, name) for name in PARTS for id_ in self.part(name)], columns=["id", "split"])
        about = {"format": FORMAT, "method": self.method, "seed": self.seed, "grouped": self.grouped, "hash": self.hash}
        about |= {"folds": self.folds} if self.folds else {}
        table = pa.Table.from_pandas(frame, preserve_index=False)
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), b"heldout": json.dumps(about).encode()})
        save_arrow(table, path)

    @classmethod
    def load(cls, path: Path) -> Split:
        """Read what `save` wrote.

        Raises:
            InputError: The file is not a split, or was changed after it was written.
        """
        remedy = "Run `heldout run` again to make the study."
        table = load_arrow(path, "a split.parquet", remedy)
        try:
            about: dict[str, Any] = json.loads((table.schema.metadata or {})[b"heldout"])
            check_format(about.get("format"), FORMAT, str(path))
            frame = table.to_pandas()
            ids = {name: tuple(map(str, frame.loc[frame["split"] == name, "id"])) for name in PARTS}
            split = cls(
                ids["train"],
                ids["val"],
                ids["test"],
                method=about["method"],
                seed=about["seed"],
                grouped=about["grouped"],
                folds=about.get("folds", 0),
            )
            about["hash"]
        except (KeyError, ValueError, TypeError, AttributeError, pa.ArrowException) as error:
            raise InputError([Problem(str(path), repr(error)[:120], "a split.parquet", remedy)]) from error
        if split.hash != about["hash"]:
            raise InputError(
                [
                    Problem(
                        str(path),
                        f"hash {split.hash}",
                        f"hash {about['hash']}",
                        "The file was changed by hand; draw it anew.",
                    )
                ]
            )
        return split
