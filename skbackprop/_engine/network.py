"""The fast network: parameters and momentum while they train, update by update.

The mathematics is that of `skbackprop._equations`, in the same letters and with the
same column vectors; here it is arranged so that an update is a handful of BLAS calls
into memory that was allocated once. What one batch does is in `_passes`.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .all_threads import may_have_all, paced
from .halves import Block, Halves
from .machine import Machine
from .parameters import Flat
from .passes import AddGradient, Pass, add_sum, blas, make_pass, require_in_place
from .shards import make_shards

Array = NDArray[Any]
Layers = list[Array]
Snapshot = tuple[Array, Array | None]

# Rows pushed through the network at once. The gradient of a larger batch is summed
# chunk by chunk, so that memory does not grow with the number of rows.
CHUNK_ROWS = 1024

# A batch of so many rows, and so many multiplications of its rows by all weights, is
# cut into two shards. To begin and to await the second one takes 55 µs: 784-100-10
# trains 263,000 examples/s in batches of 100 without shards and 244,000 with them, in
# batches of 200 269,000 and 384,000.
SHARD_FROM_ROWS, SHARD_FROM = 48, 8_000_000

# Up to so many examples are rows of the products, not columns, where BLAS may have all
# threads: 784-500-300-10 trains 1.2 times as fast.
THREADS_BY_ROWS_UP_TO = 40


class Engine:
    """One network while it trains; made for one `fit` and dropped afterwards.

    Nothing is validated here. Blocks of examples have a row for each; dense ones are
    C-contiguous and of the parameters' dtype, sparse ones are CSR of that dtype.

    Parameters
    ----------
    coefs, intercepts : lists of arrays ``(n_{l-1}, n_l)`` and ``(n_l,)``
        Parameters to begin with; copied.
    batch_size : int
        Number of examples whose gradients an update averages.
    alpha : float
        L2 penalty, in scikit-learn's scaling: an update adds ``alpha/m · W`` to the
        average gradient of its `m` examples.
    momentum : float
        ``v ← momentum·v − η·gradient``, ``θ ← θ + v``.
    nesterov : bool
        ``θ ← θ + momentum·v − η·gradient`` with the new `v` instead.
    velocity : pair of lists like `coefs`, `intercepts`, or None
        `v` to begin with; copied. None is zero.
    sparse : bool
        Whether the examples come as CSR.
    machine : Machine
        Where it runs.
    """

    # Larger batches come as blocks of so many rows, to `gradient`.
    chunk_rows = CHUNK_ROWS

    def __init__(
        self,
        coefs: Layers,
        intercepts: Layers,
        *,
        batch_size: int,
        alpha: float = 0.0,
        momentum: float = 0.0,
        nesterov: bool = False,
        velocity: tuple[Layers, Layers] | None = None,
        sparse: bool = False,
        machine: Machine = Machine(),  # noqa: B008, immutable
    ) -> None:
        self._theta = Flat(coefs, intercepts, first_in_c_order=sparse)
        self.units, self.dtype = self._theta.units, self._theta.dtype
        self.theta, self.Wt, self.b = self._theta.vector, self._theta.Wt, self._theta.b
        self.alpha = alpha
        self.batch_size = batch_size
        self.momentum = momentum
        self.nesterov = nesterov and momentum > 0
        self.sparse = sparse
        self.machine = machine
        # Without momentum, a batch goes straight into `theta`.
        self.velocity = self._velocity_before = None
        self._target = self._theta
        if momentum > 0:
            zero = (
                [np.zeros_like(c) for c in coefs],
                [np.zeros_like(b) for b in intercepts],
            )
            self._target = Flat(*(velocity or zero), first_in_c_order=sparse)
            self.velocity = self._target.vector
            if self.nesterov:
                self._velocity_before = np.zeros_like(self.velocity)
                require_in_place([], [self._velocity_before])
        self._passes: dict[int, Pass] = {}
        self._paced: set[int] = set()
        self._halves: Halves | None = None

    def parameters(self) -> tuple[Layers, Layers]:
        """Copies of the parameters as the lists `coefs`, `intercepts`."""
        return self._theta.copies()

    def velocities(self) -> tuple[Layers, Layers] | None:
        """Copies of the momentum's state in the same form; None without momentum."""
        if self.momentum > 0:
            return self._target.copies()
        return None

    def snapshot(self) -> Snapshot:
        """Copies of all that updates change, for `restore`."""
        return (
            self.theta.copy(),
            self._target.vector.copy() if self.momentum > 0 else None,
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to where `snapshot` was taken."""
        theta, velocity = snapshot
        np.copyto(self.theta, theta)
        if velocity is not None:
            np.copyto(self._target.vector, velocity)

    def descend(self, X: Any, Y: Array, weights: Array | None, eta: float) -> float:
        """One update for each `batch_size` rows of a block; a rest makes a smaller one.

        Returns the sum of the examples' costs, each multiplied by its weight and
        measured with the parameters it was about to update.
        """
        squares = 0.0
        for m, batches in _batches(X, Y, weights, self.batch_size):
            propagate, add_gradient = self._pass(m)
            if self.velocity is not None:
                for x, y, w in batches:
                    squares += propagate(x, y, w)
                    self._update_with_velocity(add_gradient, x, m, eta)
                continue
            rate, keep = self._step(m, eta)
            for x, y, w in batches:
                squares += propagate(x, y, w)
                add_gradient(x, rate, keep, 1.0)
        self.machine.threads.want(False)
        return squares / (2 * self.units[-1])

    def gradient(self, streams: Sequence[Iterable[Block]]) -> tuple[Array, float]:
        """Sums over the examples of a batch: of their gradients, for `update`, and
        of their costs, each multiplied by its weight.

        The examples come as one or two streams of blocks (X, Y, weights), each with
        `chunk_rows` or fewer.
        """
        if self._halves is None:
            self._halves = Halves(self._theta, self.sparse, self.machine)
        gradient, squares = self._halves.sums(streams)
        return gradient, squares / (2 * self.units[-1])

    def update(self, gradient: Array, m: int, eta: float) -> None:
        """One update along the gradients of `m` examples, summed before.

        `gradient` lies in memory as `theta` does, and lacks the factor ``1/n_L``.
        """
        add_gradient = partial(add_sum, self._target)
        if self.velocity is not None:
            self._update_with_velocity(add_gradient, gradient, m, eta)
        else:
            add_gradient(gradient, *self._step(m, eta), 1.0)

    def _step(self, m: int, eta: float) -> tuple[float, float]:
        """What the sum of gradients is multiplied by, and the weights are."""
        return -eta / (self.units[-1] * m), 1.0 - eta * self.alpha / m

    def _update_with_velocity(
        self, add_gradient: AddGradient, x: Any, m: int, eta: float
    ) -> None:
        """``v ← momentum·v − η (gradient + alpha/m·W)``, ``θ ← θ + v``."""
        _, _, axpy, copy, _ = blas(self.dtype.char)
        if self.nesterov:
            copy(self.velocity, self._velocity_before)
        add_gradient(x, self._step(m, eta)[0], self.momentum, self.momentum)
        # No trial has seen whether all threads round what follows alike.
        self.machine.threads.want(False)
        if self.alpha:
            shrink = -eta * self.alpha / m
            axpy(self.theta, self.velocity, self._theta.n_weights, shrink)
        if self.nesterov:
            # θ + momentum·v − η·gradient, the latter being v − momentum·v_before.
            axpy(self.velocity, self.theta, a=1.0 + self.momentum)
            axpy(self._velocity_before, self.theta, a=-self.momentum)
        else:
            axpy(self.velocity, self.theta)

    def _pass(self, m: int) -> Pass:
        """What a batch, or chunk, of `m` examples does."""
        if m not in self._passes:
            self._passes[m] = self._make_pass(m)
        if m not in self._paced:
            self.machine.threads.want(False)
        return self._passes[m]

    def _make_pass(self, m: int) -> Pass:
        theta, target, machine = self._theta, self._target, self.machine
        cut = may_have_all(theta, m, self.sparse, machine)
        large = m >= SHARD_FROM_ROWS and m * theta.n_weights >= SHARD_FROM
        if large and not cut and not self.sparse:
            return make_shards(theta, target, m, machine.run_all)
        rows_up_to = THREADS_BY_ROWS_UP_TO if cut else machine.by_rows_up_to
        by_rows = 1 < m <= rows_up_to
        make = partial(make_pass, m=m, sparse=self.sparse, by_rows=by_rows, cut=cut)
        if not cut or machine.threads.number < 2:
            return make(theta, target)
        self._paced.add(m)
        return paced(theta, target, m, self.sparse, machine.threads, make)


def _batches(
    X: Any, Y: Array, weights: Array | None, batch_size: int
) -> Iterator[tuple[int, Iterator[Block]]]:
    """The batches of a block as pairs of their size and an iterator over (x, y, w).

    Dense `x` and `y` have the examples as columns; CSR `x` keeps them as rows.
    """
    n = len(Y)
    whole = n - n % batch_size
    for start, stop, m in ((0, whole, batch_size), (whole, n, n - whole)):
        if start < stop:
            w: Iterable[Array | None] = repeat(None)
            if weights is not None:
                w = weights[start:stop].reshape(-1, m)
            x, y = (_columns_of(rows, start, stop, m) for rows in (X, Y))
            # strict does not fit: without weights, w has no end
            yield m, zip(x, y, w, strict=False)


def _columns_of(X: Any, start: int, stop: int, m: int) -> Iterable[Any]:
    if not isinstance(X, np.ndarray):
        return (X[row : row + m] for row in range(start, stop, m))
    return X[start:stop].reshape(-1, m, X.shape[1]).transpose(0, 2, 1)
