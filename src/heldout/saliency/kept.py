"""Networks that were asked last: a page asks about one image after another."""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from heldout.backbones import Network
from heldout.backbones.neighbours import Neighbours
from heldout.backbones.network import SideBySide
from heldout.backbones.one_label import one_label_head
from heldout.errors import UsageError
from heldout.records.label_predictions import LabelQuestion
from heldout.records.labelling.several import question_classes
from heldout.runs.earlier import read_run_record
from heldout.runs.predict import load_network
from heldout.saliency.control import randomised
from heldout.saliency.place import Place, last_place

KEPT = 2
"""Networks that are kept, each with its control: a page compares two runs."""


@dataclass(frozen=True)
class Asked:
    """A run's network ready to be asked.

    Attributes:
        network: The trained network, on the CPU, in eval mode; its parameters take no gradient.
        control: The same with random weights.
        place: Where maps are taken in both.
        classes: What the network answers with.
        image_size: Side of its input in pixels.
        channels: Of its images; grey ones are taken too.
    """

    network: Network
    control: Network
    place: Place
    classes: tuple[str, ...]
    image_size: int
    channels: int


class LastAsked:
    """The networks that were asked last, made when they are asked first.

    Attributes:
        lock: Held by who asks: a network under a hook answers one at a time.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._held: OrderedDict[tuple[object, ...], Asked] = OrderedDict()

    def of(self, folder: Path, question: LabelQuestion | None, seed: int) -> Asked:
        """The network of a run's folder, as the folder is now.

        Raises:
            InputError: The folder is not a finished run, or has several networks.
            UsageError: There is no map to be had; begins with `no spatial map`.
        """
        key = (folder.resolve(), _state(folder / "run.json"), _state(folder / "model.safetensors"), question, seed)
        with self.lock:
            if key not in self._held:
                asked = _load(folder, question, seed)
                self._held[key] = asked
                while len(self._held) > KEPT:
                    self._held.popitem(last=False)
            self._held.move_to_end(key)
            return self._held[key]


def _state(file: Path) -> tuple[int, int] | None:
    """What changes when a file does; None where it is not there."""
    if not file.is_file():
        return None
    about = file.stat()
    return about.st_mtime_ns, about.st_size


def _load(folder: Path, question: LabelQuestion | None, seed: int) -> Asked:
    if (folder / "run.json").is_file() and read_run_record(folder).learning.given:
        raise UsageError(
            "no spatial map: found a model of which only answers are known; expected a network trained here, "
            "whose gradients can be taken. Ask a run of `heldout run`."
        )
    network, recipe = load_network(folder)
    check_differentiable(network)
    classes = recipe.classes
    if question is not None:
        network.head = one_label_head(network.head, question.label, question.threshold)
        classes = question_classes(question.name)
    network.requires_grad_(False)
    channels = recipe.in_channels
    place = last_place(network, recipe.image_size, channels)
    own = zlib.crc32(f"control {seed} of {recipe.seed}".encode())  # not the weights that a run from scratch began with
    return Asked(network, randomised(network, own), place, classes, recipe.image_size, channels)


def check_differentiable(network: Network) -> None:
    """See that a class's answer has a gradient that a map can be made of.

    Raises:
        UsageError: It has not.
    """
    if isinstance(network.head, Neighbours):
        raise UsageError(
            "no spatial map: found a run of nearest neighbours, whose answer is a vote of training images and has no "
            "weights of its own; expected a head whose logits have a gradient, and which random weights can replace in "
            "the control. Ask a run of probe or frozen: they read the same features."
        )
    for module in network.modules():
        if isinstance(module, SideBySide):
            raise UsageError(
                f"no spatial map: found features of {len(module.members)} networks side by side, each with a map of "
                "its own; expected one network. Ask a run of one of them."
            )
