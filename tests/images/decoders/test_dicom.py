"""DICOM: values of the device, brightness the right way round, windows, frames, columns; and pydicom's own files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_color_lut, apply_modality_lut
from pydicom.uid import JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1

from heldout.data.load import load
from heldout.errors import InputError
from heldout.images import ImageError, count_images, decode
from heldout.images.decoders import dicom as dicom_decoder
from tests.images.decoders.making import COLOUR, DEEP, GREY, Array, dicom

pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom's, about odd values in headers

TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"

REFUSED = {
    "JPEG2000-embedded-sequence-delimiter.dcm": "damaged",
    "MR_truncated.dcm": "less than expected",
    "SC_rgb_rle_32bit.dcm": "uint32",
    "SC_rgb_rle_32bit_2frame.dcm": "uint32",
    "badVR.dcm": "damaged",
    "ExplVR_BigEndNoMeta.dcm": "no image of these formats",
    "no_meta.dcm": "no image of these formats",
}
"""pydicom's files that have pixels, or might, and are refused -> the reason. All others without are told so."""


OWN = (JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1)
"""What pydicom reads with libraries only that are no dependencies here; tested by themselves below."""


def written(folder: Path, array: Array, bits: int = 0, **elements: Any) -> Path:
    path = folder / "x.dcm"
    path.write_bytes(dicom(array, bits, **elements))
    return path


def files() -> list[Path]:
    return sorted(path for path in TEST_FILES.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc"))


def by_pydicom(data: pydicom.Dataset, frame: int) -> Array:
    """What pydicom makes of a frame, with the transforms that it documents; MONOCHROME1 turned within the scale."""
    pixels = data.pixel_array
    pixels = pixels[frame] if int(data.get("NumberOfFrames") or 1) > 1 else pixels
    if data.PhotometricInterpretation == "PALETTE COLOR":
        return np.asarray(apply_color_lut(pixels, data) >> 8)
    if data.SamplesPerPixel == 3:
        return np.asarray(pixels)
    if data.BitsAllocated == 1:
        return np.asarray(pixels) * 255
    values = apply_modality_lut(pixels, data)
    if data.PhotometricInterpretation == "MONOCHROME1":
        ends = apply_modality_lut(np.array([0, 2**data.BitsStored - 1]), data)
        return np.asarray(ends.sum() - values)
    return np.asarray(values)


def test_every_file_of_pydicom_is_read_as_pydicom_reads_it_or_refused_with_its_reason() -> None:
    read = refused = 0
    for path in files():
        try:
            count = count_images(path)
            frames = {0, count - 1}
            decoded = [decode(path, row=frame if count > 1 else -1) for frame in sorted(frames)]
        except ImageError as error:
            reason = REFUSED.get(path.name, "")
            told = "without pixels" in error.found or "no image of these formats" in error.found
            assert reason in error.found if reason else told, f"{path.name}: {error.found}"
            refused += 1
            continue
        assert path.name not in REFUSED
        data = pydicom.dcmread(path, force=True)
        if data.file_meta.TransferSyntaxUID in OWN:
            continue
        for frame, one in zip(sorted(frames), decoded, strict=True):
            expected = by_pydicom(data, frame)
            found = one.pixels if one.pixels.ndim == expected.ndim else np.repeat(one.pixels[..., None], 3, axis=2)
            np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=path.name)
        read += 1
    assert read > 80 and refused > 70


def test_without_pixels_is_told_by_what_the_file_is() -> None:
    with pytest.raises(ImageError, match="RT Plan Storage"):
        decode(TEST_FILES / "rtplan.dcm")


def test_monochrome1_is_turned_and_so_is_its_window(tmp_path: Path) -> None:
    two = decode(written(tmp_path, DEEP, 12, WindowCenter=1000, WindowWidth=401))
    one = decode(
        written(tmp_path, 4095 - DEEP, 12, PhotometricInterpretation="MONOCHROME1", WindowCenter=3096, WindowWidth=401)
    )
    assert np.array_equal(one.pixels, two.pixels) and one.pixels.dtype == np.uint16
    assert two.window == (799.5, 1199.5) and one.window == two.window
    assert "MONOCHROME1" in one.notes[0] and not two.notes


def test_rescaled_values_are_those_of_the_device_in_a_type_by_the_header_alone(tmp_path: Path) -> None:
    decoded = decode(written(tmp_path, DEEP, 12, RescaleSlope=1, RescaleIntercept=-1024))
    assert np.array_equal(decoded.pixels, DEEP.astype(int) - 1024) and decoded.pixels.dtype == np.int16
    dark = decode(written(tmp_path, DEEP // 64, 12, RescaleSlope=1, RescaleIntercept=-1024))
    assert dark.pixels.dtype == np.int16
    half = decode(written(tmp_path, DEEP, 12, RescaleSlope=0.5, RescaleIntercept=3))
    assert half.pixels.dtype == np.float32 and np.array_equal(half.pixels, DEEP / np.float32(2) + 3)


def test_the_first_window_of_several_and_its_shapes(tmp_path: Path) -> None:
    assert decode(written(tmp_path, DEEP, 12, WindowCenter=[50, 9], WindowWidth=[101, 2])).window == (-0.5, 99.5)
    exact = written(tmp_path, DEEP, 12, WindowCenter=50, WindowWidth=100, VOILUTFunction="LINEAR_EXACT")
    assert decode(exact).window == (0, 100)
    assert decode(written(tmp_path, DEEP, 12)).window is None


def test_frames_of_an_enhanced_file_have_their_own_scale(tmp_path: Path) -> None:
    groups = []
    for slope in (2, 3):
        values, measures = pydicom.Dataset(), pydicom.Dataset()
        values.RescaleSlope, values.RescaleIntercept = slope, 0
        measures.PixelSpacing = [slope, 1]
        group = pydicom.Dataset()
        group.PixelValueTransformationSequence, group.PixelMeasuresSequence = [values], [measures]
        groups.append(group)
    path = written(tmp_path, np.stack([DEEP, DEEP]), 12, PerFrameFunctionalGroupsSequence=groups)
    for row, slope in enumerate((2, 3)):
        decoded = decode(path, row=row)
        assert np.array_equal(decoded.pixels, DEEP.astype(int) * slope) and decoded.spacing == (slope, 1)


@pytest.mark.parametrize("name", ["SC_rgb_rle_2frame.dcm", "examples_ybr_color.dcm", "rtdose.dcm", "made"])
def test_frames_of_a_large_file_are_read_one_by_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, np.stack([DEEP, DEEP + 1]), 16) if name == "made" else TEST_FILES / name
    last = count_images(path) - 1
    whole = decode(path, row=last).pixels
    monkeypatch.setattr(dicom_decoder, "IN_PARTS", 0)
    monkeypatch.setattr(pydicom, "dcmread", only_headers(pydicom.dcmread))
    assert np.array_equal(decode(path, row=last).pixels, whole)


def only_headers(read: Callable[..., pydicom.Dataset]) -> Callable[..., pydicom.Dataset]:
    def reading(*args: Any, **options: Any) -> pydicom.Dataset:
        assert options.get("stop_before_pixels")
        return read(*args, **options)

    return reading


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_jpeg_is_read_without_gdcm(bits: int, tmp_path: Path) -> None:
    values = GREY if bits == 8 else DEEP if bits == 12 else DEEP * np.uint16(16)
    compressed = imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=bits)
    path = written(tmp_path, values, bits, compressed=compressed)
    assert np.array_equal(decode(path).pixels, values)


def test_signed_lossless_jpeg_keeps_its_sign(tmp_path: Path) -> None:
    values = DEEP.astype(np.int16) - 2048
    compressed = imagecodecs.jpeg8_encode((values & 4095).astype(np.uint16), lossless=True, bitspersample=12)
    assert np.array_equal(decode(written(tmp_path, values, 12, compressed=compressed)).pixels, values)


def test_a_frame_of_jpeg_that_does_not_fit_its_header_is_refused(tmp_path: Path) -> None:
    whole = imagecodecs.jpeg8_encode(np.kron(GREY, np.ones((4, 4), np.uint8)), level=95)
    syntax = "1.2.840.10008.1.2.4.50"
    shape = np.zeros((80, 104), np.uint8)
    assert decode(written(tmp_path, shape, compressed=whole, syntax=syntax)).pixels.shape == (80, 104)
    cut = whole[: len(whole) // 2] + b"\xff\xd9"
    with pytest.raises(ImageError, match="do not fit its header"):
        decode(written(tmp_path, shape, compressed=cut, syntax=syntax))


def test_a_kind_that_is_not_read_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"a video"):
        decode(written(tmp_path, GREY, compressed=b"\0" * 8, syntax="1.2.840.10008.1.2.4.100"))
    with pytest.raises(ImageError, match="kind of DICOM that is not read"):
        decode(written(tmp_path, GREY, compressed=b"\0" * 8, syntax="1.2.840.10008.1.2.4.92"))


ABOUT: dict[str, Any] = {
    "PatientID": "4711-0815",
    "PatientName": "Doe^Jane",
    "PatientBirthDate": "19280203",
    "PatientAge": "095Y",
    "PatientSex": "F",
    "InstitutionName": "Hospital A",
    "StudyDate": "20200304",
    "Manufacturer": "Maker",
    "StationName": "ROOM3",
    "Modality": "DX",
    "BurnedInAnnotation": "YES",
}


def test_columns_tell_the_patient_apart_and_name_nobody(tmp_path: Path) -> None:
    decoded = decode(written(tmp_path, DEEP, 12, **ABOUT))
    about = dict(decoded.about)
    assert about.pop("patient") == dict(decode(written(tmp_path, DEEP + 1, 12, **ABOUT)).about)["patient"]
    assert about == {
        "site": "Hospital A",
        "year": "2020",
        "manufacturer": "Maker",
        "station": "ROOM3",
        "modality": "DX",
        "sex": "F",
        "age": "90+",
    }
    said = json.dumps([about, decoded.notes])
    assert not [secret for secret in ("4711", "Doe", "Jane", "1928", "0304", "95") if secret in said]
    assert "burnt into the picture" in decoded.notes[0]
    other = decode(written(tmp_path, DEEP, 12, **{**ABOUT, "PatientID": "4711-0816"}))
    assert other.about["patient"] != decoded.about["patient"]
    for nobody in ("", "ANONYMOUS", "Anonymized"):
        assert "patient" not in decode(written(tmp_path, DEEP, 12, **{**ABOUT, "PatientID": nobody})).about


def test_a_folder_of_dicom_becomes_a_cohort_with_patients_sites_and_frames(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for number in range(4):
        folder = tmp_path / ("ill", "well")[number % 2]
        folder.mkdir(exist_ok=True)
        image = rng.integers(0, 256, (12, 12), dtype=np.uint8)
        (folder / f"i{number}.dcm").write_bytes(dicom(image, **{**ABOUT, "PatientID": f"p{number}"}))
    frames = rng.integers(0, 256, (3, 12, 12), dtype=np.uint8)
    (tmp_path / "ill" / "IM0").write_bytes(dicom(frames))
    table = load(tmp_path).table
    assert len(table) == 7 and list(table[table["source"] == "ill/IM0"]["row"]) == [0, 1, 2]
    assert set(table[table["source"] == "ill/IM0"]["patient"]) == {"ill/IM0"}
    single = table[table["row"] < 0]
    assert single["patient"].nunique() == 4 and set(single["site"]) == {"Hospital A"}
    assert set(single["station"]) == {"ROOM3"} and "Doe" not in table.to_csv()
    notes = load(tmp_path).notes
    assert any(note.startswith("4 of 7 images: Text is burnt") for note in notes)


def test_a_billion_frames_that_are_not_there_are_one_problem(tmp_path: Path) -> None:
    for name in ("ill", "well"):
        (tmp_path / name).mkdir()
        content = dicom(np.stack([GREY, GREY + np.uint8(name == "ill")]))
        (tmp_path / name / "x.dcm").write_bytes(content)
    assert len(load(tmp_path)) == 4
    lying = dicom(np.stack([GREY, GREY]), NumberOfFrames=10**9)
    (tmp_path / "well" / "x.dcm").write_bytes(lying)
    with pytest.raises(InputError) as caught:
        load(tmp_path)
    assert [problem.source for problem in caught.value.problems if "1000000000 frames" in problem.found] == [
        "well/x.dcm"
    ]


def test_what_a_manifest_says_comes_before_what_the_file_says(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}.dcm").write_bytes(dicom(GREY + np.uint8(number), **ABOUT))
    lines = ["path,label,patient,site,station", "0.dcm,a,mine,here,mine", "1.dcm,b,,,"]
    (tmp_path / "m.csv").write_text("\n".join(lines))
    first, second = load(tmp_path / "m.csv").table.to_dict("records")
    assert (first["patient"], first["site"], first["station"]) == ("mine", "here", "mine")
    assert len(second["patient"]) == 12 and second["site"] == "Hospital A"


def test_deep_dicom_without_a_policy_is_one_problem(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.dcm").write_bytes(dicom(DEEP + (name == "b"), 12))
    with pytest.raises(InputError) as caught:
        load(tmp_path)
    (problem,) = caught.value.problems
    assert "12 bits" in problem.found and "--intensity" in problem.remedy


def test_colour_is_rgb(tmp_path: Path) -> None:
    decoded = decode(written(tmp_path, COLOUR))
    assert np.array_equal(decoded.pixels, COLOUR) and decoded.photometric == "rgb"
