"""What is too large, or no file, is said before it is read."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.data.load import examine
from heldout.data.readers import limits
from heldout.data.readers.limits import refuse_table
from heldout.files import read_json
from heldout.images import ImageError, open_array
from heldout.images import arrays as module


def test_wide_long_and_large_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = tmp_path / "wide.csv"
    wide.write_text("path,label," + ",".join(f"c{n}" for n in range(20_000)))
    assert "20,002 columns" in str(refuse_table(wide))
    assert "20,002 columns" in str(examine(wide).problems[0])
    long = tmp_path / "long.parquet"
    pd.DataFrame({"path": ["a"] * 50, "label": ["b"] * 50}).to_parquet(long)
    assert refuse_table(long) is None
    monkeypatch.setattr(limits, "MOST_ROWS", 49)
    assert "50 rows of 2 columns" in str(refuse_table(long))
    line = tmp_path / "line.csv"
    line.write_bytes(b"x" * (limits.FIRST + 10))
    assert "first line" in str(refuse_table(line))
    monkeypatch.setattr(limits, "MOST_BYTES", 100)
    assert "GiB" in str(refuse_table(line))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("set.csv", "set.parquet", "a.npy", "study.json"):
        os.mkfifo(tmp_path / name)
    for name in ("set.csv", "set.parquet"):
        assert "pipe" in str(refuse_table(tmp_path / name))
    with pytest.raises(OSError, match="pipe"):
        read_json(tmp_path / "study.json")
    with pytest.raises(ImageError, match="pipe"):
        open_array(tmp_path / "a.npy")


def test_an_array_that_declares_more_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "bomb.npz"
    header = io.BytesIO()
    about = {"descr": "|u1", "fortran_order": False, "shape": (2_000_000, 64, 64)}
    np.lib.format.write_array_header_1_0(header, about)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(1 << 20))
    with pytest.raises(ImageError, match=r"an array of 7\.6 GiB, packed into 0\.0 MiB"):
        open_array(file, "x")
    np.savez(tmp_path / "fine.npz", x=np.zeros((3, 8, 8), dtype=np.uint8))
    assert open_array(tmp_path / "fine.npz", "x").shape == (3, 8, 8)
    module.close_arrays()
    monkeypatch.setattr(module, "free_memory", lambda: 100)
    with pytest.raises(ImageError, match="the memory that is free"):
        open_array(tmp_path / "fine.npz", "x")
