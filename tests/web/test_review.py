"""The page of the review: readers learn nothing that could sway them, lose nothing, and see the answer change."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from heldout.images import content_hash
from heldout.records import Diagnosis
from heldout.records.codec import read_record
from heldout.review.of_study import asked_for, review_of
from heldout.review.verdicts import verdicts
from heldout.runs.folder import StudyFiles, read_study
from heldout.web.app import build
from tests.report.made_diagnosis import write_store
from tests.report.test_browser import ARGUMENTS, CHROMIUM
from tests.review.worlds import begun, diagnosed, read_all, truth_of



def with_pictures(folder: Path, n_test: int = 105) -> StudyFiles:
    study = diagnosed(folder, n_test)
    write_store(folder / "images" / "0123456789abcdef", study.split.test, np.random.default_rng(0))
    return study


@pytest.fixture
def study(tmp_path: Path) -> StudyFiles:
    """Twenty images are to be read."""
    return with_pictures(tmp_path / "study")


def client(study: StudyFiles) -> TestClient:
    return TestClient(build(study.folder, TOKEN), base_url="http://127.0.0.1", raise_server_exceptions=False)


def post(page: TestClient, place: str, body: object) -> tuple[int, dict[str, object]]:
    answer = page.post(f"/{TOKEN}/review/{place}", json=body, headers={"Origin": "http://127.0.0.1"})
    return answer.status_code, answer.json()


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_looking_changes_nothing(study: StudyFiles) -> None:
    page, before = client(study), files_of(study.folder)
    for place in (
        "",
        "/reading?reader=1",
        "/state.json?reader=1",
        "/picture/x",
        "/result",
        "/count.json",
        "/reviewed.csv",
    ):
        answer = page.get(f"/{TOKEN}/review{place}")
        assert answer.status_code in (200, 404, 409), (place, answer.text)
    assert "20 test images" in page.get(f"/{TOKEN}/review").text
    assert files_of(study.folder) == before
    for place in ("join", "read", "undo", "count"):
        assert page.get(f"/{TOKEN}/review/{place}").status_code == 405


def test_a_reader_is_told_nothing_of_label_model_or_others(study: StudyFiles) -> None:
    store, (ada,) = begun(study, ("Grace Hopper",))
    answers = truth_of(study)
    read_all(store, ada, answers, 5)
    store.join("Edsger", "adjudicator")
    page = client(study)
    _, joined = post(page, "join", {"name": "Ben", "role": "reader"})
    number = joined["reader"]
    seen = [page.get(f"/{TOKEN}/review/reading?reader={number}")]
    order, images = [], {image.token: image.id for image in store.snapshot().images}
    state = page.get(f"/{TOKEN}/review/state.json?reader={number}").json()
    while state["image"]:
        seen.append(page.get(f"/{TOKEN}/review/picture/{state['image']}"))
        order.append(images[state["image"]])
        status, state = post(page, "read", {"reader": number, "image": state["image"], "label": "normal"})
        assert status == 200 and set(state) == {"read", "total", "image", "ahead", "last"}
        seen.append(page.get(f"/{TOKEN}/review/state.json?reader={number}"))
    table, run = study.cohort.table, study.runs[0].record
    secrets = [*table["id"], *table["source"], *filter(None, table["patient"]), run.id, run.backbone, run.strategy]
    secrets += ["Grace", "Hopper", "Edsger", *(table["source"].map(lambda name: Path(name).stem))]
    for answer in seen:
        assert answer.status_code == 200
        text = answer.content.decode("latin-1") + repr(answer.headers)
        assert [secret for secret in secrets if secret in text] == []
    # The classes stand in the page once, as buttons; nothing else names one but the reader's own last answer.
    html = re.sub(r"<button type=\"button\" data-label=.*?</button>", "", seen[0].text)
    assert not any(name in html for name in study.cohort.classes)
    asked = list(asked_for(study))
    assert sorted(order) == sorted(asked) and order != asked and len(order) == 20
    labels = [answers[id_] for id_ in order]  # which tell nothing of each other either: no run of one class
    assert 2 < sum(a != b for a, b in pairwise(labels)) < 18


def test_what_does_not_fit_is_told_and_nothing_is_written(study: StudyFiles) -> None:
    page = client(study)
    assert post(page, "join", {"name": " ", "role": "reader"})[0] == 409
    number = post(page, "join", {"name": "Ada", "role": "reader"})[1]["reader"]
    token = page.get(f"/{TOKEN}/review/state.json?reader={number}").json()["image"]
    bodies: tuple[tuple[str, object], ...] = (
        ("read", {"reader": number, "image": token, "label": "other"}),
        ("read", {"reader": number, "image": token, "label": 1}),
        ("read", {"reader": number, "image": "x", "label": "normal"}),
        ("read", {"reader": 99, "image": token, "label": "normal"}),
        ("read", {"reader": True, "image": token, "label": "normal"}),
        ("read", [number, token]),
        ("undo", {"reader": number, "reading": 1}),
        ("undo", {}),
        ("join", {"name": 1}),
        ("join", {"name": "ada", "role": "adjudicator"}),
    )
    for place, body in bodies:
        status, told = post(page, place, body)
        assert status == 409 and re.search("xpected|Reload", str(told["error"])), (place, body, told)
    headers = {"Origin": "http://127.0.0.1", "Content-Type": "application/json"}
    assert page.post(f"/{TOKEN}/review/read", content=b"{", headers=headers).status_code == 400
    assert review_of(study).snapshot().readings == ()
    assert page.get(f"/{TOKEN}/review/reading?reader=99").status_code == 409


def test_a_picture_is_the_file_as_it_is_and_no_other(tmp_path: Path) -> None:
    """400 pixels, where the square has 64; what lies there now and is another image is not shown."""
    study = with_pictures(tmp_path / "study")
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400), dtype=np.uint8)
    id_ = study.split.test[0]
    table = study.cohort.table.copy()
    table.loc[table["id"] == id_, ["source", "content"]] = ["a.png", content_hash(pixels)]
    replace(study.cohort, root=str(tmp_path), table=table).save(study.folder / "cohort.parquet")
    store = review_of(study)
    store.begin([id_])
    (image,) = store.snapshot().images

    def size() -> tuple[int, int]:
        answer = client(study).get(f"/{TOKEN}/review/picture/{image.token}")
        return Image.open(io.BytesIO(answer.content)).size

    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert size() == (400, 300)
    Image.fromarray(pixels[::-1]).save(tmp_path / "a.png")
    assert size() == (512, 512)  # the square that the network saw, enlarged


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


def labels_term(folder: Path, run: str) -> float:
    found = read_record(Diagnosis, folder / "diagnosis" / f"{run}.json")
    return next(one.points.value for one in found.budget if one.term == "labels")


@pytest.mark.browser
@needs_browser
def test_twenty_images_by_two_readers_a_crash_and_a_changed_answer(
    browser: Browser, study: StudyFiles
) -> None:
    truth = truth_of(study)
    run = study.runs[0].record.id
    assert labels_term(study.folder, run) == 0
    with called(study.folder) as (address, process):
        page, trouble = sit_down(browser, address, "Ada")
        assert read_on(page, keys(study, truth), 7) == 7
        page.keyboard.press("u")
        page.locator("#told", has_text="6 of 20 read").wait_for()
        assert read_on(page, keys(study, truth), 4) == 4
        page.locator("#told", has_text="10 of 20 read").wait_for()
        assert trouble == []
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        page.keyboard.press("1")
        page.wait_for_selector("#trouble:not([hidden])")
        assert "start it again" in page.inner_text("#trouble")
        page.close()
    kept = review_of(study).snapshot()
    assert len(kept.readings) == 10 and kept.withdrawn == 1
    with called(study.folder) as (address, _):
        page, trouble = sit_down(browser, address, "ada")
        assert read_on(page, keys(study, truth)) == 10
        assert "All 20 images are read" in page.inner_text("#done")
        disputed = kept.images[0].id
        other, more_trouble = sit_down(browser, address, "Ben")
        assert read_on(other, keys(study, truth | {disputed: None})) == 20
        page.goto(f"{address}review/result")
        assert "decide the 1 image" in page.inner_text("#next")
        eve, _ = sit_down(browser, address, "Eve", "Decide where readers differ")
        assert read_on(eve, keys(study, truth)) == 1
        page.goto(f"{address}review/result")
        assert "100.0 %" in page.inner_text("#agreement") and "1.00" in page.inner_text("#agreement")
        page.click("#count")
        page.wait_for_selector("table.change", timeout=120_000)
        row = page.locator("table.change tr", has_text="Wrong test labels").inner_text()
        with page.expect_download() as waiting:
            page.click("#manifest")
        manifest = list(csv.DictReader(io.StringIO(waiting.value.path().read_text(encoding="utf-8"))))
        assert trouble == [] and more_trouble == []
    points = labels_term(study.folder, run)
    assert points > 2 and "0.0" in row and f"+{points:.1f}" in row
    reviewed = {one.image.id: one.label for one in verdicts(review_of(study).snapshot())}
    assert reviewed == {id_: truth[id_] for id_ in reviewed} and len(reviewed) == 20
    given = dict(zip(study.cohort.table["id"], study.cohort.table["label"], strict=True))
    assert len(manifest) == len(given) and all(row["given_label"] == given[row["id"]] for row in manifest)
    assert all(row["label"] == reviewed.get(row["id"], given[row["id"]]) for row in manifest)
    assert read_study(study.folder).cohort.hash == study.cohort.hash
