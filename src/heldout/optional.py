"""Extras that are imported when they are needed, with an error that says how to get them."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from heldout.errors import HeldoutError


def require(module: str, extra: str) -> ModuleType:
    """Import a module of an optional dependency.

    Args:
        module: Dotted name of the module.
        extra: The extra of this package that installs it.

    Raises:
        HeldoutError: It is not installed; the text gives the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(module, extra) from error


def check(module: str, extra: str) -> None:
    """See that an optional dependency is installed, without importing it.

    Raises:
        HeldoutError: It is not; the text gives the command that installs it.
    """
    if importlib.util.find_spec(module) is None:
        raise _missing(module, extra)


def _missing(module: str, extra: str) -> HeldoutError:
    return HeldoutError(
        f"This needs the package '{module.partition('.')[0]}', which is not installed. "
        f"Install it with: pip install 'heldout[{extra}]'"
    )
