"""Other libraries' arrays in pipelines, searches and callbacks of scikit-learn."""

import numpy as np
import pytest
from array_libraries import is_in, largest_deviation, numpy_of, there
from helpers import parameters, quietly
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

# scikit-learn's StandardScaler divides by zero on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
BOTH = pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])


def pipeline(Estimator):
    model = Estimator((5,), batch_size=20, max_iter=5, random_state=0)
    return make_pipeline(StandardScaler(), model)


@BOTH
def test_a_pipeline_equals_that_in_numpy(Estimator, rows, library):
    X, y, _ = rows
    model = pipeline(Estimator)
    expected = quietly(clone(model).fit, X, y)
    got = quietly(clone(model).fit, there(library, X), there(library, y))
    assert largest_deviation(parameters(got[-1]), parameters(expected[-1])) <= 1e-10
    predicted = got.predict(there(library, X))
    assert is_in(library, predicted)
    assert_allclose(numpy_of(predicted), expected.predict(X), rtol=1e-10)


@BOTH
def test_cross_validation_equals_that_in_numpy(Estimator, rows, library):
    X, y, _ = rows
    expected = quietly(cross_val_score, pipeline(Estimator), X, y, cv=2)
    there_ = there(library, X), there(library, y)
    got = quietly(cross_val_score, pipeline(Estimator), *there_, cv=2)
    assert_allclose(got, expected, rtol=1e-10)


@BOTH
def test_a_grid_search_equals_that_in_numpy(Estimator, rows, library):
    X, y, _ = rows
    name = f"{Estimator.__name__.lower()}__learning_rate_init"
    search = GridSearchCV(pipeline(Estimator), {name: [0.1, 3.0]}, cv=2)
    expected = quietly(clone(search).fit, X, y)
    got = quietly(search.fit, there(library, X), there(library, y))
    assert got.best_params_ == expected.best_params_
    scores = [s.cv_results_["mean_test_score"] for s in (got, expected)]
    assert_allclose(*scores, rtol=1e-10)
    assert is_in(library, got.best_estimator_[-1].coefs_[0])


class Recorder:
    """Keeps the estimator of each epoch, and what the fit was given."""

    def __init__(self, stop_after=None):
        self.estimators, self.stop_after = [], stop_after

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.given = X, y

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.estimators.append(fitted_estimator)
        return len(self.estimators) == self.stop_after


@pytest.mark.parametrize("early_stopping", [False, True])
@BOTH
def test_callbacks_see_the_network_of_each_epoch(
    Estimator, early_stopping, rows, library
):
    pytest.importorskip("sklearn.callback")
    X, y, _ = (there(library, part) for part in rows)
    model = Estimator((5,), batch_size=20, max_iter=9, momentum=0.5, random_state=0)
    model.set_params(early_stopping=early_stopping)
    recorder = Recorder(stop_after=3)
    stopped = clone(model).set_callbacks(recorder)
    stopped.fit(X, y)  # without the warning of a fit that ran out of epochs
    assert stopped.n_iter_ == len(recorder.estimators) == 3
    assert recorder.given[0] is X
    assert recorder.given[1] is y
    for k, estimator in enumerate(recorder.estimators, 1):
        short = quietly(clone(model).set_params(max_iter=k).fit, X, y)
        assert largest_deviation(parameters(estimator), parameters(short)) == 0
        assert is_in(library, estimator.coefs_[0])
        assert np.isfinite(estimator.score(X, y))
