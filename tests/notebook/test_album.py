"""What the gallery answers: the right images in the right order, a page at a time, and words for what is off."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heldout.errors import UsageError
from heldout.notebook.album import LARGE, ORDERS, PAGE, Album, read_album
from heldout.records import Diagnoses
from heldout.runs.folder import read_study
from tests.worlds.made_labels import make_label_study


@pytest.fixture(scope="module")
def album(told_folder: Path, told: Diagnoses) -> Album:
    return read_album(told_folder)


def asked(**more: object) -> dict[str, object]:
    return {"kind": "page", "ask": "7/0", "start": 0, "count": PAGE, "part": "test", **more}


def test_a_page_is_what_was_asked_for_in_its_order(album: Album, told_folder: Path) -> None:
    run = read_study(told_folder).runs[0]
    side = run.predictions["test"]
    wrong = [i for i in range(len(side)) if side.labels[i] == 1 and side.predicted[i] == 0]
    sure = {side.ids[i]: float(side.probabilities[i].max()) for i in wrong}
    assert len(wrong) > 5
    content, pictures = album.answer(asked(label=1, predicted=0, outcome="wrong", order="surest"))
    assert content["ask"] == "7/0" and content["total"] == len(wrong)
    assert [item["id"] for item in content["items"]] == sorted(sure, key=lambda id_: -sure[id_])
    first = content["items"][0]
    assert (first["label"], first["predicted"], first["right"]) == ("pneumonia", "normal", False)
    assert first["sure"] == pytest.approx(sure[first["id"]])
    json.dumps(content)
    picture = Image.open(io.BytesIO(pictures[first["picture"]]))
    assert picture.format == "JPEG" and picture.size == (64, 64)
    pixels = album.squares.of(first["id"])
    assert pixels is not None
    assert np.abs(np.asarray(picture, float) - pixels[..., 0]).mean() < 8, "the picture is that image's"


def test_right_and_wrong_make_all_and_orders_are_those_of_the_words(album: Album) -> None:
    everyone, right, wrong = (album.answer(asked(outcome=outcome))[0]["total"] for outcome in ("", "right", "wrong"))
    assert everyone == 120 and right + wrong == everyone and wrong > 0
    least, most, plain = (album.answer(asked(order=order))[0]["items"] for order in ORDERS)
    assert [item["sure"] for item in least] == sorted(item["sure"] for item in least)
    assert least[0]["sure"] < most[-1]["sure"] < most[0]["sure"]
    assert [item["id"] for item in plain] == list(album.parts["test"].ids[:PAGE])


def test_never_more_than_a_page_of_pictures(album: Album) -> None:
    content, pictures = album.answer(asked(part="train", count=10_000))
    assert content["total"] == 300 and len(content["items"]) == len(pictures) == PAGE
    pages = [album.answer(asked(start=start))[0]["items"] for start in range(0, 144, PAGE)]
    ids = [item["id"] for page in pages for item in page]
    assert len(ids) == 120 and len(set(ids)) == 120, "pages hold every image once"
    assert album.answer(asked(start=5000))[0]["items"] == []


def test_one_image_is_told_in_full(album: Album) -> None:
    id_ = album.parts["val"].ids[3]
    content, (picture,) = album.answer({"kind": "image", "ask": "1/image", "part": "val", "id": id_})
    assert content["id"] == id_ and content["file"] == album.sources[id_]
    assert sum(p for _, p in content["probabilities"]) == pytest.approx(1)
    assert content["probabilities"][0][1] >= content["probabilities"][1][1]
    assert max(Image.open(io.BytesIO(picture)).size) <= LARGE


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("no message", "expected page or image"),
        ({"kind": "drop"}, "expected page or image"),
        (asked(part="elsewhere"), "expected one of: 'train', 'val', 'test'"),
        (asked(label=7), "expected -1 … 1"),
        (asked(label=True), "expected a whole number"),
        (asked(start=-1), "expected a whole number from 0 on"),
        (asked(order="<b>"), "Found order '<b>'"),
        ({"kind": "image", "part": "test", "id": "../../etc/passwd"}, "expected one of test"),
    ],
)
def test_a_message_that_is_off_is_answered_in_words(album: Album, message: object, said: str) -> None:
    content, pictures = album.answer(message)
    assert content["kind"] == "error" and said in content["text"] and pictures == []


def test_runs_are_found_by_how_their_id_begins(told_folder: Path) -> None:
    other = read_study(told_folder).runs[1].record.id
    assert read_album(told_folder, other[:-2]).title == "efficientnet_lite0 (frozen)"
    with pytest.raises(UsageError, match="expected one of"):
        read_album(told_folder, "nobody")


def test_of_several_labels_one_has_to_be_named(tmp_path: Path) -> None:
    folder = make_label_study(tmp_path / "study")
    with pytest.raises(UsageError, match="expected label= with one of: disc, bar, stripes"):
        read_album(folder)
    album = read_album(folder, label="bar")
    assert len(album.classes) == 2 and "label bar" in album.title
    content, pictures = album.answer(asked())
    assert content["items"] and pictures == [], "a study without pixels shows ids"
