"""Faults at any point of a call leave the previous state or that of whole epochs.

A fault is raised before the k-th line that the package executes, or before or after its
k-th call of a C function, for random k.
"""

import pickle
import random
import sys
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from helpers import CALLBACKS, blas_threads, needs_numba, quietly, state
from scipy.sparse import csr_matrix
from sklearn.base import clone
from threadpoolctl import threadpool_limits

import skbackprop
from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

PACKAGE = Path(skbackprop.__file__).parent
# These files are left out. The first two clean up after a fault; they survive one where
# signals can arrive, but not at every line. test_interrupts and test_threads send real
# signals there. The third loads the models of the tests, which is not part of the call.
LEFT_OUT = {"_threads.py", "interrupts.py", "persistence.py"}
SMALL = [
    {"batch_size": 1, "alpha": 0.01},
    {"batch_size": 8, "momentum": 0.9},
    {"batch_size": "full", "learning_rate": "invscaling"},
    {"batch_size": 8, "early_stopping": True, "validation_fraction": 0.25},
]
COMPILED = {"batch_size": 1, "engine": "numba", "validation_fraction": 0.25}
# Settings and rows: a few rows, more than fit into a block, sparse ones, a batch with
# two lanes, and compiled loops.
WIDE = {"batch_size": 700, "hidden_layer_sizes": (300, 300), "momentum": 0.9}
SETTINGS = [
    *((settings, "32") for settings in SMALL),
    ({"batch_size": "full", "momentum": 0.9}, "1500"),
    ({"batch_size": 8}, "32 sparse"),
    (WIDE, "1400"),
    *(
        pytest.param(settings, rows, marks=needs_numba)
        for settings, rows in [
            (COMPILED, "32 sparse"),
            ({**COMPILED, "momentum": 0.9, "early_stopping": True}, "32"),
        ]
    ),
]
N_EPOCHS = 4
# An interrupted fit must equal one with a smaller max_iter.
state_of = partial(state, without=("max_iter", *CALLBACKS))


class Fault:
    """Raises `error` at the k-th event; with k = inf it only counts events.

    Parameters
    ----------
    kind : {"line", "c_call", "c_return"}
    """

    def __init__(self, kind, k=np.inf, error=None):
        self.kind, self.k, self.error = kind, k, error
        self.count, self.place = 0, None

    def __enter__(self):
        self.before = sys.gettrace() if self.kind == "line" else sys.getprofile()
        self.set(self.see)
        return self

    def __exit__(self, *_):
        self.set(self.before)

    def set(self, function):
        (sys.settrace if self.kind == "line" else sys.setprofile)(function)

    def see(self, frame, event, argument):
        file = frame.f_code.co_filename
        if not may_fail(file):
            return None
        if event == self.kind:
            self.count += 1
            if self.count == self.k:
                self.place = f"{Path(file).name}:{frame.f_lineno}"
                raise self.error
        return self.see


@cache
def may_fail(file):
    """Whether faults are raised in this file."""
    return PACKAGE in Path(file).parents and Path(file).name not in LEFT_OUT


def data(Estimator, rows="32"):
    n, _, form = rows.partition(" ")
    X = np.random.default_rng(0).normal(size=(int(n), 3))
    y = (X[:, 0] > 0).astype(int) if Estimator is SGDSigmoidMLP else X[:, 1]
    return csr_matrix(X) if form else X, y


def estimator(Estimator, **settings):
    common = {"hidden_layer_sizes": (3,), "max_iter": N_EPOCHS, "tol": 0}
    return Estimator(**{**common, "random_state": 0, **settings})


def faults(kind, function, n, seed):
    """`n` random events among all events of a call."""
    quietly(function)  # the first call in a process fills caches
    with Fault(kind) as counted:
        quietly(function)
    rng = random.Random(seed)
    return [rng.randint(1, counted.count) for _ in range(n)]


def call_with_fault(method, kind, k, Error, X, y):
    """Call with a fault; return whether the error came out, and where it was raised.

    BLAS must have as many threads afterwards as before.
    """
    threads = blas_threads()
    raised = False
    fault = Fault(kind, k, Error())
    try:
        with fault:
            quietly(method, X, y)
    except Error:
        raised = True
    assert blas_threads() == threads, fault.place
    return raised, fault.place


KINDS = pytest.mark.parametrize("kind", ["line", "c_call", "c_return"])
ERRORS = pytest.mark.parametrize("Error", [MemoryError, KeyboardInterrupt])
ESTIMATORS = pytest.mark.parametrize(
    "Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor]
)


@ERRORS
@KINDS
@pytest.mark.parametrize(("settings", "rows"), SETTINGS, ids=str)
@ESTIMATORS
def test_a_fault_in_fit_leaves_the_previous_state_or_that_of_whole_epochs(
    Estimator, settings, rows, kind, Error
):
    X, y = data(Estimator, rows)
    model = estimator(Estimator, **settings)
    epochs = range(1, N_EPOCHS + 1)
    fits = (clone(model).set_params(max_iter=n) for n in epochs)
    whole = [state_of(quietly(one.fit, X, y)) for one in fits]
    former = quietly(clone(model).set_params(random_state=1).fit, X, y)
    former = pickle.dumps(former.set_params(random_state=0))
    before = state_of(pickle.loads(former))
    with threadpool_limits(2, "blas"):
        for k in faults(kind, lambda: pickle.loads(former).fit(X, y), 3, str(settings)):
            fitted = pickle.loads(former)
            raised, place = call_with_fault(fitted.fit, kind, k, Error, X, y)
            if place is None:  # another thread did the work of this one
                assert state_of(fitted) == whole[-1]
                continue
            assert raised or Error is KeyboardInterrupt
            # The last state if the fault came after the network was stored.
            expected = [before, whole[-1]] if raised else [before, *whole]
            assert state_of(fitted) in expected, place
            assert len(fitted.loss_curve_) == fitted.n_iter_
            assert np.isfinite(fitted.predict(X)).all()


@ERRORS
@KINDS
@ESTIMATORS
def test_a_fault_in_a_first_fit_leaves_the_estimator_unfitted_or_whole(
    Estimator, kind, Error
):
    X, y = data(Estimator)
    model = estimator(Estimator)
    with threadpool_limits(2, "blas"):
        for k in faults(kind, lambda: clone(model).fit(X, y), 4, 0):
            first = clone(model)
            raised, _ = call_with_fault(first.fit, kind, k, Error, X, y)
            if hasattr(first, "coefs_"):
                assert not raised or first.n_iter_ == N_EPOCHS
                assert len(first.loss_curve_) == first.n_iter_
                assert np.isfinite(first.predict(X)).all()
            else:
                assert raised
                assert state_of(first) == state_of(model)


@ERRORS
@KINDS
@pytest.mark.parametrize(("settings", "rows"), SETTINGS, ids=str)
@ESTIMATORS
def test_a_fault_in_partial_fit_undoes_the_pass(Estimator, settings, rows, kind, Error):
    X, y = data(Estimator, rows)
    former = pickle.dumps(quietly(estimator(Estimator, **settings).fit, X, y))
    before = state_of(pickle.loads(former))
    after = state_of(quietly(pickle.loads(former).partial_fit, X, y))
    with threadpool_limits(2, "blas"):
        for k in faults(
            kind, lambda: pickle.loads(former).partial_fit(X, y), 3, str(settings)
        ):
            model = pickle.loads(former)
            raised, place = call_with_fault(model.partial_fit, kind, k, Error, X, y)
            assert raised or place is None
            assert state_of(model) in (before, after), place


class FileSpoiler:
    """A callback that writes NaN into rows of `X` after some epochs, or raises."""

    def __init__(self, after, X=None, error=None):
        self.after, self.X, self.error = after, X, error

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.after:
            if self.error is not None:
                raise self.error
            self.X[20:] = np.nan
            self.X.flush()


@pytest.mark.parametrize("error", [None, RuntimeError("full"), MemoryError()], ids=str)
@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize(
    "settings", [*SMALL, pytest.param(COMPILED, marks=needs_numba)], ids=str
)
@ESTIMATORS
def test_rows_that_turn_bad_and_callbacks_that_fail_leave_the_previous_state(
    Estimator, settings, after, error, tmp_path
):
    pytest.importorskip("sklearn.callback")
    X, y = data(Estimator)
    file = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", X.dtype, X.shape)
    file[:] = X
    model = estimator(Estimator, **settings)
    quietly(model.fit, X, y)
    model.set_callbacks(FileSpoiler(after, file, error))
    before = state_of(model)
    threads = blas_threads()
    expected = ValueError if error is None else type(error)
    with pytest.raises(expected, match="diverged" if error is None else None):
        quietly(model.fit, file, y)
    assert blas_threads() == threads
    assert state_of(model) == before


@ESTIMATORS
def test_a_bad_chunk_of_a_stream_leaves_the_state_before_it(Estimator):
    X, y = data(Estimator)
    chunks = [slice(start, start + 4) for start in range(0, 32, 4)]
    rng = random.Random(0)
    for bad in range(1, 8):
        spoilt = X.copy()
        spoilt[chunks[bad]][rng.randrange(4), rng.randrange(3)] = rng.choice(
            [np.nan, np.inf]
        )
        model, good = estimator(Estimator), estimator(Estimator)
        for one in (model, good):
            quietly(one.fit, X, y)
        for rows in chunks[:bad]:
            good.partial_fit(X[rows], y[rows])
        for rows in chunks[:bad]:
            model.partial_fit(spoilt[rows], y[rows])
        with pytest.raises(ValueError, match="X contains"):
            model.partial_fit(spoilt[chunks[bad]], y[chunks[bad]])
        assert state_of(model) == state_of(good)
