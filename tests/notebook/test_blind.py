"""Blind reading: nothing of an image but its picture, each reading on the disk, and a reader who goes on."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heldout.data.load import load
from heldout.errors import HeldoutError, UsageError
from heldout.notebook.blind import BlindReading, begin_reading
from heldout.records import Cohort, Diagnoses
from heldout.review.of_study import asked_for, review_of
from heldout.review.originals import original
from heldout.runs.folder import read_study


@pytest.fixture
def folder(told_folder: Path, told: Diagnoses, tmp_path: Path) -> Path:
    """A diagnosed study of its own, since a reading writes into it."""
    return Path(shutil.copytree(told_folder, tmp_path / "study"))


def read_all(reading: BlindReading, number: int | None) -> list[dict[str, object]]:
    """All answers, while a reader says the same of every image."""
    answers = [reading.answer({"kind": "next"})[0]]
    while answers[-1]["kind"] == "image":
        answers.append(reading.answer({"kind": "read", "token": answers[-1]["token"], "label": number})[0])
    return answers


def test_a_page_learns_nothing_of_an_image(folder: Path) -> None:
    answers = read_all(begin_reading(folder, "Ada"), 1)
    asked = asked_for(read_study(folder))
    assert len(answers) == len(asked) + 1 and answers[-1] == {
        "kind": "done", "read": len(asked), "total": len(asked), "last": len(asked), "trouble": ""
    }  # fmt: skip
    told = json.dumps(answers)
    table = Cohort.load(folder / "cohort.parquet").table.set_index("id").loc[list(asked)]
    for secret in (*asked, *table["source"], *set(table["label"]), *set(table["patient"])):
        assert secret not in told
    assert {frozenset(answer) for answer in answers[:-1]} == {
        frozenset({"kind", "read", "total", "last", "trouble", "token"})
    }


def test_what_was_seen_is_kept_and_readers_see_their_own_order(folder: Path) -> None:
    ada, ben = begin_reading(folder, "Ada"), begin_reading(folder, "Ben")
    orders = [[answer.get("token") for answer in read_all(reading, None)] for reading in (ada, ben)]
    assert orders[0] != orders[1] and set(orders[0]) == set(orders[1])
    readings = review_of(read_study(folder)).snapshot().readings
    assert {(one.reader, one.label) for one in readings} == {(ada.reader.number, None), (ben.reader.number, None)}


def test_a_reader_goes_on_where_they_were_and_takes_the_last_back(folder: Path) -> None:
    first, _ = begin_reading(folder, "Ada").answer({"kind": "next"})
    begin_reading(folder, "Ada").answer({"kind": "read", "token": first["token"], "label": 0})
    again = begin_reading(folder, " ada ")
    second, (picture,) = again.answer({"kind": "next"})
    assert second["read"] == 1 and second["token"] != first["token"] and picture[:2] == b"\xff\xd8"
    back, _ = again.answer({"kind": "undo", "reading": second["last"]})
    assert (back["token"], back["read"], back["last"]) == (first["token"], 0, None)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"kind": "read", "token": "none", "label": 0}, "does not ask for"),
        ({"kind": "read", "token": "none", "label": 9}, "expected 0 … 1"),
        ({"kind": "read", "token": "none", "label": "normal"}, "expected 0 … 1"),
        ({"kind": "undo", "reading": "x"}, "Only the last reading"),
        ({"kind": "peek"}, "expected next, read or undo"),
        (None, "expected next, read or undo"),
    ],
)
def test_what_is_off_is_told_and_the_image_stays(folder: Path, message: object, said: str) -> None:
    reading = begin_reading(folder, "Ada")
    before, _ = reading.answer({"kind": "next"})
    answer, pictures = reading.answer(message)
    assert said in answer["trouble"] and answer["token"] == before["token"] and len(pictures) == 1


def test_without_pixels_or_diagnosis_there_is_nothing_to_read(folder: Path) -> None:
    shutil.rmtree(folder / "images")
    with pytest.raises(HeldoutError, match=r"Found neither file nor pixels of \d+ images of \d+;"):
        begin_reading(folder, "Ada")
    shutil.rmtree(folder / "diagnosis")
    with pytest.raises(UsageError, match="heldout diagnose"):
        begin_reading(folder, "Ada")
    assert not (folder / "review.sqlite").exists()


def test_an_image_is_read_as_its_file_has_it(folder: Path, tmp_path: Path) -> None:
    reading = begin_reading(folder, "Ada")
    assert size_of(reading) == (64, 64), "the square, where the file is gone"
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400), dtype=np.uint8)
    for number, part in enumerate(("test", "train", "val")):
        for label in ("b", "a"):
            place = tmp_path / "images" / part / label
            place.mkdir(parents=True)
            Image.fromarray(np.roll(pixels, number) // (1 + (label == "a"))).save(place / "one.png")
    cohort = load(tmp_path / "images")
    (id_,) = cohort.table.loc[cohort.table["source"] == "test/b/one.png", "id"]
    image = reading.store.snapshot().images[0]
    other = replace(cohort, table=cohort.table.replace({"id": {id_: image.id}}))
    found = original(other, None, image.id)
    assert found is not None and found.shape == (300, 400, 1) and (found[..., 0] == pixels).all()
    assert original(replace(other, root=str(tmp_path)), None, image.id) is None


def size_of(reading: BlindReading) -> tuple[int, int]:
    _, (picture,) = reading.answer({"kind": "next"})
    return Image.open(io.BytesIO(picture)).size
