"""World + seed + counts -> images and the truth about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from heldout.phantoms._draw import draw
from heldout.phantoms._image import Images, images_of
from heldout.phantoms._latents import as_latents
from heldout.phantoms._physics import absorptivity_per_um, psf_sigma_um
from heldout.phantoms._plant import Plant
from heldout.phantoms._world import CLASSES, Counts, World
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
            and what follows from them: `psf_sigma_um`, `absorptivity_per_um`, and `posterior`, which is
            P(echinocyte | stage) where the patient is not known.
    """

    world: World
    seed: int
    counts: Counts
    images: Images
    table: pd.DataFrame

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
) -> Phantom:
    """Make a phantom.

    Args:
        world: Its laws.
        seed: Whole number from 0 on; equal world, seed and counts give equal pixels.
        counts: Images and patients of each part; 1600 + 400 of 80 + 20 patients by default.
        size: Side of the images, pixels, at least 16.
        plants: Causes to put in, in this order.
        reporter: Hears of progress.

    Returns:
        The phantom. Image k of patient p depends neither on how many are drawn nor on the other parts; equal seeds give
        the same cells through any optics, so `world.with_optics(…)` makes a twin that is paired image by image.

    Raises:
        ValueError: A negative seed, or images too small to hold anything.

    Example:
        >>> from heldout.phantoms.worlds import worlds
        >>> phantom = simulate(worlds.get("cells"), seed=1, counts=Counts.of(20))
        >>> phantom.images.shape, phantom.images.dtype.name
        ((20, 96, 96), 'uint8')
    """
    if seed < 0 or size < 16:
        raise ValueError(f"expected a seed from 0 on and images of at least 16 pixels, found {seed} and {size}")
    counts = counts or Counts()
    for plant in plants:
        world = plant.on_world(world)
    table = draw(world, seed, counts)
    for plant in plants:
        table = plant.on_table(table)
    phantom = Phantom(world, seed, counts, images_of(table, size, reporter), _with_derived(table, world))
    for plant in plants:
        phantom = plant.on_phantom(phantom)
    return phantom


def _with_derived(table: pd.DataFrame, world: World) -> pd.DataFrame:
    """The table with what follows from its latents."""
    rows = as_latents(table)
    populations = [world.source(split).population for split in table["split"]]
    return table.assign(
        psf_sigma_um=[psf_sigma_um(r.na, r.wavelength_um, r.defocus_um, r.refractive_index) for r in rows],
        absorptivity_per_um=[absorptivity_per_um(r.wavelength_um, r.haemoglobin_g_per_l) for r in rows],
        posterior=[float(p.posterior(np.asarray(r.stage))) for p, r in zip(populations, rows, strict=True)],
    )
