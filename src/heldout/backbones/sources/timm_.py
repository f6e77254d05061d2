"""Weights of timm: every pretrained tag. Licence and input are timm's statements, parameters and multiply-adds ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from heldout.backbones.caches import given_folder, hub_file, torch_hub_file, torch_hub_folder
from heldout.backbones.constructor import Argument, Constructor
from heldout.backbones.quiet import quiet
from heldout.backbones.source import Source, Stages
from heldout.backbones.table import Entry
from heldout.errors import InputError, Problem
from heldout.records import BackboneInfo

if TYPE_CHECKING:
    from torch import Tensor, nn

HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""What timm's repositories call their weights; safetensors cannot hold code and is preferred."""

BYTES_A_PARAMETER = 4
"""float32; timm states no file sizes."""


class Timm(Source):
    """The pretrained networks of timm."""

    name: ClassVar[str] = "timm"
    rank: ClassVar[int] = 2
    library: ClassVar[str] = "timm"

    def here(self, entry: Entry) -> Path | None:
        """A file given by hand, else the one in the hub's or torch.hub's cache."""
        base = self.stored(entry)
        given = next(
            (path for suffix in (".safetensors", ".pth") if (path := base.with_suffix(suffix)).is_file()), None
        )
        return given or (hub_file(entry.hub, _names(entry)) if entry.hub else torch_hub_file(entry.file))

    def stored(self, entry: Entry) -> Path:
        """A folder of our own: the hub's cache has no place for files from elsewhere."""
        # The suffix is appended, since tags contain dots that with_suffix would cut.
        return given_folder() / "timm" / (entry.info.name.partition(":")[2].replace(".", "+") + ".safetensors")

    def download(self, entry: Entry) -> Path:
        """From the model hub (safetensors first), or the address that timm knows."""
        from heldout.backbones.download import download, download_from_hub

        if entry.hub:
            return download_from_hub(entry, _names(entry))
        return download(entry, torch_hub_folder() / entry.file)

    def listed(self, known: Mapping[str, Entry]) -> Iterator[Entry]:
        """Every pretrained tag; figures are counted once for each architecture, number of classes and input size."""
        import timm
        from timm.models import get_pretrained_cfg

        figures = {_key(entry): (entry.info.params, entry.info.gflops) for entry in known.values()}
        for full in timm.list_pretrained():
            architecture = full.partition(".")[0]
            default = get_pretrained_cfg(architecture).tag
            row = _row(full, get_pretrained_cfg(full), default)
            if _key(row) not in figures:
                figures[_key(row)] = _count(full, row.measured)
            params, gflops = figures[_key(row)]
            size = params * BYTES_A_PARAMETER / 1e6
            yield replace(row, info=replace(row.info, params=params, gflops=gflops, file_mb=size))

    def state(self, entry: Entry, file: Path) -> dict[str, Tensor]:
        """The file's tensors under the names that timm gives them."""
        from heldout.backbones.weights import read_tensors

        return read_tensors(file)

    def model(self, entry: Entry, image_size: int) -> nn.Module:
        """The network as timm builds it."""
        return _create(entry, image_size, None)

    def trunk(self, entry: Entry, image_size: int, weights: Path | None) -> nn.Module:
        """The model; timm itself fits the position embeddings of transformers to the image size."""
        model: Any = _create(entry, image_size, weights)
        # Image encoders of language models have no classifier; their reset_classifier raises.
        with suppress(NotImplementedError, AttributeError):
            model.reset_classifier(0)
        trunk: nn.Module = model
        return trunk

    def constructor(self, entry: Entry, image_size: int, classes: int, channels: int) -> Constructor:
        """`timm.create_model`."""
        from timm.models import get_pretrained_cfg

        full = _full(entry)
        cfg = get_pretrained_cfg(full)
        arguments: dict[str, Argument] = {"model_name": full, "num_classes": classes}
        if cfg is not None and cfg.fixed_input_size and image_size != cfg.input_size[1]:
            arguments["img_size"] = image_size
        if channels != 3:
            arguments["in_chans"] = channels
        return Constructor("timm", "create_model", arguments)

    def features(self, entry: Entry, trunk: nn.Module, images: Tensor) -> Tensor:
        """`forward_features` and `forward_head` up to the classifier."""
        from heldout.backbones.timm_stages import Encoder

        features: Tensor = Encoder(trunk)(images)
        return features

    def stages(self, entry: Entry, trunk: nn.Module) -> Stages:
        """By family; a family we do not know runs as one stage."""
        from heldout.backbones.timm_stages import stages_of

        return stages_of(trunk)


SOURCE = Timm()


def _names(entry: Entry) -> tuple[str, ...]:
    return (entry.file,) if entry.file and entry.file not in HUB_FILES else HUB_FILES


def _key(entry: Entry) -> tuple[str, int, str]:
    return entry.info.architecture, entry.classes, entry.measured


def _count(full: str, measured: str) -> tuple[int, float | None]:
    import timm

    from heldout.backbones.measure import measure

    height, _, width = measured.partition("x")
    with quiet():
        counted = measure(lambda: timm.create_model(full, pretrained=False), int(height), int(width))
    return counted.params or 0, counted.gflops


def _row(full: str, cfg: Any, default_tag: str) -> Entry:
    architecture, _, tag = full.partition(".")
    height, width = cfg.input_size[1:]
    hub = cfg.hf_hub_id or ""
    info = BackboneInfo(
        name=f"timm:{full}",
        source="timm",
        architecture=architecture,
        tag=tag,
        acc1=None,
        acc5=None,
        params=0,
        gflops=None,
        file_mb=None,
        input_size=max(height, width),
        mean=cfg.mean,
        std=cfg.std,
        interpolation=cfg.interpolation,
        licence=cfg.license or "",
        recipe=f"https://huggingface.co/{hub}" if hub else (cfg.origin_url or ""),
        computed=("params", "gflops", "file_mb"),
    )
    return Entry(
        info=info,
        default=tag == default_tag,
        file=cfg.hf_hub_filename or (HUB_FILES[0] if hub else (cfg.url or "").rsplit("/", 1)[-1]),
        hub=hub,
        url="" if hub else (cfg.url or ""),
        classes=cfg.num_classes,
        measured=f"{height}x{width}",
    )


def _full(entry: Entry) -> str:
    """The name by which timm knows architecture and tag."""
    return entry.info.architecture + (f".{entry.info.tag}" if entry.info.tag else "")


def _create(entry: Entry, image_size: int, weights: Path | None) -> nn.Module:
    import timm
    from timm.models import get_pretrained_cfg

    from heldout.backbones.weights import read_tensors

    full = _full(entry)
    cfg = get_pretrained_cfg(full)
    settings: dict[str, Any] = {"num_classes": entry.classes}
    if weights is not None:
        overlay = {"file": str(weights), "num_classes": entry.classes, "custom_load": weights.suffix == ".npz"}
        settings |= {"pretrained": True, "pretrained_cfg_overlay": overlay}
    if cfg is not None and cfg.fixed_input_size and image_size != cfg.input_size[1]:
        settings["img_size"] = image_size
    try:
        with quiet():
            model: nn.Module = timm.create_model(full, **settings)
    except RuntimeError as error:
        if weights is None:
            raise
        if weights.suffix != ".npz":
            read_tensors(weights)  # raises, in our words, if it is the file itself that cannot be read
        raise _unfit(entry, weights, error) from error
    return model


def _unfit(entry: Entry, weights: Path, error: RuntimeError) -> InputError:
    """What torch says: it lists every missing, unexpected and misshapen tensor, one a line after the first."""
    lines = [line.strip() for line in str(error).splitlines()]
    return InputError(
        [
            Problem(
                str(weights), line.rstrip("."), f"the tensors of {entry.info.architecture}", "Is it the right file?"
            )
            for line in (lines[1:] or lines)
        ],
        title=f"The weights do not fit {entry.info.name}",
    )
