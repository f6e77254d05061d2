"""One process at a time: claims are taken, kept fresh, given back, and taken over from those that are gone."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from heldout import claims as module
from heldout.claims import ClaimLostError, Claims, Owner, hold, owner_of

HOLDER = """
import sys
from pathlib import Path
from heldout.claims import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

PATIENCE = 60.0
"""Seconds after which something that happens at once, on a machine that has nothing else to do, has not happened."""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a claim until its input ends, or it is ended."""
    words = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_claim_is_one_process_alone_and_ends_with_its_block(tmp_path: Path) -> None:
    path = tmp_path / "runs" / ".a.claim"
    first, second = Claims(), Claims()
    claim = first.take(path)
    assert claim is not None and second.take(path) is None
    with claim:
        owner = owner_of(path)
        assert owner is not None and (owner.pid, owner.is_dead) == (os.getpid(), False)
        assert second.take(path) is None
    assert not path.exists() and owner_of(path) is None
    assert second.take(path) is not None


def test_ctrl_c_gives_it_back(tmp_path: Path) -> None:
    path = tmp_path / ".a.claim"
    with pytest.raises(KeyboardInterrupt), hold(path):
        raise KeyboardInterrupt
    assert not path.exists()


def test_the_owner_of_another_process_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / ".a.claim"
    with holder(path) as process:
        assert Claims().take(path) is None
        assert process.stdin is not None
        threading.Timer(0.3, process.stdin.close).start()
        with hold(path):
            assert process.wait(PATIENCE) == 0  # it gave the claim back and ended well


def test_what_a_killed_process_held_is_taken_over_at_once(tmp_path: Path) -> None:
    path = tmp_path / ".a.claim"
    with holder(path) as process:
        assert Claims().take(path) is None
        process.kill()
        deadline = time.monotonic() + PATIENCE
        while (claim := Claims().take(path)) is None:  # not collected by its parent: it counts as dead all the same
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert claim.is_held


def test_a_number_that_another_process_has_now_is_no_owner(tmp_path: Path) -> None:
    mine = Owner.this()
    assert not mine.is_dead
    if mine.born:
        assert dataclasses.replace(mine, born="1").is_dead
    elsewhere = dataclasses.replace(mine, machine="another", pid=2**22 - 1)
    assert not elsewhere.is_dead  # who can tell from here


def test_an_owner_elsewhere_is_gone_when_it_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".a.claim"
    path.write_text(json.dumps(dataclasses.asdict(dataclasses.replace(Owner.this(), machine="another"))))
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    claims = Claims()
    assert claims.take(path) is None
    now[0] += module.STALE - 1
    os.utime(path)  # a sign of life
    assert claims.take(path) is None
    now[0] += module.STALE - 1
    assert claims.take(path) is None
    now[0] += 2
    assert claims.take(path) is not None


def test_a_file_of_which_nothing_is_written_yet_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".a.claim"
    path.touch()
    claims = Claims()
    assert claims.take(path) is None and claims.take(path) is None
    now = time.monotonic() + module.STALE + 1
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert claims.take(path) is not None


def test_a_claim_shows_signs_of_life_until_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT", 0.05)
    path = tmp_path / ".a.claim"
    with hold(path):
        before, deadline = path.stat().st_mtime_ns, time.monotonic() + PATIENCE
        while path.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert not path.exists()


def lost(path: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Have a network disk lose a file as often; the threads that asked for it."""
    asked: list[str] = []
    real = Path.read_text

    def read_text(self: Path, encoding: str | None = None, errors: str | None = None) -> str:
        if self == path and len(asked) < times:
            asked.append(threading.current_thread().name)
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))
        return real(self, encoding, errors)

    monkeypatch.setattr(Path, "read_text", read_text)
    return asked


def test_a_disk_that_loses_the_file_for_a_moment_ends_no_signs_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEAT", 0.05)
    path = tmp_path / ".a.claim"
    with hold(path):
        asked = lost(path, monkeypatch, 1)
        deadline = time.monotonic() + PATIENCE
        while not asked:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        before = path.stat().st_mtime_ns
        while path.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert asked == ["beats of .a.claim"]
    assert not path.exists()


def test_what_went_wrong_is_told_and_not_that_the_claim_could_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".a.claim"
    with pytest.raises(ZeroDivisionError), hold(path):
        asked = lost(path, monkeypatch, 1)
        raise ZeroDivisionError
    assert len(asked) == 1


def test_who_lost_a_claim_is_told_and_leaves_the_other_s_alone(tmp_path: Path) -> None:
    path = tmp_path / ".a.claim"
    with hold(path) as claim:
        claim.check()
        path.unlink()
        other = Claims().take(path)
        assert other is not None
        with pytest.raises(ClaimLostError):
            claim.check()
    assert other.is_held


def test_of_two_that_find_an_owner_gone_one_takes_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower one has judged the dead owner's file when the faster one's is there already: it is left alone."""
    path = tmp_path / ".a.claim"
    dead = json.dumps(dataclasses.asdict(dataclasses.replace(Owner.this(), born="1")))
    path.write_text(dead)
    fast = Claims().take(path)
    assert fast is not None and fast.is_held
    texts = iter([dead])
    real = module._read
    monkeypatch.setattr(module, "_read", lambda file: next(texts, None) or real(file))  # what the slower one read first
    assert Claims().take(path) is None
    assert fast.is_held and list(tmp_path.iterdir()) == [path]


def test_one_that_died_while_it_took_over_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".a.claim"
    path.write_text(json.dumps(dataclasses.asdict(dataclasses.replace(Owner.this(), born="1"))))
    (tmp_path / ".a.claim.taking").touch()
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    claims = Claims()
    assert claims.take(path) is None
    now[0] += module.STALE + 1
    assert claims.take(path) is None  # the guard goes
    assert claims.take(path) is not None


def test_many_at_once_take_it_over_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / ".a.claim"
    dead = dataclasses.replace(Owner.this(), born="1")
    inside = [0, 0]

    def work(number: int) -> None:
        claims = Claims()
        while (claim := claims.take(path)) is None:
            time.sleep(0.001)
        with claim:
            inside[0] += 1
            inside[1] = max(inside)
            time.sleep(0.002)
            inside[0] -= 1
        if number % 3 == 0:  # one that dies and leaves its claim
            with suppress(FileExistsError), path.open("x") as file:
                json.dump(dataclasses.asdict(dead), file)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(60)))
    assert inside == [0, 1]
    assert not [item for item in tmp_path.iterdir() if item != path]
