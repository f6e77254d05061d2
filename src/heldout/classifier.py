"""The whole of it as one scikit-learn estimator, for arrays in memory."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from heldout import backbones
from heldout.computing import Device
from heldout.data.door import axis_missing, images_of, mixed, values_of
from heldout.data.input_map import input_map_of_arrays
from heldout.data.labels import label_text
from heldout.data.memory import cohort_and_costs, of_other_depth, refuse, wrong_images
from heldout.data.splits import make_split
from heldout.data.store import store_of_arrays
from heldout.errors import ArrayError, InputError, Problem
from heldout.fitted import from_plain, to_plain
from heldout.progress import Silent
from heldout.records import Cohort, Split
from heldout.records.recipe import Fit, Precision
from heldout.runs.asked import plan_strategies
from heldout.runs.fit import Learned, learn_strategy
from heldout.runs.plan import IMAGE_SIZE
from heldout.stats.label_thresholds import label_thresholds
from heldout.stats.scores import softmax
from heldout.strategies import Strategy
from heldout.ties import first_of_largest
from heldout.training import ActivationCache, Part, Task, logits_of, machine


class TransferClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A pretrained backbone with a strategy, as a classifier of image arrays.

    It works where estimators of scikit-learn do: `cross_val_score`, `GridSearchCV`, `Pipeline`, `clone`. Pickled, also
    by joblib, it is plain data with the network as a safetensors blob, without the images; but a pickle that somebody
    else made can run any code as it is loaded, as all pickles can. heldout itself never loads one.

    Args:
        backbone: Name of the pretrained weights, short or full.
        strategy: Name of a strategy, or one with settings of its own.
        epochs: Passes over the training images; None leaves the strategy its own.
        image_size: Side in pixels that images are resized to.
        fit_mode: How an image that is not square becomes square: `stretch`, `pad` or `crop`.
        val_fraction: Share of the images that is kept for validation.
        seed: Of the validation split, the head and the order of images.
        device: `auto`, `cpu` or `cuda`.
        precision: `no`, `bf16` or `fp16`.
        intensity: Policy for images of more than 8 bits, as for `heldout.load`; its numbers are computed on the images
            that are learned from, and used for those that are predicted.
        channels: Choice of channels, as for `heldout.load`.
        image_shape: Shape of one image, (h, w) or (h, w, c), where rows of X are flattened images, as in scikit-learn's
            own image sets; None where X has the axes of images. One of the numbers may be −1.

    Attributes:
        classes_: The labels, sorted; of several labels the numbers of their columns.
        history_: One `heldout.progress.Epoch` an epoch.
        input_map_: How values of images become inputs; None for 8-bit grey and RGB.
        frozen_: What was verified to have stayed as it was.
        n_features_in_: Values an image.
        thresholds_: Of several labels the logit above which each is predicted, set on validation; else empty.

    Examples:
        >>> model = TransferClassifier("efficientnet_lite0", "probe", image_size=64)  # doctest: +SKIP
        >>> model.fit(X, y).predict(X_new)  # doctest: +SKIP
    """

    def __init__(
        self,
        backbone: str = "efficientnet_lite0",
        strategy: str | Strategy = "frozen",
        *,
        epochs: int | None = None,
        image_size: int = IMAGE_SIZE,
        fit_mode: Fit = "stretch",
        val_fraction: float = 0.2,
        seed: int = 0,
        device: Device = "auto",
        precision: Precision = "no",
        intensity: str = "",
        channels: str = "",
        image_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.backbone = backbone
        self.strategy = strategy
        self.epochs = epochs
        self.image_size = image_size
        self.fit_mode = fit_mode
        self.val_fraction = val_fraction
        self.seed = seed
        self.device = device
        self.precision = precision
        self.intensity = intensity
        self.channels = channels
        self.image_shape = image_shape

    def fit(self, X: NDArray[Any], y: ArrayLike | None, groups: Sequence[Any] | None = None) -> TransferClassifier:
        """Learn from images.

        Args:
            X: (n, h, w), (n, h, w, 1) or (n, h, w, 3) uint8, or a tensor, which may be (n, 3, h, w); of other depths
                with `intensity`, with other channels by `channels`; (n, values of an image) with `image_shape`.
            y: (n,) or (n, 1) labels of any type; or (n, k) of 0 and 1, k of 2 or more, for images with several labels.
            groups: (n,) patients, so that none stands in training and in validation; None if not known.

        Returns:
            The classifier itself.

        Raises:
            InputError: Images or labels that do not fit; all problems at once. It is a ValueError too.

        Warns:
            UserWarning: What the intensity policy costs on these images.
        """
        if y is None:
            remedy = "TransferClassifier requires y to be passed, but the target y is None."
            refuse([Problem("y", "nothing", "the label of every image", remedy)])
        X, labels = self._images(X, reset=True), values_of(y)
        several = labels.ndim == 2
        refuse([] if several else mixed(labels))
        names = labels if several else [str(label) if label_text(label) else "" for label in labels]
        parts_ = ["train"] * (1 if axis_missing(X) else len(X))
        cohort, costs = cohort_and_costs(X, names, groups, parts_, intensity=self.intensity, channels=self.channels)
        for cost in costs:
            warnings.warn(cost, stacklevel=2)
        if labels.dtype.kind == "f":
            check_classification_targets(labels)  # numbers between whole ones are a regression's
        split = self._split(cohort)
        if several:
            self.classes_, codes = np.arange(labels.shape[1]), labels
        else:
            self.classes_, codes = np.unique(labels, return_inverse=True)
        task = self._task(X, cohort, split, codes)
        learned = self._learned(task)
        self.network_ = learned.network
        self.thresholds_ = np.empty(0)
        if several:
            scored = logits_of(learned.network, task.val.pixels, machine(self.device, self.precision))
            self.thresholds_ = label_thresholds(task.val.labels, scored.astype(np.float64))
        self.history_ = tuple(learned.course.history)
        self.frozen_ = learned.frozen
        self.n_features_in_ = int(np.prod(np.shape(X)[1:]))
        return self

    def _task(self, X: NDArray[Any], cohort: Cohort, split: Split, codes: NDArray[Any]) -> Task:
        """Training and validation images as the backbone takes them, with codes (n,), or (n, k) of several labels."""
        self.info_ = backbones.resolve(self.backbone)
        self.input_map_ = input_map_of_arrays(X, cohort, split.train)
        store = store_of_arrays(
            X, cohort.table["id"].tolist(), self.image_size, self.fit_mode, self.info_.interpolation, self.input_map_
        )
        position = {id_: number for number, id_ in enumerate(store.ids)}
        parts = []
        for ids in (split.train, split.val):
            rows = np.array([position[id_] for id_ in ids])
            parts.append(Part(ids, store.pixels[rows], codes[rows].astype(np.int64)))
        return Task(parts[0], parts[1], tuple(map(str, self.classes_)), cohort.labels)

    def _learned(self, task: Task) -> Learned:
        """The backbone with a new head, after the strategy."""
        (strategy,) = plan_strategies([self.strategy], self.epochs, {})
        place = machine(self.device, self.precision)
        channels = self.input_map_.of if self.input_map_ is not None and self.input_map_.adapted else 3
        built = backbones.build(
            self.info_, len(self.classes_), self.image_size, self.seed, strategy.pretrained, channels
        )
        return learn_strategy(place.hold(built), task, strategy, self.seed, place, ActivationCache(None), Silent())

    def _images(self, X: NDArray[Any], reset: bool) -> NDArray[Any]:
        """X with the axes of images.

        Args:
            X: As for `fit`.
            reset: Whether it is learned from, else it has to have as many values a row as what was.

        Raises:
            ArrayError: Rows that are no images of `image_shape`.
            ValueError: Rows that are no numbers, or of another length; scikit-learn's own words.
        """
        if self.image_shape is None:
            return images_of(X)
        rows: NDArray[Any] = validate_data(self, X, reset=reset)
        try:
            return rows.reshape(len(rows), *self.image_shape)
        except ValueError as error:
            found = f"rows of {rows.shape[1]:,} values"
            expected = f"{' × '.join(map(str, self.image_shape))} of them, as image_shape says"
            problem = Problem("X", found, expected, "Give the shape of one image before it was made a row.")
            raise ArrayError([problem], title="The arrays cannot be used as they are") from error

    def _split(self, cohort: Cohort) -> Split:
        if len(cohort.classes) < 2:
            found = f"images of one class, '{cohort.classes[0]}'"
            refuse([Problem("y", found, "two classes or more", "Add images of another class.")])
        try:
            return make_split(cohort, self.val_fraction, self.seed)
        except InputError as error:
            raise ArrayError(error.problems, error.title) from error

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities (n, k) in the order of `classes_`: softmax of the network, rows sum to 1; not calibrated.

        Of several labels each has its own, between 0 and 1: the sigmoid of its logit.

        Raises:
            InputError: X holds no images as `fit` takes them, or of another depth than those it was given.
        """
        logits = self._logits(X)
        probabilities: NDArray[np.float64] = expit(logits) if len(self.thresholds_) else softmax(logits)
        return probabilities

    def _logits(self, X: NDArray[Any]) -> NDArray[np.float64]:
        check_is_fitted(self)
        X = self._images(X, reset=False)
        refuse(wrong_images(X, any_depth=self.input_map_ is not None) or of_other_depth(X, self.input_map_))
        ids = [str(number) for number in range(len(X))]
        store = store_of_arrays(X, ids, self.image_size, self.fit_mode, self.info_.interpolation, self.input_map_)
        return logits_of(self.network_, store.pixels, machine(self.device, self.precision)).astype(np.float64)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """The most probable label (n,) of each image; of several (n, k), 1 where one lies above its threshold."""
        check_is_fitted(self)
        if len(self.thresholds_):
            return (self._logits(X) > self.thresholds_).astype(np.int64)
        labels: NDArray[Any] = self.classes_[first_of_largest(self.predict_proba(X))]
        return labels

    def __getstate__(self) -> dict[str, Any]:
        """Plain data (`heldout.fitted`)."""
        return to_plain(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The network is rebuilt from its tensors, on the device that this machine has."""
        super().__setstate__(from_plain(state))
        if "network_" in vars(self):
            machine(self.device, self.precision).hold(self.network_)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a network."""
        return "network_" in vars(self)

    def __sklearn_tags__(self) -> Tags:
        """Images have three axes or four, rows with `image_shape` two; an image may have several labels."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = self.image_shape is not None
        tags.input_tags.three_d_array = self.image_shape is None
        tags.classifier_tags.multi_label = True
        return tags
