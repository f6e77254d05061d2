"""DATA, or the images of a table, at URLs: laid out in our cache as the readers know it (`remote.mirror`)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath

from heldout.data.entries import Layout, some
from heldout.data.readers.tables import TABLE_SUFFIXES, open_sheet
from heldout.errors import InputError, Problem
from heldout.files import cache_folder
from heldout.progress import Reporter
from heldout.remote.mirror import mirrored_files, mirrored_folder
from heldout.remote.urls import DATA, WEB, is_url, place_of, protocol_of

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".gz", ".npz", ".npy")

READ_AT_ONCE = (*TABLE_SUFFIXES, ".npy", ".npz", ".json")
"""Endings of what readers look into before any image is decoded; beside images everything else stays where it is."""

PEEK = 20
"""Rows of a table on this machine that are looked at for URLs before it is read to its end."""


def at_hand(data: str, layout: Layout, reporter: Reporter) -> tuple[str, Layout]:
    """A path for DATA and a layout without URLs; both as they are where they have none.

    Raises:
        InputError: Nothing is there, or it cannot be used; all problems at once.
        StoreError: The store cannot be reached, or refuses.
    """
    if is_url(layout.images):
        layout = replace(layout, images=str(mirrored_folder(layout.images, _lazily, reporter)))
    if not is_url(data):
        return data, _with_rows(data, "", layout, reporter)
    suffix = PurePosixPath(data).suffix.lower()
    if suffix in TABLE_SUFFIXES:
        mirrored_files([data], _never, reporter)
        path = _there(data)
        return path, _with_rows(path, data.rpartition("/")[0], layout, reporter)
    if suffix in ARCHIVE_SUFFIXES:
        mirrored_files([data], _never, reporter)
        return _there(data), layout
    if protocol_of(data) in WEB:
        expected = "a table (.csv, .tsv, .parquet), an archive (.zip, .tar) or an .npz file: no folder is listed there"
        raise InputError([Problem(data, "a place on the web that ends in none of these", expected, "Name a file.")])
    return str(mirrored_folder(data, _lazily, reporter)), layout


def _lazily(url: str) -> bool:
    return PurePosixPath(url).suffix.lower() not in READ_AT_ONCE


def _never(url: str) -> bool:
    return False


def _there(url: str) -> str:
    """The file that stands for an object.

    Raises:
        InputError: There is no such object.
    """
    place = place_of(url, DATA)
    if not place.is_file():
        raise InputError([Problem(url, "no such object", "a table, an archive or an array", "Correct the URL.")])
    return str(place)


def _with_rows(data: str, beside: str, layout: Layout, reporter: Reporter) -> Layout:
    """The layout with which the rows of a table lead to files, where they are, or lie, at URLs.

    Args:
        data: The table, here; or anything else.
        beside: URL of the table's folder; empty where the table lies here.
        layout: As far as it is known.
        reporter: Is told of what is fetched.

    Raises:
        InputError: Some rows are URLs and others are not.
    """
    path = Path(data)
    if path.suffix.lower() not in TABLE_SUFFIXES or not path.is_file():
        return layout
    sheet = open_sheet(path, most=None if beside else PEEK)
    if not beside and any(is_url(text) for _, cells in sheet.rows for text in cells.values()):
        sheet = open_sheet(path)
    column = layout.path_column.strip().lower() or "path"
    if column not in sheet.places:  # the reader says so, and proposes one
        return layout
    named = [cells[column] for _, cells in sheet.rows if cells[column]]
    urls = [name for name in named if is_url(name)]
    if urls and len(urls) < len(named):
        found = f"{len(urls):,} URLs and {len(named) - len(urls):,} other paths ({some(urls)})"
        raise InputError([Problem(sheet.name, found, "one or the other in all rows", "Correct the table.")])
    if urls:
        mirrored_files(urls, _lazily, reporter)
        return replace(layout, images=str(cache_folder() / DATA))
    if beside and not layout.images:
        _beside(named, beside, layout, reporter)
    return layout


def _beside(named: list[str], url: str, layout: Layout, reporter: Reporter) -> None:
    """Lay out what lies where a table does: all of it, or on the web, which lists nothing, what the rows name."""
    if protocol_of(url) in WEB:
        names = [os.path.normpath(name.replace("\\", "/")) for name in named]
        mirrored_files([f"{url}/{name}" for name in names], _lazily, reporter)
    else:
        mirrored_folder(url, _lazily, reporter)
