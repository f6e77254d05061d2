"""Whether the libraries that are installed are those that the catalogue was made from."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from heldout.backbones.sources import by_rank
from heldout.backbones.table import table


def installed_versions() -> dict[str, str]:
    """Versions of the libraries that sources name; those that are not installed are left out."""
    found = {}
    for source in by_rank():
        if not source.library:
            continue
        try:
            # A local label (+cpu, +cu124) says how it was built, not which weights it lists.
            found[source.library] = version(source.library).partition("+")[0]
        except PackageNotFoundError:
            continue
    return found


def version_note() -> str:
    """A sentence where the installed libraries are not those of the table, else empty."""
    installed = installed_versions()
    made = table().versions
    if all(made.get(name) == number for name, number in installed.items()):
        return ""
    different = [f"{name} {number} (table: {made.get(name, 'none')})" for name, number in installed.items()]
    return (
        f"The catalogue was made with other versions than those installed: {', '.join(different)}. "
        f"`heldout models --refresh` makes it anew."
    )
