"""Data sets, and what else several tests use."""

import gc
import logging
import signal

import pytest
from sklearn.datasets import load_digits, load_iris


@pytest.fixture(scope="session")
def iris():
    X, y = load_iris(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


@pytest.fixture(scope="session")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


@pytest.fixture(scope="session")
def client():
    """A client of a cluster of two worker processes, which are started but once."""
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    # Else a cluster gives up a worker that it lost twice, 15 s apart.
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}),
        distributed.LocalCluster(**options, silence_logs=logging.CRITICAL) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def ctrl_c():
    """Ctrl-C is heard, which it is not in what a shell has started with &."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.fixture
def interrupted():
    """A function that calls another and interrupts it after a pause, as Ctrl-C does.

    It returns the KeyboardInterrupt that came out, or None. An alarm is punctual and no
    thread has to send it. But where two threads run, Python handed over 8 of 170,000
    only when the call was over; those are dropped, as it is the test that they end. The
    garbage collector waits: Hypothesis has a callback there that would lose them.
    """
    heard = False

    def on_alarm(*_):
        nonlocal heard
        if heard:
            heard = False
            raise KeyboardInterrupt

    def call(function, pause):
        nonlocal heard
        try:
            heard = True
            signal.setitimer(signal.ITIMER_REAL, pause)
            function()
            heard = False
        except KeyboardInterrupt as error:
            return error
        finally:
            heard = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        return None

    former = signal.signal(signal.SIGALRM, on_alarm)
    gc.disable()
    yield call
    gc.enable()
    signal.signal(signal.SIGALRM, former)
