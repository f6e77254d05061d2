"""What every experiment on the shelf keeps, discovered rather than listed; on real weights and images of 32 pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions import Intervention, InterventionContext, interventions, run_interventions
from heldout.diagnosis.interventions.pooled import COMPONENTS, reduced
from heldout.diagnosis.interventions.probe import ProbeLogits
from heldout.diagnosis.read import read_run_data
from heldout.errors import UsageError
from heldout.records import PARTS, ReasonKind
from heldout.records.logit_table import logits_in
from heldout.runs.folder import read_study
from heldout.runs.ledger import DIAGNOSIS_EVALUATIONS, entries
from heldout.study import Study
from heldout.training import machine
from tests.worlds.bright_cells import bright_cells

EVERY = list(interventions)
LIMIT = 16
ABSENT = {
    ReasonKind.DOES_NOT_APPLY,
    ReasonKind.NO_DIFFERENCE,
    ReasonKind.MORE_IMAGES,
    ReasonKind.PARTS_MISSING,
    ReasonKind.NOT_RUN,
    ReasonKind.INTERVENTION_FAILED,
}
"""Kinds of reasons why an intervention leaves nothing."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiments")
    data = bright_cells(folder / "data", train=60, test=24)
    made = Study(
        data, ["efficientnet_lite0"], ("finetune", "frozen", "probe"), folder / "study", epochs=1, image_size=32
    )
    made.run()
    before = {path.name for path in (made.folder / "features").iterdir()}
    run_interventions(read_study(made.folder), device="cpu", limit=LIMIT)
    assert {path.name for path in (made.folder / "features").iterdir()} == before  # those of the frozen run, used again
    return made.folder


def results(study: Path, experiment: Intervention) -> list[tuple[dict[str, object], pd.DataFrame | None, Path]]:
    found = []
    for run in sorted((study / "runs").iterdir()):
        about = json.loads((run / "experiments" / f"{experiment.name}.json").read_text())
        table = run / "experiments" / f"{experiment.name}.parquet"
        found.append((about, pd.read_parquet(table) if table.is_file() else None, run))
    return found


def context_on(study: Path, number: int) -> InterventionContext:
    files = read_study(study)
    return InterventionContext(files, files.runs[number], machine("cpu"), limit=LIMIT)


@pytest.mark.parametrize("experiment", EVERY, ids=lambda experiment: experiment.name)
def test_what_it_leaves_can_be_judged(study: Path, experiment: Intervention) -> None:
    files = read_study(study)
    done = 0
    for about, table, _ in results(study, experiment):
        assert not about["failed"], about["absent"]
        assert about["format"] == 1
        assert about["version"] == experiment.version
        assert about["seconds"] >= 0  # type: ignore[operator]
        if about["absent"] is not None:
            assert table is None
            assert ReasonKind(str(about["kind"])) in ABSENT
            continue
        assert about["kind"] is None
        done += 1
        if experiment.name == "features":
            continue
        assert table is not None
        assert list(table.columns) == ["id", "split", "variant", "logit_0", "logit_1"]
        assert np.isfinite(logits_in(table, 2)).all()
        assert not table.duplicated(["id", "split", "variant"]).any()
        for part in PARTS:
            mine = set(files.split.part(part)) | (set(files.split.train) if experiment.name == "grouped" else set())
            assert set(table.loc[table["split"] == part, "id"]) <= mine
    # no relatives, no shift, no rare class here; see test_planted
    if experiment.name not in ("combined", "doses", "grouped", "quality"):
        assert done


@pytest.mark.parametrize("experiment", EVERY, ids=lambda experiment: experiment.name)
def test_it_changes_nothing_and_repeats(study: Path, experiment: Intervention) -> None:
    context = context_on(study, 0)
    state = {name: tensor.clone() for name, tensor in context.network.state_dict().items()}
    modes = [module.training for module in context.network.modules()]
    if experiment.why_not(context) is None and experiment.name not in ("combined", "quality"):
        again = experiment.run(context)
        kept = context.run.folder / "experiments" / f"{experiment.name}.parquet"  # of the fixture, by equal settings
        first = pd.read_parquet(kept) if kept.exists() else experiment.run(context_on(study, 0))
        pd.testing.assert_frame_equal(first, again)
    for name, tensor in context.network.state_dict().items():
        assert np.array_equal(tensor.numpy(), state[name].numpy()), name
    assert [module.training for module in context.network.modules()] == modes


def test_a_second_call_does_nothing_and_other_settings_do(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    this_is_a_test = Absence(ReasonKind.NOT_RUN, "this is a test")
    for experiment in EVERY:
        monkeypatch.setattr(
            type(experiment), "why_not", lambda self, context: asked.append(self.name) or this_is_a_test
        )
    again = read_study(study)
    run_interventions(again, device="cpu", limit=LIMIT)
    assert asked == []
    files = {path: path.read_bytes() for path in study.glob("runs/*/experiments/*")}
    run_interventions(again, again.runs[:1], device="cpu", limit=LIMIT + 1)
    assert set(asked) == {"batchnorm", "combined", "cues", "interpolation", "quality"}  # those of a sample
    for path, content in files.items():  # put back for other tests
        path.write_bytes(content)


def test_a_failure_is_written_down_tried_again_and_sinks_nothing(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = read_study(study)
    run = made.runs[0]
    place = run.folder / "experiments"
    kept = {path: path.read_bytes() for path in place.iterdir()}
    (place / "probe.json").unlink()
    (place / "strengths.json").unlink()

    def fails(self: ProbeLogits, context: InterventionContext) -> pd.DataFrame:
        raise RuntimeError("the dog\nate it")

    with monkeypatch.context() as patch:
        patch.setattr(ProbeLogits, "run", fails)
        run_interventions(made, [run], device="cpu", limit=LIMIT)
    about = json.loads((place / "probe.json").read_text())
    assert about["failed"] and about["kind"] == ReasonKind.INTERVENTION_FAILED
    assert "RuntimeError: the dog ate it" in about["absent"]
    assert not (place / "probe.parquet").exists()
    assert (place / "strengths.json").exists()
    (data,) = read_run_data(made, [run])
    assert data.why_absent("probe") == Absence(ReasonKind.INTERVENTION_FAILED, about["absent"])
    run_interventions(made, [run], device="cpu", limit=LIMIT)
    assert json.loads((place / "probe.json").read_text())["absent"] is None
    assert (place / "probe.parquet").read_bytes() == kept[place / "probe.parquet"]


def test_every_intervention_that_scores_test_images_is_written_down(study: Path) -> None:
    counted = {(line["run"], line["experiment"]) for line in entries(study, DIAGNOSIS_EVALUATIONS)}
    scored = {
        (file.parent.parent.name, file.stem)
        for file in study.glob("runs/*/experiments/*.parquet")
        if (pd.read_parquet(file)["split"] == "test").any()
    }
    assert scored and scored <= counted


def test_run_data_finds_features_and_logits(study: Path) -> None:
    files = read_study(study)
    for run, data in zip(files.runs, read_run_data(files), strict=True):
        assert {part: len(x) for part, x in data.features.items()} == {p: len(files.split.part(p)) for p in PARTS}
        assert set(data.scored) | set(data.absent) | {"features"} == {item.name for item in EVERY}
        assert ("strengths" in data.scored) == (run.record.strategy == "probe")
        assert ("interpolation" in data.scored) == (run.record.strategy == "finetune")


def test_the_probe_and_its_strengths_are_those_of_the_strategy(study: Path) -> None:
    files = read_study(study)
    (data,) = read_run_data(files, [run for run in files.runs if run.record.strategy == "probe"])
    for part in PARTS:
        images = data.part(part)
        assert images is not None
        np.testing.assert_allclose(data.scored["probe"].logits("probe", part, images.ids), images.logits, atol=1e-4)
    assert data.val is not None
    scored = data.scored["strengths"]
    assert len(scored.variants) == 6
    distance = [np.abs(scored.logits(name, "val", data.val.ids) - data.val.logits).max() for name in scored.variants]
    assert min(distance) < 1e-3  # one of them is the run


def test_interpolation_begins_at_the_probe_and_leads_to_the_run(study: Path) -> None:
    files = read_study(study)
    (data,) = read_run_data(files, [run for run in files.runs if run.record.strategy == "finetune"])
    scored, probe = data.scored["interpolation"], data.scored["probe"]
    assert scored.variants == ("alpha=0", "alpha=0.25", "alpha=0.5", "alpha=0.75")
    ids = scored.ids("alpha=0", "test")
    assert len(ids) == LIMIT
    np.testing.assert_allclose(
        scored.logits("alpha=0", "test", ids), probe.logits("probe", "test", ids), atol=1e-3, rtol=1e-3
    )
    assert data.test is not None
    end = data.test.take(np.array([data.test.ids.index(id_) for id_ in ids])).logits
    distances = [np.linalg.norm(scored.logits(name, "test", ids) - end) for name in scored.variants]
    assert distances[3] < distances[0]


def test_runs_share_what_is_read_once(study: Path) -> None:
    """Siblings, properties of the images and the reasons for leakage are made once for all runs."""
    one, two, three = read_run_data(read_study(study))
    assert one.siblings[0] is three.siblings[1] is not one.siblings[1]
    assert [other.run for other in two.siblings] == [one.run, three.run]
    assert one.quality is three.quality is not None
    assert one.siblings[0].val is two.val


def test_a_limit_below_one_is_refused(study: Path) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        run_interventions(read_study(study), limit=0)


def test_features_wider_than_their_components_are_reduced_though_nothing_else_is_asked() -> None:
    """As where the model was given without its training images: the strength is chosen on validation alone."""
    x = np.random.default_rng(0).normal(size=(300, 400)).astype(np.float32)
    known, asked = reduced(x, x[:0], 0)
    assert known.shape == (300, COMPONENTS) and asked.shape == (0, COMPONENTS)
    both = reduced(x, x[:5], 0)
    np.testing.assert_allclose(both[0], known)
    np.testing.assert_allclose(both[1], known[:5], atol=1e-4)
