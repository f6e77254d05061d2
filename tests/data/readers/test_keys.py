"""Patients from file names: what is proposed, and what the images say of it, on made and on real images."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import heldout
from heldout.data.examine.keys import check_keys, patient_keys
from heldout.data.examine.names import propose_keys
from heldout.data.examine.near import NearCopies, NearPair
from heldout.data.examine.patients import patient_in
from heldout.data.load import examine, small_of
from heldout.images import read_pixels
from heldout.images.copies import small_grey
from heldout.images.perceptual import thumbnails
from heldout.stats.keys import verify_key
from heldout.stats.run_lengths import split_is_blocked
from tests.data_folder import shared_data

RIGHT = re.compile(r"^((?:NORMAL2-)?IM-\d+|person\d+_(?:bacteria|virus))")
NAIVE = re.compile(r"^((?:NORMAL2-)?IM-\d+|person\d+)")


def proposed(names: list[str]) -> list[str]:
    labels = ["ab"[i % 2] for i in range(len(names))]
    return [candidate.pattern for candidate in propose_keys(names, labels)]


@pytest.mark.parametrize(
    ("form", "patterns"),
    [
        ("p{p}_{i}.png", [r"^(p\d+)"]),
        ("{p:03d}-{i}.png", [r"^(\d+)"]),
        ("slide{p}_core{c}_y{i}.png", [r"^(slide\d+)", r"^(slide\d+_core\d+)"]),
        ("{p}_O{e}_{i}.png", [r"^(\d+)", r"^(\d+_OD|\d+_OS)"]),
        ("site3-p{p}.{i}.tif", [r"^(site3-p\d+)"]),
        ("train/a/case{p}/{i}.png", [r"([^/]+)/[^/]+$"]),
        ("p{p}{e}.png", [r"^(p\d+)"]),
        ("{w}_left_{i}.png", [r"^([^\W\d_]+)"]),
    ],
)
def test_beginnings_are_proposed_from_coarse_to_fine(form: str, patterns: list[str]) -> None:
    rows = [(p, c, e) for p in range(30) for c in range(2) for e in "DS"]
    words = [f"{chr(97 + p % 26)}{'xy'[p // 26]}" for p in range(30)]
    names = [form.format(p=p, c=c, e=e, i=i, w=words[p]) for i, (p, c, e) in enumerate(rows)]
    assert proposed(names) == patterns


@pytest.mark.parametrize(
    "names",
    [
        [f"{n:03d}.png" for n in range(200)],
        [f"lymphocyte_{n}.png" for n in range(100)] + [f"monocyte_{n}.png" for n in range(100)],
        [f"IM-{n:04d}-0001.png" for n in range(200)],
        ["scan.png"] * 100,
        ["p1_1.png", "p1_2.png"],
        [],
    ],
)
def test_names_that_carry_no_patient_propose_nothing(names: list[str]) -> None:
    assert proposed(names) == []


@given(st.lists(st.from_regex(r"[a-z]{0,3}[-_]?[0-9]{1,2}[-_][ab]?[0-9]{0,2}\.png", fullmatch=True), max_size=60))
def test_the_expression_finds_the_keys_that_it_stands_for(names: list[str]) -> None:
    labels = ["ab"[i % 2] for i in range(len(names))]
    for candidate in propose_keys(names, labels):
        pattern = re.compile(candidate.pattern)
        for name, key in zip(names, candidate.keys, strict=True):
            assert not key or patient_in(pattern, name) == key


def make(root: Path, form: str, patients: int = 30, restart: bool = False) -> Path:
    """Images of one class of two kinds; every patient, or with `restart` every patient of a kind, has a look."""
    rng = np.random.default_rng(0)
    for label in ("a", "b"):
        for p in range(patients):
            for kind in ("flu", "rsv"):
                if kind == "flu" or restart or p == 0:
                    look = rng.integers(40, 216, (8, 8))
                for i in range(2):
                    pixels = np.kron(look, np.ones((4, 4))) + rng.normal(0, 25, (32, 32))
                    part = "test" if p < patients // 4 else "train"
                    path = root / part / label / form.format(p=p + 1, kind=kind, i=i, label=label)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return root


@pytest.mark.parametrize("restart", [False, True])
def test_the_images_tell_whether_two_kinds_of_a_number_are_one_patient(tmp_path: Path, restart: bool) -> None:
    examined = examine(make(tmp_path, "person{label}{p}_{kind}_{i}.png", restart=restart))
    cohort, found = examined.cohort, examined.patient_keys
    assert found is not None and found.pattern is not None and found.blocked is not None
    assert examined.patient_option == found.pattern  # what `inspect` proposes is what the note says
    with_copies = replace(examined, near=NearCopies((NearPair((0, 1), ("a", "b"), "turned", 1, *[False] * 3),), (), 0))
    assert with_copies.patient_option == "auto" and "--patient auto, which takes the key" in (
        with_copies.patient_note or ""
    )
    accepted = {key.candidate.level: key.verdict.accepted for key in found.checked}
    assert accepted == {0: not restart, 1: True}
    assert found.patients == (120 if restart else 60)
    note = found.note(copies=False)
    assert (
        note is not None and note in cohort.notes and f"--patient '{found.pattern}'" in note
    )  # `run` says what `inspect` does
    assert found.blocked.blocked and found.blocked.runs == (8 if restart else 4)
    named = heldout.load(tmp_path, patient=found.pattern)
    assert named.table["patient"].nunique() == found.patients
    checked = patient_keys(heldout.load(tmp_path, patient=r"(person[ab]\d+)").table, small_of(examined.images))
    assert checked is not None and checked.given is not None and checked.given.accepted is not restart


def test_counters_that_follow_nothing_are_refused(tmp_path: Path) -> None:
    """Image 7 of scanner run 3: the run number is dealt out at random."""
    rng = np.random.default_rng(1)
    for n in range(240):
        path = tmp_path / ("test" if n // 2 % 4 == 0 else "train") / "ab"[n % 2] / f"run{rng.integers(60)}_{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (24, 24), dtype=np.uint8)).save(path)
    found = examine(tmp_path).patient_keys
    assert found is not None and found.pattern is None and found.patients == 0
    assert not any(key.verdict.accepted for key in found.checked)
    assert found.guess is None and found.note(copies=False) is None  # what the images refuse is not proposed


def kermany(step: int) -> tuple[list[str], list[str], np.ndarray]:
    """Names, labels and thumbnails of the images of every `step`-th number."""
    files = sorted(shared_data("kermany224").rglob("*.jpeg"))
    chosen = [path for path in files if int(re.findall(r"\d+", path.name.removeprefix("NORMAL2-"))[0]) % step == 0]
    vectors = np.concatenate([thumbnails([read_pixels(path)], 16) for path in chosen])
    return [path.name for path in chosen], [path.parent.name for path in chosen], vectors


def test_on_kermany_the_right_key_is_accepted_and_the_naive_one_refused_with_its_reason() -> None:
    names, labels, vectors = kermany(step=4)
    right = [patient_in(RIGHT, name) for name in names]
    naive = [patient_in(NAIVE, name) for name in names]
    assert all(right)
    accepted = verify_key(right, labels, vectors)
    assert accepted.accepted and accepted.p == 0.001 and accepted.effect > 0.7
    refused = verify_key(naive, labels, vectors, finer=right)
    assert not refused.accepted and abs(refused.effect) < 0.2 and refused.pairs > 80


@pytest.mark.slow  # decodes 5856 radiographs; the test above does so for a quarter, and made images go the whole way
def test_on_kermany_the_right_key_comes_out_of_the_names_and_images() -> None:
    folder = shared_data("kermany224")
    files = sorted(folder.rglob("*.jpeg"))
    names = [path.name for path in files]
    labels = [path.parent.name for path in files]
    candidates = propose_keys(names, labels)
    assert [candidate.pattern for candidate in candidates] == [
        r"^(person\d+)",
        r"^(person\d+_bacteria|person\d+_virus)",
        r"^(NORMAL2-IM-\d+)",
        r"^(IM-\d+)",
    ]
    table = pd.DataFrame(
        {
            "source": [str(path.relative_to(folder)) for path in files],
            "label": labels,
            "split": [path.parent.parent.name for path in files],
            "patient": "",
            "row": -1,
        }
    )
    found = patient_keys(table, np.stack([small_grey(read_pixels(path)) for path in files]))
    assert found is not None and found.pattern is not None
    assert [key.verdict.accepted for key in found.checked] == [False, True, True, True]
    assert found.patients == 4082
    assert {patient_in(re.compile(found.pattern), name) for name in names} == {patient_in(RIGHT, n) for n in names}
    assert found.blocked is not None and found.blocked.blocked


def test_the_official_split_of_kermany_goes_by_blocks_of_ids() -> None:
    files = sorted(shared_data("kermany224").rglob("*.jpeg"))
    found = split_is_blocked([patient_in(RIGHT, f.name) for f in files], [f.parent.parent.name for f in files])
    assert found.blocked and found.p < 1e-9 and found.ids == 4082 and found.runs < 20


def test_keys_are_checked_in_the_order_of_the_candidates() -> None:
    names = [f"p{p}_{e}_{i}.png" for p in range(20) for e in "LR" for i in range(2)]
    labels = ["ab"[i % 2] for i in range(len(names))]
    vectors = np.random.default_rng(0).standard_normal((len(names), 30)).astype(np.float32)
    candidates = propose_keys(names, labels)
    assert [key.candidate for key in check_keys(candidates, labels, vectors)] == list(candidates)
