"""Tables as R, Excel and hands write them, by the one reader of tables."""

from __future__ import annotations

import csv
from pathlib import Path
from unicodedata import normalize

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.data.readers.tables import MISSING, open_sheet, read_table, scan_frame
from heldout.errors import InputError

PLAIN = [("path", "label"), ("a.png", "case"), ("b.png", "control, mild")]

DIALECTS = {
    "excel of a country with commas": (
        "sep=;\r\npath;label;;\r\na.png;case;;\r\nb.png;control, mild;;\r\n",
        "utf-8-sig",
    ),
    "sep without quotes of its own": ('"sep=;"\npath;label\na.png;case\nb.png;control, mild\n', "utf-8"),
    "unicode text": ("path\tlabel\r\na.png\tcase\r\nb.png\tcontrol, mild\r\n", "utf-16"),
    "R with names of rows": ('"","path","label"\n"1","a.png","case"\n"2","b.png","control, mild"\n', "utf-8"),
    "R without a name for them": ('"path","label"\n"1","a.png","case"\n"2","b.png","control, mild"\n', "utf-8"),
    "commas in the header's quotes": ('"path";"label, of two"\na.png;case\nb.png;control, mild\n', "utf-8"),
    "a separator behind every row": ("path;label\na.png;case;\nb.png;control, mild;\n", "utf-8"),
    "lines of an old Mac": ("path;label\ra.png;case\rb.png;control, mild\r", "utf-8"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_the_same_table(tmp_path: Path, dialect: str) -> None:
    text, encoding = DIALECTS[dialect]
    file = tmp_path / "t.csv"
    with file.open("w", encoding=encoding, newline="") as stream:
        stream.write(text)
    sheet = open_sheet(file)
    assert sheet.problems == []
    assert [tuple(cells.values()) for _, cells in sheet.rows] == PLAIN[1:]


def test_lines_are_counted_as_an_editor_does_behind_a_declared_separator(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("sep=;\npath;label\n\na.png;x\n")
    assert [line for line, _ in open_sheet(file).rows] == [4]


def test_missing_is_missing_and_none_is_text(tmp_path: Path) -> None:
    values = [*sorted(MISSING), "", "None", "none", "nil", "N.A.", "0012", "007.50", "1e5", "TRUE"]
    file = tmp_path / "t.csv"
    file.write_text("label,n\n" + "".join(f"{value},{n}\n" for n, value in enumerate(values)))
    read = [cells["label"] for _, cells in read_table(file, ("label",), ())]
    assert read[: len(MISSING) + 1] == [""] * (len(MISSING) + 1)
    assert read[len(MISSING) + 1 :] == values[len(MISSING) + 1 :]
    kept = [cells["label"] for _, cells in read_table(file, ("label",), (), missing=MISSING - {"NA"})]
    assert "NA" in kept


def test_a_frame_is_read_by_the_same_rules() -> None:
    frame = pd.DataFrame({"Path": ["a.png", "b.png"], "label": [1.0, None], "n": [pd.NA, 7]})
    rows, problems = scan_frame(frame, "frame", ("path", "label"), ("path", "label"))
    assert problems == [] and [dict(cells) for _, cells in rows] == [
        {"path": "a.png", "label": "1", "n": ""},
        {"path": "b.png", "label": "", "n": "7"},
    ]


def test_latin_1_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("path;label\nä.png;x\n".encode("latin-1"))
    with pytest.raises(InputError, match="as CSV in UTF-8"):
        read_table(tmp_path / "t.csv", (), ())


TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="'"), max_size=8)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5), st.sampled_from(",;\t"))
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], delimiter: str
) -> None:
    file = tmp_path_factory.mktemp("t") / "t.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([("one", "two"), *rows])
    cleaned = [tuple(normalize("NFC", value.strip()) for value in row) for row in rows]
    expected = [tuple("" if value in MISSING else value for value in row) for row in cleaned if any(row)]
    assert [tuple(cells.values()) for _, cells in open_sheet(file).rows] == expected
