"""Fetching weights files, whole or not at all."""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.request
from pathlib import Path

from heldout.backbones.source import DownloadError
from heldout.backbones.table import Entry
from heldout.files import whole

HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,})\.[a-z]+$")
"""torch.hub's file names end in the first hexadecimal digits of the file's SHA-256."""

SECONDS = 30
"""A server that does not answer for so long is taken for unreachable."""


def download(entry: Entry, target: Path) -> Path:
    """Fetch `entry.url` to `target`, whole or not at all, its hash checked where the file name carries one.

    Raises:
        DownloadError: No network, or the file that arrived is another one.
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
                raise DownloadError(f"found a file with SHA-256 {digest.hexdigest()[:16]}…; expected {expected}…")
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise DownloadError(str(getattr(error, "reason", error)) or type(error).__name__) from error
    return target


def download_from_hub(entry: Entry, names: tuple[str, ...]) -> Path:
    """Fetch the first of some files that the hub repository has, into the hub's own cache.

    Raises:
        DownloadError: No network, or none of the files is there.
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
    raise DownloadError(reason.rstrip("."))


def hash_in(file_name: str) -> str:
    """The hexadecimal digits of SHA-256 that a file name ends in, or empty."""
    match = HASH_IN_NAME.search(file_name)
    return match.group(1) if match else ""
