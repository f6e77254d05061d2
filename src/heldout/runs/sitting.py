"""Where a run is worked on until it is complete, so that nothing is lost or scored twice wherever it is cut off.

Each sitting works in a folder that bears its claim's token; whoever takes a run over renames the folder, so that a
process that was stopped and goes on finds its own gone and can change nothing any more. What was scored is written
down with a token before it is counted: the next sitting goes on from there, and counts it once.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from heldout.claims import Claim, ClaimLostError
from heldout.errors import InputError
from heldout.files import publish_folder, read_json, sha256_of, write_json
from heldout.records import Recipe, RunRecord
from heldout.records.codec import from_data, to_data, write_sealed
from heldout.records.run import INCOMPLETE, UNNEEDED
from heldout.runs.earlier import read_run_record
from heldout.runs.ledger import TEST_EVALUATIONS, evaluations_of, write_down

CHECKPOINT = "checkpoint.safetensors"
SCORED = "scored.json"

WEIGHTS = ".safetensors"

ALONE = "alone"
"""Stands for a claim's token where no other process can work on the run."""


def run_folder(study: Path, recipe: Recipe) -> Path:
    """Where a run stands in a study's folder once it is complete."""
    return study / "runs" / recipe.id


@dataclass(frozen=True)
class Sitting:
    """One process at work on one run.

    Attributes:
        study: The study's folder.
        place: Where the run will stand.
        folder: Where it is worked on.
        claim: On the run; None where no other process can work on it.
    """

    study: Path
    place: Path
    folder: Path
    claim: Claim | None

    @property
    def checkpoint(self) -> Path:
        """The file to go on from."""
        return self.folder / CHECKPOINT

    def checksums(self) -> dict[str, str]:
        """Name of each file of the run so far -> its SHA-256."""
        return checksums_in(self.folder)

    def keep_scored(self, record: RunRecord) -> None:
        """Write down that all parts are scored, their files being in the folder; test is not counted yet."""
        scored = {"format": 1, "scoring": uuid.uuid4().hex, "record": to_data(record)}
        write_json(self.folder / SCORED, scored, make_folder=False)

    def scored(self) -> tuple[RunRecord, str] | None:
        """What an earlier sitting or this one wrote down, and its token; None if test is still to be scored."""
        file = self.folder / SCORED
        try:
            data = read_json(file)
            return from_data(RunRecord, data["record"], str(file)), str(data["scoring"])
        except (OSError, ValueError, KeyError, TypeError, InputError):
            return None

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to learn or score, here or because who held the claim before finished after all."""
        return self.scored() is not None or is_complete(self.folder) or is_complete(self.place)

    def finish(self, with_test: bool) -> RunRecord:
        """Count the evaluation, write `run.json`, and put the folder in its place; a run that is there stays.

        Args:
            with_test: Whether test images were scored.

        Raises:
            ClaimLostError: Another process took the run over.
        """
        if not is_complete(self.folder):
            found = self.scored()
            if found is None and self.folder.is_dir() and is_complete(self.place):
                shutil.rmtree(self.folder, ignore_errors=True)
                return read_run_record(self.place)
            assert found is not None
            record, scoring = found
            if with_test:
                evaluations = self._count(record.id, scoring)
                record = replace(record, test_evaluations=evaluations)
            write_sealed(self.folder / "run.json", record, make_folder=False)
        for name in (CHECKPOINT, SCORED):
            (self.folder / name).unlink(missing_ok=True)
        publish_folder(self.folder, self.place, _give_way, keep=is_finished)
        if self.folder.is_dir():  # another process was faster, with the same run
            shutil.rmtree(self.folder, ignore_errors=True)
        return read_run_record(self.place)

    def _count(self, run: str, scoring: str) -> int:
        """Write the scoring down in the study's ledger, once; how often this run's test images have been scored."""
        known = evaluations_of(self.study, TEST_EVALUATIONS, run)
        if scoring not in known:
            recipe = json.loads((self.folder / "recipe.json").read_text(encoding="utf-8"))
            write_down(self.study, TEST_EVALUATIONS, {"run": run, "split": recipe["split"], "scoring": scoring})
        return len(known | {scoring})


def checksums_in(folder: Path) -> dict[str, str]:
    """Name of each file in a run's folder -> its SHA-256; without `run.json`, which holds them."""
    passed = {"run.json", CHECKPOINT, SCORED}
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name not in passed)
    return {path.name: sha256_of(path) for path in files if not path.name.startswith(".")}


@contextmanager
def sitting(study: Path, recipe: Recipe, claim: Claim | None) -> Iterator[Sitting]:
    """Work on a run: in the folder of an earlier sitting, if it was cut off.

    Raises:
        ClaimLostError: Another process took the run over meanwhile, whatever error that led to.
    """
    place = run_folder(study, recipe)
    folder = _begin(place, claim)
    try:
        yield Sitting(study, place, folder, claim)
    except Exception as error:
        if claim is not None and not folder.is_dir() and not isinstance(error, ClaimLostError):
            raise ClaimLostError(f"Another process took over {place.name}.") from error
        raise


def _begin(place: Path, claim: Claim | None) -> Path:
    """The folder of this sitting.

    Files that an earlier one was writing when it was killed are removed; what they were to replace is whole. The claim
    is looked at again when the folder is there: who takes it over later finds the folder, and who has done so before
    is left alone.

    Raises:
        ClaimLostError: Another process took the run over.
    """
    own = place.with_name(f".{place.name}.{ALONE if claim is None else claim.token}.partial")
    place.parent.mkdir(parents=True, exist_ok=True)
    if claim is not None:
        claim.check()
    earlier = [path for path in place.parent.glob(f".{place.name}.*partial") if path != own and path.is_dir()]
    for folder in sorted(earlier, key=_progress):
        with suppress(OSError):  # taken by another process at this moment, or there is one of ours
            shutil.rmtree(own, ignore_errors=True)
            folder.rename(own)
    own.mkdir(exist_ok=True)
    if claim is not None and not claim.is_held:
        with suppress(OSError):  # what another process left in it is gone on with
            own.rmdir()
        claim.check()
    for half in own.glob(".*"):
        half.unlink(missing_ok=True)
    return own


def _progress(folder: Path) -> tuple[bool, bool, int]:
    """How far a folder that was left behind had come; the furthest is gone on with."""
    checkpoint = folder / CHECKPOINT
    made = checkpoint.stat().st_mtime_ns if checkpoint.is_file() else 0
    return is_complete(folder), (folder / SCORED).is_file(), made


def is_complete(folder: Path) -> bool:
    """Whether a run's folder has its `run.json`, which is written last; one that was torn, and is no JSON, is none."""
    try:
        read_json(folder / "run.json")
    except (FileNotFoundError, ValueError, RecursionError):
        return False
    except OSError:  # there, and not to be read: whoever reads it is told
        return True
    return True


def damaged_files(folder: Path) -> tuple[str, ...]:
    """Names of a complete run's files that are gone, or are not what the run wrote.

    Weights, which only a prediction needs, are not looked at: a person may have removed them for their size.
    """
    try:
        files = dict(read_json(folder / "run.json")["files"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # told where the record is read
        return ()
    return tuple(
        name for name, wanted in files.items() if not name.endswith(WEIGHTS) and _differs(folder / name, wanted)
    )


def _differs(file: Path, wanted: object) -> bool:
    try:
        return sha256_of(file) != wanted
    except FileNotFoundError:
        return file.name not in UNNEEDED
    except OSError:  # there, and not to be read: whoever reads it is told
        return False


def is_finished(place: Path) -> bool:
    """Whether a run stands in its place, whole: complete, and no file of it damaged."""
    return is_complete(place) and not damaged_files(place)


def _give_way(old: Path) -> None:
    """What stood in a run's place without being whole may hold what a person put there: it is kept beside."""
    name = old.name.removeprefix(".").partition(".heldout-")[0]
    for number in range(1, 1000):
        place = old.with_name(f"{name}{INCOMPLETE}{number}")
        if not place.exists():
            old.rename(place)
            return
