"""The networks and the weights they began with."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.texts import count, listing
from heldout.paper.statement import Statement, Topic
from heldout.records import BackboneInfo
from heldout.report.material import Material
from heldout.strategies import strategies


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
        outputs = count(len(material.classes), "class", "classes")
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
        f"weights {listing([f'SHA-256 {one}…' for one in weights if one != 'random'])}"
        if set(weights) - {"random"}
        else ""
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
    """Whether training began from pretrained weights, by strategy, where it is known."""
    names = dict.fromkeys(row.strategy for row in material.runs)
    known = {name: strategies.get(name).pretrained for name in names if name in strategies.names()}
    if len(known) < len(names):
        return []
    fresh = [name for name, pretrained in known.items() if not pretrained]
    if not fresh:
        return [Statement("models.initial", "All networks began with these pretrained weights and a new head.")]
    rest = [name for name in names if name not in fresh]
    others = f"; with {listing(rest)} from pretrained ones" if rest else ""
    return [Statement("models.initial", f"With {listing(fresh)} networks began from random weights{others}.")]


TOPIC = Topic("models", "Models", 400, state)
