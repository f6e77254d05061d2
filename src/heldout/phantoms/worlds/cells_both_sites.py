"""Both laboratories in every part: a sub-population, `site`, to be made common in test or withheld from training."""

from heldout.phantoms.world import Source, World
from heldout.phantoms.worlds.cells import CLINIC_A
from heldout.phantoms.worlds.cells_two_sites import CLINIC_B

_SOURCE = Source(sites=(CLINIC_A, CLINIC_B))

WORLD = World(
    name="cells-both-sites",
    title="red cells, smooth or spiculated; half the patients of every part at each of two laboratories",
    train=_SOURCE,
    val=_SOURCE,
    test=_SOURCE,
)
