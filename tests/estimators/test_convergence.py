"""The warnings about a network that has learnt too little, and their advice."""

import warnings
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from helpers import fit, quietly
from sklearn.datasets import (
    load_digits,
    load_iris,
    load_wine,
    make_classification,
    make_friedman1,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

IRIS = scale(load_iris().data), load_iris().target
DIGITS = scale(load_digits().data), load_digits().target
# A class with 3 % of the rows, and a border that takes long to learn.
RARE = make_classification(
    1500, 10, n_informative=2, weights=[0.97], flip_y=0.02, random_state=0
)
LINE = np.linspace(-1, 1, 400)[:, np.newaxis]
CROWDED = LINE, np.where(np.arange(400) % 100 == 0, 1000.0, LINE[:, 0])


def warning_of(model, X, y):
    """The message of the only warning of a fit."""
    with pytest.warns(ConvergenceWarning) as record:
        model.fit(X, y)
    (warning,) = record
    return str(warning.message)


@pytest.mark.parametrize(
    ("model", "data", "expected"),
    [
        (SGDSigmoidMLP(max_iter=2), IRIS, ["reached max_iter=2", "Raise max_iter."]),
        (
            SGDSigmoidMLP(learning_rate_init=1e-9, max_iter=3),
            IRIS,
            ["no better than a constant", "=1e-09 is small", "try 3.4"],
        ),
        (
            SGDSigmoidMLP(learning_rate_init=1e5, max_iter=5),
            IRIS,
            ["saturated", "Set learning_rate_init=3.4 (it was 1e+05)"],
        ),
        (
            SGDSigmoidMLP(alpha=2.0, max_iter=5),
            IRIS,
            ["no better than a constant", "Set a smaller alpha (it was 2)."],
        ),
        (
            SGDSigmoidMLP(
                learning_rate_init=0.1,
                momentum=0.9,
                tol=1e-4,
                batch_size=200,
                n_iter_no_change=10,
            ),
            DIGITS,
            ["still falling", "tol=0.0001", "=0.1 is small", "try 1,"],
        ),
        (
            SGDSigmoidMLP(tol=1e-3, n_iter_no_change=10),
            DIGITS,
            ["still falling", "tol=0.001", 'Set tol="auto".'],
        ),
        (
            SGDSigmoidMLP((), max_iter=5),
            RARE,
            ["Class 1 is rare", 'class_weight="balanced"'],
        ),
        (
            SGDSigmoidMLPRegressor(max_iter=40),
            CROWDED,
            ["few values of y are far", "clip them", "TransformedTargetRegressor"],
        ),
        (
            SGDSigmoidMLPRegressor(max_iter=3),
            (LINE, LINE[:, 0]),
            ["max_iter=3", "Raise max_iter.", "set early_stopping=True."],
        ),
    ],
)
def test_the_warning_says_what_is_wrong_and_what_may_help(model, data, expected):
    message = warning_of(model.set_params(random_state=0), *data)
    assert [part for part in expected if part not in message] == [], message
    assert message.endswith('See "My network does not learn" in the documentation.')
    assert len(message) < 400


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda X: X * [1, 1, 1, 1000],
            "column d has a standard deviation of 1e+03, column",
        ),
        (lambda X: X * 1e-4, "column"),
        (lambda X: X + np.array([0, 0, 2000, 0]), "column c has a mean of 2e+03"),
        (lambda X: X * 100, "has a standard deviation of 1e+02."),
        (lambda X: X, None),
        (lambda X: X * [1, 1, 0, 1], None),  # a constant column has no scale
    ],
)
def test_inputs_that_are_not_scaled_are_named_by_column(change, expected):
    X = pd.DataFrame(change(IRIS[0]), columns=list("abcd"))
    message = warning_of(SGDSigmoidMLP(max_iter=2, random_state=0), X, IRIS[1])
    assert ("X is not scaled" in message) == (expected is not None)
    assert expected is None or expected in message


def test_wide_columns_of_a_sparse_matrix_are_named_and_rare_ones_are_not():
    from scipy.sparse import csr_array

    random = np.random.RandomState(0)
    X = random.uniform(size=(200, 20)) * (random.uniform(size=(200, 20)) < 0.02)
    y = np.arange(200) % 2
    model = SGDSigmoidMLP(max_iter=2, random_state=0)
    assert "not scaled" not in warning_of(model, csr_array(X), y)
    assert "MaxAbsScaler" in warning_of(model, csr_array(X * 1e4), y)


def test_a_penalty_that_is_too_weak_to_matter_is_not_blamed():
    model = SGDSigmoidMLP(learning_rate_init=1e-9, alpha=1e-4, max_iter=3)
    assert "alpha" not in warning_of(model.set_params(random_state=0), *IRIS)


def test_one_class_for_all_rows_causes_a_warning():
    X, y = RARE
    # A large tol stops training when the network still predicts class 0 everywhere.
    model = SGDSigmoidMLP(
        (5,), early_stopping=True, n_iter_no_change=1, tol=1.0, random_state=0
    )
    message = warning_of(model, X, y)
    assert "predicts 0 for all rows" in message or "no better" in message
    assert 'scoring="balanced_accuracy"' in message


@pytest.mark.parametrize("labels", [np.array(["b", "a"]), np.array([True, False])])
def test_labels_of_any_kind_are_named(labels):
    X, y = RARE
    message = warning_of(SGDSigmoidMLP((), max_iter=3, random_state=0), X, labels[y])
    assert f"Class {labels[1].item()!r} is rare" in message


@pytest.mark.parametrize("fixed", [{"n_iter_no_change": np.inf}, {"tol": 0}])
@pytest.mark.parametrize("estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_a_fixed_number_of_epochs_ends_without_a_warning(estimator, fixed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimator(max_iter=5, random_state=0, **fixed).fit(*IRIS)


def test_classes_that_are_never_predicted_are_named():
    model = SGDSigmoidMLP((30,), learning_rate_init=100.0, max_iter=40, random_state=0)
    message = warning_of(model, *DIGITS)
    silent = set(range(10)) - set(model.predict(DIGITS[0]).tolist())
    assert silent
    assert f"never predicts {', '.join(map(str, sorted(silent)))}." in message
    assert "learning_rate_init=100 is large" in message


def test_reaching_max_iter_does_not_warn_if_little_is_left_to_learn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SGDSigmoidMLP(random_state=0).fit(*DIGITS)
    assert model.n_iter_ == 200


def test_the_folds_of_a_search_give_the_same_message():
    model = SGDSigmoidMLP(max_iter=3, random_state=0)
    X, y = IRIS
    assert warning_of(model, X[::2], y[::2]) == warning_of(model, X[1::2], y[1::2])


@pytest.mark.parametrize("target", [np.zeros(150), np.ones(150)])
@pytest.mark.parametrize("estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_training_on_a_constant_target_converges_without_a_warning(estimator, target):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = estimator(random_state=0).fit(IRIS[0], target)
    assert model.n_iter_ < 200


def test_the_warning_is_about_the_kept_network_not_the_last():
    """Early stopping restores a network that is better than a constant."""
    model = SGDSigmoidMLPRegressor(early_stopping=True, random_state=0)
    X = np.random.RandomState(0).normal(size=(300, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model, X, X @ [1.0, 2.0, 3.0])


def test_a_saturated_stream_warns_once():
    X, y = load_wine(return_X_y=True)
    model = SGDSigmoidMLP((), random_state=0)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        for _ in range(20):
            model.partial_fit(X, y, [0, 1, 2])
    (warning,) = record
    assert "saturated" in str(warning.message)
    assert "column 12 has a standard deviation" in str(warning.message)
    assert warning.filename == __file__


def test_a_saturation_warning_as_an_error_does_not_lose_the_pass():
    X, y = load_wine(return_X_y=True)
    loud, quiet = (SGDSigmoidMLP((), random_state=0) for _ in range(2))
    for _ in range(3):
        quietly(quiet.partial_fit, X, y, [0, 1, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            with suppress(ConvergenceWarning):
                loud.partial_fit(X, y, [0, 1, 2])
    for a, b in zip(loud.coefs_, quiet.coefs_, strict=True):
        assert np.array_equal(a, b)


def test_values_out_of_reach_warn_once_in_a_stream_and_again_in_each_fit():
    X, y = LINE, LINE[:, 0]
    model = SGDSigmoidMLPRegressor(target_range=(0, 0.5), random_state=0)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always", UserWarning)
        for start in range(0, 400, 100):
            model.partial_fit(X[start : start + 100], y[start : start + 100])
        assert len(record) == 1
        quietly(model.set_params(max_iter=2).fit, X, y)
    with pytest.warns(UserWarning, match="wider target_range"):
        fit(model, X, y)


@pytest.mark.parametrize(
    ("model", "y", "advice"),
    [
        (SGDSigmoidMLPRegressor(target_range=(-1e4, 1e4)), LINE[:, 0], "narrow it"),
        (SGDSigmoidMLPRegressor(), np.column_stack([LINE, LINE**0]), None),
        (SGDSigmoidMLPRegressor(), (np.arange(400) % 33 == 0) * 1.0, None),
    ],
    ids=["target_range too wide", "a constant output", "mostly zeros"],
)
def test_these_targets_are_not_mistaken_for_outliers(model, y, advice):
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model.set_params(max_iter=30, random_state=0).fit(LINE, y)
    text = " ".join(str(warning.message) for warning in record)
    assert "far from the others" not in text
    assert advice is None or advice in text


def test_a_rare_class_that_is_never_predicted_is_named():
    random = np.random.RandomState(0)
    X = random.normal(size=(1000, 3))
    y = np.repeat([0, 1, 2], [490, 490, 20])
    X[y == 1, 0] += 4
    model = SGDSigmoidMLP((10,), max_iter=60, random_state=0)
    message = warning_of(model, X, y)
    assert "never predicts 2. Class 2 is rare" in message


def test_a_target_that_varies_only_by_rounding_counts_as_constant():
    model = SGDSigmoidMLPRegressor(target_range=(0, 3), random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(LINE, np.full(400, 0.2))
    assert model.tol_ == 1e-5 / 8
    assert model.n_iter_ < 200


def test_inputs_that_are_not_scaled_are_named_if_training_converges():
    random = np.random.RandomState(0)
    X = random.normal(size=(300, 2)) * [1, 1e-3]
    y = (X[:, 0] + 1e3 * X[:, 1] > 0).astype(int)  # the small column matters as much
    model = SGDSigmoidMLP(n_iter_no_change=1, random_state=0)
    message = warning_of(model, X, y)
    assert "much left to learn. X is not scaled: column 0" in message


def test_centring_is_advised_for_inputs_between_0_and_1():
    X, y = make_friedman1(1000, random_state=0)
    message = warning_of(SGDSigmoidMLPRegressor(random_state=0), X, y)
    assert "much left to learn. Centre X with a StandardScaler" in message
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SGDSigmoidMLPRegressor(random_state=0).fit(scale(X), y)
