"""Simulated optical microscopy with the exact truth beside it: red cells, patients, sites, lens, camera.

```python
from heldout.phantoms import Counts, simulate, write_phantom
from heldout.phantoms.worlds import worlds

phantom = simulate(worlds.get("cells"), seed=0, counts=Counts.of(2000))
write_phantom(phantom, Path("cells"))
```
"""

from heldout.phantoms._cache import cached_phantom
from heldout.phantoms._image import images_of
from heldout.phantoms._latents import LATENTS, Latents
from heldout.phantoms._plant import CAUSES, Lots, PixelPlant, Plant
from heldout.phantoms._planting import Planted, Truth, paint, paired_rows, plant_images, plant_table, twins
from heldout.phantoms._simulate import Phantom, simulate, simulate_twin
from heldout.phantoms._world import CLASSES, Counts, Optics, Population, Site, Source, World
from heldout.phantoms._write import write_phantom

__all__ = [
    "CAUSES",
    "CLASSES",
    "LATENTS",
    "Counts",
    "Latents",
    "Lots",
    "Optics",
    "Phantom",
    "PixelPlant",
    "Plant",
    "Planted",
    "Population",
    "Site",
    "Source",
    "Truth",
    "World",
    "cached_phantom",
    "images_of",
    "paint",
    "paired_rows",
    "plant_images",
    "plant_table",
    "simulate",
    "simulate_twin",
    "twins",
    "write_phantom",
]
