"""Gradient descent: epochs, shuffling, batches, step sizes, stopping, history.

Sees an engine and rows of data, never an estimator. Everything that a later call
needs to go on where this one ended is in `Progress`, the engine and the random state.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import DTypeLike, NDArray
from sklearn.utils import gen_batches

from ._engine import CHUNK_ROWS, Engine
from ._targets import Encoder

Array = NDArray[Any]
Block = tuple[Any, Array, Array | None]

# Rows are gathered in blocks of about this size: small enough to stay in the cache
# until they are used, large enough that the call does not count.
BLOCK_BYTES = 2**20

# An adaptive step size is not divided any further from here on, as in scikit-learn.
SMALLEST_ADAPTIVE_ETA = 1e-6


@dataclass(frozen=True)
class Examples:
    """The rows to learn from, in the form they came, and how to load some of them.

    `encode` takes rows (a slice or an array of indices) and returns their targets.
    """

    X: Any
    encode: Encoder
    n_outputs: int
    weights: Array | None
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        return int(self.X.shape[0])

    @property
    def row_bytes(self) -> int:
        """Average size of a row of X and Y; a sparse entry is a value and an index."""
        Y_bytes = self.n_outputs * self.dtype.itemsize
        if isinstance(self.X, np.ndarray):
            return self.X.shape[1] * self.dtype.itemsize + Y_bytes
        return int(self.X.nnz) * (self.dtype.itemsize + 4) // len(self) + Y_bytes

    def load(self, rows: slice | Array, buffer: Array | None = None) -> Block:
        """The block (X, Y, weights) of these rows, as the engine takes it."""
        Y = np.ascontiguousarray(self.encode(rows), dtype=self.dtype)
        weights = None if self.weights is None else self.weights[rows]
        return self._load_X(rows, buffer), Y, weights

    def _load_X(self, rows: slice | Array, buffer: Array | None) -> Any:
        if not isinstance(self.X, np.ndarray):
            return self.X[rows].astype(self.dtype, copy=False)
        if buffer is not None and not isinstance(rows, slice):
            # mode: with "raise", take would fill a second buffer first.
            return np.take(self.X, rows, axis=0, out=buffer[: len(rows)], mode="clip")
        return np.ascontiguousarray(self.X[rows], dtype=self.dtype)

    def new_buffer(self, n_rows: int) -> Array | None:
        """Memory to gather rows in, or None where `load` has to do without.

        `take` would first copy the whole of an X that is not C-contiguous.
        """
        X = self.X
        if isinstance(X, np.ndarray) and X.flags.c_contiguous and X.dtype == self.dtype:
            return np.empty((n_rows, X.shape[1]), dtype=self.dtype)
        return None


@dataclass(frozen=True)
class Plan:
    """How to descend; the names are the estimators'."""

    batch_size: int
    max_iter: int
    shuffle: bool
    learning_rate: str
    learning_rate_init: float
    power_t: float
    tol: float
    n_iter_no_change: float


@dataclass
class Progress:
    """What training has come to; `losses` are those of this call's epochs only."""

    n_iter: int
    t: int
    best_loss: float
    n_no_change: int
    n_eta_drops: int
    losses: list[float] = field(default_factory=list)

    def add_epoch(self, loss: float, n_rows: int, tol: float) -> None:
        self.n_iter += 1
        self.t += n_rows
        self.losses.append(loss)
        self.n_no_change = self.n_no_change + 1 if loss > self.best_loss - tol else 0
        self.best_loss = min(self.best_loss, loss)


def step_size(plan: Plan, progress: Progress) -> float:
    """η of the coming epoch, in closed form from what has been seen so far."""
    eta_0 = plan.learning_rate_init
    if plan.learning_rate == "invscaling":
        # A power below the smallest number is 0; Python's own would be an error.
        return float(eta_0 * np.power(progress.t + 1.0, -plan.power_t))
    if plan.learning_rate == "adaptive":
        return eta_0 * 5.0**-progress.n_eta_drops
    return eta_0


def train(
    engine: Engine,
    examples: Examples,
    plan: Plan,
    progress: Progress,
    random_state: RandomState,
) -> bool:
    """Run up to `plan.max_iter` epochs; return whether training stopped by itself."""
    for _ in range(plan.max_iter):
        eta = step_size(plan, progress)
        loss = run_epoch(engine, examples, plan, eta, random_state)
        if not (np.isfinite(loss) and np.isfinite(engine.theta).all()):
            raise ValueError(
                f"Training left the finite numbers in epoch {progress.n_iter + 1} "
                f"with learning_rate_init={plan.learning_rate_init} (η): the loss is "
                f"{loss}. Use a smaller learning_rate_init (and a smaller alpha or "
                "momentum, where they are not 0), or scale X to about unit variance."
            )
        progress.add_epoch(loss, len(examples), plan.tol)
        if progress.n_no_change > plan.n_iter_no_change:
            if plan.learning_rate != "adaptive" or eta <= SMALLEST_ADAPTIVE_ETA:
                return True
            progress.n_eta_drops += 1
            progress.n_no_change = 0
    return False


def run_epoch(
    engine: Engine,
    examples: Examples,
    plan: Plan,
    eta: float,
    random_state: RandomState,
) -> float:
    """One pass over all rows; return the (weighted) mean cost of an example."""
    n, m = len(examples), plan.batch_size
    # A batch of all rows is the same in any order.
    order = random_state.permutation(n) if plan.shuffle and m < n else None
    rows_that_fit = max(1, BLOCK_BYTES // examples.row_bytes)
    cost = 0.0
    if m <= CHUNK_ROWS:
        block_rows = m * max(1, rows_that_fit // m)
        for block in _load_blocks(examples, order, 0, n, block_rows):
            cost += engine.descend(*block, eta)
    else:
        # Larger than a block of small batches, because larger products are faster: on
        # 784-30-10, 939,000 examples/s in chunks of 1,000 against 864,000 in 200.
        block_rows = min(CHUNK_ROWS, 4 * rows_that_fit)
        for batch in gen_batches(n, m):
            blocks = _load_blocks(examples, order, batch.start, batch.stop, block_rows)
            cost += engine.descend_in_chunks(blocks, batch.stop - batch.start, eta)
    return cost / (n if examples.weights is None else float(examples.weights.sum()))


def _load_blocks(
    examples: Examples, order: Array | None, start: int, stop: int, block_rows: int
) -> Iterator[Block]:
    """Load the rows from `start` to `stop` of the order, a block at a time."""
    buffer = (
        None if order is None else examples.new_buffer(min(block_rows, stop - start))
    )
    for first in range(start, stop, block_rows):
        rows = slice(first, min(first + block_rows, stop))
        yield examples.load(rows if order is None else order[rows], buffer)


def initial_parameters(
    units: Sequence[int], dtype: DTypeLike, random_state: RandomState
) -> tuple[list[Array], list[Array]]:
    """Weights and biases to begin with, drawn layer by layer.

    Weights are normal with deviation ``1/√n_{l−1}``, so that the pre-activations of
    standardised inputs have about unit variance whatever the width. Biases of hidden
    layers are standard normal, which spreads the neurons over the inputs; those of the
    output layer are zero. Drawn in float64 and then rounded: a seed means the same
    network in both dtypes.
    """
    coefs, intercepts = [], []
    for n_in, n_out in pairwise(units):
        coefs.append(random_state.normal(0, 1 / np.sqrt(n_in), (n_in, n_out)))
        intercepts.append(random_state.normal(0, 1, n_out))
    intercepts[-1][:] = 0
    return [W.astype(dtype) for W in coefs], [b.astype(dtype) for b in intercepts]


def constant_loss(examples: Examples) -> float:
    """Loss of a network that says the same for all rows, at its best.

    ``1/n_L Σ_j ½ Var(y_j)``, with the weights of the rows.
    """
    count, total, squares = 0.0, np.zeros(()), np.zeros(())
    for rows in gen_batches(len(examples), CHUNK_ROWS):
        Y = np.asarray(examples.encode(rows), dtype=float)
        w = np.ones(len(Y)) if examples.weights is None else examples.weights[rows]
        count, total, squares = count + w.sum(), total + w @ Y, squares + w @ Y**2
    return float(np.mean(squares / count - (total / count) ** 2) / 2)


def auto_learning_rate(
    units: Sequence[int], per_output: float, momentum: float
) -> float:
    """η for a network of these layers.

    ``per_output · n_L · min(1, 100 / width) · (1 − momentum)``

    The factor `n_L` makes up for the ``1/n_L`` of the cost, so that an output neuron
    moves alike in networks of one output and of ten. `width` is that of the widest
    hidden layer (for a single layer, the number of inputs). Its activations are near ½
    at the start, hence the curvature of the cost in the parameters of a neuron that it
    feeds is up to ``width/4 · 1/16``; descent is stable below 2 divided by that, which
    is 1.28 for a width of 100. Momentum adds steps up to ``1 / (1 − momentum)`` of one.
    """
    width = max(units[1:-1], default=units[0])
    return per_output * units[-1] * min(1.0, 100 / width) * (1 - momentum)
