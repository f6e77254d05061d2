"""What `--strategies auto` recommends, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from heldout.answer.texts import count, listing, number, percent
from heldout.records.selection import Candidate, Selection


def selection_sentences(found: Selection, names: Mapping[str, str]) -> tuple[str, ...]:
    """The recommendation, how sure it is, which models were left behind, and why the search ended.

    Args:
        found: A search that has ended.
        names: Full name of a model -> its short one.
    """
    assert found.chosen is not None
    chosen = found.candidates[found.chosen]
    tried = count(len(found.candidates), "recipe")
    right = percent(chosen.val_accuracy)
    sentences = [
        f"Recommended: {_told(chosen, names)}; {right} of validation right, the most of {tried}.",
        _how_sure(found, names),
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


def _how_sure(found: Selection, names: Mapping[str, str]) -> str:
    assert found.chosen is not None
    sure = 100 * found.behind[found.chosen].best
    others = [one for one in found.behind if one.candidate != found.chosen and one.standing == "as good"]
    said = f"Were the validation patients drawn again, it would be the best in {number(sure, 0)} of 100 draws"
    if not others:
        return f"{said}; it can be told apart from each of the others."
    told = listing([_told(found.candidates[one.candidate], names) for one in others])
    return f"{said}; not to be told from it: {told}."


def _told(one: Candidate, names: Mapping[str, str]) -> str:
    """`resnet34 with last-block (augment=all)`: the settings that differ from the strategy's own."""
    changed = ", ".join(f"{name}={value}" for name, value in one.differs.items())
    settings = f" ({changed})" if changed else ""
    return f"{names[one.backbone]} with {one.strategy}{settings}"
