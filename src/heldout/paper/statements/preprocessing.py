"""From the file to the input of the network, alike for training, validation and test."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.paper.statement import Statement, Topic, alike
from heldout.records import BackboneInfo, Recipe
from heldout.report.material import Material

FIT = {
    "stretch": "stretched to a square",
    "pad": "padded to a square",
    "crop": "cropped to a square at their middle",
}
AUGMENT = {
    "none": "not changed",
    "mirror": "mirrored left to right at random",
    "flips": "flipped and turned by quarter turns at random",
    "optical": "changed at random in brightness, contrast, blur, noise and JPEG compression",
    "all": "flipped and turned by quarter turns, and changed in brightness, contrast, blur, noise and JPEG "
    "compression, at random",
    "wide": "flipped and turned by quarter turns, and changed in brightness, contrast, blur, noise, JPEG compression, "
    "stain, light, saturation and magnification, at random",
}


def state(material: Material) -> Sequence[Statement]:
    """Size, intensity, normalisation, random changes; nothing where no images were given."""
    recipes = {material.names[row.id].label: material.run(row.id).recipe for row in material.runs}
    pictured = {name: recipe for name, recipe in recipes.items() if recipe.image_size}
    if not pictured:
        return []
    squares = alike(
        (name, f"{FIT[r.fit]} of {r.image_size} × {r.image_size} pixels with {r.interpolation} interpolation")
        for name, r in pictured.items()
    )
    found = [Statement("preprocessing.size", f"Images were {squares}.")]
    found.append(
        Statement("preprocessing.intensity", f"{alike((n, intensity(material, r)) for n, r in pictured.items())}.")
    )
    return [*found, *normalisation(material), *augmentation(pictured)]


def intensity(material: Material, recipe: Recipe) -> str:
    """How values of the file become the input."""
    mapped = recipe.input_map
    if mapped is None:
        channels = set(material.cohort.table["channels"].tolist())
        repeated = {frozenset({1}): ", repeated in three channels", frozenset({3}): ""}
        also = repeated.get(frozenset(channels), ", greyscale repeated in three channels")
        return f"Values were taken as they are in the files{also}"
    ends = f", its ends taken from {mapped.images:,} training images" if mapped.images else ""
    return f"Values were mapped by the rule {mapped.words}{ends}, the same for all parts"


def normalisation(material: Material) -> list[Statement]:
    """Mean and standard deviation of the input, of backbones that the catalogue knows."""
    known = [(name, info) for name, info in material.catalogue.items() if isinstance(info, BackboneInfo)]
    if not known or len(known) < len(material.catalogue):
        return []
    told = alike(
        (name, f"mean {told_values(info.mean)}, standard deviation {told_values(info.std)}") for name, info in known
    )
    return [
        Statement(
            "preprocessing.normalisation", f"Input was scaled to 0 to 1 and normalised channel by channel: {told}."
        )
    ]


def told_values(values: tuple[float, ...]) -> str:
    """One value where all channels share it, else all."""
    return ", ".join(f"{value:g}" for value in (values[:1] if len(set(values)) == 1 else values))


def augmentation(recipes: dict[str, Recipe]) -> list[Statement]:
    """How training images were changed, of runs whose strategy has that setting."""
    own = [(name, str(recipe.settings["augment"])) for name, recipe in recipes.items() if "augment" in recipe.settings]
    if not own:
        return []
    told = alike((name, AUGMENT.get(value, f"changed by '{value}'")) for name, value in own)
    return [Statement("preprocessing.augmentation", f"Training images were {told}.")]


TOPIC = Topic("preprocessing", "Preprocessing", 300, state)
