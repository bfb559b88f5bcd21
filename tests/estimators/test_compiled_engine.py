"""Estimators with engine="numba": the same contract and nearly the same numbers."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from helpers import (
    assert_same_bits,
    assert_same_parameters,
    fit,
    learnt,
    needs_numba,
    parameters,
    quietly,
    state,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.model_selection import GridSearchCV

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

pytestmark = needs_numba
ESTIMATORS = pytest.mark.parametrize(
    "Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor]
)
SETTINGS = {
    "plain": {},
    "eight": {"batch_size": 8},
    "alpha": {"alpha": 0.01},
    "momentum": {"momentum": 0.9, "nesterovs_momentum": False, "batch_size": 3},
    "nesterov": {"momentum": 0.9, "alpha": 0.01, "learning_rate": "invscaling"},
    "early stopping": {"early_stopping": True, "learning_rate_init": 0.5},
    "adaptive": {"learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 1},
    "linear": {"hidden_layer_sizes": ()},
    "deep": {"hidden_layer_sizes": (33, 7, 5)},
}


def compiled(Estimator, **settings):
    common = {"hidden_layer_sizes": (5,), "batch_size": 1, "engine": "numba"}
    return Estimator(**{**common, "max_iter": 4, "random_state": 3, **settings})


def assert_close(one, other, rtol=1e-9):
    for a, b in zip(parameters(one), parameters(other), strict=True):
        assert_allclose(a, b, rtol=rtol, atol=rtol)
    assert_allclose(one.loss_curve_, other.loss_curve_, rtol=rtol)


# --- the two engines ------------------------------------------------------------------


@pytest.mark.parametrize("form", [np.asarray, csr_matrix], ids=["dense", "CSR"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@ESTIMATORS
def test_the_engines_agree_except_for_rounding(Estimator, settings, dtype, form, iris):
    X, y = form(iris[0].astype(dtype)), iris[1]
    model = compiled(Estimator, **settings)
    plain = clone(model).set_params(engine="numpy")
    rtol = 1e-9 if dtype is np.float64 else 2e-3
    assert_close(fit(model, X, y), fit(plain, X, y), rtol)
    assert all(p.dtype == dtype for p in parameters(model))
    if model.validation_scores_ is not None:
        scores = model.validation_scores_, plain.validation_scores_
        assert_allclose(*scores, rtol=0, atol=rtol)
    # Each continues from what the other has learnt.
    mixed = clone(model).set_params(engine="numpy", max_iter=2, warm_start=True)
    fit(mixed, X, y)
    fit(mixed.set_params(engine="numba"), X, y)
    assert_close(mixed, fit(plain.set_params(max_iter=4), X, y), rtol)


@ESTIMATORS
def test_single_rows_are_really_compiled(Estimator, iris):
    """Otherwise the tests of this file would compare numpy with itself."""
    model = compiled(Estimator, max_iter=30)
    plain = clone(model).set_params(engine="numpy")
    bits = [joblib.hash(fit(m, *iris).coefs_) for m in (model, plain)]
    assert bits[0] != bits[1]  # because sums are rounded in another order


@pytest.mark.parametrize("batch_size", [21, 32, "full"])
@ESTIMATORS
def test_large_batches_have_the_bits_of_numpy(Estimator, batch_size, iris):
    model = compiled(Estimator, batch_size=batch_size, momentum=0.5)
    fit(model, *iris)
    assert_same_bits(model, fit(clone(model).set_params(engine="numpy"), *iris))


@pytest.mark.parametrize("as_sparse", [False, True])
def test_the_engines_agree_on_a_multilabel_problem(as_sparse):
    X, Y = make_multilabel_classification(n_classes=4, random_state=0)
    Y = csr_matrix(Y) if as_sparse else Y
    model = compiled(SGDSigmoidMLP)
    assert_close(fit(model, X, Y), fit(clone(model).set_params(engine="numpy"), X, Y))


def test_the_engines_agree_on_several_outputs(iris):
    X = iris[0]
    model = compiled(SGDSigmoidMLPRegressor)
    plain = clone(model).set_params(engine="numpy")
    assert_close(fit(model, X, X[:, :3]), fit(plain, X, X[:, :3]))


@pytest.mark.parametrize("batch_size", [1, 10])
@ESTIMATORS
def test_the_engines_agree_on_sample_weights(Estimator, batch_size, iris):
    weights = np.random.default_rng(0).random(150)
    weights[::7] = 0
    model = compiled(Estimator, batch_size=batch_size, alpha=0.01)
    plain = fit(clone(model).set_params(engine="numpy"), *iris, weights)
    assert_close(fit(clone(model), *iris, weights), plain)
    assert learnt(fit(model, *iris)) != learnt(plain)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.2, 1: 3, 2: 1}], ids=str)
def test_the_engines_agree_on_class_weights(class_weight, iris):
    X, y = iris[0][:130], iris[1][:130]
    model = compiled(SGDSigmoidMLP, class_weight=class_weight)
    plain = fit(clone(model).set_params(engine="numpy"), X, y)
    assert_close(fit(clone(model), X, y), plain)
    weights = np.array([0.2, 3, 1])[y]
    if class_weight == "balanced":
        weights = (130 / 3 / np.bincount(y))[y]
    by_rows = clone(model).set_params(class_weight=None)
    assert_close(fit(by_rows, X, y, weights), plain)


def test_a_search_over_both_engines_finds_the_same(iris):
    model = compiled(SGDSigmoidMLP, max_iter=10)
    grid = {"engine": ["numpy", "numba"], "hidden_layer_sizes": [(3,), (8,)]}
    found = []
    for n_jobs in (None, 2):
        search = GridSearchCV(model, grid, cv=3, n_jobs=n_jobs)
        found.append(
            fit(search, *iris) if n_jobs is None else quietly(fit, search, *iris)
        )
    one, two = found
    scores = one.cv_results_["mean_test_score"]
    assert_array_equal(scores, two.cv_results_["mean_test_score"])
    assert_allclose(scores[:2], scores[2:], atol=0.02)
    assert_same_bits(one.best_estimator_, two.best_estimator_)


# --- stopping and continuing ----------------------------------------------------------


@ESTIMATORS
def test_early_stopping_restores_the_best_network(Estimator, iris):
    settings = {"early_stopping": True, "tol": 0, "learning_rate_init": 2.0}
    model = fit(
        compiled(Estimator, n_iter_no_change=10, max_iter=300, **settings), *iris
    )
    scores = zip(model.validation_scores_, model.validation_loss_curve_, strict=True)
    ranks = [(score, -loss) for score, loss in scores]
    best = ranks.index(max(ranks)) + 1
    assert best < model.n_iter_ < 300
    assert model.best_validation_score_ == model.validation_scores_[best - 1]
    # The same rows are held out, so a fit of that many epochs gives this network.
    short = fit(clone(model).set_params(max_iter=best), *iris)
    assert_same_parameters(model, short)


def test_callbacks_see_whole_epochs_and_may_stop(iris):
    pytest.importorskip("sklearn.callback")

    class Recorder:
        def __init__(self):
            self.seen = []

        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "epoch":
                self.seen.append(learnt(fitted_estimator))
            return len(self.seen) == 3

    recorder = Recorder()
    model = compiled(SGDSigmoidMLP, max_iter=10)
    stopped = clone(model).set_callbacks(recorder).fit(*iris)
    assert stopped.n_iter_ == 3
    for k, seen in enumerate(recorder.seen, 1):
        assert seen == learnt(fit(clone(model).set_params(max_iter=k), *iris))


@pytest.mark.parametrize("settings", [{}, {"batch_size": 7, "momentum": 0.9}], ids=str)
@ESTIMATORS
def test_fits_in_threads_have_the_bits_of_serial_fits(Estimator, settings, digits):
    X, y = digits[0][:500], digits[1][:500]
    models = [
        compiled(Estimator, hidden_layer_sizes=(n,), random_state=n, **settings)
        for n in (5, 10, 33) * 3
    ]
    alone = [learnt(fit(clone(model), X, y)) for model in models]
    with warnings.catch_warnings(), ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("ignore")
        together = list(pool.map(lambda model: model.fit(X, y), models))
    assert [learnt(model) for model in together] == alone


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_other_processes_find_the_same_bits(backend, iris):
    models = [compiled(SGDSigmoidMLP, random_state=seed) for seed in range(4)]
    serial = [learnt(fit(clone(model), *iris)) for model in models]
    parallel = quietly(
        joblib.Parallel(n_jobs=2, backend=backend),
        (joblib.delayed(clone(model).fit)(*iris) for model in models),
    )
    assert [learnt(model) for model in parallel] == serial


# --- errors ---------------------------------------------------------------------------

nan, inf = np.nan, np.inf
X, Y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 2


def spoilt(array, value):
    array = array.astype(float)
    array[5] = value
    return array


REFUSED = {
    "NaN in X": ({}, (spoilt(X, nan), Y)),
    "infinity in X": ({}, (spoilt(X, inf), Y)),
    "NaN in sparse X": ({}, (csr_matrix(spoilt(X, nan)), Y)),
    "few rows": ({"early_stopping": True}, (X[:2], Y[:2])),
    "NaN in y": ({}, (X, spoilt(Y, nan))),
    "fewer y": ({}, (X, Y[:-1])),
    "no rows": ({}, (X[:0], Y[:0])),
    "no features": ({}, (X[:, :0], Y)),
    "text": ({}, (X.astype(str), np.array(["a"] * 12, object))),
    "complex": ({}, (X * 1j, Y)),
    "one dimension": ({}, (X[:, 0], Y)),
    "NaN in weights": ({}, (X, Y, spoilt(Y, nan))),
    "negative weights": ({}, (X, Y, -np.ones(12))),
    "no weight": ({}, (X, Y, np.zeros(12))),
    "batch_size": ({"batch_size": 0}, (X, Y)),
    "momentum": ({"momentum": 1.5}, (X, Y)),
    "alpha": ({"alpha": nan}, (X, Y)),
    "hidden": ({"hidden_layer_sizes": (0,)}, (X, Y)),
    "large weights": ({}, (X, Y, np.geomspace(1e-300, 1e300, 12))),
    "large X": ({}, (X * 1e307, Y)),
}


@np.errstate(all="ignore")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@ESTIMATORS
def test_both_engines_raise_the_same_errors(Estimator, method, name):
    settings, arguments = REFUSED[name]
    outcomes = []
    for engine in ("numba", "numpy"):
        model = compiled(Estimator, engine=engine, **settings)
        before = state(model)
        given = {}
        if method == "partial_fit" and Estimator is SGDSigmoidMLP:
            given["classes"] = np.unique(Y)
        names = ("X", "y", "sample_weight")
        given |= dict(zip(names, arguments, strict=False))
        try:
            getattr(model, method)(**given)
            outcomes.append("fitted")
        except (ValueError, TypeError) as error:
            outcomes.append((type(error), str(error)))
            assert state(model) == before
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("form", [np.asarray, csr_matrix], ids=["dense", "CSR"])
@pytest.mark.parametrize("momentum", [0, 0.9])
@pytest.mark.parametrize("batch_size", [1, 4])
@ESTIMATORS
def test_both_engines_raise_the_same_error_when_training_diverges(
    Estimator, batch_size, momentum, form
):
    outcomes = []
    for engine in ("numba", "numpy"):
        model = compiled(Estimator, engine=engine, batch_size=batch_size)
        # Each update multiplies the weights by about -1e9.
        model.set_params(learning_rate_init=1e7, alpha=100, momentum=momentum)
        model.set_params(max_iter=50)
        before = state(model)
        with (
            np.errstate(all="ignore"),
            pytest.raises(ValueError, match="Training diverged") as error,
        ):
            fit(model, form(X), Y)
        assert state(model) == before
        outcomes.append(str(error.value))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("engine", ["", "Numba", None, 1, True, ["numba"], np.array(1)])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@ESTIMATORS
def test_an_unknown_engine_is_refused(Estimator, method, engine):
    model = compiled(Estimator, engine=engine)
    before = state(model)
    with pytest.raises(ValueError, match='engine must be "numpy" or "numba", got'):
        getattr(model, method)(X, Y)
    assert state(model) == before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_mapped_rows_train_the_same_network(dtype, tmp_path, iris):
    arrays = [iris[0].astype(dtype), iris[1], np.linspace(0.5, 2, 150)]
    model = fit(compiled(SGDSigmoidMLP), *arrays)
    mapped = []
    for k, array in enumerate(arrays):
        np.save(tmp_path / f"{k}.npy", array)
        mapped.append(np.load(tmp_path / f"{k}.npy", mmap_mode="r"))
    for shuffle in (True, False):
        model.set_params(shuffle=shuffle)
        assert_same_bits(fit(clone(model), *mapped), fit(clone(model), *arrays))
