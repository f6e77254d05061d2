"""Every quantity of the page in plain words, with its formula and its source. Tables link here from their headings."""

from __future__ import annotations

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
        "def-labels",
        "Several labels",
        "Where an image has several labels, each is a question of its own: is it there or not? Runs are judged by the "
        "mean over the labels of a score of each, usually the area under the curve; a label that all images of a part "
        "have, or none, stands in no mean. A label is answered above its threshold, which is set on validation where "
        "sensitivity and specificity together are largest.",
        "mean AUC = Σ AUC(label) / labels; threshold = argmax (sensitivity + specificity) on validation",
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
        "What is scored by always answering the class that is commonest among the training images (of validation, "
        "where they are not known), without looking at any image. A run is no better where the interval of the "
        "difference, on the same images, reaches down to 0.",
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
        "equally good? It treats images as independent, and decides only where every image is of another patient.",
        "p = min(1, 2 · P[X ≤ min(b, c)]), X ~ Binomial(b + c, ½); b, c: images only the first, only the second "
        "has right",
        "McNemar 1947",
    ),
    Term(
        "def-flips",
        "Sign flips by patient",
        "If both runs were equally good, each patient's net points for the first could as well be the second's. How "
        "often do random signs reach as far as what was found? Patients with many images count as one.",
        "p = share of 9999 draws of signs (and the sample itself) with |Σ ± net points of a patient| ≥ |Σ net points|",
        "Fisher 1935",
    ),
    Term(
        "def-delong",
        "Difference of two AUCs",
        "How much better the first run orders the images than the second, and whether so large a difference is a "
        "surprise if they were alike. Images of a patient count together; corrected by Holm over the pairs.",
        "variance of AUC − AUC by structural components, summed within patients; Student's t",
        "DeLong, DeLong & Clarke-Pearson 1988; Obuchowski 1997",
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
        "def-folds",
        "Difference over folds",
        "Two ways of learning are compared fold by fold, on images that neither learned from. Folds share most of "
        "their training images, so their differences are no independent ones: the interval is widened for that.",
        "mean ± t(J − 1) · s · √(1/J + n held out / n learned), J = folds · repeats",
        "Nadeau & Bengio 2003",
    ),
    Term(
        "def-nested",
        "Score of a choice",
        "Each fold chooses among the runs by validation images of its own, and is scored on images that it held back "
        "from learning and from the choice.",
        source="Varma & Simon 2006",
    ),
    Term(
        "def-behind",
        "Behind, best, standing",
        "Patients are drawn again, for all recipes at once. Behind: how many points a recipe lies behind the "
        "recommended one, with an interval that holds for all pairs of recipes at once; where it reaches down to zero, "
        "the two cannot be told apart. Best: the share of draws in which it has the most images right.",
    ),
    Term(
        "def-verdict",
        "Distinguishable",
        "p after Holm below 0.05, and the interval of the difference leaves out zero: the more cautious of test and "
        "interval decides. «Not distinguishable» does not mean equal: these images are too "
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
