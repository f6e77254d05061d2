"""The command line: one command a file, found by the shelf; `_app.py` puts them together."""

from heldout.cli._app import ExitStatus, entry, main

__all__ = ["ExitStatus", "entry", "main"]
