"""Whole or not there."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.files import hash_of, read_json, sha256_of, whole, whole_folder, write_json, write_once

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_json(file, {"x": 1})
    with pytest.raises(RuntimeError), whole(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(file) == {"x": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_appears_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    place = tmp_path / "run"
    for text in ("old", "new"):
        with whole_folder(place) as folder:
            assert not (place / "b").exists() or text == "new"
            (folder / "b").write_text(text)
    assert (place / "b").read_text() == "new"
    with pytest.raises(RuntimeError), whole_folder(place) as folder:
        (folder / "b").write_text("broken")
        raise RuntimeError
    assert (place / "b").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_processes_that_replace_a_folder_at_once_leave_one_of_theirs(tmp_path: Path) -> None:
    place = tmp_path / "run"

    def write(number: int) -> None:
        with whole_folder(place) as folder:
            for name in ("a", "b"):
                (folder / name).write_text(str(number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(24)))
    assert (place / "a").read_text() == (place / "b").read_text()
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_of_many_that_write_a_file_once_one_does_and_it_stays(tmp_path: Path) -> None:
    file = tmp_path / "plans" / "a.json"
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda number: write_once(file, str(number) * 10_000), range(40)))
    assert sum(written) == 1
    assert file.read_text() == str(written.index(True)) * 10_000
    assert [p.name for p in file.parent.iterdir()] == ["a.json"]


def test_a_file_is_written_once_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", link)
    assert write_once(tmp_path / "a", "one") and not write_once(tmp_path / "a", "two")
    assert (tmp_path / "a").read_text() == "one"


@given(st.dictionaries(st.text(), JSON, min_size=2, max_size=4))
def test_a_hash_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    assert hash_of(value) == hash_of(dict(reversed(value.items())))


def test_hashes_are_those_of_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_of(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hash_of({"a": 1}) != hash_of({"a": 2})


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_no_json_of_ours(tmp_path: Path, number: str) -> None:
    (tmp_path / "record.json").write_text(f'{{"lr": {number}, "fine": 1e-3}}')
    with pytest.raises(ValueError, match="not finite"):
        read_json(tmp_path / "record.json")
