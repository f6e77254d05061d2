"""`phantom:NAME[@SEED]`: a simulated world, made in the cache when it is first asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from heldout.data.entries import Draft, Reader
from heldout.data.readers.npy import NpyReader
from heldout.errors import UsageError
from heldout.progress import Reporter

PREFIX = "phantom:"


class PhantomReader(Reader):
    """A simulated world of red cells under a microscope, 1600 + 400 images of 96×96 from 80 + 20 patients.

    It is made once, in `phantoms/` of our cache folder, and then read as any folder of arrays; patient, site and all
    latent numbers stand in its `metadata.csv`. Another seed makes other patients. `heldout phantom OUT` makes one of
    another size.
    """

    name: ClassVar[str] = "phantom"
    title: ClassVar[str] = "phantom:NAME[@SEED], a simulated world (phantom:cells)"

    def accepts(self, data: str) -> bool:
        """Text that begins with `phantom:`."""
        return data.startswith(PREFIX)

    def read(self, data: str, reporter: Reporter) -> Draft:
        """Make the world unless it is here, and name its images.

        Raises:
            UsageError: No such world, or a seed that is no whole number.
        """
        # the simulation imports scipy's filters and transforms, for which images of a folder need not wait
        from heldout.phantoms import CLASSES, cached_phantom
        from heldout.phantoms.worlds import worlds

        name, mark, seed = data.removeprefix(PREFIX).partition("@")
        if mark and not (seed.isascii() and seed.isdecimal()):
            raise UsageError(f"Found '{data}'; expected a whole number from 0 on behind the @, as in {PREFIX}{name}@7.")
        world = worlds.get(name)
        folder = cached_phantom(world, int(seed or 0), reporter=reporter)
        draft = NpyReader().read(str(folder), reporter)
        return replace(draft, name=f"{PREFIX}{name}{mark}{seed}", classes=CLASSES)


READER = PhantomReader()
