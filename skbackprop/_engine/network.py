"""The fast network: parameters and momentum while they train, update by update.

The mathematics is that of `skbackprop._equations`, in the same letters; here it is
arranged so that an update is a handful of BLAS calls into memory that was allocated
once. What one batch does is in `passes`, and what a large one does in `lanes`.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .blas import blas, require_in_place
from .forward import decision
from .lanes import Block, Lanes, RunAll, chunk_rows, cut, in_turn, lane_count
from .parameters import Layers, Parameters
from .passes import AddGradient, Pass, make_pass

Array = NDArray[Any]
Snapshot = tuple[Array, Array | None]


class Engine:
    """One network while it trains; made for one `fit` and dropped afterwards.

    Nothing is validated here. Blocks of examples have a row for each; dense ones are
    C-contiguous and of the parameters' dtype, sparse ones are CSR of that dtype.

    Parameters
    ----------
    coefs, intercepts : lists of arrays ``(n_{l-1}, n_l)`` and ``(n_l,)``
        Parameters to begin with; copied.
    alpha : float
        L2 penalty, in scikit-learn's scaling: an update adds ``alpha/m · W`` to the
        average gradient of its `m` examples. A last, smaller batch takes the share of
        its examples, so that the penalty of an epoch goes by their number.
    momentum : float
        ``v ← momentum·v − η·gradient``, ``θ ← θ + v``.
    nesterov : bool
        ``θ ← θ + momentum·v − η·gradient`` with the new `v` instead.
    velocity : pair of lists like `coefs`, `intercepts`, or None
        `v` to begin with; copied. None is zero.
    sparse : bool
        Whether the examples come as CSR.
    run_all : RunAll
        Who computes the lanes of large batches.
    """

    def __init__(
        self,
        coefs: Layers,
        intercepts: Layers,
        *,
        alpha: float = 0.0,
        momentum: float = 0.0,
        nesterov: bool = False,
        velocity: tuple[Layers, Layers] | None = None,
        sparse: bool = False,
        run_all: RunAll = in_turn,
    ) -> None:
        self.theta = Parameters.copied(coefs, intercepts, sparse)
        self.alpha = alpha
        self.momentum = momentum
        self.nesterov = nesterov and momentum > 0
        # What a batch is added to: without momentum, the parameters themselves.
        self.velocity: Parameters | None = None
        if momentum > 0 and velocity is None:
            self.velocity = self.theta.like(np.zeros_like(self.theta.vector))
        elif momentum > 0 and velocity is not None:
            self.velocity = Parameters.copied(*velocity, sparse)
        self._target = self.velocity or self.theta
        self._velocity_before = np.zeros(0, dtype=self.theta.dtype)
        if self.nesterov:
            self._velocity_before = np.zeros_like(self._target.vector)
            require_in_place([], [self._velocity_before])
        self.run_all = run_all
        # Rows of the blocks that `gradient` takes, at most.
        self.chunk_rows = chunk_rows(self.theta)
        self._passes: dict[int, Pass] = {}
        self._lanes = Lanes(self.theta, run_all)

    @property
    def n_outputs(self) -> int:
        """Output neurons, the derivation's ``n_L``."""
        return self.theta.units[-1]

    def parameters(self) -> tuple[Layers, Layers]:
        """Copies of the parameters as the lists `coefs`, `intercepts`."""
        return self.theta.lists()

    def velocities(self) -> tuple[Layers, Layers] | None:
        """Copies of the momentum's state in the same form; None without momentum."""
        return None if self.velocity is None else self.velocity.lists()

    def is_finite(self) -> bool:
        """Whether all parameters are finite numbers."""
        return bool(np.isfinite(self.theta.vector).all())

    def snapshot(self) -> Snapshot:
        """Copies of all that updates change, for `restore`."""
        velocity = None if self.velocity is None else self.velocity.vector.copy()
        return self.theta.vector.copy(), velocity

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to where `snapshot` was taken."""
        theta, velocity = snapshot
        np.copyto(self.theta.vector, theta)
        if self.velocity is not None and velocity is not None:
            np.copyto(self.velocity.vector, velocity)

    def decision(self, X: Any) -> Array:
        """Pre-activations ``z^L`` of the output layer, a row for each row of `X`."""
        return decision(self.theta.Wt, self.theta.b, X)

    def lanes(self, start: int, stop: int) -> list[tuple[int, int]]:
        """How a batch of the rows from `start` to `stop` is cut into lanes.

        One lane means that it is small enough for `descend`.
        """
        return cut(start, stop, lane_count(stop - start, self.theta))

    def descend(
        self, X: Any, Y: Array, weights: Array | None, batch_size: int, eta: float
    ) -> float:
        """One update for each `batch_size` rows of a block; a rest makes a smaller one.

        Returns the sum of the examples' costs, each multiplied by its weight and
        measured with the parameters it was about to update.
        """
        squares = 0.0
        for m, batches in _batches(X, Y, weights, batch_size):
            if m not in self._passes:
                self._passes[m] = make_pass(self.theta, self._target, m)
            propagate, add_gradient = self._passes[m]
            if self.velocity is not None:
                for x, y, w in batches:
                    squares += propagate(x, y, w)
                    self._accelerate(add_gradient, x, m, batch_size, eta)
                continue
            rate, keep = self._step(m, batch_size, eta)
            for x, y, w in batches:
                squares += propagate(x, y, w)
                add_gradient(x, rate, keep, 1.0)
        return squares / (2 * self.n_outputs)

    def gradient(self, streams: Sequence[Iterable[Block]]) -> tuple[Array, float]:
        """Sums over the examples of a batch: of their gradients, for `update`, and
        of their costs, each multiplied by its weight.

        The examples come as a stream of blocks (X, Y, weights) for each lane.
        """
        gradient, squares = self._lanes.sums(streams)
        return gradient, squares / (2 * self.n_outputs)

    def update(self, gradient: Array, m: int, batch_size: int, eta: float) -> None:
        """One update along the gradients of `m` examples, summed before.

        `gradient` lies in memory as the parameters do, and lacks the factor ``1/n_L``.
        `m` is less than `batch_size` for a rest.
        """
        add_gradient = partial(_add_sum, self._target)
        if self.velocity is not None:
            self._accelerate(add_gradient, gradient, m, batch_size, eta)
        else:
            add_gradient(gradient, *self._step(m, batch_size, eta), 1.0)

    def _step(self, m: int, batch_size: int, eta: float) -> tuple[float, float]:
        """What the sum of gradients is multiplied by, and the weights are."""
        rate = -eta / (self.n_outputs * m)
        return rate, 1.0 - self._decay(m, batch_size, eta)

    def _decay(self, m: int, batch_size: int, eta: float) -> float:
        """The part of the weights that the penalty takes away in an update."""
        return eta * self.alpha / batch_size * (m / batch_size)

    def _accelerate(
        self, add_gradient: AddGradient, x: Any, m: int, batch_size: int, eta: float
    ) -> None:
        """``v ← momentum·v − η·gradient − decay·W``, ``θ ← θ + v``."""
        _, _, axpy, copy, _ = blas(self.theta.dtype.char)
        theta, velocity = self.theta.vector, self._target.vector
        if self.nesterov:
            copy(velocity, self._velocity_before)
        rate, _ = self._step(m, batch_size, eta)
        add_gradient(x, rate, self.momentum, self.momentum)
        if self.alpha:
            decay = self._decay(m, batch_size, eta)
            axpy(theta, velocity, self.theta.n_weights, -decay)
        if self.nesterov:
            # θ + momentum·v − η·gradient, the latter being v − momentum·v_before.
            axpy(velocity, theta, a=1.0 + self.momentum)
            axpy(self._velocity_before, theta, a=-self.momentum)
        else:
            axpy(velocity, theta)


def _add_sum(
    target: Parameters, gradient: Array, rate: float, keep_W: float, keep_b: float
) -> None:
    """What a pass's `add_gradient` does, for gradients that were summed before."""
    if keep_W != 1.0:
        target.vector[: target.n_weights] *= keep_W
    if keep_b != 1.0:
        target.biases *= keep_b
    blas(target.dtype.char)[2](gradient, target.vector, a=rate)


def _batches(
    X: Any, Y: Array, weights: Array | None, batch_size: int
) -> Iterator[tuple[int, Iterator[Block]]]:
    """The batches of a block as pairs of their size and an iterator over (x, y, w).

    Dense `x` has the examples as columns, CSR `x` and `y` have them as rows; those of
    `y` in Fortran order, as the errors are, which saves 0.6 of 25 µs at 784-100-10.
    """
    n = len(Y)
    whole = n - n % batch_size
    for start, stop, m in ((0, whole, batch_size), (whole, n, n - whole)):
        if start < stop:
            w: Iterable[Array | None] = repeat(None)
            if weights is not None:
                w = weights[start:stop].reshape(-1, m)
            x: Iterable[Any]
            if isinstance(X, np.ndarray):
                x = X[start:stop].reshape(-1, m, X.shape[1]).transpose(0, 2, 1)
            else:
                x = (X[row : row + m] for row in range(start, stop, m))
            y = Y[start:stop].reshape(-1, m, Y.shape[1]).transpose(0, 2, 1)
            y = np.ascontiguousarray(y).transpose(0, 2, 1)
            # strict does not fit: without weights, w has no end
            yield m, zip(x, y, w, strict=False)
