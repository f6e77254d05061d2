"""What is said of a study's result, decided once for terminal and report.

Records (a `Comparison`, a `Diagnosis`) become small frozen answers: typed facts with the sentences that say them. The
terminal (`cli/views`) and the report (`report`) only lay them out, so they cannot disagree.
"""

from heldout.answer.best import BestRun, best_run, ranked
from heldout.answer.gap import Gap, comparison_sentences, gap_of, gap_sentence
from heldout.answer.names import RunIdentity, RunName, names_in, run_names, short_models
from heldout.answer.why import Why, headline, why_lower

__all__ = [
    "BestRun",
    "Gap",
    "RunIdentity",
    "RunName",
    "Why",
    "best_run",
    "comparison_sentences",
    "gap_of",
    "gap_sentence",
    "headline",
    "names_in",
    "ranked",
    "run_names",
    "short_models",
    "why_lower",
]
