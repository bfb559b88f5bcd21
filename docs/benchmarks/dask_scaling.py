"""Measure how long a step on a Dask cluster takes, and predict larger clusters.

    python docs/benchmarks/dask_scaling.py

The script measures full-batch steps of `DaskSGDSigmoidMLP` in clusters of 1 and 2
worker processes on this machine. It fits the constants of

    seconds = latency + task · tasks + gradient · rows · parameters / workers
              + transfer · parameters · transfers

and uses them to predict the speed-up of 2 to 256 workers over one process without Dask,
and the batch size below which there is none. `tasks` is one for the parameters, one for
each partition (there are as many as workers, except in one series) and one for each
sum. `transfers` counts the transfers that wait for one another: to the cluster and
back, to the workers in log2(workers) rounds, and those of each level of the sums. The
script prints the figures and, if matplotlib is installed, writes dask_scaling.png
beside this file. It takes 2 to 4 minutes and needs the extra `dask`.
"""

import math
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import blas  # before numpy
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster, wait
from scipy.optimize import nnls
from sklearn.exceptions import ConvergenceWarning

from skbackprop.dask import DaskSGDSigmoidMLP

N_FEATURES, N_CLASSES, FAN_IN = 784, 10, 8
WIDTHS = (30, 100, 1000)
BATCHES = (1_000, 8_000, 32_000)
MANY_PARTITIONS = (16, 64)
STEPS, REPEATS = 6, 2
COLOURS = ("#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7")
TERMS = ("latency", "task", "gradient", "transfer")


class Step(NamedTuple):
    """A measured step: its settings, and its seconds."""

    workers: int
    partitions: int
    width: int
    rows: int
    seconds: float


def n_parameters(width):
    """Weights and biases of a network with one hidden layer."""
    return (N_FEATURES + 1) * width + (width + 1) * N_CLASSES


def terms(workers, partitions, width, rows):
    """What the constants multiply, in the order of `TERMS`."""
    tasks, transfers, level = 1 + partitions, 2 + math.log2(workers), partitions
    remote = workers
    while level > 1:
        # On one level, the sums from other workers arrive one after another.
        transfers += max(0, min(FAN_IN, remote) - 1)
        level, remote = math.ceil(level / FAN_IN), math.ceil(remote / FAN_IN)
        tasks += level
    size = n_parameters(width)
    return [1.0, tasks, rows * size / workers, size * transfers]


def seconds_a_step(client, X, y, width):
    """The shortest of some fits of several epochs, minus the shortest of one epoch."""
    settings = {"batch_size": "full", "learning_rate_init": 0.1, "random_state": 0}
    settings |= {"tol": 0, "n_iter_no_change": np.inf, "client": client}

    def fit(n_steps):
        start = time.perf_counter()
        DaskSGDSigmoidMLP((width,), max_iter=n_steps, **settings).fit(X, y)
        return time.perf_counter() - start

    fit(1)
    one = min(fit(1) for _ in range(REPEATS))
    return max(1e-4, (min(fit(1 + STEPS) for _ in range(REPEATS)) - one) / STEPS)


def measure():
    """Measure all steps."""
    steps = []
    for workers in (1, 2):
        options = {"n_workers": workers, "threads_per_worker": 1}
        with (
            LocalCluster(**options, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            cases = [(rows, workers, WIDTHS) for rows in BATCHES]
            if workers == 2:
                cases += [(n * 16, n, WIDTHS[:1]) for n in MANY_PARTITIONS]
            for rows, partitions, widths in cases:
                shape, chunks = (rows, N_FEATURES), (rows // partitions, N_FEATURES)
                X = da.random.random(shape, chunks=chunks).astype(np.float32)
                y = (X[:, 0] * N_CLASSES).astype(int)
                X, y = client.persist([X, y])
                wait([X, y])
                for width in widths:
                    seconds = seconds_a_step(client, X, y, width)
                    steps.append(Step(workers, partitions, width, rows, seconds))
                    print(
                        f"{workers} workers, {partitions} partitions, "
                        f"{N_FEATURES}-{width}-{N_CLASSES}, {rows:,} rows: "
                        f"{seconds * 1e3:.1f} ms",
                        flush=True,
                    )
    return steps


def fit_constants(steps):
    """Minimise the squares of the relative errors; no constant is negative."""
    A = np.array([terms(*step[:4]) for step in steps])
    seconds = np.array([step.seconds for step in steps])
    constants, _ = nnls(A / seconds[:, np.newaxis], np.ones(len(steps)))
    return constants, A @ constants / seconds - 1


def speed_up(constants, workers, width, rows):
    """Predict the speed-up of workers with one partition each over a single process."""
    alone = constants[2] * rows * n_parameters(width)
    return alone / (constants @ terms(workers, workers, width, rows))


def break_even(constants, workers, width):
    """Predict the smallest batch for which the workers are faster than one process."""
    overhead = constants @ terms(workers, workers, width, 0)
    return overhead / (constants[2] * n_parameters(width) * (1 - 1 / workers))


def draw(steps, constants, file):
    """Draw measured against fitted times, the speed-up, and the smallest batch."""
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4.2))
    for colour, workers in zip(COLOURS, (1, 2), strict=False):
        own = [step for step in steps if step.workers == workers]
        fitted = [1e3 * constants @ terms(*step[:4]) for step in own]
        label = f"{workers} worker{'s' * (workers > 1)}"
        measured = [1e3 * step.seconds for step in own]
        left.loglog(measured, fitted, "o", color=colour, label=label, alpha=0.8)
    ends = [1e3 * end(step.seconds for step in steps) for end in (min, max)]
    left.loglog(ends, ends, ":", color="black", label="equal")
    left.set(xlabel="measured, ms a step", ylabel="of the model, ms a step")

    workers = np.array([2, 4, 8, 16, 32, 64, 128, 256])
    width = 100
    for colour, rows in zip(COLOURS, (10**4, 10**5, 10**6, 10**7), strict=False):
        ratios = [speed_up(constants, w, width, rows) for w in workers]
        middle.loglog(workers, ratios, "o-", color=colour, label=f"{rows:,} rows")
    middle.loglog(workers, workers, ":", color="black", label="number of workers")
    middle.axhline(1, color="grey", linewidth=0.8)
    middle.set(ylabel=f"predicted speed-up, {N_FEATURES}-{width}-{N_CLASSES}")

    for colour, width in zip(COLOURS, WIDTHS, strict=False):
        least = [break_even(constants, w, width) for w in workers]
        name = f"{N_FEATURES}-{width}-{N_CLASSES}"
        right.loglog(workers, least, "o-", color=colour, label=name)
    right.set(ylabel="rows a batch from which it pays")
    for ax in (middle, right):
        ax.set_xlabel("workers")
        ax.set_xticks(workers, [str(w) for w in workers])
        ax.minorticks_off()
    for ax in (left, middle, right):
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def main():
    """Measure, fit, predict, draw."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(blas.summary())
    steps = measure()
    constants, errors = fit_constants(steps)
    units = ("s", "s", "s per row and parameter", "s per parameter")
    for name, constant, unit in zip(TERMS, constants, units, strict=True):
        print(f"{name}: {constant:.2g} {unit}")
    print(
        f"relative error of the model: median {np.median(abs(errors)):.0%}, "
        f"largest {abs(errors).max():.0%}"
    )
    workers = (2, 8, 32, 64, 256)
    print("| network | rows per batch |", *(f"{w} workers |" for w in workers))
    print("|---|---|" + "---|" * len(workers))
    for width in WIDTHS:
        name = f"{N_FEATURES}-{width}-{N_CLASSES}"
        for rows in (10**4, 10**5, 10**6, 10**7):
            ratios = [speed_up(constants, w, width, rows) for w in workers]
            print(
                f"| {name} | {rows:,} |", *(f"{float(f'{r:.2g}'):g}× |" for r in ratios)
            )
        least = [break_even(constants, w, width) for w in workers]
        print(f"| {name} | *least* |", *(f"{float(f'{n:.2g}'):,.0f} |" for n in least))
    try:
        draw(steps, constants, Path(__file__).with_name("dask_scaling.png"))
    except ImportError:
        print("matplotlib is not installed: no picture.")


if __name__ == "__main__":
    main()
