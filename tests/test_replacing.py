"""What a command must not put a file in the place of, wanted or not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from heldout.errors import HeldoutError, UsageError
from heldout.replacing import RUNS_CSV, refuse_replacing

KINDS: dict[str, Callable[[Path], None]] = {
    "a device or a pipe": os.mkfifo,
    "a link that leads nowhere": lambda path: path.symlink_to(path.parent / "nowhere"),
    "a folder": Path.mkdir,
}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_stays(kind: str, overwrite: bool, tmp_path: Path) -> None:
    path = tmp_path / "there"
    KINDS[kind](path)
    with pytest.raises(HeldoutError, match=kind):
        refuse_replacing(path, RUNS_CSV, overwrite)


def test_a_file_of_the_person_stays_and_an_earlier_one_of_ours_goes(tmp_path: Path) -> None:
    own, ours = tmp_path / "own.csv", tmp_path / "ours.csv"
    own.write_bytes(b"id,notes\n")
    ours.write_bytes(RUNS_CSV + b"\n")
    with pytest.raises(UsageError, match="heldout did not write it"):
        refuse_replacing(own, RUNS_CSV)
    refuse_replacing(own, RUNS_CSV, overwrite=True)
    refuse_replacing(ours, RUNS_CSV)
    refuse_replacing(tmp_path / "new.csv", RUNS_CSV)
