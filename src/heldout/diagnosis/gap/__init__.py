"""The gap budget: validation minus test accuracy, taken apart into terms that sum to it exactly.

With A_V the reported validation accuracy, A_T the test accuracy, π a part's class shares and A* the cross-fitted
accuracy at the best class biases (`stats.thresholds`), V′ the validation images that are independent of train:

    G  = A_V − A_T
    selection = A_V − A_V,unselected             chosen on one half of the validation patients, scored on the other
    leakage   = A_V − Σ_k π^V_k recall^V′_k      validation images that have a relative in train are worth more
    prior     = Σ_k (π^V_k − π^T_k) recall^V′_k  more of the hard class on test
    labels    = A_T(true labels) − A_T           from reviewed images (Horvitz & Thompson 1952), else only a bound
    threshold = (A*_T − A_T) − (A*_V′ − A_V′)    what a shift of the decision mends on test beyond what it mends on V′
    ranking   = G − all of these                 images that no threshold separates

V′ is weighted to the class shares of test in the threshold term. Where test images were reviewed, prior, threshold and
ranking are those of the true labels, in the sense of Horvitz and Thompson (`reviewed_test`). The order matters: a term
is what is left of its cause once the terms before it are off; `prior_last` says what the prior would be if it were
taken off last. All terms are computed from one bootstrap over the patients of both parts (`stats.joint`), so that
sums of terms have honest intervals too.
"""

from heldout.diagnosis.gap.budget import GapBudget, measure_budget, why_no_budget
from heldout.diagnosis.gap.leakage import leakage_settled
from heldout.diagnosis.gap.samples import Samples, samples_of
from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.gap.threshold import threshold_gain

__all__ = [
    "GapBudget",
    "GapTerm",
    "Samples",
    "leakage_settled",
    "measure_budget",
    "samples_of",
    "threshold_gain",
    "why_no_budget",
]
