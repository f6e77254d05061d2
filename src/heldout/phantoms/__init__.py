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
from heldout.phantoms._plant import Plant
from heldout.phantoms._simulate import Phantom, simulate
from heldout.phantoms._world import CLASSES, Counts, Optics, Population, Site, Source, World
from heldout.phantoms._write import write_phantom

__all__ = [
    "CLASSES",
    "LATENTS",
    "Counts",
    "Latents",
    "Optics",
    "Phantom",
    "Plant",
    "Population",
    "Site",
    "Source",
    "World",
    "cached_phantom",
    "images_of",
    "simulate",
    "write_phantom",
]
