"""Validation as the patients whose names end in a 0 or a 5."""

from heldout.data.splits import SplitMethod
from heldout.records import Split


class EveryFifth(SplitMethod):
    """Every fifth patient by name is for validation; train and test are as given."""

    name = "every-fifth"
    title = "validation by the last digit of the patient"

    def suits(self, cohort):
        """Only where it is asked for."""
        return False

    def draw(self, cohort, draw):
        """Nothing is left to chance."""
        table = cohort.table
        test, fifth = table["split"] == "test", table["patient"].str.endswith(("0", "5"))
        parts = [tuple(table.loc[rows, "id"]) for rows in (~test & ~fifth, ~test & fifth, test)]
        return Split(*parts, method=self.title, seed=None, grouped=cohort.patients_known)


SPLIT = EveryFifth()
