"""Reading a study folder: what is complete, in which order, and what is said of damage."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.errors import InputError
from heldout.records import PARTS
from heldout.runs.compare import compare
from heldout.runs.folder import read_study
from heldout.runs.ledger import TEST_EVALUATIONS, entries, evaluations_of, write_down
from heldout.runs.sitting import checksums_in
from tests.worlds.made_study import RUNS, Planted, make_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return make_study(tmp_path / "study", runs=RUNS[:3], n_train=40, n_val=30, n_test=20, epochs=3)


def test_runs_come_in_the_order_of_the_plan_with_rows_in_the_order_of_the_split(study: Path) -> None:
    files = read_study(study)
    assert [run.record.id for run in files.runs] == list(files.plan.runs)
    assert files.missing == files.foreign == ()
    for run in files.runs:
        for part in PARTS:
            scored = run.predictions[part]
            assert (scored.part, scored.ids) == (part, files.split.part(part))
            assert scored.logits.shape == (len(files.split.part(part)), 2)
            assert list(scored.patients) == files.patients(part)
        assert tuple(run.val_epochs["id"][:30]) == files.split.val
        assert run.recipe.id == run.record.id
        assert list(run.history["epoch"]) == [1, 2, 3]
    owner = dict(zip(files.cohort.table["id"], files.cohort.table["patient"], strict=True))
    assert files.patients("test") == [owner[id_] for id_ in files.split.test]


def test_rows_written_in_another_order_are_put_right(study: Path) -> None:
    before = read_study(study)
    path = before.runs[0].folder
    for name in ("predictions.parquet", "val_epochs.parquet"):
        frame = pd.read_parquet(path / name).sample(frac=1, random_state=0)
        frame.to_parquet(path / name, index=False)
    after = read_study(study)
    for part, scored in before.runs[0].predictions.items():
        again = after.runs[0].predictions[part]
        assert (again.ids, again.patients) == (scored.ids, scored.patients)
        np.testing.assert_array_equal(again.logits, scored.logits)
        np.testing.assert_array_equal(again.labels, scored.labels)
    pd.testing.assert_frame_equal(before.runs[0].val_epochs, after.runs[0].val_epochs)


def test_a_run_without_its_last_file_is_missing_and_named(study: Path) -> None:
    first = read_study(study).runs[0]
    (first.folder / "run.json").unlink()
    files = read_study(study)
    assert files.missing == (first.record.id,)
    assert len(files.runs) == 2


def forget(study: Path, id_: str) -> None:
    """Take a run out of the plan."""
    (file,) = (study / "plans").iterdir()
    plan = json.loads(file.read_text())
    plan["runs"].remove(id_)
    file.write_text(json.dumps(plan))


def test_a_run_outside_the_plan_comes_last(study: Path) -> None:
    first = read_study(study).runs[0].record.id
    forget(study, first)
    files = read_study(study)
    assert [run.record.id for run in files.runs] == [*files.plan.runs, first]


def test_a_run_of_other_images_outside_the_plan_is_left_out_and_named(study: Path, tmp_path: Path) -> None:
    other = make_study(tmp_path / "other", runs=[Planted("resnet18", "probe")], n_test=10)
    (run,) = (other / "runs").iterdir()
    shutil.copytree(run, study / "runs" / run.name)
    files = read_study(study)
    assert files.foreign == (run.name,)
    assert len(files.runs) == 3


def problems(study: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_study(study)
    return str(caught.value)


def test_a_folder_that_is_no_study(tmp_path: Path, study: Path) -> None:
    assert "no such folder" in problems(tmp_path / "nowhere")
    assert "found a file" in problems(study / "study.json")
    above = problems(tmp_path)
    assert "a folder without study.json" in above
    assert f"Did you mean {study}?" in above


def aside(study: Path) -> str:
    """What is said of the runs that are set aside, of which there is at least one."""
    files = read_study(study)
    assert files.set_aside and len(files.runs) + len(files.set_aside) == 3
    return "\n".join(files.remarks)


def test_all_damaged_runs_are_set_aside_and_told_at_once(study: Path) -> None:
    one, two, three = (run.folder for run in read_study(study).runs)
    (one / "history.csv").unlink()
    (one / "predictions.parquet").write_bytes(b"no parquet")
    (two / "recipe.json").write_text("{}")
    frame = pd.read_parquet(three / "predictions.parquet")
    frame.drop(columns="logit_1").to_parquet(three / "predictions.parquet", index=False)
    text = aside(study)
    assert "history.csv: found no such file" in text
    assert f"{one / 'predictions.parquet'}: found a damaged file (ArrowInvalid" in text
    assert f"{two / 'recipe.json'}, field cohort" in text
    assert f"{three / 'predictions.parquet'}: found no column logit_1" in text
    with pytest.raises(InputError, match="can be used"):
        compare(study)


def test_one_that_diverged_is_set_aside_and_the_others_are_compared_as_without_it(study: Path) -> None:
    folder = read_study(study).runs[0].folder
    frame = pd.read_parquet(folder / "predictions.parquet")
    frame.assign(logit_0=float("nan")).to_parquet(folder / "predictions.parquet", index=False)
    with_it = compare(study)
    shutil.rmtree(folder)
    assert compare(study) == with_it and len(with_it.runs) == 2


@pytest.mark.parametrize(("said", "ledger", "counts"), [(0, 0, 1), (1, 0, 1), (1, 3, 3), (5, 3, 5)])
def test_the_larger_of_two_counts_of_test_evaluations_counts(study: Path, said: int, ledger: int, counts: int) -> None:
    folder = read_study(study).runs[0].folder
    data = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**data, "test_evaluations": said}))
    for _ in range(ledger):
        write_down(study, TEST_EVALUATIONS, {"run": folder.name, "split": "x"})
    files = read_study(study)
    assert files.runs[0].record.test_evaluations == counts
    assert len(files.remarks) == (counts != said)


def test_a_torn_line_of_a_ledger_is_named_and_the_next_is_whole(study: Path) -> None:
    for torn in (b'{"run": "a', b"\xff\n[]\n"):
        (study / TEST_EVALUATIONS).write_bytes(torn)
        write_down(study, TEST_EVALUATIONS, {"run": "b", "split": "x"})
        assert [entry["run"] for entry in entries(study, TEST_EVALUATIONS)] == ["b"]
        assert f"{TEST_EVALUATIONS} line 1" in read_study(study).remarks[0]


def test_one_evaluation_counts_once_however_often_it_is_written_down(study: Path) -> None:
    for token in ("a", "a", "b"):
        write_down(study, TEST_EVALUATIONS, {"run": "r", "scoring": token})
    assert len(evaluations_of(study, TEST_EVALUATIONS, "r")) == 2


def test_a_plan_that_is_damaged_is_named_and_its_runs_stay(study: Path) -> None:
    (file,) = (study / "plans").iterdir()
    file.write_text("{")
    files = read_study(study)
    assert len(files.runs) == 3 and file.name in files.remarks[0]


@pytest.mark.parametrize("place", ["study.json", "plans/made.json", "runs/*/recipe.json", "runs/*/run.json"])
def test_a_format_that_is_not_known_is_not_believed(study: Path, place: str) -> None:
    file = next(study.glob(place))
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 99}))
    try:
        text = "\n".join(read_study(study).remarks)
    except InputError as error:
        text = str(error)
    assert "field format: found 99; expected a number from 1 to" in text


def test_files_that_are_not_what_the_run_wrote_are_noticed(study: Path) -> None:
    folder = read_study(study).runs[0].folder
    data = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**data, "files": checksums_in(folder)}))
    assert not read_study(study).set_aside
    text = (folder / "history.csv").read_text()
    (folder / "history.csv").write_text(text.replace("1.0,", "1.5,", 1))
    assert text != (folder / "history.csv").read_text()
    assert "history.csv: found other content than the run wrote" in aside(study)


@pytest.mark.parametrize("instead", ["nothing", "a folder", "a device"])
def test_a_file_that_the_run_wrote_and_that_is_gone_is_noticed(study: Path, instead: str) -> None:
    folder = read_study(study).runs[0].folder
    file = folder / "choices.parquet"
    file.write_bytes(b"what was chosen from")
    data = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**data, "files": {**checksums_in(folder), "model.safetensors": "0"}}))
    assert not read_study(study).set_aside, "weights may be deleted"
    file.unlink()
    if instead == "a folder":
        file.mkdir()
    elif instead == "a device":
        file.symlink_to("/dev/zero")
    assert "choices.parquet: found no such file" in aside(study)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda frame: frame.iloc[1:], "1 images missing, 0 not of this part, 0 twice"),
        (lambda frame: pd.concat([frame, frame.iloc[[0]]]), "0 images missing, 0 not of this part, 1 twice"),
        (lambda frame: frame.assign(id=["x", *frame["id"][1:]]), "1 images missing, 1 not of this part, 0 twice"),
        (lambda frame: frame.assign(label=1 - frame["label"]), "labels that are not those of the cohort"),
        (lambda frame: frame.assign(logit_0=float("nan")), "90 images whose logits are not finite"),
        (lambda frame: frame.assign(predicted=7), "predicted classes out of range"),
        (lambda frame: frame.assign(predicted=1 - frame["predicted"]), "90 predicted classes that are not those of"),
    ],
)
def test_predictions_that_are_not_of_this_split(study: Path, damage, said: str) -> None:  # type: ignore[no-untyped-def]
    path = read_study(study).runs[0].folder / "predictions.parquet"
    damage(pd.read_parquet(path)).to_parquet(path, index=False)
    assert said in aside(study)


def test_epochs_of_other_images_and_histories_with_holes(study: Path) -> None:
    folder = read_study(study).runs[0].folder
    epochs = pd.read_parquet(folder / "val_epochs.parquet")
    epochs.iloc[1:].to_parquet(folder / "val_epochs.parquet", index=False)
    history = pd.read_csv(folder / "history.csv")
    history[history["epoch"] != 2].to_csv(folder / "history.csv", index=False)
    text = aside(study)
    assert "val_epochs.parquet, epoch 1: found 1 images missing" in text
    assert "found epochs [1, 3] …" in text


def test_a_renamed_run_folder_is_noticed(study: Path) -> None:
    run = read_study(study).runs[0]
    forget(study, run.record.id)
    run.folder.rename(run.folder.with_name("renamed"))
    assert "the folder's name renamed in both" in aside(study)


def test_files_of_different_studies_do_not_belong_together(study: Path, tmp_path: Path) -> None:
    other = make_study(tmp_path / "other", n_test=10, runs=RUNS[:1])
    shutil.copy(other / "cohort.parquet", study / "cohort.parquet")
    text = problems(study)
    assert "cohort.parquet: found hash" in text
    assert "ids that are not in the cohort" in text
