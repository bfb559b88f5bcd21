"""One batch through the network and back: its errors, and its gradient.

- ``gemm(rate, a, delta, keep, Wt, trans_b=1)`` is ``Wt ← keep·Wt + rate·a δᵀ``: it adds
  the averaged outer products straight into the weights, no gradient is stored. It does
  so in place only for the right memory order and dtype and would update a copy in
  silence otherwise, so every array that is written this way is tried once.
- The rows of a C-ordered block are the columns of its Fortran-ordered transpose:
  examples become the derivation's column vectors without a copy.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import get_blas_funcs
from scipy.sparse import csr_matrix

from .blas import LargeProduct
from .parameters import Flat
from .sigmoid import sigmoid_for

Array = NDArray[Any]
Layers = list[Array]
Propagate = Callable[[Any, Array, Array | None], float]
AddGradient = Callable[[Any, float, float, float], None]
Pass = tuple[Propagate, AddGradient]

# Vectors and matrices of so many elements, or fewer, BLAS reads on one thread anyway;
# products of so many multiplications, or fewer, it computes on one.
ONE_THREAD_UP_TO = 9000
SMALL_PRODUCT = 262_144


@cache
def blas(char: str) -> list[Any]:
    """BLAS's gemm, gemv, axpy, copy and dot for a dtype's character."""
    names = ["gemm", "gemv", "axpy", "copy", "dot"]
    found: list[Any] = get_blas_funcs(names, dtype=np.dtype(char))
    return found


def make_pass(
    theta: Flat, target: Flat, m: int, *, sparse: bool, by_rows: bool, cut: bool
) -> Pass:
    """The two halves of an update for `m` examples, with buffers of their own.

    ``propagate(x, y, w)`` goes forward and back with the parameters `theta` and returns
    ``Σ w (a − y)²``. ``add_gradient(x, rate, keep_W, keep_b)`` multiplies the target's
    weights and biases by the latter two and adds `rate` times the sum of the gradients.
    Both leave out the factor ``1/n_L``: it belongs in `rate`.

    Parameters
    ----------
    theta, target : Flat
        The parameters, and what is updated: those themselves, or a velocity.
    m : int
    sparse : bool
        Whether `x` has the examples as rows of CSR; else it has them as columns.
    by_rows : bool
        Whether the products have the examples as rows, not columns.
    cut : bool
        Whether large products are computed in pieces, see `LargeProduct`.
    """
    # Closures, because a local name is the cheapest look-up there is and an update
    # of a small network is no more than a dozen calls.
    gemm, gemv, axpy, copy, dot = blas(theta.dtype.char)
    multiply, subtract = np.multiply, np.subtract
    single = m == 1
    large = SMALL_PRODUCT if cut else np.inf
    ones = np.ones(m, dtype=theta.dtype)
    biases, target_biases = theta.biases, target.biases

    # One flat buffer for each of a, σ' and δ holds all layers one after the other:
    # σ' of the whole network is two calls, and so are all biases at m = 1.
    a_all, a = layers(theta, m, by_rows)
    s_all, s = layers(theta, m, by_rows)
    d_all, d = layers(theta, m, by_rows)
    a_L, d_L, s_L = a[-1], d[-1], s[-1]
    d_L_pieces = _pieces(d_all[len(d_all) - d_L.size :], ONE_THREAD_UP_TO)
    sigmoids = [sigmoid_for(a_l.size) for a_l in a]
    # a is z until σ is written over it.
    Wt_1, z_1, sigmoid_1 = theta.Wt[0], a[0], sigmoids[0]
    forward: list[tuple[Any, ...]] = []
    backward: list[tuple[Any, ...]] = []
    gradients: list[tuple[Array, Array, Array]] = []
    large_gradients: list[LargeProduct] = []
    for layer in range(1, len(a)):
        Wt, d_l, d_next = theta.Wt[layer], d[layer - 1], d[layer]
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
        factors = a_before, d_next, target.Wt[layer]
        if Wt.size * m > large:
            large_gradients.append(LargeProduct(*factors, by_rows, not by_rows))
        else:
            gradients.append(factors)
    target_Wt_1, d_1 = target.Wt[0], d[0]
    layer_biases = [(z if by_rows else z.T, b) for z, b in zip(a, theta.b, strict=True)]
    # What the products transpose where the examples are rows, or columns.
    turn_a, turn_d, turn_d_b = (1, 0, 1) if by_rows else (0, 1, 0)
    bias_gradients = [
        piece
        for d_l, target_b in zip(d, target.b, strict=True)
        for piece in _bias_pieces(d_l, ones, target_b, by_rows)
    ]
    product_1 = gradient_1 = None
    if Wt_1.size * m > large and not sparse:
        shape = theta.units[0], m
        if by_rows:
            product_1 = LargeProduct(shape, Wt_1, z_1, True, False)
        else:
            product_1 = LargeProduct(Wt_1, shape, z_1, True, False)
        gradient_1 = LargeProduct(shape, d_1, target_Wt_1, False, bool(turn_d))
    require_in_place(
        matrices=[*a, *d, *target.Wt[sparse:]],
        vectors=[*target.b, target_biases, a_all, theta.vector, target.vector],
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
        for a_before, d_l, target_Wt in gradients:
            gemm(rate, a_before, d_l, keep_W, target_Wt, turn_a, turn_d, 1)
        for large_gradient in large_gradients:
            large_gradient(rate, keep_W)
        if single and keep_b == 1.0:
            axpy(d_all, target_biases, d_all.size, rate)
        else:
            for d_l, some_ones, target_b, is_first in bias_gradients:
                keep = keep_b if is_first else 1.0
                gemv(rate, d_l, some_ones, keep, target_b, 0, 1, 0, 1, turn_d_b, 1)

    return propagate, add_gradient


def add_sum(
    target: Flat, gradient: Array, rate: float, keep_W: float, keep_b: float
) -> None:
    """What `add_gradient` does, for gradients that were summed before."""
    if keep_W != 1.0:
        target.vector[: target.n_weights] *= keep_W
    if keep_b != 1.0:
        target.vector[target.n_weights :] *= keep_b
    blas(target.dtype.char)[2](gradient, target.vector, a=rate)


def layers(theta: Flat, m: int, by_rows: bool) -> tuple[Array, Layers]:
    """A flat buffer for every neuron and example, and its layers.

    They have a column for each example, ``(n_l, m)``, or `by_rows` a row.
    """
    sizes = [n_l * m for n_l in theta.units[1:]]
    flat = np.zeros(sum(sizes), dtype=theta.dtype)
    parts = np.split(flat, np.cumsum(sizes)[:-1])
    shape = (m, -1) if by_rows else (-1, m)
    return flat, [layer.reshape(shape, order="F") for layer in parts]


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


def require_in_place(matrices: Layers, vectors: Layers) -> None:
    """Raise RuntimeError for an array that a fused call would copy, not update."""
    gemm, gemv, axpy, copy, _ = blas(vectors[0].dtype.char)
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
