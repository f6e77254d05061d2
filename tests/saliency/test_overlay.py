"""A map over its image: where it is 0 the image stays, where it is 1 it is brightest; ranks of places."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from heldout.errors import UsageError
from heldout.saliency import overlay
from heldout.saliency.maps import rank_correlation, scaled
from heldout.saliency.overlay import COLOURS


def shown(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data))).astype(int)


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16])
def test_the_map_lies_where_it_belongs(channels: int, dtype: type) -> None:
    pixels = np.full((40, 40, channels), 100 if dtype is np.uint8 else 100 / 255, dtype=dtype)
    heat = np.zeros((4, 4), dtype=np.float32)
    heat[0, 3] = 1
    found = shown(overlay(pixels, heat))
    assert found.shape == (40, 40, 3) and (found[15:] == found[30, 0]).all() and (found[:, :25] == found[30, 0]).all()
    assert found[2, 37].tolist() == [round(100 * 0.35 + 0.65 * value) for value in COLOURS[-1]]
    assert overlay(pixels, heat) == overlay(pixels, heat)
    assert (shown(overlay(pixels, heat * 0)) == found[30, 0]).all()


def test_colours_rise_in_lightness() -> None:
    assert (np.diff(COLOURS @ [0.2126, 0.7152, 0.0722]) > 0).all()


@pytest.mark.parametrize("heat", [np.full((2, 2), 1.1), np.full((2, 2), np.nan), np.zeros(4)])
def test_no_map(heat: np.ndarray) -> None:
    with pytest.raises(UsageError, match="expected"):
        overlay(np.zeros((8, 8, 1), dtype=np.uint8), heat)


def test_ranks_agree_with_scipy_and_maps_without_a_maximum_have_none() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 4, (2, 3, 2, 5, 5)).astype(np.float32)
    first[2, 1] = 0
    found = rank_correlation(first, second)
    assert np.isnan(found[2, 1]) and np.isnan(found).sum() == 1
    for n, m in np.argwhere(~np.isnan(found)):
        assert found[n, m] == pytest.approx(spearmanr(first[n, m].ravel(), second[n, m].ravel()).statistic)
    maps, maxima = scaled(first)
    assert maxima[2, 1] == 0 and (maps[2, 1] == 0).all() and maps.max() == 1
