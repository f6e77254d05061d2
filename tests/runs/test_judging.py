"""What a person types becomes a metric and a unit, or one error with all problems."""

from __future__ import annotations

from pathlib import Path

import pytest

from heldout.errors import InputError, UsageError
from heldout.records import Metric, Unit
from heldout.runs.judging import Judging, judging_of, metric_of, unit_of

CLASSES = ("benign", "malignant")


def file(folder: Path, text: str) -> str:
    path = folder / "costs.csv"
    path.write_text(text, encoding="utf-8")
    return f"cost:{path}"


def test_names(tmp_path: Path) -> None:
    assert judging_of(CLASSES) == Judging()
    assert metric_of("balanced-accuracy", CLASSES).words == "balanced accuracy"
    assert unit_of("patient", "majority") == Unit("patient", "majority")
    assert unit_of("image", "max") == Unit()
    for text in ("balanced", "cost:", "cost"):
        with pytest.raises(UsageError, match=r"--metric: found '.*'; expected one of accuracy, balanced-accuracy"):
            metric_of(text, CLASSES)
    with pytest.raises(UsageError, match="--unit: found 'person'"):
        unit_of("person")
    with pytest.raises(UsageError, match="--by: found 'median'"):
        unit_of("patient", "median")


def test_costs_with_and_without_shares(tmp_path: Path) -> None:
    found = metric_of(file(tmp_path, "class,cost\nmalignant, 10\nbenign,1\n"), CLASSES)
    assert found == Metric("cost", {"benign": 1.0, "malignant": 10.0})
    found = metric_of(file(tmp_path, "class,cost,share\nbenign,1,0.9\nmalignant,10,0.1\n"), CLASSES)
    assert found.shares == pytest.approx({"benign": 0.9, "malignant": 0.1})


def test_all_problems_of_a_file_are_one_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        metric_of(file(tmp_path, "class,cost,share\nbenign,-1,0.9\nother,cheap,0.1\nbenign,nan,x\n"), CLASSES)
    text = str(raised.value)
    for words in (
        "class 'other'",
        "2 rows of class 'benign'",
        "0 rows of class 'malignant'",
        "cost '-1'",
        "cost 'cheap'",
    ):
        assert words in text
    assert len(raised.value.problems) == 7
    for text, words in (
        ("name,price\nbenign,1\n", "missing: class, cost"),
        ("class,cost\nbenign,0\nmalignant,0\n", "all 0"),
        ("class,cost,share\nbenign,1,0.5\nmalignant,1,0.1\n", "sum to 0.6"),
    ):
        with pytest.raises(InputError, match=words):
            metric_of(file(tmp_path, text), CLASSES)
    with pytest.raises(InputError, match="costs"):
        metric_of(f"cost:{tmp_path / 'absent.csv'}", CLASSES)


def test_costs_are_read_as_every_table_is(tmp_path: Path) -> None:
    """Excel's semicolons, a class called NA, and lines counted as an editor does."""
    path = file(tmp_path, "sep=;\r\nClass;Cost;;\r\nNA;3;;\r\n\r\nmalignant;1;;\r\n")
    assert metric_of(path, ("NA", "malignant")).costs == {"NA": 3.0, "malignant": 1.0}
    with pytest.raises(InputError, match=r"line 5: found class 'malignant'"):
        metric_of(path, ("NA", "benign"))
