"""A damaged table is an error, never another table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.errors import InputError
from heldout.records.table_file import load_table, save_table


def test_a_flipped_byte_is_an_error_or_changes_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"id": [f"i{n}" for n in range(50)], "split": "val", "logit_0": rng.normal(size=50)})
    file = tmp_path / "a.parquet"
    save_table(table, file)
    pd.testing.assert_frame_equal(load_table(file), table)
    whole, refused = file.read_bytes(), 0
    for at in range(0, len(whole), max(1, len(whole) // 150)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        file.write_bytes(bytes(damaged))
        try:
            assert load_table(file).equals(table) or at > len(whole) * 0.4, at  # behind the pages: names and types
        except InputError:
            refused += 1
    assert refused > 50


def test_a_table_without_checksums_is_read(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet", index=False)
    assert list(load_table(tmp_path / "a.parquet")["a"]) == [1]


@pytest.mark.parametrize("sealed", [True, False])
def test_texts_that_are_none_are_an_error_here_and_no_traceback_later(tmp_path: Path, sealed: bool) -> None:
    file = tmp_path / "a.parquet"
    table = pd.DataFrame({"id": ["image-1", "image-2"]})
    save_table(table, file) if sealed else table.to_parquet(file, index=False)
    file.write_bytes(file.read_bytes().replace(b"image-1", b"image\xfd1"))
    with pytest.raises(InputError, match=r"a\.parquet: found a damaged file"):
        load_table(file)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all"])
def test_what_is_no_table_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.parquet: found a damaged file"):
        load_table(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no such file"):
        load_table(tmp_path / "b.parquet")
