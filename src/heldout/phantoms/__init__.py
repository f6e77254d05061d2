"""Simulated optical microscopy with the exact truth beside it: red cells, patients, sites, lens, camera.

```python
from heldout.phantoms import Counts, simulate, write_phantom
from heldout.phantoms.worlds import worlds

phantom = simulate(worlds.get("cells"), seed=0, counts=Counts.of(2000))
write_phantom(phantom, Path("cells"))
```
"""

from heldout.phantoms._cache import cached_phantom
from heldout.phantoms.image import images_of
from heldout.phantoms.latents import LATENTS, Latents
from heldout.phantoms.plant import Lots, PixelPlant, Plant
from heldout.phantoms.planting import Planted, Truth, paint, paired_rows, plant_images, plant_table, twins
from heldout.phantoms.simulation import Phantom, simulate, simulate_twin
from heldout.phantoms.world import CLASSES, Counts, Optics, Population, Site, Source, World
from heldout.phantoms.write import write_phantom

__all__ = [
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
