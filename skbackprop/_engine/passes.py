"""One small batch through the network and back: its errors, then its gradient.

``gemm(rate, a, delta, keep, Wt, trans_a=1)`` is ``Wt ← keep·Wt + rate·aᵀ δ``: it adds
the averaged outer products (section 6, Gradients) straight into the weights, so no
gradient is stored.

Examples are rows here, in Fortran order. Up to about 40 rows BLAS multiplies them
faster than columns (784-100, 32 rows: 28 against 40 µs), beyond that equally fast.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from .blas import blas, require_in_place
from .buffers import Buffers
from .loss import output_errors
from .parameters import Layers, Parameters
from .sigmoid import Sigmoid

Array = NDArray[Any]
# Takes (x, y, weights) forward and back; returns Σ w (a − y)².
Propagate = Callable[[Any, Array, Array | None], float]
# Takes (x, rate, keep_W, keep_b): multiplies the target's weights by keep_W and its
# biases by keep_b, then adds `rate` times the sum of the gradients.
AddGradient = Callable[[Any, float, float, float], None]
Pass = tuple[Propagate, AddGradient]
# For the first layer: add x Wᵀ to z, and xᵀ δ to the weights.
AddProduct = Callable[[Any], object]
AddOuter = Callable[[Any, float, float], object]
# For the other layers, see `later_layers`.
ForwardStep = tuple[Array, Array, Array, Sigmoid]
BackwardStep = tuple[Array, Array, Array, Array]


def make_pass(theta: Parameters, target: Parameters, m: int) -> Pass:
    """The two halves of an update for `m` examples, with their own buffers.

    Both leave out the factor ``1/n_L`` of the cost: it belongs in `rate`. `x` has the
    examples as columns, as BLAS needs, or as rows of CSR; `y` has them as rows.

    Parameters
    ----------
    theta, target : Parameters
        The network, and what is updated: the network itself, or a velocity.
    m : int
    """
    make = one_example if m == 1 else several_examples
    return make(theta, target, Buffers(theta, m))


# The functions below return closures, because local names are the cheapest to look up,
# and an update of a small network is only a dozen calls.


def one_example(theta: Parameters, target: Parameters, buffers: Buffers) -> Pass:
    """Stochastic descent: matrix times vector, and all biases in one call."""
    gemm, gemv, axpy, copy, _ = blas(theta.dtype.char)
    multiply, set_output_errors = np.multiply, output_errors(buffers)
    a_all, delta_all = buffers.a_all, buffers.delta_all
    biases, target_biases = theta.biases, target.biases
    a, slope, delta = (
        [layer[0] for layer in layers]
        for layers in (buffers.a, buffers.slope, buffers.delta)
    )
    # a holds z until σ(z) overwrites it.
    z_1, sigmoid_1 = a[0], buffers.sigmoids[0]
    forward, backward = later_layers(theta, a, slope, delta, buffers.sigmoids)
    gradients = list(zip(buffers.a[:-1], buffers.delta[1:], target.Wt[1:], strict=True))
    add_product, add_outer = first_layer(theta, target, buffers)
    require_in_place(
        target.Wt[theta.sparse :], [a_all, *a, *delta, target_biases, target.vector]
    )

    def propagate(x: Any, y: Array, w: Array | None) -> float:
        copy(biases, a_all)
        add_product(x)
        sigmoid_1(z_1, z_1)
        for Wt, a_before, z, sigmoid in forward:
            gemv(1.0, Wt, a_before, 1.0, z, 0, 1, 0, 1, 1, 1)
            sigmoid(z, z)
        squares = set_output_errors(y, w)
        for Wt, d_next, d, s in backward:
            gemv(1.0, Wt, d_next, 0.0, d, 0, 1, 0, 1, 0, 1)
            multiply(d, s, d)
        return squares

    def add_gradient(x: Any, rate: float, keep_W: float, keep_b: float) -> None:
        add_outer(x, rate, keep_W)
        for a_before, d, Wt in gradients:
            gemm(rate, a_before, d, keep_W, Wt, 1, 0, 1)
        if keep_b != 1.0:
            multiply(target_biases, keep_b, target_biases)
        axpy(delta_all, target_biases, delta_all.size, rate)

    return propagate, add_gradient


def several_examples(theta: Parameters, target: Parameters, buffers: Buffers) -> Pass:
    """Mini-batch descent: matrix times matrix."""
    gemm, gemv, *_ = blas(theta.dtype.char)
    multiply, set_output_errors = np.multiply, output_errors(buffers)
    a, slope, delta = buffers.a, buffers.slope, buffers.delta
    z_1, sigmoid_1 = a[0], buffers.sigmoids[0]
    forward, backward = later_layers(theta, a, slope, delta, buffers.sigmoids)
    gradients = list(zip(a[:-1], delta[1:], target.Wt[1:], strict=True))
    biases = list(zip(a, theta.b, strict=True))
    bias_gradients = list(zip(delta, target.b, strict=True))
    ones = np.ones(len(z_1), dtype=theta.dtype)
    add_product, add_outer = first_layer(theta, target, buffers)
    require_in_place([*a, *delta, *target.Wt[theta.sparse :]], [*target.b])

    def propagate(x: Any, y: Array, w: Array | None) -> float:
        for z, b in biases:
            z[...] = b
        add_product(x)
        sigmoid_1(z_1, z_1)
        for Wt, a_before, z, sigmoid in forward:
            gemm(1.0, a_before, Wt, 1.0, z, 0, 0, 1)
            sigmoid(z, z)
        squares = set_output_errors(y, w)
        for Wt, d_next, d, s in backward:
            gemm(1.0, d_next, Wt, 0.0, d, 0, 1, 1)
            multiply(d, s, d)
        return squares

    def add_gradient(x: Any, rate: float, keep_W: float, keep_b: float) -> None:
        add_outer(x, rate, keep_W)
        for a_before, d, Wt in gradients:
            gemm(rate, a_before, d, keep_W, Wt, 1, 0, 1)
        for d, b in bias_gradients:
            gemv(rate, d, ones, keep_b, b, 0, 1, 0, 1, 1, 1)

    return propagate, add_gradient


def later_layers(
    theta: Parameters, a: Layers, slope: Layers, delta: Layers, sigmoids: list[Sigmoid]
) -> tuple[list[ForwardStep], list[BackwardStep]]:
    """The arrays of each layer after the first, for the forward and the backward pass.

    Forward: (Wᵀ, previous a, z, σ) from the second layer to the last. Backward: (Wᵀ,
    next δ, δ, σ') from the last layer to the second.
    """
    forward = list(zip(theta.Wt[1:], a[:-1], a[1:], sigmoids[1:], strict=True))
    backward = list(zip(theta.Wt[1:], delta[1:], delta[:-1], slope[:-1], strict=True))
    return forward, backward[::-1]


def first_layer(
    theta: Parameters, target: Parameters, buffers: Buffers
) -> tuple[AddProduct, AddOuter]:
    """``z ← z + x Wᵀ`` and ``Wᵀ ← keep·Wᵀ + rate·xᵀ δ`` for dense or sparse inputs."""
    gemm, gemv, *_ = blas(theta.dtype.char)
    Wt, target_Wt, z, delta = theta.Wt[0], target.Wt[0], buffers.a[0], buffers.delta[0]
    # An outer product with delta as a column takes 3.8 µs (784-100), as a row 7.0.
    z_vector, delta_column = z[0], delta.T

    def add_vector(x: Any) -> None:
        gemv(1.0, Wt, x, 1.0, z_vector, 0, 1, 0, 1, 1, 1)

    def add_matrix(x: Any) -> None:
        gemm(1.0, x, Wt, 1.0, z, 1, 0, 1)

    def add_outer_of_vectors(x: Any, rate: float, keep: float) -> None:
        gemm(rate, x, delta_column, keep, target_Wt, 0, 1, 1)

    def add_outer_of_matrices(x: Any, rate: float, keep: float) -> None:
        gemm(rate, x, delta, keep, target_Wt, 0, 0, 1)

    def add_sparse(x: Any) -> None:
        z[...] += x @ Wt

    def add_sparse_outer(x: Any, rate: float, keep: float) -> None:
        if keep != 1.0:
            np.multiply(target_Wt, keep, target_Wt)
        add_outer_of_csr(x, delta, rate, target_Wt)

    if theta.sparse:
        return add_sparse, add_sparse_outer
    if len(z) == 1:
        return add_vector, add_outer_of_vectors
    return add_matrix, add_outer_of_matrices


def add_outer_of_csr(x: Any, delta: Array, rate: float, Wt: Array) -> None:
    """``Wᵀ ← Wᵀ + rate·xᵀ δ``, only for the features that `x` has."""
    features, position = np.unique(x.indices, return_inverse=True)
    shape = (x.shape[0], len(features))
    compact = csr_matrix((x.data, position, x.indptr), shape=shape)
    Wt[features] += rate * (compact.T @ delta)
