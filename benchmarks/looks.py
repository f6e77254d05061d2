"""How often a verdict that is asked of growing samples is a cause: at the full level, and at each look's share of it.

    python benchmarks/looks.py      # the figures of docs/diagnosis.md; three minutes of one core

An intervention on single images turns a fifth of them, as many to the better as to the worse, or more to the worse by
some points. It is scored on 50 images and, while the verdict wants more, on twice as many, up to 400. The verdicts are
those of `heldout diagnose`, by its own functions.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.planted_tables import markdown
from heldout.diagnosis.effects import Effect
from heldout.diagnosis.looks import looks, more
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.until_told import TOO_FEW
from heldout.diagnosis.verdict import Decision, weigh_effects
from heldout.records.predictions import Predictions
from heldout.stats.joint import JointBootstrap

FIRST, IMAGES = 50, 400
LOST = (0, 6, 12)
"""Points that the intervention costs."""


def changed_images(number: int, lost: float, seed: int) -> Effect:
    """An intervention on single images that turns a fifth of them; so large a share is lost in the mean."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % 2
    before, after = np.ones((2, number), dtype=bool)
    turned = rng.random(number)
    before[turned < 0.1 - lost / 2] = False
    after[turned > 0.9 - lost / 2] = False
    names = tuple(f"i{i}" for i in range(number))
    answers = [4.0 * np.eye(2)[np.where(right, labels, 1 - labels)] for right in (before, after)]
    side = Predictions("val", names, labels, answers[0])
    draws = JointBootstrap.of(side, None, 200, seed)
    prior = np.full((201, 2), 0.5)
    units = np.arange(number)
    return Effect(names, labels, before, after, *answers, units, draws.val, prior, draws, sign_draws=RULES.sign_draws)


def first(effect: Effect, images: int) -> Effect:
    """The first so many images of it."""
    n = slice(images)
    cut = {name: getattr(effect, name)[n] for name in ("ids", "labels", "before", "after", "units")}
    logits = {name: getattr(effect, name)[n] for name in ("logits_before", "logits_after")}
    return replace(effect, **cut, **logits, weights=effect.weights[:, n])


def told(whole: Effect, share_of: int, most: int = IMAGES) -> Decision:
    """The verdict of whoever looks again while it wants more images.

    Args:
        whole: On all images.
        share_of: The number of looks that the level is divided by.
        most: Images after which there is no further look.
    """
    images = FIRST
    while True:
        seen = replace(first(whole, images), level=RULES.level / share_of, looks=share_of)
        decision = weigh_effects(seen.lost, [seen], None, RULES)
        if decision.kind not in TOO_FEW or images >= most:
            return decision
        images = more(images)


def main() -> None:
    """Print a row an effect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1500)
    studies = parser.parse_args().studies
    number, rows = looks(FIRST, IMAGES), []
    for lost in LOST:
        effects = [changed_images(IMAGES, lost / 100, seed) for seed in range(studies)]
        ways = ((1, FIRST), (1, IMAGES), (number, IMAGES))
        shares = [100 * np.mean([told(effect, *way).positive for effect in effects]) for way in ways]
        rows.append([str(lost), *(f"{share:.1f}" for share in shares)])
    print(markdown(["points lost", "one look", f"{number} looks, full level", f"{number} looks, as used"], rows))


if __name__ == "__main__":
    main()
