"""What the header of a DICOM file means: scale, window, size of a pixel, whom and where it comes from."""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

Array = npt.NDArray[Any]

REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OW PN SH SL SQ SS ST TM UC UI UL UN UR US UT".split()
)

NAMELESS = frozenset(
    {"", "anon", "anonymous", "anonymized", "anonymised", "deidentified", "none", "unknown", "removed", "0"}
)
"""Values of PatientID that programs write in place of one: they name nobody."""

VIDEO = "1.2.840.10008.1.2.4.10"
"""Transfer syntaxes of MPEG-2, MPEG-4 and HEVC begin so (100 … 108)."""

ITEM, SEQUENCE_DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)

OLDEST = 90
"""Age from which on a person may be known by it (45 CFR 164.514(b)(2): ages over 89 are one group)."""


def begins_without_preamble(head: bytes) -> bool:
    """Whether bytes begin with a data element of group 2 or 8, as files of before 1993 and of some programs do."""
    if len(head) < 132 or head[:2] not in (b"\x02\0", b"\x08\0"):
        return False
    element, kind = struct.unpack("<H2s", head[2:6])
    if kind in REPRESENTATIONS:
        return bool(element <= 0x2000)
    length = struct.unpack("<I", head[4:8])[0]
    return element in (0x0000, 0x0001, 0x0005, 0x0008, 0x0012, 0x0016) and 0 < length < 256 and length % 2 == 0


def header(path: Path) -> Dataset:
    """All of a file but its pixels."""
    import pydicom

    found = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    found.ensure_file_meta()
    if "TransferSyntaxUID" not in found.file_meta:
        implicit, little = found.original_encoding
        uids = pydicom.uid
        explicit = uids.ExplicitVRLittleEndian if little else uids.ExplicitVRBigEndian
        found.file_meta.TransferSyntaxUID = uids.ImplicitVRLittleEndian if implicit else explicit
    return found


def transfer_syntax(header: Dataset) -> UID:
    """How the pixels are written."""
    uid: UID = header.file_meta.TransferSyntaxUID
    return uid


def is_video(uid: UID) -> bool:
    """Whether frames are those of a video."""
    return str(uid).startswith(VIDEO)


def compressed(source: Dataset | Path, header: Dataset, frame: int) -> bytes:
    """The bytes of one frame as they are compressed."""
    import pydicom
    from pydicom.encaps import get_frame

    whole = pydicom.dcmread(source, force=True) if isinstance(source, Path) else source
    return bytes(get_frame(whole.PixelData, frame, number_of_frames=frames(header)))


def refuse_loose_fragments(data: bytes) -> None:
    """See that compressed pixels are items end to end (PS3.5, A.4): libraries read what they can of others.

    Raises:
        ValueError: They are not.
    """
    at = 0
    while at + 8 <= len(data):
        group, element, length = struct.unpack("<HHI", data[at : at + 8])
        if (group, element) == SEQUENCE_DELIMITER:
            return
        if (group, element) != ITEM:
            break
        at += 8 + length
    if at != len(data):
        raise ValueError("its compressed pixels are cut off or shifted")


def kind(header: Dataset) -> str:
    """What a file is, in DICOM's own words."""
    uid = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
    return str(getattr(uid, "name", "") or uid or header.get("Modality", "") or "no class is named")


def frames(header: Dataset) -> int:
    """Number of frames."""
    return max(int(header.get("NumberOfFrames") or 1), 1)


def _of(header: Dataset, frame: int, sequence: str, keyword: str) -> Any:
    """A value of one frame: in its functional group, in the shared one, or of the whole file; None if it is nowhere."""
    groups = header.get("PerFrameFunctionalGroupsSequence") or ()
    shared = header.get("SharedFunctionalGroupsSequence") or ()
    for group in (*groups[frame : frame + 1], *shared[:1]):
        for item in (group.get(sequence) or ())[:1]:
            if item.get(keyword) is not None:
                return item.get(keyword)
    return header.get(keyword)


@dataclass(frozen=True)
class Scale:
    """How stored values become those of the device.

    Attributes:
        slope: Factor.
        intercept: Added.
        low: Smallest value that can come out.
        high: Largest value that can come out.
        bits: Bits that are stored.
        dtype: Type that holds every value that can come out; None to leave what is stored as it is.
        table: File whose modality table is applied instead; None without one.
    """

    slope: float
    intercept: float
    low: float
    high: float
    bits: int
    dtype: type[np.generic] | None
    table: Dataset | None = None

    def applied(self, stored: Array) -> Array:
        """The values of the device."""
        if self.table is not None:
            from pydicom.pixels import apply_modality_lut

            return np.asarray(apply_modality_lut(stored, self.table))
        if self.dtype is None:
            return stored
        values = stored.astype(np.float64) * self.slope + self.intercept
        return values.astype(self.dtype)


def scale(header: Dataset, frame: int) -> Scale:
    """The modality's table, or rescale slope and intercept; its type depends on the header alone, not on the pixels."""
    bits = int(header.get("BitsStored") or header.BitsAllocated)
    signed = bool(header.get("PixelRepresentation"))
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    tables = header.get("ModalityLUTSequence")
    if tables:
        depth = int(tables[0].LUTDescriptor[2])
        return Scale(1.0, 0.0, 0.0, float((1 << depth) - 1), depth, None, header)
    slope = float(_number(_of(header, frame, "PixelValueTransformationSequence", "RescaleSlope"), 1.0))
    intercept = float(_number(_of(header, frame, "PixelValueTransformationSequence", "RescaleIntercept"), 0.0))
    if not slope:
        raise ValueError("its rescale slope is 0")
    ends = sorted((low * slope + intercept, high * slope + intercept))
    if slope == 1.0 and intercept == 0.0:
        return Scale(slope, intercept, ends[0], ends[1], bits, None)
    return Scale(slope, intercept, ends[0], ends[1], bits, _type_for(ends[0], ends[1], slope, intercept))


def _type_for(low: float, high: float, slope: float, intercept: float) -> type[np.generic]:
    if not slope.is_integer() or not intercept.is_integer():
        return np.float32
    for dtype in (np.uint16, np.int16, np.int32):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return dtype
    return np.float32


def _number(value: Any, default: float) -> float:
    """The first of one or several numbers."""
    if value is None or value == "":
        return default
    first = value if isinstance(value, int | float | str) else value[0]
    return float(first)


def window(header: Dataset, frame: int) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """Lowest and highest value to be shown (PS3.3 C.11.2), and what a person should know of it."""
    centre = _of(header, frame, "FrameVOILUTSequence", "WindowCenter")
    width = _of(header, frame, "FrameVOILUTSequence", "WindowWidth")
    if centre not in (None, "") and width not in (None, ""):
        middle, wide = _number(centre, math.nan), _number(width, math.nan)
        function = _of(header, frame, "FrameVOILUTSequence", "VOILUTFunction") or "LINEAR"
        if not math.isfinite(middle) or not math.isfinite(wide) or wide <= 0:
            return None, (f"Its window of centre {middle:g} and width {wide:g} is none, and is passed over.",)
        if function == "LINEAR":
            return (middle - 0.5 - (wide - 1) / 2, middle - 0.5 + (wide - 1) / 2), ()
        curved = ("Its window has the shape of a sigmoid; its middle slope is taken.",) if function == "SIGMOID" else ()
        return (middle - wide / 2, middle + wide / 2), curved
    tables = header.get("VOILUTSequence")
    if tables:
        entries, first, _ = (int(value) for value in tables[0].LUTDescriptor)
        last = first + (entries or 65536) - 1
        return (float(first), float(last)), ("Its table of grey values (VOI LUT) is taken as a window of its range.",)
    return None, ()


def spacing(header: Dataset, frame: int) -> tuple[float, float] | None:
    """Millimetres from row to row and column to column: in the body where it is known, else at the detector."""
    found = _of(header, frame, "PixelMeasuresSequence", "PixelSpacing") or header.get("ImagerPixelSpacing")
    try:
        rows, columns = (float(value) for value in found)
    except (TypeError, ValueError):
        return None
    return (rows, columns) if rows > 0 and columns > 0 else None


def columns(header: Dataset) -> dict[str, str]:
    """What becomes columns of the cohort; nothing that names a person.

    The patient is the first 12 hexadecimal digits of SHA-256 over issuer and PatientID: the same in every study of the
    same data, and no name. Dates are cut to the year, ages from 90 on are one group.
    """
    found = {
        "patient": _patient(header),
        "site": _text(header, "InstitutionName"),
        "year": _text(header, "StudyDate")[:4] or _text(header, "AcquisitionDate")[:4],
        "manufacturer": _text(header, "Manufacturer"),
        "device": _text(header, "ManufacturerModelName"),
        "station": _text(header, "StationName"),
        "modality": _text(header, "Modality"),
        "body_part": _text(header, "BodyPartExamined"),
        "view": _text(header, "ViewPosition"),
        "side": _text(header, "ImageLaterality") or _text(header, "Laterality"),
        "sex": _text(header, "PatientSex"),
        "age": _age(_text(header, "PatientAge")),
    }
    return {name: value for name, value in found.items() if value}


def _text(header: Dataset, keyword: str) -> str:
    value = header.get(keyword)
    if value is None:
        return ""
    parts = [str(part) for part in value] if isinstance(value, list | tuple) else [str(value)]
    return " ".join("".join(letter if letter.isprintable() else " " for letter in " ".join(parts)).split())


def _patient(header: Dataset) -> str:
    number = _text(header, "PatientID")
    if number.lower().strip(" -_.*") in NAMELESS:
        return ""
    issuer = _text(header, "IssuerOfPatientID")
    return hashlib.sha256(f"patient\0{issuer}\0{number}".encode()).hexdigest()[:12]


def _age(text: str) -> str:
    """`065Y` -> `65`; `006M` -> `0`; empty if it is no age."""
    if len(text) != 4 or not text[:3].isdecimal() or text[3] not in "DWMY":
        return ""
    years = int(text[:3]) // {"D": 365, "W": 52, "M": 12, "Y": 1}[text[3]]
    return str(years) if years < OLDEST else f"{OLDEST}+"


def warnings(header: Dataset) -> tuple[str, ...]:
    """What a person should know of the picture."""
    if _text(header, "BurnedInAnnotation").upper() == "YES":
        return ("Text is burnt into the picture, as its header says: a network can read it.",)
    return ()
