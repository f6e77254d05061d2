from __future__ import annotations

import json

from heldout.cli import ExitStatus
from heldout.diagnosis.causes import causes
from tests.cli.call import call


def test_every_cause_is_explained() -> None:
    entries = json.loads(call("causes", "--json").out)["causes"]
    assert {entry["code"] for entry in entries} == set(causes.names()) and len(entries) == len(list(causes))
    assert all(entry["how_it_is_detected"] and entry["why_it_matters"] and entry["what_to_do"] for entry in entries)
    assert "\n" not in entries[0]["summary"]


def test_one_cause_reads_as_a_manual_entry() -> None:
    answer = call("causes", "image-quality")
    assert answer.status == ExitStatus.OK
    words = " ".join(answer.out.split())
    assert "Image quality" in words and words.index("How it is detected:") < words.index("What to do:")
    assert "batchnorm" not in words


def test_an_unknown_cause_names_the_nearest() -> None:
    answer = call("causes", "image-qualty")
    assert answer.status == ExitStatus.USAGE and "Did you mean image-quality?" in answer.err
