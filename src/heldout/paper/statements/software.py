"""Software and hardware, from what each run wrote down of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heldout.answer.texts import listing
from heldout.paper.references import REFERENCES
from heldout.paper.statement import Statement, Topic, alike
from heldout.report.material import Material

SOURCES = {"torch": "paszke2019", "timm": "wightman2019", "scikit-learn": "pedregosa2011", "numpy": "harris2020"}
"""Package -> its own paper."""


def state(material: Material) -> Sequence[Statement]:
    """Versions and device; asked for where no run wrote them down."""
    own = {material.names[id_].label: env for id_, env in material.environments.items()}
    if not own or not all(env.get("packages") for env in own.values()):
        known = f"The study was made with heldout {material.study.version}."
        return [Statement("software.versions", known, "libraries with their versions, and the hardware")]
    told = alike((name, versions(env)) for name, env in own.items())
    cites = tuple(
        SOURCES[package]
        for package in SOURCES
        if any(package in env["packages"] for env in own.values()) and SOURCES[package] in REFERENCES
    )
    found = [Statement("software.versions", f"Software: {told}.", cites=cites)]
    if all(env.get("device") for env in own.values()):
        devices = alike((name, machine(env)) for name, env in own.items())
        found.append(Statement("software.hardware", f"Hardware: {devices}."))
    return found


def versions(environment: dict[str, Any]) -> str:
    """`Python 3.11, heldout 0.1.0, torch 2.4 and timm 1.0`."""
    packages = [f"{name} {version}" for name, version in environment["packages"].items() if version]
    python = [f"Python {environment['python']}"] if environment.get("python") else []
    system = [str(environment["platform"])] if environment.get("platform") else []
    on = f" on {system[0]}" if system else ""
    return f"{listing([*python, *packages])}{on}"


def machine(environment: dict[str, Any]) -> str:
    """The device, and what ran frozen stages on it."""
    engine = f", frozen stages by {environment['engine']}" if environment.get("engine") else ""
    return f"{environment['device']}{engine}"


TOPIC = Topic("software", "Software and hardware", 600, state)
