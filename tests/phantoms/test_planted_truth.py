"""Each plant does what its manual says, to the image."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from heldout.errors import InputError, UsageError
from heldout.phantoms import CLASSES, Counts, Phantom, paint, plant_images, plant_table, simulate, simulate_twin
from heldout.phantoms.choose import apportion
from heldout.phantoms.planting import keyed
from heldout.phantoms.plants import parse_plants
from heldout.phantoms.worlds import worlds
from tests.phantoms.sets import real_set

CELLS = worlds.get("cells")
COUNTS = Counts(train=60, val=30, test=50, train_patients=12, val_patients=6, test_patients=10)
SIZE = 32


@pytest.fixture(scope="module")
def clean() -> Phantom:
    return simulate(CELLS, 2, COUNTS, SIZE)


def of(clean: Phantom, *texts: str) -> Phantom:
    return simulate(clean.world, clean.seed, clean.counts, clean.size, parse_plants(texts), known=clean)


def part(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[table["split"] == name]


@given(st.integers(0, 500), st.lists(st.floats(0.01, 1), min_size=1, max_size=6))
def test_shares_become_whole_numbers_that_add_up(n: int, weights: list[float]) -> None:
    shares = {str(k): weight / sum(weights) for k, weight in enumerate(weights)}
    counts = apportion(n, shares)
    assert sum(counts.values()) == n
    assert all(abs(counts[group] - n * share) < 1 + 1e-6 for group, share in shares.items())


@pytest.mark.parametrize("share", [0.2, 0.5, 0.86, 1.0])
def test_the_prior_is_exact_and_test_keeps_its_size(share: float, clean: Phantom) -> None:
    table = part(of(clean, f"prior={share}").table, "test")
    assert len(table) == 50
    assert (table["label"] == CLASSES[1]).sum() == round(50 * share)
    here = set(part(clean.table, "test")["id"])
    kept = table["id"].isin(here)
    before = part(clean.table, "test")["label"].value_counts()
    for label, count in table["label"].value_counts().items():  # no image is exchanged without need
        assert (kept & (table["label"] == label)).sum() == min(count, before[label])


def test_without_spare_images_test_shrinks_and_other_classes_keep_their_ratio() -> None:
    given_set = real_set(spare=False, classes=("a", "b", "c", "b"))  # 6, 12, 6 in test
    planted = plant_images(*given_set, parse_plants(["prior=0.5:label=a"]))
    assert part(planted.table, "test")["label"].value_counts().to_dict() == {"a": 6, "b": 4, "c": 2}
    assert planted.truth[0].shares_after["test"] == pytest.approx({"a": 0.5, "b": 1 / 3, "c": 1 / 6})
    assert planted.truth[0].shares_before["test"] == pytest.approx({"a": 0.25, "b": 0.5, "c": 0.25})


def test_flips_are_counted_by_class_and_keep_the_truth() -> None:
    given_set = real_set(spare=False, classes=("a", "b", "c"))
    for text, expected in (("flips=0.25", {"a": 2, "b": 2, "c": 2}), ("flips=0.5:classes=b", {"b": 4})):
        table = plant_images(*given_set, parse_plants([text])).table
        wrong = table[table["label"] != table["true_label"]]
        assert set(wrong["split"]) == {"test"}
        assert wrong["true_label"].value_counts().to_dict() == expected
        assert list(table["true_label"]) == list(given_set.table["label"])
    flipped = [
        set(plant_images(*given_set, parse_plants([f"flips={rate}"])).truth[0].touched) for rate in (0.25, 0.5, 1)
    ]
    assert flipped[0] < flipped[1] < flipped[2]  # a stronger plant hits the same images and more


def test_the_lots_do_not_care_what_else_is_planted(clean: Phantom) -> None:
    alone, after = of(clean, "flips=0.2"), of(clean, "prior=0.6", "flips=0.2")
    common = set(alone.table["id"]) & set(after.table["id"])
    differing = (set(alone.truth[0].touched) ^ set(after.truth[1].touched)) & common
    assert len(set(alone.truth[0].touched) & set(after.truth[1].touched)) > len(differing)


def test_leaked_patients_have_other_images_in_train(clean: Phantom) -> None:
    planted = of(clean, "patients-in-val=0.5")
    train, val = part(planted.table, "train"), part(planted.table, "val")
    leaked = val[val["patient"].isin(train["patient"])]
    assert set(leaked["id"]) == set(planted.truth[0].touched)
    assert len(leaked) == round(0.5 * len(val)) == 15
    assert not set(val["id"]) & set(train["id"])
    assert val["label"].value_counts().to_dict() == part(clean.table, "val")["label"].value_counts().to_dict()
    assert set(train["id"]) == set(part(clean.table, "train")["id"])  # a phantom draws more; train loses nothing


def test_without_spare_images_leaked_ones_leave_train_in_the_twin_too() -> None:
    given_set = real_set(spare=False)
    some = parse_plants(["patients-in-val=1"])
    planted = plant_images(*given_set, some)
    twin = plant_images(*given_set, parse_plants(["patients-in-val=1:planted=no"]))
    train = part(planted.table, "train")
    assert len(train) == 40 - 20 and set(train["id"]) == set(part(twin.table, "train")["id"])
    assert set(part(planted.table, "val")["patient"]) <= set(train["patient"])
    assert set(part(twin.table, "val")["id"]) == set(part(given_set.table, "val")["id"])


def test_a_patients_last_image_stays_in_train() -> None:
    images, table = real_set(spare=False)
    few = ((table["split"] != "train") | (table.groupby("patient").cumcount() < 2)).to_numpy()  # 16 images, two each
    planted = plant_images(images[few], table[few], parse_plants(["patients-in-val=1"]))
    assert part(planted.table, "train")["patient"].value_counts().to_dict() == {f"train-{k}": 1 for k in range(8)}
    assert len(planted.truth[0].touched) == 8


def test_what_is_withheld_stays_withheld_whatever_comes_next(clean: Phantom) -> None:
    planted = of(clean, "withheld=0.5:by=volume_fl,tail=high", "patients-in-val=1", "copies-in-val=0.5")
    train = part(clean.table, "train")
    for label in CLASSES:
        threshold = np.quantile(train.loc[train["label"] == label, "volume_fl"], 0.5)
        own = planted.table[planted.table["label"] == label]
        assert (own.loc[own["split"] != "test", "volume_fl"] < threshold).all()


def test_copies_are_copies(clean: Phantom) -> None:
    planted = of(clean, "copies-in-val=0.4:changed=0.5")
    table, image = planted.table, dict(zip(planted.table["id"], planted.images, strict=True))
    copies = table[table["copy_of"] != ""]
    assert set(copies["split"]) == {"val"} and len(copies) == 12
    assert copies["copy_of"].isin(part(table, "train")["id"]).all()
    assert not copies["patient"].isin(part(table, "train")["patient"]).any()  # only the pixels tell
    exact = [np.array_equal(image[a], image[b]) for a, b in zip(copies["id"], copies["copy_of"], strict=True)]
    assert sum(exact) == 6
    for one in copies[~np.array(exact)].itertuples():
        moved = np.clip(image[one.copy_of][:-1, :-1].astype(int) + 4, 0, 255)
        np.testing.assert_array_equal(image[one.id][1:, 1:], moved)
    open_copies = of(clean, "copies-in-val=0.4:hidden=no").table
    open_copies = open_copies[open_copies["copy_of"] != ""]
    assert open_copies["patient"].isin(part(table, "train")["patient"]).all()


def test_copies_of_images_that_another_plant_changed_are_copies_still() -> None:
    planted = plant_images(*real_set(), parse_plants(["noise=20:parts=train,test", "copies-in-val=0.5"]))
    image = dict(zip(planted.table["id"], planted.images, strict=True))
    copies = planted.table[planted.table["copy_of"] != ""]
    assert len(copies) == 10
    assert all(np.array_equal(image[a], image[b]) for a, b in zip(copies["id"], copies["copy_of"], strict=True))


@pytest.mark.parametrize(("test", "own", "other"), [("flipped", 0.1, 0.9), ("random", 0.5, 0.5), ("absent", 0.0, 0.0)])
def test_the_mark_follows_the_class_but_not_in_test(test: str, own: float, other: float, clean: Phantom) -> None:
    planted = of(clean, f"token=0.9:test={test}")
    twin = simulate_twin(planted)
    for phantom, rates in ((planted, (own, other)), (twin, (0.9, 0.1))):
        marked = (phantom.images[:, :2, :4] == 255).all((1, 2)) & (phantom.images[:, 2:4, :4] == 0).all((1, 2))
        for name, expected in (("train", (0.9, 0.1)), ("val", (0.9, 0.1)), ("test", rates)):
            for label, rate in zip((CLASSES[1], CLASSES[0]), expected, strict=True):
                among = ((phantom.table["split"] == name) & (phantom.table["label"] == label)).to_numpy()
                assert marked[among].sum() == round(rate * among.sum())


def test_marks_stand_in_their_corner() -> None:
    given_set = real_set(3, spare=False)
    for corner, place in (("top-right", np.s_[0, -1]), ("bottom-left", np.s_[-1, 0])):
        planted = plant_images(*given_set, parse_plants([f"token=1:corner={corner}"]))
        touched = planted.table["plant_token"].to_numpy() == 1
        expected = 255 if corner.startswith("top") else 0
        assert (planted.images[touched][(slice(None), *place)] == expected).all()


def test_a_sub_population_becomes_common_and_classes_keep_their_shares(clean: Phantom) -> None:
    planted = of(clean, "common=0.8:by=volume_fl,tail=high,fraction=0.4")
    train, before, after = (
        part(t, n) for t, n in ((clean.table, "train"), (clean.table, "test"), (planted.table, "test"))
    )
    assert len(after) == 50
    for label in CLASSES:
        threshold = np.quantile(train.loc[train["label"] == label, "volume_fl"], 0.6)
        own = after.loc[after["label"] == label, "volume_fl"]
        assert len(own) == (before["label"] == label).sum()
        assert abs((own >= threshold).sum() - 0.8 * len(own)) < 1


def test_a_sub_population_of_one_class_leaves_the_other_alone(clean: Phantom) -> None:
    planted = of(clean, "common=0.9:classes=echinocyte")
    was, now = (set(part(p.table, "test").loc[lambda t: t["label"] == CLASSES[0], "id"]) for p in (clean, planted))
    assert was == now
    assert planted.truth[0].removed


def test_a_withheld_site_is_in_test_alone() -> None:
    both = simulate(worlds.get("cells-both-sites"), 0, COUNTS, SIZE)
    planted = of(both, "withheld:by=site,value=clinic-b")
    sites = {name: set(rows["site"]) for name, rows in planted.table.groupby("split")}
    assert sites == {"train": {"clinic-a"}, "val": {"clinic-a"}, "test": {"clinic-a", "clinic-b"}}
    assert set(simulate_twin(planted).table["site"]) == {"clinic-a"}


def test_the_darkest_real_images_are_withheld_by_default() -> None:
    given_set = real_set(spare=False)
    planted = plant_images(*given_set, parse_plants(["withheld=0.5"]))
    brightness = given_set.images.mean(axis=(1, 2))
    train = (given_set.table["split"] == "train").to_numpy()
    for label in ("ill", "well"):
        own = (given_set.table["label"] == label).to_numpy()
        table = planted.table[planted.table["label"] == label]
        assert table.loc[table["split"] != "test", "brightness"].min() > np.quantile(brightness[train & own], 0.45)
        assert len(part(table, "train")) == 10 and len(part(table, "test")) == 12


def test_hard_cells_are_those_that_the_best_reader_doubts(clean: Phantom) -> None:
    planted = of(clean, "hard=0.9")
    doubt = [part(p.table, "test")["posterior"].map(lambda p: 1 - abs(2 * p - 1)) for p in (clean, planted)]
    assert doubt[1].mean() > doubt[0].mean() + 0.15
    planted_real = plant_images(*real_set(), parse_plants(["hard=1"]))
    train = part(real_set().table, "train")[lambda t: ~t["spare"]]
    for label, rows in part(planted_real.table, "test").groupby("label"):
        assert rows["difficulty"].min() >= np.quantile(train.loc[train["label"] == label, "difficulty"], 0.66)


def test_blur_in_the_microscope_adds_its_variance(clean: Phantom) -> None:
    planted = of(clean, "blur=2:classes=echinocyte").table
    before, after = (t["psf_sigma_um"] / t["pixel_um"] for t in (clean.table, planted))
    touched = (planted["plant_blur"] > 0).to_numpy()
    np.testing.assert_allclose(after[touched] ** 2, before[touched] ** 2 + 4)
    np.testing.assert_array_equal(after[~touched], before[~touched])


def test_each_kind_of_damage_moves_its_own_measure(clean: Phantom) -> None:
    def sharp(image: np.ndarray) -> float:
        return float(ndimage.laplace(image.astype(float)).var())

    def flat(image: np.ndarray) -> float:
        return float(np.ptp(ndimage.gaussian_filter(image.astype(float), 1)))

    real = real_set(spare=False)
    test = (clean.table["split"] == "test").to_numpy()
    real_test = (real.table["split"] == "test").to_numpy()
    for text, measure, sign in (("blur=2", sharp, -1), ("noise=25", sharp, 1), ("contrast=0.6", flat, -1)):
        for before, after in (
            (clean.images[test], of(clean, text).images[test]),
            (real.images[real_test], plant_images(*real, parse_plants([text])).images[real_test]),
        ):
            changes = np.array([measure(b) - measure(a) for a, b in zip(before, after, strict=True)])
            assert (sign * changes > 0).mean() > 0.9


def test_painting_leaves_the_given_pixels_alone() -> None:
    images, table = real_set(spare=False)
    plants = parse_plants(["noise=20"])
    planted, _ = plant_table(table, plants)
    before = images.copy()
    assert not np.array_equal(paint(images, planted, keyed(plants), 0), before)
    np.testing.assert_array_equal(images, before)


def test_noise_has_its_size_in_grey_levels() -> None:
    table = real_set(spare=False).table
    grey = np.full((len(table), 40, 40), 128, np.uint8)
    images = plant_images(grey, table, parse_plants(["noise=12"])).images[table["split"] == "test"]
    assert images.std() == pytest.approx(12, rel=0.02)
    lit = simulate(CELLS, 2, COUNTS, SIZE, parse_plants(["noise=12"]))
    assert np.allclose(
        lit.table.loc[lit.table["plant_noise"] > 0, "read_noise_e"], np.hypot(8.0, 12 * 48.0)
    )  # the photon transfer of test_physics.py proves what that does to the pixels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patients-in-val", "no validation images"),
        ("copies-in-val", "no validation images"),
        ("blur:classes=lymphocyte", "expected one of discocyte, echinocyte"),
        ("common:by=shoe_size", "no column 'shoe_size'"),
        ("common:by=site", "no numbers"),
        ("withheld:by=site,value=mars", "no image of discocyte in the sub-population"),
    ],
)
def test_what_cannot_be_planted_is_said(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        simulate(CELLS, 0, Counts.of(20), SIZE, parse_plants([text]))


def test_hard_real_images_need_to_be_known() -> None:
    images, table = real_set()
    with pytest.raises(UsageError, match="no column 'difficulty'"):
        plant_images(images, table.drop(columns="difficulty"), parse_plants(["hard"]))
    with pytest.raises(UsageError, match="every patient to be known"):
        plant_images(images, table.drop(columns="patient"), parse_plants(["patients-in-val"]))


def test_all_that_is_wrong_with_a_set_is_said_at_once() -> None:
    images, table = real_set()
    with pytest.raises(InputError) as caught:
        plant_images(images[:-1].astype(float), table.assign(id="x", split="tset"), [])
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("blurr=2", "Did you mean blur"),
        ("blur=two", "expected a number"),
        ("blur:sigm=2", "it has: sigma"),
        ("blur=-1", "from 0 to 100"),
        ("blur=2:sigma=3", "second value"),
        ("blur:sigma", "setting without value"),
        ("Blur 2", "NAME\\[=SEVERITY\\]"),
        ("blur:parts=exam", "expected parts among"),
        ("jpeg=96", "from 1 to 95"),
        ("noise=-3", "from 0 to 255"),
        ("contrast=1", "below 1"),
        ("flips=2", "from 0 to 1"),
        ("prior=2", "from 0 to 1"),
        ("token=0.3", "from 0.5 to 1"),
        ("common=1.5", "from 0 to 1"),
        ("withheld=0", "between 0 and 1"),
        ("patients-in-val=7", "from 0 to 1"),
        ("copies-in-val:brighter=700", "from 0 to 255"),
    ],
)
def test_a_text_that_names_no_plant_is_a_usage_error(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_plants(["jpeg", text])


def test_texts_name_all_settings() -> None:
    blur, flips = parse_plants(["blur=3:classes=a,b,parts=val,test", "flips:rate=0.2"])
    assert blur == parse_plants(["blur:sigma=3,parts=val,test,classes=a,b"])[0]
    assert (blur.sigma, blur.classes, blur.parts, flips.rate) == (3.0, ("a", "b"), ("val", "test"), 0.2)
