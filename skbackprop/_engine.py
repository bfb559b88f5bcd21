"""The fast network: parameters and buffers while they train, one update of one batch.

The mathematics is that of `skbackprop._equations`, in the same letters and with the
same column vectors; here it is arranged so that an update is a handful of BLAS calls
into memory that was allocated once.

- All parameters lie in one flat vector `theta`: the weights, layer by layer, then the
  biases. `Wt` is the transpose of the derivation's ``W^l``, of shape ``(n_{l-1}, n_l)``
  like scikit-learn's `coefs_`, in Fortran order as BLAS wants it. (An update of
  784-100 in this order takes 4.8 µs, of its transpose 8.0 µs.)
- ``gemm(rate, a, delta, keep, Wt, trans_b=1)`` is ``Wt ← keep·Wt + rate·a δᵀ``: it adds
  the averaged outer products straight into the weights, no gradient is stored. It does
  so in place only for the right memory order and dtype and would update a copy in
  silence otherwise, so every array that is written this way is tried once.
- The rows of a C-ordered block are the columns of its Fortran-ordered transpose:
  examples become the derivation's column vectors without a copy.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import get_blas_funcs
from scipy.sparse import csr_matrix, issparse
from scipy.special import expit

from ._blas import LargeProduct, has_large_products
from ._pace import BlasThreads, Pace

Array = NDArray[Any]
Layers = list[Array]
Snapshot = tuple[Array, Array | None]
Propagate = Callable[[Any, Array, Array | None], float]
AddGradient = Callable[[Any, float, float, float], None]
RunAll = Callable[[Sequence[Callable[[], Any]]], list[Any]]

# Rows pushed through the network at once. The gradient of a larger batch gathers chunk
# by chunk, so that memory does not grow with the number of rows.
CHUNK_ROWS = 1024

# A batch of so many rows, and so many multiplications of its rows by all weights, is
# cut into two shards. To begin and to await the second one takes 55 µs: 784-100-10
# trains 263,000 examples/s in batches of 100 without shards and 244,000 with them, in
# batches of 200 269,000 and 384,000.
SHARD_FROM_ROWS, SHARD_FROM = 48, 8_000_000

# Vectors and matrices of so many elements, or fewer, BLAS reads on one thread anyway;
# products of so many multiplications, or fewer, it computes on one.
ONE_THREAD_UP_TO = 9000
SMALL_PRODUCT = 262_144

# A pass may have all threads of BLAS if its largest product has so many
# multiplications: 784-100 for 32 rows, which trains 1.4 times as fast with two threads.
# (For 10 it does not.) Up to 40 examples are rows then: 784-500-300-10 trains 1.2 times
# as fast as with columns.
THREADS_FROM, THREADS_BY_ROWS_UP_TO = 2_000_000, 40

# The paces of this process's passes: a later fit goes on with what is known.
_paces: dict[tuple[Any, ...], Pace] = {}

# scipy's `expit` computes element by element; numpy's `tanh` is vectorised but needs
# three more passes. They break even near this many elements (both dtypes).
TANH_FROM = 600


def decision(
    coefs: Layers, intercepts: Layers, X: Any, run_all: RunAll | None = None
) -> Array:
    """Pre-activations ``z^L`` of the output layer, one row for each row of `X`.

    Works in blocks of rows with buffers of its own: memory beside the result does not
    grow with the rows, and many threads may predict with the same parameters. With
    `run_all`, half of the blocks may have another thread.
    """
    dtype = np.result_type(X.dtype, coefs[0].dtype)
    coefs = [coef.astype(dtype, copy=False) for coef in coefs]
    if issparse(X):  # scipy would put them in this order anew for each block
        coefs[0] = np.ascontiguousarray(coefs[0])
    z_L = np.empty((X.shape[0], coefs[-1].shape[1]), dtype=dtype)

    def run(starts: range) -> None:
        with np.errstate(all="ignore"):  # which every thread has its own
            for start in starts:
                rows = slice(start, start + CHUNK_ROWS)
                a = X[rows]
                for coef, intercept in zip(coefs[:-1], intercepts[:-1], strict=True):
                    a = a @ coef
                    a += intercept
                    _sigmoid_for(a.size)(a, a)
                z_L[rows] = a @ coefs[-1]
                z_L[rows] += intercepts[-1]

    starts = range(0, X.shape[0], CHUNK_ROWS)
    half = len(starts) // 2
    if run_all is None or half < 2:
        run(starts)
    else:
        run_all([partial(run, starts[:half]), partial(run, starts[half:])])
    return z_L


def in_turn(functions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call all functions, one after the other; return their results."""
    return [function() for function in functions]


class Machine(NamedTuple):
    """What an engine should know of where it runs.

    `run_all` calls a list of functions and returns their results; where it may call
    them side by side, large batches take less time. Up to `by_rows_up_to` examples, but
    for one, products that have them as rows are faster: with OpenBLAS's Haswell kernels
    it takes 24 µs and not 44 to propagate 10 examples through 784-100, and 52 and not
    67 for 32; but 134 and not 110 for 200 through 784-30.

    With `even_cuts`, BLAS computes large products in pieces that are the same for any
    number of its threads, and may have all of them; without, large batches are cut into
    two shards for `run_all`. Which of the two is better depends on BLAS's kernels only,
    since the bits depend on it.
    """

    run_all: RunAll = in_turn
    by_rows_up_to: int = 40
    even_cuts: bool = False
    threads: BlasThreads = BlasThreads()


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

    # Larger batches come as blocks of so many rows, to `descend_in_chunks`.
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
        self.units = [coefs[0].shape[0], *map(len, intercepts)]
        self.batch_size = batch_size
        self.alpha = alpha
        self.momentum = momentum
        self.nesterov = nesterov and momentum > 0
        self.sparse = sparse
        self.machine = machine
        self.dtype = coefs[0].dtype
        self.n_weights = sum(coef.size for coef in coefs)

        names = ["gemm", "gemv", "axpy", "copy", "dot"]
        self._blas = get_blas_funcs(names, dtype=self.dtype)

        self.theta, self.Wt, self.b = self._flat(coefs, intercepts)
        # Without momentum, a batch that fits in a chunk goes straight into `theta`;
        # any other gathers in `velocity`, which is added to `theta` when it is whole.
        self.velocity = self._velocity_before = None
        self._target, self._target_Wt, self._target_b = self.theta, self.Wt, self.b
        if momentum > 0 or batch_size > CHUNK_ROWS:
            zero = (
                [np.zeros_like(c) for c in coefs],
                [np.zeros_like(b) for b in intercepts],
            )
            self._target, self._target_Wt, self._target_b = self._flat(
                *(velocity or zero)
            )
            self.velocity = self._target
            if self.nesterov:
                self._velocity_before = np.zeros_like(self.velocity)
                _require_in_place(self._blas, [], [self._velocity_before])
        self._passes: dict[int, tuple[Propagate, AddGradient]] = {}

    def _flat(self, coefs: Layers, intercepts: Layers) -> tuple[Array, Layers, Layers]:
        """A flat copy of parameters, and the views of its layers in BLAS's order."""
        flat = np.empty(sum(p.size for p in (*coefs, *intercepts)), dtype=self.dtype)
        Wt, b, end = [], [], 0
        for layer, coef in enumerate(coefs):
            start, end = end, end + coef.size
            # scipy multiplies CSR with C-ordered matrices; any other it would copy.
            order: Literal["C", "F"] = "C" if self.sparse and layer == 0 else "F"
            Wt.append(flat[start:end].reshape(coef.shape, order=order))
            Wt[layer][...] = coef
        for layer, intercept in enumerate(intercepts):
            start, end = end, end + intercept.size
            b.append(flat[start:end])
            b[layer][...] = intercept
        return flat, Wt, b

    def parameters(self) -> tuple[Layers, Layers]:
        """Copies of the parameters as the lists `coefs`, `intercepts`."""
        return _copies(self.Wt), _copies(self.b)

    def velocities(self) -> tuple[Layers, Layers] | None:
        """Copies of the momentum's state in the same form; None without momentum."""
        if self.momentum > 0:
            return _copies(self._target_Wt), _copies(self._target_b)
        return None

    def snapshot(self) -> Snapshot:
        """Copies of all that updates change, for `restore`."""
        return self.theta.copy(), self._target.copy() if self.momentum > 0 else None

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to where `snapshot` was taken."""
        theta, velocity = snapshot
        np.copyto(self.theta, theta)
        if velocity is not None:
            np.copyto(self._target, velocity)

    def descend(self, X: Any, Y: Array, weights: Array | None, eta: float) -> float:
        """One update for each `batch_size` rows of a block; a rest makes a smaller one.

        Returns the sum of the examples' costs, each multiplied by its weight and
        measured with the parameters it was about to update.
        """
        squares = 0.0
        for m, batches in _batches(X, Y, weights, self.batch_size):
            if self.velocity is not None:
                for batch in batches:
                    squares += self._update_with_velocity([batch], m, eta)
                continue
            propagate, add_gradient = self._pass(m)
            rate = -eta / (self.units[-1] * m)
            shrink = 1.0 - eta * self.alpha / m
            for x, y, w in batches:
                squares += propagate(x, y, w)
                add_gradient(x, rate, shrink, 1.0)
        return squares / (2 * self.units[-1])

    def descend_in_chunks(
        self, blocks: Iterable[tuple[Any, Array, Array | None]], m: int, eta: float
    ) -> float:
        """One update for a batch of `m` rows that come as blocks of (X, Y, weights).

        No block has more than `CHUNK_ROWS`. Returns the same sum as `descend`.
        """
        chunks = (
            chunk
            for X, Y, weights in blocks
            for _, whole in _batches(X, Y, weights, len(Y))
            for chunk in whole
        )
        return self._update_with_velocity(chunks, m, eta) / (2 * self.units[-1])

    def update(self, gradient: Array, m: int, eta: float) -> None:
        """One update along the gradients of `m` examples, summed elsewhere.

        `gradient` lies in memory as `theta` does, and lacks the factor ``1/n_L``.
        Only for an engine that has a velocity.
        """
        axpy = self._blas[2]

        def add_gradient(x: Any, rate: float, keep_W: float, keep_b: float) -> None:
            np.multiply(self._target, keep_W, self._target)
            axpy(x, self._target, a=rate)

        # To `_update_with_velocity`, a pass of no examples that adds what it is given.
        self._passes[0] = (lambda x, y, w: 0.0), add_gradient
        no_targets = np.empty((self.units[-1], 0), dtype=self.dtype)
        self._update_with_velocity([(gradient, no_targets, None)], m, eta)

    def _update_with_velocity(
        self, chunks: Iterable[tuple[Any, Array, Array | None]], m: int, eta: float
    ) -> float:
        """``v ← momentum·v − η (gradient + alpha/m·W)`` by chunks; ``θ ← θ + v``."""
        _, _, axpy, copy, _ = self._blas
        rate = -eta / (self.units[-1] * m)
        keep = self.momentum
        squares = 0.0
        if self.nesterov:
            copy(self.velocity, self._velocity_before)
        for x, y, w in chunks:
            propagate, add_gradient = self._pass(y.shape[1])
            squares += propagate(x, y, w)
            add_gradient(x, rate, keep, keep)
            keep = 1.0
        if self.alpha:
            axpy(self.theta, self.velocity, self.n_weights, -eta * self.alpha / m)
        if self.nesterov:
            # θ + momentum·v − η·gradient, the latter being v − momentum·v_before.
            axpy(self.velocity, self.theta, a=1.0 + self.momentum)
            axpy(self._velocity_before, self.theta, a=-self.momentum)
        else:
            axpy(self.velocity, self.theta)
        return squares

    def _pass(self, m: int) -> tuple[Propagate, AddGradient]:
        """The two halves of an update for `m` examples, with buffers of their own.

        ``propagate(x, y, w)`` goes forward and back and returns ``Σ w (a − y)²``.
        ``add_gradient(x, rate, keep_W, keep_b)`` multiplies the target's weights and
        biases by the latter two and adds `rate` times the sum of the gradients.
        Both leave out the factor ``1/n_L``: it belongs in `rate`.
        """
        if m not in self._passes:
            large = m >= SHARD_FROM_ROWS and m * self.n_weights >= SHARD_FROM
            if self._has_even_cuts(m):
                self._passes[m] = self._paced(m, *self._make_pass(m))
            elif large and not self.sparse:
                self._passes[m] = self._make_shards(m)
            else:
                self._passes[m] = self._make_pass(m)
        return self._passes[m]

    def _has_even_cuts(self, m: int) -> bool:
        """Whether the large products of this pass are cut, and may have all threads."""
        largest = m * max(Wt.size for Wt in self.Wt[self.sparse :] or [np.empty(0)])
        return (
            self.machine.even_cuts
            and m > 1
            and largest >= THREADS_FROM
            and has_large_products(self.dtype)
        )

    def _paced(
        self, m: int, propagate: Propagate, add_gradient: AddGradient
    ) -> tuple[Propagate, AddGradient]:
        """The same pass with as many threads as its pace says."""
        threads = self.machine.threads
        if threads.number < 2:
            return propagate, add_gradient
        key = (*self.units, m, self.dtype, self.sparse, threads.number)
        pace = _paces.setdefault(key, Pace(threads))
        if pace.may_have_all is False:
            return propagate, add_gradient

        def paced_propagate(x: Any, y: Array, w: Array | None) -> float:
            pace.begin()
            return propagate(x, y, w)

        def paced_add_gradient(
            x: Any, rate: float, keep_W: float, keep_b: float
        ) -> None:
            add_gradient(x, rate, keep_W, keep_b)
            pace.end()
            # Not at once: it takes as long as some passes, and there may be few.
            if pace.may_have_all is None and pace.has_means:
                pace.may_have_all = self._is_the_same_with_all_threads(m)

        return paced_propagate, paced_add_gradient

    def _is_the_same_with_all_threads(self, m: int) -> bool | None:
        """Try: the gradients of random examples in a random network of this shape.

        None where that cannot be tried, since BLAS does not have all threads now.
        """
        threads = self.machine.threads
        threads.give_all()
        if not threads.has_all():
            return None
        rng = np.random.default_rng(0)

        def drawn(*shape: int) -> Array:
            return rng.standard_normal(shape, dtype=self.dtype.type)

        coefs = [drawn(*Wt.shape) for Wt in self.Wt]
        for coef in coefs:
            coef /= np.sqrt(len(coef))
        x, y = drawn(m, self.units[0]), drawn(self.units[-1], m)
        results = []
        for give in (threads.give_one, threads.give_all):
            engine = Engine(
                coefs,
                [np.zeros_like(b) for b in self.b],
                batch_size=m,
                sparse=self.sparse,
                machine=self.machine,
            )
            propagate, add_gradient = engine._make_pass(m)
            rows = csr_matrix(x) if self.sparse else x.T
            give()
            squares = propagate(rows, y, None)
            add_gradient(rows, 1.0, 0.0, 0.0)
            results.append((squares, engine._target))
        had_all = threads.has_all()
        threads.give_one()
        if not had_all:
            return None
        (squares_one, one), (squares_all, every) = results
        return bool(squares_one == squares_all and np.array_equal(one, every))

    def _make_pass(self, m: int) -> tuple[Propagate, AddGradient]:
        # Closures, because a local name is the cheapest look-up there is and an update
        # of a small network is no more than a dozen calls.
        gemm, gemv, axpy, copy, dot = self._blas
        multiply, subtract = np.multiply, np.subtract
        sparse, single, even_cuts = self.sparse, m == 1, self._has_even_cuts(m)
        large = SMALL_PRODUCT if even_cuts else np.inf
        rows_up_to = THREADS_BY_ROWS_UP_TO if even_cuts else self.machine.by_rows_up_to
        by_rows = 1 < m <= rows_up_to
        ones = np.ones(m, dtype=self.dtype)
        biases = self.theta[self.n_weights :]
        target_biases = self._target[self.n_weights :]

        # One flat buffer for each of a, σ' and δ holds all layers one after the other:
        # σ' of the whole network is two calls, and so are all biases at m = 1.
        a_all, a = self._layers(m, by_rows)
        s_all, s = self._layers(m, by_rows)
        d_all, d = self._layers(m, by_rows)
        a_L, d_L, s_L = a[-1], d[-1], s[-1]
        d_L_pieces = _pieces(d_all[len(d_all) - d_L.size :], ONE_THREAD_UP_TO)
        sigmoids = [_sigmoid_for(a_l.size) for a_l in a]
        # a is z until σ is written over it.
        Wt_1, z_1, sigmoid_1 = self.Wt[0], a[0], sigmoids[0]
        forward: list[tuple[Any, ...]] = []
        backward: list[tuple[Any, ...]] = []
        gradients: list[tuple[Array, Array, Array]] = []
        large_gradients: list[LargeProduct] = []
        for layer in range(1, len(a)):
            Wt, d_l, d_next = self.Wt[layer], d[layer - 1], d[layer]
            a_before, z = a[layer - 1], a[layer]
            product: tuple[Any, tuple[Any, ...]]
            product_back: tuple[Any, tuple[Any, ...]]
            if single:
                product = gemv, (1.0, Wt, a_before, 1.0, z[:, 0], 0, 1, 0, 1, 1, 1)
                product_back = gemv, (1.0, Wt, d_next, 0.0, d_l[:, 0], 0, 1, 0, 1, 0, 1)
            elif Wt.size * m > large:
                pair = (a_before, Wt) if by_rows else (Wt, a_before)
                product = LargeProduct(*pair, z, not by_rows, False), (1.0, 1.0)
                pair = (d_next, Wt) if by_rows else (Wt, d_next)
                product_back = LargeProduct(*pair, d_l, False, by_rows), (1.0, 0.0)
            elif by_rows:
                product = gemm, (1.0, a_before, Wt, 1.0, z, 0, 0, 1)
                product_back = gemm, (1.0, d_next, Wt, 0.0, d_l, 0, 1, 1)
            else:
                product = gemm, (1.0, Wt, a_before, 1.0, z, 1, 0, 1)
                product_back = gemm, (1.0, Wt, d_next, 0.0, d_l, 0, 0, 1)
            forward.append((*product, z, sigmoids[layer]))
            backward.insert(0, (*product_back, d_l, s[layer - 1]))
            factors = a_before, d_next, self._target_Wt[layer]
            if Wt.size * m > large:
                large_gradients.append(LargeProduct(*factors, by_rows, not by_rows))
            else:
                gradients.append(factors)
        target_Wt_1, d_1 = self._target_Wt[0], d[0]
        layer_biases = [
            (z if by_rows else z.T, b) for z, b in zip(a, self.b, strict=True)
        ]
        # What the products transpose where the examples are rows, or columns.
        turn_a, turn_d, turn_d_b = (1, 0, 1) if by_rows else (0, 1, 0)
        bias_gradients = [
            piece
            for d_l, target in zip(d, self._target_b, strict=True)
            for piece in _bias_pieces(d_l, ones, target, by_rows)
        ]
        product_1 = gradient_1 = None
        if Wt_1.size * m > large and not sparse:
            shape = self.units[0], m
            if by_rows:
                product_1 = LargeProduct(shape, Wt_1, z_1, True, False)
            else:
                product_1 = LargeProduct(Wt_1, shape, z_1, True, False)
            gradient_1 = LargeProduct(shape, d_1, target_Wt_1, False, bool(turn_d))
        _require_in_place(
            self._blas,
            matrices=[*a, *d, *self._target_Wt[sparse:]],
            vectors=[*self._target_b, target_biases, a_all, self.theta, self._target],
        )

        def propagate(x: Any, y: Array, w: Array | None) -> float:
            if single:
                copy(biases, a_all)
            else:
                for z_rows, b in layer_biases:
                    z_rows[...] = b
            if sparse:
                (z_1 if by_rows else z_1.T)[...] += x @ Wt_1
            elif single:
                gemv(1.0, Wt_1, x, 1.0, a_all, 0, 1, 0, 1, 1, 1)
            elif product_1:
                product_1(1.0, 1.0, x)
            elif by_rows:
                gemm(1.0, x, Wt_1, 1.0, z_1, 1, 0, 1)
            else:
                gemm(1.0, Wt_1, x, 1.0, z_1, 1, 0, 1)
            sigmoid_1(z_1, z_1)
            for multiplied, arguments, z, sigmoid in forward:
                multiplied(*arguments)
                sigmoid(z, z)

            subtract(a_L, y.T if by_rows else y, d_L)
            if w is None:
                squares = 0.0
                for piece in d_L_pieces:
                    squares += dot(piece, piece)
            else:
                if by_rows:
                    w = w[:, np.newaxis]
                squares = float((d_L * d_L * w).sum())
                multiply(d_L, w, d_L)
            # σ' = a (1 − a), of all layers at once
            multiply(a_all, a_all, s_all)
            subtract(a_all, s_all, s_all)
            multiply(d_L, s_L, d_L)
            for multiplied, arguments, d_l, s_l in backward:
                multiplied(*arguments)
                multiply(d_l, s_l, d_l)
            return squares

        def add_gradient(x: Any, rate: float, keep_W: float, keep_b: float) -> None:
            if sparse:
                delta_rows = d_1 if by_rows else d_1.T
                _add_sparse_gradient(x, delta_rows, rate, keep_W, target_Wt_1)
            elif gradient_1:
                gradient_1(rate, keep_W, x)
            else:
                gemm(rate, x, d_1, keep_W, target_Wt_1, 0, turn_d, 1)
            for a_before, d_l, target in gradients:
                gemm(rate, a_before, d_l, keep_W, target, turn_a, turn_d, 1)
            for large_gradient in large_gradients:
                large_gradient(rate, keep_W)
            if single and keep_b == 1.0:
                axpy(d_all, target_biases, d_all.size, rate)
            else:
                for d_l, some_ones, target, is_first in bias_gradients:
                    keep = keep_b if is_first else 1.0
                    gemv(rate, d_l, some_ones, keep, target, 0, 1, 0, 1, turn_d_b, 1)

        return propagate, add_gradient

    def _make_shards(self, m: int) -> tuple[Propagate, AddGradient]:
        """The same for a large batch, each half of which may have its own thread.

        The halves are the same whether they have or not, and so are the bits.
        """
        _, _, axpy, _, _ = self._blas
        half = (m + 1) // 2
        first, second = _Shard(self, half), _Shard(self, m - half)
        target, target_b = self._target, self._target[self.n_weights :]
        target_W = self._target[: self.n_weights]
        _require_in_place(self._blas, [], [target])

        def propagate(x: Any, y: Array, w: Array | None) -> float:
            rows, targets = x.T, y.T
            squares = self.machine.run_all(
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
            if keep_W != 1.0:
                np.multiply(target_W, keep_W, target_W)
            if keep_b != 1.0:
                np.multiply(target_b, keep_b, target_b)
            axpy(first.gradient, target, a=rate)
            axpy(second.gradient, target, a=rate)

        return propagate, add_gradient

    def _layers(self, m: int, by_rows: bool) -> tuple[Array, Layers]:
        """A flat buffer for every neuron and example, and its layers.

        They have a column for each example, ``(n_l, m)``, or `by_rows` a row.
        """
        sizes = [n_l * m for n_l in self.units[1:]]
        flat = np.zeros(sum(sizes), dtype=self.dtype)
        layers = np.split(flat, np.cumsum(sizes)[:-1])
        shape = (m, -1) if by_rows else (-1, m)
        return flat, [layer.reshape(shape, order="F") for layer in layers]


class _Shard:
    """Some rows of a batch: their gradient, by calls that let other threads compute.

    Unlike scipy's BLAS, numpy's products release the interpreter's lock. They cannot
    add to the weights in place, which costs passes over the gradient for each batch.
    """

    def __init__(self, engine: Engine, m: int) -> None:
        self.Wt, self.b = engine.Wt, engine.b
        zeros = ([np.zeros_like(p) for p in layers] for layers in (self.Wt, self.b))
        self.gradient, self.grad_Wt, self.grad_b = engine._flat(*zeros)
        flat = [engine._layers(m, by_rows=False) for _ in range(3)]
        self.a_all, self.s_all = flat[0][0], flat[1][0]
        # Rows are examples here.
        self.a, self.s, self.d = ([layer.T for layer in layers] for _, layers in flat)
        self.sigmoids = [_sigmoid_for(a_l.size) for a_l in self.a]

    def run(self, x: Array, y: Array, w: Array | None) -> float:
        """Set `gradient` to the sum over the rows; return ``Σ w (a − y)²``."""
        a, s, d = self.a, self.s, self.d
        with np.errstate(all="ignore"):  # which every thread has its own
            a_before = x
            for Wt, b, a_l, sigmoid in zip(
                self.Wt, self.b, a, self.sigmoids, strict=True
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
                np.matmul(d[layer], self.Wt[layer].T, d[layer - 1])
                np.multiply(d[layer - 1], s[layer - 1], d[layer - 1])
            for a_l, d_l, grad_Wt, grad_b in zip(
                [x, *a[:-1]], d, self.grad_Wt, self.grad_b, strict=True
            ):
                np.matmul(a_l.T, d_l, grad_Wt)
                np.add.reduce(d_l, axis=0, out=grad_b)
        return squares


def _pieces(vector: Array, most: int) -> list[Array]:
    """A vector in pieces of at most so many elements."""
    return [vector[i : i + most] for i in range(0, len(vector), most)]


def _bias_pieces(
    d_l: Array, ones: Array, target: Array, by_rows: bool
) -> Iterator[tuple[Array, Array, Array, bool]]:
    """The sum of errors over examples in pieces that BLAS has no threads for.

    As (errors, ones, target, whether it is the target's first).
    """
    most = max(1, ONE_THREAD_UP_TO // len(d_l))
    for i in range(0, d_l.shape[1], most):
        piece = slice(i, i + most)
        if by_rows:  # columns are neurons
            yield d_l[:, piece], ones, target[piece], True
        else:
            yield d_l[:, piece], ones[piece], target, i == 0


def _copies(views: Layers) -> Layers:
    return [view.copy(order="K") for view in views]


def _sigmoid_by_tanh(z: Array, out: Array) -> None:
    """σ(z) = ½ tanh(z/2) + ½, with the signature of `expit`."""
    np.multiply(z, 0.5, out)
    np.tanh(out, out)
    np.multiply(out, 0.5, out)
    np.add(out, 0.5, out)


def _sigmoid_for(size: int) -> Callable[[Array, Array], Any]:
    """The cheaper way to compute σ of so many elements."""
    return expit if size < TANH_FROM else _sigmoid_by_tanh


def _batches(
    X: Any, Y: Array, weights: Array | None, batch_size: int
) -> Iterator[tuple[int, Iterator[tuple[Any, Array, Array | None]]]]:
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


def _add_sparse_gradient(
    x: Any, delta_rows: Array, rate: float, keep: float, Wt: Array
) -> None:
    """``Wt ← keep·Wt + rate·xᵀ δ``; only the features that `x` has are added to."""
    features, position = np.unique(x.indices, return_inverse=True)
    shape = (x.shape[0], len(features))
    compact = csr_matrix((x.data, position, x.indptr), shape=shape)
    if keep != 1.0:
        Wt *= keep
    Wt[features] += rate * (compact.T @ delta_rows)


def _require_in_place(blas: list[Any], matrices: Layers, vectors: Layers) -> None:
    """Raise RuntimeError for an array that a fused call would copy, not update."""
    gemm, gemv, axpy, copy, _ = blas
    for c in matrices:
        column, row = np.zeros((len(c), 1), c.dtype), np.zeros((1, c.shape[1]), c.dtype)
        if gemm(0.0, column, row, 1.0, c, 0, 0, 1) is not c:
            raise RuntimeError(f"gemm does not update {c.shape} {c.dtype} in place")
    for y in vectors:
        one = np.zeros(1, y.dtype)
        updates = (
            gemv(0.0, y[:, np.newaxis], one, 1.0, y, 0, 1, 0, 1, 0, 1),
            axpy(y, y, len(y), 0.0),
            copy(y, y),
        )
        if any(update is not y for update in updates):
            raise RuntimeError(f"BLAS does not update {y.shape} {y.dtype} in place")
