"""Getting a repository's files from the model hub by its own client, and saying what to do where that fails."""

from __future__ import annotations

import os
from pathlib import Path

from heldout.backbones.caches import hub_folder
from heldout.backbones.hub.names import HubName
from heldout.backbones.hub.snapshots import DESCRIBING, INDEX, WEIGHTS, Snapshot, cached
from heldout.errors import HeldoutError

SECONDS = 30
"""A server that does not answer for so long is taken for unreachable."""

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
"""Endings of files of weights that Python unpickles."""


def offline() -> bool:
    """Whether the hub's client was told not to use the network."""
    said = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return said.upper() in ("1", "ON", "YES", "TRUE")


def obtained(name: HubName) -> Snapshot:
    """The commit that a name means, with the files that describe it.

    What is in the cache is taken as it is: a branch is asked for at the hub once, not again each time.

    Raises:
        HeldoutError: It cannot be had; says why and what to do.
    """
    here = cached(name.repository, name.revision)
    found = here or _described(name)
    if offline() or (here is not None and _complete(here)):
        return found
    for file in DESCRIBING:
        if not found.has(file) and not found.known_absent(file):
            _get(HubName(name.repository, found.commit), file)
    return found


def _complete(found: Snapshot) -> bool:
    """Whether nothing is missing that this package reads of a repository: then the hub is not asked."""
    described = found.has("preprocessor_config.json") or found.has("processor_config.json")
    return found.has("open_clip_config.json") or described or "architecture" in found.data("config.json")


def _described(name: HubName) -> Snapshot:
    """The commit of a name that is not in the cache, with its first file."""
    for file in ("config.json", "open_clip_config.json"):
        path = _get(name, file)
        if path is not None:
            return Snapshot(name.repository, path.parent.name, path.parent)
    raise HeldoutError(
        f"{name.repository} has no config.json that says of which architecture its weights are; if you know it, fetch "
        f"the file and name both: file:PATH@ARCHITECTURE."
    )


def fetch_weights(snapshot: Snapshot) -> Path:
    """The safetensors file of a commit, or the index of several, downloaded where it is not here.

    Raises:
        HeldoutError: It cannot be had, or there are only pickles.
    """
    name = HubName(snapshot.repository, snapshot.commit)
    if offline() and _pickles(snapshot):
        raise HeldoutError(_no_safetensors(snapshot))
    for file in WEIGHTS:
        path = _get(name, file)
        if path is None:
            continue
        for part in snapshot.parts(file):
            _get(name, part)
        if file == INDEX and snapshot.weights() is None:
            break
        return path
    raise HeldoutError(_no_safetensors(snapshot))


def _no_safetensors(snapshot: Snapshot) -> str:
    pickles = ", ".join(_pickles(snapshot))
    found = f"weights only as pickles ({pickles}), which can run code when they are read" if pickles else "none"
    return (
        f"{snapshot.repository} has no weights that are read here: found {found}; expected {' or '.join(WEIGHTS)}: "
        f"convert them once with safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'model.safetensors') "
        f"and run `heldout weights add hub:{snapshot.repository}@{snapshot.commit} model.safetensors`, or take another "
        f"repository that has them."
    )


def _pickles(snapshot: Snapshot) -> list[str]:
    return [file for file in _listed(snapshot) if file.endswith(PICKLES)]


def _listed(snapshot: Snapshot) -> list[str]:
    """Names of the repository's files, or of those in the cache where the hub cannot be asked."""
    here = [path.relative_to(snapshot.folder).as_posix() for path in snapshot.folder.rglob("*") if path.is_file()]
    if offline():
        return sorted(here)
    from huggingface_hub import HfApi

    try:
        return sorted(HfApi().list_repo_files(snapshot.repository, revision=snapshot.commit))
    except Exception:  # only to name the files in an error that is told anyway
        return sorted(here)


def _get(name: HubName, file: str) -> Path | None:
    """A file of a repository; None where it has no such file.

    Raises:
        HeldoutError: The repository cannot be reached.
    """
    if offline():
        here = cached(name.repository, name.revision)
        if here is None or not (here.has(file) or here.known_absent(file) or here.weights() is not None):
            raise HeldoutError(_not_here(name, "HF_HUB_OFFLINE is set"))
        return here.folder / file if here.has(file) else None
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub import errors as hub

    where = f"{constants.ENDPOINT}/{name.repository}"
    try:
        return Path(
            hf_hub_download(name.repository, file, revision=name.revision, cache_dir=hub_folder(), etag_timeout=SECONDS)
        )
    except hub.GatedRepoError as error:
        raise HeldoutError(
            f"{name.repository} is gated: accept its licence at {where} with your account, then log in on this machine "
            f"(`hf auth login`, formerly `huggingface-cli login`, or HF_TOKEN with a token of that account) and run "
            f"this again."
        ) from error
    except hub.RevisionNotFoundError as error:
        raise HeldoutError(
            f"{name.repository} has no revision '{name.revision}'; expected a branch, tag or commit listed at {where}."
        ) from error
    except (hub.RepositoryNotFoundError, hub.HFValidationError) as error:
        raise HeldoutError(
            f"The model hub has no repository {name.repository} that you may see: check the spelling at {where}, or "
            f"log in (`hf auth login`, or HF_TOKEN) if it is private."
        ) from error
    except hub.LocalEntryNotFoundError as error:
        raise HeldoutError(_not_here(name, "the hub cannot be reached")) from error
    except hub.EntryNotFoundError:
        return None
    except Exception as error:  # the hub's client raises what its HTTP library raises
        said = f"{type(error).__name__}: {error}".partition("\n")[0].rstrip(".")
        raise HeldoutError(_not_here(name, said)) from error


def _not_here(name: HubName, reason: str) -> str:
    folder = "models--" + name.repository.replace("/", "--")
    return (
        f"{name.repository} at '{name.revision}' is not whole in the hub's cache ({hub_folder()}) and {reason}: run "
        f"`hf download {name.repository} --revision {name.revision}` on a machine with a network and copy the folder "
        f"{folder} from its cache into this one."
    )
