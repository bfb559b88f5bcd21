"""Ctrl-C: a real SIGINT at random moments, in a separate process."""

import subprocess
import sys
import timeit
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
from helpers import blas_threads, needs_numba
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from skbackprop import SGDSigmoidMLP

TESTS = Path(__file__).parents[1]
SLOW = pytest.mark.slow
INTERRUPTED_FITS = """
import os, random, signal, sys, threading, warnings
import numpy as np
from helpers import quietly, state
from sklearn.base import clone
from sklearn.datasets import load_digits
import skbackprop

Estimator, n_fits = getattr(skbackprop, sys.argv[1]), int(sys.argv[2])
engine = sys.argv[3]
# If the tests run in the background, a shell may have disabled it.
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
if engine == "numba":
    settings = [
        {"batch_size": 1},
        {"batch_size": 8, "momentum": 0.9},
        {"batch_size": 1, "early_stopping": True},
    ]
# Before any interrupt: older threadpoolctl finds BLAS libraries in callbacks from C,
# where an interrupt is lost.
skbackprop._threads.on_one_blas_thread(list, skbackprop._threads.Workers())
# This compiles the loops, unless that has been done on this machine.
quietly(Estimator(max_iter=1, batch_size=1, engine=engine).fit, X, y)
epochs = []
for k in range(n_fits):
    model = Estimator((10,), random_state=k, max_iter=10**6, n_iter_no_change=np.inf)
    model.set_params(engine=engine, **settings[k % len(settings)])
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
    # It equals the network after that many epochs to the bit, including its random
    # stream.
    whole = clone(model).set_params(max_iter=model.n_iter_)
    quietly(whole.fit, X, y)
    assert state(model, ["max_iter"]) == state(whole, ["max_iter"]), k
print(*epochs)
"""


@pytest.mark.parametrize(
    ("n_fits", "n_after_an_epoch"), [(10, 1), pytest.param(25, 21, marks=SLOW)]
)
@pytest.mark.parametrize(
    ("estimator", "engine"),
    [
        ("SGDSigmoidMLP", "numpy"),
        ("SGDSigmoidMLPRegressor", "numpy"),
        pytest.param("SGDSigmoidMLP", "numba", marks=needs_numba),
    ],
)
def test_an_interrupted_fit_equals_one_of_its_whole_epochs(
    estimator, engine, n_fits, n_after_an_epoch
):
    command = [sys.executable, "-c", INTERRUPTED_FITS, estimator, str(n_fits), engine]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    epochs = [int(n) for n in done.stdout.split()]
    assert sum(n > 0 for n in epochs) >= n_after_an_epoch, epochs


INTERRUPTED_LOOPS = """
import os, signal, sys, threading, time, warnings
import numpy as np
from skbackprop import SGDSigmoidMLPRegressor

signal.signal(signal.SIGINT, signal.default_int_handler)
warnings.simplefilter("ignore")
n_rows, n_features, hidden, momentum = eval(sys.argv[1])
X = np.random.default_rng(0).random((n_rows, n_features), dtype=np.float32)
y = X[:, 0]
model = SGDSigmoidMLPRegressor(hidden, batch_size=1, engine="numba", random_state=0)
model.set_params(max_iter=10**6, n_iter_no_change=np.inf, momentum=momentum)
model.set_params(learning_rate_init=0.1, early_stopping=False)
model.partial_fit(X[:50], y[:50])
sent = 0.0

def interrupt():
    global sent
    sent = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)

for k in range(10):
    timer = threading.Timer(0.1 + 0.037 * k, interrupt)
    timer.start()
    try:
        while True:
            model.partial_fit(X, y)
    except KeyboardInterrupt:
        print(time.perf_counter() - sent)
"""


@pytest.mark.slow
@needs_numba
@pytest.mark.parametrize(
    "network",
    [
        (5_000, 784, (500, 300), 0),
        (5_000, 784, (500, 300), 0.9),
        (20_000, 784, (100,), 0),
        (300_000, 4, (), 0),
        # Here the weights are the smallest part of the work.
        (300_000, 1, (1,) * 9, 0.9),
        (300_000, 1, (1,) * 50, 0),
    ],
    ids=lambda network: f"{network[1]} inputs, {len(network[2])} hidden layers",
)
def test_compiled_loops_answer_an_interrupt_within_a_fifth_of_a_second(network):
    command = [sys.executable, "-c", INTERRUPTED_LOOPS, str(network)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = [float(line) for line in done.stdout.split()]
    assert len(seconds) == 10
    assert max(seconds) < 0.2


INTERRUPTED_STREAM = """
import os, signal, threading
from helpers import state
from sklearn.datasets import load_digits
from skbackprop import SGDSigmoidMLP

signal.signal(signal.SIGINT, signal.default_int_handler)
X, y = load_digits(return_X_y=True)
model = SGDSigmoidMLP((10,), batch_size=1, random_state=0)
model.partial_fit(X, y, classes=range(10))
n_chunks, before = 0, None
timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
try:
    while True:
        if n_chunks == 3:  # so three passes are complete even on a slow machine
            timer.start()
        before = state(model)
        model.partial_fit(X, y)
        n_chunks, before = n_chunks + 1, None
except KeyboardInterrupt:
    # None: the interrupt came between two passes.
    assert before in (None, state(model))
print(n_chunks, model.n_iter_)
"""


def test_an_interrupt_ends_a_stream_and_undoes_the_current_pass():
    command = [sys.executable, "-c", INTERRUPTED_STREAM]
    done = subprocess.run(
        command, cwd=TESTS, capture_output=True, text=True, check=True
    )
    n_chunks, n_iter = map(int, done.stdout.split())
    assert 3 <= n_chunks < n_iter <= n_chunks + 2


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("many", [False, pytest.param(True, marks=SLOW)])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_leaves_a_network_and_its_history(
    early_stopping, wide, many, interrupted
):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 100) if wide else (24, 3))
    y = (X[:, 0] > 0).astype(int)
    model = SGDSigmoidMLP((3,), max_iter=3, tol=0, random_state=0)
    model.set_params(early_stopping=early_stopping, validation_fraction=0.5)
    if wide:  # so large that BLAS may use all its threads
        model.set_params(hidden_layer_sizes=(300,), batch_size=150, momentum=0.5)
    whole = {}
    for n_epochs in (1, 2, 3):
        model.set_params(max_iter=n_epochs).fit(X, y)
        whole[n_epochs] = joblib.hash(model.coefs_)
    seconds = min(timeit.repeat(lambda: model.fit(X, y), number=1, repeat=20))
    n_ended = n_interrupted = 0
    n_alarms = (150 if wide else 1500) if many else 100
    # At any moment of long fits; around the end of short ones. Even on a busy machine,
    # one alarm comes before training and one after it.
    pauses = rng.uniform(0 if wide else 0.5, 1.2, n_alarms) * seconds
    pauses[:2] = 1e-6, 60
    with threadpool_limits(2, "blas"):
        before = blas_threads()
        for pause in pauses:
            fitted = clone(model)
            n_interrupted += interrupted(partial(fitted.fit, X, y), pause) is not None
            assert blas_threads() == before
            if hasattr(fitted, "coefs_"):
                n_ended += 1
                assert len(fitted.loss_curve_) == fitted.n_iter_
                if fitted.n_iter_ > 0:
                    assert joblib.hash(fitted.coefs_) == whole[fitted.n_iter_]
                if early_stopping:
                    assert len(fitted.validation_scores_ or []) == fitted.n_iter_
    assert n_ended > (n_alarms / 15 if many else 0)
    assert n_interrupted > (10 if many and not wide else 0)
