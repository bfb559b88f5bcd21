"""A large batch in two halves, each of which may have its own thread.

Only where BLAS's own threads would change the bits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .machine import RunAll
from .parameters import Flat
from .passes import Pass, add_sum, layers, require_in_place
from .sigmoid import sigmoid_for

Array = NDArray[Any]


def make_shards(theta: Flat, target: Flat, m: int, run_all: RunAll) -> Pass:
    """A pass as `make_pass` has it, each half of which may have its own thread.

    The halves are the same whether they have or not, and so are the bits.
    """
    half = (m + 1) // 2
    first, second = _Shard(theta, half), _Shard(theta, m - half)
    require_in_place([], [target.vector])

    def propagate(x: Any, y: Array, w: Array | None) -> float:
        rows, targets = x.T, y.T
        squares = run_all(
            [
                lambda: first.run(
                    rows[:half], targets[:half], None if w is None else w[:half]
                ),
                lambda: second.run(
                    rows[half:], targets[half:], None if w is None else w[half:]
                ),
            ]
        )
        return squares[0] + squares[1]

    def add_gradient(x: Any, rate: float, keep_W: float, keep_b: float) -> None:
        add_sum(target, first.grad.vector, rate, keep_W, keep_b)
        add_sum(target, second.grad.vector, rate, 1.0, 1.0)

    return propagate, add_gradient


class _Shard:
    """Some rows of a batch: their gradient, by calls that let other threads compute.

    Unlike scipy's BLAS, numpy's products release the interpreter's lock. They cannot
    add to the weights in place, which costs passes over the gradient for each batch.
    """

    def __init__(self, theta: Flat, m: int) -> None:
        self.theta, self.grad = theta, Flat(theta.Wt, theta.b, first_in_c_order=False)
        flat = [layers(theta, m, by_rows=False) for _ in range(3)]
        self.a_all, self.s_all = flat[0][0], flat[1][0]
        # Rows are examples here.
        self.a, self.s, self.d = ([part.T for part in parts] for _, parts in flat)
        self.sigmoids = [sigmoid_for(a_l.size) for a_l in self.a]

    def run(self, x: Array, y: Array, w: Array | None) -> float:
        """Set `grad` to the sum over the rows; return ``Σ w (a − y)²``."""
        a, s, d = self.a, self.s, self.d
        with np.errstate(all="ignore"):  # which every thread has its own
            a_before = x
            for Wt, b, a_l, sigmoid in zip(
                self.theta.Wt, self.theta.b, a, self.sigmoids, strict=True
            ):
                np.matmul(a_before, Wt, a_l)
                np.add(a_l, b, a_l)
                sigmoid(a_l, a_l)
                a_before = a_l
            error = d[-1]
            np.subtract(a[-1], y, error)
            if w is None:
                squares = float(np.vdot(error, error))
            else:
                squares = float(w @ (error * error).sum(axis=1))
                np.multiply(error, w[:, np.newaxis], error)
            np.multiply(self.a_all, self.a_all, self.s_all)
            np.subtract(self.a_all, self.s_all, self.s_all)
            np.multiply(error, s[-1], error)
            for layer in range(len(a) - 1, 0, -1):
                np.matmul(d[layer], self.theta.Wt[layer].T, d[layer - 1])
                np.multiply(d[layer - 1], s[layer - 1], d[layer - 1])
            for a_l, d_l, grad_Wt, grad_b in zip(
                [x, *a[:-1]], d, self.grad.Wt, self.grad.b, strict=True
            ):
                np.matmul(a_l.T, d_l, grad_Wt)
                np.add.reduce(d_l, axis=0, out=grad_b)
        return squares
