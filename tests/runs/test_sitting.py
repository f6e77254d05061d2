"""A run that is taken over is fenced off, and what was scored counts once wherever it was cut off."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from heldout.claims import Claim, ClaimLostError, Claims, claim_of
from heldout.files import write_text
from heldout.records import Recipe, RunRecord
from heldout.records.codec import read_record, write_record, write_sealed
from heldout.runs import sitting as module
from heldout.runs.folder import read_study
from heldout.runs.ledger import TEST_EVALUATIONS, entries, write_down
from heldout.runs.sitting import (
    Sitting,
    checksums_in,
    damaged_files,
    is_complete,
    is_finished,
    run_folder,
    sitting,
)
from tests.worlds.made_study import RUNS, make_study


@pytest.fixture
def run(tmp_path: Path) -> tuple[Path, Recipe, RunRecord]:
    """A study, and a run of it that is still to be made."""
    study = make_study(tmp_path / "study", runs=RUNS[:1], n_train=20, n_val=20, n_test=20, epochs=2)
    (one,) = read_study(study).runs
    recipe = read_record(Recipe, one.folder / "recipe.json")
    one.folder.rename(tmp_path / "made")
    return study, recipe, dataclasses.replace(one.record, test_evaluations=0)


def score(own: Sitting, recipe: Recipe, record: RunRecord) -> None:
    write_record(own.folder / "recipe.json", recipe, make_folder=False)
    own.keep_scored(dataclasses.replace(record, files=own.checksums()))


def taken(study: Path, recipe: Recipe) -> Claim:
    """A claim, whoever holds it: the other process stood still for too long."""
    path = claim_of(run_folder(study, recipe))
    path.unlink(missing_ok=True)
    claim = Claims().take(path)
    assert claim is not None
    return claim


def hidden(study: Path) -> list[str]:
    return [path.name for path in (study / "runs").iterdir() if path.name.startswith(".") and path.suffix != ".claim"]


@pytest.mark.parametrize("stopped_before", ["checkpoint", "scored", "count", "publish"])
def test_who_was_stopped_and_goes_on_changes_nothing(run: tuple[Path, Recipe, RunRecord], stopped_before: str) -> None:
    study, recipe, record = run
    with pytest.raises(ClaimLostError), sitting(study, recipe, taken(study, recipe)) as slow:
        write_text(slow.checkpoint, "first epoch", make_folder=False)
        if stopped_before in ("count", "publish"):
            score(slow, recipe, record)
        with sitting(study, recipe, taken(study, recipe)) as fast:
            assert fast.checkpoint.read_text() == "first epoch"
            if fast.scored() is None:
                score(fast, recipe, record)
            assert fast.finish(with_test=True).test_evaluations == 1
        place = run_folder(study, recipe)
        before = {path.name: path.read_bytes() for path in place.iterdir()}
        try:  # the slow one goes on where it was stopped
            if stopped_before == "checkpoint":
                write_text(slow.checkpoint, "second epoch", make_folder=False)
            elif stopped_before == "scored":
                score(slow, recipe, record)
            else:
                slow.finish(with_test=True)
        finally:
            assert {path.name: path.read_bytes() for path in place.iterdir()} == before
            assert len(entries(study, TEST_EVALUATIONS)) == 1 and not hidden(study)


def test_who_takes_a_run_over_that_is_finished_after_all_scores_nothing(run: tuple[Path, Recipe, RunRecord]) -> None:
    """The one before was only slow, and published between the claim's loss and the next one's beginning."""
    study, recipe, record = run
    with sitting(study, recipe, taken(study, recipe)) as slow:
        score(slow, recipe, record)
        claim = taken(study, recipe)
        slow.finish(with_test=True)
    with sitting(study, recipe, claim) as fast:
        assert fast.is_done and fast.scored() is None
        assert fast.finish(with_test=True).test_evaluations == 1
    assert len(entries(study, TEST_EVALUATIONS)) == 1 and not hidden(study)


def test_who_was_stopped_while_it_began_does_not_begin(
    run: tuple[Path, Recipe, RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look for earlier folders and its own, another process took over, which found none."""
    study, recipe, record = run
    place, claim, mkdir = run_folder(study, recipe), taken(study, recipe), Path.mkdir
    fast: list[Sitting] = []

    def stopped(path: Path, *args: int, **options: bool) -> None:
        if claim.token in path.name:
            monkeypatch.setattr(Path, "mkdir", mkdir)
            fast.append(Sitting(study, place, module._begin(place, taken(study, recipe)), None))
        mkdir(path, *args, **options)

    monkeypatch.setattr(Path, "mkdir", stopped)
    with pytest.raises(ClaimLostError), sitting(study, recipe, claim):
        pytest.fail("both would score")
    score(fast[0], recipe, record)
    fast[0].finish(with_test=True)
    assert len(entries(study, TEST_EVALUATIONS)) == 1 and not hidden(study)


@pytest.mark.parametrize("killed_after", ["scored", "count", "run.json"])
def test_who_is_killed_after_scoring_is_gone_on_with(
    run: tuple[Path, Recipe, RunRecord], killed_after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, recipe, record = run
    own = module._begin(run_folder(study, recipe), None)
    first = Sitting(study, run_folder(study, recipe), own, None)
    score(first, recipe, record)
    kept = first.scored()
    assert kept is not None
    if killed_after != "scored":
        write_down(study, TEST_EVALUATIONS, {"run": recipe.id, "split": recipe.split, "scoring": kept[1]})
    if killed_after == "run.json":
        write_record(own / "run.json", dataclasses.replace(record, test_evaluations=1))
    with sitting(study, recipe, taken(study, recipe)) as second:
        assert second.scored() == kept
        assert second.finish(with_test=True).test_evaluations == 1
    assert len(entries(study, TEST_EVALUATIONS)) == 1 and not hidden(study)
    assert not list(run_folder(study, recipe).glob("scored.json"))


def test_what_stands_in_a_run_s_place_is_kept_beside(run: tuple[Path, Recipe, RunRecord]) -> None:
    study, recipe, record = run
    place = run_folder(study, recipe)
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    with sitting(study, recipe, None) as own:
        score(own, recipe, record)
        own.finish(with_test=True)
    (aside,) = (study / "runs").glob("*.incomplete-1")
    assert (aside / "notes.txt").read_text() == "mine" and (place / "run.json").is_file()


def test_a_run_whose_record_was_torn_is_made_again_and_the_torn_one_is_kept(
    run: tuple[Path, Recipe, RunRecord],
) -> None:
    study, recipe, record = run
    place = run_folder(study, recipe)
    (study.parent / "made").rename(place)
    whole = (place / "run.json").read_text()
    write_text(place / "run.json", whole[: len(whole) // 2])
    assert not is_complete(place)
    (aside,) = read_study(study).set_aside
    assert "Delete this run's folder" in str(aside) and "Check the path" not in str(aside)
    with sitting(study, recipe, None) as own:
        score(own, recipe, record)
        own.finish(with_test=True)
    assert is_complete(place) and (place.with_name(f"{recipe.id}.incomplete-1") / "predictions.parquet").is_file()
    assert not any("incomplete" in remark for remark in read_study(study).remarks)


@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_a_run_whose_predictions_are_damaged_is_made_again_and_the_damaged_one_is_kept(
    run: tuple[Path, Recipe, RunRecord], damage: str
) -> None:
    study, recipe, record = run
    place, file = run_folder(study, recipe), run_folder(study, recipe) / "predictions.parquet"
    (study.parent / "made").rename(place)
    write_sealed(place / "run.json", dataclasses.replace(record, files=checksums_in(place), test_evaluations=1))
    assert is_finished(place) and not read_study(study).set_aside
    whole = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    assert is_complete(place) and not is_finished(place) and damaged_files(place) == ("predictions.parquet",)
    assert read_study(study).set_aside  # what `compare` sets aside, `run` makes again
    with sitting(study, recipe, None) as own:
        (own.folder / "predictions.parquet").write_bytes(whole)
        score(own, recipe, record)
        own.finish(with_test=True)
    assert is_finished(place) and place.with_name(f"{recipe.id}.incomplete-1").is_dir()


def test_weights_that_were_removed_and_files_that_may_not_be_read_are_no_reason_to_train_again(
    run: tuple[Path, Recipe, RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    study, recipe, record = run
    place = run_folder(study, recipe)
    (study.parent / "made").rename(place)
    (place / "model.safetensors").write_bytes(b"weights")
    write_sealed(place / "run.json", dataclasses.replace(record, files=checksums_in(place)))
    (place / "model.safetensors").unlink()
    assert is_finished(place)

    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(module, "sha256_of", refuse)
    assert is_finished(place)
