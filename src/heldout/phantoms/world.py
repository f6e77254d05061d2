"""What a simulated world is made of: cells, patients, microscopes; all settings with their units, no randomness."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, ndtr

from heldout.phantoms.physics import OXYHAEMOGLOBIN

CLASSES = ("discocyte", "echinocyte")
"""Class names in the order of their indices: the smooth biconcave disc, and the spiculated ('burr') cell."""

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Optics:
    """A brightfield microscope with its lamp and camera.

    Attributes:
        na: Numerical aperture of the objective.
        wavelength_um: Of the narrow-band lamp, µm; within haemoglobin's Soret band, 0.400 to 0.440.
        pixel_um: Camera pixel divided by magnification, µm on the object's side.
        refractive_index: Of the medium before the objective (1 air, 1.515 oil).
        defocus_sd_um: Spread of the cells' distance from focus within a slide, µm.
        defocus_slide_sd_um: Spread of the slides' mean distance from focus, µm.
        glare: Fraction of stray light that did not pass the specimen; lowers contrast without lowering absorbance.
        field_radius_um: Radius of the field of view, µm; cells lie anywhere in it.
        vignetting: Fraction of light missing at the rim of the field.
        tilt: Relative slope of the illumination from the centre of the field to its rim.
        tilt_rad: Direction of that slope, radians.
        exposure_e: Mean photo-electrons a pixel collects from an empty field at its centre.
        exposure_cv: Relative spread of the exposure from image to image of a slide.
        exposure_slide_cv: Relative spread from slide to slide (lamp setting, film of plasma).
        full_well_e: Electrons at which a pixel is full.
        read_noise_e: Standard deviation of the read-out noise, electrons.
        gain_e_per_adu: Electrons a grey level.
        offset_adu: Grey level of a pixel without light.
    """

    na: float = 0.75
    wavelength_um: float = 0.415
    pixel_um: float = 0.1625
    refractive_index: float = 1.0
    defocus_sd_um: float = 0.25
    defocus_slide_sd_um: float = 0.25
    glare: float = 0.02
    field_radius_um: float = 110.0
    vignetting: float = 0.12
    tilt: float = 0.06
    tilt_rad: float = 0.6
    exposure_e: float = 9000.0
    exposure_cv: float = 0.02
    exposure_slide_cv: float = 0.10
    full_well_e: float = 15000.0
    read_noise_e: float = 8.0
    gain_e_per_adu: float = 48.0
    offset_adu: float = 6.0

    def __post_init__(self) -> None:
        low, high = min(OXYHAEMOGLOBIN), max(OXYHAEMOGLOBIN)
        positive = ("na", "pixel_um", "field_radius_um", "exposure_e", "full_well_e", "gain_e_per_adu")
        spreads = ("defocus_sd_um", "defocus_slide_sd_um", "exposure_cv", "exposure_slide_cv")
        not_negative = (*spreads, "read_noise_e", "offset_adu")
        wrong = [f"{name} > 0" for name in positive if not getattr(self, name) > 0]
        wrong += [f"{name} >= 0" for name in not_negative if not getattr(self, name) >= 0]
        wrong += [f"{name} in [0, 1)" for name in ("glare", "vignetting", "tilt") if not 0 <= getattr(self, name) < 1]
        if not self.na < self.refractive_index:
            wrong.append(f"na < refractive_index ({self.refractive_index})")
        if not low <= self.wavelength_um <= high:
            wrong.append(f"wavelength_um in [{low}, {high}], where the extinction of haemoglobin is tabulated")
        if wrong:
            raise ValueError(f"optics that cannot be: expected {'; '.join(wrong)}; found {self}")


@dataclass(frozen=True)
class Site:
    """A laboratory: its microscope and how its slides look. Each patient has one slide.

    Attributes:
        name: What the `site` column says.
        optics: Its microscope.
        neighbours: Mean number of other cells at the edge of an image.
        debris: Mean number of specks an image (dust, platelets, deposit).
        neighbours_slide_sd: Spread of the logarithm of a slide's mean number of neighbours (density of the smear).
        debris_slide_sd: Spread of the logarithm of a slide's mean number of specks.
    """

    name: str
    optics: Optics = Optics()
    neighbours: float = 1.2
    debris: float = 2.0
    neighbours_slide_sd: float = 0.4
    debris_slide_sd: float = 0.6


@dataclass(frozen=True)
class Population:
    """Patients and their red cells.

    The two classes differ in one latent number only, the **stage** of a cell on the way from disc to spiculated sphere
    (Bessis' sequence discocyte - echinocyte I, II, III): N(0, 1) among discocytes, N(separation, 1) among echinocytes,
    plus the patient's shift. Height of the spicules and loss of the central pallor grow with the stage; all the rest
    (size, volume, haemoglobin, outline, number of spicules, orientation, optics) is drawn without looking at the class.
    So the best accuracy that anyone can reach is known: `ceiling`.

    Attributes:
        prior: Probability of an echinocyte.
        separation: Distance of the classes in the latent stage, in standard deviations: the difficulty (large is easy).
        patient_stage_sd: Spread of the patients' shifts of the stage, in the same unit.
        patient_mixing: 0 towards every patient having cells of one class only, large towards every patient having the
            same share: patient p's share of echinocytes is Beta(prior·m, (1 − prior)·m) with m this number.
        volume_fl: Mean cell volume, fl (reference range of MCV 80 to 100).
        volume_patient_cv: Relative spread of the patients' means.
        volume_cell_cv: Relative spread within a patient (RDW, reference range 11.5 to 14.5 %).
        diameter_um: Mean diameter of the disc, µm (7.82 ± 0.62, Evans & Fung 1972).
        diameter_patient_sd_um: Spread of the patients' means, µm.
        diameter_cell_sd_um: Spread within a patient, µm.
        haemoglobin_g_per_l: Mean concentration in the cell, g/l (reference range of MCHC 320 to 360).
        haemoglobin_patient_sd: Spread of the patients' means, g/l.
        haemoglobin_cell_sd: Spread within a patient, g/l.
        irregularity: Median relative amplitude of the slow waves of a cell's outline, alike in both classes.
        irregularity_patient_sd: Spread of its logarithm over patients.
        irregularity_cell_sd: Spread of its logarithm within a patient.
        elongation_sd: Scale of the logarithm of the axis ratio (half-normal).
        smear_rad: Spread of the long axes about the direction in which the patient's smear was drawn, radians.
        spicule_um: Median height of the spicules at stage 0, µm: ripples that no lens resolves.
        spicule_growth: Growth of the logarithm of that height with each unit of stage.
        spicule_cell_sd: Spread of its logarithm between cells of equal stage.
        spicule_limit_um: Height that is approached by the tallest, µm.
        spicule_numbers: Fewest and most spicules of a cell (10 to 30 are typical of echinocytes: Bessis 1973).
    """

    prior: float = 0.5
    separation: float = 3.6
    patient_stage_sd: float = 0.6
    patient_mixing: float = 0.2
    volume_fl: float = 90.0
    volume_patient_cv: float = 0.07
    volume_cell_cv: float = 0.125
    diameter_um: float = 7.82
    diameter_patient_sd_um: float = 0.45
    diameter_cell_sd_um: float = 0.42
    haemoglobin_g_per_l: float = 335.0
    haemoglobin_patient_sd: float = 18.0
    haemoglobin_cell_sd: float = 9.0
    irregularity: float = 0.012
    irregularity_patient_sd: float = 0.5
    irregularity_cell_sd: float = 0.4
    elongation_sd: float = 0.08
    smear_rad: float = 0.4
    spicule_um: float = 0.10
    spicule_growth: float = 0.50
    spicule_cell_sd: float = 0.15
    spicule_limit_um: float = 1.1
    spicule_numbers: tuple[int, int] = (12, 30)

    def __post_init__(self) -> None:
        if not (0 < self.prior < 1 and self.patient_mixing > 0 and self.separation >= 0):
            raise ValueError(
                f"expected a prior in (0, 1), patient_mixing > 0 and separation >= 0; found {self.prior}, "
                f"{self.patient_mixing}, {self.separation}"
            )

    def posterior(self, stage: np.ndarray) -> np.ndarray:
        """P(echinocyte | stage) of a cell whose patient is not known; shape as given."""
        variance = 1 + self.patient_stage_sd**2
        odds = np.log(self.prior / (1 - self.prior))
        return np.asarray(expit(odds + self.separation * (stage - self.separation / 2) / variance))

    def ceiling(self) -> float:
        """The best expected accuracy on single cells of unknown patients, for who reads the stage without error.

        Bayes' rule for two normal laws of equal spread; what the optics hides comes off this.
        """
        spread = float(np.sqrt(1 + self.patient_stage_sd**2))
        if self.separation == 0:
            return max(self.prior, 1 - self.prior)
        odds = float(np.log(self.prior / (1 - self.prior)))
        threshold = self.separation / 2 - spread**2 * odds / self.separation
        recall = ndtr((self.separation - threshold) / spread)
        return float(self.prior * recall + (1 - self.prior) * ndtr(threshold / spread))


@dataclass(frozen=True)
class Source:
    """Where the images of one part of a split come from: patients of a population, sent to the sites in turn."""

    sites: tuple[Site, ...]
    population: Population = Population()

    def __post_init__(self) -> None:
        names = [site.name for site in self.sites]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"a source needs sites with names of their own, found {names}")


@dataclass(frozen=True)
class World:
    """Everything that is true of a simulated cohort but its seed and its size.

    Attributes:
        name: What `phantom:NAME` says.
        title: One line for tables.
        train: Source of the training images.
        val: Source of the validation images.
        test: Source of the test images.
    """

    name: str
    title: str
    train: Source
    val: Source
    test: Source

    def source(self, split: str) -> Source:
        """The source of `train`, `val` or `test`."""
        return {"train": self.train, "val": self.val, "test": self.test}[split]

    def with_optics(self, optics: Optics) -> World:
        """The same world with this microscope at every site.

        With an equal seed it shows the same cells at the same places: a twin, paired image by image.
        """

        def changed(source: Source) -> Source:
            return replace(source, sites=tuple(replace(site, optics=optics) for site in source.sites))

        return replace(self, train=changed(self.train), val=changed(self.val), test=changed(self.test))


@dataclass(frozen=True)
class Counts:
    """How many images and patients each part gets; the images are shared out evenly among the patients.

    Attributes:
        train: Images.
        val: Images; 0 leaves validation to whoever splits the training images.
        test: Images.
        train_patients: Patients.
        val_patients: Patients.
        test_patients: Patients.
    """

    train: int = 1600
    val: int = 0
    test: int = 400
    train_patients: int = 80
    val_patients: int = 0
    test_patients: int = 20

    def __post_init__(self) -> None:
        for split in SPLITS:
            images, patients = getattr(self, split), getattr(self, f"{split}_patients")
            if not (0 <= patients <= images and (patients > 0) == (images > 0)):
                raise ValueError(f"{split}: expected at least one image a patient, found {images} and {patients}")

    @classmethod
    def of(cls, n: int, patients: int | None = None, val: bool = False) -> Counts:
        """Share out n images: 80 % train and 20 % test; of train, 20 % go to validation if asked for.

        Args:
            n: Images in all.
            patients: Patients in all; None for one to every twenty images.
            val: Whether to make a validation part.

        Raises:
            ValueError: Too few images or patients to share out.
        """
        total = patients if patients is not None else max(n // 20, 6 if val else 4)
        if n < (12 if val else 8) or not (6 if val else 4) <= total <= n:
            raise ValueError(
                f"found {n} images of {total} patients; expected at least {12 if val else 8} images, "
                f"{6 if val else 4} patients, and no more patients than images"
            )
        images_of, patients_of = _shares(n, 4, val), _shares(total, 2, val)
        return cls(*images_of, *(min(pair) for pair in zip(patients_of, images_of, strict=True)))


def _shares(total: int, minimum: int, val: bool) -> tuple[int, int, int]:
    """`total` as train, val, test, each at least `minimum` where it exists."""
    test = max(round(total * 0.2), minimum)
    validation = max(round((total - test) * 0.2), minimum) if val else 0
    return total - test - validation, validation, test
