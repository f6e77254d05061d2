"""Text to settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.errors import UsageError
from heldout.settings import describe, parse_assignments, parse_value, with_settings


@dataclass(frozen=True)
class Some:
    epochs: int = 3
    lr: float = 0.1
    bn: Literal["eval", "train"] = "eval"
    flag: bool = False
    limit: int | None = None
    strengths: tuple[float, ...] = (1.0,)


def test_every_type_is_read() -> None:
    values = {"epochs": "7", "lr": "1e-4", "bn": "train", "flag": "yes", "limit": "none", "strengths": "0.1, 10"}
    assert with_settings(Some(limit=4), values, "some") == Some(7, 1e-4, "train", True, None, (0.1, 10.0))


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(UsageError) as error:
        with_settings(Some(), {"epochs": "many", "bn": "off", "learning_rate": "1"}, "some")
    text = str(error.value)
    assert "some.epochs: found 'many'; expected a whole number" in text
    assert "some.bn: found 'off'; expected one of eval, train" in text
    assert "no setting 'learning_rate'" in text


def test_assignments() -> None:
    assert parse_assignments(["a.b=c", "a.d=e=f", "lp-ft.lr=1"]) == {"a": {"b": "c", "d": "e=f"}, "lp-ft": {"lr": "1"}}
    for wrong in ("a.b", "b=c", ".b=c", "a.=c"):
        with pytest.raises(UsageError, match=r"expected STRATEGY\.SETTING=VALUE"):
            parse_assignments([wrong])


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans()))
def test_what_is_written_is_read_back(value: float) -> None:
    assert parse_value(str(value), type(value)) == value


def test_settings_are_described_with_their_defaults() -> None:
    rows = {name: (kind, default) for name, kind, default in describe(Some)}
    assert rows["bn"] == ("eval | train", "eval")
    assert rows["epochs"] == ("int", "3")
