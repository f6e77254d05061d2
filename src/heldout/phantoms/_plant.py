"""What a plant is: one cause of a drop in accuracy, put into a phantom on purpose, so that the truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from heldout.phantoms._world import World

if TYPE_CHECKING:
    from heldout.phantoms._simulate import Phantom


class Plant:
    """Base of all plants: a frozen dataclass in a file of its own overrides the level at which its cause acts.

    `simulate` calls the three levels in this order; each takes a value and returns another, never changing what it was
    given. Since an image is a function of its row, the phantom with a plant and the one without it are paired image by
    image.
    """

    def on_world(self, world: World) -> World:
        """Change the laws: the prior, the population, the optics of a site."""
        return world

    def on_table(self, table: pd.DataFrame) -> pd.DataFrame:
        """Change latent numbers of chosen images before they are made: defocus of one class, noise, glare."""
        return table

    def on_phantom(self, phantom: Phantom) -> Phantom:
        """Change the finished data: labels, copies in another part, compression, a token in the corner."""
        return phantom
