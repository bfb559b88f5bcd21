"""Sample weights and class weights, alone and multiplied."""

import numpy as np
import pytest
from helpers import assert_same_bits, fit, state
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor


@pytest.fixture
def unbalanced(iris):
    """Three classes of 50, 20 and 10 rows, named by strings."""
    rows = np.r_[0:50, 50:70, 100:110]
    return iris[0][rows], np.array(["a", "b", "c"])[iris[1][rows]]


@pytest.mark.parametrize("with_rows", [False, True])
@pytest.mark.parametrize(
    "class_weight", ["balanced", {"a": 1, "b": 2.5, "c": 5}, {"c": 3}], ids=str
)
@pytest.mark.parametrize("batch_size", [1, 10, "full"])
def test_a_class_weight_multiplies_the_weights_of_its_rows(
    batch_size, class_weight, with_rows, unbalanced
):
    X, y = unbalanced
    settings = {"batch_size": batch_size, "max_iter": 5, "random_state": 0}
    rows = np.random.default_rng(0).random(len(X)) if with_rows else None
    by_class = SGDSigmoidMLP((5,), class_weight=class_weight, **settings)
    by_row = SGDSigmoidMLP((5,), **settings)
    factors = compute_sample_weight(class_weight, y)
    if class_weight == "balanced" and with_rows:
        sums = {label: rows[y == label].sum() for label in "abc"}
        factors = np.array([rows.sum() / (3 * sums[label]) for label in y])
    fit(by_class, X, y, sample_weight=rows)
    fit(by_row, X, y, sample_weight=factors if rows is None else factors * rows)
    for a, b in zip(by_class.coefs_, by_row.coefs_, strict=True):
        assert_allclose(a, b, rtol=1e-10)


def test_an_integer_weight_equals_repetition_with_balanced_classes_too(unbalanced):
    X, y = unbalanced
    counts = np.random.default_rng(0).integers(0, 4, len(X))
    settings = {"batch_size": "full", "max_iter": 20, "random_state": 0}
    weighted = SGDSigmoidMLP((5,), class_weight="balanced", **settings)
    repeated = clone(weighted)
    fit(weighted, X, y, sample_weight=counts)
    fit(repeated, X.repeat(counts, axis=0), y.repeat(counts))
    for a, b in zip(weighted.coefs_, repeated.coefs_, strict=True):
        assert_allclose(a, b, rtol=1e-10)


def test_balanced_classes_may_include_one_without_weight(unbalanced):
    X, y = unbalanced
    model = SGDSigmoidMLP((5,), class_weight="balanced", max_iter=3, random_state=0)
    fit(model, X, y, sample_weight=np.where(y == "c", 0.0, 1.0))
    assert all(np.isfinite(coef).all() for coef in model.coefs_)


def test_a_class_weight_may_name_a_class_that_a_fold_lacks(unbalanced):
    X, y = unbalanced
    rows = y != "c"
    weights = {"a": 1, "b": 2, "c": 3}
    model = SGDSigmoidMLP((5,), class_weight=weights, max_iter=3, random_state=0)
    without = clone(model).set_params(class_weight={"a": 1, "b": 2})
    assert_same_bits(fit(model, X[rows], y[rows]), fit(without, X[rows], y[rows]))


@pytest.mark.parametrize("batch_size", [10, "full"])
def test_class_weights_apply_to_the_rows_that_a_split_holds_out(batch_size, unbalanced):
    X, y = unbalanced
    settings = {"batch_size": batch_size, "max_iter": 8, "random_state": 0}
    settings["early_stopping"] = True
    by_class = SGDSigmoidMLP((5,), class_weight="balanced", **settings)
    by_row = SGDSigmoidMLP((5,), **settings)
    fit(by_class, X, y)
    fit(by_row, X, y, sample_weight=compute_sample_weight("balanced", y))
    assert_same_bits(by_class, by_row)
    assert by_class.validation_scores_ == by_row.validation_scores_
    assert by_class.validation_loss_curve_ == by_row.validation_loss_curve_


@pytest.mark.parametrize(
    "labels",
    [np.array(["0", "1", "2"]), np.array([0, 1, 2]), np.array([2.0, 3.0, 5.0])],
    ids=str,
)
def test_class_weights_are_found_by_label_even_if_it_looks_like_a_number(labels, iris):
    X, codes = iris
    weights = dict(zip(labels.tolist(), [1.0, 2.0, 5.0], strict=True))
    by_class = SGDSigmoidMLP((5,), class_weight=weights, max_iter=3, random_state=0)
    by_row = SGDSigmoidMLP((5,), max_iter=3, random_state=0)
    fit(by_class, X, labels[codes])
    fit(by_row, X, labels[codes], np.array([1.0, 2.0, 5.0])[codes])
    assert_same_bits(by_class, by_row)


def test_a_given_held_out_set_has_the_class_weights_of_the_training_set(unbalanced):
    X, y = unbalanced
    model = SGDSigmoidMLP((5,), class_weight="balanced", max_iter=1, random_state=0)
    kept = y != "a"  # proportions other than those that define "balanced"
    fit(model, X, y, X_val=X[kept], y_val=y[kept])
    classes = np.unique(y)
    balanced = compute_class_weight("balanced", classes=classes, y=y)
    factors = dict(zip(classes, balanced, strict=True))
    expected = model.score(X[kept], y[kept], [factors[label] for label in y[kept]])
    assert_allclose(model.validation_scores_, [expected], rtol=1e-12)


def test_balanced_classes_find_a_rare_class():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(-0.7, 1, (475, 2)), rng.normal(0.7, 1, (25, 2))]
    y = np.repeat([0, 1], [475, 25])
    model = SGDSigmoidMLP((5,), max_iter=100, random_state=0)
    plain, balanced = (
        fit(clone(model).set_params(class_weight=weight), X, y).predict(X)
        for weight in (None, "balanced")
    )
    recall = [np.mean(predicted[y == 1]) for predicted in (plain, balanced)]
    assert recall[0] < 0.4
    assert recall[1] > 0.8


def test_partial_fit_takes_class_weights_of_classes_not_seen_yet(unbalanced):
    X, y = unbalanced
    model = SGDSigmoidMLP((5,), class_weight={"b": 2, "c": 3}, random_state=0)
    by_row = SGDSigmoidMLP((5,), random_state=0)
    first = y != "c"
    for rows in (first, ~first):
        model.partial_fit(X[rows], y[rows], classes=list("abc"))
        weights = [{"a": 1, "b": 2, "c": 3}[label] for label in y[rows]]
        by_row.partial_fit(X[rows], y[rows], list("abc"), weights)
    assert_same_bits(model, by_row)


def test_partial_fit_refuses_balanced_and_says_what_to_do(unbalanced):
    model = SGDSigmoidMLP(class_weight="balanced")
    with pytest.raises(ValueError, match=r'"balanced" needs .*\.compute_class_weight'):
        model.partial_fit(*unbalanced, classes=list("abc"))
    assert not hasattr(model, "coefs_")
    # As advised.
    X, y = unbalanced
    classes = np.unique(y)
    balanced = compute_class_weight("balanced", classes=classes, y=y)
    model.set_params(class_weight=dict(zip(classes, balanced, strict=True)))
    model.partial_fit(X, y, classes)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"a": 1, "d": 2}, r"class_weight has weights for \['d'\], which are not"),
        ({"a": -1}, "class_weight must be None, .* got {'a': -1}"),
        ({"a": "x"}, "class_weight must be None"),
        ("auto", "class_weight must be None"),
        ({"a": 0, "b": 0, "c": 0}, "zero in every row"),
    ],
)
def test_a_bad_class_weight_is_named(class_weight, message, unbalanced):
    model = SGDSigmoidMLP(class_weight=class_weight)
    with pytest.raises(ValueError, match=message):
        model.fit(*unbalanced)


def test_an_error_about_a_class_that_a_fold_lacks_gives_the_remedy(iris):
    X, y = iris[0][:100], iris[1][:100]
    model = SGDSigmoidMLP((3,), max_iter=2, class_weight={2: 10.0}, random_state=0)
    with pytest.raises(
        ValueError, match=r"weights for \[2\], .*also give weights to \[0, 1\]"
    ):
        model.fit(X, y)
    # As advised.
    advised = clone(model).set_params(class_weight={0: 1.0, 1: 1.0, 2: 10.0})
    plain = fit(clone(model).set_params(class_weight=None), X, y)
    for a, b in zip(fit(advised, X, y).coefs_, plain.coefs_, strict=True):
        assert_allclose(a, b, rtol=1e-10)


def test_a_multilabel_y_has_no_class_weight(iris):
    X, y = iris
    with pytest.raises(ValueError, match=r"class_weight.* needs one label a row"):
        SGDSigmoidMLP(class_weight="balanced").fit(X, np.eye(3, dtype=int)[y])


@pytest.mark.parametrize("hidden", [(), (5,)], ids=str)
def test_integer_weights_equal_repetition_in_expectation_at_batch_size_1(hidden, iris):
    """On average over 50 row orders, to within 1 % of the change due to the weights.

    Weighted and repeated runs take the same number of steps, because the mean weight is
    2. Measured: 0.33 % and 0.16 %. MLPClassifier (scikit-learn 1.9) divides the
    weighted gradient of a batch by the sum of the weights, which cancels them at
    batch_size=1: with alpha=0, its weighted and unweighted models differ by only 1e-16.
    """
    X, y = iris[0][50:], iris[1][50:]
    weights = np.where(y == 2, 3, 1)

    def mean_probability(max_iter, X_train, y_train, sample_weight=None):
        models = (
            SGDSigmoidMLP(
                hidden,
                learning_rate_init=0.1,
                batch_size=1,
                max_iter=max_iter,
                random_state=seed,
            )
            for seed in range(50)
        )
        fits = (fit(model, X_train, y_train, sample_weight) for model in models)
        return np.mean([model.predict_proba(X)[:, 1] for model in fits], axis=0)

    weighted = mean_probability(10, X, y, weights)
    repeated = mean_probability(5, X.repeat(weights, axis=0), y.repeat(weights))
    unweighted = mean_probability(10, X, y)
    change = np.abs(unweighted - repeated).mean()
    assert change > 0.1
    assert np.abs(weighted - repeated).mean() < 0.01 * change


BOTH = pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])


@pytest.mark.parametrize("weights", [0, np.zeros(10)], ids=["number", "array"])
@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9, "alpha": 0.1}], ids=str)
@BOTH
def test_a_chunk_without_weight_changes_nothing(Estimator, settings, weights, iris):
    X, y = iris
    model = fit(Estimator((5,), max_iter=3, random_state=0, **settings), X, y)
    model.set_params(learning_rate_init=0.5, verbose=True)
    before = state(model)
    model.partial_fit(X[:10], y[:10], sample_weight=weights)
    # Targets without weight cause no warning about the range.
    if Estimator is SGDSigmoidMLPRegressor:
        model.partial_fit(X[:10], y[:10] + 1000.0, sample_weight=weights)
    assert state(model) == before


def test_a_chunk_of_classes_without_weight_changes_nothing(iris):
    X, y = iris
    model = SGDSigmoidMLP((5,), max_iter=3, class_weight={0: 0}, random_state=0)
    before = state(fit(model, X, y))
    model.partial_fit(X[y == 0], y[y == 0])
    model.partial_fit(X, y, sample_weight=y == 0)
    assert state(model) == before
    with pytest.raises(ValueError, match=r"y has the classes \[7\]"):
        model.partial_fit(X[:2], [0, 7], sample_weight=[0, 0])


@BOTH
def test_a_first_chunk_without_weight_sets_the_initial_weights(Estimator, iris):
    X, y = iris
    classes = {"classes": [0, 1, 2]} if Estimator is SGDSigmoidMLP else {}
    model = Estimator((5,), momentum=0.5, random_state=0)
    idle = clone(model).partial_fit(X, y, sample_weight=np.zeros(150), **classes)
    assert (idle.n_iter_, idle.t_, idle.loss_, idle.loss_curve_) == (0, 0, None, [])
    assert idle.predict(X).shape == (150,)
    assert state(idle.partial_fit(X, y)) == state(model.partial_fit(X, y, **classes))
    with pytest.raises(ValueError, match="zero in every row"):
        clone(model).fit(X, y, sample_weight=np.zeros(150))
