"""The same training by skbackprop and by others, a function for each; and classifiers.

Every function gets the same arrays and trains one network of sigmoid neurons with half
squared error by plain gradient descent. The rows are shuffled again for each epoch. If
another library's network differs, it has less to do: MLPRegressor's output layer is
linear, and only the textbook loop computes no loss. A step size this small (`ETA`) does
not saturate any of them.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.special import expit
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import SGDSigmoidMLP

try:
    import torch
except ImportError:
    torch = None

ETA = 0.1
# These compile an epoch of small batches.
COMPILED, SMALL = ("skbackprop, numba", "JAX"), (1, 10)


@dataclass(frozen=True)
class Case:
    """A network, and what to train it on."""

    units: tuple[int, ...]
    batch_size: int | str
    n_rows: int
    epochs: int
    dtype: str

    @property
    def rows_per_update(self):
        return self.n_rows if self.batch_size == "full" else self.batch_size

    def data(self):
        """X, and y as class numbers. Two classes share one output."""
        rng = np.random.default_rng(0)
        X = rng.random((self.n_rows, self.units[0]), dtype=self.dtype)
        return X, rng.integers(max(2, self.units[-1]), size=self.n_rows)

    def targets(self, y):
        """The expected activations of the output neurons, a row for each example."""
        if self.units[-1] == 1:
            return y[:, np.newaxis].astype(self.dtype)
        return np.eye(self.units[-1], dtype=self.dtype)[y]


def skbackprop(case, X, y, engine="numpy"):
    SGDSigmoidMLP(
        case.units[1:-1],
        learning_rate_init=ETA,
        batch_size=case.batch_size,
        max_iter=case.epochs,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=0,
        engine=engine,
    ).fit(X, y)


def scikit_learn(case, X, y):
    MLPRegressor(
        hidden_layer_sizes=case.units[1:-1],
        activation="logistic",
        solver="sgd",
        momentum=0,
        alpha=0,
        learning_rate_init=ETA,
        batch_size=case.rows_per_update,
        max_iter=case.epochs,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X, case.targets(y).squeeze())


def pytorch(case, X, y):
    torch.manual_seed(0)
    inputs = torch.from_numpy(X)
    targets = torch.from_numpy(case.targets(y))
    layers = []
    for n_in, n_out in pairwise(case.units):
        layers += [torch.nn.Linear(n_in, n_out, dtype=inputs.dtype), torch.nn.Sigmoid()]
    network = torch.nn.Sequential(*layers)
    optimizer = torch.optim.SGD(network.parameters(), lr=ETA)
    for _ in range(case.epochs):
        batches = [(inputs, targets)]
        if case.rows_per_update < case.n_rows:
            order = torch.randperm(case.n_rows)
            batches = zip(
                inputs[order].split(case.rows_per_update),
                targets[order].split(case.rows_per_update),
                strict=True,
            )
        total = 0.0
        for x, target in batches:
            optimizer.zero_grad()
            cost = ((network(x) - target) ** 2).mean() / 2
            cost.backward()
            optimizer.step()
            total += cost.item()


def textbook(case, X, y):
    """The loop of the textbooks: backpropagation of one example after another."""
    rng = np.random.default_rng(0)
    W = [rng.standard_normal((n, m), X.dtype) / m**0.5 for m, n in pairwise(case.units)]
    b = [rng.standard_normal((n, 1), X.dtype) for n in case.units[1:]]
    Y = case.targets(y)
    n, m = case.n_rows, case.rows_per_update
    for _ in range(case.epochs):
        order = rng.permutation(n)
        for start in range(0, n, m):
            batch = order[start : start + m]
            grad_W = [np.zeros_like(w) for w in W]
            grad_b = [np.zeros_like(c) for c in b]
            for i in batch:
                a = [X[i][:, np.newaxis]]
                for w, c in zip(W, b, strict=True):
                    a.append(expit(w @ a[-1] + c))
                delta = (a[-1] - Y[i][:, np.newaxis]) * a[-1] * (1 - a[-1])
                delta = delta / case.units[-1]
                for layer in range(len(W) - 1, -1, -1):
                    grad_W[layer] += delta @ a[layer].T
                    grad_b[layer] += delta
                    if layer:
                        delta = W[layer].T @ delta * a[layer] * (1 - a[layer])
            rate = X.dtype.type(ETA / len(batch))
            W = [w - rate * g for w, g in zip(W, grad_W, strict=True)]
            b = [c - rate * g for c, g in zip(b, grad_b, strict=True)]


class Fann:
    """FANN's incremental training, in a program compiled from `fann.c`."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp())
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise OSError("there is no C compiler")
        source = Path(__file__).with_name("fann.c")
        command = [compiler, "-O3", "-o", self.folder / "fann", source, "-lfloatfann"]
        done = subprocess.run([*command, "-lm"], capture_output=True, text=True)
        if done.returncode:
            raise OSError(done.stderr.strip().splitlines()[0])

    def __call__(self, case, X, y):
        """Return the seconds of training alone, without writing and reading files."""
        X.tofile(self.folder / "X")
        case.targets(y).tofile(self.folder / "Y")
        numbers = [case.n_rows, case.epochs, *case.units]
        command = [self.folder / "fann", self.folder, *map(str, numbers)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(done.stdout)


class Jax:
    """An epoch is one `scan` over the shuffled batches, compiled by XLA.

    The first call of a case compiles. XLA has threads of its own, but uses one for
    batches this small.
    """

    def __init__(self):
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax = jax
        self.epoch = jax.jit(self.descend, donate_argnums=0)

    def descend(self, theta, X, Y, order):
        """Make an update for each row of `order`: the examples of a batch."""
        jax = self.jax

        def cost(theta, a, y):
            for W, b in theta:
                a = jax.nn.sigmoid(a @ W + b)
            return ((a - y) ** 2).mean() / 2

        def update(theta, rows):
            value, grad = jax.value_and_grad(cost)(theta, X[rows], Y[rows])
            return jax.tree.map(lambda p, g: p - ETA * g, theta, grad), value

        theta, values = jax.lax.scan(update, theta, order)
        return theta, values.sum()

    def __call__(self, case, X, y):
        rng = np.random.default_rng(0)
        theta = [
            (rng.standard_normal((m, n), X.dtype) / m**0.5, np.zeros(n, X.dtype))
            for m, n in pairwise(case.units)
        ]
        X, Y = self.jax.device_put((X, case.targets(y)))
        for _ in range(case.epochs):
            order = rng.permutation(case.n_rows).reshape(-1, case.rows_per_update)
            theta, total = self.epoch(theta, X, Y, order)
            total.item()


def competitors():
    """Return by name the competitors that can run here."""
    found = {"skbackprop": skbackprop}
    if importlib.util.find_spec("numba") is None:
        print("numba is not installed: its engine is left out.", file=sys.stderr)
    else:
        found["skbackprop, numba"] = partial(skbackprop, engine="numba")
    found["scikit-learn"] = scikit_learn
    if torch is None:
        print("PyTorch is not installed: left out.", file=sys.stderr)
    else:
        found["PyTorch"] = pytorch
    found["textbook loop"] = textbook
    try:
        found["FANN"] = Fann()
    except OSError as error:
        print(f"FANN is left out: {error}", file=sys.stderr)
    try:
        found["JAX"] = Jax()
    except ImportError:
        print("JAX is not installed: left out.", file=sys.stderr)
    return found


def classifiers(units, X):
    """Fit the two classifiers to a few rows, to time their predictions.

    They differ only in the output layer: MLPClassifier has a softmax.
    """
    settings = {"batch_size": 10, "max_iter": 1, "random_state": 0}
    ours = SGDSigmoidMLP(units[1:-1], **settings)
    theirs = MLPClassifier(units[1:-1], activation="logistic", solver="sgd", **settings)
    y = np.arange(len(X)) % units[-1]
    return {"skbackprop": ours.fit(X, y), "scikit-learn": theirs.fit(X, y)}


def lengthened(name, case):
    """Give more epochs to those that finish small batches quickly.

    Otherwise, what `fit` does once would be a tenth of their time.
    """
    if name in ("skbackprop", *COMPILED) and case.batch_size in SMALL:
        return replace(case, epochs=10 * case.epochs)
    return case


def can_run(name, case):
    """Whether a competitor can run a case in reasonable time.

    FANN knows only single examples and float32, and the textbook loop is too slow
    beyond batches of 32. What is compiled for small batches runs only those.
    """
    if name == "FANN":
        return case.batch_size == 1 and case.dtype == "float32"
    if name in COMPILED:
        return case.batch_size in SMALL
    return name != "textbook loop" or case.batch_size in (1, 10, 32)
