"""Measure an epoch on sparse rows, one at a time, against SGDClassifier.

    python docs/benchmarks/sparse_rows.py

There are 6,000 rows of 20,000 features, 50 of them not zero, like tf-idf rows of short
texts; 20 classes; float32. The figures are for whole `fit` calls of 10 epochs, divided
by 10, on one core. They are medians of 5; the models take turns. The script takes a
minute and a half.
"""

import time
import warnings

import blas  # before numpy
import numpy as np
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier
from threadpoolctl import threadpool_limits

from skbackprop import SGDSigmoidMLP

N_ROWS, N_FEATURES, N_ENTRIES, N_CLASSES = 6_000, 20_000, 50, 20
EPOCHS, REPEATS = 10, 5


def data():
    """Rows of norm 1, and classes that a linear model can tell apart."""
    rng = np.random.default_rng(0)
    # One entry in each of 50 equal parts of a row: their columns are sorted.
    part = N_FEATURES // N_ENTRIES
    columns = np.arange(N_ENTRIES) * part + rng.integers(part, size=(N_ROWS, N_ENTRIES))
    values = rng.random((N_ROWS, N_ENTRIES), dtype=np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    ends = np.arange(0, values.size + 1, N_ENTRIES)
    parts = values.ravel(), columns.ravel().astype(np.int32), ends.astype(np.int32)
    X = csr_array(parts, shape=(N_ROWS, N_FEATURES))
    return X, (X @ rng.standard_normal((N_FEATURES, N_CLASSES))).argmax(axis=1)


def models():
    """The models compared, by name. SGDClassifier has a linear model for each class."""
    settings = {"max_iter": EPOCHS, "random_state": 0}
    found = {
        f"SGDClassifier, {loss}": SGDClassifier(loss=loss, tol=None, **settings)
        for loss in ("hinge", "log_loss")
    }
    settings |= {"batch_size": 1, "tol": 0, "n_iter_no_change": np.inf}
    for name, hidden in {"no hidden layer": (), "100 hidden neurons": (100,)}.items():
        for engine in ("numpy", "numba"):
            model = SGDSigmoidMLP(hidden, engine=engine, **settings)
            found[f"{name}, {engine}"] = model
    return found


def main():
    """Print milliseconds per epoch, and rows learnt per second."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(blas.summary())
    X, y = data()
    seconds = {name: [] for name in models()}
    with threadpool_limits(1):
        # The first round compiles.
        for _ in range(REPEATS + 1):
            for name, model in models().items():
                start = time.perf_counter()
                model.fit(X, y)
                seconds[name].append((time.perf_counter() - start) / EPOCHS)
    print("| model | ms per epoch | rows/s |\n|---|---|---|")
    for name, times in seconds.items():
        median = np.median(times[1:])
        print(f"| {name} | {1e3 * median:.1f} | {N_ROWS / median:,.0f} |")


if __name__ == "__main__":
    main()
