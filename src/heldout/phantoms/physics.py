"""The laws the phantoms obey, each a small function of arrays with its source; lengths are micrometres throughout."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

AIRY_TO_GAUSSIAN = 0.21
"""Standard deviation, in units of wavelength/NA, of the Gaussian nearest in least squares to the Airy pattern of a lens
(Zhang, Zerubia & Olivo-Marin 2007, Applied Optics 46:1819); matching the power instead gives 0.225."""

HAEMOGLOBIN_G_PER_MOL = 64_500.0
"""Molar mass of the haemoglobin tetramer, as used with the table below."""

OXYHAEMOGLOBIN = {
    0.400: 266_232.0,
    0.404: 308_716.0,
    0.408: 422_320.0,
    0.410: 466_840.0,
    0.412: 500_200.0,
    0.414: 524_280.0,
    0.416: 521_880.0,
    0.418: 515_520.0,
    0.420: 480_360.0,
    0.424: 376_236.0,
    0.428: 283_112.0,
    0.430: 246_072.0,
    0.436: 132_820.0,
    0.440: 102_580.0,
}
"""Decadic molar extinction of oxyhaemoglobin across its Soret band, wavelength in µm -> 1/(cm·mol/l), per tetramer
(W. B. Gratzer and N. Kollias, compiled by S. Prahl, Oregon Medical Laser Center)."""

EVANS_FUNG = (0.81, 7.83, -4.39)
"""C0, C1, C2 in µm of the thickness of a human red cell at 300 mosm and of 3.91 µm radius,
D(ρ) = √(1 − ρ²)·(C0 + C1·ρ² + C2·ρ⁴), ρ = r/R (Evans & Fung 1972, Microvascular Research 4:335).
It is 0.81 µm thick in the middle, 2.57 µm at most, and holds 94 fl."""


def psf_sigma_um(na: float, wavelength_um: float, defocus_um: float, refractive_index: float) -> float:
    """Width of the point-spread function on the object's side.

    In focus it is the Gaussian nearest to the Airy pattern. Out of focus by z the cone of light of half-angle α cuts
    the focal plane in a disc of radius |z|·tan α; a disc of radius a has a standard deviation of a/2 along each axis,
    and the variances of convolved kernels add (geometrical optics: good for large |z|, an approximation near focus).

    Args:
        na: Numerical aperture n·sin α of the objective.
        wavelength_um: Of the light, in vacuum.
        defocus_um: Distance of the cell from the focal plane.
        refractive_index: n of the medium before the objective: 1 for air, 1.515 for oil.

    Returns:
        Standard deviation along each axis, µm.
    """
    in_focus = AIRY_TO_GAUSSIAN * wavelength_um / na
    disc_radius = abs(defocus_um) * na / np.sqrt(refractive_index**2 - na**2)
    return float(np.hypot(in_focus, disc_radius / 2))


def defocus_um(na: float, defocus_um: float, refractive_index: float, added_um: float) -> float:
    """The defocus that widens the point-spread function further: the inverse of `psf_sigma_um`.

    Args:
        na: Numerical aperture.
        defocus_um: Distance from the focal plane so far; its sign is kept.
        refractive_index: n of the medium before the objective.
        added_um: Standard deviation whose square is added to the variance of the point-spread function.

    Returns:
        Distance from the focal plane, µm.
    """
    a_micrometre = na / np.sqrt(refractive_index**2 - na**2) / 2
    return float(np.copysign(np.hypot(defocus_um, added_um / a_micrometre), defocus_um))


def absorptivity_per_um(wavelength_um: float, haemoglobin_g_per_l: float) -> float:
    """Decadic absorbance of one micrometre of red-cell content: ε(λ)·c/M, Beer and Lambert.

    Args:
        wavelength_um: Within the table of `OXYHAEMOGLOBIN`, interpolated in straight lines.
        haemoglobin_g_per_l: Concentration inside the cell (MCHC), about 320 to 360 in health.

    Returns:
        Absorbance (base 10) per µm.
    """
    extinction = np.interp(wavelength_um, list(OXYHAEMOGLOBIN), list(OXYHAEMOGLOBIN.values()))  # 1/(cm·mol/l)
    cm_per_um = 1e-4
    return float(extinction * haemoglobin_g_per_l / HAEMOGLOBIN_G_PER_MOL * cm_per_um)


def illumination(x_um: Floats, y_um: Floats, radius_um: float, vignetting: float, tilt: tuple[float, float]) -> Floats:
    """Brightness of the empty field relative to its centre: a quadratic fall-off and a linear slope.

    Args:
        x_um: Positions across the field of view, from its centre, any shape.
        y_um: The same along the other axis.
        radius_um: Radius of the field of view.
        vignetting: Fraction of the light missing at the rim (0.2: the rim gets 80 % of the centre).
        tilt: Relative slope along x and y from the centre to the rim, of a lamp that is out of line.

    Returns:
        The factor at each position, at least 0.
    """
    u, v = x_um / radius_um, y_um / radius_um
    return np.clip((1 - vignetting * (u**2 + v**2)) * (1 + tilt[0] * u + tilt[1] * v), 0, None)
