"""Parallel calls, in threads and in processes, have the same bits as serial ones."""

import multiprocessing
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import methodcaller

import joblib
import numpy as np
import pytest
import scipy
from helpers import NUMBA, assert_same_bits, blas_threads
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.utils.fixes import parse_version
from threadpoolctl import threadpool_limits

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor, _threads
from skbackprop._threads import Workers, on_one_blas_thread

N_THREADS = 8
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("n_calls", [500, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("changing", [False, True], ids=["", "set_params meanwhile"])
def test_predictions_of_eight_threads_equal_those_of_one(changing, n_calls, digits):
    X, y = digits
    model = SGDSigmoidMLP((30,), tol=1e-3, random_state=0).fit(X, y)
    # Small blocks, for which BLAS is not limited to one thread, and larger ones.
    blocks = [X[start : start + n] for start in range(0, 80, 10) for n in (1, 3, 40)]
    expected = [model.predict_proba(block) for block in blocks]
    done, n_wrong = threading.Event(), []

    def change():
        other = SGDSigmoidMLP((7, 7), class_weight="balanced", warm_start=True)
        while not done.is_set():
            for parameters in (other.get_params(), {"hidden_layer_sizes": "bad"}):
                model.set_params(**parameters)

    def predict(first):
        for call in range(first, n_calls, N_THREADS):
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


def test_predictions_of_large_blocks_by_eight_threads_equal_those_of_one(digits):
    """Each thread has its own workers."""
    X = np.concatenate([digits[0]] * 3)
    model = SGDSigmoidMLP((30,), max_iter=1, tol=0, random_state=0)
    with threadpool_limits(2, "blas"), ThreadPoolExecutor(N_THREADS) as pool:
        model.fit(*digits)
        expected = model.predict_proba(X)
        for found in pool.map(model.predict_proba, [X] * 200):
            assert np.array_equal(found, expected)


def estimators():
    """Models for each kind of update that has its own code."""
    common = {"max_iter": 5, "random_state": 0}
    for Estimator in (SGDSigmoidMLP, SGDSigmoidMLPRegressor):
        yield Estimator((10,), batch_size=1, **common)
        yield Estimator((20, 10), momentum=0.5, early_stopping=True, **common)
        # Such batches have two lanes.
        yield Estimator((300,), batch_size=500, learning_rate_init=0.5, **common)
        if NUMBA:
            compiled = {"engine": "numba", **common}
            yield Estimator((10,), batch_size=1, **compiled)
            yield Estimator((20, 10), momentum=0.5, batch_size=8, **compiled)


def assert_same(one, other):
    old_blas = parse_version(scipy.__version__) < parse_version("1.13")
    if old_blas and one.batch_size == 500:
        # With the OpenBLAS of old scipy, the bits of large products differ between
        # processes.
        for a, b in zip(one.coefs_, other.coefs_, strict=True):
            assert_allclose(a, b, rtol=1e-9, atol=1e-12)
        return
    assert_same_bits(one, other)


def in_threads(fit, models):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(fit, models))


def in_loky(fit, models):
    return joblib.Parallel(2, backend="loky")(joblib.delayed(fit)(m) for m in models)


def in_pool(method, fit, models):
    with warnings.catch_warnings():
        # Python 3.12 or newer warns of a fork if there are threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context(method).Pool(2) as pool:
            return pool.map_async(fit, models, chunksize=1).get(timeout=100)


def in_forked(fit, models):
    return in_pool("fork", fit, models)


def in_spawned(fit, models):
    return in_pool("spawn", fit, models)


def while_it_computes(act):
    on_one_blas_thread(act, Workers())


def while_it_sets_blas_threads(act):
    with _threads._lock:
        act()


def fit_and_count(model, X, y):
    return model.fit(X, y), blas_threads()


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="cannot fork"
)
@pytest.mark.parametrize("when", [while_it_computes, while_it_sets_blas_threads])
def test_a_fork_is_not_affected_by_what_another_thread_does(when, digits):
    X, y = digits
    models = list(estimators())
    serial = [clone(model).fit(X, y) for model in models]
    inside, done = threading.Event(), threading.Event()

    def hold():
        inside.set()
        done.wait()

    with threadpool_limits(2, "blas"):
        other = threading.Thread(target=when, args=(hold,))
        other.start()
        inside.wait()
        try:
            forked = in_forked(partial(fit_and_count, X=X, y=y), models)
        finally:
            done.set()
            other.join()
        for one, (model, n_threads) in zip(serial, forked, strict=True):
            assert_same(one, model)
            assert n_threads == blas_threads()


@pytest.mark.parametrize("run", [in_threads, in_loky, in_forked, in_spawned])
def test_parallel_fits_equal_serial_ones(run, digits):
    if run is in_forked and "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("This system cannot fork.")
    X, y = digits[0][:600], digits[1][:600]
    serial = [model.fit(X, y) for model in estimators()]
    models = run(methodcaller("fit", X, y), list(estimators()))
    for one, other in zip(serial, models, strict=True):
        assert_same(one, other)
