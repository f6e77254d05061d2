"""A list of images in a text file: part, class, file of arrays, row and patient of each."""

from pathlib import Path

from heldout.data.entries import Draft, Entry, Reader


class CellList(Reader):
    """A file `NAME.cells` with a line an image: `train dark train/dark.npy 17 p3`."""

    name = "cells"
    title = "a list of images (NAME.cells)"

    def accepts(self, data):
        """By the ending."""
        return data.endswith(".cells")

    def read(self, data, reporter):
        """A line an image."""
        place = Path(data).resolve()
        lines = [line.split() for line in place.read_text(encoding="utf-8").splitlines()]
        entries = tuple(
            Entry(file, label, part, row=int(row), patient=patient) for part, label, file, row, patient in lines
        )
        return Draft(place.stem, place.parent, entries)


READER = CellList()
