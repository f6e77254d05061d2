"""From a name to files: the hub's own client against a hub on this machine, and without one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from heldout.backbones import build, fetch, resolve, weights_here
from heldout.backbones.hub.snapshots import cached
from heldout.errors import HeldoutError
from tests.backbones.hub.repositories import (
    commit_of,
    save_open_clip,
    save_timm,
    save_transformers,
)
from tests.backbones.hub.served import Repository, ServedHub, served

COMMIT = commit_of("org/net")


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedHub]:
    """A hub with a network, and an empty cache."""
    from huggingface_hub import constants

    with served() as hub:
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield hub


def publish(hub: ServedHub, cache: Path, folder: Path, repository: str = "org/net", gated: bool = False) -> None:
    """Move what was saved into the cache to the hub, so that the cache is empty."""
    place = next((cache / ("models--" + repository.replace("/", "--")) / "snapshots").iterdir())
    kept = folder / "published" / repository
    kept.parent.mkdir(parents=True)
    shutil.move(place, kept)
    shutil.rmtree(cache)
    files = {path.name: path for path in kept.iterdir()}
    hub.repositories[repository] = Repository(commit_of(repository), files, gated)


def test_a_name_is_fetched_and_says_the_commit_it_was(hub: ServedHub, cache: Path, tmp_path: Path) -> None:
    model = save_transformers(cache, "dinov2", "org/net")
    publish(hub, cache, tmp_path)
    info = resolve("hub:org/net")
    assert info.name == f"hub:org/net@{COMMIT}:cls"
    assert (info.mean, info.std) == ((0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
    assert (info.input_size, info.interpolation, info.licence) == (64, "bilinear", "apache-2.0")
    assert info.recipe == f"https://huggingface.co/org/net/tree/{COMMIT}"
    assert "org/net/model.safetensors" not in hub.asked and weights_here(info) is None, "the weights came unasked"
    network = build(info, 2, 64, 0)
    assert hub.asked.count("org/net/model.safetensors") == 1
    assert torch.equal(network.stages["norm"].weight, model.layernorm.weight)  # type: ignore[arg-type]
    assert resolve("hub:org/net").params == sum(p.numel() for p in model.parameters())


def test_the_card_of_a_timm_network_is_fetched_too(hub: ServedHub, cache: Path, tmp_path: Path) -> None:
    save_timm(cache, "test_convnext", "org/net", {})
    place = next((cache / "models--org--net" / "snapshots").iterdir())
    (place / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    publish(hub, cache, tmp_path)
    assert resolve("hub:org/net").licence == "cc-by-nc-4.0"
    assert resolve("hub:org/net").recipe.endswith(COMMIT) and build(resolve("hub:org/net"), 2, 64, 0).feature_size == 64


def test_what_is_in_the_cache_is_not_asked_for_again(hub: ServedHub, cache: Path, tmp_path: Path) -> None:
    save_transformers(cache, "dinov2", "org/net")
    publish(hub, cache, tmp_path)
    fetch(resolve("hub:org/net"))
    hub.repositories.clear()
    first = len(hub.asked)
    for name in ("hub:org/net", f"hub:org/net@{COMMIT}:mean", f"hub:org/net@{COMMIT[:8]}"):
        assert COMMIT in resolve(name).name
        build(resolve(name), 2, 64, 0)
    assert len(hub.asked) == first


def test_a_branch_that_moved_does_not_move_a_study(hub: ServedHub, cache: Path, tmp_path: Path) -> None:
    save_transformers(cache, "dinov2", "org/net")
    publish(hub, cache, tmp_path)
    info = resolve("hub:org/net")
    fetch(info)
    hub.repositories["org/net"].commit = commit_of("another")
    assert resolve("hub:org/net").name == info.name
    other = resolve(f"hub:org/net@{commit_of('another')}")
    assert other.name != info.name and resolve(info.name) == resolve("hub:org/net")


def test_a_repository_whose_licence_was_not_accepted(
    hub: ServedHub, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_transformers(cache, "dinov3_vit", "org/net")
    publish(hub, cache, tmp_path, gated=True)
    with pytest.raises(HeldoutError) as refused:
        resolve("hub:org/net")
    text = str(refused.value)
    assert "is gated" in text and "org/net with your account" in text and "hf auth login" in text and "HF_TOKEN" in text
    monkeypatch.setenv("HF_TOKEN", hub.token)
    assert COMMIT in resolve("hub:org/net").name
    build(resolve("hub:org/net"), 2, 64, 0)


def test_no_such_repository_and_no_such_revision(hub: ServedHub, cache: Path, tmp_path: Path) -> None:
    save_transformers(cache, "dinov2", "org/net")
    publish(hub, cache, tmp_path)
    with pytest.raises(HeldoutError, match=r"no repository org/nothing that you may see: check the spelling.*private"):
        resolve("hub:org/nothing")
    with pytest.raises(HeldoutError, match=r"org/net has no revision 'v9'; expected a branch, tag or commit"):
        resolve("hub:org/net@v9")


def test_a_repository_that_does_not_say_what_it_holds(hub: ServedHub, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"weights")
    hub.repositories["org/bare"] = Repository(COMMIT, {"RETFound.pth": tmp_path / "weights.pth"})
    with pytest.raises(HeldoutError, match=r"org/bare has no config\.json.*file:PATH@ARCHITECTURE"):
        resolve("hub:org/bare")


def test_pickles_are_not_fetched(hub: ServedHub, cache: Path, tmp_path: Path) -> None:
    save_open_clip(cache, "org/net", pickled=True)
    publish(hub, cache, tmp_path)
    info = resolve("hub:org/net")
    with pytest.raises(HeldoutError) as refused:
        build(info, 2, 160, 0)
    text = str(refused.value)
    assert "found weights only as pickles (open_clip_pytorch_model.bin), which can run code" in text
    assert f"heldout weights add hub:org/net@{COMMIT} model.safetensors" in text
    assert "org/net/open_clip_pytorch_model.bin" not in hub.asked


def test_no_network(hub: ServedHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's client asks again for a while, waiting in between; the waits are noted here and not waited for."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    waits: list[float] = []
    monkeypatch.setattr(_http.time, "sleep", waits.append)
    closed = "http://127.0.0.1:9"
    monkeypatch.setattr(constants, "ENDPOINT", closed)
    template = closed + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    with pytest.raises(
        HeldoutError, match=r"is not whole in the hub's cache .* the hub cannot be reached: run `hf download"
    ):
        resolve("hub:org/net")
    assert sum(waits) < 60


def test_weights_in_several_files(hub: ServedHub, cache: Path, tmp_path: Path) -> None:
    model = save_transformers(cache, "dinov2", "org/net", max_shard_size="40KB")
    place = next((cache / "models--org--net" / "snapshots").iterdir())
    parts = sorted(place.glob("model-*.safetensors"))
    assert len(parts) > 1
    found = cached("org/net", "main")
    assert found is not None and found.weights() == place / "model.safetensors.index.json"
    parts[0].rename(parts[0].with_suffix(".away"))
    assert found.weights() is None, "a part is missing"
    parts[0].with_suffix(".away").rename(parts[0])
    publish(hub, cache, tmp_path)
    network = build(resolve("hub:org/net"), 2, 64, 0)
    assert torch.equal(network.stages["norm"].weight, model.layernorm.weight)  # type: ignore[arg-type]
    assert weights_here(resolve("hub:org/net")) is not None
