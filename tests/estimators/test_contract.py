"""The contract of the public estimators: training, predictions, memory, attributes."""

import math
import tracemalloc
import warnings

import numpy as np
import pytest
from helpers import ENGINES, assert_same_bits, fit, needs_numba, parameters
from networks import gradients
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csc_matrix, csr_array, csr_matrix
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop import _equations as eq


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([SGDSigmoidMLP(), SGDSigmoidMLPRegressor()])
def test_scikit_learn_finds_no_fault(estimator, check):
    check(estimator)


@needs_numba
@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [SGDSigmoidMLP(engine="numba"), SGDSigmoidMLPRegressor(engine="numba")]
)
def test_scikit_learn_finds_no_fault_with_compiled_loops(estimator, check):
    check(estimator)


def test_tags_say_what_is_supported():
    classifier, regressor = map(get_tags, (SGDSigmoidMLP(), SGDSigmoidMLPRegressor()))
    assert classifier.classifier_tags.multi_label
    assert regressor.target_tags.multi_output
    assert classifier.input_tags.sparse
    assert regressor.input_tags.sparse


# --- against the derivation in plain Python -------------------------------------------


def scalar_epoch(X, Y, W, b, eta):
    """One epoch of stochastic gradient descent, number by number, without arrays.

    W[l][j][k] is the weight from neuron k to neuron j.
    """
    for x, y in zip(X, Y, strict=True):
        a = [list(x)]
        for W_l, b_l in zip(W, b, strict=True):
            z = [
                sum(w * a_k for w, a_k in zip(W_j, a[-1], strict=True)) + b_j
                for W_j, b_j in zip(W_l, b_l, strict=True)
            ]
            a.append([1 / (1 + math.exp(-z_j)) for z_j in z])
        n_L = len(y)
        dC_da = [(a_j - y_j) / n_L for a_j, y_j in zip(a[-1], y, strict=True)]
        for layer in reversed(range(len(W))):
            out, before = a[layer + 1], a[layer]
            delta = [d * s * (1 - s) for d, s in zip(dC_da, out, strict=True)]
            dC_da = [
                sum(W[layer][q][k] * delta[q] for q in range(len(delta)))
                for k in range(len(before))
            ]
            for j, delta_j in enumerate(delta):
                for k, a_k in enumerate(before):
                    W[layer][j][k] -= eta * delta_j * a_k
                b[layer][j] -= eta * delta_j


@pytest.mark.parametrize("hidden", [(), (4,), (5, 3)], ids=str)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("engine", ENGINES)
def test_partial_fit_equals_the_derivation_number_by_number(
    engine, n_classes, hidden, iris
):
    X, y = iris[0][::5], iris[1][::5] % n_classes
    model = SGDSigmoidMLP(
        hidden,
        learning_rate_init=1.7,
        batch_size=1,
        shuffle=False,
        random_state=0,
        engine=engine,
    )
    model.partial_fit(X, y, classes=range(n_classes))
    W = [coef.T.tolist() for coef in model.coefs_]
    b = [intercept.tolist() for intercept in model.intercepts_]
    Y = np.eye(n_classes)[y] if n_classes > 2 else y[:, np.newaxis]
    for _ in range(3):
        scalar_epoch(X.tolist(), Y.tolist(), W, b, eta=1.7)
        model.partial_fit(X, y)
    for coef, W_l in zip(model.coefs_, W, strict=True):
        assert_allclose(coef.T, W_l, rtol=1e-10)
    for intercept, b_l in zip(model.intercepts_, b, strict=True):
        assert_allclose(intercept, b_l, rtol=1e-10)


# --- one network, many ways to train it -----------------------------------------------


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 10, "full", "auto"])
@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9, "alpha": 0.1}], ids=str)
@pytest.mark.parametrize("engine", ENGINES)
def test_calls_of_partial_fit_equal_the_epochs_of_fit_to_the_bit(
    engine, settings, batch_size, shuffle, iris
):
    X, y = iris
    settings = {**settings, "batch_size": batch_size, "shuffle": shuffle}
    settings["engine"] = engine
    model = SGDSigmoidMLP((5,), random_state=3, max_iter=4, **settings)
    once = fit(model, X, y)
    steps = clone(model)
    for _ in range(4):
        steps.partial_fit(X, y, classes=[0, 1, 2])
    assert_same_bits(once, steps)
    assert (once.n_iter_, once.t_) == (steps.n_iter_, steps.t_) == (4, 600)


@pytest.mark.parametrize(
    "schedule",
    [
        {"learning_rate": "invscaling"},
        # The plateau comes at once, so η drops both in fit and in partial_fit.
        {"learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 1},
    ],
    ids=lambda schedule: schedule["learning_rate"],
)
def test_partial_fit_after_fit_continues_schedule_momentum_and_random_stream(
    schedule, iris
):
    X, y = iris
    settings = {**schedule, "momentum": 0.5, "random_state": 3}
    long = fit(SGDSigmoidMLP((5,), max_iter=9, **settings), X, y)
    short = fit(SGDSigmoidMLP((5,), max_iter=4, **settings), X, y)
    for _ in range(5):
        short.partial_fit(X, y)
    assert_same_bits(long, short)


@pytest.mark.parametrize("batch_size", [1024, 1025, 1500, 3000])
def test_batches_beyond_a_chunk_average_over_all_their_rows(batch_size):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3000, 4)), rng.integers(3, size=3000)
    model = SGDSigmoidMLP((5,), batch_size=batch_size, shuffle=False, random_state=0)
    # An η this small leaves the initial parameters as they are.
    start = clone(model).set_params(learning_rate_init=1e-300)
    start.partial_fit(X, y, [0, 1, 2])
    W = [coef.T for coef in start.coefs_]
    b = [intercept[:, np.newaxis] for intercept in start.intercepts_]
    Y = np.eye(3)[y]
    for first in range(0, 3000, batch_size):
        rows = slice(first, first + batch_size)
        grad_W, grad_b = gradients(X[rows].T, Y[rows].T, W, b)
        W = [eq.updated(p, g, 3.0) for p, g in zip(W, grad_W, strict=True)]
        b = [eq.updated(p, g, 3.0) for p, g in zip(b, grad_b, strict=True)]
    model.set_params(learning_rate_init=3.0).partial_fit(X, y, [0, 1, 2])
    for coef, W_l in zip(model.coefs_, W, strict=True):
        assert_allclose(coef.T, W_l, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("form", [np.asfortranarray, csr_matrix, csc_matrix, csr_array])
@pytest.mark.parametrize("batch_size", [1, 10, "full"])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_form_of_X_does_not_matter(engine, batch_size, form, iris):
    X, y = iris
    X = np.where(X > 0, X, 0)
    model = SGDSigmoidMLP((5,), batch_size=batch_size, max_iter=5, random_state=0)
    model.set_params(engine=engine)
    dense = fit(clone(model), X, y)
    other = fit(clone(model), form(X), y)
    for a, b in zip(parameters(dense), parameters(other), strict=True):
        assert_allclose(a, b, rtol=1e-9)
    assert_allclose(dense.predict_proba(X), other.predict_proba(form(X)), rtol=1e-9)


@pytest.mark.parametrize("seed", [0, np.random.RandomState(0)], ids=["int", "object"])
def test_the_same_seed_gives_the_same_bits(seed, digits):
    X, y = digits
    models = []
    for _ in range(2):
        if isinstance(seed, np.random.RandomState):
            seed = np.random.RandomState(0)
        models.append(fit(SGDSigmoidMLP(max_iter=3, random_state=seed), X, y))
    assert_same_bits(*models)
    assert_array_equal(models[0].predict_proba(X), models[1].predict_proba(X))


def test_a_batch_size_of_at_least_the_number_of_rows_means_full(iris):
    X, y = iris
    model = SGDSigmoidMLP((5,), batch_size="full", max_iter=5, random_state=0)
    full = fit(clone(model), X, y)
    assert_same_bits(full, fit(clone(model).set_params(batch_size=150), X, y))
    model.set_params(batch_size=151)
    with pytest.warns(UserWarning, match=r"batch_size=151 is larger than .* 150\."):
        assert_same_bits(full, fit(clone(model), X, y))
    model.partial_fit(X, y, classes=[0, 1, 2])  # warnings are errors here


# --- weights --------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_integer_weights_equal_repetition_with_full_batches(
    Estimator, momentum, alpha, iris
):
    X, y = iris
    weights = np.random.default_rng(0).integers(0, 4, size=len(X))
    model = Estimator(
        (5,),
        batch_size="full",
        momentum=momentum,
        alpha=alpha,
        max_iter=30,
        tol=0,
        random_state=0,
    )
    weighted = fit(clone(model), X, y, sample_weight=weights)
    repeated = fit(clone(model), X.repeat(weights, axis=0), y.repeat(weights))
    for a, b in zip(parameters(weighted), parameters(repeated), strict=True):
        assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-10)


@pytest.mark.parametrize("rest", [0, 1, 31])
@pytest.mark.parametrize("batch_size", [1, 16, 32, 512], ids="batch={}".format)
@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_smaller_last_batch_has_its_share_of_the_penalty(
    engine, Estimator, batch_size, rest
):
    n = 1024 + rest
    X = np.random.default_rng(0).normal(size=(n, 20))
    y = (X[:, 0] > 0).astype(int)
    # Only the penalty moves the weights, because η is tiny and alpha large.
    decay, eta = 0.01, 1e-9
    model = Estimator((5,), batch_size=batch_size, learning_rate_init=eta, max_iter=1)
    model.set_params(random_state=0, tol=0, shuffle=False, early_stopping=False)
    model.set_params(engine=engine)
    start = fit(clone(model), X, y)
    fit(model.set_params(alpha=decay / eta * batch_size), X, y)
    whole, k = divmod(n, batch_size)
    expected = (1 - decay) ** whole * (1 - decay * k / batch_size)
    for coef, before in zip(model.coefs_, start.coefs_, strict=True):
        assert_allclose(coef, before * expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 10])
@pytest.mark.parametrize("engine", ENGINES)
def test_only_the_ratios_of_weights_matter_in_fit(engine, batch_size, iris):
    X, y = iris
    weights = np.random.default_rng(0).integers(1, 4, size=len(X))
    model = SGDSigmoidMLP((5,), batch_size=batch_size, max_iter=3, random_state=0)
    model.set_params(engine=engine)
    small = fit(clone(model), X, y, sample_weight=weights)
    large = fit(clone(model), X, y, sample_weight=weights * 1024)
    assert_same_bits(small, large)


def test_the_penalty_is_relative_to_the_sum_of_the_weights(iris):
    settings = {"max_iter": 3, "random_state": 0}
    weights = np.full(150, 4.0)
    heavy = SGDSigmoidMLP((5,), alpha=0.8, **settings)
    fit(heavy, *iris, sample_weight=weights)
    plain = fit(SGDSigmoidMLP((5,), alpha=0.2, **settings), *iris)
    for a, b in zip(parameters(heavy), parameters(plain), strict=True):
        assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-320, 1e300, 1.7e308])
def test_weights_may_have_any_scale(scale, iris):
    model = SGDSigmoidMLP((5,), max_iter=3, random_state=0)
    scaled = fit(clone(model), *iris, sample_weight=np.full(150, scale))
    plain = fit(model, *iris)
    for a, b in zip(parameters(scaled), parameters(plain), strict=True):
        assert_allclose(a, b, rtol=1e-12)


def test_the_loss_of_partial_fit_is_a_weighted_mean(iris):
    model = SGDSigmoidMLP((5,), learning_rate_init=1e-12, random_state=0)
    weighted = clone(model).partial_fit(*iris, [0, 1, 2], np.full(150, 2.0))
    plain = clone(model).partial_fit(*iris, [0, 1, 2])
    assert_allclose(weighted.loss_, plain.loss_, rtol=1e-9)


def test_a_weight_in_partial_fit_multiplies_the_step(iris):
    X, y = iris[0][:1], iris[1][:1]
    model = SGDSigmoidMLP((5,), learning_rate_init=0.5, random_state=0)
    tripled = clone(model).partial_fit(X, y, [0, 1, 2], sample_weight=[3.0])
    faster = clone(model).set_params(learning_rate_init=1.5)
    faster.partial_fit(X, y, [0, 1, 2])
    for a, b in zip(parameters(tripled), parameters(faster), strict=True):
        assert_allclose(a, b, rtol=1e-14)


# --- predictions ----------------------------------------------------------------------


def test_binary_probabilities_are_the_activation(iris):
    X, y = iris[0], iris[1] == 1
    model = fit(SGDSigmoidMLP(max_iter=10, random_state=0), X, y)
    z = model.decision_function(X)
    assert z.shape == (150,)
    assert model.n_outputs_ == 1
    assert_allclose(model.predict_proba(X), np.c_[1 - expit(z), expit(z)], rtol=1e-12)
    assert_array_equal(model.predict(X), z > 0)


def test_multiclass_probabilities_are_activations_over_their_sum(iris):
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = fit(SGDSigmoidMLP(max_iter=10, random_state=0), X, names)
    a = expit(model.decision_function(X))
    assert a.shape == (150, 3)
    expected = a / a.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    assert_array_equal(model.predict(X), model.classes_[expected.argmax(axis=1)])


@pytest.mark.parametrize("as_sparse", [False, True])
def test_multilabel_learns_every_label_independently(as_sparse):
    X, Y = make_multilabel_classification(n_classes=4, random_state=0)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    model = SGDSigmoidMLP(tol=1e-4, max_iter=400, random_state=0)
    fit(model, X, csr_matrix(Y) if as_sparse else Y)
    assert_array_equal(model.classes_, range(4))
    assert model.n_outputs_ == 4
    z = model.decision_function(X)
    assert_allclose(model.predict_proba(X), expit(z), rtol=1e-12)
    assert_array_equal(model.predict(X), z > 0)
    assert accuracy_score(Y, model.predict(X)) > 0.95


@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_log_probabilities_do_not_round_to_minus_infinity(n_classes, iris):
    X, y = iris[0], iris[1] % n_classes
    model = fit(SGDSigmoidMLP((), max_iter=3, random_state=0), X, y)
    for scale in (1, 1e4):
        with np.errstate(divide="ignore"):
            expected = np.log(model.predict_proba(X * scale))
        got = model.predict_log_proba(X * scale)
        assert np.isfinite(got).all()
        finite = np.isfinite(expected)
        assert_allclose(got[finite], expected[finite], rtol=1e-6, atol=1e-9)


def test_probabilities_are_defined_even_if_all_activations_round_to_zero(iris):
    X, y = iris
    model = fit(SGDSigmoidMLP((), max_iter=3, random_state=0), X, y)
    model.intercepts_[0] -= 1e4
    probabilities = model.predict_proba(X)
    assert_allclose(probabilities.sum(axis=1), 1)


def test_a_single_class_is_learnt_and_predicted(iris):
    X = iris[0]
    model = fit(SGDSigmoidMLP(max_iter=3, random_state=0), X, ["only"] * len(X))
    assert set(model.predict(X)) == {"only"}
    assert_array_equal(model.predict_proba(X), np.ones((150, 1)))


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_regressor_maps_the_target_range_to_01_and_09(n_outputs, iris):
    X = iris[0]
    Y = X[:, :n_outputs] * 100 + 5000
    y = Y.ravel() if n_outputs == 1 else Y
    low, high = Y.min(axis=0), Y.max(axis=0)
    auto = fit(SGDSigmoidMLPRegressor(max_iter=20, random_state=0), X, y)
    assert_array_equal(auto.target_range_, [low, high])
    given = clone(auto).set_params(target_range=(low, high))
    assert_same_bits(auto, fit(given, X, y))
    a = auto._outputs(X, "predict", lambda z, arrays: expit(z))
    expected = low + (a - 0.1) / 0.8 * (high - low)
    assert auto.predict(X).shape == y.shape
    assert_allclose(auto.predict(X), expected.reshape(y.shape), rtol=1e-10)


def test_regressor_ignores_targets_without_weight_in_the_range(iris):
    X, y = iris[0], iris[0][:, 0].copy()
    y[0] = 1e6
    model = SGDSigmoidMLPRegressor(max_iter=2, random_state=0)
    fit(model, X, y, sample_weight=np.arange(len(X)))
    assert model.target_range_[1] == y[1:].max()


def test_regressor_warns_of_targets_that_it_cannot_reach(iris):
    X, y = iris[0], iris[0][:, 0]
    model = SGDSigmoidMLPRegressor(target_range=(0.0, 1.0), max_iter=2)
    outside = np.sum((y <= -0.125) | (y >= 1.125))
    with pytest.warns(
        UserWarning, match=rf"{outside} of 150 values .*\(-0.125, 1.125\)"
    ):
        fit(model, X, y)


@pytest.mark.parametrize(
    ("n_rows", "n_outside", "share"),
    [(1000, 0, None), (1000, 10, None), (1000, 11, "1.1%"), (4, 1, "25.0%")],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_only_more_than_1_percent_of_outliers_in_y_cause_a_warning(
    method, n_rows, n_outside, share
):
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    y = np.where(np.arange(n_rows) < n_outside, 100.0, X[:, 0].clip(-1, 1))
    model = SGDSigmoidMLPRegressor((2,), target_range=(-1, 1), max_iter=1, tol=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(model, method)(X, y)
    messages = [str(w.message) for w in caught if w.category is UserWarning]
    if share is None:
        assert messages == []
    else:
        start = f"y has {n_outside} of {n_rows} values ({share}) outside"
        assert [m[: len(start)] for m in messages] == [start]


@pytest.mark.parametrize(
    ("value", "tolerance"), [(0.0, 0.05), (7.0, 0.05), (-1e17, 100.0)]
)
def test_regressor_learns_a_constant(value, tolerance, iris):
    model = SGDSigmoidMLPRegressor(learning_rate_init=1.0, max_iter=300, random_state=0)
    fit(model, iris[0], np.full(150, value))
    assert_allclose(model.predict(iris[0]), value, rtol=0, atol=tolerance)


def test_xor_is_solved():
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    model = SGDSigmoidMLP(
        (4,), learning_rate_init=5.0, max_iter=2000, tol=0, random_state=0
    )
    fit(model, X, [0, 1, 1, 0])
    assert_array_equal(model.predict(X), [0, 1, 1, 0])


# --- numbers and memory ---------------------------------------------------------------


@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.float16, np.float64),
        (np.int64, np.float64),
        (bool, np.float64),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_dtype_is_kept_from_input_to_prediction(
    engine, given, kept, Estimator, iris
):
    X, y = (iris[0] * 2).astype(given), iris[1]
    model = Estimator((5,), max_iter=3, batch_size=7, momentum=0.5, random_state=0)
    model.set_params(engine=engine)
    fit(model, X, y)
    assert all(p.dtype == kept for p in parameters(model))
    methods = ["predict"] if Estimator is SGDSigmoidMLPRegressor else []
    if Estimator is SGDSigmoidMLP:
        methods = ["decision_function", "predict_proba", "predict_log_proba"]
    for method in methods:
        assert getattr(model, method)(X).dtype == kept
    model.partial_fit(X.astype(np.float64), y)
    assert all(p.dtype == kept for p in parameters(model))


@pytest.mark.parametrize("batch_size", [1, 16, "full"])
@pytest.mark.parametrize("form", [np.ascontiguousarray, np.asfortranarray, csr_matrix])
@pytest.mark.parametrize("engine", ENGINES)
def test_data_are_not_modified(engine, form, batch_size, iris):
    X, y = form(iris[0]), iris[1].copy()
    weights = np.linspace(0, 3, 150)
    copies = X.copy(), y.copy(), weights.copy()
    model = SGDSigmoidMLP(batch_size=batch_size, max_iter=2, engine=engine)
    fit(model, X, y, sample_weight=weights)
    assert (abs(X - copies[0])).max() == 0
    assert_array_equal(y, copies[1])
    assert_array_equal(weights, copies[2])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("batch_size", [32, "full"])
def test_memory_does_not_grow_with_the_rows(batch_size, order):
    def peak(n_rows):
        rng = np.random.default_rng(0)
        X = np.asarray(rng.random((n_rows, 784), dtype=np.float32), order=order)
        y = rng.integers(10, size=n_rows).astype(np.uint8)
        model = SGDSigmoidMLP(batch_size=batch_size, max_iter=1, random_state=0)
        tracemalloc.start()
        fit(model, X, y)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    small, large = peak(4000), peak(40000)
    # 40,000 rows are 125 MB. Only the row order and the class codes grow. Up to 32
    # lanes have gradients of 0.3 MB, and each of two workers has a chunk.
    assert small < 20e6
    assert large - small < 20e6


@pytest.mark.parametrize("as_labels", [True, False], ids=["labels", "sparse labels"])
def test_memory_does_not_grow_with_rows_times_outputs(as_labels):
    rng = np.random.default_rng(0)
    X = rng.random((100_000, 2))
    y = rng.integers(200, size=len(X))
    if not as_labels:
        y = csr_matrix((np.ones(len(X)), (np.arange(len(X)), y)), shape=(len(X), 200))
    model = SGDSigmoidMLP((5,), max_iter=1)
    tracemalloc.start()
    fit(model, X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # all targets in float64 would be 160 MB


def test_memory_of_a_shuffled_large_batch_does_not_grow_with_the_features():
    rng = np.random.default_rng(0)
    X = rng.random((4000, 5000), dtype=np.float32)
    model = SGDSigmoidMLP((2,), batch_size=2000, max_iter=1)
    tracemalloc.start()
    fit(model, X, np.arange(4000) % 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 15e6  # 1,024 rows would be 20 MB


def test_predict_needs_only_the_memory_of_its_result_and_a_block(iris):
    model = fit(SGDSigmoidMLP((500,), max_iter=1), *iris)
    X = np.zeros((50_000, 4))
    tracemalloc.start()
    model.decision_function(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000 * 3 * 8 + 20e6  # all hidden activations would be 200 MB


def test_a_fitted_estimator_holds_only_plain_values_and_arrays(iris):
    model = fit(SGDSigmoidMLP((5,), momentum=0.9, max_iter=2), *iris)
    plain = (bool, int, float, str, type(None), np.ndarray, np.generic)

    def check(value):
        if isinstance(value, dict | list | tuple):
            for item in value.values() if isinstance(value, dict) else value:
                check(item)
        else:
            assert isinstance(value, plain), type(value)

    check(vars(model))


def test_convergence_warning_says_what_to_raise(iris):
    with pytest.warns(ConvergenceWarning, match="reached max_iter=2") as record:
        SGDSigmoidMLP(max_iter=2, random_state=0).fit(*iris)
    assert record[0].filename == __file__  # the line that called fit


def test_a_constant_target_does_not_warn(iris):
    SGDSigmoidMLPRegressor(tol=1e-3).fit(iris[0], np.ones(150))
    SGDSigmoidMLP(tol=1e-3).fit(iris[0], np.ones(150))


def test_a_first_partial_fit_with_only_one_value_asks_for_a_target_range(iris):
    X, y = iris[0][:1], [5.0]
    with pytest.warns(UserWarning, match="saw only one value of y"):
        SGDSigmoidMLPRegressor().partial_fit(X, y)
    SGDSigmoidMLPRegressor(target_range=(0, 10)).partial_fit(X, y)
    fit(SGDSigmoidMLPRegressor(), X, y)


def test_a_single_number_is_the_weight_of_every_row(iris):
    model = SGDSigmoidMLP((5,), max_iter=2, random_state=0)
    with_weight = fit(clone(model), *iris, sample_weight=3.0)
    for a, b in zip(
        parameters(with_weight), parameters(fit(model, *iris)), strict=True
    ):
        assert_allclose(a, b, rtol=1e-12)


def test_a_convergence_warning_as_an_error_does_not_lose_the_model(iris):
    model = SGDSigmoidMLP(max_iter=2)
    with pytest.raises(ConvergenceWarning):  # warnings are errors here
        model.fit(*iris)
    assert model.n_iter_ == 2


def test_fitted_attributes_describe_the_training(iris):
    model = SGDSigmoidMLP((7, 5), max_iter=500, tol=1e-3, random_state=0)
    fit(model, *iris)
    assert model.n_layers_ == 4
    assert [coef.shape for coef in model.coefs_] == [(4, 7), (7, 5), (5, 3)]
    assert [len(intercept) for intercept in model.intercepts_] == [7, 5, 3]
    assert model.n_outputs_ == 3
    assert model.out_activation_ == "logistic"
    assert model.n_iter_ == len(model.loss_curve_) < 500
    assert model.t_ == 150 * model.n_iter_
    assert model.loss_ == model.loss_curve_[-1]
    assert model.best_loss_ == min(model.loss_curve_)
    # Three outputs, ‖x‖² of 4 and batches of 16.
    assert_allclose(model.learning_rate_init_, 3 * (10 / 4 * 16 / 32) ** 0.5)
    assert model.validation_scores_ is None
    assert model.best_validation_score_ is None
