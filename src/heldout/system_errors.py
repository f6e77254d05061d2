"""What the system refused, in one sentence: disk full, no rights, not a file; for errors that libraries wrap, too."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from heldout.errors import HeldoutError
from heldout.processes import meant_by

NUMBER = re.compile(r"os error (\d+)|\[Errno (\d+)\]")
"""How safetensors (Rust) and Arrow (C++) name the system's error in the text of their own."""

KEPT = "what was finished is kept, and the same command goes on from there."

REASONS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", f"Free some space and call it again: {KEPT}"),
    errno.EDQUOT: ("your quota of the disk is used up", f"Free some space and call it again: {KEPT}"),
    errno.EFBIG: ("a file would be larger than this system allows", f"Raise the limit (ulimit -f): {KEPT}"),
    errno.EROFS: ("the disk is read-only", "Choose another place, or mount it for writing."),
    errno.EACCES: ("there is no right to do that", "Change the rights, or choose another place."),
    errno.EPERM: ("the system does not allow it", "Change the rights, or choose another place."),
    errno.ENOTDIR: ("a file stands where a folder is needed", "Choose another place, or move that file away."),
    errno.EEXIST: ("something stands there already", "Choose another place, or move it away."),
    errno.EISDIR: ("a folder stands where a file is needed", "Name a file."),
    errno.ENOENT: ("there is no such file or folder", "Check the path; another process may have removed it."),
    errno.ENAMETOOLONG: ("the name is too long for this system", "Choose a shorter one."),
    errno.EMFILE: ("too many files are open", "Raise the limit (ulimit -n)."),
    errno.ENFILE: ("too many files are open on this machine", "Wait, or close other programs."),
    errno.ENOMEM: ("the memory is not enough", "Use a smaller --image-size or --per-class, or a larger machine."),
    errno.EIO: ("the disk reports an error", f"Check the disk and call it again: {KEPT}"),
    errno.ESTALE: ("the network disk lost the file", f"Call it again: {KEPT}"),
    errno.ETIMEDOUT: ("the disk did not answer in time", f"Call it again: {KEPT}"),
    errno.ENXIO: ("it is a device or pipe that nobody serves", "Name a file."),
    errno.ELOOP: ("its links lead in a circle", "Name the file itself."),
    errno.ENODEV: ("the file system cannot do that", "Choose a place on another disk."),
    errno.ESPIPE: ("it is a pipe, not a file", "Name a file."),
}
"""The system's error -> what it means and what to do."""


def number_of(error: BaseException) -> int | None:
    """The system's number of an error, or of the one that led to it; None where the system is not the reason."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno is not None:
            return seen.errno
        if isinstance(seen, MemoryError):
            return errno.ENOMEM
        if found := NUMBER.search(str(seen)):
            return int(found.group(1) or found.group(2))
        seen = seen.__cause__
    return None


def told(error: BaseException) -> HeldoutError | None:
    """The error in a sentence of ours; None where the system is not the reason."""
    number = number_of(error)
    if number is None:
        return None
    if number == errno.EINVAL and isinstance(error, OSError) and error.strerror:
        reason, remedy = error.strerror, "Check the path."
    else:
        reason, remedy = REASONS.get(number, (os.strerror(number), "Check the place, then call it again."))
    name = getattr(error, "filename", None)
    if name in (None, "", -1):
        return HeldoutError(f"{reason[0].upper()}{reason[1:]}. {remedy}")
    place = Path(os.fsdecode(name)) if isinstance(name, str | bytes) else None
    meant = place.with_name(meant_by(place.name)) if place is not None and place.name else place
    if meant != place:  # a temporary file or a claim of ours: what it was to become is what a person knows
        return HeldoutError(f"{meant} cannot be written: {reason}. {remedy}")
    return HeldoutError(f"{name if place is None else place}: {reason}. {remedy}")


def is_forbidden(error: OSError) -> bool:
    """Whether something may only be read, here and by this person."""
    return error.errno in (errno.EROFS, errno.EACCES, errno.EPERM)
