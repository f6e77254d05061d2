"""One laboratory, one population: nothing shifts between train and test."""

from heldout.phantoms.world import Site, Source, World

CLINIC_A = Site(name="clinic-a")
"""A 40x/0.75 dry objective, a 6.5 µm camera pixel and a 415 nm lamp on haemoglobin's Soret peak."""

_SOURCE = Source(sites=(CLINIC_A,))

WORLD = World(
    name="cells",
    title="red cells, smooth or spiculated, one laboratory: no shift between train and test",
    train=_SOURCE,
    val=_SOURCE,
    test=_SOURCE,
)
