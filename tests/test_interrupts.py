"""Ctrl-C: a real SIGINT, in a process of its own, at random moments."""

import subprocess
import sys

import pytest

INTERRUPTED_FITS = """
import os, random, signal, sys, threading, warnings
import joblib, numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
import skbackprop

Estimator = getattr(skbackprop, sys.argv[1])
# Where the tests run in the background, a shell may have turned it off.
signal.signal(signal.SIGINT, signal.default_int_handler)
X, y = load_digits(return_X_y=True)
X = X / 16
rng = random.Random(0)
settings = [
    {"batch_size": 1},
    {"batch_size": 32, "momentum": 0.9},
    {"batch_size": "full", "alpha": 0.1},
    {"batch_size": 200, "early_stopping": True},
    {"batch_size": 200, "learning_rate": "adaptive", "tol": 1.0},
]
# Before any interrupt: to find BLAS's libraries, older threadpoolctl has callbacks from
# C, where an interrupt is lost.
with skbackprop._threads.one_blas_thread():
    pass
epochs = []
for k in range(25):
    model = Estimator((10,), random_state=k, max_iter=10**6, n_iter_no_change=np.inf)
    model.set_params(**settings[k % len(settings)])
    delay = rng.uniform(0.02, 0.15)  # an epoch takes 1 to 30 ms
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        timer.start()
        try:
            model.fit(X, y)
        except KeyboardInterrupt:  # before training began, on a busy machine
            epochs.append(0)
            continue
    (warning,) = caught
    assert "Training was interrupted" in str(warning.message), warning.message
    assert warning.filename == "<string>", warning.filename
    assert all(np.isfinite(coef).all() for coef in model.coefs_)
    assert np.isfinite(model.score(X, y))
    epochs.append(model.n_iter_)
    if model.n_iter_ == 0:
        continue
    # The network after so many epochs, to the bit, and so is what comes after it.
    whole = clone(model).set_params(max_iter=model.n_iter_)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole.fit(X, y)
    for one in (model, whole):
        one.set_params(max_iter=None)
    assert joblib.hash(vars(model)) == joblib.hash(vars(whole)), k
print(epochs)
assert sum(n > 0 for n in epochs) > 20, epochs
"""


@pytest.mark.parametrize("estimator", ["SGDSigmoidMLP", "SGDSigmoidMLPRegressor"])
def test_an_interrupted_fit_is_that_of_its_whole_epochs(estimator):
    command = [sys.executable, "-c", INTERRUPTED_FITS, estimator]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


INTERRUPTED_STREAM = """
import os, signal, threading, time
import joblib
from sklearn.datasets import load_digits
from skbackprop import SGDSigmoidMLP

signal.signal(signal.SIGINT, signal.default_int_handler)
X, y = load_digits(return_X_y=True)
model = SGDSigmoidMLP((10,), batch_size=1, random_state=0)
model.partial_fit(X, y, classes=range(10))
n_chunks, before = 0, None
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    while True:
        before = joblib.hash(vars(model))
        model.partial_fit(X, y)
        n_chunks, before = n_chunks + 1, None
except KeyboardInterrupt:
    # None: the interrupt came between two passes.
    assert before in (None, joblib.hash(vars(model)))
print(n_chunks, model.n_iter_)
"""


def test_an_interrupt_ends_a_stream_and_undoes_the_pass_it_came_in():
    command = [sys.executable, "-c", INTERRUPTED_STREAM]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    n_chunks, n_iter = map(int, output.split())
    assert 0 < n_chunks < n_iter <= n_chunks + 2
