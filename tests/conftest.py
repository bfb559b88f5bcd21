"""Data sets and other fixtures that several tests use."""

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
    """A client of a cluster of two worker processes, started once per session."""
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    # Otherwise a cluster gives up a worker that it loses twice, 15 s apart.
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}),
        distributed.LocalCluster(**options, silence_logs=logging.CRITICAL) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def ctrl_c():
    """Ctrl-C raises, even in a process that a shell started with &."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture
def interrupted():
    """A function that calls another and interrupts it after a pause, as Ctrl-C does.

    It returns the KeyboardInterrupt that the call raised, or None. An alarm is punctual
    and needs no thread to send it. With two threads, Python delivered 8 of 170,000
    interrupts only after the call; those are dropped, because they would end the test.
    The garbage collector is off: a callback of Hypothesis there would lose interrupts.
    """
    armed = False

    def on_alarm(*_):
        nonlocal armed
        if armed:
            armed = False
            raise KeyboardInterrupt

    def call(function, pause):
        nonlocal armed
        try:
            armed = True
            signal.setitimer(signal.ITIMER_REAL, pause)
            function()
            armed = False
        except KeyboardInterrupt as error:
            return error
        finally:
            armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        return None

    previous = signal.signal(signal.SIGALRM, on_alarm)
    gc.disable()
    yield call
    gc.enable()
    signal.signal(signal.SIGALRM, previous)
