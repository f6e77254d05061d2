"""Red cells among much debris."""

from heldout.phantoms.world import Site, Source, World

_DUSTY = Source(sites=(Site(name="dusty", debris=8.0),))

WORLD = World(name="dusty", title="red cells among much debris", train=_DUSTY, val=_DUSTY, test=_DUSTY)
