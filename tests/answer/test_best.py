"""The best run: which it is, who ties with it, from whom it can be told apart; judged on planted studies."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from heldout.answer.best import best_run, best_sentence, chosen_by_validation, judged_part, ranked
from heldout.answer.names import names_in
from heldout.records import Comparison
from heldout.runs.compare import compare
from tests.worlds.made_study import RUNS, Planted, make_study


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(make_study(tmp_path_factory.mktemp("four") / "study"), bootstrap=200)


def of(folder: Path, *runs: Planted) -> Comparison:
    return compare(make_study(folder / "study", runs=list(runs)), bootstrap=200)


def test_the_best_is_best_on_test_and_told_apart_as_the_pairs_say(four: Comparison) -> None:
    best = best_run(four)
    row = next(row for row in four.runs if row.id == best.id)
    assert (best.part, best.ties) == ("test", ())
    assert row.test is not None and best.score == row.test.accuracy
    assert all(other.test and other.test.accuracy.value <= best.score.value for other in four.runs)
    verdicts = {frozenset((pair.a, pair.b)): pair.verdict for pair in four.pairs}
    assert set(best.apart) | set(best.alike) == {other.id for other in four.runs} - {best.id}
    for id_ in best.apart:
        assert verdicts[frozenset((best.id, id_))] == "distinguishable"
    for id_ in best.alike:
        assert verdicts[frozenset((best.id, id_))] == "not distinguishable"


def test_runs_with_as_many_images_right_tie_whatever_their_order(tmp_path: Path) -> None:
    found = of(tmp_path, *(Planted("m", "frozen", seed) for seed in range(3)))
    best = best_run(found)
    assert len(best.ties) == 2 and len({best.id, *best.ties}) == 3
    turned = dataclasses.replace(found, runs=found.runs[::-1])
    assert best_run(turned) == best and [row.id for row in ranked(turned)] == [row.id for row in ranked(found)]


def test_a_tie_does_not_hang_on_rounding(tmp_path: Path) -> None:
    found = of(tmp_path, Planted("m", "frozen", 0), Planted("m", "frozen", 1))
    first = found.runs[1]
    assert first.test is not None
    accuracy = dataclasses.replace(first.test.accuracy, value=first.test.accuracy.value + 1e-15)
    moved = dataclasses.replace(first, test=dataclasses.replace(first.test, accuracy=accuracy))
    assert best_run(dataclasses.replace(found, runs=(found.runs[0], moved))).id == best_run(found).id


def test_equal_runs_are_alike_and_one_far_ahead_is_apart(tmp_path: Path) -> None:
    alike = best_run(of(tmp_path / "a", *(Planted(f"m{i}", "frozen", 0, 0.99, 0.9, 0.8) for i in range(3))))
    assert (alike.apart, len(alike.alike)) == ((), 2)
    ahead = best_run(of(tmp_path / "b", Planted("m", "frozen", test=0.95), Planted("m", "probe", test=0.5)))
    assert (len(ahead.apart), ahead.alike) == (1, ())


def test_one_run_has_nobody_to_be_compared_with(tmp_path: Path) -> None:
    best = best_run(of(tmp_path, RUNS[0]))
    assert (best.ties, best.apart, best.alike) == ((), (), ())


def test_without_a_test_set_runs_are_judged_on_validation(tmp_path: Path) -> None:
    found = compare(make_study(tmp_path / "s", n_test=0), bootstrap=200)
    best = best_run(found)
    assert judged_part(found) == best.part == "val"
    assert best.score == max((row.val.accuracy for row in found.runs), key=lambda e: e.value)
    assert best.id == chosen_by_validation(found).id


def test_what_validation_would_have_chosen(four: Comparison) -> None:
    assert chosen_by_validation(four).id.startswith("efficientnet_lite1-finetune")  # planted: worst on test
    assert not best_run(four).id.startswith("efficientnet_lite1-finetune")


@pytest.mark.parametrize("ties", [0, 1, 2, 5])
def test_the_sentence_holds_the_number_its_interval_and_every_run_or_their_count(four: Comparison, ties: int) -> None:
    best, names = best_run(four), names_in(four)
    others = [row.id for row in four.runs if row.id != best.id]
    tied = dataclasses.replace(best, ties=tuple((others * 2)[:ties]))
    said = best_sentence(tied, names)
    e = best.score
    for value in (e.value, e.low, e.high):
        assert f"{100 * value:.1f}" in said
    assert f"{e.n} images" in said and names[best.id].spoken in said
    if 0 < ties < 3:
        assert all(names[id_].spoken in said for id_ in tied.ties)
    if ties > 2:
        assert f"{ties} others alike" in said
