"""The pages as a client sees them: every link leads somewhere, names stay names, numbers are the study's."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from heldout.answer.texts import percent
from heldout.report.figures.gap_budget import taken
from heldout.report.material import gather
from heldout.web.pages import pages
from tests.report.studies import EVIL
from tests.web.conftest import ORIGIN, TOKEN, client_of
from tests.worlds.made_study import RUNS, make_study


class Links(HTMLParser):
    """Addresses in a page, and the tags that run or style something."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.addresses += [value for key in ("href", "src", "action") if (value := named.get(key))]
        self.handlers += [name for name in named if name.startswith("on")]
        if tag == "script":
            self.scripts.append(named)


def links(text: str) -> Links:
    found = Links()
    found.feed(text)
    return found


def crawl(client: TestClient, most: int = 150, pictured: bool = True) -> dict[str, str]:
    """Every page that can be reached by links, HTML by its address; each address has to answer."""
    todo, seen, texts = [f"/{TOKEN}/{page.name}" for page in pages], set[str](), dict[str, str]()
    while todo and len(seen) < most:
        path = todo.pop(0)
        if path in seen:
            continue
        seen.add(path)
        answer = client.get(path)
        if "/picture/" in path and not pictured:
            assert answer.status_code == 404, path
            continue
        assert answer.status_code == 200, f"{answer.status_code} of {path}"
        if answer.headers["content-type"].startswith("text/html"):
            texts[path] = answer.text
            new = [address.partition("#")[0] for address in links(answer.text).addresses]
            todo += [one for one in new if one.startswith("/") and not one.startswith(f"/{TOKEN}/language?")]
            assert all(one.startswith((f"/{TOKEN}/", "data:", "#", "https://github.com/")) for one in new if one), path
    return texts


@pytest.fixture(scope="module")
def texts(client: TestClient) -> dict[str, str]:
    return crawl(client)


def test_every_link_leads_to_a_page(texts: dict[str, str]) -> None:
    kinds = {path.removeprefix(f"/{TOKEN}/").partition("?")[0].partition("/")[0] for path in texts}
    assert kinds >= {page.name for page in pages}
    assert any("/why/threshold" in path for path in texts) and any("/images/" in path for path in texts)


def test_names_stay_names_and_no_script_stands_in_a_page(hostile: TestClient) -> None:
    for path, text in crawl(hostile, most=60, pictured=False).items():
        assert EVIL not in text, path
        found = links(text)
        assert not found.handlers, path
        assert all(one.get("src") or one.get("type") == "application/json" for one in found.scripts), path
    rows = hostile.get(f"/{TOKEN}/images/rows.json").json()["rows"]
    assert EVIL in {row["label"] for row in rows}  # in JSON it is text, and the script sets it as text


def test_pages_send_nobody_to_another_place(client: TestClient) -> None:
    assert client.get(f"/{TOKEN}/").headers["location"] == f"/{TOKEN}/overview"
    assert client.get(f"/{TOKEN}").status_code in (307, 404)


def test_the_overview_has_the_numbers_of_the_comparison(client: TestClient, study: Path) -> None:
    material = gather(study)
    text = unescape(re.sub(r"<[^>]+>", "", client.get(f"/{TOKEN}/overview").text))
    for row in material.runs:
        assert row.test is not None
        assert percent(row.test.accuracy.value) in text and percent(row.val.accuracy.value) in text


def test_the_waterfall_goes_from_validation_to_test(client: TestClient, study: Path) -> None:
    run = gather(study).diagnosed[0]
    text = client.get(f"/{TOKEN}/why?run={run.run}").text
    bars = [(float(left), float(width)) for left, width in re.findall(r"left: ([\d.]+)%; width: ([\d.]+)%", text)]
    assert len(bars) == len(run.budget) + 2
    (_, first), *terms, (_, last) = bars
    at = first
    for term, (left, width) in zip(run.budget, terms, strict=True):
        assert pytest.approx(at, abs=0.05) == (left + width if term.points.value >= 0 else left)
        at = left if term.points.value >= 0 else left + width
    assert at == pytest.approx(last, abs=0.05)


def test_a_term_is_said_as_the_report_says_it(client: TestClient, study: Path) -> None:
    run = gather(study).diagnosed[0]
    for term in run.budget:
        text = unescape(client.get(f"/{TOKEN}/why/{term.term}?run={run.run}").text)
        assert f": {taken(term.points)} points</h1>" in text
        assert f">{taken(term.points)}</span>" in unescape(client.get(f"/{TOKEN}/why?run={run.run}").text)


def test_pages_of_the_gallery_together_are_the_part(client: TestClient, study: Path) -> None:
    ids, total = [], 1
    while len(ids) < total:
        answer = client.get(f"/{TOKEN}/images/rows.json?part=train&offset={len(ids)}").json()
        total = answer["total"]
        ids += [row["id"] for row in answer["rows"]]
    assert tuple(ids) == gather(study).split.train
    for wrong in ("offset=-1", "offset=x", "part=all", "lasso=1", "run=nobody", "by=tsne&lasso=0,0;1,0;1,1"):
        assert client.get(f"/{TOKEN}/images/rows.json?{wrong}").status_code in (400, 404), wrong


def test_a_line_on_the_map_means_the_points_within(client: TestClient) -> None:
    points = client.get(f"/{TOKEN}/map/points.json").json()
    places = np.array([points["x"], points["y"]]).T
    assert np.abs(places).max() == pytest.approx(1, abs=1e-3)
    rows = client.get(f"/{TOKEN}/images/rows.json?lasso=0,-2;2,-2;2,2;0,2").json()
    assert rows["total"] == int((places[:, 0] > 0).sum())


def test_a_projection_that_is_not_installed_says_how_to_get_it(client: TestClient) -> None:
    if importlib.util.find_spec("umap") is not None:
        pytest.skip("umap-learn is installed")
    answer = client.get(f"/{TOKEN}/map?by=umap")
    assert answer.status_code == 409 and "pip install" in answer.text and "heldout[umap]" in answer.text


def test_an_images_page_knows_its_place_in_the_gallery(client: TestClient, study: Path) -> None:
    asked = "part=test&sort=confidence&falling=1"
    ids = [row["id"] for row in client.get(f"/{TOKEN}/images/rows.json?{asked}").json()["rows"]]
    text = client.get(f"/{TOKEN}/images/{ids[5]}?{asked}").text
    assert f"6 of {len(ids)}" in text
    assert f'rel="prev" id="before" href="/{TOKEN}/images/{ids[4]}?' in text
    assert f'rel="next" id="after" href="/{TOKEN}/images/{ids[6]}?' in text
    train = set(gather(study).split.train)
    near = text[text.index("Nearest training images") :]
    shown = re.findall(r'src="[^"]*/picture/(\w+)"', near[: near.index("The same picture")])
    assert len(shown) == 8 and set(shown) <= train
    assert client.get(f"/{TOKEN}/images/nobody").status_code == 404


def test_pictures_come_small_and_large_and_nothing_else(client: TestClient, study: Path) -> None:
    id_ = gather(study).split.test[0]
    for side in (96, 512):
        answer = client.get(f"/{TOKEN}/picture/{id_}?side={side}")
        assert answer.headers["content-type"] == "image/jpeg" and answer.content[:2] == b"\xff\xd8"
    assert client.get(f"/{TOKEN}/picture/{id_}?side=100000").status_code == 404
    assert client.get(f"/{TOKEN}/picture/{'0' * 16}").status_code == 404


def test_what_is_finished_meanwhile_is_seen(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    record = next(iter(sorted(folder.glob("runs/*/run.json"))))
    text = record.read_text()
    record.unlink()
    asking = client_of(folder)
    name = record.parent.name
    assert f'data-run="{name}" data-name' not in asking.get(f"/{TOKEN}/overview").text
    state = {run["run"]: run["state"] for run in asking.get(f"/{TOKEN}/overview/now.json").json()}
    assert state.pop(name) == "waiting" and set(state.values()) == {"finished"}
    record.write_text(text)
    assert f'data-run="{name}" data-name' in asking.get(f"/{TOKEN}/overview").text


def test_a_study_without_a_finished_run_shows_what_is_under_way(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "study", runs=RUNS[:1])
    run = next(folder.glob("runs/*/run.json"))
    run.unlink()
    course = json.dumps({"history": [{"val_accuracy": 0.5}, {"val_accuracy": 0.75}]})
    header = json.dumps({"__metadata__": {"course": course}}).encode()
    partial = run.parent.with_name(f".{run.parent.name}.abc.partial")
    run.parent.rename(partial)
    (partial / "checkpoint.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    asking = client_of(folder)
    page = asking.get(f"/{TOKEN}/overview")
    assert page.status_code == 200 and "No run is finished yet" in page.text and "cut off" in page.text
    now = asking.get(f"/{TOKEN}/overview/now.json").json()[0]
    assert (now["epochs"], now["val"], now["state"]) == (2, [0.5, 0.75], "cut off")
    (partial / "checkpoint.safetensors").write_bytes(b"\xff" * 40)
    assert asking.get(f"/{TOKEN}/overview/now.json").json()[0]["epochs"] == 0
    for name in ("why", "images", "map"):
        answer = asking.get(f"/{TOKEN}/{name}")
        assert answer.status_code == 409 and 'class="fault"' in answer.text, name


def test_looking_changes_nothing(study: Path, client: TestClient, texts: dict[str, str]) -> None:
    """Every page was read for `texts`; the folder is as a fresh copy of the study would be."""
    assert texts
    before = {path: path.stat().st_mtime_ns for path in study.rglob("*")}
    for path in (f"/{TOKEN}/overview", f"/{TOKEN}/why", f"/{TOKEN}/map/points.json", f"/{TOKEN}/images/rows.json"):
        assert client.get(path).status_code == 200
        assert client.post(path, json={}, headers={"origin": ORIGIN}).status_code == 405
    assert {path: path.stat().st_mtime_ns for path in study.rglob("*")} == before
    assert not {path.name for path in study.iterdir()} - {
        *(
            "cohort.parquet",
            "split.parquet",
            "study.json",
            "plans",
            "runs",
            "images",
            "quality",
            "diagnosis",
            "features",
        )
    }
