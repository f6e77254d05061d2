"""TransferClassifier as an estimator of scikit-learn: its own checks, and the tools that estimators are used with."""

from __future__ import annotations

import copy
import io
import pickle
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import joblib
import numpy as np
import pytest
import sklearn
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from heldout.backbones.sources import sources
from heldout.classifier import TransferClassifier
from heldout.errors import ArrayError, HeldoutError, InputError
from heldout.strategies import Phase, Strategy
from heldout.strategies.finetune import Finetune
from heldout.strategies.frozen import Frozen
from heldout.strategies.knn import Knn
from heldout.strategies.probe import Probe
from tests.contract.elsewhere.a_source import SOURCE

DOCS = (Path(__file__).parent.parent / "docs" / "scikit-learn.md").read_text(encoding="utf-8")

EXCEPTIONS = dict(re.findall(r"^\| `(check_\w+)` \| (.+) \|$", DOCS, re.MULTILINE))
"""Checks that fail, with the reason: the table of docs/scikit-learn.md is the one place where they stand."""

ROUNDING = {"check_methods_subset_invariance"}
"""Exceptions that another processor, which sums in another order, may pass."""

BACKBONE = "elsewhere:two_layers.cells"
PROBE = Probe(strengths=(1.0,))


@pytest.fixture(scope="module", autouse=True)
def two_layers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A network of two convolutions with random weights, on the shelf of sources."""
    folder = tmp_path_factory.mktemp("weights")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        entry = SOURCE.entries()[0]
        save_file(SOURCE.model(entry, 32).state_dict(), folder / entry.file)
    sources.names()  # the others are found first
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sources._found, SOURCE.name, SOURCE)
        patch.setenv("ELSEWHERE", str(folder))
        yield folder


def rows() -> TransferClassifier:
    """As the checks give it rows of numbers: each row is an image of one line."""
    return TransferClassifier(BACKBONE, PROBE, image_size=32, image_shape=(1, -1), intensity="percentile:0,100")


def of_images(**settings: Any) -> TransferClassifier:
    return TransferClassifier(BACKBONE, **{"strategy": PROBE, "image_size": 32, **settings})


def made(n: int = 40, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.str_], NDArray[np.int64]]:
    """Light and dark images, four of each patient."""
    y = np.array(["light", "dark"])[np.arange(n) // 4 % 2]
    noise = np.random.default_rng(seed).normal(np.where(y == "light", 150, 100)[:, None, None], 40, (n, 12, 10))
    return np.clip(noise, 0, 255).astype(np.uint8), y, np.arange(n) // 4


def name_of(check: Any) -> str:
    while isinstance(check, partial):
        check = check.func
    return str(check.__name__)


CHECKS = [
    pytest.param(check, id="-".join([name_of(check), *map(str, check.keywords.values())]))
    for _, check in estimator_checks_generator(rows())
]


@pytest.mark.parametrize("check", CHECKS)
def test_scikit_learns_own_checks(check: partial[None]) -> None:
    reason = EXCEPTIONS.get(name_of(check))
    if reason is None:
        check(rows())
        return
    if name_of(check) in ROUNDING:
        with suppress(AssertionError):
            check(rows())
        return
    with pytest.raises(AssertionError):  # an exception that passes has to leave the table
        check(rows())


def test_an_image_is_answered_alike_alone_and_among_others() -> None:
    """What stands behind the exception that is a matter of rounding: the last digits of float32 sums, and no more."""
    X, y, _ = made()
    model = of_images().fit(X, y)
    alone = np.concatenate([model.predict_proba(image[None]) for image in X])
    np.testing.assert_allclose(alone, model.predict_proba(X), atol=1e-5)


def test_every_exception_is_a_check_that_is_made() -> None:
    assert set(EXCEPTIONS) <= {name_of(check) for _, check in estimator_checks_generator(rows())}
    assert len(CHECKS) > 50


def test_of_images_with_axes_scikit_learn_checks_what_it_can() -> None:
    """Its checks are of rows; what takes three axes says so by its tags, and is passed over."""
    tags = get_tags(of_images())
    assert tags.input_tags.three_d_array and not tags.input_tags.two_d_array
    assert tags.classifier_tags.multi_label and tags.target_tags.required
    assert get_tags(rows()).input_tags.two_d_array
    with pytest.warns(SkipTestWarning, match="requires input"):
        made_checks = check_estimator(of_images())
    assert [(one["check_name"], one["status"]) for one in made_checks] == [("check_estimator_cloneable", "passed")]


def test_rows_are_the_images_they_were_flattened_from() -> None:
    X, y, _ = made()
    with pytest.raises(ArrayError, match="image_shape"):
        of_images(image_shape=(7, 7)).fit(X.reshape(len(X), -1), y)
    flat = of_images(image_shape=X.shape[1:]).fit(X.reshape(len(X), -1), y)
    np.testing.assert_array_equal(flat.predict_proba(X.reshape(len(X), -1)), of_images().fit(X, y).predict_proba(X))
    with pytest.raises(ValueError, match="120 features"):
        flat.predict(X.reshape(len(X), -1)[:, 1:])


def test_folds_keep_patients_together_and_fit_is_given_them() -> None:
    X, y, patient = made()
    scores = cross_val_score(of_images(), X, y, groups=patient, cv=GroupKFold(3))
    assert scores.shape == (3,) and scores.min() > 0.8
    out_of_fold = cross_val_predict(of_images(), X, y, groups=patient, cv=GroupKFold(3), method="predict_proba")
    assert out_of_fold.shape == (len(X), 2)
    with sklearn.config_context(enable_metadata_routing=True):
        model = of_images().set_fit_request(groups=True)
        routed = cross_val_score(model, X, y, params={"groups": patient}, cv=GroupKFold(3))
    assert routed.shape == (3,) and routed.min() > 0.8


def test_a_grid_of_strategies_with_settings_is_searched() -> None:
    X, y, _ = made()
    grid = {"strategy": [Probe(strengths=(1e-9,)), Probe(strengths=(1.0,)), "knn"], "image_size": [16, 32]}
    search = GridSearchCV(of_images(), grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["mean_test_score"]) == 6
    assert search.best_score_ == search.cv_results_["mean_test_score"].max() > 0.8
    assert search.best_estimator_.strategy == search.best_params_["strategy"]
    assert search.score(X, y) > 0.8


def test_it_ends_a_pipeline() -> None:
    X, y, patient = made()
    model = make_pipeline(FunctionTransformer(lambda images: 255 - images), of_images())
    model.fit(X, y, transferclassifier__groups=patient)
    assert model.score(X, y) > 0.9 and (model.predict(255 - X) != y).mean() > 0.8
    assert clone(model).set_params(transferclassifier__seed=3)[-1].seed == 3


def test_a_clone_has_the_settings_and_nothing_learned() -> None:
    X, y, _ = made()
    model = of_images(strategy=Frozen(epochs=1, lr=1e-2), seed=5).fit(X, y)
    again = clone(model)
    assert again.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        again.predict(X)
    np.testing.assert_array_equal(again.fit(X, y).predict_proba(X), model.predict_proba(X))


def saved_by_joblib(model: object) -> object:
    stream = io.BytesIO()
    joblib.dump(model, stream)
    stream.seek(0)
    return joblib.load(stream)


@pytest.mark.parametrize("way", [lambda model: pickle.loads(pickle.dumps(model)), saved_by_joblib, copy.deepcopy])
@pytest.mark.parametrize("strategy", [PROBE, "knn", Knn(), Finetune(epochs=1, lr=1e-3)], ids=str)
def test_what_is_saved_answers_as_before(way: Any, strategy: Any) -> None:
    X, y, _ = made()
    model = of_images(strategy=strategy).fit(X, y)
    again = way(model)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(again.classes_, model.classes_)
    assert again.get_params() == model.get_params()
    assert (again.history_, again.frozen_, again.info_) == (model.history_, model.frozen_, model.info_)


def test_several_labels_and_deep_channels_are_saved_too() -> None:
    rng = np.random.default_rng(0)
    Y = np.array([[0, 1], [1, 0], [1, 1], [0, 0]] * 10)
    X = (rng.normal(0, 1, (40, 12, 10, 5)) + Y[:, 0, None, None, None] * 2).astype(np.float32)
    model = of_images(intensity="percentile:1,99", channels="adapt").fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.input_map_ == model.input_map_


class OnlyPlain(pickle.Unpickler):
    """Finds the classifier and what arrays are made of, and nothing else."""

    allowed: ClassVar = {
        ("heldout.classifier", "TransferClassifier"),
        *(
            (module, name)
            for module in ("numpy.core.multiarray", "numpy._core.multiarray")
            for name in ("_reconstruct",)
        ),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("copyreg", "_reconstructor"),
        ("builtins", "object"),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.allowed:
            raise AssertionError(f"the pickle holds {module}.{name}")
        return super().find_class(module, name)


@pytest.mark.parametrize("protocol", [4, 5])
def test_a_pickle_holds_plain_data_and_no_image(protocol: int) -> None:
    X, y, _ = made()
    for model in (of_images(strategy=Frozen(epochs=1)), of_images(strategy=Frozen(epochs=1)).fit(X, y)):
        blob = pickle.dumps(model, protocol)
        assert OnlyPlain(io.BytesIO(blob)).load().get_params() == model.get_params()
    assert len(blob) < 60_000 and X[0].tobytes() not in blob
    with pytest.raises(AssertionError, match="Network"):
        OnlyPlain(io.BytesIO(pickle.dumps(model.network_, protocol))).load()  # what the state would hold without care


def test_saved_weights_need_no_weights_file(two_layers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y, _ = made()
    model = of_images().fit(X, y)
    blob, expected = pickle.dumps(model), model.predict_proba(X)
    monkeypatch.setenv("ELSEWHERE", str(two_layers / "nowhere"))
    np.testing.assert_array_equal(pickle.loads(blob).predict_proba(X), expected)
    with pytest.raises(HeldoutError, match="not on this machine"):
        of_images().fit(X, y)


class Mine(Strategy):
    """A strategy of a notebook: no plug-in, so its name leads nowhere."""

    name = "mine"
    title = "mine"

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("mine", "head", 1, solver="logistic", tried=(1.0,)),)


def test_a_strategy_that_is_no_plug_in_stays_the_object_it_is() -> None:
    again = pickle.loads(pickle.dumps(of_images(strategy=Mine())))
    assert type(again.strategy) is Mine


def test_a_later_format_is_refused() -> None:
    state = of_images().__getstate__()
    with pytest.raises(InputError, match="format 2"):
        of_images().__setstate__({**state, "format": 2})


def test_what_scikit_learn_expects_of_errors() -> None:
    X, y, _ = made()
    for wrong_X, wrong_y in ((X, y[:-1]), (X[0], y), (X.astype(float), y), (X, np.full(len(y), "light"))):
        with pytest.raises(ValueError) as caught:
            of_images().fit(wrong_X, wrong_y)
        assert isinstance(caught.value, ArrayError) and isinstance(caught.value, InputError)
    with pytest.raises(ValueError, match="Unknown label type"), warnings.catch_warnings():
        of_images().fit(X, np.linspace(0, 1, len(y)))
