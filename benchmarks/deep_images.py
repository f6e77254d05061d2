"""What images of more than 8 bits gain by a policy, and whether DICOM files learn as the same pixels in PNG do.

    OMP_NUM_THREADS=1 python benchmarks/deep_images.py microscopy OUT   # simulated: 16 bits, signal in the lower ones
    OMP_NUM_THREADS=1 python benchmarks/deep_images.py dicom OUT [--images FOLDER]
    OMP_NUM_THREADS=1 python benchmarks/deep_images.py store            # which type the squares should have

`microscopy` gives cells of `phantom:cells` to a camera of 12 bits whose files hold 16: dark current, a signal of some
hundred values, and the noise of counting electrons. The same values are then cut to 8 bits (the upper byte, as a
careless conversion does), or taken by a policy. `dicom` writes images as MONOCHROME1 and MONOCHROME2 of 12 bits, each
file with a scale, an offset and a window of its own, and as PNG; FOLDER holds `train|test/<class>/`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from heldout import backbones
from heldout.images import decode, fit_square
from heldout.phantoms import Counts, Phantom, simulate
from heldout.phantoms.worlds import worlds
from heldout.progress import Silent
from heldout.runs.folder import StudyFiles, read_study
from heldout.study import Study

MODEL, STRATEGY = "efficientnet_lite0", "frozen"
DARK, SIGNAL, ELECTRONS = 100.0, 900.0, 0.45
"""Dark current, values of the brightest pixel above it, and electrons a value: 12 bits hold 4095, 16 bits 65535."""

SEEDS, REPLICATES = 3, 2000


def camera(images: np.ndarray, seed: int) -> np.ndarray:
    """What a camera makes of 8-bit phantoms: (n, s, s) uint16, values from about 100 to 1000."""
    rng = np.random.default_rng(seed)
    electrons = images / 255.0 * SIGNAL * ELECTRONS
    values = DARK + rng.poisson(electrons) / ELECTRONS + rng.normal(0, 3, images.shape)
    return values.clip(0, 4095).round().astype(np.uint16)


def write_arrays(phantom: Phantom, pixels: np.ndarray, folder: Path) -> Path:
    """The founding layout with patients, for pixels in the place of a phantom's own."""
    lines = ["file,row,patient"]
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for label in phantom.classes:
            rows = np.flatnonzero((phantom.table["split"] == part) & (phantom.table["label"] == label))
            np.save(folder / part / f"{label}.npy", pixels[rows])
            names = phantom.table["patient"].iloc[rows]
            lines += [f"{part}/{label}.npy,{row},{name}" for row, name in enumerate(names)]
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    return folder


def correct_by_place(files: StudyFiles) -> Mapping[tuple[str, int], float]:
    """(file, row) of each test image -> share of the runs that are right; runs differ in the seed alone."""
    table = files.cohort.table.set_index("id")
    found: dict[tuple[str, int], float] = {}
    for run in files.runs:
        scored = run.predictions["test"]
        right = scored.logits.argmax(axis=1) == scored.labels
        for id_, value in zip(scored.ids, right, strict=True):
            place = (Path(str(table.loc[id_, "source"])).with_suffix("").as_posix(), int(table.loc[id_, "row"]))
            found[place] = found.get(place, 0.0) + float(value) / len(files.runs)
    return found


def difference(a: StudyFiles, b: StudyFiles, patients: Mapping[tuple[str, int], str]) -> tuple[float, float, float]:
    """Points of `a` minus `b` on the same test images, with an interval by a bootstrap of patients."""
    first, second = correct_by_place(a), correct_by_place(b)
    assert first.keys() == second.keys()
    names = sorted({patients[place] for place in first})
    sums = {name: [0.0, 0] for name in names}
    for place in first:
        entry = sums[patients[place]]
        entry[0] += first[place] - second[place]
        entry[1] += 1
    table = np.array([sums[name] for name in names])
    rng = np.random.default_rng(0)
    drawn = table[rng.integers(0, len(table), (REPLICATES, len(table)))].sum(axis=1)
    low, high = np.percentile(100 * drawn[:, 0] / drawn[:, 1], (2.5, 97.5))
    return 100 * float(table[:, 0].sum() / table[:, 1].sum()), float(low), float(high)


def accuracy(files: StudyFiles) -> str:
    """Mean test accuracy over the seeds, and that of each."""
    each = [
        100 * float((run.predictions["test"].logits.argmax(axis=1) == run.predictions["test"].labels).mean())
        for run in files.runs
    ]
    return f"{np.mean(each):5.1f} % (seeds: {', '.join(f'{value:.1f}' for value in each)})"


def train(data: Path, out: Path, **options: Any) -> StudyFiles:
    """A frozen Lite0 with every seed."""
    Study(data, [MODEL], [STRATEGY], out, seeds=SEEDS, image_size=96, reporter=Silent(), **options).run()
    return read_study(out)


def patients_of(files: StudyFiles) -> dict[tuple[str, int], str]:
    """(file, row) -> patient."""
    table = files.cohort.table
    places = [Path(source).with_suffix("").as_posix() for source in table["source"]]
    return dict(zip(zip(places, table["row"].astype(int), strict=True), table["patient"], strict=True))


def microscopy(out: Path, train_images: int, test_images: int) -> None:
    """Accuracies by way of conversion, and what the policy saves."""
    counts = Counts(train=train_images, val=0, test=test_images, train_patients=40, val_patients=0, test_patients=30)
    phantom = simulate(worlds.get("cells"), 1, counts)
    deep = camera(phantom.images, 7)
    low, high = np.percentile(deep, (0.5, 99.5))
    print(f"{len(deep)} simulated images, values {deep.min()} … {deep.max()}, percentiles {low:g} and {high:g}")
    data = write_arrays(phantom, deep, out / "deep")
    cut = write_arrays(phantom, (deep >> 8).astype(np.uint8), out / "cut")
    chosen = "percentile:0.5,99.5"
    studies = {
        chosen: train(data, out / "study-percentile", intensity=chosen),
        "full-range": train(data, out / "study-full", intensity="full-range"),
        "per-image": train(data, out / "study-image", intensity="per-image"),
        "cut to the upper 8 bits": train(cut, out / "study-cut"),
    }
    train_rows = (phantom.table["split"] == "train").to_numpy()
    ends = np.percentile(deep[train_rows], (0.5, 99.5))
    rounded = np.rint(((deep - ends[0]) / (ends[1] - ends[0])).clip(0, 1) * 255).astype(np.uint8)
    eight = write_arrays(phantom, rounded, out / "rounded")
    studies[f"{chosen}, rounded to 8 bits"] = train(eight, out / "study-rounded")
    names = patients_of(studies[chosen])
    for name, files in studies.items():
        against = "" if name == chosen else "  {:+5.1f} [{:+.1f}, {:+.1f}] points saved by {}".format(
            *difference(studies[chosen], files, names), chosen
        )  # fmt: skip
        print(f"{name:42s} {accuracy(files)}{against}")


def write_dicom(path: Path, pixels: np.ndarray, number: int, patient: str) -> None:
    """One image as 12 bits, on a scale and with a window of its own; every other one inverted."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    rng = np.random.default_rng(number)
    low, wide = int(rng.integers(0, 400)), int(rng.integers(2600, 3600))
    inverted = number % 2 == 0
    values = np.rint(low + pixels / 255 * wide).astype(np.uint16)
    ends = (low, low + wide)
    if inverted:
        values, ends = 4095 - values, (4095 - ends[1], 4095 - ends[0])
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = pydicom.Dataset()
    file.file_meta = meta
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.Modality, file.PatientID, file.PatientName = "DX", patient, f"Somebody^{patient}"
    file.Rows, file.Columns = pixels.shape
    file.SamplesPerPixel, file.PixelRepresentation = 1, 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 12, 11
    file.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    file.WindowCenter, file.WindowWidth = (ends[0] + ends[1] + 1) / 2, ends[1] - ends[0] + 1
    file.PixelData = values.astype("<u2").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path, enforce_file_format=True)


def pictures(folder: Path | None, number: int) -> list[tuple[str, str, str, np.ndarray]]:
    """(part, class, patient, grey 8-bit pixels); a part of train is validation, so that both studies have one split."""
    if folder is None:
        phantom = simulate(worlds.get("cells"), 3, Counts.of(number, val=True))
        rows = zip(*(phantom.table[name] for name in ("split", "label", "patient")), phantom.images, strict=True)
        return [(str(part), str(label), str(patient), image) for part, label, patient, image in rows]
    found = []
    for part, share in (("train", 0.7), ("test", 0.3)):
        classes = sorted(path for path in (folder / part).iterdir() if path.is_dir())
        for place in classes:
            each = sorted(path for path in place.iterdir() if path.is_file())[: round(number * share / len(classes))]
            for count, path in enumerate(each):
                grey = np.asarray(Image.fromarray(decode(path).pixels).convert("L"))
                own = "val" if part == "train" and count % 5 == 0 else part
                found.append((own, place.name, f"{part} {path.stem}", grey))
    return found


def dicom(out: Path, folder: Path | None, number: int) -> None:
    """Accuracy on DICOM files by their windows, and on the same pixels as PNG."""
    given = pictures(folder, number)
    lines = ["path,label,split,patient"]
    for place, (part, label, patient, pixels) in enumerate(sorted(given, key=lambda one: one[:2])):
        write_dicom(out / "dicom" / part / label / f"{place:04}.dcm", pixels, place, patient)
        png = Path(part) / label / f"{place:04}.png"
        (out / "png" / png).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(out / "png" / png)
        lines.append(f"{png.as_posix()},{label},{part},{patient}")
    (out / "png" / "table.csv").write_text("\n".join(lines) + "\n")
    one = train(out / "dicom", out / "study-dicom", intensity="dicom-window")
    other = train(out / "png" / "table.csv", out / "study-png")
    print(f"{len(given)} images; DICOM: {sorted(set(one.cohort.table['bits']))} bits, patients from the files")
    print(f"DICOM by dicom-window  {accuracy(one)}")
    print(f"PNG, the same pixels   {accuracy(other)}")
    print("{:+.2f} [{:+.2f}, {:+.2f}] points between them".format(*difference(one, other, patients_of(other))))
    apart, largest = 0.0, 0.0
    for run, twin in zip(one.runs, other.runs, strict=True):
        places = [scores_by_place(files, item) for files, item in ((one, run), (other, twin))]
        first, second = (np.array([found[key] for key in sorted(found)]) for found in places)
        apart += float((first.argmax(axis=1) != second.argmax(axis=1)).mean()) / len(one.runs)
        largest = max(largest, float(np.abs(np.diff(first)[:, 0] - np.diff(second)[:, 0]).max()))
    print(f"{100 * apart:.2f} % of the test images are called otherwise; logits differ by at most {largest:.3f}")


def scores_by_place(files: StudyFiles, run: Any) -> dict[str, np.ndarray]:
    """File without its ending -> logits of the test image."""
    sources = files.cohort.table.set_index("id")["source"]
    scored = run.predictions["test"]
    return {
        Path(str(sources[id_])).with_suffix("").as_posix(): row
        for id_, row in zip(scored.ids, scored.logits, strict=True)
    }


def store() -> None:
    """How far features move by the type in which squares are kept, against float32."""
    network = backbones.build(backbones.resolve(MODEL), 2, 96, 0).eval()
    deep = camera(simulate(worlds.get("cells"), 2, Counts.of(64)).images, 3).astype(np.float32)
    low, high = np.percentile(deep, (0.5, 99.5))

    def features(pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network.features(torch.from_numpy(pixels[:, None].astype(np.float32))).numpy()

    for name, scale in ((f"mapped to {low:g} … {high:g}", (low, high)), ("full range of 16 bits", (0, 65535))):
        exact = ((deep - scale[0]) / (scale[1] - scale[0])).clip(0, 1)
        exact = np.stack([fit_square(image, 96) for image in exact])
        known = features(exact)
        spread = float(known.std(axis=0).mean())
        for kind, kept in (("uint8", np.rint(exact * 255) / 255), ("float16", exact.astype(np.float16))):
            off = features(kept) - known
            spread_off = 100 * float(np.sqrt((off**2).mean())) / spread
            largest = float(np.abs(off).max() / np.abs(known).max())
            said = f"{spread_off:.2f} % of their spread, at most {largest:.1e} of the largest"
            print(f"{name}, {kind}: features off by {said}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("microscopy")
    one.add_argument("out", type=Path)
    one.add_argument("--train", type=int, default=240)
    one.add_argument("--test", type=int, default=160)
    other = commands.add_parser("dicom")
    other.add_argument("out", type=Path)
    other.add_argument("--images", type=Path)
    other.add_argument("--number", type=int, default=400)
    commands.add_parser("store")
    given = parser.parse_args()
    if given.command == "microscopy":
        microscopy(given.out, given.train, given.test)
    elif given.command == "dicom":
        dicom(given.out, given.images, given.number)
    else:
        store()


if __name__ == "__main__":
    main()
