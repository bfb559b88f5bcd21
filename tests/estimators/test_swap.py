"""A call trains a copy, which replaces the estimator in one assignment."""

import contextlib
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers import fit
from numpy.testing import assert_array_equal

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor


class WhilePrinting(io.StringIO):
    """Calls a function in a new thread for each line that `verbose` prints."""

    def __init__(self, function):
        super().__init__()
        self.function, self.results = function, []

    def write(self, text):
        if text.startswith("Iteration"):
            with ThreadPoolExecutor(1) as pool:
                self.results.append(pool.submit(self.function).result())
        return super().write(text)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_while_a_call_trains_other_threads_predict_with_the_old_network(
    Estimator, method, iris
):
    X, y = iris
    model = fit(Estimator((5,), max_iter=3, random_state=0, verbose=False), X, y)
    old = model.predict(X), model.coefs_, model.n_iter_
    output = WhilePrinting(lambda: (model.predict(X), model.coefs_, model.n_iter_))
    model.set_params(verbose=True)
    with contextlib.redirect_stdout(output):
        fit(model, X, y[::-1]) if method == "fit" else model.partial_fit(X, y[::-1])
    assert len(output.results) == (3 if method == "fit" else 1)
    for predicted, coefs, n_iter in output.results:
        assert_array_equal(predicted, old[0])
        assert coefs is old[1]
        assert n_iter == old[2]
    assert model.coefs_ is not old[1]


def test_while_a_first_fit_trains_the_estimator_is_unfitted(iris):
    model = SGDSigmoidMLP((5,), max_iter=2, verbose=True)
    output = WhilePrinting(lambda: sorted(vars(model)))
    before = sorted(vars(model))
    with contextlib.redirect_stdout(output):
        fit(model, *iris)
    assert output.results == [before] * 2


# For all threads, because one thread may reset the filters that another has set.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_a_prediction_comes_from_one_network_or_the_other(method, iris):
    """They differ in classes and layers, so a mixture of both would fail."""
    X, y = iris
    settings = [({"hidden_layer_sizes": (7,)}, y), ({"hidden_layer_sizes": ()}, y > 0)]
    model = SGDSigmoidMLP(max_iter=1, random_state=0)
    expected = []
    for parameters, labels in settings:
        model.set_params(**parameters).fit(X, labels)
        expected.append(getattr(model, method)(X).tobytes())
    done, found, errors = threading.Event(), set(), []

    def predict():
        while not done.is_set():
            try:
                found.add(getattr(model, method)(X).tobytes())
            except Exception as error:
                errors.append(error)

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(predict) for _ in range(2)]
        try:
            for k in range(100):
                parameters, labels = settings[k % 2]
                model.set_params(**parameters).fit(X, labels)
        finally:
            done.set()
    assert all(call.exception() is None for call in running)
    assert not errors
    assert found <= {*expected}


def test_a_failed_call_assigns_nothing(iris):
    X, y = iris
    model = fit(SGDSigmoidMLP((5,), max_iter=2, random_state=0), X, y)
    before = vars(model)
    contents = dict(before)
    with pytest.raises(ValueError, match="X contains NaN"):
        model.fit(X * np.nan, y)
    assert vars(model) is before
    assert before == contents
