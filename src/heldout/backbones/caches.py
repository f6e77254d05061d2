"""Where torch, the model hub and this package keep weights on this machine; found without importing any of them."""

from __future__ import annotations

import os
from pathlib import Path

from heldout.files import cache_folder


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser()


def torch_hub_folder() -> Path:
    """The folder in which torch.hub keeps checkpoints: $TORCH_HOME/hub/checkpoints, as torch itself finds it."""
    return Path(os.environ.get("TORCH_HOME") or _cache() / "torch").expanduser() / "hub" / "checkpoints"


def torch_hub_file(name: str) -> Path | None:
    """A checkpoint in torch.hub's cache, if it is there."""
    path = torch_hub_folder() / name
    return path if name and path.is_file() else None


def hub_folder() -> Path:
    """The model hub's cache: $HF_HUB_CACHE, or $HF_HOME/hub, or `huggingface/hub` in the user's cache."""
    given = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("HF_HOME") or _cache() / "huggingface").expanduser() / "hub"


def hub_file(repository: str, names: tuple[str, ...]) -> Path | None:
    """The first of some files of a repository that is in the hub's cache, in the revision `main` points to."""
    folder = hub_folder() / ("models--" + repository.replace("/", "--"))
    reference = folder / "refs" / "main"
    if not repository or not reference.is_file():
        return None
    snapshot = folder / "snapshots" / reference.read_text().strip()
    return next((snapshot / name for name in names if (snapshot / name).is_file()), None)


def given_folder() -> Path:
    """Where `heldout weights add` keeps files that no library's own cache has a place for."""
    return cache_folder() / "weights"
