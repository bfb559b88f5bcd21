"""Time a whole grid search at batch_size=1: both engines and MLPClassifier.

    python docs/benchmarks/grid_search.py

GridSearchCV tries 12 candidates on the digits, in 3 folds and two worker processes, for
20 epochs each. Every search runs in its own process, so that its time includes starting
the workers and, for the numba engine, compiling (cold) or reading what another process
has compiled (warm). The costs differ, so for ours η is searched as a multiple of n_L.
The figures are medians of 3 searches, which take turns. The script takes 4 to 7
minutes.
"""

import os
import subprocess
import sys
import tempfile
import time

import blas  # before numpy
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from skbackprop import SGDSigmoidMLP

EPOCHS, REPEATS, N_OUTPUTS = 20, 3, 10
STEP_SIZES = [0.03, 0.1, 0.3]
HIDDEN = [(10,), (30,), (60,), (100,)]
COLUMNS = ["numpy", "numba, cold", "numba, warm", "MLPClassifier"]


def search(name):
    """Search with this engine, or MLPClassifier; return seconds and the best score."""
    X, y = load_digits(return_X_y=True)
    settings = {"batch_size": 1, "max_iter": EPOCHS, "tol": 0, "random_state": 0}
    settings["n_iter_no_change"] = EPOCHS
    if name == "MLPClassifier":
        settings |= {"solver": "sgd", "activation": "logistic", "momentum": 0}
        model, scale = MLPClassifier(**settings), 1
    else:
        model, scale = SGDSigmoidMLP(engine=name, **settings), N_OUTPUTS
    grid = {
        "learning_rate_init": [scale * eta for eta in STEP_SIZES],
        "hidden_layer_sizes": HIDDEN,
    }
    start = time.perf_counter()
    found = GridSearchCV(model, grid, cv=3, n_jobs=2).fit(X / 16, y)
    return time.perf_counter() - start, found.best_score_


def in_a_process(name, cache):
    """Do the same in a new process, which keeps compiled code in a folder."""
    environment = os.environ | {"NUMBA_CACHE_DIR": cache}
    environment["PYTHONWARNINGS"] = "ignore"
    command = [sys.executable, __file__, name]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    )
    return [float(number) for number in done.stdout.split()]


def main():
    """Print seconds and the best score of each search."""
    print(blas.summary())
    results = {name: [] for name in COLUMNS}
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as cache:
            for name in COLUMNS:
                # The warm search finds what the cold one has compiled.
                results[name].append(in_a_process(name.split(",")[0], cache))
    print("| search | s | best score |\n|---|---|---|")
    for name, pairs in results.items():
        seconds, score = np.median(pairs, axis=0)
        print(f"| {name} | {seconds:.1f} | {score:.3f} |")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(*search(sys.argv[1]))
    else:
        main()
