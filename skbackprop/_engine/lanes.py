"""A large batch in lanes: pieces of its rows that several threads may compute.

The last bits of a sum depend on the order of its terms. Here the lanes depend only on
the shapes of the batch and of the network, and they are added in a fixed order. So the
result has the same bits for any number of threads.

Each lane has its own gradient. Its products are numpy's, which release the
interpreter's lock; scipy's BLAS, which small batches use, holds it.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .buffers import Buffers
from .loss import SetErrors, output_errors
from .parameters import Layers, Parameters
from .passes import add_outer_of_csr
from .sigmoid import Sigmoid

Array = NDArray[Any]
Block = tuple[Any, Array, Array | None]
# Calls functions, in parallel or one after the other; returns their results.
RunAll = Callable[[Sequence[Callable[[], Any]]], list[Any]]

# At most 32 lanes, each of at least 96 rows.
MOST_LANES, ROWS = 32, 96
# The least work of a lane, in multiplications. It takes about 0.4 ms, and two threads
# wait for each other for up to 0.1 ms a lane. Each input and each activation costs as
# much as 100 multiplications.
WORK, WORK_PER_NUMBER = 40_000_000, 100
# Batches of up to this many rows pass through the network at once, and so do chunks of
# this many CSR rows.
AT_ONCE = 1024
# Memory that a chunk of rows needs in the network, if that is at least FEWEST_ROWS.
# Larger chunks do not fit into the cache; with smaller ones, threads wait for each
# other more often.
CHUNK_BYTES, FEWEST_ROWS = 2**22, 32
# Most bytes for the gradients of all lanes together. Two lanes are always allowed.
MEMORY = 2**25
# Number of parameters that are added up at once.
PIECE = 2**16


def in_turn(functions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call all functions, one after the other; return their results."""
    return [function() for function in functions]


def lane_count(n_rows: int, theta: Parameters) -> int:
    """The number of lanes of a batch of this many rows: a power of 2."""
    by_memory = max(2, MEMORY // theta.vector.nbytes)
    by_rows = n_rows // (AT_ONCE if theta.sparse else ROWS)
    work = theta.n_weights + WORK_PER_NUMBER * sum(theta.units)
    most = min(MOST_LANES, by_memory, by_rows, n_rows * work // WORK)
    # A batch that is too large to pass through the network at once is always cut.
    at_least = 2 if n_rows > max(AT_ONCE, chunk_rows(theta)) else 1
    return 1 << (max(most, at_least).bit_length() - 1)


def chunk_rows(theta: Parameters) -> int:
    """The number of rows of a lane that pass through the network at once."""
    if theta.sparse:
        return AT_ONCE
    numbers = theta.units[0] + 3 * sum(theta.units[1:])
    return max(FEWEST_ROWS, CHUNK_BYTES // (numbers * theta.dtype.itemsize))


def cut(start: int, stop: int, n_lanes: int) -> list[tuple[int, int]]:
    """The rows from `start` to `stop` in lanes of nearly equal size: (first, end)."""
    ends = [start + (stop - start) * k // n_lanes for k in range(n_lanes + 1)]
    return list(pairwise(ends))


class Lanes:
    """Sums of the gradients of a batch, with their own buffers.

    Parameters
    ----------
    theta : Parameters
        The network; each sum uses its current values.
    run_all : RunAll
        Computes the lanes.
    """

    def __init__(self, theta: Parameters, run_all: RunAll) -> None:
        self._theta, self._run_all = theta, run_all
        self._gradients = np.empty((0, theta.vector.size), theta.dtype)
        self._total = np.empty_like(theta.vector)
        self._idle: list[_Worker] = []  # as many as have computed in parallel

    def sums(self, streams: Sequence[Iterable[Block]]) -> tuple[Array, float]:
        """The sum of the gradients, without the factor ``1/n_L``; and ``Σ w (a − y)²``.

        Each lane has a stream of blocks (X, Y, weights). The next call overwrites the
        array.
        """
        n, stop = len(streams), Event()
        if len(self._gradients) < n:
            self._gradients = np.empty((n, self._total.size), self._total.dtype)
        gradients = self._gradients[:n]
        lanes = zip(streams, gradients, strict=True)
        try:
            squares = self._run_all([partial(self._run, *lane, stop) for lane in lanes])
            if n == 1:
                return gradients[0], squares[0]
            pieces = range(0, self._total.size, PIECE)
            add_up = partial(_add_up, gradients, self._total)
            self._run_all([partial(add_up, first) for first in pieces])
        except BaseException:
            stop.set()
            # Other threads may still compute. They keep the old memory, which is no
            # longer read.
            self._gradients, self._idle = self._gradients[:0].copy(), []
            self._total = np.empty_like(self._total)
            raise
        return self._total, sum(squares)

    def _run(self, blocks: Iterable[Block], gradient: Array, stop: Event) -> float:
        """Compute one lane in any thread: set `gradient`; return ``Σ w (a − y)²``."""
        into = self._theta.like(gradient)
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = _Worker(self._theta)
        squares = 0.0
        try:
            with np.errstate(all="ignore"):  # errstate is per thread
                for number, (X, Y, weights) in enumerate(blocks):
                    if stop.is_set():
                        break
                    is_first = number == 0
                    squares += worker.add_gradient(X, Y, weights, into, is_first)
        except BaseException:
            stop.set()
            raise
        self._idle.append(worker)
        return squares


def _add_up(gradients: Array, total: Array, first: int) -> None:
    """Add a piece of all gradients, in the order of the lanes."""
    piece = slice(first, first + PIECE)
    with np.errstate(all="ignore"):  # errstate is per thread
        np.add.reduce(gradients[:, piece], axis=0, out=total[piece])


class _Worker:
    """The buffers with which one thread computes chunks of rows, which are examples."""

    def __init__(self, theta: Parameters) -> None:
        self.theta = theta
        self._scratch: Parameters | None = None
        self._buffers: dict[int, tuple[Buffers, SetErrors]] = {}

    def add_gradient(
        self, X: Any, Y: Array, w: Array | None, into: Parameters, is_first: bool
    ) -> float:
        """Add the gradients of these rows to `into`; return ``Σ w (a − y)²``.

        The gradients of the first rows replace what is in `into`.
        """
        m = len(Y)
        if m not in self._buffers:
            # At most three sizes: full chunks, and the last ones of lanes, whose sizes
            # differ by 1.
            if len(self._buffers) > 2:
                self._buffers.clear()
            buffers = Buffers(self.theta, m, order="C")
            self._buffers[m] = buffers, output_errors(buffers)
        buffers, set_output_errors = self._buffers[m]
        self._forward(X, buffers.a, buffers.sigmoids)
        squares = set_output_errors(Y, w)
        self._backward(buffers.delta, buffers.slope)
        if is_first:
            self._set_gradient(X, buffers.a, buffers.delta, into)
            return squares
        if self._scratch is None:
            self._scratch = self.theta.like(np.empty_like(self.theta.vector))
        self._set_gradient(X, buffers.a, buffers.delta, self._scratch)
        np.add(into.vector, self._scratch.vector, into.vector)
        return squares

    def _forward(self, X: Any, a: Layers, sigmoids: list[Sigmoid]) -> None:
        """``a^l = σ(W^l a^{l−1} + b^l)``"""
        Wt, b = self.theta.Wt, self.theta.b
        for layer, sigmoid in enumerate(sigmoids):
            if layer:
                np.matmul(a[layer - 1], Wt[layer], a[layer])
            elif self.theta.sparse:
                a[0][...] = X @ Wt[0]
            else:
                np.matmul(X, Wt[0], a[0])
            np.add(a[layer], b[layer], a[layer])
            sigmoid(a[layer], a[layer])

    def _backward(self, delta: Layers, slope: Layers) -> None:
        """``δ^l = (W^{l+1})ᵀ δ^{l+1} ⊙ σ'``"""
        for layer in range(len(delta) - 1, 0, -1):
            np.matmul(delta[layer], self.theta.Wt[layer].T, delta[layer - 1])
            np.multiply(delta[layer - 1], slope[layer - 1], delta[layer - 1])

    def _set_gradient(
        self, X: Any, a: Layers, delta: Layers, target: Parameters
    ) -> None:
        """``∇W^l = Σ δ^l (a^{l−1})ᵀ``, ``∇b^l = Σ δ^l``"""
        for layer, (d, Wt, b) in enumerate(
            zip(delta, target.Wt, target.b, strict=True)
        ):
            if layer:
                np.matmul(a[layer - 1].T, d, Wt)
            elif self.theta.sparse:
                Wt[...] = 0
                add_outer_of_csr(X, d, 1.0, Wt)
            else:
                np.matmul(X.T, d, Wt)
            np.add.reduce(d, axis=0, out=b)
