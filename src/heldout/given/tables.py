"""Tables of predictions read, checked and put in order: every problem at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.answer.texts import listing
from heldout.data.readers.tables import integer
from heldout.errors import InputError, Problem
from heldout.given._checks import image_problems, part_problems, row_problems, said_problems
from heldout.given._chosen import Chosen, candidates_of, choose
from heldout.given.answers import Answers, Logits, to_logits
from heldout.given.columns import ClassColumns, find_class_columns, order
from heldout.given.one_label import ask_of_label
from heldout.given.reading import Reading
from heldout.given.rows import ANSWERED, CLOSED, OWN, Long, Source, read_rows, whole_text
from heldout.records import PARTS


@dataclass(frozen=True)
class GivenRun:
    """The answers of one model.

    Attributes:
        name: Its name.
        seed: Its seed, where the table has a column `seed`.
        logits: Part -> (n, k), rows in the order of the part's images.
        candidates: Table of variants, as `RunRecord` says of `candidates.parquet`; empty without candidates.
        chosen: Which candidate it is, and by what; None without candidates.
    """

    name: str
    seed: int
    logits: dict[str, Logits]
    candidates: pd.DataFrame = field(default_factory=pd.DataFrame)
    chosen: Chosen | None = None


@dataclass(frozen=True)
class GivenTables:
    """What tables say, whatever the order of their rows.

    Attributes:
        classes: Class names in the order of their indices.
        images: One row an image, by part and id: `id`, `split`, `label`, `path`, `patient`, `site`, then the further
            columns.
        runs: The models; none where something else has to answer.
        rows: Part -> ids in the order in which the tables name them.
        notes: Sentences a person should read.
    """

    classes: tuple[str, ...]
    images: pd.DataFrame
    runs: tuple[GivenRun, ...]
    rows: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()

    def ids(self, part: str) -> list[str]:
        """Ids of a part, in order."""
        return list(self.images.loc[self.images["split"] == part, "id"])


def read_given(sources: Sequence[Source], reading: Reading) -> GivenTables:
    """Read tables of predictions.

    Args:
        sources: The tables.
        reading: How they are to be read.

    Raises:
        InputError: All problems of all tables at once.
    """
    long, problems = read_rows(sources, () if reading.label else ("label",))
    asked: ClassColumns | None = None
    if reading.label:
        long, asked, found = ask_of_label(
            long, reading.label, reading.answers or "probabilities", reading.class_columns
        )
        problems += found
    frame = long.frame
    frame["label"] = [whole_text(text) for text in frame["label"]]
    frame["seed"] = [_seed(text) for text in frame["seed"]]
    named = reading.model_column.lower()
    frame["model_name"] = frame[named].replace("", reading.name) if named in long.columns else reading.name
    frame["candidate_name"] = candidates_of(frame, long.columns)
    unfound: list[Problem] = []
    columns = asked if reading.label else _class_columns(long, reading, unfound)
    problems += said_problems(long, reading, hold_answers=columns is not None)
    problems += [*part_problems(frame), *unfound]
    values = _values(frame, columns)
    problems += row_problems(frame, long, columns, values, reading)
    problems += image_problems(frame, long)
    if problems:
        raise InputError(problems, title="The tables cannot be used as they are")
    images = _images(frame, long, reading, columns)
    if columns is None:
        classes = reading.classes or order(frame["label"])
        return GivenTables(classes, images, (), _rows(frame), _notes(long, images))
    assert reading.answers is not None
    logits = to_logits(values, reading.answers)
    groups = frame.groupby(["model_name", "seed"], sort=False)
    runs = [_run(str(name), str(seed), rows, logits, images, reading) for (name, seed), rows in groups]
    missing = [problem for run in runs if isinstance(run, list) for problem in run]
    if missing:
        raise InputError(missing, title="The tables cannot be used as they are")
    made = sorted((run for run in runs if isinstance(run, GivenRun)), key=lambda run: (run.name, run.seed))
    return GivenTables(columns.classes, images, tuple(made), _rows(frame), _notes(long, images))


def _class_columns(long: Long, reading: Reading, problems: list[Problem]) -> ClassColumns | None:
    """The columns of the classes, or None; that there are none is a problem where nothing else answers."""
    labels = set(long.frame["label"]) - {""}
    if not labels:
        return None
    own = {*OWN, *ANSWERED, reading.model_column.lower()}
    tables = " and ".join(long.of_table)
    kinds: tuple[Answers, ...] = ("probabilities", "logits") if reading.answers is None else (reading.answers,)
    tried = [find_class_columns(long.columns, labels, kind, reading.class_columns, own, tables) for kind in kinds]
    found = next((one for one in tried if isinstance(one, ClassColumns)), None)
    if found is None and not reading.answered:
        problems += [one for one in tried[:1] if isinstance(one, Problem)]
    return found


def _values(frame: pd.DataFrame, columns: ClassColumns | None) -> NDArray[np.float64]:
    """(n, k) answers as numbers, NaN for what is none."""
    if columns is None:
        return np.empty((len(frame), 0))
    parsed = [pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64) for column in columns.columns]
    return np.stack(parsed, axis=1)


def _images(frame: pd.DataFrame, long: Long, reading: Reading, columns: ClassColumns | None) -> pd.DataFrame:
    """One row an image, by part and id."""
    taken = {*OWN, *ANSWERED, *CLOSED, reading.model_column.lower(), *(columns.columns if columns else ())}
    further = [column for column in long.columns if column not in taken]
    names = ["label", "path", "patient", "site", *further]
    known = frame[["own_id", "part", *names]].replace("", None)
    first = known.groupby("own_id", sort=False).first().fillna("").reset_index()  # what any of its rows says
    images = first.rename(columns={"own_id": "id", "part": "split"})[["id", "split", *names]]
    rank = images["split"].map({part: place for place, part in enumerate(PARTS)})
    return images.iloc[np.lexsort((images["id"].to_numpy(dtype=str), rank.to_numpy()))].reset_index(drop=True)


def _run(
    name: str, seed: str, rows: pd.DataFrame, logits: Logits, images: pd.DataFrame, reading: Reading
) -> GivenRun | list[Problem]:
    """The answers of one model, or why they are not whole."""
    chosen = choose(rows, logits, images, reading.chosen_on, reading.chosen)
    if isinstance(chosen, Problem):
        return [chosen]
    own, candidates, which = chosen
    found: dict[str, Logits] = {}
    problems = []
    for part in PARTS:
        wanted = images.loc[images["split"] == part, "id"]
        mine = rows[own & (rows["part"] == part).to_numpy()]
        unanswered = part == "train" and not np.isfinite(logits[mine.index]).all()
        if not len(wanted) or unanswered:
            continue
        place = pd.Series(mine.index, index=mine["own_id"])
        lacking = wanted[~wanted.isin(place.index)]
        if len(lacking):
            expected = f"the {len(wanted):,} {part} images that other rows name"
            found_words = f"no row for {len(lacking):,} of them, such as {lacking.iloc[0]}"
            problems.append(Problem(f"model '{name}', {part}", found_words, expected, "Add its answers to them."))
            continue
        found[part] = logits[place.loc[wanted].to_numpy()]
    return problems or GivenRun(name, int(seed), found, candidates, which)


def _seed(text: str) -> str:
    """`1.0` and `01` -> `1`, nothing -> `0`: one seed is one run however it is written; what is none stays as it is."""
    number = integer(text or "0")
    return text if number is None else str(number)


def _rows(frame: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    return {part: tuple(frame.loc[frame["part"] == part, "own_id"].unique()) for part in PARTS}


def _notes(long: Long, images: pd.DataFrame) -> tuple[str, ...]:
    """What a person should know."""
    found = [*long.notes]
    if long.numbered:
        found.append(
            "The tables have no column `id` or `path`: images are called by their part and the number of their row."
        )
    of_part = {part: set(images.loc[images["split"] == part, "patient"]) - {""} for part in ("val", "test")}
    if shared := of_part["val"] & of_part["test"]:
        who = "1 patient stands" if len(shared) == 1 else f"{len(shared):,} patients stand"
        found.append(
            f"{who} in validation and in test: {listing(sorted(shared)[:3])}{' …' if len(shared) > 3 else ''}."
        )
    return tuple(found)
