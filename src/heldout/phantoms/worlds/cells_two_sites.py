"""The same population, but the test images come from another laboratory with an older microscope."""

from heldout.phantoms.world import Optics, Site, Source, World
from heldout.phantoms.worlds.cells import CLINIC_A

CLINIC_B = Site(
    name="clinic-b",
    optics=Optics(
        na=0.45,
        wavelength_um=0.430,
        pixel_um=0.1725,
        defocus_sd_um=0.5,
        defocus_slide_sd_um=0.6,
        glare=0.08,
        field_radius_um=160.0,
        vignetting=0.30,
        tilt=0.12,
        tilt_rad=-2.2,
        exposure_e=2200.0,
        exposure_cv=0.03,
        exposure_slide_cv=0.15,
        full_well_e=4000.0,
        read_noise_e=12.0,
        gain_e_per_adu=13.0,
        offset_adu=10.0,
    ),
    neighbours=1.6,
    debris=4.0,
)
"""A 20x/0.45 dry objective, a 3.45 µm camera pixel with a shallow well, a 430 nm lamp on the flank of the band."""

_HERE, _THERE = Source(sites=(CLINIC_A,)), Source(sites=(CLINIC_B,))

WORLD = World(
    name="cells-two-sites",
    title="red cells, smooth or spiculated; the test images come from a second laboratory with other optics",
    train=_HERE,
    val=_HERE,
    test=_THERE,
)
