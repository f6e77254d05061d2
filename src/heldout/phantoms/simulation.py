"""World + seed + counts -> images and the truth about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from heldout.phantoms._draw import draw
from heldout.phantoms.image import Images, images_of
from heldout.phantoms.latents import as_latents
from heldout.phantoms.physics import absorptivity_per_um, psf_sigma_um
from heldout.phantoms.plant import DOSE, ID, SPARE, Plant
from heldout.phantoms.planting import Truth, doses_of, keyed, paint, plant_table, twins
from heldout.phantoms.world import CLASSES, SPLITS, Counts, World
from heldout.progress import Reporter

SIZE = 96
"""Side of the images, pixels, unless told otherwise."""


@dataclass(frozen=True)
class Phantom:
    """A simulated cohort.

    Attributes:
        world: Its laws.
        seed: Its seed.
        counts: What was asked for.
        images: (n, size, size) uint8.
        table: One row an image, in the order of `images`: `label`, `patient`, `site`, `split`, the latents (`Latents`),
            `id`, and what follows from the latents: `psf_sigma_um`, `absorptivity_per_um`, and `posterior`, which is
            P(echinocyte | stage) where the patient is not known. With plants also `true_label`, `copy_of`, and a column
            `plant_<key>` of doses for each plant that touches images.
        plants: What was planted.
        truth: What each plant did.
    """

    world: World
    seed: int
    counts: Counts
    images: Images
    table: pd.DataFrame
    plants: tuple[Plant, ...] = ()
    truth: tuple[Truth, ...] = ()

    @property
    def size(self) -> int:
        """Side of the images, pixels."""
        return int(self.images.shape[1])

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of their indices."""
        return CLASSES


def simulate(
    world: World,
    seed: int = 0,
    counts: Counts | None = None,
    size: int = SIZE,
    plants: Sequence[Plant] = (),
    reporter: Reporter | None = None,
    known: Phantom | None = None,
) -> Phantom:
    """Make a phantom.

    Args:
        world: Its laws.
        seed: Whole number from 0 on; equal world, seed and counts give equal pixels.
        counts: Images and patients of each part; 1600 + 400 of 80 + 20 patients by default.
        size: Side of the images, pixels, at least 16.
        plants: Causes to put in, in this order; what the microscope does (blur, noise, contrast) comes before all
            that is done to finished pixels.
        reporter: Hears of progress.
        known: Images that are there already; rows that are equal in both are not simulated again.

    Returns:
        The phantom. Image k of patient p depends neither on how many are drawn nor on the other parts; equal seeds give
        the same cells through any optics, so `world.with_optics(…)` makes a twin that is paired image by image.

    Raises:
        ValueError: A negative seed, or images too small to hold anything.
        UsageError: A plant cannot be put into this phantom.

    Example:
        >>> from heldout.phantoms.worlds import worlds
        >>> phantom = simulate(worlds.get("cells"), seed=1, counts=Counts.of(20))
        >>> phantom.images.shape, phantom.images.dtype.name
        ((20, 96, 96), 'uint8')
    """
    if seed < 0 or size < 16:
        raise ValueError(f"expected a seed from 0 on and images of at least 16 pixels, found {seed} and {size}")
    counts = counts or Counts()
    table = _with_ids(draw(world, seed, _with_spare(counts, plants)), counts)
    table, truth = plant_table(_with_derived(table, world), plants, seed) if plants else (table.drop(columns=SPARE), ())
    on_pixels = []
    for key, plant in keyed(plants):
        changed = plant.on_latents(table, doses_of(table, key))
        if changed is None:
            on_pixels.append((key, plant))
        else:
            table = changed
    images = paint(_rendered(table, size, reporter, known), table, on_pixels, seed)
    return Phantom(world, seed, counts, images, _with_derived(table, world), tuple(plants), truth)


def simulate_twin(phantom: Phantom, reporter: Reporter | None = None) -> Phantom:
    """The twin of a planted phantom: the same training images, validation and test without the causes.

    Images are paired by their `id`. A model trained on either can be scored on both; what it loses from the twin to the
    phantom is the truth about the plants. For the part of one plant among several, plant with
    `replace(plant, planted=False)` in its place.
    """
    return simulate(
        phantom.world, phantom.seed, phantom.counts, phantom.size, twins(phantom.plants), reporter, known=phantom
    )


def _with_spare(counts: Counts, plants: Sequence[Plant]) -> Counts:
    """More images of the same patients, as many as the plants want to choose from."""
    factors = {split: 1 + sum(plant.spare.get(split, 0.0) for plant in plants) for split in SPLITS}
    return replace(counts, **{split: round(getattr(counts, split) * factors[split]) for split in SPLITS})


def _with_ids(table: pd.DataFrame, counts: Counts) -> pd.DataFrame:
    """The table with `id`, and `spare` for images beyond those asked for: the last ones of each patient."""
    names = [f"{patient}-{image:04d}" for patient, image in zip(table["patient"], table["image_key"], strict=True)]
    patients = {split: max(getattr(counts, f"{split}_patients"), 1) for split in SPLITS}
    each = {split: divmod(getattr(counts, split), patients[split]) for split in SPLITS}
    each_has, one_more = (table["split"].map({split: pair[k] for split, pair in each.items()}) for k in (0, 1))
    spare = table["image_key"] >= each_has + (table["patient_key"] < one_more)
    return table.assign(**{ID: names}).assign(**{SPARE: spare})


def _rendered(table: pd.DataFrame, size: int, reporter: Reporter | None, known: Phantom | None) -> Images:
    """The images of the rows, each different one made once and none that is known."""
    rows = as_latents(table)
    made: dict[object, Images] = {}
    if known is not None and known.size == size:
        doses = known.table.filter(like=DOSE)
        clean = ~doses.astype(bool).any(axis=1).to_numpy()
        made = {row: known.images[k] for k, row in enumerate(as_latents(known.table)) if clean[k]}
    first = {row: k for k, row in reversed(list(enumerate(rows))) if row not in made}
    new = sorted(first.values())
    made |= dict(zip((rows[k] for k in new), images_of(table.iloc[new], size, reporter), strict=True))
    return np.stack([made[row] for row in rows]) if rows else images_of(table, size)


def _with_derived(table: pd.DataFrame, world: World) -> pd.DataFrame:
    """The table with what follows from its latents."""
    rows = as_latents(table)
    populations = [world.source(split).population for split in table["split"]]
    return table.assign(
        psf_sigma_um=[psf_sigma_um(r.na, r.wavelength_um, r.defocus_um, r.refractive_index) for r in rows],
        absorptivity_per_um=[absorptivity_per_um(r.wavelength_um, r.haemoglobin_g_per_l) for r in rows],
        posterior=[float(p.posterior(np.asarray(r.stage))) for p, r in zip(populations, rows, strict=True)],
    )
