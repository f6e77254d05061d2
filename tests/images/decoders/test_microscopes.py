"""Files of microscopes: channels together, planes as rows; a library that is missing is named."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nd2
import numpy as np
import pytest

from heldout import optional
from heldout.images import ImageError, count_images, decode
from heldout.images.decoders.nd2 import channel_names
from tests.images.decoders.making import DYES, sample


@pytest.mark.parametrize("name", ["czi", "lif"])
def test_planes_are_rows_and_channels_stay_together(name: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(sample(name).content)
    decoded = decode(tmp_path / "x", row=1)
    assert np.array_equal(decoded.pixels, np.moveaxis(DYES[1], 0, -1))
    assert decoded.spacing == pytest.approx((0.00025, 0.0005)) and len(decoded.channel_names) == 3
    with pytest.raises(ImageError, match="2 planes"):
        decode(tmp_path / "x")
    with pytest.raises(ImageError, match="no part 'scene 1'"):
        decode(tmp_path / "x", "scene 1", 0)


def test_czi_names_its_channels(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(sample("czi").content)
    assert decode(tmp_path / "x", row=0).channel_names == ("dye 0", "dye 1", "dye 2")


@pytest.mark.parametrize("number", [0, -3, 2**31])
def test_channels_by_the_billion_are_damage(number: int) -> None:
    with pytest.raises(ValueError, match="channels in its header"):
        channel_names((), number)


class StandIn:
    """Answers as `nd2.ND2File` does; no file of this format can be made here."""

    def __init__(self, path: Path) -> None:
        assert path.name == "x"
        self.sizes = {"T": 2, "C": 3, "Y": 20, "X": 26}
        self.dtype = DYES.dtype
        self.attributes = SimpleNamespace(bitsPerComponentSignificant=12)
        names = [SimpleNamespace(channel=SimpleNamespace(name=f"dye {c}")) for c in range(3)]
        self.metadata = SimpleNamespace(channels=names)

    def voxel_size(self) -> Any:
        return SimpleNamespace(x=0.5, y=0.25, z=1)

    def read_frame(self, number: int) -> Any:
        return DYES[number]

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_nd2_by_a_stand_in_for_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"\xda\xce\xbe\x0a" + bytes(100))
    with pytest.raises(ImageError, match="damaged"):
        decode(tmp_path / "x", row=0)
    monkeypatch.setattr(nd2, "ND2File", StandIn)
    decoded = decode(tmp_path / "x", row=1)
    assert np.array_equal(decoded.pixels, np.moveaxis(DYES[1], 0, -1)) and decoded.bits == 12
    assert decoded.channel_names == ("dye 0", "dye 1", "dye 2") and decoded.spacing == pytest.approx((0.00025, 0.0005))
    assert count_images(tmp_path / "x") == 2


@pytest.mark.parametrize("name", ["czi", "lif", "nifti"])
def test_a_library_that_is_missing_is_named_with_its_extra(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(module: str) -> Any:
        raise ImportError(module)

    (tmp_path / "x").write_bytes(sample(name).content)
    monkeypatch.setattr(optional.importlib, "import_module", missing)
    with pytest.raises(ImageError) as caught:
        decode(tmp_path / "x", row=0)
    assert f"heldout[{name}]" in caught.value.remedy
    with pytest.raises(ImageError, match="installed"):
        count_images(tmp_path / "x")


def test_openslide_that_is_missing_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str) -> Any:
        raise ImportError(module)

    (tmp_path / "x.mrxs").write_bytes(sample("jpeg").content)  # it begins as JPEG, whose decoder would take it
    monkeypatch.setattr(optional.importlib, "import_module", missing)
    with pytest.raises(ImageError) as caught:
        decode(tmp_path / "x.mrxs")
    assert "heldout[openslide]" in caught.value.remedy
