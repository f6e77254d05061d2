"""What every decoder on the shelf does, whatever its format; a new one needs a sample in `making.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from heldout.images import IMAGE_SUFFIXES, ImageError, count_images, decode, is_image_file
from heldout.images.decoders import every_decoder
from tests.images.decoders.making import MAKERS, WITHOUT, sample

pytestmark = pytest.mark.filterwarnings("ignore")  # of libraries, about damaged files

TAKEN = ("uint8", "uint16", "int16", "int32", "float32")


def test_every_decoder_has_a_sample_a_title_and_a_manual_entry() -> None:
    own = {decoder.name for decoder in every_decoder()}
    assert {sample(name).decoder for name in MAKERS} == own - WITHOUT
    for decoder in every_decoder():
        assert decoder.title and (type(decoder).__doc__ or "").strip()
        assert decoder.suffixes and all(suffix.startswith(".") and suffix.islower() for suffix in decoder.suffixes)


def test_the_endings_of_images_are_those_of_the_decoders() -> None:
    assert {suffix for decoder in every_decoder() for suffix in decoder.suffixes} == IMAGE_SUFFIXES


@pytest.mark.parametrize("name", MAKERS)
def test_one_decoder_takes_a_file_by_its_first_bytes(name: str) -> None:
    head = sample(name).content[:4096]
    assert [decoder.name for decoder in every_decoder() if decoder.takes(head)] == [sample(name).decoder]


@pytest.mark.parametrize("name", MAKERS)
def test_pixels_come_out_as_they_went_in_whatever_the_file_is_called(name: str, tmp_path: Path) -> None:
    made, path = sample(name), tmp_path / "x"
    path.write_bytes(made.content)
    decoded = decode(path, row=made.row)
    if made.expected is not None:
        assert np.array_equal(decoded.pixels, made.expected)
    assert decoded.pixels.dtype.name in TAKEN and decoded.pixels.flags.c_contiguous
    assert decoded.bits == made.bits and count_images(path) == made.count
    meant = "channels" if made.decoder in ("czi", "lif") else "rgb"
    assert decoded.photometric == ("grey" if decoded.pixels.ndim == 2 else meant)


@pytest.mark.parametrize("name", MAKERS)
def test_a_file_cut_anywhere_gives_its_pixels_or_one_error(name: str, tmp_path: Path) -> None:
    made, path = sample(name), tmp_path / "x"
    path.write_bytes(made.content)
    whole = decode(path, row=made.row).pixels
    length = len(made.content)
    refused = 0
    for end in {*range(1, length, max(1, length // 23)), *range(length - 6, length)}:
        path.write_bytes(made.content[:end])
        try:
            assert np.array_equal(decode(path, row=made.row).pixels, whole), f"cut to {end} of {length} bytes"
        except ImageError as error:
            assert "--" not in error.remedy, "whoever reads one image has no option of a data set"
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("name", MAKERS)
def test_damage_gives_pixels_or_one_error_and_nothing_else(name: str, tmp_path: Path) -> None:
    made, path = sample(name), tmp_path / "x"
    rng = np.random.default_rng(7)
    outcomes = set()
    for number in range(30):
        content = bytearray(made.content)
        for at in rng.integers(0, min(len(content), (200, 1000, len(content))[number % 3]), 2):
            content[at] = rng.integers(0, 256)
        path.write_bytes(content)
        try:
            outcomes.add(decode(path, row=made.row).pixels.dtype.name in TAKEN)
        except ImageError as error:
            assert error.expected and error.remedy and "--" not in error.remedy
            outcomes.add("refused")
    assert outcomes <= {True, "refused"}


@pytest.mark.parametrize("name", ["gif", "dicom", "dicom, frames", "tiff of 16 bits", "nifti"])
def test_a_row_beyond_the_last_is_refused(name: str, tmp_path: Path) -> None:
    made, path = sample(name), tmp_path / "x"
    path.write_bytes(made.content)
    with pytest.raises(ImageError, match=f"row {made.count} of {made.count}"):
        decode(path, row=made.count)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "endless.png").symlink_to("/dev/zero")
    for name, found in (("pipe.png", "a pipe"), ("endless.png", "a device"), (".", "a folder"), ("no.png", "no such")):
        with pytest.raises(ImageError) as caught:
            decode(tmp_path / name)
        assert found in caught.value.found


def test_a_file_without_ending_is_an_image_if_it_is_dicom(tmp_path: Path) -> None:
    for name, content, expected in (
        ("IM000001", sample("dicom").content, True),
        ("1.2.840.113619.5", sample("dicom").content, True),
        ("notes", sample("png").content, False),
        ("x.txt", sample("dicom").content, False),
        ("x.DCM", b"", True),
        ("v.nii.gz", b"", True),
        ("table.csv.gz", b"", False),
    ):
        (tmp_path / name).write_bytes(content)
        assert is_image_file(tmp_path / name) is expected, name


def test_the_table_of_formats_is_that_of_the_shelf() -> None:
    script = Path(__file__).parents[3] / "scripts" / "make_format_table.py"
    result = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_threads_that_ask_first_find_all_decoders(tmp_path: Path) -> None:
    """A new process, whose shelf is empty: a thread must not meet it while another fills it."""
    paths = []
    for number, name in enumerate(("png", "bmp", "gif", "jpeg", "webp", "tiff") * 2):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(sample(name).content)
    code = (
        "import sys; from pathlib import Path; from concurrent.futures import ThreadPoolExecutor\n"
        "from heldout.images import decode\n"
        "with ThreadPoolExecutor(12) as pool: print(len(list(pool.map(decode, map(Path, sys.argv[1:])))))"
    )
    answer = subprocess.run([sys.executable, "-c", code, *map(str, paths)], capture_output=True, text=True, check=False)
    assert answer.stdout == "12\n", answer.stderr
