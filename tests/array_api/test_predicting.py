"""Predictions for other libraries' arrays equal those for numpy's."""

from functools import cache

import numpy as np
import pytest
import sklearn
from array_libraries import find_library, is_in, numpy_of, there
from helpers import assert_same_bits, quietly
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
KINDS = {
    "binary": (SGDSigmoidMLP, lambda X, y: y % 2),
    "classes": (SGDSigmoidMLP, lambda X, y: y),
    "labels": (
        SGDSigmoidMLP,
        lambda X, y: np.column_stack([y == 0, y > 0, X[:, 0] > 0]),
    ),
    "number": (SGDSigmoidMLPRegressor, lambda X, y: X[:, 0]),
    "numbers": (SGDSigmoidMLPRegressor, lambda X, y: X[:, :2] * 50 + 7),
}
CASES = [
    (kind, method)
    for kind, (Estimator, _) in KINDS.items()
    for method in METHODS
    if hasattr(Estimator, method)
]


@cache
def numpy_model(kind, dtype, hidden=(5,)):
    """Inputs, targets and an estimator that is fitted on them in numpy."""
    Estimator, targets_of = KINDS[kind]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    y = targets_of(X, np.arange(30) % 3)
    model = Estimator(hidden, max_iter=2, momentum=0.5, random_state=0)
    return X.astype(dtype), y, quietly(model.fit, X.astype(dtype), y)


def moved(model, library):
    """A copy of a numpy model in the library."""
    return model.move_to(library.xp, library.device)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("kind", "method"), CASES)
def test_outputs_equal_those_in_numpy_and_stay_with_the_inputs(
    kind, method, dtype, library
):
    X, _, model = numpy_model(kind, dtype)
    output = getattr(moved(model, library), method)(there(library, X))
    assert is_in(library, output)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    expected = getattr(model, method)(X)
    assert_allclose(
        numpy_of(output), expected, rtol=tolerance, atol=tolerance / 10, strict=True
    )


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize("kind", ["binary", "classes", "labels"])
def test_pre_activations_of_a_thousand_lose_no_digits(kind, method, library):
    """σ(−1000) rounds to 0, but its logarithm is −1000."""
    X, _, model = numpy_model(kind, "float64", hidden=())
    model = model.move_to(np)
    model.coefs_ = [np.zeros_like(model.coefs_[0])]
    model.coefs_[0][0] = np.resize([1000.0, -1000.0, 990.0], model.n_outputs_)
    X = np.zeros_like(X)
    X[:, 0] = np.linspace(-1, 1, 30)
    output = getattr(moved(model, library), method)(there(library, X))
    expected = getattr(model, method)(X)
    assert np.isfinite(numpy_of(output)).all()
    # Numbers below 1e-308 have fewer digits.
    assert_allclose(numpy_of(output), expected, rtol=1e-12, atol=1e-310)
    if method == "predict_log_proba":
        assert numpy_of(output).min() < -900


@pytest.mark.parametrize("mixed", [False, True], ids=["all there", "y in numpy"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_score_is_the_python_float_of_numpy(kind, weighted, mixed, library):
    X, y, model = numpy_model(kind, "float64")
    weights = np.linspace(0, 2, 30) if weighted else None
    arguments = y if mixed else there(library, y), there(library, weights)
    score = moved(model, library).score(there(library, X), *arguments)
    assert type(score) is float
    assert_allclose(score, model.score(X, y, weights), rtol=1e-12)


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32")])
@pytest.mark.parametrize("kind", ["classes", "number"])
def test_other_floats_than_those_of_training_give_the_dtype_of_numpy(
    kind, dtypes, library
):
    X, _, model = numpy_model(kind, dtypes[0])
    X = X.astype(dtypes[1])
    method = "predict" if kind == "number" else "predict_proba"
    output = getattr(moved(model, library), method)(there(library, X))
    expected = getattr(model, method)(X)
    assert_allclose(numpy_of(output), expected, rtol=1e-5, strict=True)


@pytest.mark.parametrize("method", METHODS)
def test_integers_predict_as_in_numpy(method, library):
    X, _, model = numpy_model("classes", "float64")
    X = (3 * X).astype(np.int64)
    output = getattr(moved(model, library), method)(there(library, X))
    assert_allclose(numpy_of(output), getattr(model, method)(X), rtol=1e-12)


@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_without_dispatch_tensors_are_computed_by_numpy(Estimator, rows):
    torch = find_library("torch", "cpu").xp
    X, y, weights = rows
    tensors = [torch.asarray(part) for part in rows]
    settings = {"max_iter": 3, "random_state": 0, "early_stopping": True}
    with sklearn.config_context(array_api_dispatch=False):
        got = quietly(Estimator((5,), **settings).fit, *tensors)
        output, score = got.predict(tensors[0]), got.score(*tensors)
    expected = quietly(Estimator((5,), **settings).fit, X, y, weights)
    assert_same_bits(got, expected)
    assert type(output) is type(got.coefs_[0]) is np.ndarray
    assert_array_equal(output, expected.predict(X), strict=True)
    assert score == expected.score(X, y, weights)
