"""Tables of several labels, asked of one: what they say is what a table of two classes says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.cli import ExitStatus
from heldout.errors import InputError, Problem
from heldout.given.answers import Answers
from heldout.given.reading import Reading
from heldout.given.rows import Source
from heldout.given.tables import GivenTables, read_given
from tests.cli.call import call

LABELS = ("Effusion", "Mass", "hernia")
ONE = ("no Mass", "Mass")


def table(part: str, n: int = 60, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Images with any number of labels, their truth (n, 3) and a network's logits (n, 3)."""
    rng = np.random.default_rng(seed + len(part))
    truth = rng.random((n, 3)) < (0.3, 0.4, 0.2)
    logits = rng.normal(0, 1, (n, 3)) + 2 * truth - 1
    frame = pd.DataFrame({"id": [f"{part}{i}" for i in range(n)], "patient": [f"p{part}{i // 2}" for i in range(n)]})
    frame["label"] = ["|".join(np.array(LABELS)[row]) or "No Finding" for row in truth]
    return frame.assign(split=part, device=["A", "B"] * (n // 2)), truth, logits


def read(*frames: pd.DataFrame, answers: Answers = "probabilities", label: str = "Mass", form: str = "") -> GivenTables:
    sources = [Source(frame, "", f"table{n}") for n, frame in enumerate(frames)]
    return read_given(sources, Reading(answers, form, label=label))


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def columns(form: str, values: np.ndarray) -> dict[str, np.ndarray]:
    return {form.replace("*", name): values[:, k] for k, name in enumerate(LABELS)}


@pytest.mark.parametrize("truth_in", ["names", "columns"])
@pytest.mark.parametrize(
    ("answers", "form"), [("probabilities", "prob_*"), ("probabilities", "p(*)"), ("logits", "logit_*")]
)
def test_one_label_is_a_table_of_two_classes(truth_in: str, answers: Answers, form: str) -> None:
    given, plain = [], []
    for part in ("val", "test"):
        frame, truth, logits = table(part)
        values = sigmoid(logits) if answers == "probabilities" else logits
        bits = {name: truth[:, k].astype(int) for k, name in enumerate(LABELS)}
        said = frame if truth_in == "names" else frame.drop(columns="label").assign(**bits)
        given.append(said.assign(**columns(form, values)))
        mine = values[:, 1]
        two = (
            {"prob_Mass": mine, "prob_no Mass": 1 - mine}
            if answers == "probabilities"
            else {"logit_Mass": mine, "logit_no Mass": 0 * mine}
        )
        plain.append(frame.assign(label=np.where(truth[:, 1], "Mass", "no Mass"), **two))
    found = read(*given, answers=answers)
    expected = read_given([Source(frame, "", f"t{n}") for n, frame in enumerate(plain)], Reading(answers))
    assert found.classes == ONE
    pd.testing.assert_frame_equal(found.images, expected.images)  # no column of another label is a group of images
    for part in ("val", "test"):
        ours, theirs = found.runs[0].logits[part], expected.runs[0].logits[part]
        np.testing.assert_allclose(
            ours[:, 1] - ours[:, 0],
            theirs[:, expected.classes.index("Mass")] - theirs[:, expected.classes.index("no Mass")],
            rtol=1e-6,
        )


def test_a_plain_column_answers_where_the_truth_is_named() -> None:
    frames = [table(part)[0].assign(**columns("*", sigmoid(table(part)[2]))) for part in ("val", "test")]
    found = read(*frames, label="HERNIA")
    assert found.classes == ("no HERNIA", "HERNIA")
    assert list(found.images.columns) == ["id", "split", "label", "path", "patient", "site", "device"]


def problems(*frames: pd.DataFrame, **words: str) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        read(*frames, **words)  # type: ignore[arg-type]
    return list(caught.value.problems)


def test_what_is_wrong_is_told() -> None:
    frames = [table(part)[0].assign(**columns("prob_*", sigmoid(table(part)[2]))) for part in ("val", "test")]
    (one,) = problems(*(frame.drop(columns="prob_Mass") for frame in frames))
    assert "prob_mass" in one.expected and "probabilities of Mass" in one.expected
    assert any(
        "no image with goitre" in one.found and "effusion" in one.expected for one in problems(*frames, label="goitre")
    )
    (one,) = problems(*(frame.drop(columns="label") for frame in frames))
    assert "a column Mass of 0 and 1" in one.expected
    assert any("Say --probabilities" in one.remedy for one in problems(*frames, answers="logits", form="prob_*"))
    empty = [frames[0].assign(label=["", *frames[0]["label"][1:]]), frames[1]]
    assert [one.found for one in problems(*empty)] == ["no label"]
    odd = [frames[0].assign(prob_Mass=[1.4, "x", *frames[0]["prob_Mass"][2:]]), frames[1]]
    assert {"'x'"} <= {one.found for one in problems(*odd)} and any("1.4" in one.found for one in problems(*odd))
    bits = [frame.drop(columns="label").assign(Mass=[2, *[1, 0] * 29, 1]) for frame in frames]
    assert any("'2' under Mass" in one.found and one.expected == "0 or 1" for one in problems(*bits))


def test_the_command_asks_one_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for part in ("val", "test"):
        frame, _, logits = table(part)
        frame.drop(columns="split").assign(**columns("prob_*", sigmoid(logits))).to_csv(f"{part}.csv", index=False)
    answer = call("diagnose", "val.csv", "test.csv", "--probabilities", "--label", "Mass", "--bootstrap", 100, "--json")
    assert answer.status is ExitStatus.OK, answer.err
    assert '"metric": "balanced-accuracy"' in answer.out.replace("\n", " ") or "balanced-accuracy" in answer.out
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["val-test-Mass-study"]
    other = call("diagnose", "val.csv", "test.csv", "--probabilities", "--label", "hernia", "--bootstrap", 100)
    assert other.status is ExitStatus.OK and (tmp_path / "val-test-hernia-study").is_dir()
