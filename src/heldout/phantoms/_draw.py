"""Patients, cells and exposures of a world, drawn as a table; no pixels.

Every number comes from a stream of its own patient or image, named by (seed, part, patient, image), and each part is an
endless row of patients of which the first ones are taken. So patient 7 of the test part is the same person whether 20
or 2000 images are drawn, and whatever happens in train.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv, expit

from heldout.phantoms.latents import LATENTS, Latents
from heldout.phantoms.world import CLASSES, SPLITS, Counts, Optics, Population, Site, Source, World

GOLDEN = (5**0.5 - 1) / 2
"""Steps of this fraction of a turn fill the circle most evenly (Weyl's sequence): patients' shares of echinocytes
follow it, so that the prior holds closely for any number of patients and no cohort is shifted by chance."""

_EFFECTS = ("stage", "volume", "diameter", "haemoglobin", "irregularity", "exposure", "defocus", "neighbours", "debris")

Effects = Mapping[str, float]
"""Random effects of a patient by name, standard normal."""

_Values = dict[str, Any]

_FIXED = tuple(field.name for field in fields(Optics) if field.name in LATENTS and field.name != "exposure_e")
"""Settings of the optics that are the same in every image of a site."""

MIN_UM = 5.0
"""No cell is drawn smaller than this; a spherocyte of 65 fl measures 5 µm."""

PALLOR_STAGE, PALLOR_SLOPE = 2.6, 1.6
"""Stage at which half the central pallor is lost, and the slope of the logistic curve there. Ours: Bessis' stages I and
II still show a disc, III is a spiculated spheroid."""

OFF_CENTRE_UM = 0.8
"""Cells lie at most this far from the middle of their image, along each axis."""

_EXPOSURE_STREAM = 0
"""The stream of an image that this module draws from; `_image` has the others."""


@dataclass(frozen=True)
class _Patient:
    """Random effects of one patient."""

    name: str
    key: int
    site: Site
    share: float  # of echinocytes
    phase: float  # where in the image sequence they fall
    direction_rad: float  # in which the smear was drawn
    effects: np.ndarray  # (9,), standard normal, in the order of `_EFFECTS`


def draw(world: World, seed: int, counts: Counts) -> pd.DataFrame:
    """Draw the latent numbers of every image.

    Args:
        world: The world.
        seed: Any whole number from 0 on.
        counts: Images and patients of each part.

    Returns:
        One row an image, ordered by part, patient, image; columns `label`, `patient`, `site`, `split`, then `LATENTS`.
    """
    heads: list[tuple[str, str, str, str]] = []
    rows: list[tuple[float | int, ...]] = []
    for part, split in enumerate(SPLITS):
        images, patients = getattr(counts, split), getattr(counts, f"{split}_patients")
        source = world.source(split)
        for patient in _patients(source, split, part, seed, patients):
            kinds = _kinds(patient, images // patients + (patient.key < images % patients))
            for image, kind in enumerate(kinds):
                row = _image(source.population, patient, seed, part, image, kind)
                heads.append((CLASSES[kind], patient.name, patient.site.name, split))
                rows.append(astuple(row))
    table = pd.DataFrame(heads, columns=["label", "patient", "site", "split"])
    return pd.concat([table, pd.DataFrame(rows, columns=list(LATENTS))], axis=1)


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def _patients(source: Source, split: str, part: int, seed: int, n: int) -> Iterator[_Patient]:
    """The first n patients of a part, sent to its sites in turn."""
    population = source.population
    start = _generator(seed, part).random()
    a, b = population.prior * population.patient_mixing, (1 - population.prior) * population.patient_mixing
    for key in range(n):
        own = _generator(seed, part, key)
        share = float(betaincinv(a, b, (start + key * GOLDEN) % 1.0))
        yield _Patient(
            name=f"{split}-{key:04d}",
            key=key,
            site=source.sites[key % len(source.sites)],
            share=share,
            phase=own.random(),
            direction_rad=np.pi * own.random(),
            effects=own.standard_normal(len(_EFFECTS)),
        )


def _kinds(patient: _Patient, images: int) -> list[int]:
    """Classes of a patient's first images: as even a mixture as its share allows, from a random phase on."""
    steps = np.floor(np.arange(images + 1) * patient.share + patient.phase)
    return [int(step) for step in np.diff(steps)]


def _image(population: Population, patient: _Patient, seed: int, part: int, image: int, kind: int) -> Latents:
    """One image's row: everything drawn in one order, so that a changed setting leaves all other draws alone."""
    own = _generator(seed, part, patient.key, image, _EXPOSURE_STREAM)
    z, u = own.standard_normal(11), own.random(7)
    effect = dict(zip(_EFFECTS, patient.effects.tolist(), strict=True))
    return Latents(
        seed=seed,
        part_key=part,
        patient_key=patient.key,
        image_key=image,
        kind=kind,
        **_cell(population, patient.direction_rad, kind, effect, z[:9], u[:3]),
        **_scene(patient.site, effect, u[3:5]),
        **_exposure(patient.site.optics, effect, z[9:], u[5:]),
    )


def _cell(p: Population, direction_rad: float, kind: int, effect: Effects, z: np.ndarray, u: np.ndarray) -> _Values:
    """The cell and its place, from the patient's effects, 9 normal and 3 uniform numbers."""
    stage = kind * p.separation + p.patient_stage_sd * effect["stage"] + z[0]
    low, high = p.spicule_numbers
    irregularity = p.irregularity_patient_sd * effect["irregularity"] + p.irregularity_cell_sd * z[4]
    haemoglobin = p.haemoglobin_patient_sd * effect["haemoglobin"] + p.haemoglobin_cell_sd * z[3]
    diameter = p.diameter_patient_sd_um * effect["diameter"] + p.diameter_cell_sd_um * z[2]
    return {
        "stage": stage,
        "volume_fl": p.volume_fl * np.exp(p.volume_patient_cv * effect["volume"] + p.volume_cell_cv * z[1]),
        "diameter_um": max(p.diameter_um + diameter, MIN_UM),
        "haemoglobin_g_per_l": max(p.haemoglobin_g_per_l + haemoglobin, 0.0),
        "irregularity": p.irregularity * np.exp(irregularity),
        "elongation": np.exp(p.elongation_sd * abs(z[5])),
        "angle_rad": direction_rad + p.smear_rad * z[8],
        "spicules": low + int((high - low + 1) * u[0]),
        "spicule_um": _spicule_um(p, stage, z[6]),
        "pallor_lost": float(expit(PALLOR_SLOPE * (stage - PALLOR_STAGE) + z[7])),
        "x_um": 2 * OFF_CENTRE_UM * (u[1] - 0.5),
        "y_um": 2 * OFF_CENTRE_UM * (u[2] - 0.5),
    }


def _scene(site: Site, effect: Effects, u: np.ndarray) -> _Values:
    """What else is on the slide, from the slide's effects and 2 uniform numbers."""
    neighbours = site.neighbours * np.exp(site.neighbours_slide_sd * effect["neighbours"])
    debris = site.debris * np.exp(site.debris_slide_sd * effect["debris"])
    return {"neighbours": _poisson(neighbours, u[0]), "debris": _poisson(debris, u[1])}


def _exposure(optics: Optics, effect: Effects, z: np.ndarray, u: np.ndarray) -> _Values:
    """The microscope as it was for this image, from the slide's effects, 2 normal and 2 uniform numbers."""
    radius, angle = optics.field_radius_um * np.sqrt(u[0]), 2 * np.pi * u[1]
    exposure = optics.exposure_slide_cv * effect["exposure"] + optics.exposure_cv * z[1]
    fixed = {name: getattr(optics, name) for name in _FIXED}
    return {
        **fixed,
        "defocus_um": optics.defocus_slide_sd_um * effect["defocus"] + optics.defocus_sd_um * z[0],
        "field_x_um": radius * np.cos(angle),
        "field_y_um": radius * np.sin(angle),
        "exposure_e": optics.exposure_e * np.exp(exposure),
    }


def _spicule_um(population: Population, stage: float, z: float) -> float:
    """Height of the spicules: grows by a constant factor a stage, and levels off at the limit."""
    free = population.spicule_um * np.exp(population.spicule_growth * stage + population.spicule_cell_sd * z)
    return float(free / (1 + free / population.spicule_limit_um))


def _poisson(mean: float, u: float) -> int:
    """The Poisson quantile at u, so that a higher mean adds to the same scene instead of drawing another."""
    term = total = np.exp(-mean)
    k = 0
    while u > total and k < 1000:
        k += 1
        term *= mean / k
        total += term
    return k
