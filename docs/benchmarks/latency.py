"""Time calls with a single row, against MLPClassifier.

    python docs/benchmarks/latency.py

The network is 64-30-10, fitted to the digits in float32. The figures are the smallest
of 7 means over 300 calls; the two libraries take turns.
"""

import timeit
import warnings
from functools import partial

import blas  # before numpy
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skbackprop import SGDSigmoidMLP

CALLS, ROUNDS = 300, 7


def main():
    """Print the microseconds of each call, and their ratio."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(blas.summary())
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    ours = SGDSigmoidMLP((30,), max_iter=5, random_state=0).fit(X, y)
    theirs = MLPClassifier(
        (30,), solver="sgd", activation="logistic", max_iter=5, random_state=0
    ).fit(X, y)
    print(
        "| one row | SGDSigmoidMLP, µs | MLPClassifier, µs | ratio |\n|---|---|---|---|"
    )
    for method, data in {
        "predict": (X[:1],),
        "predict_proba": (X[:1],),
        "partial_fit": (X[:1], y[:1]),
    }.items():
        calls = [getattr(model, method) for model in (ours, theirs)]
        rounds = [
            [timeit.timeit(partial(f, *data), number=CALLS) for f in calls]
            for _ in range(ROUNDS)
        ]
        mine, other = np.min(rounds, axis=0) / CALLS * 1e6
        print(f"| `{method}` | {mine:.0f} | {other:.0f} | {mine / other:.2f} |")


if __name__ == "__main__":
    main()
