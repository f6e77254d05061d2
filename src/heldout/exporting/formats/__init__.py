"""Formats of exported files: one a file, chosen by the ending of the file's name."""

from heldout.exporting.format import Format
from heldout.registry import Shelf

formats: Shelf[Format] = Shelf("heldout.exporting.formats", "FORMAT", "export format", "heldout.exporting")
