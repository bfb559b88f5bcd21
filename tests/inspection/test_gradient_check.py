"""`check_gradient`: right gradients pass, wrong ones are caught."""

import pickle

import numpy as np
import pytest
from helpers import ENGINES
from numpy.random import RandomState
from scipy.sparse import csr_matrix
from sklearn.pipeline import make_pipeline

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop import _equations as eq
from skbackprop._engine.network import Engine
from skbackprop.inspection import check_gradient

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4))
LABELS = np.arange(20) % 3
NUMBERS = RNG.normal(size=(20, 2))
CASES = [(SGDSigmoidMLP, LABELS), (SGDSigmoidMLPRegressor, NUMBERS)]


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4, 3)], ids=str)
@pytest.mark.parametrize(("Estimator", "y"), CASES)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_fresh_network_passes(engine, Estimator, y, hidden):
    check = check_gradient(Estimator(hidden, random_state=0, engine=engine), X, y)
    assert check.passed
    assert check
    assert check.max_relative_error < 1e-12
    assert max(check.relative_error_equations) < 1e-12
    assert check.n_compared == check.n_parameters


@pytest.mark.parametrize(("Estimator", "y"), CASES)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_fitted_network_passes_and_is_not_changed(engine, Estimator, y):
    model = Estimator((5,), momentum=0.9, alpha=1e-3, batch_size=7, random_state=0)
    model.set_params(learning_rate="invscaling", engine=engine)
    for _ in range(3):
        first = {"classes": [0, 1, 2]} if Estimator is SGDSigmoidMLP else {}
        model.partial_fit(X, y, **first)
    before = pickle.dumps(model)
    assert check_gradient(model, X, y)
    assert pickle.dumps(model) == before


def test_a_fresh_network_stays_unfitted_and_draws_what_fit_would():
    stream = RandomState(3)
    model = SGDSigmoidMLP((5,), random_state=stream)
    check_gradient(model, X, LABELS)
    assert not hasattr(model, "coefs_")
    assert not hasattr(model, "n_features_in_")
    assert stream.randint(1000) == RandomState(3).randint(1000)


@pytest.mark.parametrize("rows", [1, 20, 1500])
@pytest.mark.parametrize("engine", ENGINES)
def test_any_number_of_rows_passes(engine, rows):
    check = check_gradient(
        SGDSigmoidMLP((5,), random_state=0, engine=engine),
        np.resize(X, (rows, 4)),
        np.resize([0, 1], rows),
        max_parameters=10,
    )
    assert check.max_relative_error < 1e-12


def test_one_example_may_be_one_dimensional():
    model = SGDSigmoidMLPRegressor((5,), random_state=0).partial_fit(X, NUMBERS)
    assert check_gradient(model, X[0], NUMBERS[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_sparse_rows_pass(engine):
    model = SGDSigmoidMLP((5,), random_state=0, engine=engine)
    assert check_gradient(model, csr_matrix(X), LABELS)


@pytest.mark.parametrize("engine", ENGINES)
def test_float32_passes_within_half_of_its_digits(engine):
    model = SGDSigmoidMLP((5,), random_state=0, engine=engine)
    check = check_gradient(model, X.astype(np.float32), LABELS)
    assert check
    assert 1e-9 < check.max_relative_error < 1e-5
    assert check.tolerance == pytest.approx(3.5e-4, rel=0.02)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [10, 100, 1e4])
@pytest.mark.parametrize("engine", ENGINES)
def test_saturated_neurons_pass(engine, scale, dtype):
    model = SGDSigmoidMLP((5, 5), random_state=0, engine=engine)
    assert check_gradient(model, (scale * X).astype(dtype), LABELS)


def test_layers_before_a_saturated_output_pass():
    # 1 − a is 1e-11 and has only 5 digits left; so do the errors computed from it.
    model = SGDSigmoidMLP((5, 5), random_state=0)
    model.partial_fit(X, LABELS, [0, 1, 2])
    model.intercepts_[-1] += 25.0
    check = check_gradient(model, X, LABELS)
    assert check
    assert check.relative_error[0] > check.tolerance


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_that_cancel_each_other_pass(dtype):
    # Every example occurs with both labels: at activations of ½ the gradients cancel.
    both = np.vstack([X, X]).astype(dtype)
    y = np.repeat([0, 1], 20)
    model = SGDSigmoidMLP((5,), batch_size="full", max_iter=3000, tol=0, random_state=0)
    with pytest.warns(UserWarning, match="max_iter|no better than"):
        model.fit(both, y)
    assert check_gradient(model, both, y)


def test_a_deep_network_passes():
    assert check_gradient(SGDSigmoidMLP((6,) * 12, random_state=0), X, LABELS)


@pytest.mark.parametrize("name", ["output_delta", "hidden_delta", "weight_gradient"])
def test_a_wrong_equation_is_caught(name, monkeypatch):
    right = getattr(eq, name)
    monkeypatch.setattr(eq, name, lambda *args: right(*args) * 1.001)
    check = check_gradient(SGDSigmoidMLP((5,), random_state=0), X, LABELS)
    assert not check.passed
    assert "FAILED" in str(check)
    assert max(check.relative_error_equations) > 1e-4
    assert max(check.relative_error) < 1e-12


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_wrong_engine_is_caught(engine, dtype, monkeypatch):
    class Wrong(Engine):
        def descend(self, X, Y, weights, batch_size, eta):
            return super().descend(X, Y, weights, batch_size, eta * 1.001)

    monkeypatch.setattr("skbackprop._estimators.arrays.Engine", Wrong)
    model = SGDSigmoidMLP((5,), random_state=0, engine=engine)
    check = check_gradient(model, X.astype(dtype), LABELS)
    assert not check.passed
    assert min(check.relative_error) > 5e-4
    assert max(check.relative_error_equations) < 1e-12


def test_large_layers_are_sampled():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 100))
    model = SGDSigmoidMLP((30,), random_state=0)
    check = check_gradient(model, X, np.arange(5), max_parameters=40)
    assert check.n_compared == (40, 40)
    assert check.n_parameters == (3030, 155)
    assert check
    assert "40 of 3030" in str(check)


def test_the_report_has_a_line_for_each_layer():
    check = check_gradient(SGDSigmoidMLP((5, 4), random_state=0), X, LABELS)
    lines = str(check).splitlines()
    assert lines[0].startswith("Gradient check: passed.")
    assert [line.split()[0] for line in lines[2:]] == ["1", "2", "3"]
    assert repr(check) == str(check)


@pytest.mark.parametrize("value", [0, 1, -3, 2.5, "all"])
def test_max_parameters_is_checked(value):
    with pytest.raises(ValueError, match="max_parameters must be"):
        check_gradient(SGDSigmoidMLP(), X, LABELS, max_parameters=value)


def test_a_bad_parameter_of_a_fresh_network_is_named():
    with pytest.raises(ValueError, match="momentum must be"):
        check_gradient(SGDSigmoidMLP(momentum=2), X, LABELS)


def test_the_error_for_a_pipeline_says_what_to_pass():
    with pytest.raises(TypeError, match=r"pipeline\[-1\]"):
        check_gradient(make_pipeline(SGDSigmoidMLP()), X, LABELS)
