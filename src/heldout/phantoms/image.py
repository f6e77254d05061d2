"""From a row of latent numbers to pixels: scene, light, lens, camera.

1. *Scene.* The thickness of the cell and of its neighbours on a grid twice as fine as the camera's, and specks.
2. *Light.* Beer and Lambert: a fraction 10^−A of the light passes an absorbance A; stray light adds.
3. *Lens and pixel.* Convolution with the point-spread function and with the square of a pixel, in Fourier space.
4. *Camera.* Illumination times exposure gives the expected electrons; Poisson counts, read-out noise, full well, gain,
   offset, 8 bits.

Each image is made by itself from its row, so that neither its neighbours in the table nor their number can touch it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import fft

from heldout.phantoms.cell import Cell, Map, thickness_um
from heldout.phantoms.latents import Latents, as_latents, stream
from heldout.phantoms.physics import absorptivity_per_um, illumination, psf_sigma_um
from heldout.progress import Reporter, Silent

Images = npt.NDArray[np.uint8]

FINE = 2
"""Samples of the scene a pixel, along each axis."""

MARGIN_PX = 12
"""Pixels rendered beyond the border and thrown away, since the convolution wraps around; 14 standard deviations of a
point-spread function in focus."""

REPORTED = 100
"""Images a step of progress."""

_CELL_DETAIL, _SCENE_DETAIL, _NOISE = 1, 2, 3

_REACH_UM = 6.5
"""Half the side of the square a cell is drawn in: the radius of the largest cell and its spicules."""


def images_of(table: pd.DataFrame, size: int, reporter: Reporter | None = None) -> Images:
    """The images of a table of latents.

    Args:
        table: At least the columns `LATENTS`.
        size: Side of the square images, pixels.
        reporter: Hears of every hundred images.

    Returns:
        (n, size, size) uint8, in the order of the table.
    """
    reporter = reporter or Silent()
    rows = as_latents(table)
    images = np.empty((len(rows), size, size), dtype=np.uint8)
    reporter.begin("simulating images", -(-len(rows) // REPORTED))
    for index, row in enumerate(rows):
        images[index] = render(row, size)
        if index % REPORTED == REPORTED - 1 or index == len(rows) - 1:
            reporter.step()
    reporter.end()
    return images


def render(row: Latents, size: int) -> Images:
    """One image, (size, size) uint8."""
    return expose(through_lens(transmission(scene(row, size)), row, size), row)


def scene(row: Latents, size: int) -> Map:
    """Decadic absorbance of the specimen on the fine grid, margin included.

    Returns:
        (m, m) float32, m = `grid(size).size`; its sample FINE·(MARGIN_PX + i) lies in the middle of pixel i.
    """
    at = grid(size) * np.float32(row.pixel_um)
    thickness = np.zeros((at.size, at.size), dtype=np.float32)
    _add(thickness, _own_cell(row), row.x_um, row.y_um, at, stream(row, _CELL_DETAIL))
    detail = stream(row, _SCENE_DETAIL)
    specks = _specks(row, at, np.random.Generator(np.random.PCG64(int(detail.integers(2**63)))))
    for _ in range(row.neighbours):
        x, y, cell = _neighbour(row, size, detail)
        _add(thickness, cell, x, y, at, np.random.Generator(np.random.PCG64(int(detail.integers(2**63)))))
    thickness *= np.float32(absorptivity_per_um(row.wavelength_um, row.haemoglobin_g_per_l))
    return thickness if specks is None else thickness + specks


def transmission(absorbance: Map) -> Map:
    """Fraction of the light that passes, 10^−A (Beer and Lambert); same shape."""
    passed: Map = np.exp(np.float32(-np.log(10)) * absorbance)
    return passed


def through_lens(passed: Map, row: Latents, size: int) -> Map:
    """What reaches the pixels: blurred, averaged over each pixel's square, with stray light, before the illumination.

    Args:
        passed: Transmission on the fine grid, (m, m).
        row: The microscope.
        size: Side of the image, pixels.

    Returns:
        (size, size) float32, 1 where the specimen is clear.
    """
    sigma_px = psf_sigma_um(row.na, row.wavelength_um, row.defocus_um, row.refractive_index) / row.pixel_um
    across, down = _frequencies(passed.shape[0])  # cycles a pixel
    spectrum = fft.rfft2(passed)
    spectrum *= _response(down, sigma_px)[:, None] * _response(across, sigma_px)[None, :]
    start = FINE * MARGIN_PX
    pixels = slice(start, start + FINE * size, FINE)
    sampled = fft.irfft2(spectrum, s=passed.shape)[pixels, pixels]
    sharp: Map = np.float32(1 - row.glare) * sampled + np.float32(row.glare)
    return sharp


def expose(light: Map, row: Latents) -> Images:
    """The camera: expected electrons, Poisson counts, read-out noise, full well, grey levels.

    Args:
        light: Relative to an empty specimen, (size, size).
        row: Illumination, exposure and camera.

    Returns:
        (size, size) uint8.
    """
    size = light.shape[0]
    at = (np.arange(size) - (size - 1) / 2) * row.pixel_um
    slope = (row.tilt * np.cos(row.tilt_rad), row.tilt * np.sin(row.tilt_rad))
    lamp = illumination(
        row.field_x_um + at[None, :], row.field_y_um + at[:, None], row.field_radius_um, row.vignetting, slope
    )
    expected = np.maximum(row.exposure_e * lamp * light, 0)  # electrons; the Fourier sum may dip below 0 by rounding
    noise = stream(row, _NOISE)
    electrons = noise.poisson(expected) + row.read_noise_e * noise.standard_normal(expected.shape, dtype=np.float32)
    levels = np.rint(np.minimum(electrons, row.full_well_e) / row.gain_e_per_adu + row.offset_adu)
    return np.clip(levels, 0, 255).astype(np.uint8)


@cache
def grid(size: int) -> Map:
    """Coordinates of the fine grid along one axis, in pixels from the centre of the image, (m,) float32; read-only."""
    samples = fft.next_fast_len(FINE * (size + 2 * MARGIN_PX), real=True)
    at = (np.arange(samples) / FINE - MARGIN_PX - (size - 1) / 2).astype(np.float32)
    at.setflags(write=False)
    return at


@cache
def _frequencies(samples: int) -> tuple[Map, Map]:
    """Frequencies of the real and of the full axis of `rfft2`, cycles a pixel."""
    return (
        fft.rfftfreq(samples, d=1 / FINE).astype(np.float32),
        fft.fftfreq(samples, d=1 / FINE).astype(np.float32),
    )


def _response(frequency: Map, sigma_px: float) -> Map:
    """Fourier transform of a Gaussian of that width (pixels), times that of a pixel."""
    blur = np.exp(np.float32(-2 * (np.pi * sigma_px) ** 2) * frequency**2)
    response: Map = blur * np.sinc(frequency)
    return response


def _own_cell(row: Latents) -> Cell:
    return Cell(
        volume_fl=row.volume_fl,
        diameter_um=row.diameter_um,
        irregularity=row.irregularity,
        elongation=row.elongation,
        angle_rad=row.angle_rad,
        spicules=row.spicules,
        spicule_um=row.spicule_um,
        pallor_lost=row.pallor_lost,
    )


def _neighbour(row: Latents, size: int, detail: np.random.Generator) -> tuple[float, float, Cell]:
    """Place (µm) and shape of another cell of the patient, its middle near or beyond the border.

    Its crenation is drawn evenly from smooth to spiculated, whatever the patient's cells are like: neighbours tell
    nothing of the label, so that the ceiling of `Population` holds.
    """
    half = size * row.pixel_um / 2
    direction, distance = detail.uniform(0, 2 * np.pi), detail.uniform(1.08 * half, 1.65 * half)
    crenation = detail.random()
    cell = Cell(
        volume_fl=row.volume_fl * np.exp(0.12 * detail.standard_normal()),
        diameter_um=row.diameter_um + 0.4 * detail.standard_normal(),
        irregularity=row.irregularity * np.exp(0.4 * detail.standard_normal()),
        elongation=np.exp(0.06 * abs(detail.standard_normal())),
        angle_rad=detail.uniform(0, np.pi),
        spicules=int(detail.integers(12, 31)),
        spicule_um=0.1 + 0.5 * crenation**2,
        pallor_lost=crenation**2,
    )
    return distance * np.cos(direction), distance * np.sin(direction), cell


def _add(thickness: Map, cell: Cell, x: float, y: float, at: Map, detail: np.random.Generator) -> None:
    """Add a cell with its middle at x, y (µm) to a map of thickness, in place; what lies outside is cut off."""
    columns = slice(*np.searchsorted(at, [x - _REACH_UM, x + _REACH_UM]))
    rows = slice(*np.searchsorted(at, [y - _REACH_UM, y + _REACH_UM]))
    xs, ys = at[columns] - np.float32(x), at[rows] - np.float32(y)
    if xs.size and ys.size:
        thickness[rows, columns] += thickness_um(cell, xs, ys, detail)


def _specks(row: Latents, at: Map, detail: np.random.Generator) -> Map | None:
    """Absorbance of the debris: soft round specks anywhere in the image; None if there are none."""
    if row.debris == 0:
        return None
    x, y = detail.uniform(at[0], at[-1], (2, row.debris)).astype(np.float32)
    width = np.float32(0.12) * np.exp(0.5 * detail.standard_normal(row.debris)).astype(np.float32) + np.float32(0.06)
    depth = np.float32(0.10) * np.exp(0.6 * detail.standard_normal(row.debris)).astype(np.float32)
    columns = np.exp(-0.5 * ((at[None, :] - x[:, None]) / width[:, None]) ** 2)
    lines = depth[:, None] * np.exp(-0.5 * ((at[None, :] - y[:, None]) / width[:, None]) ** 2)
    specks: Map = np.einsum("kh,kw->hw", lines, columns, optimize=False)
    return specks
