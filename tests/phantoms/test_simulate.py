"""Phantoms: the same seed the same pixels, twins paired image by image, a task that is neither trivial nor hopeless."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import heldout
from heldout.cli import ExitStatus
from heldout.errors import InputError
from heldout.phantoms import Counts, simulate, write_phantom
from heldout.phantoms.worlds import worlds
from heldout.phantoms.write import remove_own
from tests.cli.call import call
from tests.phantoms.features import measure

CELLS = worlds.get("cells")


@pytest.mark.parametrize("world", list(worlds), ids=lambda world: world.name)
def test_equal_seed_equal_pixels(world) -> None:  # type: ignore[no-untyped-def]
    first, again, other = (simulate(world, seed, Counts.of(16)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.images, again.images)
    pd.testing.assert_frame_equal(first.table, again.table)
    assert not np.array_equal(first.images, other.images)
    assert first.images.shape == (16, 96, 96)
    assert first.images.dtype == np.uint8


def test_an_image_does_not_depend_on_how_many_are_drawn() -> None:
    few = simulate(CELLS, 3, Counts(train=6, test=2, train_patients=2, test_patients=1))
    many = simulate(CELLS, 3, Counts(train=12, test=4, train_patients=2, test_patients=1))

    def keyed(phantom) -> dict[tuple[str, int], bytes]:  # type: ignore[no-untyped-def]
        number = phantom.table.groupby("patient").cumcount()
        pairs = zip(phantom.table["patient"], number, phantom.images, strict=True)
        return {(patient, k): image.tobytes() for patient, k, image in pairs}

    small, large = keyed(few), keyed(many)
    assert set(small) < set(large)
    assert all(large[key] == image for key, image in small.items())


def test_a_twin_shows_the_same_cells_through_other_optics() -> None:
    blurred = CELLS.with_optics(dataclasses.replace(CELLS.train.sites[0].optics, na=0.3))
    plain, twin = (simulate(world, 1, Counts.of(12)) for world in (CELLS, blurred))
    assert not np.array_equal(plain.images, twin.images)
    for column in ("label", "patient", "stage", "volume_fl", "x_um"):
        assert list(plain.table[column]) == list(twin.table[column])
    assert (twin.table["psf_sigma_um"] > plain.table["psf_sigma_um"]).all()


def test_no_patient_is_in_two_parts() -> None:
    table = simulate(CELLS, 0, Counts.of(60, patients=12, val=True)).table
    assert (table.groupby("patient")["split"].nunique() == 1).all()
    assert set(table["split"]) == {"train", "val", "test"}


def test_textbook_features_tell_the_classes_apart_but_not_all() -> None:
    """Held-out accuracy of a logistic regression on nine features measured on the pixels alone."""
    phantom = simulate(CELLS, 0, Counts.of(500, patients=100))
    x = np.array([measure(image, 6.0) for image in phantom.images])
    y = (phantom.table["label"] == "echinocyte").to_numpy()
    train = (phantom.table["split"] == "train").to_numpy()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x[train], y[train])
    accuracy = model.score(x[~train], y[~train])
    assert 0.75 <= accuracy <= 0.98
    assert accuracy <= CELLS.test.population.ceiling() + 0.06  # no better than can be, up to sampling error


def test_the_command_writes_what_the_reader_reads(tmp_path: Path) -> None:
    answer = call("phantom", tmp_path / "p", "--n", 40, "--json")
    assert answer.status == ExitStatus.OK, answer.err
    assert json.loads(answer.out)["classes"]
    cohort = heldout.load(tmp_path / "p")
    assert len(cohort) == 40
    assert cohort.patients_known
    truth = pd.read_csv(tmp_path / "p" / "metadata.csv")
    assert {"stage", "psf_sigma_um", "posterior"} <= set(truth.columns)
    again = simulate(CELLS, 0, Counts.of(40))
    write_phantom(again, tmp_path / "q")
    assert heldout.load(tmp_path / "q").hash == cohort.hash
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert call("phantom", tmp_path / "mine", "--n", 40).status != ExitStatus.OK  # nothing of anyone's is overwritten
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert call("phantom", tmp_path / "r", "--n", 3).status == ExitStatus.USAGE
    assert call("phantom", tmp_path / "r", "--world", "cell").status == ExitStatus.USAGE


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom with its twin."""
    out = tmp_path_factory.mktemp("phantom") / "p"
    assert call("phantom", out, "--n", 40, "--image-size", 32, "--plant", "blur=2").status == ExitStatus.OK
    return out


@pytest.fixture
def out(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path / "p")
    return tmp_path / "p"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_phantom_is_made_again_where_nothing_else_stands(out: Path) -> None:
    """The new one has no twin, and nothing of the old one is left, beside it neither."""
    assert call("phantom", out, "--n", 40, "--image-size", 32, "--seed", 1).status == ExitStatus.OK
    truth = json.loads((out / "truth.json").read_text())
    assert truth["seed"] == 1 and set(snapshot(out)) == {*truth["files"], "truth.json"}
    assert not (out / "twin").exists() and [path.name for path in out.parent.iterdir()] == ["p"]


def add_study(out: Path) -> str:
    (out / "study").mkdir()
    (out / "study" / "study.json").write_text("{}")
    return "study/study.json"


def add_notes(out: Path) -> str:
    (out / "train" / "notes.txt").write_text("what I saw")
    return "train/notes.txt"


def change(out: Path) -> str:
    with (out / "metadata.csv").open("a") as file:
        file.write("a line by hand\n")
    return "metadata.csv"


def link(out: Path) -> str:
    (out.parent / "photos").mkdir()
    (out.parent / "photos" / "a.png").write_bytes(b"a")
    (out / "twin" / "photos").symlink_to(out.parent / "photos")
    return "twin/photos"


def forget(out: Path) -> str:
    """As written by a version that kept no list."""
    truth = json.loads((out / "truth.json").read_text())
    (out / "truth.json").write_text(json.dumps({name: value for name, value in truth.items() if name != "files"}))
    return "metadata.csv"


@pytest.mark.parametrize("spoil", [add_study, add_notes, change, link, forget])
def test_a_folder_that_holds_anything_else_is_refused_and_left_as_it_is(
    out: Path, spoil: Callable[[Path], str]
) -> None:
    named = spoil(out)
    before = snapshot(out.parent)
    with pytest.raises(InputError) as refused:
        write_phantom(simulate(CELLS, 1, Counts.of(40), 32), out)
    (problem,) = refused.value.problems
    assert problem.where == str(out) and named in problem.found
    assert call("phantom", out, "--n", 40).status == ExitStatus.ERROR
    assert snapshot(out.parent) == before


def test_what_appears_while_it_is_written_is_kept(out: Path) -> None:
    """Removal goes by the list of files, not by the folder."""
    add_notes(out)
    remove_own(out)
    assert set(snapshot(out)) == {"train/notes.txt"}


def test_a_link_stays_a_link_and_its_target_is_written_to(out: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(out)
    assert call("phantom", tmp_path / "link", "--n", 40, "--seed", 1).status == ExitStatus.OK
    assert (tmp_path / "link").is_symlink() and json.loads((out / "truth.json").read_text())["seed"] == 1
    add_notes(out)
    assert call("phantom", tmp_path / "link", "--n", 40).status == ExitStatus.ERROR
