"""Measure the time of an epoch against rows, width and depth.

    python docs/benchmarks/growth.py

The figures are for whole `fit` calls with batches of 32 in float32, the shortest of 3.
The script prints them, and how well a straight line fits the rows (R²). If matplotlib
is installed, it writes growth.png beside this file.
"""

import time
import warnings
from pathlib import Path

import blas  # before numpy
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skbackprop import SGDSigmoidMLP


def seconds_an_epoch(n_rows, hidden, n_features=20):
    """The shortest of 3 fits of one epoch, or of several epochs for few rows."""
    rng = np.random.default_rng(0)
    X = rng.random((n_rows, n_features), dtype=np.float32)
    y = rng.integers(2, size=n_rows)
    epochs = max(1, 20_000 // n_rows)
    times = []
    for _ in range(3):
        model = SGDSigmoidMLP(
            hidden,
            learning_rate_init=0.1,
            max_iter=epochs,
            tol=0,
            n_iter_no_change=np.inf,
            random_state=0,
        )
        start = time.perf_counter()
        model.fit(X, y)
        times.append(time.perf_counter() - start)
    return min(times) / epochs


def measure():
    """Measure each growing quantity: pairs of its value and the seconds."""
    rows = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000]
    widths = [10, 30, 100, 300, 1_000, 2_000]
    return {
        "rows": [(n, seconds_an_epoch(n, (30,))) for n in rows],
        "width of one hidden layer": [
            (n, seconds_an_epoch(10_000, (n,))) for n in widths
        ],
        "hidden layers of 50 neurons": [
            (n, seconds_an_epoch(10_000, (50,) * n)) for n in range(1, 9)
        ],
    }


def draw(figures, file):
    """Draw a panel for each quantity."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(figures), figsize=(11, 3.6))
    for ax, (name, points) in zip(axes, figures.items(), strict=True):
        ax.plot(*zip(*points, strict=True), color="#D55E00", marker="o")
        if "layers" not in name:
            ax.set_xscale("log")
            ax.set_yscale("log")
        ax.set_xlabel(name)
        ax.set_ylabel("seconds an epoch")
        ax.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def main():
    """Measure, print, draw."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(blas.summary())
    figures = measure()
    for name, points in figures.items():
        print(f"{name}: " + ", ".join(f"{n:,}: {s * 1e3:.3g} ms" for n, s in points))
    n, s = np.array(figures["rows"]).T
    print(f"straight line through the rows: R² = {np.corrcoef(n, s)[0, 1] ** 2:.4f}")
    logs = np.corrcoef(np.log(n), np.log(s))[0, 1] ** 2
    slope = np.polyfit(np.log(n), np.log(s), 1)[0]
    print(f"of the logarithms: R² = {logs:.4f}, slope {slope:.3f}")
    try:
        draw(figures, Path(__file__).with_name("growth.png"))
    except ImportError:
        print("matplotlib is not installed: no picture.")


if __name__ == "__main__":
    main()
