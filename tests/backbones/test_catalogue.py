from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torchvision

from heldout.backbones import catalogue, find, resolve, table, version_note, weights_here
from heldout.backbones.lookup import entries, entry_of
from heldout.backbones.measure import measure
from heldout.errors import InputError, UsageError


def test_the_founding_figures_are_those_of_the_catalogue() -> None:
    # The table of the founding experiment, to the digits it was written with.
    resnet = resolve("resnet34")
    assert resnet.name == "torchvision:resnet34.IMAGENET1K_V1"
    assert (resnet.acc1, resnet.acc5, resnet.params) == (73.314, 91.42, 21_797_672)
    assert (f"{resnet.gflops:.2f}", f"{resnet.file_mb:.1f}") == ("3.66", "83.3")
    mobile = resolve("mobilenet_v3_large")
    assert mobile.name == "torchvision:mobilenet_v3_large.IMAGENET1K_V1"
    assert (mobile.acc1, mobile.acc5, mobile.params) == (74.042, 91.34, 5_483_032)
    assert (f"{mobile.gflops:.2f}", f"{mobile.file_mb:.1f}") == ("0.22", "21.1")
    assert resnet.computed == mobile.computed == ()
    assert "references/classification" in resnet.recipe


def test_the_table_has_every_weight_of_the_libraries_it_was_made_from() -> None:
    if version_note():
        pytest.skip(version_note())
    names = {info.name for info in catalogue()}
    assert {f"timm:{name}" for name in timm.list_pretrained()} <= names
    for architecture in torchvision.models.list_models(module=torchvision.models):
        for weights in torchvision.models.get_model_weights(architecture):
            assert f"torchvision:{architecture}.{weights.name}" in names
    assert {f"offline:efficientnet_lite{number}" for number in range(3)} <= names
    assert len(names) == len(catalogue())


def test_what_a_library_states_is_in_the_table() -> None:
    if version_note():
        pytest.skip(version_note())
    for info in catalogue():
        if info.source == "timm":
            cfg = timm.get_pretrained_cfg(f"{info.architecture}.{info.tag}")
            assert info.licence == (cfg.license or ""), info.name
            assert info.mean == pytest.approx(cfg.mean) and info.std == pytest.approx(cfg.std)
            assert info.interpolation == cfg.interpolation and info.input_size == max(cfg.input_size[1:])


def test_nothing_is_invented() -> None:
    for info in catalogue():
        if info.source != "torchvision":
            assert info.acc1 is None and info.acc5 is None
            assert {"params", "gflops"} <= set(info.computed), info.name
        assert "acc1" not in info.computed and "acc5" not in info.computed
        assert info.params > 0 and info.input_size > 0, info.name
        numbers = (info.acc1, info.acc5, info.gflops, info.file_mb, *info.mean, *info.std)
        assert all(math.isfinite(number) for number in numbers if number is not None), info.name
        assert info.interpolation in ("bilinear", "bicubic")


def test_multiply_adds_are_known_for_all() -> None:
    assert [info.name for info in catalogue() if info.gflops is None] == []


@pytest.mark.parametrize("name", ["resnet34", "mobilenet_v3_small", "densenet121", "vit_b_32", "convnext_tiny"])
def test_our_count_agrees_with_what_torchvision_states(name: str) -> None:
    # torchvision counted its `_ops` by itself: an independent implementation of the same figure.
    info = resolve(f"torchvision:{name}")
    counted = measure(lambda: torchvision.models.get_model(name), info.input_size, info.input_size)
    assert counted.params == info.params
    assert counted.gflops == pytest.approx(info.gflops, rel=0.005, abs=0.0005)


def test_what_cannot_be_measured_is_unknown() -> None:
    def broken() -> object:
        raise RuntimeError("no such layer")

    assert measure(broken, 32, 32).params is None  # type: ignore[arg-type]
    # A network that is too small for its input has parameters but no forward pass.
    counted = measure(lambda: torchvision.models.alexnet(), 8, 8)
    assert counted.params == 61_100_840 and counted.gflops is None


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("efficientnet_lite0", "offline:efficientnet_lite0"),
        ("timm:efficientnet_lite0", "timm:efficientnet_lite0.ra_in1k"),
        ("resnet50", "torchvision:resnet50.IMAGENET1K_V1"),
        ("resnet50.IMAGENET1K_V2", "torchvision:resnet50.IMAGENET1K_V2"),
        ("timm:resnet50", "timm:resnet50.a1_in1k"),
        ("resnet10t", "timm:resnet10t.c3_in1k"),
        # Without an IMAGENET1K_V1 torchvision's own DEFAULT is taken.
        ("regnet_y_128gf", "torchvision:regnet_y_128gf.IMAGENET1K_SWAG_E2E_V1"),
        (" torchvision:vgg16 ", "torchvision:vgg16.IMAGENET1K_V1"),
    ],
)
def test_short_names(short: str, full: str) -> None:
    assert resolve(short).name == full
    assert resolve(full).name == full


def test_every_full_name_resolves_to_itself() -> None:
    for info in catalogue()[::37]:
        assert resolve(info.name) == info


def test_an_unknown_name_gets_its_neighbours() -> None:
    with pytest.raises(UsageError, match=r"Unknown model 'resnet_34'\. Did you mean resnet34"):
        resolve("resnet_34")
    with pytest.raises(UsageError, match="Unknown source 'torchvison'"):
        resolve("torchvison:resnet34")


def test_find_takes_parts_of_names_and_globs() -> None:
    assert len(find()) == len(catalogue())
    assert {info.architecture for info in find("RESNET34")} >= {"resnet34", "resnet34d"}
    assert all("resnet34" in info.name for info in find("ResNet34"))
    globbed = find("torchvision:resnet*V1")
    assert globbed and all(info.name.startswith("torchvision:resnet") and info.name.endswith("V1") for info in globbed)
    assert {info.source for info in find("resnet34*")} == {"torchvision", "timm"}
    assert find("no such thing") == ()


def test_a_table_survives_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    names = {info.name for info in catalogue()[::100]}
    some = tuple(entry for entry in entries() if entry.info.name in names)
    assert len(some) > 10
    table.write_table(path, table.Table(some, {"timm": "1", "torchvision": "2"}))
    read = table.read_table(path)
    assert read.versions == {"timm": "1", "torchvision": "2"}
    assert sorted(read.entries, key=lambda e: e.info.name) == sorted(some, key=lambda e: e.info.name)


def test_a_table_of_ones_own_wins_and_other_versions_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELDOUT_CACHE", str(tmp_path))
    rows = (entry_of(resolve("resnet34")), entry_of(resolve("efficientnet_lite0")))
    table.write_table(tmp_path / "catalogue.csv", table.Table(rows, {"timm": "0.0.1", "torchvision": "0.1"}))
    assert len(catalogue()) == 2
    assert "--refresh" in version_note() and "0.0.1" in version_note()


def test_file_names_need_a_file_and_an_architecture(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected file:PATH@ARCHITECTURE"):
        resolve("file:weights.pth")
    with pytest.raises(InputError, match="no file"):
        resolve(f"file:{tmp_path / 'none.pth'}@resnet18")
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"0" * 1000)
    with pytest.raises(UsageError, match="Unknown model 'resnet1899'"):
        resolve(f"file:{path}@resnet1899")
    info = resolve(f"file:{path}@resnet18")
    assert info.source == "file" and info.architecture == "resnet18" and info.acc1 is None
    assert info.params == resolve("torchvision:resnet18").params
    assert {"params", "gflops", "file_mb", "mean", "std"} <= set(info.computed)
    assert weights_here(info) == path and info.file_mb == 0.001


def test_listing_never_imports_torch() -> None:
    code = (
        "from heldout.backbones import catalogue, find, resolve, weights_here\n"
        "assert len(catalogue()) > 1900\n"
        "[weights_here(info) for info in find('resnet')]\n"
        "resolve('efficientnet_lite0')\n"
        "import sys\n"
        "assert not {'torch', 'timm', 'torchvision'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
