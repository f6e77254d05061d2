"""A cause that divides test images by labels of which many are wrong is suggested at most."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from heldout.diagnosis.causes import causes
from heldout.diagnosis.contradiction import Contradiction
from heldout.diagnosis.diagnose import cause_data, diagnose_run
from heldout.diagnosis.labels_in_doubt import while_labels_are_in_doubt
from heldout.diagnosis.rules import RULES
from heldout.records import Finding, ReasonKind
from tests.diagnosis.test_order import finding
from tests.worlds.made_runs import listed, made_run, moved, parts, quality, read, with_scored


def image_quality(turned: float, reviewed: float) -> Finding:
    """Of a run that loses by blur, a share of whose test labels is turned, and a share of whose list was read."""
    made = made_run(400, 400, shift=1.6, patients=1)
    true = parts(made)["test"].labels
    given = np.where(np.arange(len(true)) % 100 < 100 * turned, 1 - true, true)
    made = replace(made, test=replace(parts(made)["test"], labels=given))
    made = quality(made, {("sharpness", 0): -0.8})
    made = with_scored(made, "quality", {("sharpness", "val"): moved(made, "val", 0, 1.6, noise=0.05)})
    sample = listed(made)
    some = dict(list(sample.items())[: round(reviewed * len(sample))])
    made = read(made, true, some) if some else made
    return next(one for one in diagnose_run(made).findings if one.code == "image-quality")


def test_it_stands_where_readers_found_the_labels_right() -> None:
    assert image_quality(turned=0.0, reviewed=1.0).verdict == "established"


def test_it_is_suggested_where_readers_found_many_wrong_and_did_not_read_all() -> None:
    found = image_quality(turned=0.2, reviewed=1.0)
    assert found.verdict == "suggested" and found.kind is ReasonKind.REVIEW and "labels" in found.alternatives
    assert "of which readers found many wrong" in found.sentence
    assert found.reason.startswith("needs the labels of the other ") and "read as well" in found.reason


@pytest.mark.parametrize("tells", [True, False])
def test_without_a_review_it_is_suggested_while_many_look_turned(tells: bool) -> None:
    looks = cast(Contradiction, SimpleNamespace(tells=lambda rules: tells))
    data = replace(cause_data(made_run(40, 40, patients=1), RULES), contradiction=looks)
    for cause in causes:
        found = while_labels_are_in_doubt(cause, finding(cause.code, "established", 10.0), data)
        assert (found.verdict == "suggested") is (tells and cause.takes_labels)
        assert ("labels" in found.alternatives) is (tells and cause.takes_labels)


def test_what_divides_by_given_labels_takes_them_at_their_word() -> None:
    for cause in causes:
        assert cause.takes_labels or not cause.divides_by_given_labels
