"""Metadata routing of weights and held-out rows through Pipeline and GridSearchCV."""

import numpy as np
import pytest
import sklearn
from helpers import assert_same_bits
from sklearn.base import clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ESTIMATORS = [SGDSigmoidMLP, SGDSigmoidMLPRegressor]


@pytest.fixture(autouse=True)
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def weights():
    return np.random.default_rng(0).random(150)


def scaler():
    return StandardScaler().set_fit_request(sample_weight=False)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_requested_weights_reach_fit_and_score_through_a_pipeline(
    Estimator, weights, iris
):
    model = Estimator((5,), max_iter=3, random_state=0)
    asking = clone(model).set_fit_request(sample_weight=True)
    asking.set_score_request(sample_weight=True)
    pipeline = make_pipeline(scaler(), asking).fit(*iris, sample_weight=weights)
    X = pipeline[0].transform(iris[0])
    alone = model.fit(X, iris[1], weights)
    assert_same_bits(pipeline[-1], alone)
    score = pipeline.score(*iris, sample_weight=weights)
    assert score == alone.score(X, iris[1], weights) != alone.score(X, iris[1])


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_requested_weights_are_split_with_the_rows_of_a_search(
    Estimator, weights, iris
):
    model = Estimator((5,), max_iter=3, random_state=0)
    asking = clone(model).set_fit_request(sample_weight=True)
    asking.set_score_request(sample_weight=True)
    cv = KFold(3, shuffle=True, random_state=0)
    grid = {"learning_rate_init": [1.0, 3.0]}
    search = GridSearchCV(asking, grid, cv=cv).fit(*iris, sample_weight=weights)
    X, y = iris
    for k, (train, test) in enumerate(cv.split(X)):
        for candidate, eta in enumerate([1.0, 3.0]):
            alone = clone(model).set_params(learning_rate_init=eta)
            alone.fit(X[train], y[train], weights[train])
            assert search.cv_results_[f"split{k}_test_score"][candidate] == alone.score(
                X[test], y[test], weights[test]
            )


def test_a_scorer_gets_weights_that_fit_does_not_request(weights, iris):
    model = SGDSigmoidMLP((5,), max_iter=3, random_state=0)
    model.set_fit_request(sample_weight=False)
    scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
    weighted, plain = (
        cross_validate(model, *iris, scoring=s, cv=3, params=p)["test_score"]
        for s, p in ((scorer, {"sample_weight": weights}), ("accuracy", {}))
    )
    assert (weighted != plain).any()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_weights_without_a_request_are_an_error(Estimator, weights, iris):
    search = GridSearchCV(Estimator(), {"alpha": [0.0]})
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        search.fit(*iris, sample_weight=weights)


def test_requested_weights_reach_partial_fit(weights, iris):
    X, y = iris
    Y = np.column_stack([y == 0, y == 1]).astype(int)
    model = SGDSigmoidMLP((5,), random_state=0)
    asking = clone(model).set_partial_fit_request(classes=True, sample_weight=True)
    both = MultiOutputClassifier(asking)
    both.partial_fit(X, Y, classes=[[0, 1], [0, 1]], sample_weight=weights)
    for column, fitted in enumerate(both.estimators_):
        alone = clone(model).partial_fit(X, Y[:, column], [0, 1], weights)
        assert_same_bits(fitted, alone)


def test_a_pipeline_scales_the_held_out_rows_like_the_others(iris):
    X, y = iris[0][::2] * 100 + 7, iris[1][::2]
    X_val, y_val = iris[0][1::2] * 100 + 7, iris[1][1::2]
    model = SGDSigmoidMLP((5,), early_stopping=True, max_iter=20, random_state=0)
    asking = clone(model).set_fit_request(X_val=True, y_val=True)
    pipeline = make_pipeline(StandardScaler(), asking, transform_input=["X_val"])
    pipeline.fit(X, y, X_val=X_val, y_val=y_val)
    scale = StandardScaler().fit(X)
    model.fit(scale.transform(X), y, X_val=scale.transform(X_val), y_val=y_val)
    assert_same_bits(pipeline[-1], model)
    assert pipeline[-1].validation_scores_ == model.validation_scores_
