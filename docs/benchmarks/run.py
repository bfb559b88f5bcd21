"""Whole `fit` calls of skbackprop against scikit-learn and PyTorch, as ratios.

    python docs/benchmarks/run.py [--quick]

All libraries train the same network on the same float32 data for the same number of
epochs: sigmoid neurons, half squared error, plain gradient descent, shuffled rows.
(MLPRegressor has a linear output layer, which is a little less work.) The runs of a
case are interleaved, so that a change of the machine's speed hits all alike; figures
are medians. PyTorch is left out with a line that says so where it is not installed.
"""

import argparse
import time
import warnings
from itertools import pairwise

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from skbackprop import SGDSigmoidMLP

try:
    import torch
except ImportError:
    torch = None

NETWORKS = [(64, 30, 10), (784, 30, 10), (784, 100, 10)]
# batch size: rows, epochs
BATCHES = {
    1: (2000, 3),
    10: (5000, 4),
    32: (10000, 4),
    200: (20000, 4),
    "full": (20000, 8),
}
ETA = 0.1


def data(n_rows, n_in, n_out):
    rng = np.random.default_rng(0)
    X = rng.random((n_rows, n_in), dtype=np.float32)
    return X, rng.integers(n_out, size=n_rows)


def fit_skbackprop(units, X, y, batch_size, epochs):
    SGDSigmoidMLP(
        units[1:-1],
        learning_rate_init=ETA,
        batch_size=batch_size,
        max_iter=epochs,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X, y)


def fit_sklearn(units, X, y, batch_size, epochs):
    MLPRegressor(
        hidden_layer_sizes=units[1:-1],
        activation="logistic",
        solver="sgd",
        momentum=0,
        alpha=0,
        learning_rate_init=ETA,
        batch_size=len(X) if batch_size == "full" else batch_size,
        max_iter=epochs,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X, np.eye(units[-1], dtype=np.float32)[y])


def fit_torch(units, X, y, batch_size, epochs):
    torch.manual_seed(0)
    layers = []
    for n_in, n_out in pairwise(units):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.Sigmoid()]
    network = torch.nn.Sequential(*layers)
    optimizer = torch.optim.SGD(network.parameters(), lr=ETA)
    inputs = torch.from_numpy(X)
    targets = torch.eye(units[-1])[torch.from_numpy(y)]
    n_batch = len(X) if batch_size == "full" else batch_size
    for _ in range(epochs):
        if n_batch < len(X):
            order = torch.randperm(len(X))
            batches = zip(
                inputs[order].split(n_batch), targets[order].split(n_batch), strict=True
            )
        else:
            batches = [(inputs, targets)]
        total = 0.0
        for x, target in batches:
            optimizer.zero_grad()
            cost = ((network(x) - target) ** 2).mean() / 2
            cost.backward()
            optimizer.step()
            total += cost.item()


def medians(competitors, arguments, repeats):
    seconds = {name: [] for name in competitors}
    for _ in range(repeats + 1):
        for name, fit in competitors.items():
            start = time.perf_counter()
            fit(*arguments)
            seconds[name].append(time.perf_counter() - start)
    # The first round warms up.
    return {name: float(np.median(times[1:])) for name, times in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)

    competitors = {"skbackprop": fit_skbackprop, "sklearn": fit_sklearn}
    if torch is None:
        print("PyTorch is not installed: left out.")
    else:
        competitors["torch"] = fit_torch
    others = [name for name in competitors if name != "skbackprop"]
    print(f"| network | batch | examples/s | {' | '.join(f'vs {o}' for o in others)} |")
    print("|---|---|---|" + "---|" * len(others))
    for units in NETWORKS:
        for batch_size, (n_rows, epochs) in BATCHES.items():
            n_rows = n_rows // 10 if options.quick else n_rows
            arguments = (units, *data(n_rows, units[0], units[-1]), batch_size, epochs)
            seconds = medians(competitors, arguments, options.repeats)
            ours = seconds["skbackprop"]
            ratios = " | ".join(f"{seconds[name] / ours:.1f}×" for name in others)
            name = "-".join(map(str, units))
            rate = n_rows * epochs / ours
            print(f"| {name} | {batch_size} | {rate:,.0f} | {ratios} |", flush=True)


if __name__ == "__main__":
    main()
