"""The networks and the weights they began with."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.texts import count, listing
from heldout.paper.statement import Statement, Topic, alike
from heldout.records import BackboneInfo
from heldout.report.material import Material

RANDOM = "random"
"""What a recipe calls weights that nothing was learned with."""


def state(material: Material) -> Sequence[Statement]:
    """One sentence a network; given models are asked for."""
    if material.files.given:
        models = listing([material.names[row.id].label for row in material.runs])
        what = "architecture, weights, training and settings of the models; only their answers are recorded"
        return [Statement("models.given", f"The answers of {models} were evaluated.", what)]
    found = [network(material, name, info) for name, info in material.catalogue.items()]
    heads = sorted({row.parameters for row in material.runs if row.parameters})
    if heads:
        ends = f"{heads[0]:,}" if len(heads) == 1 else f"{heads[0]:,} to {heads[-1]:,}"
        several = material.cohort.labels == "several"
        outputs = count(len(material.classes), *(("label",) if several else ("class", "classes")))
        found.append(
            Statement(
                "models.head",
                f"The classifier of each network was replaced by a new head for {outputs}; "
                f"whole networks had {ends} parameters.",
            )
        )
    return [*found, *initial(material)]


def network(material: Material, name: str, info: BackboneInfo | str) -> Statement:
    """What the catalogue and the recipe know of one network."""
    weights = sorted({run.recipe.weights for run in material.files.runs if run.record.backbone == name})
    known = (
        f"weights {listing([f'SHA-256 {one}…' for one in weights if one != RANDOM])}" if set(weights) - {RANDOM} else ""
    )
    if isinstance(info, str):
        told = f"{name} ({known})" if known else name
        return Statement("models.networks", f"Network: {told}.", "its architecture, source of the weights, licence")
    licence = f"licence {info.licence}" if info.licence else ""
    parameters = f"{info.params:,} parameters with its original classifier" if info.params else ""
    source = f"recipe or card {info.recipe}" if info.recipe else ""
    details = "; ".join(filter(None, (parameters, known, source, licence)))
    gap = "" if info.licence else f"licence of the weights of {info.architecture}"
    return Statement("models.networks", f"Network {info.architecture} ({name}): {details}.", gap)


def initial(material: Material) -> list[Statement]:
    """Whether training began from pretrained weights, as the recipes hold it."""
    began = {material.names[row.id].label: material.run(row.id).recipe.weights for row in material.runs}
    told = alike(
        (name, "random weights" if hash_ == RANDOM else "these pretrained weights") for name, hash_ in began.items()
    )
    return [Statement("models.initial", f"Networks began with {told}, and with a new head.")]


TOPIC = Topic("models", "Models", 400, state)
