"""Side by side, in threads and in processes: the same bits as one after the other."""

import multiprocessing
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller

import joblib
import numpy as np
import pytest
import scipy
from numpy.testing import assert_allclose
from sklearn.utils.fixes import parse_version

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

N_THREADS, N_CALLS = 8, 10_000


@pytest.mark.parametrize("changing", [False, True], ids=["", "set_params meanwhile"])
def test_predictions_of_eight_threads_are_those_of_one(changing, digits):
    X, y = digits
    model = SGDSigmoidMLP((30,), tol=1e-3, random_state=0).fit(X, y)
    # Blocks so small that BLAS is not asked for one thread, and larger ones.
    blocks = [X[start : start + n] for start in range(0, 80, 10) for n in (1, 3, 40)]
    expected = [model.predict_proba(block) for block in blocks]
    done, n_wrong = threading.Event(), []

    def change():
        other = SGDSigmoidMLP((7, 7), class_weight="balanced", warm_start=True)
        while not done.is_set():
            for parameters in (other.get_params(), {"hidden_layer_sizes": "bad"}):
                model.set_params(**parameters)

    def predict(first):
        for call in range(first, N_CALLS, N_THREADS):
            k = call % len(blocks)
            if not np.array_equal(model.predict_proba(blocks[k]), expected[k]):
                n_wrong.append(call)

    changer = threading.Thread(target=change)
    if changing:
        changer.start()
    try:
        with ThreadPoolExecutor(N_THREADS) as pool:
            list(pool.map(predict, range(N_THREADS)))
    finally:
        done.set()
    if changing:
        changer.join()
    assert not n_wrong


def estimators():
    """Models with the kinds of updates that have code of their own."""
    common = {"max_iter": 5, "random_state": 0}
    for Estimator in (SGDSigmoidMLP, SGDSigmoidMLPRegressor):
        yield Estimator((10,), batch_size=1, **common)
        yield Estimator((20, 10), momentum=0.5, early_stopping=True, **common)
        # Halves of such batches, or BLAS's products, may have a second thread.
        yield Estimator((300,), batch_size=500, learning_rate_init=0.5, **common)


def in_threads(fit, models):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(fit, models))


def in_loky(fit, models):
    return joblib.Parallel(2, backend="loky")(joblib.delayed(fit)(m) for m in models)


def in_pool(method, fit, models):
    with warnings.catch_warnings():
        # From Python 3.12 on, of a fork where there are threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context(method).Pool(2) as pool:
            return pool.map(fit, models, chunksize=1)


def in_forked(fit, models):
    return in_pool("fork", fit, models)


def in_spawned(fit, models):
    return in_pool("spawn", fit, models)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("run", [in_threads, in_loky, in_forked, in_spawned])
def test_fits_side_by_side_are_those_of_one_after_the_other(run, digits):
    if run is in_forked and "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("This system cannot fork.")
    fit = methodcaller("fit", digits[0][:600], digits[1][:600])
    serial = [fit(model) for model in estimators()]
    models = run(fit, list(estimators()))
    for one, other in zip(serial, models, strict=True):
        old_blas = parse_version(scipy.__version__) < parse_version("1.13")
        if old_blas and one.batch_size == 500:
            # The OpenBLAS of old scipy gives large products other bits from process to
            # process.
            for a, b in zip(one.coefs_, other.coefs_, strict=True):
                assert_allclose(a, b, rtol=1e-9, atol=1e-12)
            continue
        assert joblib.hash(one.coefs_) == joblib.hash(other.coefs_)
        assert joblib.hash(one.intercepts_) == joblib.hash(other.intercepts_)
        assert one.loss_curve_ == other.loss_curve_
