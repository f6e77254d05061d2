"""Predictions: what follows from logits, and the one table they are kept in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.records.logit_table import logits_in, variants_table
from heldout.records.predictions import Predictions, columns_of, from_table, to_table


def made(part: str, n: int, k: int = 3) -> Predictions:
    rng = np.random.default_rng(n)
    logits = rng.normal(size=(n, k)).astype(np.float32).astype(np.float64)
    ids = tuple(f"{part}{i}" for i in range(n))
    patients = tuple("" if i % 2 else f"p{i // 4}" for i in range(n))
    return Predictions(part, ids, np.arange(n) % k, logits, patients, tuple(f"site {i % 2}" for i in range(n)))


def test_a_table_keeps_every_part_and_gives_it_back(tmp_path: Path) -> None:
    parts = {one.part: one for one in (made("train", 9), made("val", 6))}
    to_table(parts.values()).to_parquet(tmp_path / "predictions.parquet", index=False)
    table = pd.read_parquet(tmp_path / "predictions.parquet")
    assert list(table.columns) == columns_of(3)
    assert set(table.dtypes[-3:]) == {np.dtype(np.float32)}
    patients = {id_: who for one in parts.values() for id_, who in zip(one.ids, one.patients, strict=True)}
    sites = {id_: site for one in parts.values() for id_, site in zip(one.ids, one.sites, strict=True)}
    found = from_table(table, patients, sites)
    assert list(found) == ["train", "val"]
    for part, one in parts.items():
        again = found[part]
        assert (again.part, again.ids, again.patients, again.sites) == (part, one.ids, one.patients, one.sites)
        np.testing.assert_array_equal(again.logits, one.logits)
        np.testing.assert_array_equal(again.labels, one.labels)
        np.testing.assert_array_equal(again.predicted, table.loc[table["split"] == part, "predicted"])


def test_what_is_not_known_is_empty_for_every_image() -> None:
    one = Predictions("val", ("a", "b"), np.array([0, 1]), np.eye(2))
    assert one.patients == one.sites == ("", "")
    assert one.units.tolist() == [0, 1]
    assert from_table(to_table([one]))["val"].patients == ("", "")


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="as many ids"):
        Predictions("val", ("a", "b"), np.array([0]), np.eye(2))


def test_some_images_keep_what_is_theirs() -> None:
    one = made("val", 8)
    few = one.take(one.right)
    assert few.ids == tuple(id_ for id_, right in zip(one.ids, one.right, strict=True) if right)
    assert few.right.all() and 0 < len(few) < 8
    assert few.sites == tuple(site for site, right in zip(one.sites, one.right, strict=True) if right)


def test_probabilities_stand_large_logits() -> None:
    one = Predictions("val", ("a",), np.array([0]), np.array([[1000.0, 0.0]]))
    assert one.probabilities.tolist() == [[1.0, 0.0]]


def test_more_than_ten_classes_stay_in_order() -> None:
    z = np.arange(24, dtype=np.float32).reshape(2, 12)
    table = variants_table("val", ("a", "b"), {"first": z, "second": -z})
    assert list(table.columns[:3]) == ["id", "split", "variant"]
    np.testing.assert_array_equal(logits_in(table), np.concatenate([z, -z]))
    np.testing.assert_array_equal(logits_in(table, 12), logits_in(table))
