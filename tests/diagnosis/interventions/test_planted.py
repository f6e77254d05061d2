"""Each experiment against a plant whose answer is known."""

from __future__ import annotations

import weakref
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import nn

from heldout.backbones import Network
from heldout.backbones.network import Flat, Input
from heldout.diagnosis.content import MAY_BE_CONTENT
from heldout.diagnosis.interventions import InterventionContext
from heldout.diagnosis.interventions.batchnorm import BatchNormStatistics, matched_batches
from heldout.diagnosis.interventions.context import stratified
from heldout.diagnosis.interventions.cues import Cues, donors_of, exchangeable
from heldout.diagnosis.interventions.doses import Doses
from heldout.diagnosis.interventions.grouped import GroupedRetraining, redrawn
from heldout.diagnosis.interventions.intervention import NothingToDoError
from heldout.diagnosis.interventions.lost import points_lost
from heldout.diagnosis.interventions.pooled import PooledClassifiers, balancing, neighbour_logits
from heldout.diagnosis.interventions.quality import Quality, costliest
from heldout.diagnosis.interventions.regions import REGIONS
from heldout.diagnosis.interventions.running_statistics import estimated
from heldout.diagnosis.relatives import CopyPair
from heldout.records import ReasonKind
from heldout.records.logit_table import logits_in, variant_rows
from heldout.training import machine
from tests.diagnosis.interventions.contexts import Corner, Detail, Images, context_of, deciding_by

SIZE = 32


def accuracy(context: InterventionContext, table: pd.DataFrame, variant: str, part: str) -> float:
    chosen = table[(table["variant"] == variant) & (table["split"] == part)]
    truth = pd.Series(context.labels(part), index=context.ids(part))
    predicted = logits_in(chosen).argmax(axis=1)
    return float((predicted == truth[chosen["id"]].to_numpy()).mean())


def plain(n: int, seed: int, levels: tuple[float, float] = (25.0, 60.0)) -> tuple[np.ndarray, np.ndarray]:
    """(n, s, s) floats and labels: fine texture that is stronger in class 1."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    texture = rng.normal(size=(n, SIZE, SIZE))
    smooth = gaussian_filter(rng.normal(size=(n, SIZE, SIZE)), (0, 5, 5)) * 250
    return 128 + smooth + texture * np.where(labels, levels[1], levels[0])[:, None, None] * 0.5, labels


def as_part(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)[..., None], labels.astype(np.int64)


def test_blur_in_test_is_found_and_costs_validation_what_it_cost_test(tmp_path: Path) -> None:
    train, val, test = (plain(n, seed) for seed, n in enumerate((80, 120, 120)))
    blurred = np.where(test[1][:, None, None] == 1, gaussian_filter(test[0], (0, 1.2, 1.2)), test[0])
    images: Images = {"train": as_part(*train), "val": as_part(*val), "test": as_part(blurred, test[1])}
    context = context_of(tmp_path, deciding_by(Detail(), 1.2), images, limit=100)
    assert (context.logits("val").argmax(1) == context.labels("val")).mean() > 0.95
    lower = (context.logits("test").argmax(1) == context.labels("test")).mean()
    assert lower < 0.6
    table = Quality().run(context)
    about = Quality().about(context, table)
    assert {(shift["name"], shift["label"]) for shift in about["shifts"]} >= {("sharpness", 1)}
    assert all(shift["label"] == 1 for shift in about["shifts"] if shift["name"] == "sharpness")
    assert accuracy(context, table, "sharpness", "val") == pytest.approx(lower, abs=0.06)
    assert accuracy(context, table, "all", "val") == pytest.approx(lower, abs=0.06)
    assert len(table[(table["variant"] == "sharpness") & (table["split"] == "val")]) == 100  # unchanged ones too
    assert about["changed"]["sharpness"]["val"] == 50
    assert "test" not in about["changed"]["sharpness"]  # nothing is ever sharpened


def test_a_property_that_costs_a_rare_class_much_is_tried_further_though_accuracy_hardly_falls(tmp_path: Path) -> None:
    """1 of 100 points of accuracy, and 8 of mean recall: a diagnosis by balanced accuracy rests on the trials too."""
    images: Images = {
        part: as_part(plain(n, seed)[0], (np.arange(n) >= 0.94 * n).astype(np.int64))
        for seed, (part, n) in enumerate({"train": 20, "val": 200, "test": 200}.items())
    }
    context = context_of(tmp_path, deciding_by(Detail(), 1.2), images)
    labels = context.labels("val")
    own = np.eye(2, dtype=np.float32)[labels]
    context.run.predictions["val"] = context.run.predictions["val"].with_logits(own)
    after = own.copy()
    after[np.flatnonzero(labels == 1)[:2]] = [1, 0]
    lost = points_lost(context, variant_rows(context.ids("val"), "val", "sharpness", after))
    assert lost == pytest.approx(1.0)
    assert costliest(context, [variant_rows(context.ids("val"), "val", "sharpness", after)]) == "sharpness"
    assert costliest(context, [variant_rows(context.ids("val"), "val", "sharpness", own)]) is None


def test_quality_says_so_when_nothing_shifts(tmp_path: Path) -> None:
    images: Images = {
        part: as_part(*plain(n, seed)) for seed, (part, n) in enumerate({"train": 20, "val": 80, "test": 80}.items())
    }
    with pytest.raises(NothingToDoError) as found:
        Quality().run(context_of(tmp_path, deciding_by(Detail(), 1.2), images))
    assert found.value.absence.kind is ReasonKind.NO_DIFFERENCE


def token_images() -> Images:
    """Class 1 has a bright top left corner; nothing else tells the classes apart."""
    images = {}
    for seed, (part, n) in enumerate({"train": 200, "val": 80, "test": 80}.items()):
        values, labels = plain(n, seed, (40.0, 40.0))
        values[labels == 1, :3, :3] = 250
        values[labels == 0, :3, :3] = 20
        images[part] = as_part(values, labels)
    return images


def test_a_corner_that_a_network_relies_on_flips_it_when_exchanged(tmp_path: Path) -> None:
    context = context_of(tmp_path, deciding_by(Corner(), 0.0), token_images(), limit=60)
    table = Cues().run(context)
    for part in ("val", "test"):
        assert accuracy(context, table, "only:corners", part) == 1
        assert accuracy(context, table, "same:corners", part) == 1
        assert accuracy(context, table, "across:corners", part) == 1  # the cue holds on test
        assert accuracy(context, table, "neutral:corners", part) == 0.5
    assert accuracy(context, table, "swap:corners", "val") == 0
    assert set(table.loc[table["variant"] == "swap:corners", "split"]) == {"val"}  # no verdict rests on it on test
    assert accuracy(context, table, "only:corners", "train") == 1
    assert Cues().about(context, table)["silent"] == ["intensity"]
    assert not (table["variant"] == "swap:intensity").any()


def test_what_may_be_the_finding_itself_is_made_neutral_and_not_exchanged(tmp_path: Path) -> None:
    context = context_of(tmp_path, deciding_by(Corner(), 0.0), token_images(), limit=60)
    variants = set(Cues().run(context)["variant"])
    told = {region.name for region in REGIONS if f"neutral:{region.name}" in variants}
    assert "surround" in told  # it holds the corners
    for region in told:
        exchanged = {f"swap:{region}", f"same:{region}"} <= variants
        assert exchanged == (region not in MAY_BE_CONTENT)


def test_a_network_that_ignores_the_corner_is_not_moved(tmp_path: Path) -> None:
    images = {}
    for part, (pixels, labels) in token_images().items():
        texture, _ = as_part(*plain(len(labels), len(labels)))
        both = texture.copy()
        both[:, :3, :3] = pixels[:, :3, :3]
        images[part] = both, labels

    class Centre(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return Detail()(x[:, :, 12:20, 12:20])

    context = context_of(tmp_path, deciding_by(Centre(), 1.0), images, limit=60)
    table = Cues().run(context)
    own = context.logits("val")[context.sample("val")]
    swapped = table[(table["variant"] == "swap:corners") & (table["split"] == "val")]
    assert accuracy(context, table, "only:corners", "val") == 1  # the cue is there
    np.testing.assert_allclose(logits_in(swapped), own, atol=1e-5)  # and not relied on


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.name)
def test_a_region_keeps_to_itself(region) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    pixels, donors = (rng.integers(60, 190, (6, SIZE, SIZE, 3)).astype(np.uint8) for _ in range(2))
    before = pixels.copy()
    mean = np.full((SIZE, SIZE, 3), 100.0)
    neutral, swapped = region.neutral(pixels, mean), region.swapped(pixels, donors)
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_allclose(
        region.seen(neutral), np.broadcast_to(region.seen(neutral)[:1], region.seen(neutral).shape), atol=0.01
    )
    np.testing.assert_allclose(region.seen(swapped), region.seen(donors), rtol=0.02, atol=0.01)
    if region.name != "intensity":
        mask = region.mask(SIZE)
        np.testing.assert_array_equal(swapped[:, ~mask], pixels[:, ~mask])
        np.testing.assert_array_equal(swapped[:, mask], donors[:, mask])
        assert {"border": 0.234375, "corners": 0.140625, "surround": 0.75}[region.name] == mask.mean()


def test_donors_are_of_another_class_or_another_image() -> None:
    labels = np.repeat(np.arange(3), 7)
    other, same = donors_of(labels, same=False, seed=0), donors_of(labels, same=True, seed=0)
    assert other is not None
    assert same is not None
    assert (labels[other] != labels).all()
    assert (labels[same] == labels).all()
    assert (same != np.arange(21)).all()
    assert donors_of(np.zeros(4, dtype=np.int64), same=False, seed=0) is None
    assert donors_of(np.array([0, 1, 1]), same=True, seed=0) is None


def brightness_images(shift: float) -> Images:
    """Class 1 is brighter; all test images are brighter than train and validation by `shift`."""
    images = {}
    for seed, (part, n) in enumerate({"train": 90, "val": 90, "test": 120}.items()):
        rng = np.random.default_rng(seed)
        labels = (np.arange(n) % 3 > 0).astype(np.int64) if part != "test" else (np.arange(n) % 4 == 0).astype(np.int64)
        values = rng.normal(110, 12, (n, SIZE, SIZE)) + 25 * labels[:, None, None] + (shift if part == "test" else 0)
        images[part] = as_part(values, labels)
    return images


def normalised(images: Images) -> nn.Module:
    """BatchNorm with the statistics of the training images."""
    norm = nn.BatchNorm2d(3)
    x = (torch.from_numpy(images["train"][0][..., 0] / 255.0).float() - 0.5) / 0.25
    assert norm.running_mean is not None and norm.running_var is not None
    norm.running_mean.fill_(float(x.mean()))
    norm.running_var.fill_(float(x.var()))
    return norm


class Pass(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_statistics_that_do_not_fit_test_are_mended_whatever_its_class_shares(tmp_path: Path) -> None:
    images = brightness_images(shift=40)
    context = context_of(tmp_path, deciding_by(Pass(), -0.25, normalised(images)), images)
    before = (context.logits("test").argmax(1) == context.labels("test")).mean()
    table = BatchNormStatistics().run(context)
    assert before < 0.4
    assert accuracy(context, table, "alpha=1", "test") > 0.98
    assert before <= accuracy(context, table, "alpha=0.25", "test") <= accuracy(context, table, "alpha=1", "test")
    assert accuracy(context, table, "own-statistics", "val") > 0.98


def test_another_mixture_of_classes_is_no_other_appearance(tmp_path: Path) -> None:
    images = brightness_images(shift=0)
    context = context_of(tmp_path, deciding_by(Pass(), -0.25, normalised(images)), images)
    table = BatchNormStatistics().run(context)
    assert (context.logits("test").argmax(1) == context.labels("test")).mean() > 0.98
    assert accuracy(context, table, "alpha=1", "test") > 0.98


def test_a_class_of_one_test_patient_cannot_be_in_the_batches_of_both_halves(tmp_path: Path) -> None:
    images = brightness_images(shift=0)
    patients = {part: [f"{part}{n}" for n in range(len(y))] for part, (_, y) in images.items()}
    patients["test"] = ["the one" if label else f"test{n}" for n, label in enumerate(images["test"][1])]
    context = context_of(tmp_path, deciding_by(Pass(), -0.25, normalised(images)), images, patients=patients)
    with pytest.raises(
        NothingToDoError
    ) as found:  # statistics of the other class alone cost 38 points where none differ
        BatchNormStatistics().run(context)
    assert found.value.absence.kind is ReasonKind.PARTS_MISSING and "class1" in found.value.absence.text


def test_corrupted_statistics_are_told_by_those_of_training_images(tmp_path: Path) -> None:
    images = brightness_images(shift=0)
    norm = normalised(images)
    norm.running_mean += 1.5  # type: ignore[operator]
    context = context_of(tmp_path, deciding_by(Pass(), -0.25, norm), images)
    table = BatchNormStatistics().run(context)
    assert (context.logits("val").argmax(1) == context.labels("val")).mean() < 0.4
    assert accuracy(context, table, "own-statistics", "val") > 0.98
    assert accuracy(context, table, "alpha=1", "val") > 0.98
    assert float(norm.running_mean[0]) == pytest.approx(float(normalised(images).running_mean[0]) + 1.5)  # type: ignore[index]


def test_right_statistics_pass_for_right_though_validation_too_is_of_another_site(tmp_path: Path) -> None:
    images = brightness_images(shift=0)
    images = {part: (x if part == "train" else x + 40, y) for part, (x, y) in images.items()}
    context = context_of(tmp_path, deciding_by(Pass(), -0.25, normalised(images)), images)
    before = (context.logits("val").argmax(1) == context.labels("val")).mean()
    table = BatchNormStatistics().run(context)
    assert accuracy(context, table, "alpha=1", "val") > before + 0.2  # the cause would call it a bug by this
    assert accuracy(context, table, "own-statistics", "val") == pytest.approx(before, abs=0.02)


def test_no_image_is_scored_with_statistics_of_its_own_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from heldout.diagnosis.interventions import batchnorm

    images = brightness_images(shift=40)
    patients = {
        part: [f"{part if part == 'train' else 'p'}{n // 6}" for n in range(len(y))] for part, (_, y) in images.items()
    }
    context = context_of(tmp_path, deciding_by(Pass(), -0.25, normalised(images)), images, patients=patients)
    used: list[set[str]] = []
    real = batchnorm.matched_batches

    def batches(labels, allowed, shares, seed):  # type: ignore[no-untyped-def]
        found = real(labels, allowed, shares, seed)
        used.append({patients["test"][row] for row in np.concatenate(found)})
        return found

    monkeypatch.setattr(batchnorm, "matched_batches", batches)
    halves = batchnorm.halves(context, {"val": context.sample("val"), "test": context.sample("test")})
    scored = [
        {patients[part][row] for part in halves for row in np.flatnonzero(halves[part] == number)} for number in (0, 1)
    ]
    BatchNormStatistics().run(context)
    for number in (0, 1):
        assert used[number]
        assert not used[number] & scored[number]


def test_statistics_are_those_of_the_images_blended() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3)
    network = deciding_by(Pass(), 0.0, norm)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1)).astype(np.uint8)
    x = (torch.from_numpy(pixels[..., 0] / 255.0).float() - 0.5) / 0.25
    for alpha in (0.0, 0.3, 1.0):
        mean, variance = estimated(network, pixels, [np.arange(20)], alpha, machine("cpu"))["stages.norm"]
        assert float(mean[0]) == pytest.approx(alpha * float(x.mean()), abs=1e-5)
        assert float(variance[0]) == pytest.approx((1 - alpha) + alpha * float(x.var()), rel=1e-5)
    assert norm.running_mean is not None
    assert float(norm.running_mean.abs().max()) == 0  # left as it was


def test_batches_have_the_shares_that_are_asked_for() -> None:
    labels = np.repeat([0, 1, 2], [10, 50, 100])
    for rows in matched_batches(labels, np.ones(160, dtype=bool), np.array([0.5, 0.25, 0.25]), (0, 0)):
        assert np.bincount(labels[rows]).tolist() == [32, 16, 16]
    assert len(matched_batches(labels, np.ones(160, dtype=bool), np.array([0.5, 0.25, 0.25]), (0, 0))) == 3


def test_the_sample_is_stratified_and_fixed() -> None:
    labels = np.repeat([0, 1, 2], [700, 295, 5])
    rows = stratified(labels, 100, seed=3)
    assert np.bincount(labels[rows]).tolist() == [70, 30, 1]
    np.testing.assert_array_equal(rows, stratified(labels, 100, seed=3))
    assert not np.array_equal(rows, stratified(labels, 100, seed=4))
    np.testing.assert_array_equal(stratified(labels, 1000, seed=3), np.arange(1000))


class Spread(nn.Module):
    """Two numbers as features: means of the upper and of the lower half, spread over three channels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        half = x.shape[2] // 2
        upper, lower = x[:, 0, :half].mean(dim=(1, 2)), x[:, 0, half:].mean(dim=(1, 2))
        return torch.stack([upper, lower, upper * lower], dim=1)


def two_halves(shift: bool, hard: bool) -> Images:
    """The class is in the brightness of the upper half; in test that of the lower (`shift`), or hardly (`hard`)."""
    images = {}
    for seed, (part, n) in enumerate({"train": 150, "val": 200, "test": 200}.items()):
        rng = np.random.default_rng(seed)
        labels = np.arange(n) % 2
        values = np.full((n, SIZE, SIZE), 110.0)
        upper, lower = rng.normal(size=(2, n)) * 4
        step = np.where(labels == 1, 10.0, -10.0)
        if part == "test" and hard:
            step = step * 0.15
        if part == "test" and shift:
            upper -= 20  # all test images are darker above: the old cut calls them class 0
        values[:, : SIZE // 2] += (upper + step)[:, None, None]
        values[:, SIZE // 2 :] += (lower - (40 if part == "test" and shift else 0))[:, None, None]
        images[part] = as_part(values, labels)
    return images


@pytest.mark.parametrize("hard", [False, True])
def test_pooling_tells_hard_images_from_other_images(tmp_path: Path, hard: bool) -> None:
    context = context_of(tmp_path, deciding_by(Spread(), 0.0), two_halves(shift=not hard, hard=hard))
    table = PooledClassifiers().run(context)
    val, test = (accuracy(context, table, "balanced", part) for part in ("val", "test"))
    assert accuracy(context, table, "source", "val") > 0.95
    assert accuracy(context, table, "source", "test") < 0.75
    if hard:
        assert val - test > 0.2  # learning from test images does not help
    else:
        assert abs(val - test) < 0.05  # it does
    assert set(table["variant"]) == {"balanced", "unbalanced", "source", "neighbours"}
    assert len(table) == 4 * 400


def test_balancing_makes_both_parts_count_the_same_within_a_class() -> None:
    rng = np.random.default_rng(0)
    labels, source = rng.integers(0, 3, 200), rng.random(200) < 0.8
    weights = balancing(labels, source)
    for k in range(3):
        assert weights[(labels == k) & source].sum() == pytest.approx(weights[(labels == k) & ~source].sum())
        assert weights[labels == k].sum() == pytest.approx((labels == k).sum())


def test_redrawing_tears_no_patient_and_no_copy_apart(tmp_path: Path) -> None:
    images = {
        part: as_part(*plain(n, seed)) for seed, (part, n) in enumerate({"train": 80, "val": 40, "test": 10}.items())
    }
    patients = {part: [f"p{n % 30}" for n in range(len(y))] for part, (_, y) in images.items()}
    context = context_of(tmp_path, deciding_by(Detail(), 1.2), images, patients=patients)
    assert GroupedRetraining().why_not(context) is None
    pairs = (("train0", "val1"), ("val3", "train44"), ("test0", "train3"))
    split = redrawn(context, [CopyPair(a, b, "mirrored") for a, b in pairs])
    name = {f"{part}{n}": patients[part][n] for part in ("train", "val") for n in range(len(patients[part]))}
    assert {*split.train, *split.val} == set(name)
    assert not {name[id_] for id_ in split.train} & {name[id_] for id_ in split.val}
    for a, b in (("train0", "val1"), ("val3", "train44")):
        assert (a in split.val) == (b in split.val)
    assert abs(len(split.val) - 40) <= 4
    apart = {part: [f"{part}{n}" for n in range(len(y))] for part, (_, y) in images.items()}
    other = context_of(tmp_path / "apart", deciding_by(Detail(), 1.2), images, patients=apart)
    absence = GroupedRetraining().why_not(other)
    assert absence is not None and absence.kind is ReasonKind.DOES_NOT_APPLY


def test_mapped_pixels_are_let_go_and_read_again(tmp_path: Path) -> None:
    images: Images = {part: plain(6, seed) for seed, part in enumerate(("train", "val", "test"))}
    images = {part: (np.rint(x).clip(0, 255).astype(np.uint8)[..., None], y) for part, (x, y) in images.items()}
    context = context_of(tmp_path, deciding_by(Corner(), 0.5), images)
    before = context.pixels("train")
    kept = weakref.ref(before)
    first = np.array(before)
    context.let_go()
    assert context.pixels("train") is not before
    del before
    assert kept() is None
    np.testing.assert_array_equal(context.pixels("train"), first)


def dotted(part: str, counts: tuple[int, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of three classes: plain, with a bright corner, with a bright middle."""
    rng = np.random.default_rng((seed, len(part)))
    labels = rng.permutation(np.repeat(np.arange(3), counts))
    values = 120 + 25 * rng.normal(size=(len(labels), SIZE, SIZE))
    values[labels == 1, :4, :4] += 30
    values[labels == 2, 12:16, 12:16] += 30
    return as_part(values, labels)


class Patches(nn.Module):
    """The mean grey level of 64 patches, a channel each."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.avg_pool2d(x[:, :1], SIZE // 8).flatten(1)[:, :, None, None]


def tailed_context(folder: Path, test: tuple[int, ...] = (40, 40, 60)) -> InterventionContext:
    """The third class has 4 of 164 training images, one validation image, and 60 test images."""
    images: Images = {
        "train": dotted("train", (80, 80, 4), 0),
        "val": dotted("val", (30, 30, 1), 1),
        "test": dotted("test", test, 2),
    }
    stages: dict[str, nn.Module] = {"input": Input((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), "stage": Patches()}
    network = Network({**stages, "norm": nn.BatchNorm2d(64), "pool": Flat()}, 64, 3, seed=0)
    return context_of(folder, network.to(memory_format=torch.channels_last).eval(), images)


def recall_of(context: InterventionContext, table: pd.DataFrame, variant: str, part: str, k: int) -> float:
    truth = dict(zip(context.ids(part), context.labels(part), strict=True))
    chosen = table[(table["variant"] == variant) & (table["split"] == part)]
    own = chosen[[truth[id_] == k for id_ in chosen["id"]]]
    return float((logits_in(own).argmax(axis=1) == k).mean())


def test_more_images_of_a_rare_class_raise_its_recall_and_as_few_of_others_lower_theirs(tmp_path: Path) -> None:
    context = tailed_context(tmp_path)
    table = Doses().run(context)
    few, many = (recall_of(context, table, f"{name}:2", "test", 2) for name in ("few", "many"))
    assert many > few + 0.2, "45 images of the class instead of 4, of the same part"
    for j in (0, 1):
        full = recall_of(context, table, "full", "val", j)
        for draw in (0, 1):
            assert recall_of(context, table, f"thin:2:{j}:{draw}", "val", j) < full - 0.2
    assert set(table["variant"]) == {
        "full",
        "few:2",
        "weighted:2",
        "many:2",
        *(f"thin:2:{j}:{d}" for j in (0, 1) for d in (0, 1)),
    }


def test_a_rare_class_with_few_test_images_is_only_compared_with_others(tmp_path: Path) -> None:
    found = set(Doses().run(tailed_context(tmp_path, (40, 40, 5)))["variant"])
    assert "full" in found and any(name.startswith("thin") for name in found) and "many:2" not in found


def test_without_a_rare_class_on_test_there_is_nothing_to_learn_anew(tmp_path: Path) -> None:
    absence = Doses().why_not(tailed_context(tmp_path, (40, 40, 0)))
    assert absence is not None and absence.does_not_apply


def test_an_image_alone_in_its_class_leaves_the_exchange_of_all_others_as_it_is() -> None:
    labels = np.array([0, 1, 0, 2, 1])
    assert exchangeable(labels).tolist() == [0, 1, 2, 4]
    assert donors_of(labels[exchangeable(labels)], same=True, seed=0) is not None


def test_one_validation_image_of_a_class_does_not_switch_the_exchange_of_cues_off(tmp_path: Path) -> None:
    """Corner and middle give the classes away; the third class has one validation image."""
    context = tailed_context(tmp_path)
    table = Cues().run(context)
    swapped = table[table["variant"].str.startswith(("swap", "same")) & (table["split"] == "val")]
    assert set(swapped["variant"].str.partition(":")[0]) == {"swap", "same"}
    assert swapped.groupby("variant").size().eq(60).all()


def test_batches_are_matched_though_test_lacks_a_class_that_training_hardly_has(tmp_path: Path) -> None:
    """4 of 164 training images; of a class that is a tenth of train other shares would pass for another appearance."""
    context = tailed_context(tmp_path / "rare", (40, 40, 0))
    assert BatchNormStatistics().why_not(context) is None
    assert set(BatchNormStatistics().run(context)["variant"]) == {
        "alpha=0.25",
        "alpha=0.5",
        "alpha=1",
        "own-statistics",
    }
    common = tailed_context(tmp_path / "common", (40, 0, 40))
    absence = BatchNormStatistics().why_not(common)
    assert absence is not None and absence.kind is ReasonKind.PARTS_MISSING


def test_neighbours_are_of_other_patients_and_weigh_as_both_parts_do() -> None:
    """Copies of one patient's image, labelled otherwise than its likes: its own copies have no vote."""
    rng = np.random.default_rng(0)
    labels = (np.arange(300) % 2).astype(np.int64)
    x = rng.normal(size=(300, 8)).astype(np.float32) + 3 * labels[:, None]
    units = np.arange(300)
    copies = np.arange(0, 40)
    x[copies], labels[copies], units[copies] = x[1], 0, 1  # all look like class 1
    units[1] = 1
    source = np.arange(300) < 200
    votes = neighbour_logits(x, labels, source, units, 2, seed=0)
    assert (votes[copies].argmax(axis=1) == 1).all()
    alone = np.delete(np.arange(300), copies)
    assert (votes.argmax(axis=1) == labels)[alone].mean() > 0.95
    # An image whose neighbours are all of its class is as sure as fifteen votes and half a doubt can be.
    assert votes.max() <= np.log(15 * 2 + 0.5) and np.isfinite(votes).all()
    every = neighbour_logits(x, labels, source, np.zeros(300, dtype=np.int64), 2, seed=0)
    assert np.allclose(every, np.log(0.5))  # one patient: nobody may vote
