"""Patients, cells and exposures of a world, drawn as a table; no pixels.

Every number comes from a stream of its own patient or image, named by (seed, part, patient, image), and each part is an
endless row of patients of which the first ones are taken. So patient 7 of the test part is the same person whether 20 or
2000 images are drawn, and whatever happens in train.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass

import numpy as np
import pandas as pd
from scipy.special import betaincinv, expit

from heldout.phantoms._latents import LATENTS, Latents
from heldout.phantoms._world import CLASSES, SPLITS, Counts, Population, Site, Source, SplitName, World

GOLDEN = (5**0.5 - 1) / 2
"""Steps of this fraction of a turn fill the circle most evenly (Weyl's sequence): patients' shares of echinocytes follow
it, so that the prior holds closely for any number of patients and small cohorts are not shifted by chance."""

_EFFECTS = ("stage", "volume", "diameter", "haemoglobin", "irregularity", "exposure", "defocus", "neighbours", "debris")

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


def _patients(source: Source, split: SplitName, part: int, seed: int, n: int) -> Iterator[_Patient]:
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
    """One image's row. Everything is drawn in one fixed order, so that a changed setting leaves all other draws alone."""
    own = _generator(seed, part, patient.key, image, _EXPOSURE_STREAM)
    z, u = own.standard_normal(11), own.random(8)
    p, site, optics = population, patient.site, patient.site.optics
    effect = dict(zip(_EFFECTS, patient.effects.tolist(), strict=True))
    stage = kind * p.separation + p.patient_stage_sd * effect["stage"] + z[0]
    field_radius, field_angle = optics.field_radius_um * np.sqrt(u[0]), 2 * np.pi * u[1]
    fewest, most = p.spicule_numbers
    values = Latents(
        seed=seed,
        part_key=part,
        patient_key=patient.key,
        image_key=image,
        kind=kind,
        stage=stage,
        volume_fl=p.volume_fl * np.exp(p.volume_patient_cv * effect["volume"] + p.volume_cell_cv * z[1]),
        diameter_um=p.diameter_um + p.diameter_patient_sd_um * effect["diameter"] + p.diameter_cell_sd_um * z[2],
        haemoglobin_g_per_l=p.haemoglobin_g_per_l + p.haemoglobin_patient_sd * effect["haemoglobin"] + p.haemoglobin_cell_sd * z[3],
        irregularity=p.irregularity * np.exp(p.irregularity_patient_sd * effect["irregularity"] + p.irregularity_cell_sd * z[4]),
        elongation=np.exp(p.elongation_sd * abs(z[5])),
        angle_rad=patient.direction_rad + p.smear_rad * z[10],
        spicules=fewest + int((most - fewest + 1) * u[3]),
        spicule_um=_spicule_um(p, stage, z[6]),
        pallor_lost=float(expit(1.6 * (stage - 2.6) + 1.0 * z[7])),
        x_um=1.6 * (u[4] - 0.5),
        y_um=1.6 * (u[5] - 0.5),
        neighbours=_poisson(site.neighbours * np.exp(site.neighbours_slide_sd * effect["neighbours"]), u[6]),
        debris=_poisson(site.debris * np.exp(site.debris_slide_sd * effect["debris"]), u[7]),
        na=optics.na,
        wavelength_um=optics.wavelength_um,
        pixel_um=optics.pixel_um,
        refractive_index=optics.refractive_index,
        defocus_um=optics.defocus_slide_sd_um * effect["defocus"] + optics.defocus_sd_um * z[8],
        glare=optics.glare,
        field_x_um=field_radius * np.cos(field_angle),
        field_y_um=field_radius * np.sin(field_angle),
        field_radius_um=optics.field_radius_um,
        vignetting=optics.vignetting,
        tilt=optics.tilt,
        tilt_rad=optics.tilt_rad,
        exposure_e=optics.exposure_e * np.exp(optics.exposure_slide_cv * effect["exposure"] + optics.exposure_cv * z[9]),
        full_well_e=optics.full_well_e,
        read_noise_e=optics.read_noise_e,
        gain_e_per_adu=optics.gain_e_per_adu,
        offset_adu=optics.offset_adu,
    )
    return values


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
