"""Maps of classes on an image's page: what is said of a map and its control; a run without weights says so."""

from __future__ import annotations

import math

import numpy as np
import pytest
from starlette.testclient import TestClient

from heldout.saliency.maps import GRAD_CAM, ClassMaps
from heldout.web.saliency_view import said, shown
from tests.web.conftest import TOKEN


def maps(similarity: float) -> ClassMaps:
    one = np.eye(4, dtype=np.float32)[None, None]
    most = np.ones((1, 1), dtype=np.float32)
    return ClassMaps(("normal",), "layer", GRAD_CAM, one, most, one, most, np.array([[similarity]]), 0, False)


def test_a_map_that_needs_no_learning_is_warned_of() -> None:
    assert "depends on what the network has learned" in said(0.1, 1.0)
    assert "learned nothing" in said(0.9, 1.0)
    assert "cannot be compared" in said(math.nan, 1.0)
    assert said(0.1, 0.0).startswith("No place")
    (row,) = shown(maps(0.9), np.zeros((8, 8, 1), dtype=np.uint8))
    assert row["class"] == "normal" and str(row["map"]).startswith("data:image/png;base64,")


def test_a_run_without_a_network_says_so(client: TestClient) -> None:
    pytest.importorskip("captum")
    id_ = client.get(f"/{TOKEN}/images/rows.json?part=test").json()["rows"][0]["id"]
    found = client.get(f"/{TOKEN}/images/{id_}/saliency.json").json()
    assert found == {"error": "The run's weights are no longer in its folder."}
    assert client.get(f"/{TOKEN}/images/nobody/saliency.json").status_code == 404
