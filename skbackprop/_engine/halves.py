"""The gradient of a batch too large for one pass, in two halves.

The halves are the same wherever it runs, and so are the bits; two threads take one
each, where there are two. Each goes through its rows chunk by chunk.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .blas import has_large_products
from .machine import Machine, in_turn
from .parameters import Flat
from .passes import Pass, make_pass

Array = NDArray[Any]
Block = tuple[Any, Array, Array | None]


class Halves:
    """Sums over the examples of a batch, with buffers of its own.

    Parameters
    ----------
    theta : Flat
        The parameters, as they are when a sum is asked for.
    sparse : bool
        Whether the examples come as CSR.
    machine : Machine
    """

    def __init__(self, theta: Flat, sparse: bool, machine: Machine) -> None:
        self._new = partial(_Half, theta, sparse, machine.by_rows_up_to)
        self._machine = machine
        self._halves = [self._new(), self._new()]

    def sums(self, streams: Sequence[Iterable[Block]]) -> tuple[Array, float]:
        """Of the gradients, without the factor ``1/n_L``, and of ``w (a − y)²``.

        One or two streams of blocks (X, Y, weights). The array is overwritten by the
        next call.
        """
        halves = self._halves[: len(streams)]
        runs = [partial(h.run, s) for h, s in zip(halves, streams, strict=True)]
        try:
            run_all = self._machine.run_all if len(runs) > 1 else in_turn
            squares = run_all(runs)
        except BaseException:
            # The other thread may still compute: in memory that nobody reads.
            for half in halves:
                half.goes_on = False
            self._halves = [self._new(), self._new()]
            raise
        total = halves[0].total.vector
        for half in halves[1:]:
            total += half.total.vector
        return total, sum(squares)


class _Half:
    def __init__(self, theta: Flat, sparse: bool, by_rows_up_to: int) -> None:
        self.goes_on = True
        self.total = Flat(theta.Wt, theta.b, first_in_c_order=sparse)
        self._theta, self._sparse, self._by_rows_up_to = theta, sparse, by_rows_up_to
        self._passes: dict[int, Pass] = {}

    def run(self, blocks: Iterable[Block]) -> float:
        self.total.vector[:] = 0
        squares = 0.0
        with np.errstate(all="ignore"):  # which every thread has its own
            for X, Y, weights in blocks:
                if not self.goes_on:
                    break
                x = X if self._sparse else X.T
                propagate, add_gradient = self._pass(len(Y))
                squares += propagate(x, Y.T, weights)
                add_gradient(x, 1.0, 1.0, 1.0)
        return squares

    def _pass(self, m: int) -> Pass:
        if m not in self._passes:
            self._passes[m] = make_pass(
                self._theta,
                self.total,
                m,
                sparse=self._sparse,
                by_rows=1 < m <= self._by_rows_up_to,
                # Because large products let other threads compute.
                cut=m > 1 and has_large_products(self._theta.dtype),
            )
        return self._passes[m]
