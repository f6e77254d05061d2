"""What `--strategies auto` recommends, in sentences."""

from __future__ import annotations

from heldout.answer.names import short_models, with_settings
from heldout.answer.texts import count, listing, number, percent, signed
from heldout.records.selection import Candidate, Selection


def selection_sentences(found: Selection) -> tuple[str, ...]:
    """The recommendation, how sure it is, the ensemble, which models were left behind, and why the search ended.

    Args:
        found: A search that has ended.
    """
    assert found.chosen is not None
    names, recipes = short_models(found.models), recipe_names(found)
    right = f"{percent(found.candidates[found.chosen].val_accuracy)} of {judged_on(found)} right"
    tried = f"the most of {len(found.candidates)} recipes" if len(found.candidates) > 1 else "the only recipe tried"
    sentences = [
        f"Recommended: {recipes[found.chosen]}; {right}, {tried}.",
        _how_sure(found, recipes),
        *_ensemble(found),
    ]
    sentences += [
        f"{names[one.backbone]} was left behind after {count(one.rung + 1, 'rung')}: its best recipe is "
        f"{number(one.points)} points worse there (at least {number(one.low)}), so that it cannot win any more."
        for one in found.dropped
    ]
    spent = f"{number(found.spent)} of {found.minutes:g} minutes"
    if found.ended == "budget":
        sentences.append(f"The search ended with its budget ({spent}); more minutes go on where it stopped.")
    else:
        sentences.append(f"The search tried all that it knows ({spent}).")
    return tuple(sentences)


def judged_on(found: Selection) -> str:
    """The images that recipes were judged by."""
    return f"the images out of fold ({count(found.folds, 'fold')})" if found.folds else "validation"


def recipe_names(found: Selection) -> tuple[str, ...]:
    """What each candidate is called: `resnet34 with last-block (augment=all)`."""
    names = short_models(found.models)
    return tuple(f"{names[one.backbone]} with {strategy_told(one)}" for one in found.candidates)


def strategy_told(one: Candidate) -> str:
    """`last-block (augment=all)`: the settings that differ from the strategy's own."""
    return with_settings(one.strategy, one.differs)


def _how_sure(found: Selection, recipes: tuple[str, ...]) -> str:
    assert found.chosen is not None
    if len(recipes) == 1:
        return "Nothing is known of any other."
    best = found.behind[found.chosen].best
    others = [one for one in found.behind if one.candidate != found.chosen and one.standing == "as good"]
    if best is None:
        said = "There are too few patients to tell by other draws of them how sure that is"
    else:
        drawn = "Were the validation images drawn again, by patient where those are known"
        said = f"{drawn}, it would be the best in {number(100 * best, 0)} of 100 draws"
    if not others:
        return f"{said}; it can be told apart from each of the others."
    return f"{said}; not to be told from it: {listing([recipes[one.candidate] for one in others])}."


def _ensemble(found: Selection) -> tuple[str, ...]:
    ensemble = found.ensemble
    if ensemble is None:
        return ()
    which = f"The mean of the probabilities of these {len(ensemble.members)}"
    lead = f"{signed(ensemble.points)} points ({signed(ensemble.low)} to {signed(ensemble.high)})"
    if ensemble.better:
        return (f"{which} is better than it alone: {lead}. Train them by name to have their networks.",)
    return (f"{which} cannot be told from it alone: {lead}; one network is the cheaper answer.",)
