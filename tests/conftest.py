"""Data sets, and what else several tests use."""

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


def _raises_keyboard_interrupt(number):
    former = signal.signal(number, signal.default_int_handler)
    yield
    signal.signal(number, former)


@pytest.fixture
def ctrl_c():
    """Ctrl-C is heard, which it is not in what a shell has started with &."""
    yield from _raises_keyboard_interrupt(signal.SIGINT)


@pytest.fixture
def alarm_as_ctrl_c():
    """An alarm does what Ctrl-C does: no thread has to send it, and it is punctual."""
    yield from _raises_keyboard_interrupt(signal.SIGALRM)
