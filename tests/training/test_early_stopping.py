"""Held-out rows: how they are chosen, measured and used to stop."""

import re
import tracemalloc

import numpy as np
import pytest
from helpers import assert_same_bits, assert_same_parameters, fit, parameters
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import (
    load_diabetes,
    load_linnerud,
    make_classification,
    make_multilabel_classification,
)
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop._training.held_out import label_accuracy, r_squared


def problem(kind):
    """An estimator, X and y for this kind of target."""
    settings = {"early_stopping": True, "max_iter": 30, "random_state": 0}
    settings |= {"momentum": 0.5, "batch_size": 10}
    X, y = load_diabetes(return_X_y=True)
    X = X / X.std(axis=0)
    if kind == "regression":
        return SGDSigmoidMLPRegressor((10,), **settings), X, y
    if kind == "several outputs":
        X, y = load_linnerud(return_X_y=True)
        model = SGDSigmoidMLPRegressor((10,), validation_fraction=0.3, **settings)
        return model, (X - X.mean(axis=0)) / X.std(axis=0), y
    if kind == "multilabel":
        X, y = make_multilabel_classification(200, 5, n_classes=3, random_state=0)
        return SGDSigmoidMLP((10,), **settings), X / 10, y
    n_classes = {"binary": 2, "multiclass": 4}[kind]
    score = X[:, 2] + X[:, 8]
    codes = np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes))
    return SGDSigmoidMLP((10,), **settings), X, np.array(list("abcd"))[codes]


KINDS = ["binary", "multiclass", "multilabel", "regression", "several outputs"]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_best_network_is_kept_and_scores_as_recorded(kind, weighted):
    model, X, y = problem(kind)
    X, X_val, y, y_val = train_test_split(X, y, random_state=0)
    rng = np.random.default_rng(0)
    w, w_val = (
        (rng.random(len(X)), rng.random(len(X_val))) if weighted else (None, None)
    )
    fit(model, X, y, w, X_val=X_val, y_val=y_val, sample_weight_val=w_val)
    scores = model.validation_scores_
    assert len(scores) == len(model.validation_loss_curve_) == model.n_iter_
    assert len(model.loss_curve_) == model.n_iter_
    assert model.best_loss_ is None
    assert model.best_validation_score_ == max(scores) > scores[0]
    assert_allclose(model.score(X_val, y_val, w_val), max(scores), rtol=1e-12)
    # The same network as after that many epochs with the same η.
    losses = model.validation_loss_curve_
    best = max(range(len(scores)), key=lambda i: (scores[i], -losses[i])) + 1
    short = clone(model).set_params(max_iter=best, early_stopping=False)
    short.set_params(learning_rate_init=model.learning_rate_init_)
    assert_same_parameters(fit(short, X, y, w), model)
    for part in (0, 1):
        pairs = zip(short._velocity[part], model._velocity[part], strict=True)
        for a, b in pairs:
            assert_array_equal(a, b)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_validation_loss_is_the_cost_of_the_held_out_rows(kind, weighted):
    model, X, y = problem(kind)
    w = np.random.default_rng(0).random(len(X)) if weighted else None
    fit(
        model.set_params(max_iter=1, early_stopping=False),
        *(X, y),
        X_val=X,
        y_val=y,
        sample_weight_val=w,
    )
    if kind in ("regression", "several outputs"):
        low, high = model.target_range_
        Y, a = (
            0.1 + 0.8 * (v.reshape(len(X), -1) - low) / (high - low)
            for v in (y, model.predict(X))
        )
    else:
        z = model.decision_function(X).reshape(len(X), -1)
        a = 1 / (1 + np.exp(-z))
        Y = y if kind == "multilabel" else y[:, np.newaxis] == model.classes_
        Y = Y[:, 1:] if kind == "binary" else Y
    cost = np.average(((a - Y) ** 2).mean(axis=1) / 2, weights=w)
    assert_allclose(model.validation_loss_curve_, [cost], rtol=1e-10)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("batch_size", "shuffle"),
    [(1, False), (10, False), ("full", False), ("full", True)],
)
def test_a_split_trains_on_the_remaining_rows(batch_size, shuffle, sparse, iris):
    """They are random and stratified, or the first ones if rows are not shuffled."""
    X, y = iris
    settings = {"batch_size": batch_size, "max_iter": 5, "random_state": 0}
    settings |= {"shuffle": shuffle, "tol": 0, "n_iter_no_change": np.inf}
    weights = np.random.default_rng(0).random(len(X))
    X = csr_matrix(np.where(X > 0, X, 0)) if sparse else X
    split = SGDSigmoidMLP((5,), early_stopping=True, validation_fraction=0.2)
    fit(split.set_params(**settings), X, y, weights)
    rows, held_out = np.arange(120), np.arange(120, 150)
    if shuffle:
        rows, held_out = train_test_split(
            np.arange(150), test_size=0.2, stratify=y, random_state=split._split_seed
        )
        rows, held_out = np.sort(rows), np.sort(held_out)
        assert_array_equal(np.bincount(y[held_out]), [10, 10, 10])
    given = SGDSigmoidMLP((5,), early_stopping=True)
    fit(
        given.set_params(**settings),
        *(X[rows], y[rows], weights[rows]),
        X_val=X[held_out],
        y_val=y[held_out],
        sample_weight_val=weights[held_out],
    )
    assert_same_parameters(split, given)
    assert split.t_ == given.t_ == 5 * 120
    assert_allclose(split.loss_curve_, given.loss_curve_, rtol=1e-12)
    assert_allclose(split.validation_scores_, given.validation_scores_, rtol=1e-12)


def test_shuffled_epochs_of_a_split_see_every_row_once():
    # For η → 0 the loss of an epoch does not depend on the row order.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 3)), rng.integers(2, size=300)
    model = SGDSigmoidMLP((4,), learning_rate_init=1e-12, batch_size=7, max_iter=1)
    model.set_params(random_state=0)
    shuffled = fit(clone(model).set_params(early_stopping=True), X, y)
    rows, _ = train_test_split(
        np.arange(300), test_size=0.1, stratify=y, random_state=shuffled._split_seed
    )
    ordered = fit(model.set_params(shuffle=False), X[rows], y[rows])
    assert_allclose(shuffled.loss_, ordered.loss_, rtol=1e-9)


def test_training_stops_when_the_score_does_not_improve(digits):
    model = SGDSigmoidMLP((30,), early_stopping=True, n_iter_no_change=3)
    model.set_params(random_state=0, tol=0.01).fit(*digits)
    scores = model.validation_scores_
    best_before = np.maximum.accumulate([-np.inf, *scores[:-1]])
    stuck = scores < best_before + 0.01
    assert model.n_iter_ < model.max_iter
    assert stuck[-4:].all()
    runs = "".join("x" if s else " " for s in stuck[:-1])
    assert "xxxx" not in runs


def test_a_held_out_set_without_early_stopping_is_only_watched(iris):
    X, y = iris
    model = SGDSigmoidMLP((5,), max_iter=20, random_state=0)
    watched = fit(clone(model), X, y, X_val=X[::2], y_val=y[::2])
    assert len(watched.validation_scores_) == 20
    assert watched.best_validation_score_ is None
    assert watched.best_loss_ == min(watched.loss_curve_)
    assert_same_bits(watched, fit(model, X, y))
    assert model.validation_scores_ is None
    assert model.validation_loss_curve_ is None


@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_continues_from_the_restored_weights(kind):
    model, X, y = problem(kind)
    model.set_params(max_iter=200, n_iter_no_change=3)
    fit(model, X, y)
    n_iter, scores = model.n_iter_, list(model.validation_scores_)
    best = parameters(model)
    # With a tiny η and no velocity, the restored weights do not change.
    frozen = clone(model)
    frozen.__dict__.update({**vars(model), "learning_rate_init": 1e-300})
    frozen._velocity = None
    frozen.partial_fit(X, y)
    for a, b in zip(parameters(frozen), best, strict=True):
        assert_array_equal(a, b)
    model.partial_fit(X, y)
    assert model.n_iter_ == n_iter + 1
    assert model.validation_scores_ == scores
    assert model.best_loss_ is None
    assert model.best_validation_score_ == max(scores)


def test_a_warm_start_holds_out_the_same_rows(iris):
    model = SGDSigmoidMLP((5,), early_stopping=True, warm_start=True, max_iter=5)
    fit(model.set_params(random_state=0), *iris)
    seed, best = model._split_seed, model.best_validation_score_
    fit(model, *iris)
    assert model._split_seed == seed
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 10
    assert model.best_validation_score_ == max(model.validation_scores_) >= best


def test_a_warm_start_that_finds_nothing_better_keeps_the_network(iris):
    X, y = iris
    model = SGDSigmoidMLP((20,), early_stopping=True, warm_start=True, random_state=0)
    fit(model.set_params(max_iter=50), X, y, X_val=X, y_val=y)
    before, best = parameters(model), model.best_validation_score_
    # A step size that destroys what was learnt.
    fit(model.set_params(max_iter=3, learning_rate_init=3e3), X, y, X_val=X, y_val=y)
    assert model.best_validation_score_ == best
    for a, b in zip(parameters(model), before, strict=True):
        assert_array_equal(a, b)


def test_a_warm_start_on_another_validation_set_measures_its_starting_point(iris):
    X, y = iris
    model = SGDSigmoidMLP((20,), early_stopping=True, warm_start=True, random_state=0)
    fit(model.set_params(max_iter=20), X, y, X_val=X, y_val=y)
    assert model.best_validation_score_ > 0.8
    # This network predicts all these labels wrongly, so it must learn to improve.
    other = (y + 1) % 3
    fit(model.set_params(max_iter=60), X, other, X_val=X, y_val=other)
    assert model.best_validation_score_ == model.score(X, other) > 0.5


def test_a_warm_start_after_a_stop_has_its_full_patience_again(iris):
    model = SGDSigmoidMLP((5,), early_stopping=True, warm_start=True, random_state=0)
    fit(model.set_params(n_iter_no_change=5), *iris)
    assert model.n_iter_ > 6
    assert fit(model, *iris).n_iter_ >= 6


def test_a_warm_start_can_switch_early_stopping_off(iris):
    model = SGDSigmoidMLP((5,), early_stopping=True, warm_start=True, random_state=0)
    fit(model.set_params(max_iter=5), *iris)
    fit(model.set_params(early_stopping=False), *iris)
    assert model.best_validation_score_ is None
    assert model.best_loss_ == min(model.loss_curve_)
    assert len(model.loss_curve_) == 10


def test_no_label_is_predicted_at_half_an_activation():
    model = SGDSigmoidMLP((2,), max_iter=1, random_state=0)
    X, Y = np.zeros((4, 1)), np.array([[0, 1], [1, 0], [1, 1], [0, 0]])
    fit(model, X, Y)
    model.coefs_ = [np.zeros_like(coef) for coef in model.coefs_]
    model.intercepts_ = [np.zeros_like(b) for b in model.intercepts_]
    assert not model.predict(X).any()
    z = model.decision_function(X)
    assert label_accuracy(z, Y, None) == model.score(X, Y) == 0.25


@pytest.mark.parametrize("weighted", [False, True])
def test_r_squared_equals_scikit_learns(weighted):
    rng = np.random.default_rng(0)
    z, Y = rng.normal(size=(20, 5)), rng.random((20, 5))
    w = rng.random(20) if weighted else None
    if not weighted:  # if the mean of a constant is rounded, r2_score gives -1e30
        Y[:, 2:] = 0.5
        z[:, 3:] = 0.0
    expected = r2_score(Y, 1 / (1 + np.exp(-z)), sample_weight=w)
    assert_allclose(r_squared(z, Y, w), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("X_val", "y_val", "w_val", "message"),
    [
        (np.ones((3, 4)), None, None, "X_val and y_val .* together, but y_val is None"),
        (None, [0, 1, 2], None, "X_val and y_val .* together, but X_val is None"),
        (None, None, [1, 1], "X_val and y_val must be given together"),
        (np.ones((3, 5)), [0, 1, 2], None, "In X_val, y_val .* has 5 features"),
        (np.ones((3, 4)), [0, 1], None, "In X_val, y_val .* inconsistent numbers"),
        (np.ones((3, 4)), [0, 1, 7], None, r"In X_val, y_val .* classes \[7\]"),
        (np.ones((3, 4)), np.eye(3), None, "In X_val, y_val .* indicator matrix"),
        (np.full((3, 4), np.nan), [0, 1, 2], None, "In X_val, y_val .* NaN"),
        (np.ones((3, 4)), [0, 1, 2], [-1, 1, 1], "weight_val: .* not be negative"),
        (np.ones((3, 4)), [0, 1, 2], [0, 0, 0], "zero in every row held out"),
    ],
)
def test_a_bad_validation_set_is_named(X_val, y_val, w_val, message, iris):
    model = SGDSigmoidMLP((5,), early_stopping=True)
    with pytest.raises(ValueError, match=message):
        model.fit(*iris, X_val=X_val, y_val=y_val, sample_weight_val=w_val)
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize(
    ("y", "fraction", "message"),
    [
        ([0, 0, 0, 1], 0.25, r"=0.25 of the 4 rows: .* only 1 row .* classes \[1\]"),
        (["a"] * 9 + ["b"], 0.5, r"only 1 row of each of the classes \['b'\]"),
        ([0.1, 0.2], 0.1, "=0.1 of the 2 rows: .* hold out 1 .* Add rows, or give X_"),
        ([0.5], 0.1, "=0.1 of the 1 rows: .* Add rows"),
        ([0, 1, 2], 0.5, "only 1 row of each"),
        ([0, 1, 2, 0, 1], 0.5, "only 1 row of each"),
    ],
)
def test_too_few_rows_to_hold_out_are_an_error(y, fraction, message):
    Estimator = SGDSigmoidMLPRegressor if isinstance(y[0], float) else SGDSigmoidMLP
    model = Estimator(early_stopping=True, validation_fraction=fraction)
    with pytest.raises(ValueError, match=message):
        model.fit(np.eye(len(y)), y)


@pytest.mark.parametrize(
    ("n_rows", "n_classes", "fraction", "better"),
    [
        (10, 2, 0.1, 0.2),
        (50, 10, 0.1, 0.2),
        (50, 10, 0.9, 0.2),
        (6, 3, 0.1, 0.5),
        (40, 3, 0.01, 0.08),
        (20, 9, 0.1, 0.45),
        (21, 10, 0.1, 0.48),
        (12, 6, 0.9, 0.5),
        (2000, 3, 1e-4, 0.002),
        (10, 0, 0.1, 0.2),
        (3, 0, 0.1, 0.5),
        (1000, 499, 0.1, 0.5),
    ],
)
def test_the_advised_fraction_works(n_rows, n_classes, fraction, better):
    """A regressor, for which n_classes is 0, must hold out two rows."""
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    model = SGDSigmoidMLP((2,), early_stopping=True, max_iter=1)
    y = np.arange(n_rows) % max(n_classes, 1)
    if not n_classes:
        model = SGDSigmoidMLPRegressor((2,), early_stopping=True, max_iter=1)
        y = X[:, 0]
    model.set_params(validation_fraction=fraction)
    with pytest.raises(
        ValueError, match=f"validation_fraction={fraction:g} of"
    ) as error:
        model.fit(X, y)
    found = re.search(r"Set validation_fraction=([\d.e-]+),", str(error.value))[1]
    assert float(found) == better
    fit(model.set_params(validation_fraction=float(found)), X, y)


def test_the_loss_decides_if_a_constant_y_val_has_no_score(iris):
    X, y = iris
    model = SGDSigmoidMLPRegressor((5,), early_stopping=True, random_state=0)
    model.set_params(tol=1e-3, n_iter_no_change=2)
    fit(model, X, y, X_val=X[50:100], y_val=y[50:100])
    losses = model.validation_loss_curve_
    assert set(model.validation_scores_) == {0.0}
    assert 3 < model.n_iter_ < model.max_iter
    again = SGDSigmoidMLPRegressor((5,), early_stopping=False, random_state=0)
    again.set_params(learning_rate_init=model.learning_rate_init_, batch_size=8)
    again.set_params(max_iter=1 + int(np.argmin(losses)))
    assert_same_parameters(fit(again, X, y), model)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("batch_size", [32, "full"])
def test_a_split_does_not_copy_X(batch_size, order):
    rng = np.random.default_rng(0)
    X = np.asarray(rng.random((100_000, 100)), order=order)
    y = rng.integers(2, size=100_000)
    model = SGDSigmoidMLP((3,), early_stopping=True, batch_size=batch_size, max_iter=1)
    fit(model, X[:300], y[:300])
    tracemalloc.start()
    try:
        fit(model, X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes / 4


def test_a_split_trains_the_same_network_for_any_memory_layout(iris):
    """A read-only X and one in Fortran order give the same bits."""
    X, y = iris
    model = SGDSigmoidMLP((5,), early_stopping=True, max_iter=3, random_state=0)
    read_only = X.copy()
    read_only.flags.writeable = False
    assert_same_bits(
        fit(clone(model), read_only, y), fit(model, np.asfortranarray(X), y)
    )


@pytest.mark.parametrize("seed", range(4))
def test_early_stopping_does_not_give_up_on_a_rare_class(seed):
    """For a long time, the accuracy is that of predicting only the frequent class."""
    X, y = make_classification(
        2000, 20, n_informative=10, weights=[0.95], flip_y=0, random_state=seed
    )
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    model = SGDSigmoidMLP(early_stopping=True, random_state=seed, max_iter=80)
    fit(model, X, y)
    n_rare = model.predict(X).sum()
    assert 0.2 * y.sum() < n_rare < 1.2 * y.sum()
    losses = model.validation_loss_curve_
    kept = max(
        range(model.n_iter_), key=lambda i: (model.validation_scores_[i], -losses[i])
    )
    assert losses[kept] < losses[0]


@pytest.mark.parametrize("seed", range(4))
def test_balanced_early_stopping_does_not_keep_the_first_epoch(seed):
    X, y = make_classification(
        3000, 10, n_informative=5, weights=[0.99], flip_y=0, random_state=seed
    )
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    model = SGDSigmoidMLP((20,), early_stopping=True, class_weight="balanced")
    fit(model.set_params(random_state=seed, max_iter=40), X, y)
    scores = model.validation_scores_
    assert scores[0] < model.best_validation_score_
    assert model.best_validation_score_ == pytest.approx(max(scores), rel=1e-12)
    assert model.n_iter_ > 21
    assert 0 < model.predict(X).mean() < 0.5


def test_among_equal_scores_the_network_with_the_lowest_loss_is_kept():
    X = np.linspace(-1, 1, 100)[:, np.newaxis]
    y = X[:, 0] > -0.9
    X_val, y_val = (
        np.ones((2, 1)),
        np.array([False, True]),
    )  # always exactly one is right
    model = SGDSigmoidMLP((5,), early_stopping=True, random_state=0, max_iter=10)
    fit(model, X, y, X_val=X_val, y_val=y_val)
    assert set(model.validation_scores_) == {0.5}
    least = 1 + int(np.argmin(model.validation_loss_curve_))
    short = clone(model).set_params(max_iter=least, early_stopping=False)
    assert_same_parameters(fit(short, X, y), model)


def test_without_shuffling_the_last_rows_are_held_out():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), np.arange(200) % 2
    X_moved = X.copy()
    X_moved[180:] = 1e3 * rng.normal(size=(20, 3))
    model = SGDSigmoidMLP((4,), early_stopping=True, shuffle=False, max_iter=1)
    model.set_params(random_state=0)
    one, other = fit(clone(model), X, y), fit(clone(model), X_moved, y)
    assert_same_bits(one, other)
    assert one.validation_loss_curve_ != other.validation_loss_curve_
    X_moved[179] += 1
    assert fit(model, X_moved, y).loss_curve_ != one.loss_curve_
