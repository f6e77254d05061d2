"""Whose turn it is, which label counts, and how well readers agree, from made-up readings."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from heldout.review.agreement import agreement
from heldout.review.snapshot import Image, Reader, Reading, Role, Snapshot
from heldout.review.turns import order_of, progress_of
from heldout.review.verdicts import verdicts

CLASSES = ("a", "b", "c")


def read_as(columns: dict[str, str], decider: str = "", classes: tuple[str, ...] = CLASSES) -> Snapshot:
    """Readers -> a letter an image (`?` cannot tell, `.` not read); the decider's likewise."""
    people: dict[str, Role] = dict.fromkeys(columns, "reader")
    if decider:
        people["Eve"] = "adjudicator"
    letters = [*columns.values(), *([decider] if decider else [])]
    readers = tuple(Reader(i, name, role, f"seed {i}", "") for i, (name, role) in enumerate(people.items()))
    images = tuple(Image(i, f"image{i}", f"token{i}") for i in range(len(letters[0])))
    readings, number = [], 0
    for reader, row in enumerate(letters):
        for image, letter in enumerate(row):
            if letter != ".":
                label = None if letter == "?" else letter
                readings.append(Reading(number := number + 1, reader, image, label, f"t{number:03}"))
    return Snapshot(classes, readers, images, tuple(readings), 0)


@pytest.mark.parametrize(
    ("ada", "ben", "cyd", "eve", "expected"),
    [
        ("a", "a", ".", ".", ("agreed", "a", ("Ada", "Ben"))),
        ("a", "a", "a", "b", ("agreed", "a", ("Ada", "Ben", "Cyd"))),  # nobody asked Eve
        ("a", "a", "b", ".", ("disputed", None, ())),
        ("a", "b", ".", ".", ("disputed", None, ())),
        ("a", "?", ".", ".", ("disputed", None, ())),
        ("?", "?", ".", ".", ("disputed", None, ())),
        ("a", "b", ".", "b", ("adjudicated", "b", ("Eve",))),
        ("a", "b", ".", "c", ("adjudicated", "c", ("Eve",))),
        ("?", "?", ".", "a", ("adjudicated", "a", ("Eve",))),
        ("a", "b", ".", "?", ("undecided", None, ())),
        ("a", ".", ".", "a", ("unread", None, ())),
        (".", ".", ".", ".", ("unread", None, ())),
    ],
)
def test_which_label_counts(
    ada: str, ben: str, cyd: str, eve: str, expected: tuple[str, str | None, tuple[str, ...]]
) -> None:
    snapshot = read_as({"Ada": ada, "Ben": ben, "Cyd": cyd}, eve)
    (found,) = verdicts(snapshot)
    behind = tuple(snapshot.readers[one.reader].name for one in found.behind)
    assert (found.outcome, found.label, behind) == expected
    assert found.at == max((one.at for one in found.behind), default="")


def test_every_reader_has_an_order_that_tells_nothing_of_the_record() -> None:
    images = tuple(Image(i, f"image{i}", f"token{i}") for i in range(200))
    readers = [Reader(i, f"r{i}", "reader", f"{i}", "") for i in range(20)]
    orders = [[image.number for image in order_of(reader, images)] for reader in readers]
    assert all(sorted(order) == list(range(200)) for order in orders)
    against_record = [spearmanr(order, range(200)).statistic for order in orders]
    places = [np.argsort(order) for order in orders]
    against_each_other = [spearmanr(places[i], places[i + 1]).statistic for i in range(19)]
    for found in (against_record, against_each_other):  # 1/√199 is the standard error of each
        assert abs(np.mean(found)) < 0.06 and np.std(found) == pytest.approx(199**-0.5, rel=0.5)
    some = order_of(readers[0], images[:100])
    assert [image for image in order_of(readers[0], images) if image.number < 100] == list(some)


def test_an_adjudicator_reads_what_readers_differ_on_and_nothing_else() -> None:
    snapshot = read_as({"Ada": "aab?", "Ben": "aba."}, ".a..")
    eve = progress_of(snapshot.readers[2], snapshot)
    assert (eve.read, eve.total) == (1, 2) and eve.next is not None and eve.next.id == "image2"
    ben = progress_of(snapshot.readers[1], snapshot)
    assert (ben.read, ben.total) == (3, 4) and ben.next is not None and ben.next.id == "image3"
    assert ben.last is not None and (ben.last.image, ben.last.label) == (2, "a")


def test_agreement_is_of_images_that_both_could_tell_and_leaves_the_adjudicator_out() -> None:
    ada, ben, cyd = "abcabcab?.", "abcaccb?bb", "abcabcabc."
    found = agreement(read_as({"Ada": ada, "Ben": ben, "Cyd": cyd}, "aaaaaaaaaa"), {"image0": "p", "image1": "p"})
    first, second, third = found.pairs
    assert [(one.a, one.b) for one in found.pairs] == [("Ada", "Ben"), ("Ada", "Cyd"), ("Ben", "Cyd")]
    assert (first.both, first.could_not_tell) == (9, 2) and (third.both, third.could_not_tell) == (9, 1)
    assert first.same is not None and first.same.value == pytest.approx(5 / 7) and first.same.n == 7
    assert first.kappa is not None and "1 patients and 5 images" in first.kappa.method
    assert first.kappa.value == pytest.approx(cohen_kappa_score(list(ada[:7]), list(ben[:7])))
    assert first.weighted is None and second.kappa is not None and second.kappa.value == 1
    assert found.fleiss is not None and found.fleiss.n == 7


def test_grades_are_weighted_in_their_own_order() -> None:
    ada, ben = "abcabcabcb", "acbabcaccb"
    snapshot = read_as({"Ada": ada, "Ben": ben})
    (one,) = agreement(snapshot, {}, ("b", "a", "c")).pairs
    grade = {"b": 0, "a": 1, "c": 2}
    expected = cohen_kappa_score([grade[x] for x in ada], [grade[x] for x in ben], weights="quadratic")
    assert one.weighted is not None and one.weighted.value == pytest.approx(expected)
    assert one.kappa is not None and one.kappa.value == pytest.approx(cohen_kappa_score(list(ada), list(ben)))


def test_too_little_to_agree_on() -> None:
    (pair,) = agreement(read_as({"Ada": "a?", "Ben": "?."}), {}).pairs
    assert (pair.both, pair.could_not_tell, pair.same, pair.kappa) == (1, 1, None, None)
    assert agreement(read_as({"Ada": "ab"}), {}).pairs == ()
