"""One image as numbers: everything its pixels depend on, and so the exact truth about it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import get_type_hints

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Latents:
    """A row of a phantom's table; an image is a function of its row.

    Whoever changes a number here changes the cell, the microscope or the camera of that image and of no other;
    `images_of` makes the image anew, noise and all.

    Attributes:
        seed: Seed of the phantom.
        part_key: 0 train, 1 val, 2 test.
        patient_key: Index of the patient in its part.
        image_key: Index of the image in its patient. The four keys name the random streams of the details that have no
            column: where spicules, neighbours and specks lie, and the noise.
        kind: Class of the cell that was simulated: 0 discocyte, 1 echinocyte (`label` is what the data set says).
        stage: Position on the way from disc to spiculated sphere, standard deviations.
        volume_fl: Volume of the cell, fl.
        diameter_um: Diameter of the disc that it is or was, µm.
        haemoglobin_g_per_l: Concentration in the cell, g/l.
        irregularity: Relative amplitude of the slow waves of the outline.
        elongation: Ratio of the axes, at least 1.
        angle_rad: Direction of the long axis.
        spicules: Their number.
        spicule_um: Their mean height, µm.
        pallor_lost: 0 for a biconcave disc, 1 for a spheroid.
        x_um: Centre of the cell from the centre of the image, µm to the right.
        y_um: The same, downwards.
        neighbours: Number of other cells at the edge.
        debris: Number of specks.
        na: Numerical aperture.
        wavelength_um: Of the light, µm.
        pixel_um: Size of a pixel on the object's side, µm.
        refractive_index: Before the objective.
        defocus_um: Distance from focus, µm.
        glare: Fraction of stray light.
        field_x_um: Centre of the image from the centre of the field of view, µm.
        field_y_um: The same, downwards.
        field_radius_um: Radius of the field of view, µm.
        vignetting: Fraction of light missing at its rim.
        tilt: Slope of the illumination, centre to rim.
        tilt_rad: Its direction.
        exposure_e: Photo-electrons of an empty pixel at the centre of the field, in this exposure.
        full_well_e: Electrons at which a pixel is full.
        read_noise_e: Standard deviation of the read-out noise, electrons.
        gain_e_per_adu: Electrons a grey level.
        offset_adu: Grey level without light.
    """

    seed: int
    part_key: int
    patient_key: int
    image_key: int
    kind: int
    stage: float
    volume_fl: float
    diameter_um: float
    haemoglobin_g_per_l: float
    irregularity: float
    elongation: float
    angle_rad: float
    spicules: int
    spicule_um: float
    pallor_lost: float
    x_um: float
    y_um: float
    neighbours: int
    debris: int
    na: float
    wavelength_um: float
    pixel_um: float
    refractive_index: float
    defocus_um: float
    glare: float
    field_x_um: float
    field_y_um: float
    field_radius_um: float
    vignetting: float
    tilt: float
    tilt_rad: float
    exposure_e: float
    full_well_e: float
    read_noise_e: float
    gain_e_per_adu: float
    offset_adu: float


LATENTS = tuple(field.name for field in dataclasses.fields(Latents))
"""Column names, in order."""

_WHOLE = frozenset(name for name, kind in get_type_hints(Latents).items() if kind is int)


def as_latents(table: pd.DataFrame) -> list[Latents]:
    """The rows of a table that has at least the columns `LATENTS`, whole numbers back as int."""
    columns = {
        name: table[name].to_numpy(dtype=np.int64 if name in _WHOLE else np.float64).tolist() for name in LATENTS
    }
    return [Latents(*values) for values in zip(*columns.values(), strict=True)]


def stream(row: Latents, detail: int) -> np.random.Generator:
    """The random stream of one aspect of one image; the same whatever else is drawn."""
    key = (row.part_key, row.patient_key, row.image_key, detail)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(row.seed, spawn_key=key)))
