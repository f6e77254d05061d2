"""World + seed + counts -> images and the truth about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from heldout.phantoms._draw import draw
from heldout.phantoms._image import Images, images_of
from heldout.phantoms._latents import as_latents
from heldout.phantoms._physics import absorptivity_per_um, psf_sigma_um
from heldout.phantoms._plant import Plant
from heldout.phantoms._world import CLASSES, SPLITS, Counts, Optics, World
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
        table: One row an image, in the order of `images`: `label`, `patient`, `site`, `split`, the latents (`Latents`), and what
            follows from them: `psf_sigma_um`, `absorptivity_per_um`, `posterior` = P(echinocyte | stage), patient unknown.
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
        counts: Images and patients of each part; 1600 + 400 of 160 + 40 patients by default.
        size: Side of the images, pixels, at least 16.
        plants: Causes to put in, in this order.
        reporter: Hears of progress.

    Returns:
        The phantom. Image k of patient p does not depend on how many are drawn.

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


def twin(phantom: Phantom, optics: Optics, reporter: Reporter | None = None) -> Phantom:
    """The same cells at the same places in the same fields, seen through another microscope.

    Args:
        phantom: Any phantom.
        optics: The other microscope. Each image keeps its own defocus and exposure as multiples of their spread, and its
            relative place in the field of view.

    Returns:
        A phantom paired with the first one image by image; its world's sites have the new optics.
    """
    table = phantom.table.copy()
    for name in _FIXED:
        table[name] = getattr(optics, name)
    before = _optics_columns(phantom)
    table["defocus_um"] *= optics.defocus_sd_um / before["defocus_sd_um"]
    deviates = np.log(table["exposure_e"] / before["exposure_e"]) / before["exposure_cv"]
    table["exposure_e"] = optics.exposure_e * np.exp(optics.exposure_cv * deviates)
    for name in ("field_x_um", "field_y_um"):
        table[name] *= optics.field_radius_um / phantom.table["field_radius_um"]
    world = phantom.world
    for split in SPLITS:
        source = world.source(split)
        sites = tuple(replace(site, optics=optics) for site in source.sites)
        world = replace(world, **{split: replace(source, sites=sites)})
    return replace(phantom, world=world, table=_with_derived(table, world), images=images_of(table, phantom.size, reporter))


_FIXED = (
    "na",
    "wavelength_um",
    "pixel_um",
    "refractive_index",
    "glare",
    "field_radius_um",
    "vignetting",
    "tilt",
    "tilt_rad",
    "full_well_e",
    "read_noise_e",
    "gain_e_per_adu",
    "offset_adu",
)
"""Settings of the optics that are the same in every image of a site."""


def _optics_columns(phantom: Phantom) -> pd.DataFrame:
    """What the optics of each image's site say of what varies from image to image; 1 where they do not vary."""
    known = {
        (split, site.name): site.optics for split in SPLITS for site in phantom.world.source(split).sites
    }
    optics = [known[key] for key in zip(phantom.table["split"], phantom.table["site"], strict=True)]
    return pd.DataFrame(
        {
            "defocus_sd_um": [item.defocus_sd_um or 1.0 for item in optics],
            "exposure_e": [item.exposure_e for item in optics],
            "exposure_cv": [item.exposure_cv or 1.0 for item in optics],
        },
        index=phantom.table.index,
    )


def _with_derived(table: pd.DataFrame, world: World) -> pd.DataFrame:
    """The table with what follows from its latents."""
    rows = as_latents(table)
    populations = [world.source(split).population for split in table["split"]]
    return table.assign(
        psf_sigma_um=[psf_sigma_um(r.na, r.wavelength_um, r.defocus_um, r.refractive_index) for r in rows],
        absorptivity_per_um=[absorptivity_per_um(r.wavelength_um, r.haemoglobin_g_per_l) for r in rows],
        posterior=[float(p.posterior(np.float64(r.stage))) for p, r in zip(populations, rows, strict=True)],
    )
