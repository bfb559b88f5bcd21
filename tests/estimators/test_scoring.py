"""`scoring`: the score of the held-out rows."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers import assert_same_bits, fit, state
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.metrics import (
    accuracy_score,
    get_scorer,
    make_scorer,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV, train_test_split

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor


@pytest.fixture(scope="module")
def halves():
    """Rows to learn from, their labels, rows to hold out and their labels."""
    X, y = make_classification(300, 5, random_state=0)
    return X[::2], np.array(["a", "b"])[y[::2]], X[1::2], np.array(["a", "b"])[y[1::2]]


def classifier(scoring, **settings):
    settings = {"max_iter": 5, "random_state": 0, "early_stopping": True} | settings
    return SGDSigmoidMLP((5,), scoring=scoring, **settings)


def regressor(scoring, **settings):
    settings = {"max_iter": 5, "random_state": 0, "early_stopping": True} | settings
    return SGDSigmoidMLPRegressor((5,), scoring=scoring, **settings)


def fit_halves(model, halves, weights=None):
    X, y, X_val, y_val = halves
    return fit(model, X, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)


def accuracy(estimator, X, y):
    return accuracy_score(y, estimator.predict(X))


@pytest.mark.parametrize(
    ("scoring", "expected"),
    [
        (None, accuracy),
        ("accuracy", accuracy),
        (accuracy, accuracy),
        ("roc_auc", lambda m, X, y: roc_auc_score(y, m.predict_proba(X)[:, 1])),
        ("neg_log_loss", get_scorer("neg_log_loss")),
        (make_scorer(accuracy_score), accuracy),
        (
            "loss",
            lambda m, X, y: -((m.predict_proba(X)[:, 1] - (y == "b")) ** 2).mean(),
        ),
    ],
)
def test_the_best_score_is_computed_by_the_scorer(scoring, expected, halves):
    model = fit_halves(classifier(scoring), halves)
    best = expected(model, *halves[2:])
    if scoring == "loss":
        best /= 2
        scores = [-loss for loss in model.validation_loss_curve_]
        assert model.validation_scores_ == scores
    assert_allclose(model.best_validation_score_, best, rtol=1e-12)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert len(model.validation_scores_) == 5


@pytest.mark.parametrize(
    ("scoring", "expected"),
    [
        (None, r2_score),
        ("r2", r2_score),
        ("neg_mean_absolute_error", lambda y, p: -mean_absolute_error(y, p)),
    ],
)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_regressor_is_scored_in_units_of_y(n_outputs, scoring, expected, halves):
    X, _, X_val, _ = halves
    y, y_val = (50 + 100 * A[:, :n_outputs].squeeze() for A in (X, X_val))
    model = fit(regressor(scoring), X, y, X_val=X_val, y_val=y_val)
    best = expected(y_val, model.predict(X_val))
    assert_allclose(model.best_validation_score_, best, rtol=1e-12)


@pytest.mark.parametrize("scoring", [None, "accuracy", "roc_auc", "loss", accuracy])
def test_scoring_does_not_change_training(scoring, halves):
    plain = fit_halves(classifier(None, early_stopping=False), halves)
    scored = fit_halves(classifier(scoring, early_stopping=False), halves)
    assert_same_bits(scored, plain)
    assert len(scored.validation_scores_) == 5
    assert scored.best_validation_score_ is None


def test_a_scorer_gets_the_original_rows_that_are_split_off():
    X, codes = make_classification(100, 5, random_state=0)
    y = np.array(["a", "b"])[codes]
    seen = []

    def scorer(estimator, X, y):
        seen.append((X, y, estimator.decision_function(X)))
        return 0.0

    model = fit(classifier(scorer, max_iter=3), X, y)
    _, held_out = train_test_split(
        np.arange(100), test_size=0.1, stratify=y, random_state=model._split_seed
    )
    held_out = np.sort(held_out)
    assert len(seen) == 3
    for X_seen, y_seen, _ in seen:
        assert_array_equal(X_seen, X[held_out])
        assert_array_equal(y_seen, y[held_out])
    # Each with the network of its epoch.
    assert_array_equal(seen[-1][2], model.decision_function(X[held_out]))
    assert not (seen[0][2] == seen[1][2]).any()
    # All scores are equal, so the loss decides.
    least = min(model.validation_loss_curve_)
    assert model.validation_loss_curve_.index(least) == 2


def test_the_weights_of_the_rows_reach_the_scorer(halves):
    weights = np.random.default_rng(0).random(150)
    model = fit_halves(classifier("roc_auc"), halves, weights)
    _, _, X_val, y_val = halves
    z = model.decision_function(X_val)
    weighted, plain = (
        roc_auc_score(y_val, z, sample_weight=w) for w in (weights, None)
    )
    assert_allclose(model.best_validation_score_, weighted, rtol=1e-12)
    assert abs(weighted - plain) > 1e-6


def test_a_scorer_gets_sample_weights_but_not_class_weights():
    X, y = make_classification(100, 5, random_state=0)
    weights = np.random.default_rng(0).random(100)
    seen = []

    def scorer(estimator, X, y, sample_weight):
        seen.append(sample_weight)
        return 0.0

    model = classifier(scorer, class_weight="balanced", shuffle=False)
    fit(model, X, y, weights)
    for of_rows in seen:
        assert_array_equal(of_rows, weights[-10:])


@pytest.mark.parametrize("scoring", ["acuracy", "", 1, True, ["roc_auc"], {"a": "r2"}])
@pytest.mark.parametrize("make", [classifier, regressor])
def test_an_invalid_scoring_is_refused(make, scoring, halves):
    model = make(scoring)
    with pytest.raises(ValueError, match=r"scoring must be None, .* got") as raised:
        model.fit(*halves[:2])
    assert type(raised.value).__name__ == "InvalidParameterError"
    assert not hasattr(model, "coefs_")


def failing(estimator, X, y):
    raise ZeroDivisionError("no score")


def undefined(estimator, X, y):
    return np.nan


def returns_text(estimator, X, y):
    return "good"


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("scoring", [failing, undefined, returns_text, "r2"])
def test_an_error_of_the_scorer_leaves_the_estimator_as_it_was(scoring, fitted, halves):
    model = classifier(None, warm_start=True)
    if fitted:
        fit_halves(model, halves)
    model.set_params(scoring=scoring)
    before = state(model)
    with pytest.raises((ValueError, TypeError, ZeroDivisionError)):
        fit_halves(model, halves)
    assert state(model) == before


@pytest.mark.parametrize("scoring", ["roc_auc", "loss", accuracy])
def test_a_scoring_survives_clone_and_pickle(scoring, halves):
    model = fit_halves(classifier(scoring), halves)
    again = fit_halves(pickle.loads(pickle.dumps(clone(model))), halves)
    assert again.validation_scores_ == model.validation_scores_
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.scoring == scoring
    assert loaded.best_validation_score_ == model.best_validation_score_


def test_a_grid_search_can_choose_the_scoring(halves):
    grid = {"scoring": [None, "loss", "roc_auc", accuracy]}
    search = GridSearchCV(classifier(None, max_iter=300), grid, cv=2)
    search.fit(*halves[:2])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.score(*halves[2:]) > 0.8


@pytest.mark.parametrize("then", ["roc_auc", "loss", None])
def test_a_warm_start_scores_its_starting_point(then, halves):
    model = fit_halves(classifier("roc_auc", warm_start=True, max_iter=30), halves)
    # A step size that destroys what was learnt.
    model.set_params(learning_rate_init=3e3, max_iter=2, scoring=then)
    before = [coef.copy() for coef in model.coefs_]
    fit_halves(model, halves)
    for coef, kept in zip(model.coefs_, before, strict=True):
        assert_array_equal(coef, kept)
    fresh = clone(model).set_params(early_stopping=False, learning_rate_init=1e-300)
    fresh.__dict__.update({**vars(model), **fresh.get_params(), "max_iter": 1})
    score = fit_halves(fresh, halves).validation_scores_[-1]
    assert model.best_validation_score_ == pytest.approx(score, rel=1e-12)


def test_a_data_frame_is_scored_without_a_warning(halves):
    X = pd.DataFrame(halves[0], columns=list("vwxyz"))
    model = fit(classifier("roc_auc"), X, halves[1])  # warnings are errors here
    assert_array_equal(model.feature_names_in_, list("vwxyz"))
