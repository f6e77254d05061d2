"""Reading weights without unpickling code, fitting them to an architecture, fetching them where they are not here."""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from heldout.backbones._table import Entry
from heldout.errors import HeldoutError, InputError, Problem
from heldout.files import whole

if TYPE_CHECKING:
    from torch import Tensor, nn

WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Keys under which training scripts put the state dict into a checkpoint; averaged weights first, as timm prefers."""

HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,})\.[a-z]+$")
"""torch.hub's file names end in the first hexadecimal digits of the file's SHA-256."""

SECONDS = 30
"""A server that does not answer for so long is taken for unreachable."""


def missing_weights(entry: Entry, reason: str) -> HeldoutError:
    """The error for weights that are not here and cannot be fetched."""
    from heldout.backbones._catalogue import source_of

    info = entry.info
    place = source_of(info).stored(entry)
    origin = entry.url or (f"{entry.file} of the model-hub repository {entry.hub}" if entry.hub else "its publisher")
    short = info.name if info.source == "file" else info.name.partition(":")[2]
    return HeldoutError(
        f"The weights {info.name} are not on this machine and could not be downloaded: {reason}.\n"
        f"Expected: the file {entry.file or place}, from {origin}.\n"
        f"Fetch it on a machine with a network, then run `heldout weights add {short} FILE`"
        + (f", or put it at {place}." if place else ".")
    )


def download(entry: Entry, target: Path) -> Path:
    """Fetch `entry.url` to `target`, whole or not at all, its hash checked where the file name carries one.

    Raises:
        HeldoutError: No network, or the file that arrived is another one.
    """
    digest = hashlib.sha256()
    expected = hash_in(entry.file)
    try:
        with whole(target) as temporary:
            with urllib.request.urlopen(entry.url, timeout=SECONDS) as answer, temporary.open("wb") as file:
                while block := answer.read(1 << 20):
                    digest.update(block)
                    file.write(block)
            if not digest.hexdigest().startswith(expected):
                raise missing_weights(
                    entry, f"found a file with SHA-256 {digest.hexdigest()[:16]}…; expected {expected}…"
                )
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise missing_weights(entry, str(getattr(error, "reason", error)) or type(error).__name__) from error
    return target


def download_from_hub(entry: Entry, names: tuple[str, ...]) -> Path:
    """Fetch the first of some files that the hub repository has, into the hub's own cache.

    Raises:
        HeldoutError: No network, or none of the files is there.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    reason = "none of " + ", ".join(names) + " is there"
    for name in names:
        try:
            return Path(hf_hub_download(entry.hub, name, etag_timeout=SECONDS))
        except LocalEntryNotFoundError as error:
            reason = str(error).partition("\n")[0]
            break
        except EntryNotFoundError:
            continue
        except Exception as error:  # the hub's client raises what its HTTP library raises
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            break
    raise missing_weights(entry, reason.rstrip("."))


def hash_in(file_name: str) -> str:
    """The hexadecimal digits of SHA-256 that a file name ends in, or empty."""
    match = HASH_IN_NAME.search(file_name)
    return match.group(1) if match else ""


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` or `.pth` file; nothing in it is ever run.

    Raises:
        InputError: The file cannot be read, holds code, or holds no state dict.
    """
    import torch
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader raises whatever its many formats stumble over: struct.error, EOFError …
        raise _unreadable(file, _what_stopped(error)) from error
    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise _unreadable(file, "something other than named tensors")
    # DataParallel puts `module.` in front of every name.
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}


def _what_stopped(error: Exception) -> str:
    """Torch's own text goes on to advise the very thing that must not be done: unpickling the file nevertheless."""
    said = re.sub(r"\x1b\[\d+m", "", str(error))
    if re.search(r"unsupported (?:global|class|operand)", said, re.IGNORECASE):
        names = re.search(r"(?:GLOBAL:?|class|globals:) ([\w.]*\w)", said)
        return "Python objects besides tensors" + (f" ({names.group(1)})" if names else "") + ", which can run code"
    first = said.partition("\n")[0].partition(". ")[0][:120].rstrip(".")
    return f"a file that is damaged, cut off or no weights ({first or type(error).__name__})"


def _unreadable(file: Path, found: str) -> InputError:
    return InputError(
        [
            Problem(
                str(file),
                found,
                "a state dict: named tensors, in .safetensors or in a .pth that holds no code",
                "Save it with safetensors.torch.save_file(model.state_dict(), FILE).",
            )
        ],
        title="The weights cannot be read",
    )


def load_strictly(model: nn.Module, tensors: dict[str, Tensor], file: Path, name: str) -> None:
    """Put tensors into a model whose names and shapes must be theirs exactly.

    Raises:
        InputError: Names that are missing or unexpected and shapes that differ, all at once.
    """
    own = model.state_dict()
    problems = [
        Problem(str(file), f"no tensor {key}", f"one of shape {tuple(own[key].shape)}", _OTHER)
        for key in own.keys() - tensors.keys()
        # Old checkpoints lack the counter of batches, which nothing in eval mode reads.
        if not key.endswith("num_batches_tracked")
    ]
    problems += [
        Problem(str(file), f"a tensor {key} of shape {tuple(tensors[key].shape)}", "none of that name", _OTHER)
        for key in tensors.keys() - own.keys()
    ]
    problems += [
        Problem(str(file), f"{key} of shape {tuple(tensors[key].shape)}", f"shape {tuple(own[key].shape)}", _OTHER)
        for key in own.keys() & tensors.keys()
        if own[key].shape != tensors[key].shape
    ]
    if problems:
        problems.sort(key=str)
        raise InputError(problems, title=f"The weights do not fit {name}")
    model.load_state_dict(tensors, strict=False)


_OTHER = "These are weights of another architecture, or were saved under other names."
