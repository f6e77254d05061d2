"""Files that hold images: one of every format, and data in every layout that a reader takes.

Images and arrays of every decoder come from `tests/images/decoders/making.py`, so a new decoder is fuzzed as soon as it
has a sample.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tests.images.decoders.making import DEEP, MAKERS, dicom, sample

from benchmarks.fuzz_kinds import Found, Kind, Rng
from heldout.data.examine.labels import asked_labels
from heldout.data.load import examine
from heldout.images import count_images, decode


def _pixels(rng: Rng, n: int, size: int = 24) -> np.ndarray:
    return rng.integers(0, 256, (n, size, size), dtype=np.uint8)


# ---- one image of every format ----

SURE_FORMATS = ("png", "nifti, compressed")
"""PNG holds a CRC of every chunk, gzip one of everything."""


def _image(name: str, folder: Path) -> None:
    (folder / "image").write_bytes(sample(name).content)


def _read_image(row: int, folder: Path) -> Found:
    path = folder / "image"
    image = decode(path, row=row)
    told = {**vars(image), "pixels": hashlib.sha256(image.pixels.tobytes()).hexdigest(), "about": dict(image.about)}
    return list(image.notes), (count_images(path), image.pixels.shape, str(image.pixels.dtype), told)


def image_kinds() -> list[Kind]:
    """A kind for each sample of a decoder."""
    return [
        Kind(
            f"image: {name}",
            f"image: {name}",
            partial(_image, name),
            "image",
            partial(_read_image, sample(name).row),
            name.startswith(SURE_FORMATS[0]) or name == SURE_FORMATS[1],
        )
        for name in MAKERS
    ]


# ---- data, in every layout that a reader takes ----


def _folder(ending: str, folder: Path) -> None:
    rng = np.random.default_rng(1)
    for part in ("train", "test"):
        for label in ("a", "b"):
            for number, pixels in enumerate(_pixels(rng, 2)):
                file = folder / part / label / f"{number}{ending}"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(file)


def _scans(folder: Path) -> None:
    rng = np.random.default_rng(5)
    for number in range(8):
        part, label = ("train", "test")[number // 4], "ab"[number % 2]
        file = folder / part / label / f"{number}.dcm"
        file.parent.mkdir(parents=True, exist_ok=True)
        window = {"WindowCenter": 2000, "WindowWidth": 3000}
        file.write_bytes(
            dicom(rng.integers(0, 4096, DEEP.shape, dtype=np.uint16), 12, PatientID=f"p{number // 2}", **window)
        )


def _npy(folder: Path) -> None:
    rng = np.random.default_rng(2)
    rows = []
    for part in ("train", "test"):
        for label in ("a", "b"):
            (folder / part).mkdir(exist_ok=True)
            np.save(folder / part / f"{label}.npy", _pixels(rng, 4))
            rows += [
                {"file": f"{part}/{label}.npy", "row": row, "patient": f"{part}{label}{row // 2}"} for row in range(4)
            ]
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)


def _npz(folder: Path) -> None:
    rng = np.random.default_rng(3)
    arrays = {f"{part}_images": _pixels(rng, 6) for part in ("train", "val", "test")}
    labels = {f"{part}_labels": np.arange(6) % 2 for part in ("train", "val", "test")}
    np.savez_compressed(folder / "set.npz", **arrays, **labels)


def _rows(folder: Path, labels: tuple[str, ...] = ("a", "b")) -> pd.DataFrame:
    rows = []
    for number, pixels in enumerate(_pixels(np.random.default_rng(4), 12)):
        Image.fromarray(pixels).save(folder / f"{number}.png")
        place = {"path": f"{number}.png", "label": labels[number % len(labels)], "patient": f"p{number // 2}"}
        rows.append({**place, "split": "test" if number > 7 else "train"})
    return pd.DataFrame(rows)


def _manifest(ending: str, folder: Path) -> None:
    table, file = _rows(folder), folder / f"set{ending}"
    table.to_csv(file, index=False) if ending == ".csv" else table.to_parquet(file, index=False)


def _several(folder: Path) -> None:
    _rows(folder, ("a", "a|b", "b", "c|a")).to_csv(folder / "set.csv", index=False)


def _one_hot(folder: Path) -> None:
    table = _rows(folder)
    hot = pd.DataFrame({name: (table["label"] == name).astype(int) for name in ("a", "b")})
    pd.concat([table.drop(columns="label"), hot], axis=1).to_csv(folder / "set.csv", index=False, sep=";")


def _tables(folder: Path) -> None:
    table = _rows(folder)
    for part, own in table.groupby("split"):
        own.drop(columns="split").to_csv(folder / f"{part}.csv", index=False)


def _zip(folder: Path) -> None:
    inside = folder / "inside"
    inside.mkdir()
    _folder(".png", inside)
    with zipfile.ZipFile(folder / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(inside.rglob("*.png")):
            archive.write(file, file.relative_to(inside))
    shutil.rmtree(inside)


SCANS = ". of DICOM files"
SEVERAL = "set.csv of several labels"


def read_data(name: str, folder: Path) -> Found:
    """What `heldout inspect` would say; a damaged pixel is another image, which only its id tells."""
    asked = asked_labels("several" if name == SEVERAL else None, "")
    intensity = "dicom-window" if name == SCANS else ""
    examined = examine(folder / name.partition(" ")[0], require_test=False, labels=asked, intensity=intensity)
    table, said = examined.cohort.table, [*map(str, examined.problems), *examined.cohort.notes]
    # Where an archive lies extracted hangs on its content, and tells nothing of what is in it.
    return [text for text in said if "is extracted in" not in text], table.sort_values("id").to_csv(index=False)


def data_kinds() -> list[Kind]:
    """A kind for each layout, and for each file that plays a part of its own in it."""

    def kind(name: str, make: Callable[[Path], object], pattern: str, data: str = "", sure: bool = False) -> Kind:
        return Kind(name, name.partition(",")[0], make, pattern, partial(read_data, data), sure)

    endings = (".png", ".jpg", ".tif", ".bmp")
    return [
        *(kind(f"folder of {end}", partial(_folder, end), f"*/*/*{end}", sure=end == ".png") for end in endings),
        kind("folder of .dcm", _scans, "*/*/*.dcm", SCANS),
        kind("arrays", _npy, "*/*.npy"),
        kind("arrays, metadata.csv", _npy, "metadata.csv"),
        kind("archive.npz", _npz, "set.npz", "set.npz"),
        kind("archive.zip", _zip, "set.zip", "set.zip"),
        kind("manifest.csv", partial(_manifest, ".csv"), "set.csv", "set.csv"),
        kind("manifest.parquet", partial(_manifest, ".parquet"), "set.parquet", "set.parquet"),
        kind("several labels", _several, "set.csv", SEVERAL),
        kind("one column a class", _one_hot, "set.csv", "set.csv"),
        kind("split tables", _tables, "*.csv"),
    ]
