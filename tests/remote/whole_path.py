"""A study in a store from its images to its report, with a request that fails on the way: is it the one without?"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heldout.cli import ExitStatus
from heldout.remote.store import Store
from heldout.remote.travel import travels
from tests.cli.call import Answer, call
from tests.executors.same import assert_same, assert_same_experiments
from tests.remote.s3 import KINDS, S3, Fault, assert_whole, machine, new_bucket

STEPS = ("run", "diagnose", "report", "compare")


@dataclass(frozen=True)
class Outcome:
    """What became of a fault.

    Attributes:
        fault: The fault; None for none.
        requests: Of the whole path.
        struck: Requests that failed.
        stopped: The command that it stopped; empty if it was overcome by trying again.
        said: What that command said.
        seconds: Of the whole path.
    """

    fault: Fault | None
    requests: int
    struck: int
    stopped: str
    said: str
    seconds: float


def pictures(folder: Path, train: int = 10, test: int = 6) -> Path:
    """A folder of images of two classes that differ in brightness."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for label, level in (("dark", 90), ("light", 150)):
            for number in range(count):
                file = folder / split / label / f"{number}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                pixels = np.clip(rng.normal(level, 60, (32, 32)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(file)
    return folder


def step(name: str, data: str | Path, study: str | Path) -> Answer:
    """One command of the path."""
    if name == "run":
        words = ["--models", "efficientnet_lite0", "--strategies", "probe", "--image-size", 32]
        return call("run", data, *words, "--out", study)
    few = ["--bootstrap", 100] if name != "report" else []
    return call(name, study, *few, "--json")


def local_study(folder: Path, data: Path) -> Path:
    """The same study in a folder, without a store."""
    for name in STEPS:
        answer = step(name, data, folder / "study")
        assert answer.status == ExitStatus.OK, answer.err
    return folder / "study"


def downloaded(url: str, folder: Path) -> Path:
    """What lies in the store, as a plain copy has it."""
    store = Store(url)
    for name in store.list():
        if travels(name):
            store.get(name, folder / name)
    return folder


def scores(study: str | Path) -> object:
    """What `compare` says of a study, but for times."""
    answer = step("compare", "", study)
    assert answer.status == ExitStatus.OK, answer.err
    found = json.loads(answer.out)
    for run in found["runs"]:
        for name in ("seconds_per_epoch", "wall_seconds"):
            run.pop(name)
    return found


def faults(requests: int, count: int, seed: int) -> list[Fault]:
    """Faults at seeded positions of the whole path, as many of each kind, half of them lasting."""
    rng = random.Random(seed)
    return [Fault(rng.randint(1, requests), KINDS[k % len(KINDS)], bool(k // len(KINDS) % 2)) for k in range(count)]


def tried(
    s3: S3, bucket: str, images: Path, local: Path, fault: Fault | None, folder: Path, patch: pytest.MonkeyPatch
) -> Outcome:
    """Go the whole path with a fault, a command again where it was stopped, and hold the study against the local one.

    Raises:
        AssertionError: Something was lost, doubled, half there, or came out otherwise.
    """
    url = new_bucket(s3, bucket)
    for file in images.rglob("*.png"):
        Store(f"{url}/images").put(file.relative_to(images).as_posix(), file, new=True)
    begun, stopped, said = time.monotonic(), "", ""
    s3.heal(fault)
    with machine(folder / "one", patch):
        for name in STEPS:
            answer = step(name, f"{url}/images", f"{url}/study")
            if answer.status != ExitStatus.OK:
                assert not stopped, (fault, answer.err)
                assert "foresee" not in answer.err, answer.err
                stopped, said, struck, requests = name, answer.err.strip().splitlines()[-1], s3.struck, s3.count
                s3.heal()
                with machine(folder / "bystander", patch):
                    assert_whole(downloaded(f"{url}/study", folder / "seen"))
                answer = step(name, f"{url}/images", f"{url}/study")
                assert answer.status == ExitStatus.OK, (fault, answer.err)
        if not stopped:
            struck, requests = s3.struck, s3.count
        s3.heal()
    assert fault is None or struck, fault
    assert_equal(url, local, folder, patch)
    return Outcome(fault, requests, struck, stopped, said, round(time.monotonic() - begun, 1))


def assert_equal(url: str, local: Path, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """The study in the store is the local one: for who copies it, and for another machine."""
    copied = downloaded(f"{url}/study", folder / "copied")
    assert assert_whole(copied) == len(list(local.glob("runs/*/run.json")))
    assert_same(copied, local)
    assert_same_experiments(copied, local)
    assert {path.name for path in copied.glob("diagnosis/*")} == {path.name for path in local.glob("diagnosis/*")}
    assert (copied / "report.html").stat().st_size
    with machine(folder / "another", patch):
        assert scores(f"{url}/study") == scores(copied) == scores(local)


def told(outcomes: Sequence[Outcome]) -> str:
    """How many faults of each kind were overcome, and how many stopped a command."""
    lines = []
    for kind in KINDS:
        for lasting in (False, True):
            own = [one for one in outcomes if one.fault and (one.fault.kind, one.fault.lasting) == (kind, lasting)]
            stopped = sum(1 for one in own if one.stopped)
            lines.append(
                f"| {kind} | {'lasting' if lasting else 'once'} | {len(own)} | {len(own) - stopped} | {stopped} |"
            )
    return "\n".join(["| fault | | tried | overcome | stopped a command |", "|---|---|--:|--:|--:|", *lines])
