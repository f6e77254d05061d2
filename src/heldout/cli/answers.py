"""Files of answers that `heldout predict` writes as they come."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from heldout.errors import UsageError
from heldout.files import whole
from heldout.records.labelling.several import joined
from heldout.shown import cell, shown

if TYPE_CHECKING:
    from heldout.errors import Problem
    from heldout.exporting.reading import ExportedClassifier
    from heldout.records.labelling import LabellingName
    from heldout.runs.predict import Classifier, Scored
    from heldout.structured_reports import Algorithm

    Write = Callable[[Scored], Sequence[Problem]]


def free(paths: Sequence[Path], overwrite: bool) -> None:
    """Stop before work is done for a file that may not be written.

    Raises:
        UsageError: It is there already, and is not to be replaced.
    """
    there = [str(path) for path in paths if path.exists()]
    if there and not overwrite:
        raise UsageError(f"Found {', '.join(there)}; expected a new file. Choose another name, or add --overwrite.")


def header(classes: Sequence[str], answering: bool) -> list[str]:
    """The columns of a file of answers."""
    return ["image", "predicted", *(["answer"] if answering else []), *(f"p({name})" for name in classes)]


def texts_of(scored: Scored, answering: bool) -> list[Sequence[str]]:
    """The columns of text: image, predicted class and, where it was asked when to answer, the answer."""
    answers = [[joined(answer) for answer in scored.answers]] if answering else []
    return [scored.images, scored.predicted, *answers]


@contextmanager
def csv_answers(path: Path, classes: Sequence[str], answering: bool = False) -> Iterator[Write]:
    """A CSV that appears whole at the end; names that a spreadsheet would run are quoted (`heldout.shown.cell`).

    Args:
        path: The file.
        classes: Of the run.
        answering: Whether it was asked when to answer.
    """
    with whole(path) as temporary, temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(map(cell, header(classes, answering)))

        def write(scored: Scored) -> Sequence[Problem]:
            for *texts, values in zip(*texts_of(scored, answering), scored.probabilities, strict=True):
                writer.writerow([*map(cell, texts), *map(float, values)])
            return ()

        yield write


@contextmanager
def parquet_answers(path: Path, classes: Sequence[str], answering: bool = False) -> Iterator[Write]:
    """The same as a Parquet file.

    Args:
        path: The file.
        classes: Of the run.
        answering: Whether it was asked when to answer.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = header(classes, answering)
    schema = pa.schema([(name, pa.string() if at < 2 + answering else pa.float64()) for at, name in enumerate(names)])
    with whole(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:

        def write(scored: Scored) -> Sequence[Problem]:
            texts = [[shown(name) for name in column] for column in texts_of(scored, answering)]
            writer.write_table(pa.table([*texts, *scored.probabilities.T.astype("float64")], schema=schema))
            return ()

        yield write


@contextmanager
def dicom_answers(folder: Path, algorithm: Algorithm, labels: LabellingName) -> Iterator[Write]:
    """A folder of structured reports, one for each DICOM image; problems of those that have none.

    Args:
        folder: Where.
        algorithm: What answered.
        labels: Whether an image is of one class or has several labels.

    Raises:
        HeldoutError: highdicom is not installed.
    """
    from heldout.structured_reports import ReportWriter, findings_of

    writer = ReportWriter(folder, algorithm)

    def write(scored: Scored) -> Sequence[Problem]:
        told = findings_of(scored.predicted, scored.answers, labels)
        rows = zip(scored.images, told, scored.probabilities, strict=True)
        problems = [writer.write(Path(image), findings, values) for image, findings, values in rows]
        return [problem for problem in problems if problem is not None]

    yield write


@contextmanager
def writers_of(
    csv: Path | None, parquet: Path | None, reports: Path | None, classifier: Classifier | ExportedClassifier
) -> Iterator[list[Write]]:
    """What writes answers into the files that were asked for.

    Args:
        csv: A CSV; None for none.
        parquet: A Parquet file, likewise.
        reports: A folder of structured reports, likewise.
        classifier: What answers.
    """
    answering = classifier.calibration is not None and classifier.calibration.answering
    with ExitStack() as stack:
        writers: list[Write] = []
        if csv is not None:
            writers.append(stack.enter_context(csv_answers(csv, classifier.classes, answering)))
        if parquet is not None:
            writers.append(stack.enter_context(parquet_answers(parquet, classifier.classes, answering)))
        if reports is not None:
            writers.append(stack.enter_context(dicom_answers(reports, classifier.algorithm, classifier.labels)))
        yield writers
