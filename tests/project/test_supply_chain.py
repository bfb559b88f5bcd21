"""The package has few dependencies and does nothing that it was not asked to do."""

import re
import subprocess
import sys
from importlib.metadata import requires

# Audit hooks see every access to the world outside the interpreter.
AUDIT = """
import os, sys
sys.dont_write_bytecode = True
FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind",
             "urllib.Request", "subprocess.Popen", "os.system", "os.exec", "os.fork",
             "os.posix_spawn", "os.putenv")
def audit(event, arguments):
    writes = event == "open" and isinstance(arguments[2], int) and (
        arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    )
    if event in FORBIDDEN or writes:
        raise AssertionError(f"{event} {arguments}")
import numpy, scipy.sparse, scipy.linalg, sklearn.model_selection, threadpoolctl, joblib
import sklearn.utils.validation
sys.addaudithook(audit)
"""
WORK = """
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


FORBIDDEN_CALLS = """
import socket, subprocess
for call in (
    lambda: socket.create_connection(("localhost", 9)),
    lambda: open("/dev/null", "w"),
    lambda: subprocess.run(["true"]),
    lambda: os.environ.update(a="b"),
):
    try:
        call()
    except AssertionError:
        print("seen")
"""


def test_nothing_is_fetched_written_or_started():
    code = AUDIT + WORK + FORBIDDEN_CALLS
    command = [sys.executable, "-W", "ignore", "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (output.stdout.split(), output.stderr) == (["done", *["seen"] * 4], "")


def test_the_only_dependencies_are_scikit_learn_and_its_own():
    ours, theirs = (
        {
            re.match("[a-z-]+", line).group()
            for line in requires(name)
            if "extra ==" not in line
        }
        for name in ("skbackprop", "scikit-learn")
    )
    assert ours == {"numpy", "scipy", "scikit-learn", "joblib"}
    # threadpoolctl is imported too; scikit-learn installs it.
    assert {"numpy", "scipy", "joblib", "threadpoolctl"} <= theirs
