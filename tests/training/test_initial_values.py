"""The initial weights and biases, and a step size that suits the data."""

import numpy as np
import pytest
from helpers import fit
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from scipy.special import expit

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop._training.examples import Examples
from skbackprop._training.initial_values import auto_learning_rate, initial_parameters

ESTIMATORS = {SGDSigmoidMLP: 2.0, SGDSigmoidMLPRegressor: 1.0}


def drawn(units, dtype=float, output_deviation=2.0):
    return initial_parameters(units, dtype, np.random.RandomState(0), output_deviation)


def test_initial_weights_are_the_same_draw_in_both_dtypes():
    double, single = (drawn([50, 400, 3], dtype) for dtype in (np.float64, np.float32))
    for a, b in zip(double[0] + double[1], single[0] + single[1], strict=True):
        assert b.dtype == np.float32
        assert_array_equal(a.astype(np.float32), b)


@pytest.mark.parametrize("output_deviation", ESTIMATORS.values())
def test_each_layer_has_the_deviation_that_suits_its_inputs(output_deviation):
    units = [50, 400, 300, 200, 100]
    coefs, intercepts = drawn(units, output_deviation=output_deviation)
    for layer, gain in enumerate([1, 4, 4, output_deviation]):
        expected = gain / np.sqrt(units[layer])
        assert_allclose(coefs[layer].std(), expected, rtol=0.02)
        assert abs(coefs[layer].mean()) < 0.05 * expected
    assert_allclose(intercepts[0].std(), 1, rtol=0.1)
    assert abs(intercepts[0].mean()) < 0.2


def test_later_layers_are_centred_if_all_their_inputs_are_half():
    coefs, intercepts = drawn([5, 40, 30, 3])
    for W, b in zip(coefs[1:], intercepts[1:], strict=True):
        assert_allclose(np.full(len(W), 0.5) @ W + b, 0, atol=1e-12)
        assert np.abs(b).min() > 0


@pytest.mark.parametrize("n_out", [1, 3])
def test_a_single_layer_starts_with_zero_biases(n_out):
    coefs, intercepts = drawn([400, n_out], output_deviation=7.0)
    assert_allclose(coefs[0].std(), 1 / 20, rtol=0.1)
    assert not intercepts[0].any()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_each_estimator_has_its_own_output_deviation(Estimator):
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    model = Estimator((4000,), random_state=0)
    model.partial_fit(X, y, sample_weight=0, **_classes(model, y))
    deviation = model.coefs_[1].std() * np.sqrt(4000)
    assert_allclose(deviation, ESTIMATORS[Estimator], rtol=0.05)


def _classes(model, y):
    return {"classes": np.unique(y)} if isinstance(model, SGDSigmoidMLP) else {}


@pytest.mark.parametrize("width", [30, 300])
def test_the_differences_between_rows_do_not_fade_with_depth(width):
    """With a deviation of ``1/√n_in``, they would fall by a factor of 4 a layer."""
    a = np.random.default_rng(0).normal(size=(200, 20))
    coefs, intercepts = drawn([20, *[width] * 6, 1])
    spread = []
    for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
        a = expit(a @ W + b)
        spread.append(a.std(axis=0).mean())
    assert 0.4 < spread[-1] / spread[0] < 1.2


@pytest.mark.parametrize("depth", range(1, 7))
def test_networks_of_any_depth_learn_digits_in_a_few_epochs(depth, digits):
    X, y = digits
    model = SGDSigmoidMLP((30,) * depth, max_iter=20, random_state=0)
    fit(model, X[:1000], y[:1000])
    constant = 0.5 * 0.1 * 0.9  # ten classes with a tenth of the rows each
    assert model.loss_ < constant / 2
    assert model.score(X[1000:], y[1000:]) > 0.8


@pytest.mark.parametrize(
    ("units", "eta"),
    [
        ([64, 100, 10], 10),
        ([64, 100, 1], 1),
        ([64, 20, 3], 3),
        ([784, 30, 10], 10),
        ([64, 500, 1], 0.2),
        ([64, 50, 400, 3], 0.75),
        ([50, 2], 2),
        ([200, 2], 1),
    ],
)
def test_auto_eta_grows_with_outputs_and_falls_with_width_and_momentum(units, eta):
    assert_allclose(auto_learning_rate(units, 1.0, 0.0, mean_squared_norm=10), eta)
    assert_allclose(
        auto_learning_rate(units, 0.1, 0.9, mean_squared_norm=10), eta / 100
    )


@pytest.mark.parametrize(
    ("mean_squared_norm", "factor"),
    [(0, 10), (0.01, 10), (1, 10), (2.5, 4), (9, 10 / 9), (10, 1), (1e6, 1)],
)
def test_auto_eta_grows_as_rows_shrink_to_a_norm_of_1(mean_squared_norm, factor):
    eta = auto_learning_rate([64, 100, 1], 1.0, 0.0, mean_squared_norm)
    assert_allclose(eta, factor**0.5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rows", [None, np.arange(3000)[::3]], ids=["all", "some"])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_mean_squared_norm_uses_only_the_rows_and_their_weights(
    sparse, rows, weighted
):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 4)) * rng.integers(0, 2, size=(3000, 4))
    weights = rng.random(3000) if weighted else None
    examples = Examples(
        *(csr_matrix(X) if sparse else X, lambda rows: X[rows], 4),
        *(weights, np.dtype(float), rows),
    )
    own = slice(None) if rows is None else rows
    expected = np.average(
        (X[own] ** 2).sum(axis=1), weights=weights[own] if weighted else None
    )
    assert_allclose(examples.mean_squared_norm(), expected, rtol=1e-12)
