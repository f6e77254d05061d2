"""Tables as rows of text: what a row tells, and what it holds in memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from heldout.data.readers.tables import read_table


def test_a_row_is_a_mapping_and_keeps_apart_what_the_reader_uses_itself(tmp_path: Path) -> None:
    file = tmp_path / "manifest.csv"
    file.write_text("Path,label, age ,site\na.png,x,30,one\n\n b.png ,y,30,\n")
    (line, first), (other, second) = read_table(file, required=("path",), own=("path", "label", "site"))
    assert (line, other) == (2, 4)
    assert dict(first) == {"path": "a.png", "label": "x", "age": "30", "site": "one"}
    assert dict(second) == {"path": "b.png", "label": "y", "age": "30", "site": ""}
    assert dict(first.further) == {"age": "30"} and len(first.further) == 1
    assert "site" not in first.further and first.further.get("site", "none") == "none"


def test_values_of_one_row_do_not_leak_into_the_next(tmp_path: Path) -> None:
    file = tmp_path / "manifest.csv"
    file.write_text("a,b\n1,2\n1,3\n,3\n2,3\n")
    rows = [tuple(values.values()) for _, values in read_table(file, required=("a",), own=())]
    assert rows == [("1", "2"), ("1", "3"), ("", "3"), ("2", "3")]


def test_columns_that_repeat_cost_next_to_nothing(tmp_path: Path) -> None:
    """40 columns of which one changes: less than a kilobyte a row, where a dictionary alone takes two."""
    file = tmp_path / "manifest.csv"
    names = ",".join(f"column_{k}" for k in range(40))
    file.write_text("\n".join([names, *(",".join([str(n), *["0.4151515"] * 39]) for n in range(2000))]))
    tracemalloc.start()
    rows = read_table(file, required=(), own=())
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(rows) == 2000 and held < 1000 * 2000
