"""Time `fit` on a GPU, against a plain PyTorch loop of the same mathematics.

    python docs/benchmarks/gpu.py                        about two minutes
    python docs/benchmarks/gpu.py --device cpu --rows 6000

First, both train an epoch from the same initial weights and in the same order, and the
networks are compared. Then whole `fit` calls are timed, with the validation of the data
and the initial weights, against the loop alone. Both shuffle the rows before each epoch
(a full batch needs no order), add up the loss on the device and read it once an epoch.
The figures are examples per second in float32, the best of three calls after others
that warm up; the two take turns.
"""

import argparse
import os
import time
import warnings
from importlib.metadata import version
from itertools import pairwise, product

import blas  # before numpy

os.environ["SCIPY_ARRAY_API"] = "1"  # before scipy and scikit-learn

import numpy as np
import sklearn
import torch
from sklearn.exceptions import ConvergenceWarning

from skbackprop import SGDSigmoidMLP

NETWORKS = [(64, 30, 10), (784, 100, 10), (784, 500, 300, 10)]
BATCHES = [200, 2000, "full"]
ETA = 0.1
REPEATS = 3


def main():
    """Check each network, then print the rates of all cases."""
    options = arguments()
    warnings.simplefilter("ignore", ConvergenceWarning)
    sklearn.set_config(array_api_dispatch=True)
    print(description(options.device))
    print(f"{options.rows:,} rows, float32, examples per second")
    print("| network | batch | skbackprop | plain PyTorch | skbackprop / plain |")
    print("|---|---|---|---|---|")
    for units in NETWORKS:
        X, y = data(options.rows, units, options.device)
        check(units, X, y)
        for batch_size in BATCHES:
            ours, plain = rates(units, batch_size, X, y, options.seconds)
            name = "-".join(map(str, units))
            print(f"| {name} | {batch_size} ", end="")
            print(f"| {ours:,.0f} | {plain:,.0f} | {ours / plain:.2f} |", flush=True)


def data(n_rows, units, device):
    """Random inputs and class numbers, on the device."""
    torch.manual_seed(0)
    X = torch.rand(n_rows, units[0], device=device)
    return X, torch.randint(units[-1], (n_rows,), device=device)


def estimator(units, batch_size, epochs, shuffle=True):
    """Our network, which trains for this number of epochs."""
    return SGDSigmoidMLP(
        units[1:-1],
        batch_size=batch_size,
        learning_rate_init=ETA,
        max_iter=epochs,
        n_iter_no_change=np.inf,
        tol=0,
        shuffle=shuffle,
        random_state=0,
    )


def descend(W, b, X, Y, batch_size, epochs, shuffle=True):
    """Train in plain PyTorch; `W` and `b` are changed. Return the loss of each epoch.

    A row of `X` and of `Y` is an example, and `W` has the shapes of `coefs_`.
    """
    n, n_L = Y.shape
    shuffle = shuffle and batch_size < n
    losses = []
    for _ in range(epochs):
        order = torch.randperm(n, device=X.device) if shuffle else None
        cost = torch.zeros((), device=X.device)
        for start in range(0, n, batch_size):
            rows = slice(start, start + batch_size)
            rows = order[rows] if shuffle else rows
            a, y = [X[rows]], Y[rows]
            for W_l, b_l in zip(W, b, strict=True):
                a.append(torch.sigmoid(a[-1] @ W_l + b_l))
            difference = a[-1] - y
            cost += (difference**2).sum() / (2 * n_L)
            step = ETA / len(y)
            delta = difference / n_L * a[-1] * (1 - a[-1])
            for layer in range(len(W) - 1, -1, -1):
                grad_W, grad_b = a[layer].T @ delta, delta.sum(0)
                if layer > 0:
                    delta = delta @ W[layer].T * a[layer] * (1 - a[layer])
                W[layer] -= step * grad_W
                b[layer] -= step * grad_b
        losses.append(cost.item() / n)
    return losses


def targets(y, units):
    """The expected activations of the output neurons."""
    return torch.nn.functional.one_hot(y, units[-1]).to(torch.float32)


def check(units, X, y, batch_size=200):
    """Raise AssertionError unless both compute the same network in one epoch."""
    model = estimator(units, batch_size, 1, shuffle=False)
    # A row of weight 0 sets the initial weights, and nothing is learnt.
    model.partial_fit(X[:1], y[:1], classes=np.arange(units[-1]), sample_weight=0)
    W, b = ([p.clone() for p in ps] for ps in (model.coefs_, model.intercepts_))
    model.partial_fit(X, y)
    losses = descend(W, b, X, targets(y, units), batch_size, 1, shuffle=False)
    assert abs(losses[0] - model.loss_) < 1e-5
    pairs = zip([*W, *b], [*model.coefs_, *model.intercepts_], strict=True)
    assert max(float((p - q).abs().max()) for p, q in pairs) < 1e-5


def rates(units, batch_size, X, y, seconds):
    """Examples per second of both, in calls that take at least so many seconds."""
    n = len(X)
    rows_per_update = n if batch_size == "full" else batch_size
    Y = targets(y, units)
    W = [torch.randn(i, j, device=X.device) / i**0.5 for i, j in pairwise(units)]
    b = [torch.randn(j, device=X.device) for j in units[1:]]
    calls = [
        lambda epochs: estimator(units, batch_size, epochs).fit(X, y),
        lambda epochs: descend(W, b, X, Y, rows_per_update, epochs),
    ]
    epochs = [enough(call, seconds) for call in calls]
    best = [np.inf, np.inf]
    for _, i in product(range(REPEATS), range(2)):
        best[i] = min(best[i], timed(calls[i], epochs[i]))
    return [n * e / s for e, s in zip(epochs, best, strict=True)]


def enough(call, seconds):
    """The epochs of a call that takes this long, or up to twice as long; warms up."""
    epochs = 1
    while timed(call, epochs) < seconds:
        epochs *= 2
    return epochs


def timed(call, epochs):
    """Seconds of a call, with what the device still has to do at its end."""
    synchronize()
    start = time.perf_counter()
    call(epochs)
    synchronize()
    return time.perf_counter() - start


def synchronize():
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


def description(device):
    """A line about the device and the versions."""
    name = f"{device}, {blas.cores()} cores, {torch.get_num_threads()} threads"
    if device.startswith("cuda"):
        name = torch.cuda.get_device_name(device)
    packages = ["skbackprop", "torch", "scikit-learn", "scipy", "numpy"]
    return ", ".join([name, *(f"{package} {version(package)}" for package in packages)])


def arguments():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found = "mps" if torch.backends.mps.is_available() else "cpu"
    found = "cuda" if torch.cuda.is_available() else found
    parser.add_argument("--device", default=found, help=f"default: {found}")
    parser.add_argument("--rows", type=int, default=60_000, help="default: 60000")
    parser.add_argument("--seconds", type=float, default=1, help="of a call, at least")
    return parser.parse_args()


if __name__ == "__main__":
    main()
