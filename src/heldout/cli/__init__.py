"""The command line: one command a file, found by the shelf; `app.py` puts them together."""

from heldout.cli.app import ExitStatus, entry, main

__all__ = ["ExitStatus", "entry", "main"]
