"""How tables of predictions are to be read."""

from __future__ import annotations

from dataclasses import dataclass

from heldout.given.answers import Answers
from heldout.records.recipe import Setting
from heldout.records.run import ChosenOn


@dataclass(frozen=True)
class Reading:
    """How tables are to be read, as a person says it.

    Attributes:
        answers: What the classes' columns hold; None where nobody said.
        class_columns: Form of their names, `*` being the class; empty for the usual forms.
        model_column: Column that names the model of a row; tables of one model need none.
        name: Name of the model where no column names it.
        chosen_on: Part on which the model was chosen among the candidates of the table; empty where that is not known.
        chosen: Candidate that was chosen; empty for the most accurate on `chosen_on`.
        classes: Classes in the order in which something else answers (`predict`, ONNX): tables may then lack answers.
        answered: Whether something else answers, and tables may lack answers.
        label: One of several labels an image, of which alone is asked; empty where images have one class.
    """

    answers: Answers | None = None
    class_columns: str = ""
    model_column: str = "model"
    name: str = "model"
    chosen_on: ChosenOn = ""
    chosen: str = ""
    classes: tuple[str, ...] = ()
    answered: bool = False
    label: str = ""

    def options(self) -> dict[str, Setting]:
        """As options of `heldout diagnose` by name, what is not given left out."""
        return {
            "probabilities": self.answers == "probabilities",
            "logits": self.answers == "logits",
            "class-columns": self.class_columns or None,
            "model-column": self.model_column if self.model_column != "model" else None,
            "name": self.name if self.name != "model" else None,
            "chosen-on": self.chosen_on or None,
            "chosen": self.chosen or None,
            "label": self.label or None,
        }
