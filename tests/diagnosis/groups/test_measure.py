"""Groups that lose more are found, with their points; where none does, all of them together raise few false alarms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.subgroups import PLANTED, World, called, study
from hypothesis import given, settings
from hypothesis import strategies as st

from heldout.diagnosis.diagnose import diagnose_run
from heldout.diagnosis.groups import GroupTable, measure_groups
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.run_data import RunData
from heldout.records import ReasonKind
from heldout.records.predictions import Predictions
from tests.worlds.made_runs import clustered, of_parts, parts

pytestmark = pytest.mark.numeric


def with_columns(run: RunData, **texts: tuple[tuple[str, ...], tuple[str, ...]]) -> RunData:
    there = parts(run)
    val, test = there["val"], there["test"]
    return replace(
        run,
        val=replace(val, columns={name: of_val for name, (of_val, _) in texts.items()}),
        test=replace(test, columns={name: of_test for name, (_, of_test) in texts.items()}),
    )


def lost(part: Predictions, rows: np.ndarray) -> Predictions:
    """The answers of some images turned round."""
    return part.with_logits(np.where(rows[:, None], -part.logits, part.logits))


def planted(n: int = 500, *, share: int = 5, loss: float = 0.4) -> RunData:
    """A fifth of the patients has the device `old`; on test a part of its answers is lost."""
    val, test = clustered("val", n), clustered("test", n, seed=1)
    unit = np.arange(n) // 2
    device = tuple(np.where(unit % share == 0, "old", "new"))
    rows = (unit % share == 0) & (np.random.default_rng(0).random(n) < loss)
    return with_columns(of_parts(val, lost(test, rows)), device=(device, device))


def test_the_planted_group_is_named_with_its_points() -> None:
    """Truth: what test would gain if the answers had not been turned round."""
    run = planted()
    found = diagnose_run(run)
    one = next(item for item in found.findings if item.code == "subgroup")
    assert (one.verdict, one.priority, one.explains) == ("suggested", 0.0, {})
    old = next(group for group in found.groups if group.name == "device old")
    assert one.points == old.points and old.points is not None and old.points.low > 0
    truth = 100 * (clustered("test", 500, seed=1).right.mean() - parts(run)["test"].right.mean())
    assert old.points.low < truth < old.points.high
    assert one.sentence in found.summary, "said beside the main reason"
    test = parts(run)["test"]
    wrong = {
        id_ for id_, right, u in zip(test.ids, test.right, np.arange(500) // 2, strict=True) if not right and u % 5 == 0
    }
    assert set(one.images) <= wrong and one.images


def test_where_is_never_the_main_reason() -> None:
    found = diagnose_run(planted())
    (places,) = ([i for i, item in enumerate(found.findings) if item.code == "subgroup"],)
    assert all(item.verdict != "suggested" or item.priority == 0 for item in found.findings[places[0] + 1 :])


def test_the_gap_is_the_three_parts_of_each_group() -> None:
    run = planted()
    table = measure_groups(run, RULES)
    for loss in table.compared:
        assert loss.points and loss.mix
        whole = loss.others_gap + loss.points.value + loss.mix.value
        assert whole == pytest.approx(
            100 * (parts(run)["val"].right.mean() - parts(run)["test"].right.mean()), abs=1e-4
        )


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 500), column=st.integers(2, 4))
def test_groups_do_not_depend_on_the_order_of_rows_or_the_spelling(seed: int, column: int) -> None:
    rng = np.random.default_rng(seed)
    val, test = clustered("val", 160, seed=seed), clustered("test", 160, seed=seed + 1)
    texts = tuple(f"Value {u}" for u in rng.integers(0, column, 80)[np.arange(160) // 2])
    run = with_columns(of_parts(val, test), kind=(texts, texts))
    order = rng.permutation(160)
    shuffled = replace(run, test=parts(run)["test"].take(order))
    told = {loss.cell.name: loss for loss in measure_groups(run, RULES).compared}
    again = {loss.cell.name: loss for loss in measure_groups(shuffled, RULES).compared}
    assert told.keys() == again.keys()
    for name, loss in told.items():
        other = again[name].difference
        assert loss.difference and other and other.value == pytest.approx(loss.difference.value, abs=1e-6)
        assert other.low == pytest.approx(loss.difference.low, abs=1e-4)


def test_many_groups_raise_few_false_alarms() -> None:
    """Forty null studies of 15 groups and their common parts: at 5 % more than five would be seen once in 70 times."""
    alarms = sum(
        called(measure_groups(study(World(300, 0.9), seed, 200), RULES).compared) is not None for seed in range(40)
    )
    assert alarms <= 5


def test_a_loss_of_25_points_in_a_fifth_is_found() -> None:
    found = [
        called(measure_groups(study(World(1000, 0.9, planted=25.0), seed, 200), RULES).compared) for seed in range(8)
    ]
    assert sum(one is not None and PLANTED in one.cell.name for one in found) >= 6


def test_what_cannot_be_compared_is_named() -> None:
    val, test = clustered("val", 200), clustered("test", 200, seed=1)
    unit = np.arange(200) // 2
    of_val = tuple(np.where(unit < 95, "north", "east"))
    of_test = tuple(np.where(unit < 40, "south", "north"))
    run = with_columns(of_parts(val, test), town=(of_val, of_test), number=(val.ids, test.ids))
    table = measure_groups(run, RULES)
    by_name = {loss.cell.name: loss for loss in table.losses}
    assert by_name["town south"].difference is None and by_name["town south"].val is None
    assert by_name["town east"].difference is None and by_name["town east"].test is None
    assert [column for column, _ in table.left_out] == ["number"]
    found = diagnose_run(run)
    assert found.columns_left_out.keys() == {"number"}
    one = next(item for item in found.findings if item.code == "subgroup")
    assert one.verdict in ("not identifiable", "not applicable")


def test_without_columns_there_is_nothing_to_say() -> None:
    found = diagnose_run(of_parts(clustered("val", 80), clustered("test", 80)))
    one = next(item for item in found.findings if item.code == "subgroup")
    assert found.groups == () and (one.verdict, one.kind) == ("not applicable", ReasonKind.DOES_NOT_APPLY)


def test_sites_are_a_column_too() -> None:
    run = planted()
    there = parts(run)
    sites = {name: replace(there[name], sites=there[name].columns["device"], columns={}) for name in ("val", "test")}
    table = measure_groups(replace(run, val=sites["val"], test=sites["test"]), RULES)
    assert {loss.cell.columns for loss in table.losses} == {("site",)}


def test_common_parts_of_two_groups_are_found_where_the_loss_sits_there_alone() -> None:
    n = 1600
    val, test = clustered("val", n), clustered("test", n, seed=1)
    unit = np.arange(n) // 2
    sex, device = np.where(unit % 2 == 0, "female", "male"), np.where(unit // 2 % 3 == 0, "old", "new")
    rows = (sex == "female") & (device == "old") & (np.random.default_rng(0).random(n) < 0.4)
    texts = {"sex": (tuple(sex), tuple(sex)), "device": (tuple(device), tuple(device))}
    table: GroupTable = measure_groups(with_columns(of_parts(val, lost(test, rows)), **texts), RULES)
    first = called(table.compared)
    assert first is not None and set(first.cell.columns) == {"sex", "device"}
    assert first.cell.name == "sex female, device old" or first.cell.name == "device old, sex female"


def test_a_group_without_a_mistake_is_not_surely_better() -> None:
    """Twenty images that are all right have no spread in the bootstrap; that is no certainty."""
    val, test = clustered("val", 200, noise=2.0), clustered("test", 200, seed=1, noise=2.0)
    few = np.arange(200) < 24
    sure = [
        part.with_logits(np.where(few[:, None], 9.0 * (np.eye(2)[part.labels] - 0.5), part.logits))
        for part in (val, test)
    ]
    texts = tuple(np.where(few, "a", "b"))
    run = with_columns(of_parts(sure[0], sure[1]), kind=(texts, texts))
    (loss, _) = measure_groups(run, RULES).compared
    assert loss.val and loss.val.value == 1 and loss.difference
    assert loss.difference.high - loss.difference.low > 10


def test_a_column_that_says_what_another_says_is_crossed_once() -> None:
    run = planted(1200, share=2)
    val, test = parts(run)["val"], parts(run)["test"]
    sexes = tuple(np.where(np.arange(1200) // 4 % 2, "F", "M"))
    device = val.columns["device"]
    made = with_columns(of_parts(val, test), device=(device, device), maker=(device, device), sex=(sexes, sexes))
    crossed = [loss.cell.columns for loss in measure_groups(made, RULES).losses if len(loss.cell.columns) > 1]
    assert crossed and set(crossed) == {("device", "sex")}
