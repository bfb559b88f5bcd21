"""What comes with the package, and what it does unasked: as little as can be."""

import re
import subprocess
import sys
from importlib.metadata import requires

# Audit hooks hear of everything that leaves the interpreter.
LISTENING = """
import os, sys
sys.dont_write_bytecode = True
FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind",
             "urllib.Request", "subprocess.Popen", "os.system", "os.exec", "os.fork",
             "os.posix_spawn", "os.putenv")
def listen(event, arguments):
    writes = event == "open" and isinstance(arguments[2], int) and (
        arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    )
    if event in FORBIDDEN or writes:
        raise AssertionError(f"{event} {arguments}")
import numpy, scipy.sparse, scipy.linalg, sklearn.model_selection, threadpoolctl, joblib
import sklearn.utils.validation
sys.addaudithook(listen)
"""
WORKING = """
import numpy as np
from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor, inspection
X = np.random.default_rng(0).normal(size=(2000, 784))
y = np.arange(2000) % 3
for kind in (SGDSigmoidMLP, SGDSigmoidMLPRegressor):
    for batch_size in (1, 10, 200, "full"):
        model = kind((100,), batch_size=batch_size, max_iter=2, tol=1)
        model.set_params(n_iter_no_change=1, early_stopping=batch_size == 200)
        model.fit(X[:400], y[:400]).partial_fit(X, y).predict(X)
    inspection.backprop_trace(model, X[:2], y[:2])
print("done")
"""


def run(code):
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


DEEDS = """
import socket, subprocess
for deed in (
    lambda: socket.create_connection(("localhost", 9)),
    lambda: open("/dev/null", "w"),
    lambda: subprocess.run(["true"]),
    lambda: os.environ.update(a="b"),
):
    try:
        deed()
    except AssertionError:
        print("heard")
"""


def test_nothing_is_fetched_written_or_started():
    command = [sys.executable, "-W", "ignore", "-c", LISTENING + WORKING + DEEDS]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (output.stdout.split(), output.stderr) == (["done", *["heard"] * 4], "")


def test_run_time_needs_what_scikit_learn_needs():
    ours, theirs = (
        {
            re.match("[a-z-]+", line).group()
            for line in requires(name)
            if "extra ==" not in line
        }
        for name in ("skbackprop", "scikit-learn")
    )
    assert ours == {"numpy", "scipy", "scikit-learn", "joblib"}
    # threadpoolctl is imported too, and comes with scikit-learn.
    assert {"numpy", "scipy", "joblib", "threadpoolctl"} <= theirs
