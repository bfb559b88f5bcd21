"""Any step size and any scale of X give finite numbers, and a warning if saturated."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop import _equations as eq
from skbackprop._engine.network import Engine
from skbackprop._training.examples import Examples
from skbackprop._training.symptoms import is_saturated

ETAS = [1e-12, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e12]
SCALES = [1e-10, 1.0, 1e10]


def targets(kind, y):
    return {
        "two classes": y > 0,
        "three classes": y,
        "labels": np.eye(3, dtype=int)[y],
        "one class": np.zeros(len(y), dtype=int),
        "numbers": y + 0.5,
        "one number": np.ones(len(y)),
        "two outputs": np.column_stack([y, np.zeros(len(y))]),
    }[kind]


def fit_and_warnings(model, X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    assert all(warning.category is ConvergenceWarning for warning in caught)
    return [str(warning.message) for warning in caught]


def delta_and_loss(model, X, Y):
    """The output errors by the derivation, and the loss."""
    W = [coef.T.astype(float) for coef in model.coefs_]
    b = [intercept[:, np.newaxis].astype(float) for intercept in model.intercepts_]
    _, a = eq.forward(X.T.astype(float), W, b)
    delta = eq.output_delta(a[-1], Y.T)
    return delta * len(delta), eq.half_squared_error(a[-1], Y.T).mean()


def expected_activations(model, y):
    if isinstance(model, SGDSigmoidMLPRegressor):
        low, high = model.target_range_
        return 0.1 + 0.8 * (y.reshape(len(y), -1) - low) / (high - low)
    if y.ndim == 2:
        return y.astype(float)
    classes = model.classes_ if len(model.classes_) > 2 else [1]
    return (y[:, np.newaxis] == np.array(classes)).astype(float)


# Slopes of 0.0009 and 0.0011, on either side of the limit.
FLAT, STEEP = -7.0, -6.8


@pytest.mark.parametrize(
    ("z", "Y", "weights", "constant_loss", "expected"),
    [
        ([[-800]], [[1]], None, 0.5, True),
        ([[-800]], [[1]], None, 0.51, False),
        ([[FLAT, -FLAT]], [[1, 0]], None, 0.4, True),
        ([[STEEP]], [[1]], None, 0.0, False),
        ([[STEEP]], [[0.5]], None, 0.0, False),
        ([[20]], [[1]], None, 0.0, False),
        ([[-20]], [[0.02]], None, 0.0, True),
        ([[-20]], [[0.005]], None, 0.0, False),
        ([[-20, 20]], [[1, 1]], None, 0.24, True),
        ([[-20, 20]], [[1, 1]], None, 0.26, False),
        ([[-20], [20]], [[1], [1]], [3, 1], 0.37, True),
        ([[-20], [20]], [[1], [1]], [3, 1], 0.38, False),
    ],
)
def test_a_wrong_network_without_slope_no_better_than_a_constant_is_saturated(
    z, Y, weights, constant_loss, expected
):
    z, Y = np.array(z, dtype=float), np.array(Y, dtype=float)
    n = z.shape[1]
    engine = Engine([np.eye(n)], [np.zeros(n)])
    weights = None if weights is None else np.array(weights, dtype=float)
    examples = Examples(z, lambda rows: Y[rows], n, weights, z.dtype)
    assert is_saturated(engine, examples, constant_loss) == expected


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize(
    ("Estimator", "kind"),
    [
        (SGDSigmoidMLP, "two classes"),
        (SGDSigmoidMLP, "three classes"),
        (SGDSigmoidMLP, "labels"),
        (SGDSigmoidMLP, "one class"),
        (SGDSigmoidMLPRegressor, "numbers"),
        (SGDSigmoidMLPRegressor, "one number"),
        (SGDSigmoidMLPRegressor, "two outputs"),
    ],
)
def test_a_fitted_model_is_finite_and_warns_if_it_is_saturated(
    Estimator, kind, eta, scale, iris
):
    X, y = iris[0][::3] * scale, targets(kind, iris[1][::3])
    n_saturated = 0
    for hidden, dtype, momentum in (
        ((), np.float64, 0.0),
        ((5,), np.float32, 0.0),
        ((5, 5), np.float64, 0.9),
    ):
        model = Estimator(hidden, learning_rate_init=eta, momentum=momentum)
        model.set_params(max_iter=20, n_iter_no_change=5, random_state=0)
        messages = fit_and_warnings(model, X.astype(dtype), y)
        assert len(messages) <= 1
        for array in [*model.coefs_, *model.intercepts_, model.loss_curve_]:
            assert np.isfinite(array).all()
        for method in ("predict", "predict_proba", "predict_log_proba"):
            if hasattr(model, method):
                assert np.isfinite(getattr(model, method)(X.astype(dtype))).all()
        Y = expected_activations(model, y)
        delta, loss = delta_and_loss(model, X.astype(dtype), Y)
        constant = Y.var(axis=0).mean() / 2
        if np.abs(delta).max() < 1e-6 and loss > constant + 1e-3:
            n_saturated += 1
            assert "saturated" in messages[0]
            assert f"(it was {eta:.2g})" in messages[0]
        if loss < 0.9 * constant or loss < 4e-5:
            assert not any("saturated" in message for message in messages)
    if eta >= 1e6 and kind in ("three classes", "numbers", "two outputs"):
        assert n_saturated > 0


@pytest.mark.parametrize("max_iter", [2, 200])
def test_a_network_that_learnt_before_it_saturated_causes_a_warning(max_iter, iris):
    """The loss of its first epoch, or of a previous fit, does not hide it."""
    X, y = iris
    model = SGDSigmoidMLP((5,), warm_start=True, random_state=0, max_iter=100)
    fit_and_warnings(model, X, y)
    learnt = model.best_loss_
    model.set_params(learning_rate_init=1e6, max_iter=max_iter)
    (message,) = fit_and_warnings(model, X, y)
    assert "saturated" in message
    assert model.loss_ > 2 * learnt


def test_a_confident_network_that_is_right_is_not_called_saturated(iris):
    X, y = iris[0][:100], iris[1][:100]
    model = SGDSigmoidMLP((), learning_rate_init=1e4, random_state=0)
    messages = fit_and_warnings(model, X, y)
    a = model.predict_proba(X)[:, 1]
    assert (a * (1 - a)).max() < 1e-3
    assert not any("saturated" in message for message in messages)
