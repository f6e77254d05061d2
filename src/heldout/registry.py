"""The shelf on which plug-ins stand: one plug-in is one file in its package, with no edit elsewhere.

A shelf finds its plug-ins in two places: the modules of one package of ours, and the entry points of one group
(`heldout.strategies`, `heldout.readers`, …), through which another package adds its own. A module puts one object on
the shelf by binding it to the shelf's attribute, e.g. `STRATEGY = Frozen`.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from heldout.errors import HeldoutError, UsageError

T = TypeVar("T")

_faults: dict[tuple[str, str], str] = {}


@lru_cache(maxsize=1)
def _installed(path: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    """The entry points of all packages on a path of imports, by their group: read once, and not once a shelf."""
    found = entry_points()
    return {group: tuple(found.select(group=group)) for group in found.groups}


def faults() -> tuple[str, ...]:
    """A sentence for every plug-in that could not be imported so far."""
    return tuple(_faults.values())


@dataclass
class Shelf(Generic[T]):
    """The plug-ins of one kind, found when first asked for.

    Attributes:
        package: Package whose modules are the plug-ins.
        attribute: The module attribute that holds the plug-in.
        noun: What one plug-in is called in messages.
        group: Name of the entry-point group; None for that of the package.
    """

    package: str
    attribute: str
    noun: str
    group: str | None = None
    _found: dict[str, T] = field(default_factory=dict, repr=False)
    _files: dict[str, str] = field(default_factory=dict, repr=False)
    _broken: dict[str, str] = field(default_factory=dict, repr=False)

    def _put(self, plugin: T, name: str, file: str) -> None:
        if name in self._files and self._files[name] != file:
            raise HeldoutError(
                f"Two {self.noun} plug-ins are called '{name}': {self._files[name]} and {file}. "
                f"Expected one file a name; rename or uninstall one of them."
            )
        self._found[name] = plugin
        self._files[name] = file

    def _discover(self) -> dict[str, T]:
        if self._found:
            return self._found
        package = importlib.import_module(self.package)
        for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
            if info.name.startswith("_"):
                continue
            name = f"{self.package}.{info.name}"
            module = self._loaded(info.name, name, lambda name=name: importlib.import_module(name))  # type: ignore[misc]
            if module is not None and hasattr(module, self.attribute):
                plugin = getattr(module, self.attribute)
                self._put(plugin, plugin_name(plugin, info.name), str(module.__file__))
        for point in _installed(tuple(sys.path)).get(self.group or self.package, ()):
            plugin = self._loaded(point.name, f"{point.value} (entry point {point.name})", point.load)
            if plugin is not None:
                self._put(plugin, plugin_name(plugin, point.name), f"{point.value} (entry point {point.name})")
        return self._found

    def _loaded(self, name: str, where: str, load: Callable[[], Any]) -> Any | None:
        """What `load` gives; None where it raises, which is kept for `faults` and sinks no other plug-in."""
        try:
            return load()
        except (Exception, SystemExit) as error:
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            self._broken[plugin_name(None, name)] = f"The {self.noun} plug-in {where} cannot be imported ({text})"
            _faults[self.package, where] = (
                f"{self._broken[plugin_name(None, name)]}; everything else goes on without it. "
                f"Mend it, or uninstall its package."
            )
            return None

    def names(self) -> tuple[str, ...]:
        """All names on the shelf, in alphabetical order."""
        return tuple(sorted(self._discover()))

    def __iter__(self) -> Iterator[T]:
        return iter(self._discover()[name] for name in self.names())

    def get(self, name: str) -> T:
        """The plug-in of that name.

        Raises:
            UsageError: No such plug-in; the text names the nearest ones.
            HeldoutError: It cannot be imported.
        """
        found = self._discover()
        if name not in found and name in self._broken:
            raise HeldoutError(f"{self._broken[name]}. Mend it, or uninstall its package.")
        if name not in found:
            near = difflib.get_close_matches(name, found, n=3)
            hint = f"Did you mean {', '.join(near)}?" if near else f"There are: {', '.join(self.names())}."
            raise UsageError(f"Unknown {self.noun} '{name}'. {hint}")
        return found[name]


def plugin_name(plugin: object, module_name: str) -> str:
    """The name a plug-in goes by: its own `name`, or else the name of its module (`_` at the end dropped)."""
    name = getattr(plugin, "name", None)
    return name if isinstance(name, str) else module_name.rstrip("_").replace("_", "-")
