"""`--strategies auto`: recipes tried on validation from the cheapest on, models that cannot win any more left behind.

The ladder (`runs.ladder`) is climbed rung by rung. On each rung every model that is left is trained with each strategy
of the rung; then models whose best recipe lies behind the best of all, by an interval over patients that is corrected
for their number, are not widened any more. It is successive halving (Jamieson & Talwalkar, AISTATS 2016), but what goes
is what can be told apart (racing: Maron & Moore, NeurIPS 1993): with a few hundred validation images half of the field
would often be dropped by luck. The test images have no part in it.

Of a cross-validation a candidate is trained on every fold, and judged by its answers out of fold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.claims import Claim
from heldout.progress import Reporter
from heldout.records.codec import write_sealed
from heldout.records.labelling import SINGLE
from heldout.records.logit_table import logits_in, variants_table
from heldout.records.selection import Behind, Candidate, Dropped, Ensemble, Selection
from heldout.records.table_file import load_table, save_table
from heldout.runs.context import RunContext
from heldout.runs.ladder import LADDER, rung
from heldout.runs.plan import PlannedRun, strategy_settings
from heldout.runs.selections import answers_of, selection_of
from heldout.runs.tuning import trial_item
from heldout.stats.bootstrap import draw
from heldout.stats.mean_answers import mean_logits
from heldout.stats.racing import Race
from heldout.strategies import Strategy
from heldout.ties import SAME, SAME_LOSS, first_best
from heldout.training.objectives import OBJECTIVES
from heldout.work import HERE, Dispatcher

Logits = NDArray[np.float32]

LEVEL = 0.05
"""Chance that a model that would have won is left behind on a rung, at most: Bonferroni's over the models."""


@dataclass(frozen=True)
class Holdout:
    """Images that candidates learn from, and others that they are judged by: the study's split, or one of its folds.

    Attributes:
        bases: For each model the run that its candidates begin from: everything but the strategy counts.
        context: Cohort, split, folder and machine.
    """

    bases: tuple[PlannedRun, ...]
    context: RunContext

    @property
    def judged(self) -> tuple[str, ...]:
        """Ids of the images that candidates are judged by."""
        return self.context.split.val


@dataclass(frozen=True)
class Search:
    """A search in a study's folder.

    Attributes:
        file: Its record.
        holdouts: One, or the folds of a cross-validation; their models are the same.
        minutes: No training is begun after so many.
        epochs: For every strategy that has epochs; None leaves each its own.
    """

    file: Path
    holdouts: tuple[Holdout, ...]
    minutes: float
    epochs: int | None

    @property
    def bases(self) -> tuple[PlannedRun, ...]:
        """For each model the run that its candidates begin from, of the first fold."""
        return self.holdouts[0].bases

    @property
    def judged(self) -> tuple[str, ...]:
        """Ids of all images that candidates are judged by, fold by fold."""
        return tuple(id_ for one in self.holdouts for id_ in one.judged)

    def run(self, reporter: Reporter, claim: Claim | None = None, dispatcher: Dispatcher = HERE) -> Selection:
        """Go on with the search until the ladder is climbed or the budget is spent; written down after each training.

        A candidate's folds are trained at once where the dispatcher has room; candidates come one after another.

        Raises:
            ClaimLostError: Another process took the search over.
        """
        recipe = self.bases[0].recipe
        found = replace(
            selection_of(self.file)
            or Selection(tuple(base.info.name for base in self.bases), self.minutes, recipe.seed),
            minutes=self.minutes,
            ended="",
            dropped=(),
            ensemble=None,
            folds=len(self.holdouts) if len(self.holdouts) > 1 else 0,
        )
        left = list(self.bases)
        for number in range(len(LADDER)):
            for base in left:
                for strategy in rung(number, self.epochs, recipe.labels):
                    if _place(found, base, strategy) is not None:
                        continue
                    if found.candidates and found.spent >= self.minutes:
                        return self._end(replace(found, ended="budget"))
                    found = self._train(found, base, strategy, number, reporter, claim, dispatcher)
            left, dropped = self._widened(found, left, number)
            found = replace(found, dropped=(*found.dropped, *dropped))
        return self._end(replace(found, ended="ladder"))

    def _train(
        self,
        found: Selection,
        base: PlannedRun,
        strategy: Strategy,
        number: int,
        reporter: Reporter,
        claim: Claim | None,
        dispatcher: Dispatcher,
    ) -> Selection:
        """The search with one more candidate."""
        reporter.note(f"Try {len(found.candidates) + 1}: {base.info.name}, {strategy.name}.")
        place = self.bases.index(base)
        items = [trial_item(one.bases[place].recipe, strategy, {}, base.info, one.context) for one in self.holdouts]
        trials, logits = zip(*dispatcher.dispatch_all(items, reporter), strict=True)
        share = np.array([len(one.judged) for one in self.holdouts]) / len(self.judged)
        settings, plain = strategy_settings(strategy), strategy_settings(type(strategy)())
        loss = float(share @ [trial.val_loss for trial in trials])
        own = Candidate(
            backbone=base.info.name,
            strategy=strategy.name,
            settings=settings,
            differs={name: value for name, value in settings.items() if value != plain[name]},
            rung=number,
            val_accuracy=float(share @ [trial.val_accuracy for trial in trials]),
            val_loss=loss if math.isfinite(loss) else 1e9,
            seconds=sum(trial.seconds for trial in trials),
        )
        if claim is not None:
            claim.check()
        table = variants_table("val", self.judged, {str(len(found.candidates)): np.concatenate(logits)})
        before = [self._answers(len(found.candidates))] if found.candidates else []
        save_table(pd.concat([*before, table], ignore_index=True), answers_of(self.file))
        found = replace(found, candidates=(*found.candidates, own))
        write_sealed(self.file, found)
        return found

    def _answers(self, candidates: int) -> pd.DataFrame:
        """Answers of so many candidates; those of one that is not on record are of a call that was cut off there."""
        table = load_table(answers_of(self.file))
        return table[table["variant"].isin([str(number) for number in range(candidates)])]

    def _widened(
        self, found: Selection, left: Sequence[PlannedRun], number: int
    ) -> tuple[list[PlannedRun], tuple[Dropped, ...]]:
        """Models that may still win, the best first, and those that cannot."""
        best = {base.info.name: _best(found, base.info.name) for base in left}
        leader = _first([found.candidates[place] for place in best.values()])
        ranked = sorted(left, key=lambda base: -found.candidates[best[base.info.name]].val_accuracy)
        if len(left) == 1:
            return ranked, ()
        race = self._race([self._logits(place) for place in best.values()])
        values, low, _ = race.behind(leader, LEVEL / (len(left) - 1))
        behind = dict(zip(best, zip(values.tolist(), low.tolist(), strict=True), strict=True))
        dropped = tuple(Dropped(name, number, *behind[name]) for name in best if behind[name][1] > 0)
        gone = {one.backbone for one in dropped}
        return [base for base in ranked if base.info.name not in gone], dropped

    def _end(self, found: Selection) -> Selection:
        """The search with what it recommends."""
        chosen = _first(found.candidates)
        answers = [self._logits(number) for number in range(len(found.candidates))]
        race = self._race(answers)
        values, low, high = race.behind_best(chosen)
        best = race.best()
        shares = [None] * len(values) if best is None else best.tolist()
        rows = zip(values.tolist(), low.tolist(), high.tolist(), shares, strict=True)
        behind = tuple(Behind(n, *row) for n, row in enumerate(rows))
        found = replace(found, chosen=chosen, behind=behind, ensemble=self._ensemble(chosen, behind, answers))
        write_sealed(self.file, found)
        return found

    def _ensemble(self, chosen: int, behind: Sequence[Behind], answers: Sequence[Logits]) -> Ensemble | None:
        """What all that are as good as the chosen one score together; None where it stands alone."""
        members = tuple(one.candidate for one in behind if one.standing == "as good")
        if len(members) < 2:
            return None
        mean = mean_logits(
            np.stack([answers[number] for number in members]), self.bases[0].recipe.labels == SINGLE.name
        )
        race = self._race([mean, answers[chosen]])
        values, low, high = (ends[1] for ends in race.behind(0))
        return Ensemble(members, float(race.scores[0].mean()), float(values), float(low), float(high))

    def _logits(self, number: int) -> Logits:
        """What a candidate answered to the images that all are judged by, (n, k)."""
        table = load_table(answers_of(self.file))
        own = table[table["variant"] == str(number)].set_index("id")
        return logits_in(own.loc[list(self.judged)]).astype(np.float32)

    def _race(self, answers: Sequence[Logits]) -> Race:
        """Some answers (n, k) to the images that candidates are judged by."""
        recipe, context, ids = self.bases[0].recipe, self.holdouts[0].context, list(self.judged)
        rows = context.cohort.table.set_index("id").loc[ids]
        labels = context.cohort.labelling.truth(rows["label"].tolist(), recipe.classes)
        scores = []
        for logits in answers:
            _, predicted = OBJECTIVES[recipe.labels].scored(logits, labels)
            right = (predicted == labels).astype(np.float64)
            scores.append(right if right.ndim == 1 else right.mean(axis=1))
        strata = labels if labels.ndim == 1 else np.zeros(len(labels), dtype=np.int64)
        fold = np.repeat(np.arange(len(self.holdouts)), [len(one.judged) for one in self.holdouts])
        drawn = draw(strata, ids, rows["patient"].tolist(), seed=recipe.seed)
        return Race(np.stack(scores), drawn, fold if len(self.holdouts) > 1 else None)


def _place(found: Selection, base: PlannedRun, strategy: Strategy) -> int | None:
    """Number of a candidate that was trained before; None where it was not."""
    wanted = (base.info.name, strategy.name, strategy_settings(strategy))
    for number, one in enumerate(found.candidates):
        if (one.backbone, one.strategy, one.settings) == wanted:
            return number
    return None


def _best(found: Selection, backbone: str) -> int:
    """Number of a model's best candidate."""
    numbers = [number for number, one in enumerate(found.candidates) if one.backbone == backbone]
    return numbers[_first([found.candidates[number] for number in numbers])]


def _first(candidates: Sequence[Candidate]) -> int:
    """Number of the best: the greatest accuracy, of equals the lower loss, of equals the earlier."""
    most = max(one.val_accuracy for one in candidates)
    equals = [one for one in candidates if one.val_accuracy >= most - SAME]
    return list(candidates).index(first_best(equals, lambda one: -one.val_loss, SAME_LOSS))
