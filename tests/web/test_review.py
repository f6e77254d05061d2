"""The page of the review: readers learn nothing that could sway them, lose nothing, and see the answer change."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from heldout.diagnosis.diagnose import diagnose
from heldout.images import content_hash
from heldout.records import Diagnosis
from heldout.records.codec import read_record
from heldout.review.of_study import asked_for, review_of
from heldout.review.verdicts import verdicts
from heldout.runs.folder import StudyFiles, read_study
from tests.report.made_diagnosis import write_store
from tests.report.studies import EVIL
from tests.review.worlds import begun, diagnosed, read_all, truth_of
from tests.web.conftest import ORIGIN, TOKEN, client_of, serving
from tests.web.readers import axe, browser, called, keys, needs_browser, playwright, read_on, sit_down  # noqa: F401


def with_pictures(folder: Path, n_test: int = 105) -> StudyFiles:
    study = diagnosed(folder, n_test)
    write_store(folder / "images" / "0123456789abcdef", study.split.test, np.random.default_rng(0))
    return study


@pytest.fixture
def doubted(tmp_path: Path) -> StudyFiles:
    """Twenty images are to be read."""
    return with_pictures(tmp_path / "study")


def post(page: TestClient, place: str, body: object) -> tuple[int, dict[str, object]]:
    answer = page.post(f"/{TOKEN}/review/{place}", json=body, headers={"Origin": ORIGIN})
    return answer.status_code, answer.json()


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_looking_changes_nothing(doubted: StudyFiles) -> None:
    page, before = client_of(doubted.folder), files_of(doubted.folder)
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
    assert files_of(doubted.folder) == before
    for place in ("join", "read", "undo", "count"):
        assert page.get(f"/{TOKEN}/review/{place}").status_code == 405


def test_a_reader_is_told_nothing_of_label_model_or_others(doubted: StudyFiles) -> None:
    store, (ada,) = begun(doubted, ("Grace Hopper",))
    answers = truth_of(doubted)
    read_all(store, ada, answers, 5)
    store.join("Edsger", "adjudicator")
    page = client_of(doubted.folder)
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
    table, run = doubted.cohort.table, doubted.runs[0].record
    secrets = [*table["id"], *table["source"], *filter(None, table["patient"]), run.id, run.backbone, run.strategy]
    secrets += ["Grace", "Hopper", "Edsger", *(table["source"].map(lambda name: Path(name).stem))]
    for answer in seen:
        assert answer.status_code == 200
        text = answer.content.decode("latin-1") + repr(answer.headers)
        assert [secret for secret in secrets if secret in text] == []
    # The classes stand in the page once, as buttons; nothing else names one but the reader's own last answer.
    html = re.sub(r"<button type=\"button\" data-label=.*?</button>", "", seen[0].text)
    assert not any(name in html for name in doubted.cohort.classes)
    asked = list(asked_for(doubted))
    assert sorted(order) == sorted(asked) and order != asked and len(order) == 20


def test_what_does_not_fit_is_told_and_nothing_is_written(doubted: StudyFiles) -> None:
    page = client_of(doubted.folder)
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
    headers = {"Origin": ORIGIN, "Content-Type": "application/json"}
    assert page.post(f"/{TOKEN}/review/read", content=b"{", headers=headers).status_code == 400
    assert review_of(doubted).snapshot().readings == ()
    assert page.get(f"/{TOKEN}/review/reading?reader=99").status_code == 409


def test_a_picture_is_the_file_as_it_is_and_no_other(doubted: StudyFiles, tmp_path: Path) -> None:
    """400 pixels, where the square has 64; what lies there now and is another image is not shown."""
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400), dtype=np.uint8)
    id_ = doubted.split.test[0]
    table = doubted.cohort.table.copy()
    table.loc[table["id"] == id_, ["source", "content"]] = ["a.png", content_hash(pixels)]
    replace(doubted.cohort, root=str(tmp_path), table=table).save(doubted.folder / "cohort.parquet")
    store = review_of(doubted)
    store.begin([id_])
    (image,) = store.snapshot().images

    def size() -> tuple[int, int]:
        answer = client_of(doubted.folder).get(f"/{TOKEN}/review/picture/{image.token}")
        return Image.open(io.BytesIO(answer.content)).size

    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert size() == (400, 300)
    Image.fromarray(pixels[::-1]).save(tmp_path / "a.png")
    assert size() == (512, 512)  # the square that the network saw, enlarged


def labels_term(folder: Path, run: str) -> float:
    found = read_record(Diagnosis, folder / "diagnosis" / f"{run}.json")
    return next(one.points.value for one in found.budget if one.term == "labels")


def test_what_came_of_it_hides_from_who_still_reads(doubted: StudyFiles) -> None:
    store, (ada, ben) = begun(doubted)
    truth, page = truth_of(doubted), client_of(doubted.folder)
    result = f"/{TOKEN}/review/result"
    read_all(store, ada, truth)
    read_all(store, ben, truth, 3)
    assert "Ben has to read on" in page.get(result).text and "kappa" not in page.get(result).text
    assert "kappa" in page.get(f"{result}?shown=1").text
    read_all(store, ben, truth)
    assert "kappa" in page.get(result).text
    store.join("Cyd")
    assert "Wait for Cyd" in page.get(result).text and "kappa" not in page.get(result).text


def test_labels_are_counted_beside_the_page_and_it_says_when_that_is_no_longer_so(doubted: StudyFiles) -> None:
    store, readers = begun(doubted)
    truth, page = truth_of(doubted), client_of(doubted.folder)

    def counted() -> dict[str, object]:
        assert post(page, "count", {})[0] == 200
        while (now := page.get(f"/{TOKEN}/review/count.json").json())["state"] == "running":
            time.sleep(0.05)
        return dict(now)

    failed = counted()
    assert failed["state"] == "failed" and "no reviewed label" in str(failed["error"])
    for reader in readers:
        read_all(store, reader, truth)
    assert counted() == {"state": "done", "done": 1, "total": 1, "error": ""}
    result = f"/{TOKEN}/review/result"
    assert "By the reviewed labels" in page.get(result).text and "count again" not in page.get(result).text
    last = store.snapshot().readings[-1]
    store.undo(last.reader, last.number)
    told = page.get(f"{result}?shown=1").text
    assert "count again" in told and "1 of 20 images have no reviewed label" in told
    read_all(store, readers[-1], truth)
    assert "count again" not in page.get(result).text
    diagnose(doubted, bootstrap=200)  # by the given labels again
    assert "count again" in page.get(result).text
    counted()
    assert "count again" not in page.get(result).text


def test_hostile_names_stay_names(hostile: TestClient) -> None:
    reader = post(hostile, "join", {"name": f"{EVIL[:40]}", "role": "reader"})[1]["reader"]
    for place in ("", f"/reading?reader={reader}", "/result?shown=1"):
        text = hostile.get(f"/{TOKEN}/review{place}").text
        assert EVIL not in text and "<img src=x" not in text and "<b>bold" not in text
    assert "&lt;script&gt;" in hostile.get(f"/{TOKEN}/review/reading?reader={reader}").text


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_are_for_everybody(browser: playwright.Browser, doubted: StudyFiles, width: int) -> None:  # noqa: F811
    store, (ada, ben) = begun(doubted)
    read_all(store, ada, truth_of(doubted))
    read_all(store, ben, truth_of(doubted), 19)
    with serving(doubted.folder) as one:
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme="dark" if width < 400 else "light"
        )
        for place in ("", "/reading?reader=2", "/result?shown=1"):
            page.goto(f"{one.address}/review{place}")
            page.wait_for_load_state("networkidle")
            found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
            serious = [one for one in found if one["impact"] in ("serious", "critical")]
            assert [(bad["id"], bad["nodes"][0]["target"]) for bad in serious] == [], place
            assert page.evaluate("document.documentElement.scrollWidth") <= width, place
        page.close()


@pytest.mark.slow
@pytest.mark.browser
@needs_browser
def test_two_readers_a_crash_and_a_changed_answer(browser: playwright.Browser, doubted: StudyFiles) -> None:  # noqa: F811
    """Twenty images, read by keys; the server is killed in the middle."""
    truth = truth_of(doubted)
    run = doubted.runs[0].record.id
    assert labels_term(doubted.folder, run) == 0
    with called(doubted.folder) as (address, process):
        page, trouble = sit_down(browser, address, "Ada")
        assert read_on(page, keys(doubted, truth), 7) == 7
        page.keyboard.press("u")
        page.locator("#told", has_text="6 of 20 read").wait_for()
        assert read_on(page, keys(doubted, truth), 4) == 4
        page.locator("#told", has_text="10 of 20 read").wait_for()
        assert trouble == []
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        page.keyboard.press("1")
        page.wait_for_selector("#trouble:not([hidden])")
        assert "start it again" in page.inner_text("#trouble")
        page.close()
    kept = review_of(doubted).snapshot()
    assert len(kept.readings) == 10 and kept.withdrawn == 1
    with called(doubted.folder) as (address, _):
        page, trouble = sit_down(browser, address, "ada")
        assert read_on(page, keys(doubted, truth)) == 10
        assert "All 20 images are read" in page.inner_text("#done")
        disputed = kept.images[0].id
        other, more_trouble = sit_down(browser, address, "Ben")
        assert read_on(other, keys(doubted, truth | {disputed: None})) == 20
        page.goto(f"{address}review/result")
        assert "decide the 1 image" in page.inner_text("#next")
        eve, _ = sit_down(browser, address, "Eve", "Decide where readers differ")
        assert read_on(eve, keys(doubted, truth)) == 1
        page.goto(f"{address}review/result")
        assert "100.0 %" in page.inner_text("#agreement") and "1.00" in page.inner_text("#agreement")
        page.click("#count")
        page.wait_for_selector("table.change", timeout=120_000)
        row = page.locator("table.change tr", has_text="Wrong test labels").inner_text()
        with page.expect_download() as waiting:
            page.click("#manifest")
        manifest = list(csv.DictReader(io.StringIO(waiting.value.path().read_text(encoding="utf-8"))))
        assert trouble == [] and more_trouble == []
    points = labels_term(doubted.folder, run)
    assert points > 2 and "0.0" in row and f"+{points:.1f}" in row
    reviewed = {one.image.id: one.label for one in verdicts(review_of(doubted).snapshot())}
    assert reviewed == {id_: truth[id_] for id_ in reviewed} and len(reviewed) == 20
    given = dict(zip(doubted.cohort.table["id"], doubted.cohort.table["label"], strict=True))
    assert len(manifest) == len(given) and all(row["given_label"] == given[row["id"]] for row in manifest)
    assert all(row["label"] == reviewed.get(row["id"], given[row["id"]]) for row in manifest)
    assert read_study(doubted.folder).cohort.hash == doubted.cohort.hash


def test_a_study_that_cannot_be_written_says_so_and_can_be_looked_at(
    doubted: StudyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(temporary: Path, path: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr("heldout.review.connection.publish_once", read_only)
    page, before = client_of(doubted.folder), files_of(doubted.folder)
    assert page.get(f"/{TOKEN}/review").status_code == 200
    status, answer = post(page, "join", {"name": "Ada", "role": "reader"})
    assert status == 409 and "review.sqlite" in str(answer["error"]) and "Traceback" not in str(answer["error"])
    assert files_of(doubted.folder) == before, "nothing half-made is left"
