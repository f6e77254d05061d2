"""Classes with an order: kappa follows the order that is given, which is recorded and kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from heldout.cli import ExitStatus
from heldout.errors import UsageError
from heldout.report.material import gather
from heldout.runs.compare import compare
from heldout.runs.folder import read_study
from heldout.runs.judging import Judging, asking_of
from heldout.runs.plan import Reading
from tests.cli.call import call
from tests.worlds.made_study import RUNS, make_study

GRADES = ("mild", "none", "severe")
ORDER = ("none", "mild", "severe")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grades") / "study"
    return make_study(folder, runs=RUNS[:1], classes=GRADES, n_train=30, n_val=60, n_test=60, epochs=2)


def kappa(study: Path, order: tuple[str, ...]) -> float:
    side = read_study(study).runs[0].predictions["test"]
    rank = np.array([order.index(name) for name in GRADES])
    return float(cohen_kappa_score(rank[side.labels], rank[side.predicted], weights="quadratic"))


def told(study: Path, *options: str) -> dict[str, object]:
    answer = call("compare", study, "--bootstrap", "100", "--json", *options)
    assert answer.status == ExitStatus.OK
    found: dict[str, object] = json.loads(answer.out)
    return found


@pytest.mark.parametrize(
    ("options", "order"),
    [(["--order", ",".join(ORDER)], ORDER), (["--ordered"], GRADES), (["--order", "classes"], GRADES)],
)
def test_kappa_follows_the_order(study: Path, options: list[str], order: tuple[str, ...]) -> None:
    found = told(study, *options)
    score = found["runs"][0]["test"]["scores"]["quadratic_kappa"]  # type: ignore[index]
    assert score["value"] == pytest.approx(kappa(study, order))
    assert kappa(study, ORDER) != pytest.approx(kappa(study, GRADES)), "the test can tell orders apart"
    assert found["asking"]["order"] == (list(order) if order == ORDER else [])  # type: ignore[index]


def test_what_was_said_when_the_study_was_made_holds_in_comparison_and_report(study: Path) -> None:
    assert "quadratic_kappa" not in told(study)["runs"][0]["test"]["scores"]  # type: ignore[index]
    file = study / "study.json"
    before = file.read_text()
    record = json.loads(before)
    record["reading"] = Reading(order=",".join(ORDER)).options()
    file.write_text(json.dumps(record))
    try:
        score = told(study)["runs"][0]["test"]["scores"]["quadratic_kappa"]  # type: ignore[index]
        assert score["value"] == pytest.approx(kappa(study, ORDER))
        assert gather(study).comparison.asking.order == ORDER
    finally:
        file.write_text(before)


def test_an_order_names_every_class_once(study: Path) -> None:
    for text in ("none,mild", "none,mild,severe,severe", "none,mild,grave"):
        with pytest.raises(UsageError, match="every class once"):
            asking_of(GRADES, order=text)
    with_order = Judging(asking=asking_of(GRADES, recorded=",".join(ORDER)))
    assert compare(study, judging=with_order, bootstrap=100).asking.ordered
