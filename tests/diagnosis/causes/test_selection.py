from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.causes.selection import CAUSE
from heldout.diagnosis.diagnose import cause_data
from heldout.diagnosis.run_data import FINE_TUNED, RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records import ReasonKind, TermStatus
from heldout.records.logit_table import variants_table
from heldout.records.run import Choice, Learning
from tests.worlds.made_runs import CLASSES, Reals, counted, judged, made_run, of_parts, parts, with_scored

PROBE = Learning(backbone_trained=False, uses_seed=False, chosen=("strength",))
BEST = Learning(backbone_trained=True, uses_seed=True, keeps="best", chosen=("epoch",))

pytestmark = pytest.mark.numeric

TRUE = 0.85
"""Share of right answers that every epoch of pure noise has on new images."""


def answered(made: RunData, right: NDArray[np.bool_], *, keeps: bool = True) -> RunData:
    """The run's epochs are right on these images, (e, n); the best of them is what is reported."""
    labels = parts(made)["val"].labels
    epochs = np.where(right, labels, 1 - labels)
    best = epochs[right.mean(axis=1).argmax()]
    val = parts(made)["val"].with_logits(4.0 * np.eye(len(CLASSES))[best])
    return replace(made, val=val, val_epochs=epochs, learning=BEST if keeps else FINE_TUNED)


def coins(seed: int, *, n: int = 100, epochs: int = 60) -> RunData:
    """Epochs that differ by luck alone."""
    right = np.random.default_rng(seed).random((epochs, n)) < TRUE
    return answered(made_run(n, 100, seed=seed, patients=1), right)


def test_the_luckiest_of_sixty_epochs_is_established_at_its_luck() -> None:
    found, true, verdicts = [], [], []
    for seed in range(8):
        made = coins(seed)
        finding = judged(CAUSE, made)
        verdicts.append(finding.verdict)
        assert finding.points is not None
        assert finding.priority == (finding.points.value if finding.verdict == "established" else 0)
        assert bool(finding.remedy) == (finding.verdict == "established")
        found.append(finding.points.value)
        true.append(100 * (float(parts(made)["val"].right.mean()) - TRUE))
    assert verdicts.count("established") >= 6 and np.mean(true) > 7
    assert np.mean(found) == pytest.approx(np.mean(true), abs=1.5)


def test_the_last_epoch_was_not_chosen() -> None:
    for made in (
        made_run(),
        replace(coins(0), learning=FINE_TUNED),
        answered(made_run(), np.ones((1, 600), dtype=bool)),
    ):
        finding = judged(CAUSE, made)
        assert finding.verdict == "not applicable" and finding.points is None
        assert finding.kind is ReasonKind.DOES_NOT_APPLY


def test_an_epoch_that_is_truly_best_is_not_flattered() -> None:
    rng = np.random.default_rng(0)
    right = rng.random((6, 600)) < np.array([0.5, 0.6, 0.7, 0.8, 0.95, 0.7])[:, None]
    finding = judged(CAUSE, answered(made_run(), right))
    assert finding.verdict == "excluded" and finding.points is not None and finding.priority == 0


def test_a_little_luck_on_few_images_cannot_be_told() -> None:
    finding = judged(CAUSE, coins(0, n=200, epochs=30))
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.MORE_IMAGES)


def test_patients_are_halved_not_images() -> None:
    """Thirty patients of ten alike images: by images each half holds them all, and choosing looks harmless."""
    luck = np.random.default_rng(0).random((30, 30)) < TRUE
    made = answered(made_run(300, 100, patients=10), luck[:, np.arange(300) // 10])
    torn = replace(made, val=replace(parts(made)["val"], patients=("",) * 300))
    by_patient, by_image = judged(CAUSE, made).points, judged(CAUSE, torn).points
    assert by_patient is not None and by_image is not None
    assert by_patient.value > 8 and by_image.value < 3


def probe(margins: dict[str, Reals], *, reported: str) -> RunData:
    """A linear probe whose candidates have these margins on validation; all images are those of 100 patients."""
    made = replace(made_run(len(margins[reported]), 100, patients=1), learning=PROBE)
    made = with_scored(made, "strengths", {(name, "val"): one for name, one in margins.items()})
    z = np.stack([-margins[reported] / 2, margins[reported] / 2], axis=1)
    return replace(made, val=parts(made)["val"].with_logits(z))


def test_strengths_of_pure_noise_flatter_as_epochs_do() -> None:
    found = []
    for seed in range(6):
        made = made_run(100, 100, patients=1)
        right = np.random.default_rng(seed).random((60, 100)) < TRUE
        sign = np.where(parts(made)["val"].labels == 1, 1, -1)
        margins = {f"C={i}": np.asarray(2.0 * sign * np.where(one, 1, -1)) for i, one in enumerate(right)}
        best = f"C={right.mean(axis=1).argmax()}"  # equally sure of everything, so that most right is least loss
        finding = judged(CAUSE, probe(margins, reported=best))
        assert finding.verdict == "established"
        assert finding.points is not None
        found.append(finding.points.value - 100 * (right.mean(axis=1).max() - TRUE))
    assert np.mean(found) == pytest.approx(0, abs=1.5)


def searched(seed: int, *, trials: int = 60, sure: float = 4.0) -> RunData:
    """A search whose trials differ by luck alone; the run that counts was trained anew with another seed.

    `sure` is how far the logit of the answer lies above the other.
    """
    made = made_run(100, 100, patients=1)
    labels = parts(made)["val"].labels
    right = np.random.default_rng(seed).random((trials + 1, 100)) < TRUE
    z = sure * np.eye(len(CLASSES))[np.where(right, labels, 1 - labels)]  # (trials + 1, n, k)
    trial = {str(t): z[t] for t in range(trials)}
    again = parts(made)["val"].with_logits(z[trials])
    return replace(made, val=again, choices={"settings": VariantLogits(variants_table("val", again.ids, trial))})


@pytest.mark.parametrize("sure", [4.0, 24.0])  # right answers that cost hardly any loss count no less
def test_a_search_for_settings_flatters_by_the_luck_of_its_best_trial(sure: float) -> None:
    found, true = [], []
    for seed in range(6):
        made = searched(seed, sure=sure)
        finding = judged(CAUSE, made)
        assert finding.points is not None
        z = np.stack([made.choices["settings"].logits(str(t), "val", parts(made)["val"].ids) for t in range(60)])
        best = (z.argmax(axis=2) == parts(made)["val"].labels).mean(axis=1).max()
        found.append(finding.points.value)
        true.append(100 * (best - TRUE))
    assert np.mean(found) == pytest.approx(np.mean(true), abs=1.5) and np.mean(true) > 6


def test_what_a_strategy_chose_among_is_read_as_strengths_are() -> None:
    made = probe({"α=0": np.ones(100), "α=1": -np.ones(100)}, reported="α=0")
    kept = replace(made, learning=FINE_TUNED, scored={}, choices={"blend": made.scored["strengths"]})
    same = judged(CAUSE, kept).points
    strengths = judged(CAUSE, made).points
    assert same is not None and strengths is not None and same.value == pytest.approx(strengths.value)


def test_a_strength_is_chosen_by_its_loss() -> None:
    """The stronger one is more often right and far surer of its mistakes: never chosen, it flatters nothing."""
    sign = np.where(np.arange(400) >= 200, 1.0, -1.0)
    mild = sign * np.where(np.arange(400) % 5 == 0, -0.5, 2.0)  # 80 % right
    bold = sign * np.where(np.arange(400) % 10 == 0, -60.0, 2.0)  # 90 % right
    finding = judged(CAUSE, probe({"C=0.1": mild, "C=10": bold}, reported="C=0.1"))
    assert finding.verdict == "excluded" and finding.points is not None
    assert finding.points.value == pytest.approx(0.0, abs=0.1)


def few_patients(seed: int = 0) -> RunData:
    made = coins(seed)
    return replace(made, val=replace(parts(made)["val"], patients=tuple(f"p{i % 4}" for i in range(100))))


def unscored() -> RunData:
    """Strengths for the first half of the validation images only."""
    made = probe({"C=1": np.ones(100), "C=2": -np.ones(100)}, reported="C=1")
    table = made.scored["strengths"].table
    return replace(made, scored={"strengths": replace(made.scored["strengths"], table=table[table.index % 100 < 50])})


def chose(*choices: Choice, keeps_best: bool = False) -> RunData:
    """A run that says what was chosen on validation, and kept no candidate's answers."""
    return replace(made_run(), learning=replace(BEST if keeps_best else FINE_TUNED, chosen=choices))


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(chose("blend"), id="blend"),
        pytest.param(chose("neighbours"), id="neighbours"),
        pytest.param(chose("strength"), id="strength"),
        pytest.param(
            replace(chose("strength"), absent={"strengths": Absence(ReasonKind.INTERVENTION_FAILED, "memory")}),
            id="failed",
        ),
        pytest.param(chose("settings"), id="settings"),
        pytest.param(chose("epoch", keeps_best=True), id="epochs not kept"),
        pytest.param(few_patients(), id="few patients"),
        pytest.param(unscored(), id="half scored"),
    ],
)
def test_a_choice_that_cannot_be_made_again_is_not_called_harmless(made: RunData) -> None:
    data = cause_data(made)
    finding = CAUSE.judge(data)
    assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.NOT_RUN) and finding.points is None
    assert data.gap.status["selection"] is TermStatus.NOT_MEASURED and data.gap.terms["selection"].value == 0


def test_thirty_images_no_patients_and_one_class_are_answered() -> None:
    thirty = judged(CAUSE, coins(1, n=30))
    assert thirty.points is not None and thirty.points.value > 0
    luck = np.random.default_rng(3).random((60, 100)) < TRUE
    alone = of_parts(counted("val", [(100, 85)], patients=0), counted("test", [(100, 85)], patients=0))
    finding = judged(CAUSE, answered(alone, luck))
    assert finding.verdict == "established" and finding.points is not None
    assert finding.points.method.startswith("image bootstrap")
