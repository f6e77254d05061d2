"""`hf:ORG/NAME`: an image data set of the Hugging Face hub, written to the cache as a folder of the original files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from heldout.claims import claim_of, hold
from heldout.data.entries import Draft, Reader, split_named
from heldout.data.readers.folder import FolderReader
from heldout.errors import HeldoutError, InputError, Problem, UsageError
from heldout.files import cache_folder, whole_folder
from heldout.images import IMAGE_SUFFIXES
from heldout.optional import require
from heldout.progress import Reporter

PREFIX = "hf:"

SIGNATURES = (
    (b"\x89PNG", ".png"),
    (b"\xff\xd8", ".jpg"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
    (b"GIF8", ".gif"),
    (b"RIFF", ".webp"),
)
"""First bytes of the image formats -> their usual ending."""


class HubReader(Reader):
    """A data set with one column of images and one of class labels.

    The files are written byte for byte, as `<split>/<class>/<number>-<name>`, to `hf/` of our cache folder, once; then
    they are read as any folder. Delete that folder to fetch the data set anew. Needs the extra `heldout[hf]`.
    """

    name: ClassVar[str] = "hf"
    title: ClassVar[str] = "hf:ORG/NAME, an image data set of the Hugging Face hub"

    def accepts(self, data: str) -> bool:
        """Text that begins with `hf:`."""
        return data.startswith(PREFIX)

    def read(self, data: str, reporter: Reporter) -> Draft:
        """Fetch the data set unless it is here, and name its files.

        Raises:
            UsageError: Not of the form `hf:ORG/NAME`.
            HeldoutError: It cannot be fetched, or the extra is missing.
            InputError: It has not one column of images and one of labels, or splits of unknown names.
        """
        name = data.removeprefix(PREFIX)
        if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", name):
            raise UsageError(f"Found '{data}'; expected hf:ORG/NAME, as the hub's page of the data set is called.")
        folder = cache_folder() / "hf" / name.replace("/", "--")
        if not folder.is_dir():
            with hold(claim_of(folder)):
                if not folder.is_dir():  # another process may just have fetched it
                    _fetch(name, folder, reporter)
        return FolderReader().read(str(folder), reporter)


def _fetch(name: str, folder: Path, reporter: Reporter) -> None:
    package = require("datasets", "hf")
    try:
        loaded = package.load_dataset(name)
    except Exception as error:  # no network, no such set, needs a login: many kinds, one meaning
        raise HeldoutError(
            f"Found no data set '{name}' here, and it could not be fetched ({type(error).__name__}: "
            f"{str(error)[:200]}). Expected the name of a public image data set and a way to the hub; or put its "
            f"images into {folder}/<split>/<class>/ yourself."
        ) from error
    parts = dict(loaded.items()) if hasattr(loaded, "items") else {"train": loaded}
    images, labels = _columns(name, next(iter(parts.values())).features, package)
    unknown = [part for part in parts if not split_named(part)]
    if unknown:
        raise InputError(
            [Problem(f"hf:{name}", f"the splits {', '.join(parts)}", "train, validation and test only", _BY_HAND)]
        )
    _refuse_unlabelled(name, parts, labels)
    with whole_folder(folder) as temporary:
        for part, rows in parts.items():
            raw = rows.cast_column(images, package.Image(decode=False))
            names = getattr(rows.features[labels], "names", None)
            _write(raw, temporary / split_named(part), images, labels, names, reporter)


_BY_HAND = "Save the images you want as a folder train|val|test/<class>/image, and give that."


def _columns(name: str, features: Any, package: Any) -> tuple[str, str]:
    """The column of images and the column of labels."""
    images = [column for column, kind in features.items() if isinstance(kind, package.Image)]
    labels = [column for column, kind in features.items() if isinstance(kind, package.ClassLabel)]
    labels = labels if labels else [column for column in features if column in ("label", "labels")]
    if len(images) == 1 and len(labels) == 1:
        return images[0], labels[0]
    found = f"{len(images)} columns of images ({', '.join(images) or 'none'}) and {len(labels)} of class labels"
    raise InputError(
        [
            Problem(
                f"hf:{name}",
                f"{found} ({', '.join(labels) or 'none'})",
                "one of each",
                _BY_HAND,
            )
        ]
    )


def _refuse_unlabelled(name: str, parts: Mapping[str, Any], labels: str) -> None:
    """A class label of −1 stands for none: competitions publish their test images so."""
    problems = []
    for part, rows in parts.items():
        without = sum(1 for label in rows[labels] if label is None or (isinstance(label, int) and label < 0))
        if without:
            problems.append(
                Problem(
                    f"hf:{name}, {part}",
                    f"{without} of {len(rows)} images without a label",
                    "a class for every image",
                    _BY_HAND,
                )
            )
    if problems:
        raise InputError(problems)


def _write(rows: Any, folder: Path, images: str, labels: str, names: Sequence[str] | None, reporter: Reporter) -> None:
    """Every image as the file it was: nothing is decoded, so nothing is lost."""
    reporter.begin(f"Fetching {folder.name}", len(rows))
    for number, row in enumerate(rows):
        image, label = row[images], row[labels]
        content: bytes = image["bytes"] if image.get("bytes") is not None else Path(image["path"]).read_bytes()
        class_name = str(label) if names is None else names[int(label)]
        place = folder / re.sub(r'[/\\:*?"<>|]', "_", class_name)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06d}-{_file_name(image.get('path'), content)}").write_bytes(content)
        reporter.step()
    reporter.end()


def _file_name(path: str | None, content: bytes) -> str:
    """The file's own name, which may carry the patient; with an ending that tells it is an image."""
    name = Path(path).name if path else "image"
    if Path(name).suffix.lower() in IMAGE_SUFFIXES:
        return name
    return name + next((ending for start, ending in SIGNATURES if content.startswith(start)), ".png")


READER = HubReader()
