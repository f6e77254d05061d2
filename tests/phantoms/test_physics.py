"""The simulated microscope against the laws it claims: lens, absorption, camera."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.phantoms import Counts, simulate
from heldout.phantoms.cell import Cell, thickness_um
from heldout.phantoms.image import expose, through_lens, transmission
from heldout.phantoms.image import grid as fine_grid
from heldout.phantoms.latents import Latents, as_latents
from heldout.phantoms.physics import absorptivity_per_um, psf_sigma_um
from heldout.phantoms.worlds import worlds


@pytest.fixture(scope="module")
def row() -> Latents:
    return as_latents(simulate(worlds.get("cells"), seed=0, counts=Counts.of(8)).table)[0]


def test_the_lens_has_the_width_of_its_formula() -> None:
    assert psf_sigma_um(0.75, 0.415, 0.0, 1.0) == pytest.approx(0.21 * 0.415 / 0.75)
    assert psf_sigma_um(0.8, 0.415, 0.0, 1.0) == pytest.approx(psf_sigma_um(0.4, 0.415, 0.0, 1.0) / 2)


@given(st.floats(0.1, 0.9), st.floats(0, 3), st.floats(0, 3))
def test_defocus_only_widens(na: float, near: float, more: float) -> None:
    assert psf_sigma_um(na, 0.42, near, 1.0) <= psf_sigma_um(na, 0.42, near + more, 1.0)


def test_a_point_is_imaged_with_that_width(row: Latents) -> None:
    """Second moment of the image of a small opaque square: variances of lens, pixel and square add."""
    size = 64
    sharp = dataclasses.replace(row, glare=0.0, defocus_um=1.0)
    at = fine_grid(size)
    hidden = (np.abs(at) < 0.75).astype(np.float32)
    light = through_lens(1 - np.outer(hidden, hidden).astype(np.float32), sharp, size)
    dark = np.clip(1 - light, 0, None)
    x = np.arange(size) - (size - 1) / 2
    middle = np.average(x, weights=dark.sum(0))
    measured = np.average((x - middle) ** 2, weights=dark.sum(0))
    sigma = psf_sigma_um(row.na, row.wavelength_um, 1.0, row.refractive_index) / row.pixel_um
    square = np.average((at - np.average(at, weights=hidden)) ** 2, weights=hidden)
    assert measured == pytest.approx(sigma**2 + square + 1 / 12, rel=0.05)


def test_beer_and_lambert() -> None:
    absorbance = np.array([[0.0, 0.3, 1.0, 2.0]], dtype=np.float32)
    np.testing.assert_allclose(transmission(absorbance), 10.0**-absorbance, rtol=1e-5)
    # Haemoglobin at its Soret peak: 524280 /(cm·mol/l) · 340 g/l / 64500 g/mol = 0.276 a micrometre.
    assert absorptivity_per_um(0.414, 340) == pytest.approx(524_280 * 340 / 64_500 * 1e-4)


def test_photon_transfer_gives_gain_and_read_noise_back(row: Latents) -> None:
    """Variance against mean of grey levels is a line: slope 1/gain, and read noise where there is no light."""
    flat = dataclasses.replace(row, vignetting=0.0, tilt=0.0, gain_e_per_adu=8.0, full_well_e=1e9, read_noise_e=24.0)
    means, variances = [], []
    for exposure in (100.0, 300.0, 600.0, 900.0, 1200.0):
        levels = expose(np.ones((256, 256), dtype=np.float32), dataclasses.replace(flat, exposure_e=exposure))
        means.append(levels.mean() - flat.offset_adu)
        variances.append(levels.var() - 1 / 12)  # quantisation
    slope, at_dark = np.polyfit(means, variances, 1)
    assert 1 / slope == pytest.approx(8.0, rel=0.05)
    assert np.sqrt(at_dark) * 8.0 == pytest.approx(24.0, rel=0.1)


@pytest.mark.parametrize("irregularity", [0.01, 0.3, 1.0])
def test_a_cell_of_any_outline_holds_its_volume(irregularity: float) -> None:
    """Waves that would cut it through its middle included: one of 100,000 cells has such."""
    at = np.linspace(-25, 25, 501, dtype=np.float32)
    for seed in range(30):
        cell = Cell(90.0, 7.8, irregularity, 1.1, 0.3, 20, 0.2, 0.3)
        thickness = thickness_um(cell, at, at, np.random.default_rng(seed))
        assert np.isfinite(thickness).all() and thickness.min() >= 0
        assert thickness.sum(dtype=np.float64) * 0.1**2 == pytest.approx(90, rel=0.1)
