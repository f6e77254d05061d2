"""A study as material for a paper: tables, vector figures, methods from the records, checklists, a flow diagram."""

from heldout.paper.write import COLUMN, PAGE, Paper, write_paper

__all__ = ["COLUMN", "PAGE", "Paper", "write_paper"]
