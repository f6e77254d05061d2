"""Interventions go on until it is told or the images are used up: only those concerned, only images that are new."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis import until_told
from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.effects import effect_of
from heldout.diagnosis.gap import measure_budget
from heldout.diagnosis.interventions import run_interventions, score_more
from heldout.diagnosis.interventions.cues import Cues
from heldout.diagnosis.looks import looks
from heldout.diagnosis.read import read_run_data
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.until_told import run_until_told, untold
from heldout.records import Estimate, Finding, ReasonKind
from heldout.records.logit_table import logits_in
from heldout.runs.folder import RunFiles, StudyFiles, read_study
from heldout.study import Study
from tests.worlds.bright_cells import bright_cells

LIMIT = 12
KEYS = ["id", "split", "variant"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyFiles:
    folder = tmp_path_factory.mktemp("told")
    data = bright_cells(folder / "data", train=80, test=24)
    made = Study(data, ["efficientnet_lite0"], ("frozen",), folder / "study", epochs=1, image_size=32)
    made.run()
    files = read_study(made.folder)
    run_interventions(files, device="cpu", limit=LIMIT)
    return files


@pytest.fixture
def run(study: StudyFiles) -> RunFiles:
    """The run as the first call left it; put back afterwards."""
    (run,) = study.runs
    place = run.folder / "experiments"
    kept = {path: path.read_bytes() for path in place.iterdir()}
    yield run  # type: ignore[misc]
    for path in place.iterdir():
        path.unlink()
    for path, content in kept.items():
        path.write_bytes(content)


def left(run: RunFiles, name: str) -> tuple[dict[str, object], pd.DataFrame]:
    place = run.folder / "experiments" / f"{name}.json"
    return json.loads(place.read_text()), pd.read_parquet(place.with_suffix(".parquet"))


@pytest.mark.parametrize("name", ["cues", "batchnorm"])
def test_more_images_are_appended_and_what_was_there_stays(study: StudyFiles, run: RunFiles, name: str) -> None:
    before, first = left(run, name)
    assert score_more(study, run, {name}, 20, device="cpu") == (name,)
    after, table = left(run, name)
    assert after["settings"] == before["settings"] and after["reached"] == 20
    pd.testing.assert_frame_equal(table.iloc[: len(first)], first)
    assert not table.duplicated(KEYS).any()
    counts = table[~table["variant"].str.startswith("only:")].groupby(["variant", "split"]).size()
    was = first[~first["variant"].str.startswith("only:")].groupby(["variant", "split"]).size()
    assert (was == LIMIT).all() and (counts == 20).all() and set(was.index) == set(counts.index)
    run_interventions(study, [run], device="cpu", limit=LIMIT)
    assert left(run, name)[0]["reached"] == 20, "what was appended counts as done"


def test_appended_images_are_those_that_a_larger_limit_would_have_had(study: StudyFiles, run: RunFiles) -> None:
    score_more(study, run, {"cues"}, 20, device="cpu")
    _, table = left(run, "cues")
    run_interventions(study, [run], device="cpu", limit=20, only={"cues"})
    _, whole = left(run, "cues")
    variant = "neutral:corners" if (whole["variant"] == "neutral:corners").any() else "neutral:intensity"
    both = [one[one["variant"] == variant].sort_values(KEYS) for one in (table, whole)]
    assert both[0]["id"].tolist() == both[1]["id"].tolist() and len(both[0]) == 40
    np.testing.assert_allclose(logits_in(both[0]), logits_in(both[1]), atol=1e-3)


def test_a_failure_on_more_images_leaves_what_was_there(
    study: StudyFiles, run: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = run.folder / "experiments"
    before = {path: path.read_bytes() for path in place.iterdir()}

    def fails(self: Cues, context: object) -> pd.DataFrame:
        raise RuntimeError("memory")

    monkeypatch.setattr(Cues, "run", fails)
    assert score_more(study, run, {"cues"}, 20, device="cpu") == ()
    assert {path: path.read_bytes() for path in place.iterdir()} == before
    assert score_more(study, run, {"batchnorm"}, LIMIT, device="cpu") == (), "there are not more than before"
    assert score_more(study, run, {"pooled", "probe"}, 20, device="cpu") == (), "these score every image anyway"


def test_what_may_be_looked_at_again_has_its_share_of_the_level(study: StudyFiles, run: RunFiles) -> None:
    images = max(len(study.split.val), len(study.split.test))
    number = looks(LIMIT, images)
    assert number > 1 and left(run, "cues")[0]["looks"] == number
    (data,) = read_run_data(study, [run])
    of = CauseData(data, measure_budget(data, rules=until_told.QUICK))
    variant = next(one for one in data.scored["cues"].variants if one.startswith("neutral"))
    cues, probe = effect_of(of, "cues", variant, "val"), effect_of(of, "probe", "probe", "val")
    assert cues is not None and cues.level == RULES.level / number
    assert f"Bonferroni for {number} looks" in cues.lost.method
    assert probe is None or (probe.level == RULES.level and probe.looks == 1), "it scores all images at once"
    score_more(study, run, {"cues"}, 20, device="cpu")
    assert left(run, "cues")[0]["looks"] == number, "what was seen does not decide how often there may be looks"


def judging(monkeypatch: pytest.MonkeyPatch, open_until: dict[str, int], explained: bool = True) -> list[str]:
    """Causes that want more images until so many of a part were scored; who was asked."""
    asked: list[str] = []

    def judged(cause: object, data: object) -> Finding:
        code = cause.code  # type: ignore[attr-defined]
        asked.append(code)
        scored = data.run.scored.get({"shortcut": "cues", "batchnorm": "batchnorm"}.get(code, ""))  # type: ignore[attr-defined]
        n = 0 if scored is None else len(set(scored.table.loc[scored.table["split"] == "val", "id"]))
        if code == "shortcut" and scored is not None:
            n = len(scored.ids(next(v for v in scored.variants if v.startswith("neutral")), "val"))
        told = n >= open_until.get(code, 0)
        points = Estimate(1.0, -3.0, 5.0, max(n, 1), "made")
        kind = ReasonKind.WITHIN_MARGIN if told else ReasonKind.MORE_IMAGES
        return Finding(code, code, "excluded" if told else "not identifiable", points, "", kind=kind)

    monkeypatch.setattr(until_told, "judged", judged)
    monkeypatch.setattr(until_told, "measure_budget", lambda data, rules: SimpleNamespace(explained=explained))
    return asked


def test_they_go_on_for_the_cause_that_is_open_until_it_is_told(
    study: StudyFiles, run: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    judging(monkeypatch, {"batchnorm": 15})
    run_until_told(study, [run], device="cpu", limit=LIMIT)
    assert left(run, "batchnorm")[0]["reached"] == 2 * LIMIT
    assert "reached" not in left(run, "cues")[0]


def test_they_end_where_the_images_are_used_up(
    study: StudyFiles, run: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    judging(monkeypatch, {"batchnorm": 10_000, "shortcut": 10_000})
    run_until_told(study, [run], device="cpu", limit=LIMIT)
    for name in ("batchnorm", "cues"):
        about, table = left(run, name)
        val = table[(table["split"] == "val") & ~table["variant"].str.startswith("only:")]
        assert set(val["id"]) == set(study.split.val), name
        assert int(about["reached"]) >= max(len(study.split.val), len(study.split.test))  # type: ignore[call-overload]
    assert untold(study, run) == ()


def test_where_there_is_nothing_to_explain_nothing_is_scored(
    study: StudyFiles, run: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = judging(monkeypatch, {"batchnorm": 10_000}, explained=False)
    assert untold(study, run) == () and asked == []


def test_a_verdict_that_rests_on_all_images_is_not_helped(
    study: StudyFiles, run: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    judging(monkeypatch, {"batchnorm": 10_000})
    judged = until_told.judged

    def on_all(cause: object, data: object) -> Finding:
        found = judged(cause, data)  # type: ignore[arg-type]
        assert found.points is not None
        return replace(found, points=replace(found.points, n=500))

    monkeypatch.setattr(until_told, "judged", on_all)
    assert untold(study, run) == ()


def test_causes_are_asked_of_the_records_as_they_are(study: StudyFiles, run: RunFiles) -> None:
    """Without a stand-in: bright cells of one kind have no gap, so nothing is told by more of them."""
    assert untold(study, run) == ()
