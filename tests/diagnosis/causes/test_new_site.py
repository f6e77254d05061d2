"""A site, device or year that validation lacks; and columns that only name patients, images, or numbers of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from heldout.diagnosis.causes.new_site import CAUSE
from heldout.diagnosis.diagnose import diagnose_run
from heldout.diagnosis.run_data import RunData
from heldout.records import ReasonKind
from tests.worlds.made_runs import clustered, judged, made_run, parts

N = {"train": 800, "val": 600, "test": 600}


def run_with(columns: Mapping[str, Mapping[str, Sequence[str]]], *, made: RunData | None = None) -> RunData:
    """A run with columns: name -> part -> text of each image."""
    made = made or made_run(shift=1.6)
    sides = {}
    for part, one in parts(made).items():
        own = {name: tuple(values[part]) for name, values in columns.items() if name != "site"}
        sites = tuple(columns["site"][part]) if "site" in columns else one.sites
        sides[part] = replace(one, columns=own, sites=sites)
    return replace(made, train=sides["train"], val=sides["val"], test=sides["test"])


def one_each(train: str, val: str, test: str) -> dict[str, Sequence[str]]:
    return {part: (value,) * N[part] for part, value in (("train", train), ("val", val), ("test", test))}


def drawn(train: Sequence[str], val: Sequence[str], test: Sequence[str], seed: int = 0) -> dict[str, Sequence[str]]:
    rng = np.random.default_rng(seed)
    return {
        part: rng.choice(np.array(values), N[part]).tolist()
        for part, values in (("train", train), ("val", val), ("test", test))
    }


def ages(low: int, high: int) -> list[str]:
    return [str(age) for age in range(low, high)]


def test_a_site_that_train_and_validation_lack_is_said_with_its_images() -> None:
    finding = judged(CAUSE, run_with({"site": one_each("Guangzhou", "Guangzhou", "Bethesda")}))
    assert (finding.verdict, finding.kind, finding.points) == ("suggested", ReasonKind.CONFOUNDED, None)
    assert finding.sentence.startswith(
        "By 'site', 600 of 600 test images are of a group that train and validation lack: "
    )
    assert "'Bethesda' on test, 'Guangzhou' in validation" in finding.sentence
    assert finding.priority == 0 and finding.explains == {} and finding.remedy
    assert (
        "covariate-shift" in finding.alternatives
        and finding.reason == "needs images of 'Bethesda' in training and validation"
    )


def test_it_is_told_first_and_the_summary_begins_with_it() -> None:
    made = made_run(shift=1.6)
    val, test = clustered("val", 600), clustered("test", 600, seed=1, offset=1.4)
    made = replace(made, val=val, test=test)
    found = diagnose_run(run_with({"site": one_each("A", "A", "B")}, made=made))
    assert [item.code for item in found.findings[:2]] == ["new-site", "threshold"]
    assert "In points" in found.summary and "Main reason" not in found.summary
    assert found.summary.index("600 of 600 test images") < found.summary.index("Largest reason that could be measured")


def test_with_no_gap_it_explains_nothing() -> None:
    made = run_with({"site": one_each("A", "A", "B")}, made=made_run())
    found = diagnose_run(made)
    assert not found.explained
    (site,) = [item for item in found.findings if item.code == "new-site"]
    assert (site.verdict, site.kind) == ("not applicable", ReasonKind.GAP_COVERS_ZERO)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("device", drawn(["x", "y"], ["x", "y"], ["z", "w"])),
        ("year", drawn(["2018", "2019", "2020"], ["2018", "2019", "2020"], ["2021"])),
        ("date", drawn(["2018-03-01", "2019-11-30"], ["2018-07-14"], [f"2021-{m:02}-11 09:30" for m in range(1, 13)])),
        ("age", drawn(ages(30, 90), ages(30, 90), ages(1, 18))),
    ],
)
def test_devices_years_days_and_ages_count_too(column: str, values: Mapping[str, Sequence[str]]) -> None:
    finding = judged(CAUSE, run_with({column: values}))
    assert (finding.verdict, finding.numbers["new_share"]) == ("suggested", 1.0)
    assert finding.sentence.startswith(f"By '{column}', 600 of 600") and "train and validation lack" in finding.sentence


def test_numbers_that_few_share_are_compared_by_their_range() -> None:
    """Ages in steps of a quarter: seldom the same twice, so that nearly none of test would stand in validation."""
    old, young, mixed = ([f"{age / 4:g}" for age in range(4 * a, 4 * b)] for a, b in ((30, 90), (1, 18), (25, 85)))
    finding = judged(CAUSE, run_with({"age": drawn(old, old, young)}))
    assert finding.verdict == "suggested" and "'1 to 17.75' on test, '30 to 89.75' in validation" in finding.sentence
    assert judged(CAUSE, run_with({"device age": drawn(old, old, mixed)})).numbers["new_share"] < 0.15


@pytest.mark.parametrize("column", ["age", "sex", "note"])
def test_a_column_that_names_no_place_device_or_time_excludes_no_new_site(column: str) -> None:
    finding = judged(CAUSE, run_with({column: one_each("a", "a", "a")}))
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.SITES_UNKNOWN)


def numbered(part: str, start: int, per: int = 1) -> list[str]:
    return [str(start + i // per) for i in range(N[part])]


@pytest.mark.parametrize(
    "values",
    [
        {part: numbered(part, start) for part, start in (("train", 0), ("val", 1000), ("test", 2000))},
        {part: numbered(part, start, per=2) for part, start in (("train", 0), ("val", 1000), ("test", 2000))},
        {part: [f"{part} {i}" for i in range(n)] for part, n in N.items()},
        {part: [f"exam {part} {i // 8}" for i in range(n)] for part, n in N.items()},
    ],
    ids=["number of the image", "number of the patient", "file", "exam of four patients"],
)
def test_what_names_images_or_patients_is_no_site(values: Mapping[str, Sequence[str]]) -> None:
    finding = judged(CAUSE, run_with({"name": values}))
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.SITES_UNKNOWN)


@pytest.mark.parametrize(
    "values", [one_each("0", "1", "2"), one_each("train", "train", "test"), one_each("Train", "Val", "Test")]
)
def test_what_names_the_parts_of_the_split_is_no_site(values: Mapping[str, Sequence[str]]) -> None:
    assert judged(CAUSE, run_with({"part": values})).kind is ReasonKind.SITES_UNKNOWN


def test_three_sites_one_a_part_are_sites_where_the_column_is_that_of_the_site() -> None:
    assert judged(CAUSE, run_with({"site": one_each("A", "B", "C")})).verdict == "suggested"


def test_the_same_sites_exclude_it_and_some_new_ones_can_be_compared() -> None:
    same = judged(CAUSE, run_with({"site": drawn(["A", "B"], ["A", "B"], ["A", "B"])}))
    assert (same.verdict, same.kind) == ("excluded", ReasonKind.NO_DIFFERENCE)
    half = judged(CAUSE, run_with({"site": drawn(["A"], ["A"], ["A", "B"])}))
    assert (half.verdict, half.kind) == ("not applicable", ReasonKind.DOES_NOT_APPLY)
    assert 0.4 < half.numbers["new_share"] < 0.6


def test_a_site_that_only_validation_lacks_is_called_so() -> None:
    finding = judged(CAUSE, run_with({"site": drawn(["A", "B"], ["A"], ["B"])}))
    assert finding.verdict == "suggested" and "a group that validation lacks" in finding.sentence
    unknown = run_with({"site": {**one_each("", "A", "B")}})
    assert "a group that validation lacks" in judged(CAUSE, unknown).sentence


def test_what_is_not_known_of_most_images_says_nothing() -> None:
    assert judged(CAUSE, made_run(shift=1.6)).kind is ReasonKind.SITES_UNKNOWN
    half = {**one_each("A", "A", "B"), "val": ("A", "") * 300}
    assert judged(CAUSE, run_with({"site": half})).kind is ReasonKind.SITES_UNKNOWN


def test_further_columns_that_differ_are_named_beside() -> None:
    columns = {"site": one_each("A", "A", "B"), "device": one_each("x", "x", "y"), "sex": drawn(*(["f", "m"],) * 3)}
    finding = judged(CAUSE, run_with(columns))
    assert "So it is with 'device'." in finding.sentence and "sex" not in finding.sentence
