"""A pass over many images in shards: a file each, so that an interrupted pass goes on from the last whole one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from heldout.array_files import create_array, open_array_file, release_pages

SHARD = 4096
"""Images of a shard, a multiple of the batch, so that batches are the same however a pass is divided. Of pooled
features that are 21 MB (1,280 of them) and a few seconds of one core."""


@dataclass(frozen=True)
class Shards:
    """The shards of one pass.

    Attributes:
        folder: Where they are kept until all are there and have been joined.
        images: Number of images n.
    """

    folder: Path
    images: int

    @property
    def rows(self) -> tuple[range, ...]:
        """Which images each holds, in order."""
        return tuple(range(start, min(start + SHARD, self.images)) for start in range(0, self.images, SHARD))

    def file(self, rows: range) -> Path:
        """Where a shard is kept."""
        return self.folder / f"{rows.start:09d}.npy"

    def open(self, rows: range) -> NDArray[Any] | None:
        """A shard, mapped; None where it is not there."""
        mapped = open_array_file(self.file(rows))
        return mapped if mapped is not None and len(mapped) == len(rows) else None

    def join(self, file: Path) -> NDArray[Any]:
        """Put all of them into one array file, one after another; only a shard at a time is in memory.

        Returns:
            The array, mapped for writing and flushed.

        Raises:
            FileNotFoundError: One is not there.
        """
        out: NDArray[Any] | None = None
        for rows in self.rows:
            shard = self.open(rows)
            if shard is None:
                raise FileNotFoundError(self.file(rows))
            if out is None:
                out = create_array(file, shard.dtype, (self.images, *shard.shape[1:]))
            out[rows.start : rows.stop] = shard
            release_pages(shard)
            release_pages(out)
        assert out is not None, "at least one image"
        out.flush()  # type: ignore[attr-defined]
        return out

    def remove(self) -> None:
        """Delete them."""
        shutil.rmtree(self.folder, ignore_errors=True)
