"""The fast network: its parameters and momentum during training, update by update.

The mathematics is that of `skbackprop._equations`, in the same letters. Here it is
arranged so that an update is a handful of BLAS calls on memory that is allocated once.
`passes` computes small batches, `lanes` large ones; the smallest ones may run in
`compiled` loops instead.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .blas import blas, require_in_place
from .forward import decision
from .lanes import Block, Lanes, RunAll, chunk_rows, cut, in_turn, lane_count
from .parameters import Layers, Parameters
from .passes import AddGradient, Pass, make_pass

Array = NDArray[Any]
# Makes one update for each batch of a block and returns Σ w (a − y)². Its arguments are
# the block, the first row of each batch as a range whose step is the batch size, the
# factor of the summed gradients, and the fraction of the weights that an update
# subtracts.
Descend = Callable[[Block, range, float, float], float]
Snapshot = tuple[Array, Array | None]

# The most rows in a batch for the compiled loops: in networks of at most `LARGE`
# weights, and in larger ones. Their speed relative to passes (one core, float32):
#     64-30-10          20 rows 2.2   32 rows 1.5
#     30-100-1          20 rows 1.0   32 rows 0.65
#     784-100-10         8 rows 1.1   12 rows 0.9
#     100-200-100-10     8 rows 1.0   20 rows 0.65
MOST_ROWS, MOST_ROWS_IF_LARGE, LARGE = 20, 8, 2**15
# With CSR they take more rows, as long as the rows times the weights after the first
# layer are at most this. Relative speed: 20000-100-20 with 16 rows 7.5, 2000-500-300-10
# with 512 rows 1.3, 2000-2000-2000-10 with 256 rows (2**30) 0.7.
MOST_CSR_WORK = 2**27


def compiled_loops() -> ModuleType:
    """The module of the compiled loops.

    Raise ImportError, which names the extra to install, if numba is missing.
    """
    try:
        from . import compiled
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError)
        state = "is not installed" if missing else f"cannot be imported ({error})"
        raise ImportError(
            f'engine="numba" needs numba, which {state}. In a checkout of skbackprop, '
            'run: python -m pip install ".[fast]". Or set engine="numpy".'
        ) from error
    return compiled


class Engine:
    """One network during training; made for one `fit` and dropped afterwards.

    Nothing is validated here. Blocks have one row for each example; dense ones are
    C-contiguous and have the parameters' dtype, sparse ones are CSR of that dtype.

    Parameters
    ----------
    coefs, intercepts : lists of arrays ``(n_{l-1}, n_l)`` and ``(n_l,)``
        Initial parameters; copied.
    alpha : float
        L2 penalty, in scikit-learn's scaling: an update adds ``alpha/m · W`` to the
        average gradient of its `m` examples. A smaller last batch adds only its share,
        so that the penalty of an epoch is proportional to the number of examples.
    momentum : float
        ``v ← momentum·v − η·gradient``, ``θ ← θ + v``.
    nesterov : bool
        ``θ ← θ + momentum·v − η·gradient`` with the new `v` instead.
    velocity : pair of lists like `coefs`, `intercepts`, or None
        Initial `v`; copied. None means zero.
    sparse : bool
        Whether the examples are CSR.
    run_all : RunAll
        Computes the lanes of large batches.
    compiled : bool
        Whether numba's loops compute the batches that are small enough for them.
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
        compiled: bool = False,
    ) -> None:
        self.theta = Parameters.copied(coefs, intercepts, sparse)
        self.alpha = alpha
        self.momentum = momentum
        self.nesterov = nesterov and momentum > 0
        # Gradients are added to the velocity or, without momentum, to the parameters.
        self.velocity: Parameters | None = None
        if momentum > 0 and velocity is None:
            self.velocity = self.theta.zeros()
        elif momentum > 0 and velocity is not None:
            self.velocity = Parameters.copied(*velocity, sparse)
        self._target = self.velocity or self.theta
        self._velocity_before = np.zeros(0, dtype=self.theta.dtype)
        if self.nesterov:
            self._velocity_before = np.zeros_like(self._target.vector)
            require_in_place([], [self._velocity_before])
        self.run_all = run_all
        # Most rows in a block for `gradient`.
        self.chunk_rows = chunk_rows(self.theta)
        self._passes: dict[int, Pass] = {}
        self._lanes = Lanes(self.theta, run_all)
        self._compiled: Descend | None = None
        if compiled:
            look_ahead = momentum if self.nesterov else 0.0
            self._compiled = compiled_loops().make_descent(
                self.theta, self.velocity, momentum, look_ahead
            )

    @property
    def n_outputs(self) -> int:
        """Number of output neurons, the derivation's ``n_L``."""
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
        """Copies of everything that updates change, for `restore`."""
        velocity = None if self.velocity is None else self.velocity.vector.copy()
        return self.theta.vector.copy(), velocity

    def restore(self, snapshot: Snapshot) -> None:
        """Return to the state when the snapshot was taken."""
        theta, velocity = snapshot
        np.copyto(self.theta.vector, theta)
        if self.velocity is not None and velocity is not None:
            np.copyto(self.velocity.vector, velocity)

    def decision(self, X: Any) -> Array:
        """Pre-activations ``z^L`` of the output layer, a row for each row of `X`."""
        return decision(self.theta.Wt, self.theta.b, X)

    def lanes(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The lanes of a batch of the rows from `start` to `stop`.

        One lane means that the batch is small enough for `descend`.
        """
        return cut(start, stop, lane_count(stop - start, self.theta))

    def descend(
        self, X: Any, Y: Array, weights: Array | None, batch_size: int, eta: float
    ) -> float:
        """Make an update for each `batch_size` rows of a block; a rest makes another.

        Return the sum of the examples' costs, each multiplied by its weight and
        measured just before the update that it takes part in.
        """
        descend = self._descent_for(batch_size)
        squares, n = 0.0, len(Y)
        whole = n - n % batch_size
        for start, stop, m in ((0, whole, batch_size), (whole, n, n - whole)):
            if start < stop:
                batches = range(start, stop, m)
                rate, decay = self._step(m, batch_size, eta)
                squares += descend((X, Y, weights), batches, rate, decay)
        return squares / (2 * self.n_outputs)

    def _descent_for(self, batch_size: int) -> Descend:
        """The faster way to descend in batches of this size, smaller last ones too."""
        if self._compiled is None:
            return self._descend_by_passes
        theta = self.theta
        most_rows = MOST_ROWS_IF_LARGE if theta.n_weights > LARGE else MOST_ROWS
        if theta.sparse:
            later = max(1, theta.n_weights - theta.Wt[0].size)
            most_rows = max(most_rows, MOST_CSR_WORK // later)
        return self._compiled if batch_size <= most_rows else self._descend_by_passes

    def _descend_by_passes(
        self, block: Block, batches: range, rate: float, decay: float
    ) -> float:
        """Make an update for each batch: `batches.step` rows from each of `batches`.

        Return ``Σ w (a − y)²`` over the examples.
        """
        m = batches.step
        if m not in self._passes:
            self._passes[m] = make_pass(self.theta, self._target, m)
        propagate, add_gradient = self._passes[m]
        squares, keep, plain = 0.0, 1.0 - decay, self.velocity is None
        for x, y, w in _split(block, batches):
            squares += propagate(x, y, w)
            if plain:
                add_gradient(x, rate, keep, 1.0)
            else:
                self._accelerate(add_gradient, x, rate, decay)
        return squares

    def gradient(self, streams: Sequence[Iterable[Block]]) -> tuple[Array, float]:
        """The sums of the gradients, for `update`, and of the costs of a batch.

        Each cost is multiplied by its weight. Each lane has a stream of blocks
        (X, Y, weights).
        """
        gradient, squares = self._lanes.sums(streams)
        return gradient, squares / (2 * self.n_outputs)

    def update(self, gradient: Array, m: int, batch_size: int, eta: float) -> None:
        """Make an update from the summed gradients of `m` examples.

        `gradient` has the same layout as the parameters and lacks the factor ``1/n_L``.
        `m` is less than `batch_size` for a smaller last batch.
        """
        add_gradient = partial(_add_sum, self._target)
        rate, decay = self._step(m, batch_size, eta)
        if self.velocity is None:
            add_gradient(gradient, rate, 1.0 - decay, 1.0)
        else:
            self._accelerate(add_gradient, gradient, rate, decay)

    def _step(self, m: int, batch_size: int, eta: float) -> tuple[float, float]:
        """The factor of the summed gradients, and the fraction of the weights that the
        penalty subtracts.
        """
        rate = -eta / (self.n_outputs * m)
        return rate, eta * self.alpha / batch_size * (m / batch_size)

    def _accelerate(
        self, add_gradient: AddGradient, x: Any, rate: float, decay: float
    ) -> None:
        """``v ← momentum·v − η·gradient − decay·W``, ``θ ← θ + v``."""
        _, _, axpy, copy, _ = blas(self.theta.dtype.char)
        theta, velocity = self.theta.vector, self._target.vector
        if self.nesterov:
            copy(velocity, self._velocity_before)
        add_gradient(x, rate, self.momentum, self.momentum)
        if decay:
            axpy(theta, velocity, self.theta.n_weights, -decay)
        if self.nesterov:
            # θ + momentum·v − η·gradient, where −η·gradient = v − momentum·v_before.
            axpy(velocity, theta, a=1.0 + self.momentum)
            axpy(self._velocity_before, theta, a=-self.momentum)
        else:
            axpy(velocity, theta)


def _add_sum(
    target: Parameters, gradient: Array, rate: float, keep_W: float, keep_b: float
) -> None:
    """Like a pass's `add_gradient`, for gradients that are already summed."""
    if keep_W != 1.0:
        target.vector[: target.n_weights] *= keep_W
    if keep_b != 1.0:
        target.biases *= keep_b
    blas(target.dtype.char)[2](gradient, target.vector, a=rate)


def _split(block: Block, batches: range) -> Iterator[Block]:
    """The batches that begin at these rows of a block, as (x, y, weights).

    Dense `x` has the examples as columns; CSR `x` and `y` have them as rows. `y` is in
    Fortran order, like the errors, which saves 0.6 of 25 µs at 784-100-10.
    """
    X, Y, weights = block
    rows, m = slice(batches.start, batches.stop), batches.step
    w: Iterable[Array | None] = repeat(None)
    if weights is not None:
        w = weights[rows].reshape(-1, m)
    x: Iterable[Any]
    if isinstance(X, np.ndarray):
        x = X[rows].reshape(-1, m, X.shape[1]).transpose(0, 2, 1)
    else:
        x = (X[row : row + m] for row in batches)
    y = Y[rows].reshape(-1, m, Y.shape[1]).transpose(0, 2, 1)
    y = np.ascontiguousarray(y).transpose(0, 2, 1)
    # Not strict, because w is endless without weights.
    return zip(x, y, w, strict=False)
