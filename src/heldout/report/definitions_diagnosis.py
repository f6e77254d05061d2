"""Quantities of a diagnosis in plain words, with their formulas and sources: part of `definitions`."""

from __future__ import annotations

from heldout.images.quality import PROPERTIES
from heldout.report.blocks import Term

DIAGNOSIS = (
    Term(
        "def-budget",
        "Gap budget",
        "The gap between validation and test taken apart into terms that sum to it exactly. They are taken off one "
        "after the other, so each is what is left of its cause once those before it are off; in another order the "
        "parts would differ, their sum would not.",
        "A_V − A_T = (absent +) selection + leakage + prior + labels + threshold + ranking; A_V, A_T: accuracy on "
        "validation, on test",
    ),
    Term(
        "def-term-absent",
        "Classes absent from validation (absent)",
        "What test images take from test accuracy that are of a class of which validation has none. All terms after it "
        "are told of the classes that both have.",
        "A_T(without these images) − A_T",
    ),
    Term(
        "def-term-chosen-on-test",
        "Chosen on test (chosen-on-test)",
        "What choosing an epoch or a model by its score on these very test images flatters test. It counts with a "
        "minus: without it test would be lower, and the gap larger. Only where somebody says that it was done.",
        "mean over halvings of the score on one half of the test patients of what was best on the other, minus A_T",
    ),
    Term(
        "def-term-averaging",
        "Mean of the folds' networks (averaging)",
        "What test gains because it is answered by the mean of all folds' networks, while each validation image is "
        "answered by one of them. It counts with a minus: one network alone would do worse on test, and the gap would "
        "be larger. Only of cross-validated runs.",
        "mean over folds of the score of a fold's network on test, minus A_T",
    ),
    Term(
        "def-term-selection",
        "Chosen on validation (selection)",
        "Optimism from choosing an epoch or a setting by the very validation images that are reported.",
        "A_V − mean over halvings of the accuracy on one half of the validation patients of what was best on the other",
    ),
    Term(
        "def-term-leakage",
        "Validation not independent (leakage)",
        "What validation gains from patients or near-copies that it shares with the training images. V′ is "
        "validation without them.",
        "A_V − Σ_k π^V_k · recall^V′_k; π: share of class k",
    ),
    Term(
        "def-term-prior",
        "Other mix of classes (prior)",
        "What the other mix of classes in test does to the accuracy, were every class as well recognised as on "
        "validation.",
        "Σ_k (π^V_k − π^T_k) · recall^V′_k; class k carries (π^V_k − π^T_k) · (recall^V′_k − Σ_l π^V_l recall^V′_l) of "
        "it",
    ),
    Term(
        "def-term-labels",
        "Wrong test labels (labels)",
        "What wrong labels cost test accuracy. Known only from images that people have read again, each standing for "
        "as many as its chance of being chosen says; without a review only an upper bound is known, and the term is 0.",
        "A_T(true labels) − A_T, each reviewed image weighted by 1 / probability",
        "Horvitz & Thompson 1952",
    ),
    Term(
        "def-term-threshold",
        "Decision threshold (threshold)",
        "What moving the line between the classes puts right on test beyond what it puts right on validation. The best "
        "line is looked for on some patients and scored on others: looked for and scored on the same images it "
        "invents points.",
        "(A*_T − A_T) − (A*_V′ − A_V′); A*: accuracy at the best class biases, cross-fitted, V′ weighted to the class "
        "shares of test",
    ),
    Term(
        "def-term-ranking",
        "Not separable (ranking)",
        "What remains: test images that lie on the wrong side wherever the line is drawn. It closes the sum, and so "
        "holds what no other term could measure.",
        "gap − all other terms",
    ),
    Term(
        "def-points-lost",
        "Points lost",
        "Points of the metric by which a cause lowers test against validation; negative where it raises test. Causes "
        "overlap, so these do not sum to the gap.",
    ),
    Term(
        "def-cause-verdict",
        "Verdict on a cause",
        "Established ●: its interval lies above 0, and changing the cause moves the accuracy as it should. Suggested "
        "◐: above 0, but nothing was changed to show it. Excluded ○: the whole interval lies within ±1.5 points, or "
        "below 0. Not identifiable ?: these data cannot tell; it says what could. Not applicable –: it cannot have "
        "acted here. Failed !: it could not be judged.",
    ),
    Term(
        "def-class-rows",
        "Gap by class",
        "What a class adds to the gap by being recognised less often on test, weighted by its share of test.",
        "π^T_k · (recall^V′_k − recall^T_k); the rows and the terms before labels sum to the gap",
    ),
    Term(
        "def-subgroups",
        "Gap by subgroup",
        "More than all others: the gap of a group minus the gap of all other images. Test would gain: that, times the "
        "group's share of test, if the group had lost no more than the others. By its share: what it is worth that "
        "test has more, or less, of the group than validation. p and the intervals hold for all groups together: "
        "each difference is held against the largest that chance makes among all of them.",
        "gap = gap of the others + s · (gap of the group − gap of the others) + (v − s) · (A_V of the group − A_V of "
        "the others); v, s: its share of validation, of test",
        "Westfall & Young 1993; Romano & Wolf 2005",
    ),
    Term(
        "def-lens-appearance",
        "Lens: covariate shift (appearance)",
        "A classifier learns to tell validation images of a class from test images of it, by named properties or by "
        "features of the pretrained network. Images that resemble both are common ground. The difference in error of "
        "the class falls into an appearance that validation knows but test has more of, images of the same appearance "
        "that are answered worse all the same, and an appearance that validation lacks.",
        "I = E_S[R_P] − E_P[R_P], II = E_S[R_Q] − E_S[R_P], III = E_Q[R_Q] − E_S[R_Q], each times 100 π^T_k; P: "
        "validation of class k, Q: test of it, S: where both have images, R: error",
        "DISDE, Cai, Namkoong & Yadlowsky 2023",
    ),
    Term(
        "def-lens-learnable",
        "Lens: what would fix it",
        "A classifier on fixed features is trained on validation and test images together, as many of each, and scored "
        "on patients it has not seen. Where test is still harder, the images are; the rest could be learned from "
        "labelled images like those of test.",
        "difficulty = A_pool(validation images, at the class shares of test) − A_pool(test images)",
    ),
    Term(
        "def-domain-auc",
        "Domain AUC",
        "How well a classifier tells validation from test images of one class. 0.5: it cannot, they resemble each "
        "other. The null is what it reaches on two halves of the training patients, which differ by chance only.",
    ),
    Term(
        "def-remedy",
        "Points gained by a remedy",
        "Test accuracy with the remedy minus without it, on the same images. Held out: set on one half of the test "
        "patients and scored on the other. Exploratory: chosen and scored on the same images; it flatters.",
    ),
    Term(
        "def-review",
        "Review",
        "Test images to be read again without their labels in view: those whose labels are most doubtful, each chosen "
        "for certain, and a random share of the others, so that a share of wrong labels can be told for all.",
        "share wrong = Σ wrong / probability of having been chosen, over n",
        "Horvitz & Thompson 1952",
    ),
    *(
        Term(f"def-property-{p.name}", f"Property: {p.name}", f"{p.words[:1].upper()}{p.words[1:]} ({p.unit}).")
        for p in PROPERTIES
    ),
)
"""Definitions that stand on the page where there are diagnoses."""
