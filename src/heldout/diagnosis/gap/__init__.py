"""The gap budget: validation minus test score, taken apart into terms that sum to it exactly.

The score is accuracy or any other weighted mean of recalls, A = Σ_k π_k recall_k: π is a part's class shares for
accuracy, 1/K for balanced accuracy, and goes with the shares times the costs for costs (`stats.metric`). With A_V the
reported validation score, A_T that of test, and A* the cross-fitted score at the best class biases
(`stats.thresholds`), V′ the validation images that are independent of train:

    G  = A_V − A_T
    chosen-on-test = A_T,unselected − A_T        (only where somebody chose on test) minus what that flatters test by
    averaging = mean of A_T over the folds' networks − A_T   where test was answered by their mean
    absent    = A_T(without classes that validation lacks) − A_T      where there are such; all that follows is without
    selection = A_V − A_V,unselected             chosen on one half of the validation patients, scored on the other
    leakage   = A_V − Σ_k π^V_k recall^V′_k      validation images that have a relative in train are worth more
    prior     = Σ_k (π^V_k − π^T_k) recall^V′_k  more of the hard class on test
    labels    = A_T(true labels) − A_T           from reviewed images (Horvitz & Thompson 1952), else only a bound
    threshold = (A*_T − A_T) − (A*_V′ − A_V′)    what a shift of the decision mends on test beyond what it mends on V′
    ranking   = G − all of these                 images that no threshold separates

V′ is weighted to the π of test in the threshold term. Where π does not depend on the part (balanced accuracy, costs
with given shares) the prior term is exactly 0. Where test images were reviewed, prior, threshold and
ranking are those of the true labels, in the sense of Horvitz and Thompson (`reviewed_test`). The order matters: a term
is what is left of its cause once the terms before it are off; `prior_last` says what the prior would be if it were
taken off last. All terms are computed from one bootstrap over the patients of both parts (`stats.joint`), so that
sums of terms have honest intervals too.
"""

from heldout.diagnosis.gap.budget import GapBudget, measure_budget, why_no_budget
from heldout.diagnosis.gap.chosen_on_test import ChoiceOnTest
from heldout.diagnosis.gap.leakage import leakage_settled
from heldout.diagnosis.gap.samples import Samples, samples_of
from heldout.diagnosis.gap.small_classes import bearing_classes
from heldout.diagnosis.gap.term import GapTerm

__all__ = [
    "ChoiceOnTest",
    "GapBudget",
    "GapTerm",
    "Samples",
    "bearing_classes",
    "leakage_settled",
    "measure_budget",
    "samples_of",
    "why_no_budget",
]
