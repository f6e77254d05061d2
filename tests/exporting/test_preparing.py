"""What a graph does to an image before the network, against what `heldout predict` does: to the last bit in 8 bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from heldout.backbones.label_neighbours import LabelNeighbours
from heldout.backbones.neighbours import Neighbours
from heldout.exporting.exportable import Exportable
from heldout.exporting.feeding import feed_of
from heldout.exporting.graph import Answering, Prepared, Votes
from heldout.exporting.resizing import Squared
from heldout.exporting.values import channels_of, keeps_values, window_of
from heldout.images import Decoded, ImageError, fit_square
from heldout.images.reading import of_array
from heldout.records import InputMap
from heldout.records.export import ExportInput, Scaling
from heldout.records.recipe import Fit
from heldout.runs.predict import square_of
from heldout.stats.mean_answers import mean_probabilities
from tests.exporting.made_runs import made_recipe
from tests.training.tiny import tiny_network

SIDES = [(1, 1), (32, 32), (33, 32), (97, 33), (40, 90), (70, 20), (20, 70), (31, 32), (200, 150), (64, 200), (1, 50)]


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_squares_are_pillows_to_the_last_bit(fit: Fit, interpolation: str) -> None:
    rng = np.random.default_rng(0)
    eight, real = (Squared(32, fit, interpolation, kind) for kind in (True, False))
    for height, width in [*SIDES, *rng.integers(2, 150, (20, 2)).tolist()]:
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        made = eight(torch.from_numpy(image[None]))[0].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(made, fit_square(image, 32, fit, interpolation), err_msg=f"{height} x {width}")
        share = rng.random((height, width, 2), dtype=np.float32)
        made = real(torch.from_numpy(share[None]))[0].permute(1, 2, 0).numpy()
        np.testing.assert_allclose(made, fit_square(share, 32, fit, interpolation), atol=2e-7)


GREY16 = "8 bits or fewer", "more than 8 bits"
RULES = {
    "window": InputMap("window:100,3000"),
    "percentile": InputMap("percentile:0.5,99.5", (404.0,), (2812.0,), 10),
    "percentile a channel": InputMap("percentile:1,99", (1.0, 2.0), (900.0, 1800.0), 10, "select:2,0", (2, 0), 5),
    "dicom-window": InputMap("dicom-window"),
    "full-range": InputMap("full-range"),
    "per-image": InputMap("per-image"),
    "per-image a channel": InputMap("per-image", channels="project", of=5),
    "rounded": InputMap("window:100,3000", eight_bit=True),
    "select": InputMap(channels="select:1", chosen=(1,), of=3),
    "project": InputMap(channels="project", of=5),
    "adapt": InputMap(channels="adapt", of=5),
}


@pytest.mark.parametrize("name", RULES)
def test_values_and_channels_are_those_of_the_run(name: str) -> None:
    rule, rng = RULES[name], np.random.default_rng(3)
    recipe = made_recipe("resnet18", 24, "pad", "bicubic", rule)
    own = rule.width or 3
    wanted = ExportInput(
        "uint8" if keeps_values(rule) else "float32",
        channels_of(rule),
        window_of(rule),
        24,
        "pad",
        "bicubic",
        (0.0,) * own,
        (1.0,) * own,
        rule,
    )
    module = Prepared(recipe)
    for count in channels_of(rule):
        shape = (60, 37, count) if count > 1 else (60, 37)
        most = 4096 if rule.intensity else 256
        image = of_array(rng.integers(0, most, shape).astype(np.uint16 if rule.intensity else np.uint8), "x")
        image = replace(image, window=(50.0, 3500.0), bits=12 if rule.intensity else 8)
        feed = {key: torch.from_numpy(values) for key, values in feed_of(image, wanted, "x").items()}
        if count == 1 and 3 in channels_of(rule):
            feed["image"] = feed["image"].expand(-1, -1, -1, 3)
        made = module(*feed.values()).permute(0, 2, 3, 1).numpy()
        expected = square_of(image, recipe, "x")
        assert made.dtype == (np.uint8 if expected.dtype == np.uint8 else np.float32)
        tolerance = 0 if made.dtype == np.uint8 else 1e-3  # of a value that falls to the other side in float16: 2^-11
        np.testing.assert_allclose(made, np.broadcast_to(expected.astype(made.dtype), made.shape), atol=tolerance)
        assert made.std() > 0


def test_an_image_of_another_kind_is_refused() -> None:
    wanted = ExportInput("uint8", (1, 3), "", 24, "stretch", "bilinear", (0.0,), (1.0,))
    deep = Decoded(np.zeros((4, 4), dtype=np.uint16), 16)
    with pytest.raises(ImageError, match="8-bit"):
        feed_of(deep, wanted, "x")
    rule = InputMap("dicom-window")
    with pytest.raises(ImageError, match="names no window"):
        feed_of(deep, replace(wanted, type="float32", window="dicom-window", values=rule), "x")
    with pytest.raises(ImageError, match="2 channels"):
        feed_of(of_array(np.zeros((4, 4, 2)), "x"), replace(wanted, type="float32", values=rule), "x")


@pytest.mark.parametrize("several", [False, True])
def test_votes_are_those_of_neighbours_where_images_are_equally_near_and_where_not(several: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(40, 6, generator=generator)
    features[20:] = features[:20]  # every image twice, in two classes
    labels = torch.randint(0, 2, (40, 3), generator=generator) if several else torch.arange(40) % 3
    new = torch.cat([torch.randn(10, 6, generator=generator), features[:5]])
    for k in (1, 3, 8, 40):
        head = (LabelNeighbours if several else Neighbours).of(features, labels, k, 3)
        torch.testing.assert_close(Votes(head)(new), head(new), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("one_class", [True, False])
def test_several_networks_answer_with_their_mean_and_calibration_moves_logits(one_class: bool) -> None:
    networks = [tiny_network(3, seed).eval() for seed in (1, 2)]
    pixels = torch.randint(0, 256, (4, 3, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    with torch.no_grad():
        probabilities, _ = Answering(networks, [0, 0], one_class, None)(pixels)
        each = np.stack([network(pixels).numpy() for network in networks])
        moved = Answering(networks[:1], [0], one_class, Scaling((0.5,), (0.0, 1.0, 0.0)))(pixels)[0].numpy()
    np.testing.assert_allclose(probabilities.numpy(), mean_probabilities(each, one_class), atol=1e-6)
    run = Exportable.__new__(Exportable)
    object.__setattr__(run, "members", ((networks[0], made_recipe("resnet18")),))
    object.__setattr__(run, "calibration", Scaling((0.5,), (0.0, 1.0, 0.0)))
    if one_class:
        np.testing.assert_allclose(moved, run.of_logits(each[0]), atol=1e-6)
    assert np.abs(moved - probabilities.numpy()).max() > 0.05
