"""A pretrained trunk cut into stages, with a new head: what every backbone looks like to the trainer."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from heldout.errors import HeldoutError


class Input(nn.Module):
    """Pixels to what the weights expect: three channels, normalised with the mean and std they were trained with.

    Takes uint8 in 0 … 255 or a floating-point tensor in 0 … 1, of shape (n, 1, h, w) or (n, 3, h, w); gives float32 of
    shape (n, 3, h, w). A grey image becomes three equal channels. Of a network that was adapted to k channels, the
    same with k in place of 3.

    Args:
        mean: Per channel, on the scale 0 … 1.
        std: Likewise.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, -1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 1 or 3, h, w) -> (n, 3, h, w), channels_last if it came so."""
        wide = self.mean.shape[1]
        if x.ndim != 4 or x.shape[1] not in (1, wide):
            raise HeldoutError(f"Found a batch of shape {tuple(x.shape)}; expected (n, c, h, w) with c = 1 or {wide}.")
        # One multiply and one add for the whole of /255, −mean, /std: memory traffic is what this stage costs.
        full = 255.0 if x.dtype == torch.uint8 else 1.0
        channels_last = x.is_contiguous(memory_format=torch.channels_last)
        y = torch.addcmul(-self.mean / self.std, x.float(), 1.0 / (full * self.std))  # (n, 3, h, w)
        return y.contiguous(memory_format=torch.channels_last) if channels_last else y


class Part(nn.Module):
    """Some of the children of a library's model, run by one of the model's own methods.

    A trunk cut into stages needs the head or the embedding of a model without the rest of it: this is a copy of the
    model's shell that shares the kept children and parameters, so nothing of the library is rewritten here.

    Args:
        model: The library's model; it is not changed.
        method: Name of the method that `forward` calls.
        keep: Names of the children that the method needs.
        parameters: Names of the model's own parameters (not its children's) that it needs.
        replace: Children to be put in the place of others, e.g. an empty `blocks`.
        flags: Arguments that are passed to the method by name.
    """

    def __init__(
        self,
        model: nn.Module,
        method: str,
        keep: Sequence[str],
        parameters: Sequence[str] = (),
        replace: Mapping[str, nn.Module] | None = None,
        flags: Mapping[str, bool] | None = None,
    ) -> None:
        super().__init__()
        shell = copy.copy(model)
        children = {name: child for name, child in model._modules.items() if name in keep or child is None}
        shell.__dict__["_modules"] = {**children, **(replace or {})}
        shell.__dict__["_parameters"] = {
            name: own for name, own in model._parameters.items() if name in parameters or own is None
        }
        shell.__dict__["_buffers"] = dict(model._buffers)
        self.part = shell
        self.method = method
        self.flags = dict(flags or {})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Whatever the method gives."""
        y: torch.Tensor = getattr(self.part, self.method)(x, **self.flags)
        return y


class Flat(nn.Module):
    """Features as one row an image: maps are averaged over their places, tokens over their number.

    Args:
        width: d where it is known: tells maps with the features last, (n, h, w, d), from those with them first.
    """

    def __init__(self, width: int | None = None) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, d), (n, d, h, w), (n, h, w, d) or (n, tokens, d) -> (n, d)."""
        if x.ndim == 4:
            last = self.width is not None and x.shape[1] != self.width == x.shape[3]
            return x.mean(dim=(1, 2) if last else (2, 3))
        return x.mean(dim=1) if x.ndim == 3 else x


class SideBySide(nn.Module):
    """Pooled features of several networks, joined.

    Args:
        members: Of each network what normalises its input, and what gives its features (n, d).
    """

    def __init__(self, members: Sequence[tuple[nn.Module, nn.Module]]) -> None:
        super().__init__()
        self.members = nn.ModuleList(nn.Sequential(entry, trunk) for entry, trunk in members)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) in 0 … 1 -> (n, Σ d)."""
        return torch.cat([member(x) for member in self.members], dim=1)


class Network(nn.Module):
    """A trunk in stages and a linear head.

    Attributes:
        stages: In the order in which they run; the first is `input`, the last gives pooled features (n, d).
        head: The new linear layer, d -> classes; a strategy may put another kind in its place.
        feature_size: d.

    Args:
        stages: Name -> module.
        feature_size: d.
        classes: Number of classes.
        seed: Seed of the head's weights, drawn as `nn.Linear` draws them; the global random state is left alone.
    """

    def __init__(self, stages: Mapping[str, nn.Module], feature_size: int, classes: int, seed: int) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(dict(stages))
        self.feature_size = feature_size
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head: nn.Module = nn.Linear(feature_size, classes)

    @property
    def stage_names(self) -> tuple[str, ...]:
        """Names of the stages in order."""
        return tuple(self.stages)

    def run_stages(self, x: torch.Tensor, first: int, last: int) -> torch.Tensor:
        """Run the stages with index first … last − 1, as a slice would take them.

        Args:
            x: What stage `first` takes: images for 0, else what stage `first` − 1 gave.
            first: Index of the first stage to run.
            last: Index after the last one; `len(stages)` for all.

        Returns:
            What stage `last` − 1 gives; `x` itself where `first` == `last`.
        """
        for stage in list(self.stages.values())[first:last]:
            x = stage(x)
        return x

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) -> pooled features (n, d)."""
        return self.run_stages(x, 0, len(self.stages))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) -> logits (n, classes)."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits


def weights_hash(network: Network) -> str:
    """First 16 hexadecimal digits of SHA-256 over the trunk's tensors: names, types, shapes and bytes; not the head."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.stages.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
