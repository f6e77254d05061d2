from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from heldout.diagnosis.causes.selection import CAUSE
from heldout.diagnosis.run_data import SEARCHED, RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records.logit_table import variants_table
from tests.diagnosis.causes.made_evidence import CLASSES, Reals, case, counted, evidence, of_sides, sides, with_scored

pytestmark = pytest.mark.numeric

TRUE = 0.85
"""Share of right answers that every epoch of pure noise has on new images."""


def answered(made: RunData, right: NDArray[np.bool_], *, keeps: bool = True) -> RunData:
    """The run's epochs are right on these images, (e, n); the best of them is what is reported."""
    labels = sides(made)["val"].labels
    epochs = np.where(right, labels, 1 - labels)
    best = epochs[right.mean(axis=1).argmax()]
    val = sides(made)["val"].with_logits(4.0 * np.eye(len(CLASSES))[best])
    return replace(made, val=val, val_epochs=epochs, keeps="best" if keeps else "last")


def coins(seed: int, *, n: int = 100, epochs: int = 60) -> RunData:
    """Epochs that differ by luck alone."""
    right = np.random.default_rng(seed).random((epochs, n)) < TRUE
    return answered(evidence(n, 100, seed=seed, patients=1), right)


def test_the_luckiest_of_sixty_epochs_is_established_at_its_luck() -> None:
    found, true, verdicts = [], [], []
    for seed in range(8):
        made = coins(seed)
        finding = CAUSE.judge(case(made))
        verdicts.append(finding.verdict)
        assert finding.points is not None
        assert finding.priority == (finding.points.value if finding.verdict == "established" else 0)
        assert ("last-epoch" in finding.remedy) == (finding.verdict == "established")
        found.append(finding.points.value)
        true.append(100 * (float(sides(made)["val"].right.mean()) - TRUE))
    assert verdicts.count("established") >= 6 and np.mean(true) > 7
    assert np.mean(found) == pytest.approx(np.mean(true), abs=1.5)


def test_the_sentence_says_what_was_chosen_among_and_how_it_was_measured() -> None:
    finding = CAUSE.judge(case(coins(0)))
    assert finding.sentence.startswith("The best of 60 epochs; chosen on one half of the validation patients")
    assert finding.points is not None and f"flattered by {finding.points.value:.1f} points" in finding.sentence


def test_the_last_epoch_was_not_chosen() -> None:
    for made in (evidence(), replace(coins(0), keeps="last"), answered(evidence(), np.ones((1, 600), dtype=bool))):
        finding = CAUSE.judge(case(made))
        assert finding.verdict == "not applicable" and finding.points is None
        assert finding.reason == "because nothing was chosen on validation: the weights are those of the last epoch"


def test_an_epoch_that_is_truly_best_is_not_flattered() -> None:
    rng = np.random.default_rng(0)
    right = rng.random((6, 600)) < np.array([0.5, 0.6, 0.7, 0.8, 0.95, 0.7])[:, None]
    finding = CAUSE.judge(case(answered(evidence(), right)))
    assert finding.verdict == "excluded" and finding.points is not None and finding.priority == 0
    assert f"by no more than {finding.points.high:.1f} points" in finding.sentence


def test_a_little_luck_on_few_images_cannot_be_told() -> None:
    finding = CAUSE.judge(case(coins(0, n=200, epochs=30)))
    assert finding.verdict == "not identifiable" and "images instead of 200" in finding.reason


def test_patients_are_halved_not_images() -> None:
    """Thirty patients of ten alike images: by images each half holds them all, and choosing looks harmless."""
    luck = np.random.default_rng(0).random((30, 30)) < TRUE
    made = answered(evidence(300, 100, patients=10), luck[:, np.arange(300) // 10])
    torn = replace(made, val=replace(sides(made)["val"], patients=("",) * 300))
    by_patient, by_image = CAUSE.judge(case(made)).points, CAUSE.judge(case(torn)).points
    assert by_patient is not None and by_image is not None
    assert by_patient.value > 8 and by_image.value < 3


def probe(margins: dict[str, Reals], *, reported: str) -> RunData:
    """A linear probe whose candidates have these margins on validation; all images are those of 100 patients."""
    made = replace(evidence(len(margins[reported]), 100, patients=1), strategy="probe")
    made = with_scored(made, "strengths", {(name, "val"): one for name, one in margins.items()})
    z = np.stack([-margins[reported] / 2, margins[reported] / 2], axis=1)
    return replace(made, val=sides(made)["val"].with_logits(z))


def test_strengths_of_pure_noise_flatter_as_epochs_do() -> None:
    found = []
    for seed in range(6):
        made = evidence(100, 100, patients=1)
        right = np.random.default_rng(seed).random((60, 100)) < TRUE
        sign = np.where(sides(made)["val"].labels == 1, 1, -1)
        margins = {f"C={i}": np.asarray(2.0 * sign * np.where(one, 1, -1)) for i, one in enumerate(right)}
        best = f"C={right.mean(axis=1).argmax()}"  # equally sure of everything, so that most right is least loss
        finding = CAUSE.judge(case(probe(margins, reported=best)))
        assert finding.verdict == "established" and "strength of regularisation, one of 60" in finding.sentence
        assert finding.points is not None
        found.append(finding.points.value - 100 * (right.mean(axis=1).max() - TRUE))
    assert np.mean(found) == pytest.approx(0, abs=1.5)


def searched(seed: int, *, trials: int = 60) -> RunData:
    """A search whose trials differ by luck alone; the run that counts was trained anew with another seed."""
    made = evidence(100, 100, patients=1)
    labels = sides(made)["val"].labels
    right = np.random.default_rng(seed).random((trials + 1, 100)) < TRUE
    z = 4.0 * np.eye(len(CLASSES))[np.where(right, labels, 1 - labels)]  # (trials + 1, n, k)
    trial = {str(t): z[t] for t in range(trials)}
    again = sides(made)["val"].with_logits(z[trials])
    return replace(made, val=again, choices=VariantLogits(variants_table("val", again.ids, trial)), chosen=SEARCHED)


def test_a_search_for_settings_flatters_by_the_luck_of_its_best_trial() -> None:
    found, true = [], []
    for seed in range(6):
        made = searched(seed)
        finding = CAUSE.judge(case(made))
        assert finding.points is not None and "The settings, one of 60" in finding.sentence
        assert made.choices is not None
        z = np.stack([made.choices.logits(str(t), "val", sides(made)["val"].ids) for t in range(60)])
        best = (z.argmax(axis=2) == sides(made)["val"].labels).mean(axis=1).max()
        found.append(finding.points.value)
        true.append(100 * (best - TRUE))
    assert np.mean(found) == pytest.approx(np.mean(true), abs=1.5) and np.mean(true) > 6


def test_what_a_strategy_chose_among_is_read_as_strengths_are() -> None:
    made = probe({"α=0": np.ones(100), "α=1": -np.ones(100)}, reported="α=0")
    kept = replace(made, strategy="wise", scored={}, choices=made.scored["strengths"], chosen="the blend of weights")
    assert "the blend of weights, one of 2" in CAUSE.judge(case(kept)).sentence.lower()
    same = CAUSE.judge(case(kept)).points
    strengths = CAUSE.judge(case(made)).points
    assert same is not None and strengths is not None and same.value == pytest.approx(strengths.value)


def test_a_strength_is_chosen_by_its_loss() -> None:
    """The stronger one is more often right and far surer of its mistakes: never chosen, it flatters nothing."""
    sign = np.where(np.arange(400) >= 200, 1.0, -1.0)
    mild = sign * np.where(np.arange(400) % 5 == 0, -0.5, 2.0)  # 80 % right
    bold = sign * np.where(np.arange(400) % 10 == 0, -60.0, 2.0)  # 90 % right
    finding = CAUSE.judge(case(probe({"C=0.1": mild, "C=10": bold}, reported="C=0.1")))
    assert finding.verdict == "excluded" and finding.points is not None
    assert finding.points.value == pytest.approx(0.0, abs=0.1)


def few_patients(seed: int = 0) -> RunData:
    made = coins(seed)
    return replace(made, val=replace(sides(made)["val"], patients=tuple(f"p{i % 4}" for i in range(100))))


def unscored() -> RunData:
    """Strengths for the first half of the validation images only."""
    made = probe({"C=1": np.ones(100), "C=2": -np.ones(100)}, reported="C=1")
    table = made.scored["strengths"].table
    return replace(made, scored={"strengths": replace(made.scored["strengths"], table=table[table.index % 100 < 50])})


@pytest.mark.parametrize(
    ("made", "words"),
    [
        pytest.param(replace(evidence(), strategy="wise"), "the blend of weights", id="wise"),
        pytest.param(replace(evidence(), strategy="knn"), "the number of neighbours", id="knn"),
        pytest.param(replace(evidence(), strategy="probe"), "the experiments were switched off", id="probe"),
        pytest.param(
            replace(evidence(), strategy="probe", absent={"strengths": "it failed: memory"}), "memory", id="failed"
        ),
        pytest.param(replace(evidence(), notes=("Settings chosen on validation among 8 …",)), "trials'", id="tuned"),
        pytest.param(replace(evidence(), keeps="best"), "the best epoch was chosen", id="epochs not kept"),
        pytest.param(few_patients(), "validation patients is 4", id="few patients"),
        pytest.param(unscored(), "not every validation image was scored", id="half scored"),
    ],
)
def test_a_choice_that_cannot_be_made_again_is_not_called_harmless(made: RunData, words: str) -> None:
    finding = CAUSE.judge(case(made))
    assert finding.verdict == "not identifiable" and finding.points is None
    assert finding.reason.startswith("needs the answers for 5 or more validation patients") and words in finding.reason


def test_thirty_images_no_patients_and_one_class_are_answered() -> None:
    thirty = CAUSE.judge(case(coins(1, n=30)))
    assert thirty.points is not None and thirty.points.value > 0
    luck = np.random.default_rng(3).random((60, 100)) < TRUE
    alone = of_sides(counted("val", [(100, 85)], patients=0), counted("test", [(100, 85)], patients=0))
    finding = CAUSE.judge(case(answered(alone, luck)))
    assert finding.verdict == "established" and finding.points is not None
    assert finding.points.method.startswith("image bootstrap")
