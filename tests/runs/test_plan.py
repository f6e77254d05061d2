"""The plan of a study follows from what it is: nothing is read, fetched or written."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from heldout import backbones
from heldout.errors import InputError, UsageError
from heldout.records import Cohort, Recipe, Split
from heldout.records.codec import read_record
from heldout.records.tuning import Trial, Tuning
from heldout.runs.folder import read_study
from heldout.runs.plan import PlannedRun, SearchBudget, StudySpec, bases, plan
from heldout.runs.write_study import write_study
from heldout.strategies.finetune import Finetune
from heldout.strategies.probe import Probe
from heldout.strategies.scratch import Scratch
from heldout.study import Study
from tests.worlds.made_study import make_study

LITE0, LITE1 = (backbones.resolve(f"efficientnet_lite{n}") for n in (0, 1))
WEIGHTS = {LITE0.name: "a" * 16, LITE1.name: "b" * 16}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("made") / "study", n_train=20, n_val=12, n_test=12, epochs=2)


@pytest.fixture(scope="module")
def cohort(made: Path) -> Cohort:
    return Cohort.load(made / "cohort.parquet")


@pytest.fixture(scope="module")
def split(made: Path) -> Split:
    return Split.load(made / "split.parquet")


def spec_of(**changes: object) -> StudySpec:
    given = {"data": "made up", "models": (LITE0, LITE1), "strategies": (Finetune(), Probe()), "seeds": (0, 7)}
    return StudySpec(**{**given, **changes})  # type: ignore[arg-type]


def test_every_model_with_every_strategy_and_seed_in_order(cohort: Cohort, split: Split) -> None:
    runs = plan(spec_of(image_size=64), cohort, split, WEIGHTS)
    assert [(run.info.name, run.strategy.name, run.recipe.seed) for run in runs] == [
        (info.name, name, seed) for info in (LITE0, LITE1) for name in ("finetune", "probe") for seed in (0, 7)
    ]
    assert len({run.recipe.id for run in runs}) == 8
    first = runs[0].recipe
    assert (first.cohort, first.split, first.classes) == (cohort.hash, split.hash, cohort.classes)
    assert (first.weights, first.image_size, first.precision, first.interpolation) == (
        "a" * 16, 64, "no", LITE0.interpolation,
    )  # fmt: skip
    assert runs == plan(spec_of(image_size=64), cohort, split, WEIGHTS)


def test_random_weights_need_no_hash_and_others_do(cohort: Cohort, split: Split) -> None:
    (run,) = plan(spec_of(models=(LITE0,), strategies=(Scratch(),), seeds=(0,)), cohort, split, {})
    assert run.recipe.weights == "random"
    assert not spec_of(strategies=(Scratch(),)).needs_weights and spec_of().needs_weights
    with pytest.raises(UsageError, match="weights"):
        plan(spec_of(), cohort, split, {LITE0.name: "a" * 16})


def test_automatic_precision_is_the_caller_s_to_resolve(cohort: Cohort, split: Split) -> None:
    spec = spec_of(precision="auto", seeds=(0,), strategies=(Probe(),))
    runs = plan(spec, cohort, split, WEIGHTS, {LITE0.name: "no", LITE1.name: "bf16"})
    assert [run.recipe.precision for run in runs] == ["no", "bf16"]
    with pytest.raises(UsageError, match="precision"):
        plan(spec, cohort, split, WEIGHTS)


def test_searched_settings_are_those_of_every_seed_and_of_the_record(cohort: Cohort, split: Split) -> None:
    spec = spec_of(models=(LITE0,), search=SearchBudget(runs=2))
    base = bases(spec, cohort, split, WEIGHTS)[0]
    trials = (Trial({"lr": 0.1}, 0.8, 0.5, 1.0), Trial({"lr": 0.01}, 0.9, 0.5, 1.0))
    tuning = Tuning(LITE0.name, "finetune", 0, trials)
    runs = plan(spec, cohort, split, WEIGHTS, tunings={base.recipe.id: tuning})
    assert [run.recipe.settings.get("lr") for run in runs] == [0.01, 0.01, None, None]
    assert [run.searched for run in runs] == [True, True, False, False]
    assert runs[0].learning.chosen == ("settings",) and runs[0].notes
    once = plan(spec, cohort, split, WEIGHTS, tunings={base.recipe.id: Tuning(LITE0.name, "finetune", 0, trials[:1])})
    assert not once[0].searched and once[0].notes == ()


def test_a_study_has_a_model_a_strategy_and_a_seed() -> None:
    for empty in ("models", "strategies", "seeds"):
        with pytest.raises(UsageError):
            spec_of(**{empty: ()})


def test_planning_reads_fetches_and_writes_nothing_and_needs_no_torch(made: Path, tmp_path: Path) -> None:
    code = f"""
import builtins, os, pathlib, sys
from heldout import backbones
from heldout.records import Cohort, Split
from heldout.runs.plan import StudySpec, plan
from heldout.strategies.probe import Probe
model = backbones.resolve("efficientnet_lite0")
cohort, split = (kind.load(pathlib.Path({str(made)!r}) / name) for kind, name in (
    (Cohort, "cohort.parquet"), (Split, "split.parquet")))
plan(StudySpec("x", (model,), (Probe(),), (5,)), cohort, split, {{model.name: "a" * 16}})  # imports what it needs
def forbidden(event, args):
    if event in ("open", "socket.connect", "os.mkdir", "os.rename"):
        raise AssertionError(f"{{event}} {{args}}")
sys.addaudithook(forbidden)
runs = plan(StudySpec("x", (model,), (Probe(),)), cohort, split, {{model.name: "a" * 16}})
assert len(runs) == 1
assert "torch" not in sys.modules
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert not list(tmp_path.iterdir())


def test_the_constructor_reads_no_image(tmp_path: Path) -> None:
    study = Study(tmp_path / "nowhere", ["efficientnet_lite0"], ["probe"], tmp_path / "study", seeds=3)
    assert study.spec.seeds == (0, 1, 2)
    with pytest.raises(InputError):
        _ = study.cohort
    assert not (tmp_path / "study").exists()


def test_a_spec_makes_the_study_that_the_options_make(tmp_path: Path) -> None:
    by_options = Study("x", ["efficientnet_lite0"], ["probe"], tmp_path, seeds=[3], per_class=5, tune=2)
    spec = by_options.spec
    assert spec.reading.per_class == 5 and spec.search == SearchBudget(2)
    assert Study.of(spec, tmp_path).spec == spec


def write(folder: Path, cohort: Cohort, split: Split, runs: tuple[PlannedRun, ...], spec: StudySpec) -> None:
    write_study(folder, spec, cohort, split, runs)


def test_every_plan_has_a_file_and_study_json_never_changes(tmp_path: Path, cohort: Cohort, split: Split) -> None:
    one, two = spec_of(seeds=(0,), strategies=(Probe(),)), spec_of(seeds=(1,), models=(LITE0,), image_size=64)
    first, second = (plan(spec, cohort, split, WEIGHTS) for spec in (one, two))
    write(tmp_path, cohort, split, first, one)
    write(tmp_path / "another", cohort, split, first, one)
    tokens = {read_study(folder).record.token for folder in (tmp_path, tmp_path / "another")}
    assert len(tokens) == 2 and all(tokens), "equal studies are told apart"
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.rglob("*.json")}
    write(tmp_path, cohort, split, second, dataclasses.replace(two, data="elsewhere"))
    write(tmp_path, cohort, split, first, one)  # a plan that was made before
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in before} == before
    assert len(list((tmp_path / "plans").iterdir())) == 2
    files = read_study(tmp_path)
    assert files.missing == files.plan.runs == tuple(run.recipe.id for run in (*first, *second))
    assert files.plan.models == (LITE0.name, LITE1.name) and list(files.plan.strategies) == ["probe", "finetune"]
    assert files.plan.seeds == (0, 1) and files.plan.image_size == 64
    assert files.record.data == "made up"


def test_a_study_of_other_images_is_refused_and_its_plan_does_not_count(
    tmp_path: Path, cohort: Cohort, split: Split
) -> None:
    spec = spec_of(seeds=(0,))
    runs = plan(spec, cohort, split, WEIGHTS)
    write(tmp_path, cohort, split, runs, spec)
    table = cohort.table.iloc[:-1]
    other = dataclasses.replace(cohort, table=table)
    kept = set(table["id"])
    parts = {part: tuple(id_ for id_ in split.part(part) if id_ in kept) for part in ("train", "val", "test")}
    with pytest.raises(UsageError, match="other images"):
        write(tmp_path, other, dataclasses.replace(split, **parts), plan(spec, other, split, WEIGHTS), spec)  # type: ignore[arg-type]
    assert read_study(tmp_path).plan.runs == tuple(run.recipe.id for run in runs)


def test_tables_of_the_person_s_are_not_written_over(tmp_path: Path, cohort: Cohort, split: Split) -> None:
    (tmp_path / "split.parquet").write_bytes(b"mine")
    study = Study(cohort, ["efficientnet_lite0"], ["probe"], tmp_path)
    with pytest.raises(InputError, match="cannot hold the study"):
        study.run()
    assert (tmp_path / "split.parquet").read_bytes() == b"mine"


def as_0_1_0(folder: Path) -> None:
    """One file for what the study is of and what was planned on it."""
    (file,) = (folder / "plans").iterdir()
    plan = json.loads(file.read_text())
    study = json.loads((folder / "study.json").read_text())
    for name in ("models", "strategies", "seeds", "image_size", "fit", "precision", "runs"):
        study[name] = plan[name]
    study["reading"] = {"patient": None, "val-fraction": 0.2, "tune": 4, "tune-minutes": None}
    study["format"] = 1
    (folder / "study.json").write_text(json.dumps(study))
    file.unlink()
    (folder / "plans").rmdir()


def test_a_study_of_0_1_0_is_read_and_gone_on_with(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "study", n_train=20, n_val=12, n_test=12, epochs=2)
    now = read_study(folder)
    as_0_1_0(folder)
    before = (folder / "study.json").read_bytes()
    earlier = read_study(folder)
    assert earlier.plan.runs == now.plan.runs and earlier.plan.strategies == now.plan.strategies
    assert earlier.plan.search == {"tune": 4, "tune-minutes": None}
    assert earlier.record.reading == {"patient": None, "val-fraction": 0.2}
    assert [run.record for run in earlier.runs] == [run.record for run in now.runs]
    spec = spec_of(seeds=(0,))
    runs = plan(spec, earlier.cohort, earlier.split, WEIGHTS)
    write(folder, earlier.cohort, earlier.split, runs, spec)
    assert (folder / "study.json").read_bytes() == before
    after = read_study(folder)
    assert after.plan.runs == (*now.plan.runs, *(run.recipe.id for run in runs))
    recipe = read_record(Recipe, after.runs[0].folder / "recipe.json")
    assert recipe.id == now.plan.runs[0]
