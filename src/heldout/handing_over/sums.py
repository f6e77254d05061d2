"""`SHA256SUMS` as `sha256sum -c` reads it: what a folder holds, and whether it still holds that."""

from __future__ import annotations

from pathlib import Path

from heldout.errors import InputError, Problem
from heldout.files import sha256_of

SUMS = "SHA256SUMS"

REMEDY = "Copy the folder again from where it was made, or call `heldout handover` again."


def sums_of(folder: Path, left_out: tuple[str, ...]) -> str:
    """A line a file: its SHA-256, two blanks, its path within the folder.

    Args:
        folder: The folder.
        left_out: Files that people complete, and so are not vouched for.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return "".join(f"{sha256_of(folder / name)}  {name}\n" for name in names if name not in (*left_out, SUMS))


def read_sums(folder: Path) -> dict[str, str]:
    """File -> SHA-256, as a folder's list says.

    Raises:
        InputError: There is no list, or a line is none.
    """
    file = folder / SUMS
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([Problem(str(file), str(error), "a list of checksums", REMEDY)]) from error
    found = {}
    for line in lines:
        sum_, _, name = line.partition("  ")
        path = Path(name)
        if len(sum_) != 64 or not name or path.is_absolute() or ".." in path.parts:
            raise InputError([Problem(str(file), f"the line '{line[:80]}'", "SHA-256, two blanks, a file", REMEDY)])
        found[name] = sum_
    return found


def check_sums(folder: Path) -> dict[str, str]:
    """See that every file that is listed is as it was written, and give the list.

    Raises:
        InputError: Files that were changed or are gone; all of them at once.
    """
    listed, problems = read_sums(folder), []
    for name, sum_ in listed.items():
        try:
            found = sha256_of(folder / name)
        except OSError as error:
            problems.append(Problem(str(folder / name), error.strerror or str(error), f"a file of {SUMS}", REMEDY))
            continue
        if found != sum_:
            problems.append(
                Problem(str(folder / name), f"SHA-256 {found[:12]}…", f"{sum_[:12]}…, as {SUMS} says", REMEDY)
            )
    if problems:
        raise InputError(problems, title="The folder is not as it was handed over")
    return listed
