"""Every quantity of the page in plain words, with its formula and its source. Tables link here from their headings."""

from __future__ import annotations

from heldout.images.quality import PROPERTIES
from heldout.report.blocks import Term

DOCS = "https://github.com/heldout/heldout/tree/main/docs"
"""Where the manual stands."""

DEFINITIONS = (
    Term(
        "def-parts",
        "Train, validation, test",
        "Train: images the model learns from. Validation: images it does not learn from, but by which epochs, "
        "settings and models are chosen. Test: images kept aside for one evaluation at the end; no strategy can reach "
        "them.",
    ),
    Term(
        "def-accuracy",
        "Accuracy",
        "Share of images whose predicted class is the true one.",
        "accuracy = right / n",
    ),
    Term(
        "def-metric",
        "Metric",
        "The score that runs are judged by, and of which all points are points: any weighted mean of the classes' "
        "recalls. For accuracy a class counts as much as it has images; for balanced accuracy every class counts "
        "alike, "
        "however rare; for costs a class counts as its share (its own, or a given one) times what missing one of its "
        "images costs.",
        "score = Σ w(c) · recall(c), Σ w(c) = 1; balanced accuracy: w(c) = 1 / classes; costs: w(c) ∝ share(c) · "
        "cost(c)",
    ),
    Term(
        "def-unit",
        "Unit of decision",
        "What one answer is given for: an image, or a patient with all images. A patient's answer is the class with "
        "the largest mean probability over the images, or with the largest probability that any image has, or that "
        "most images are given.",
    ),
    Term(
        "def-baseline",
        "Baseline",
        "What is scored by always answering the class that is commonest among the training images, without looking at "
        "any image. A run is no better where the interval of the difference, on the same images, reaches down to 0.",
        "over baseline = 100 · (score of the run − score of always answering that class), patients drawn again for "
        "both at once",
    ),
    Term(
        "def-further",
        "Further scores",
        "Average precision: mean precision over the recalls, from the surest answers on. F1: harmonic mean of "
        "precision and recall. Sensitivity at a specificity: the largest share of a class that some cut finds while "
        "so large a share of the others is spared, and the reverse. Matthews' correlation: between truth and answer, "
        "0 for chance. Quadratic-weighted kappa: agreement beyond chance where being two grades off is four times as "
        "bad as one. Brier score: mean squared error of the probabilities. Calibration error: mean distance between "
        "how sure the answers are and how often they are right, in 15 bins of equal width.",
        "F1 = 2TP / (2TP + FP + FN); Brier = mean (p − y)², for more than two classes summed over them",
        "Matthews 1975; Gorodkin 2004; Cohen 1968; Brier 1950; Guo et al. 2017",
    ),
    Term(
        "def-interval",
        "95 % interval",
        "The range that would hold the true figure in 95 of 100 such studies on other patients like these. Images of "
        "one patient resemble each other and say less than as many patients would. So accuracy, recall and AUC "
        "have Wilson's interval on the number of independent ones that would say as much: the number of patients "
        "where all images are right, that of images for an accuracy where no patient is known. For the rest, "
        "whole patients (images, where patients are not known) are drawn again within the classes, and what is found "
        "is spread where there are fewer than 60 of them. The notes under the tables name the method and n.",
        "accuracy: Wilson, n = p(1 − p) / variance of p between patients; the rest: draw patients with replacement "
        "1000 times, compute the figure each time, take the 2.5 % and 97.5 % quantiles",
        "Davison & Hinkley 1997; Kish 1965; Wilson 1927",
    ),
    Term(
        "def-auc",
        "AUC",
        "How well the scores rank: the chance that an image of a class gets a higher score for it than an image "
        "of another class. It does not depend on where the line between classes is drawn. 0.5 is guessing. With "
        "more than two classes, the mean over the classes, each against the rest.",
        "AUC = P(score⁺ > score⁻) + ½ P(score⁺ = score⁻)",
        "Hanley & McNeil 1982",
    ),
    Term(
        "def-recall",
        "Recall",
        "Of the images of a class, the share given that class (sensitivity, for the class of the ill).",
        "recall(c) = images of c predicted as c / images of c",
    ),
    Term(
        "def-gap",
        "Gap",
        "How much lower test lies than validation, in points of the metric (percentage points). Both parts have their "
        "sampling error, and the interval holds both.",
        "gap = 100 · (validation score − test score)",
    ),
    Term(
        "def-pairs",
        "Paired difference",
        "Two runs are compared image by image on the same test images. Images that both get right, or both wrong, say "
        "nothing about which is better, so the comparison is sharper than that of two intervals.",
        "difference = 100 · (score of the first − score of the second), patients drawn again for both at once",
    ),
    Term(
        "def-mcnemar",
        "McNemar's exact test",
        "Of the images on which exactly one of the two runs is right, how surprising is the split if both were "
        "equally good? It treats images as independent; the interval beside it does not.",
        "p = min(1, 2 · P[X ≤ min(b, c)]), X ~ Binomial(b + c, ½); b, c: images only the first, only the second "
        "has right",
        "McNemar 1947",
    ),
    Term(
        "def-holm",
        "Holm's correction",
        "Among many pairs some seem different by luck. Holm raises the p values so that the chance of even one false "
        "«distinguishable» stays below 5 %.",
        "p(i) after Holm = max over j ≤ i of min(1, (m − j + 1) · p(j)), p sorted from small to large, m pairs",
        "Holm 1979",
    ),
    Term(
        "def-verdict",
        "Distinguishable",
        "p after Holm below 0.05, and the interval of the difference leaves out zero: the more cautious of a test of "
        "images and an interval of patients decides. «Not distinguishable» does not mean equal: these images are too "
        "few to tell.",
    ),
    Term(
        "def-reversals",
        "Oscillation: reversals",
        "How often the validation accuracy turned between rising and falling by more than its sampling error: turns "
        "larger than chance makes on this many images.",
        "a swing counts when it exceeds max(√(p (1 − p) / n), 1 / n); p: median of the curve, n: validation images; "
        "reversals = swings − 1",
    ),
    Term(
        "def-roughness",
        "Oscillation: roughness",
        "How far the validation accuracy strays from its own smooth course, in points. A zigzag of ± a points has "
        "roughness a; a constant or a straight line has none.",
        "roughness = 100 · √ mean[(accuracy − running median)²]; running median: mean of the medians of the two "
        "runs of four epochs that hold the epoch (span five); the first two and last two epochs are only neighbours",
        "Tukey 1977",
    ),
    Term(
        "def-overfit",
        "Overfit epoch",
        "The epoch of the lowest validation loss, if the validation loss rose afterwards and stayed up while the "
        "training loss went on falling: from there on the model learned its training images by heart. «Never» if that "
        "did not happen.",
        "through the later half of the epochs after the minimum: smoothed validation loss > minimum + max(10 %, "
        "0.02 nats), and mean training loss below that at the minimum; smoothed by a median of three",
    ),
    Term(
        "def-loss",
        "Loss",
        "What training makes small: how little probability the model gives to the true class.",
        "cross-entropy = mean of −ln p(true class), in nats",
    ),
    Term(
        "def-kept",
        "Kept epoch",
        "The epoch whose weights were kept and scored: the last, or the one with the best validation accuracy, as the "
        "strategy says.",
    ),
    Term(
        "def-spread",
        "Spread over seeds",
        "Standard deviation of the accuracy over runs that differ only in their seed, in points. It is luck of "
        "the start and of the order of images, and comes on top of the sampling error.",
        "spread = 100 · √[Σ (aᵢ − mean)² / (s − 1)], s seeds",
    ),
    Term(
        "def-acc1",
        "acc@1, acc@5",
        "ImageNet-1K accuracy of the pretrained model on its own old task, as its catalogue states it: the true "
        "class is the first guess, or among the first five. It says little about your images.",
    ),
    Term(
        "def-gflops",
        "GFLOPs",
        "Multiply-adds of one image's forward pass, in 10⁹, at the input size beside it. Measured time stands in "
        "the report too, since GFLOPs do not predict it.",
    ),
    Term(
        "def-params",
        "Parameters",
        "Numbers the model holds, with its original classifier in the models table and with the new head in the "
        "runs table.",
    ),
    Term("def-trainable", "Trainable parameters", "Those of the parameters that any phase of the training changed."),
    Term(
        "def-frozen",
        "Frozen, verified",
        "Every parameter and buffer that should not move was hashed before and after training and was the same. "
        "BatchNorm «eval»: its statistics stood still as well; «train»: they followed the batches, although no "
        "parameter moved, which is what a notebook does that sets only requires_grad.",
    ),
    Term("def-seconds", "Seconds an epoch", "Median wall time of one epoch, training and validation together."),
    Term("def-wall", "Wall time", "The whole run by the clock on the wall, feature extraction and scoring included."),
    Term(
        "def-test-evaluations",
        "Test evaluations",
        "How often the test images were scored by a run. A test set is fresh once: every choice made after an "
        "evaluation fits it a little, and its accuracy becomes too kind.",
    ),
)

DIAGNOSIS = (
    Term(
        "def-budget",
        "Gap budget",
        "The gap between validation and test taken apart into terms that sum to it exactly. They are taken off one "
        "after the other, so each is what is left of its cause once those before it are off; in another order the "
        "parts would differ, their sum would not.",
        "A_V − A_T = selection + leakage + prior + labels + threshold + ranking; A_V, A_T: accuracy on validation, on "
        "test",
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
        "Σ_k (π^V_k − π^T_k) · recall^V′_k",
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
        "π^T_k · (recall^V′_k − recall^T_k); the rows and the terms selection, leakage and prior sum to the gap",
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
        "Test score with the remedy minus without it, on the same images. Held out: set on one half of the test "
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
