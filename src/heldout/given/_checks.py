"""What can be wrong with tables of predictions: each check finds all its problems, and no check stops another."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.data.entries import split_named
from heldout.data.readers.tables import integer
from heldout.errors import Problem
from heldout.given.answers import faults, look_like_probabilities
from heldout.given.columns import ClassColumns
from heldout.given.reading import Reading
from heldout.given.rows import Long, Source, gathered

OWNERS = ("label", "part", "patient", "site")
"""What every row of an image must say alike."""


def order_problems(sources: list[Source]) -> list[Problem]:
    """Tables that stand in the wrong place by their own names: `test.csv` where validation is expected."""
    problems = []
    for source in sources:
        named = split_named(PurePath(source.name).stem)
        if named and source.part and named != source.part:
            expected = f"the table of {source.part}: validation first, then test"
            problems.append(
                Problem(source.name, f"a table called {named}", expected, "Change the order of the tables.")
            )
    return problems


def said_problems(long: Long, reading: Reading, hold_answers: bool) -> list[Problem]:
    """What has to be said and was not, or names a column that is not there.

    Args:
        long: The tables.
        reading: What was said.
        hold_answers: Whether the tables have columns of the classes, beside a model that could answer or not.
    """
    problems = []
    if reading.answers is None and (hold_answers or not reading.answered):
        expected = "word of what the columns of the classes hold, which is not guessed"
        remedy = (
            "Say --probabilities (each row sums to 1) or --logits (before softmax); in Python answers='probabilities'."
        )
        problems.append(Problem("the call", "neither --probabilities nor --logits", expected, remedy))
    named = reading.model_column.lower()
    if named != "model" and named not in long.columns:
        found = f"no column '{reading.model_column}'"
        columns = ", ".join(long.columns)
        problems.append(Problem("--model-column", found, f"one of: {columns}", "Correct the name of the column."))
    several = long.frame["model_name"].nunique() > 1 or long.frame["candidate_name"].nunique() > 1
    if long.numbered and several:
        problems.append(
            Problem(
                "the tables",
                "several models or candidates, and neither a column id nor path",
                "a name of each image, by which their answers are matched",
                "Add the column id or path.",
            )
        )
    return problems


def part_problems(frame: pd.DataFrame) -> list[Problem]:
    """A part that must be there and is not."""
    parts = set(frame["part"])
    problems: list[Problem] = []
    if not len(frame):  # that there are no rows is said already
        return problems
    for part, word in (("val", "validation"), ("test", "test")):
        if part not in parts:
            shown = ", ".join(sorted(parts - {""})) or "no part"
            expected = f"{word} rows too: a gap lies between validation and test"
            remedy = f"Add them, with {part} in the column split, or as a table of their own."
            problems.append(Problem("the tables", f"{shown} only, no {word} rows", expected, remedy))
    return problems


def row_problems(
    frame: pd.DataFrame, long: Long, columns: ClassColumns | None, values: NDArray[np.float64], reading: Reading
) -> list[Problem]:
    """Labels, seeds and answers, row by row."""
    empty = (frame["label"] == "").to_numpy(dtype=bool) & ~long.lacking("label")
    problems = gathered(
        frame, empty, lambda at: "no label", "the name of a class", "Fill it in, or leave the image out."
    )
    seeds = np.array([bool(text) and integer(text) is None for text in frame["seed"]], dtype=bool)
    problems += gathered(frame, seeds, lambda at: f"the seed '{frame['seed'][at]}'", "a whole number", "Correct it.")
    classes = columns.classes if columns is not None else reading.classes
    if classes:
        places = {name: place for place, name in enumerate(classes)}
        frame["class_index"] = frame["label"].map(places).fillna(-1).astype(np.int64)
        unknown = (frame["label"] != "").to_numpy(dtype=bool) & (frame["class_index"] < 0).to_numpy()
        expected = f"one of the classes that have a column: {', '.join(classes)}"
        problems += gathered(
            frame, unknown, lambda at: f"the label '{frame['label'][at]}'", expected, "Correct it, or add a column."
        )
    if columns is not None:
        problems += _answer_problems(frame, long, columns, values, reading)
    if columns is not None and reading.answers == "logits":
        problems += _unclear_problems(frame, long, columns, values)
    return problems


def _unclear_problems(
    frame: pd.DataFrame, long: Long, columns: ClassColumns, values: NDArray[np.float64]
) -> list[Problem]:
    """Columns of numbers that may be the logits of a class without an image, where the columns have the bare names.

    Probabilities without it would not sum to 1; of logits nothing else tells it. Whole numbers beside logits that are
    none (an age, a 0 or 1) are no logits.
    """
    finite = values[np.isfinite(values)]
    whole = bool((finite == np.round(finite)).all())
    unclear = []
    for column in columns.unclear:
        said = frame.loc[frame[column] != "", column]
        numbers = pd.to_numeric(said, errors="coerce").to_numpy(dtype=np.float64)
        if len(said) and not np.isnan(numbers).any() and (whole or (numbers != np.round(numbers)).any()):
            unclear.append(column)
    if not unclear:
        return []
    shown = ", ".join(unclear[:8]) + (" …" if len(unclear) > 8 else "")
    example = " and ".join(f"logit_{column}" for column in columns.columns[:2])
    return [
        Problem(
            f"{' and '.join(long.of_table)} line 1",
            f"numbers under {shown} beside logits under the bare names of classes",
            "columns that tell whether they are a class's: it could be one without images",
            f"Name the columns of all classes logit_CLASS ({example}), or drop those that are none.",
        )
    ]


def _answer_problems(
    frame: pd.DataFrame, long: Long, columns: ClassColumns, values: NDArray[np.float64], reading: Reading
) -> list[Problem]:
    """Numbers that are none, and rows that are no probabilities."""
    answers = reading.answers or "logits"  # whatever they are, they are numbers
    texts = frame[list(columns.columns)]
    bare = _unanswered_train(frame, texts)
    problems = []
    for place, column in enumerate(columns.columns):
        text, lacking = texts[column], long.lacking(column) & ~bare
        for table in dict.fromkeys(frame.loc[lacking, "table"]):
            expected = f"one column a class: {', '.join(columns.columns)}"
            problems.append(Problem(f"{table} line 1", f"no column {column}", expected, "Add it."))
        wrong = ~np.isfinite(values[:, place]) & ~bare & ~lacking
        said = "a number from 0 to 1" if answers == "probabilities" else "a number"
        problems += gathered(
            frame,
            wrong,
            lambda at, text=text: f"'{text[at]}'" if text[at] else "nothing",  # type: ignore[misc]
            f"{said} under {column}",
            "A model that answers so is broken; correct the export, or leave the image out.",
        )
    found = faults(values, answers)
    words = {
        "negative": ("none below 0", "If these are scores before softmax, say --logits."),
        "above 1": ("none above 1", "If these are percentages or scores, divide by 100, or say --logits."),
        "sum": (
            "a row that sums to 1 (±0.01)",
            "Pass all classes through one softmax, and write three decimals or more. The column of a class without "
            "images is known by its form alone: prob_CLASS.",
        ),
    }
    for name, (expected, remedy) in words.items():
        rows = found.get(name)
        if rows is not None:
            problems += gathered(
                frame,
                rows & ~bare,
                lambda at: f"probabilities {_shown(values[at])}",
                expected,
                remedy,
            )
    if reading.answers == "logits" and len(values) and look_like_probabilities(values[~bare]):
        expected = "logits: scores before softmax"
        problems.append(
            Problem("the tables", "rows within 0 … 1 that all sum to 1", expected, "Say --probabilities instead.")
        )
    return problems


def _shown(row: NDArray[np.float64]) -> str:
    """`0.7 + 0.7 = 1.4`, shortened; of a row with what is no number, which is told by itself, the numbers alone."""
    numbers = row[np.isfinite(row)]
    if len(numbers) < len(row):
        return ", ".join(f"{value:g}" for value in numbers[:4]) + (", …" if len(numbers) > 4 else "")
    few = " + ".join(f"{value:g}" for value in row[:4]) + (" + …" if len(row) > 4 else "")
    return f"{few} = {row.sum():g}"


def _unanswered_train(frame: pd.DataFrame, texts: pd.DataFrame) -> NDArray[np.bool_]:
    """Training rows, where none of them has any answer: which images were trained on may be told without."""
    train = (frame["part"] == "train").to_numpy()
    empty = (texts == "").all(axis=1).to_numpy()
    bare: NDArray[np.bool_] = train & bool(empty[train].all())
    return bare


def image_problems(frame: pd.DataFrame, long: Long) -> list[Problem]:
    """Ids that are missing or stand twice, and images of which rows say different things."""
    ids = frame["own_id"]
    nameless = (ids == "").to_numpy(dtype=bool)
    problems = gathered(frame, nameless, lambda at: "no id", "a name of the image, its own", "Fill it in.")
    keys = ["own_id", "model_name", "seed", "candidate_name"]
    twice = frame.duplicated(keys).to_numpy(dtype=bool) & ~nameless
    problems += gathered(
        frame,
        twice,
        lambda at: f"the id '{ids[at]}' twice ({_parts_of(frame, ids[at])})",
        "each image once a model and candidate, in one part",
        "Keep one row. Several models need the column model, several epochs the column epoch or candidate; an image in "
        "two parts leaks.",
    )
    return problems + _disagreements(frame, nameless | twice)


def _parts_of(frame: pd.DataFrame, id_: str) -> str:
    return ", ".join(part or "no part" for part in frame.loc[frame["own_id"] == id_, "part"].unique())


def _disagreements(frame: pd.DataFrame, passed_over: NDArray[np.bool_]) -> list[Problem]:
    """Rows of one image, of several models or candidates, that say different things of it."""
    kept = frame[~passed_over]
    problems: list[Problem] = []
    for column in OWNERS:
        said = kept[kept[column] != ""]
        first = said.groupby("own_id", sort=False)[column].transform("first").reindex(frame.index, fill_value="")
        other = ((first != "") & (first != frame[column])).to_numpy()
        problems += gathered(
            frame,
            other,
            lambda at, column=column, first=first: (  # type: ignore[misc]
                f"the {column} '{frame[column][at]}' of image {frame['own_id'][at]}, which another row calls "
                f"'{first[at]}'"
            ),
            "an image in one part, with one label, patient and site",
            "Correct one of the rows.",
        )
    return problems
