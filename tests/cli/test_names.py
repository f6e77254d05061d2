"""Names of files and classes are text everywhere: no markup, nothing that a terminal obeys or a spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.cli import ExitStatus
from heldout.cli.console import PlainConsole
from heldout.errors import Problem
from heldout.runs import predict as runs_predict
from heldout.runs.predict import Scored
from heldout.structured_reports import Algorithm
from tests.cli.call import Answer, call
from tests.data.readers.making import folder, write_image
from tests.worlds.given_tables import CLASSES, made_table
from tests.worlds.made_study import RUNS, make_study

NAMES = ("[/]", "[red]x[/red]", "\x1b[31mred\x9b1m", "=cmd|' /C calc'!A0", ":smile:")

OBEYED = [chr(code) for code in (*range(9), *range(11, 32), *range(127, 160), 0x202E)]


def assert_is_text(*answers: Answer) -> None:
    for answer in answers:
        for text in (answer.out, answer.err):
            assert not [ascii(one) for one in OBEYED if one in text]
        assert "did not foresee" not in answer.err, answer.err


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made") / "study"
    return make_study(place, runs=RUNS[:1], classes=NAMES, n_train=60, n_val=50, n_test=50, epochs=3)


def test_compare_diagnose_and_report(study: Path) -> None:
    shown, data = call("compare", study), call("compare", study, "--json")
    why = call("diagnose", study, "--no-experiments", "--bootstrap", "100")
    page = call("report", study)
    assert_is_text(shown, data, why, page)
    assert {one.status for one in (shown, why, page)} == {ExitStatus.OK}
    assert "always '[/]'" in shown.out
    assert json.loads(data.out)["baseline"]["answer"] in NAMES


def test_inspect_and_its_json(tmp_path: Path) -> None:
    folder(tmp_path / "[/] data", parts=("",), classes=[name.replace("/", "|") for name in NAMES], each=4)
    folder(tmp_path / "[/] data", parts=("",), classes=("[bold]",), each=4)
    write_image(tmp_path / "[/] data" / "[bold]" / "x[" / "].png", 7)
    (tmp_path / "[/] data" / "[bold]" / "\x1b]0;own.png").write_bytes(b"no")
    answer, data = call("inspect", tmp_path / "[/] data"), call("inspect", tmp_path / "[/] data", "--json")
    assert_is_text(answer, data)
    assert "[bold]" in answer.out and ":smile:" in answer.out and r"\x1b[31mred\x9b1m" in answer.out
    assert "\x1b[31mred\x9b1m" in json.loads(data.out)["classes"]


def test_tables_of_predictions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    new = dict(zip(CLASSES, NAMES[:3], strict=True))
    for part in ("val", "test"):
        table = made_table(part, 90).drop(columns="split").replace({"label": new})
        table.rename(columns={f"prob_{old}": f"prob_{name}" for old, name in new.items()}).to_csv(
            f"{part}.csv", index=False
        )
    answer = call("diagnose", "val.csv", "test.csv", "--probabilities", "--bootstrap", "100", "--no-experiments")
    assert answer.status == ExitStatus.OK, answer.err
    assert_is_text(answer, call("compare", "val-test-study"), call("report", "val-test-study"))


class Stub:
    """Stands for a trained run: every image is of the last class; `bad.png` cannot be read."""

    classes = NAMES
    calibration = None
    calibrated = False
    algorithm = Algorithm("run", "model", tuple(NAMES), "0" * 64, False)

    def __init__(self, run: Path, device: str, calibrated: bool) -> None:
        pass

    def likeness(self) -> None:
        pass

    def each(self, files: Sequence[Path], reporter: object) -> Iterator[Scored | Problem]:
        good = [str(file) for file in files if file.name != "bad.png"]
        yield from (Problem(str(file), "rubbish", "an image", "Mend it.") for file in files if file.name == "bad.png")
        yield Scored(tuple(good), (NAMES[3],) * len(good), np.full((len(good), len(NAMES)), 1 / len(NAMES)))


def test_predict_and_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_predict, "Classifier", Stub)
    monkeypatch.chdir(tmp_path)
    for name in ("=1+1.png", "[/].png".replace("/", "x"), "\x1b[2J.png", "bad.png"):
        write_image(tmp_path / "new" / name, 0)
    shown, data = call("predict", "run", "new"), call("predict", "run", "new", "--json")
    saved = call("predict", "run", "new", "--csv", "=a.csv", "--parquet", "a.parquet")
    assert_is_text(shown, data, saved)
    assert {one.status for one in (shown, data, saved)} == {ExitStatus.ERROR}  # a file was passed over
    assert "bad.png: found rubbish" in saved.err and "3 images classified" in saved.out
    assert call("predict", "run", "new", "--ignore", "bad*").status == ExitStatus.OK
    rows = list(csv.reader(io.StringIO((tmp_path / "=a.csv").read_text(encoding="utf-8"))))
    assert rows[0][:3] == ["image", "predicted", "p([/])"] and {row[1] for row in rows[1:]} == {f"'{NAMES[3]}"}
    assert pd.read_parquet("a.parquet")["predicted"].tolist() == [NAMES[3]] * 3
    again = call("predict", "run", "new", "--csv", "=a.csv")
    assert again.status == ExitStatus.USAGE and "--overwrite" in again.err
    assert call("predict", "run", "new", "--csv", "=a.csv", "--overwrite").status == ExitStatus.ERROR


def test_a_terminal_gets_the_styles_of_ours_and_no_commands_of_names() -> None:
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()
    console = PlainConsole(stream, 80, force_terminal=True)
    table = Table()
    table.add_column("\x1b[1mhead")
    table.add_row("\x1b[31mred", style="bold")
    console.print(table, Text("\x1b[34mblue"), "[/] :smile:")
    text = stream.getvalue()
    assert all(part in text for part in (r"\x1b[31mred", r"\x1b[1mhead", r"\x1b[34mblue", "[/] :smile:"))
    assert "\x1b[31m" not in text and "\x1b[34m" not in text and "\x1b[1m" in text  # bold is ours
