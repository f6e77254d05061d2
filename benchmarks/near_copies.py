"""Changed copies: how many are found, by kind of change; how many pairs are false; how long it takes.

    python benchmarks/near_copies.py --data ../shared/data            # recall and false pairs on four sets
    python benchmarks/near_copies.py --data ../shared/data --time     # 20,000 images: quarters of the X-rays

**Recall.** Of each set 300 images (fewer where there are fewer) are changed at their full size, one kind of change at a
time, and put among 1,500 of the set's own images. A copy is found if it shows the picture of its original. Fill is
black, the edge's or mirrored, by chance. **False pairs** are looked for among all images of the set, without any made
copy: pairs under two patients (lesions), or under none where none is named. Those are written to a picture, and a
person decides whether they show one thing: several sets hold copies that nobody made here.

**Time** counts descriptors, search and verification, from thumbnails of 64 × 64 pixels that reading has left.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from heldout.images import read_pixels
from heldout.images.copies import find_copies, small_grey

Image_ = np.ndarray
AMONG, CHANGED, TIMED = 1500, 300, 20_000
FILLS = ("black", "edge", "reflect")


def symmetric(image: Image_, symmetry: int) -> Image_:
    """One of the eight symmetries of the square."""
    turned = np.rot90(image, symmetry % 4)
    return np.ascontiguousarray(turned[:, ::-1] if symmetry >= 4 else turned)


def moved(image: Image_, rng: np.random.Generator, degrees: float = 0.0, shift: float = 0.0) -> Image_:
    """Turned and shifted, the rim filled in one of three ways."""
    fill = FILLS[rng.integers(3)]
    height, width = image.shape[:2]
    by = tuple(rng.uniform(-shift, shift, 2) * (width, height))
    if fill == "black":
        return np.asarray(Image.fromarray(image).rotate(degrees, Image.Resampling.BICUBIC, translate=by))
    rim = height // 3
    wide = np.pad(image, ((rim, rim), (rim, rim), (0, 0))[: image.ndim], mode=fill)  # type: ignore[call-overload]
    whole = np.asarray(Image.fromarray(wide).rotate(degrees, Image.Resampling.BICUBIC, translate=by))
    return whole[rim : rim + height, rim : rim + width]


def cropped(image: Image_, rng: np.random.Generator, least: float) -> Image_:
    """A part of it, at least so much of each side, resized to the whole."""
    height, width = image.shape[:2]
    share = rng.uniform(least, 1)
    h, w = round(share * height), round(share * width)
    y, x = rng.integers(height - h + 1), rng.integers(width - w + 1)
    return np.asarray(Image.fromarray(image[y : y + h, x : x + w]).resize((width, height), Image.Resampling.BICUBIC))


def brightness(image: Image_, rng: np.random.Generator) -> Image_:
    """Up to 30 % brighter or darker."""
    return np.clip(image * rng.uniform(0.7, 1.3), 0, 255).astype(np.uint8)


def contrast(image: Image_, rng: np.random.Generator) -> Image_:
    """Up to 30 % more or less contrast."""
    middle = image.mean()
    return np.clip(middle + (image - middle) * rng.uniform(0.7, 1.3), 0, 255).astype(np.uint8)


def colour(image: Image_, rng: np.random.Generator) -> Image_:
    """Saturation, hue and the balance of channels; brightness of a grey image."""
    if image.ndim == 2:
        return brightness(image, rng)
    hsv = np.asarray(ImageEnhance.Color(Image.fromarray(image)).enhance(rng.uniform(0.6, 1.4)).convert("HSV")).copy()
    hsv[..., 0] = (hsv[..., 0].astype(int) + int(rng.uniform(-18, 18))) % 256
    balanced = np.asarray(Image.fromarray(hsv, "HSV").convert("RGB")) * rng.uniform(0.85, 1.15, 3)
    return np.clip(balanced, 0, 255).astype(np.uint8)


def jpeg(image: Image_, rng: np.random.Generator) -> Image_:
    """Saved as JPEG at a quality of 30 to 94."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=int(rng.integers(30, 95)))
    return np.asarray(Image.open(buffer))


def resized(image: Image_, rng: np.random.Generator) -> Image_:
    """0.4 to 2 times as large, each side by itself."""
    size = (round(image.shape[1] * rng.uniform(0.4, 2)), round(image.shape[0] * rng.uniform(0.4, 2)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def several(image: Image_, rng: np.random.Generator) -> Image_:
    """A symmetry, then each other change by half a chance."""
    image = symmetric(image, int(rng.integers(8)))
    for change in (
        lambda one: moved(one, rng, rng.uniform(-10, 10), 0.05),
        lambda one: cropped(one, rng, 0.85),
        lambda one: brightness(one, rng),
        lambda one: contrast(one, rng),
        lambda one: colour(one, rng),
        lambda one: jpeg(one, rng),
    ):
        if rng.random() < 0.5:
            image = change(image)
    return image


KINDS: dict[str, Callable[[Image_, np.random.Generator], Image_]] = {
    "mirrored": lambda image, rng: symmetric(image, (4, 6)[rng.integers(2)]),
    "turned by 90, 180, 270°": lambda image, rng: symmetric(image, int(rng.integers(1, 4))),
    "mirrored and turned": lambda image, rng: symmetric(image, (5, 7)[rng.integers(2)]),
    "shifted ≤ 5 %": lambda image, rng: moved(image, rng, shift=0.05),
    "turned ≤ 10°": lambda image, rng: moved(image, rng, rng.uniform(-10, 10)),
    "cropped to 85-100 %": lambda image, rng: cropped(image, rng, 0.85),
    "cropped to 80-100 %": lambda image, rng: cropped(image, rng, 0.80),
    "brightness ± 30 %": brightness,
    "contrast ± 30 %": contrast,
    "colour": colour,
    "JPEG, quality 30-95": jpeg,
    "resized × 0.4-2": resized,
    "several, each by half a chance": several,
}


def sets(folder: Path) -> dict[str, tuple[list[Image_], list[str]]]:
    """Name -> images, and patient (lesion) of each."""
    found = {}
    files = sorted((folder / "kermany224").glob("*/*/*.jpeg"))
    key = re.compile(r"(person\d+_(?:bacteria|virus)|(?:NORMAL2-)?IM-\d+)")
    of = [match.group(1) if (match := key.match(file.name)) else file.name for file in files]
    found["kermany224"] = [grey(read_pixels(file)) for file in files], of
    for name in ("wbc_two_labs", "ham_vienna"):
        with (folder / name / "manifest.csv").open(encoding="utf-8") as table:
            rows = list(csv.DictReader(table))
        found[name] = (
            [read_pixels(folder / name / row["path"]) for row in rows],
            [row.get("patient", "") for row in rows],
        )
    arrays = [np.load(folder / "mhsma64" / f"x_64_{part}.npy") for part in ("train", "valid", "test")]
    found["mhsma64"] = list(np.concatenate(arrays)), [""] * sum(map(len, arrays))
    return found


def grey(image: Image_) -> Image_:
    """One channel."""
    return image if image.ndim == 2 else np.asarray(Image.fromarray(image).convert("L"))


def small(images: list[Image_]) -> Image_:
    """Thumbnails, (n, 64, 64)."""
    return np.stack([small_grey(image) for image in images])


def recall(images: list[Image_], kind: str) -> float:
    """Share of made copies that show the picture of their original."""
    rng = np.random.default_rng(1)
    rows = rng.permutation(len(images))
    among, chosen = rows[:AMONG], rows[: min(CHANGED, len(rows))]
    copies = [KINDS[kind](images[row], rng) for row in chosen]
    pictures = find_copies(np.concatenate([small([images[row] for row in among]), small(copies)])).pictures(
        len(among) + len(copies)
    )
    return float(np.mean(pictures[: len(chosen)] == pictures[len(among) :]))


def show_pairs(images: list[Image_], pairs: list[tuple[int, int, str]], file: Path) -> None:
    """The pairs, side by side, for a person to judge."""
    sheet = Image.new("RGB", (8 * 100, 100 * max(1, -(-len(pairs) // 4))), "white")
    for number, pair in enumerate(pairs):
        for side, row in enumerate(pair[:2]):
            tile = Image.fromarray(images[row]).convert("RGB").resize((96, 96))
            sheet.paste(tile, (number % 4 * 200 + side * 98, number // 4 * 100))
    sheet.save(file)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("near-copies"))
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--sets", default="kermany224,wbc_two_labs,mhsma64,ham_vienna")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.time:
        files = sorted((given.data / "kermany224").glob("*/*/*.jpeg"))
        whole = [grey(read_pixels(file)) for file in files]
        quarters = [one[y : y + 112, x : x + 112] for y in (0, 112) for x in (0, 112) for one in whole][:TIMED]
        thumbnails, start, used = small(quarters), time.perf_counter(), time.process_time()
        pairs = find_copies(thumbnails)
        seconds, processor = time.perf_counter() - start, time.process_time() - used
        print(f"{len(quarters):,} images: {seconds:.1f} s ({processor:.1f} s of processors), {os.cpu_count()} cores,")
        print(f"load {os.getloadavg()[0]:.1f}; {len(pairs)} pairs")
        return
    for name, (images, of) in sets(given.data).items():
        if name not in given.sets.split(","):
            continue
        found = find_copies(small(images))
        rows = zip(found.first.tolist(), found.second.tolist(), found.change, strict=True)
        pairs = [(a, b, how) for a, b, how in rows if of[a] != of[b] or not of[a]]
        show_pairs(images, pairs, given.out / f"{name}.png")
        print(f"{name}: {len(images):,} images, {len(pairs)} pairs under two names or none", flush=True)
        for kind in KINDS:
            print(f"  {kind:32} {recall(images, kind):.3f}", flush=True)


if __name__ == "__main__":
    main()
