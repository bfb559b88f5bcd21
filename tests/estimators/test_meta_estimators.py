"""scikit-learn's meta-estimators, with ours inside."""

import numpy as np
import pytest
from helpers import assert_same_bits
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_linnerud
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import HalvingGridSearchCV, learning_curve
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor
from sklearn.semi_supervised import SelfTrainingClassifier

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X / X.std(axis=0), y


CLASSIFIER = SGDSigmoidMLP((8,), batch_size=5, max_iter=40, random_state=0)
REGRESSOR = SGDSigmoidMLPRegressor(
    (8,), learning_rate_init=0.5, batch_size=5, max_iter=40, random_state=0
)
NEIGHBOUR = ("logistic", LogisticRegression())


@pytest.mark.parametrize(
    "model",
    [
        CalibratedClassifierCV(CLASSIFIER, method="isotonic", cv=3),
        CalibratedClassifierCV(CLASSIFIER, method="sigmoid", ensemble=False, cv=3),
        VotingClassifier([("network", CLASSIFIER), NEIGHBOUR], voting="soft"),
        StackingClassifier([("network", CLASSIFIER), NEIGHBOUR], cv=3),
        BaggingClassifier(CLASSIFIER, n_estimators=4, random_state=0, n_jobs=2),
        AdaBoostClassifier(CLASSIFIER, n_estimators=4, random_state=0),
        OneVsRestClassifier(CLASSIFIER),
        OneVsOneClassifier(CLASSIFIER),
    ],
    ids=lambda model: type(model).__name__,
)
def test_an_ensemble_of_classifiers_learns_iris(model, iris):
    assert model.fit(*iris).score(*iris) > 0.9


@pytest.mark.parametrize(
    "model",
    [
        VotingRegressor([("network", REGRESSOR), ("linear", LinearRegression())]),
        StackingRegressor([("network", REGRESSOR), ("l", LinearRegression())], cv=3),
        AdaBoostRegressor(REGRESSOR, n_estimators=4, random_state=0),
        TransformedTargetRegressor(REGRESSOR, func=np.log, inverse_func=np.exp),
    ],
    ids=lambda model: type(model).__name__,
)
def test_an_ensemble_of_regressors_learns_diabetes(model, diabetes):
    assert model.fit(*diabetes).score(*diabetes) > 0.4


def test_boosting_passes_its_weights_on(iris):
    """The second network of AdaBoost is fitted with weights from the first."""
    X, y = iris
    boosted = AdaBoostClassifier(CLASSIFIER, n_estimators=2, random_state=0).fit(X, y)
    first, second = boosted.estimators_
    wrong = first.predict(X) != y
    assert 0 < wrong.sum() < 100
    weights = np.where(wrong, np.exp(boosted.estimator_weights_[0]), 1.0) / 150
    seed = second.random_state
    again = clone(CLASSIFIER).set_params(random_state=seed).fit(X, y, weights)
    for a, b in zip(second.coefs_, again.coefs_, strict=True):
        assert_allclose(a, b, rtol=1e-6)
    unweighted = clone(again).fit(X, y)
    assert np.abs(again.coefs_[0] - unweighted.coefs_[0]).max() > 1e-3


def test_a_chain_and_a_multi_output_regressor_fit_a_model_for_each_column(iris):
    X, y = iris
    Y = np.column_stack([y > 0, y > 1]).astype(int)
    chain = ClassifierChain(CLASSIFIER, order=[0, 1]).fit(X, Y)
    assert_array_equal(chain.predict(X).shape, (150, 2))
    assert (chain.predict(X) == Y).mean() > 0.9
    X, Y = load_linnerud(return_X_y=True)
    X = X / X.std(axis=0)
    each = MultiOutputRegressor(REGRESSOR).fit(X, Y)
    for column, model in enumerate(each.estimators_):
        alone = clone(REGRESSOR).fit(X, Y[:, column])
        assert_same_bits(model, alone)


def test_self_training_labels_the_unlabelled(iris):
    X, y = iris
    partly = np.where(np.arange(150) % 5 == 0, y, -1)
    classifier = clone(CLASSIFIER).set_params(max_iter=200)
    model = SelfTrainingClassifier(classifier, threshold=0.6).fit(X, partly)
    assert (model.transduction_ != -1).sum() > 100
    assert model.score(X, y) > 0.9


def test_a_halving_search_can_spend_epochs(iris):
    grid = {"learning_rate_init": [0.1, 1.0, 3.0, 10.0]}
    search = HalvingGridSearchCV(
        clone(CLASSIFIER), grid, resource="max_iter", max_resources=40, random_state=0
    ).fit(*iris)
    assert sorted(set(search.cv_results_["n_resources"])) == [13, 39]
    assert search.best_estimator_.n_iter_ == 39
    assert search.score(*iris) > 0.9


def test_permutation_importance_finds_the_feature_that_matters():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = X[:, 1] > 0
    model = clone(CLASSIFIER).fit(X, y)
    importance = permutation_importance(model, X, y, random_state=0).importances_mean
    assert importance[1] > 0.3
    assert abs(importance[[0, 2]]).max() < 0.05


def test_partial_dependence_rises_with_a_feature_that_helps():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    for model, y in ((CLASSIFIER, X[:, 0] > 0), (REGRESSOR, X[:, 0] - X[:, 1])):
        fitted = clone(model).fit(X, y)
        (curve,) = partial_dependence(fitted, X, [0], kind="average")["average"]
        assert (np.diff(curve) > 0).mean() > 0.95


@pytest.mark.parametrize("exploit_incremental_learning", [False, True])
def test_a_learning_curve_rises(exploit_incremental_learning, digits):
    model = SGDSigmoidMLP((20,), batch_size=1, max_iter=5, random_state=0)
    _, _, scores = learning_curve(
        model,
        *digits,
        train_sizes=[0.05, 1.0],
        cv=3,
        exploit_incremental_learning=exploit_incremental_learning,
    )
    assert scores.mean(axis=1)[1] > scores.mean(axis=1)[0] + 0.1
