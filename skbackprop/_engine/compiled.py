"""Loops that numba compiles, for small batches: one call trains on a block of examples.

In numpy, an update of a small network is a dozen calls that cost more than their
arithmetic. Here it is loops over the memory of `Parameters`, in the letters of
`skbackprop._equations`, and gradients are added straight into the weights.

Everything is in this file, because numba looks only at the file of a function to see
whether its cache on disk is still valid. Importing it imports numba and compiles
nothing.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from .lanes import Block
from .memory import aligned_empty
from .parameters import Parameters

Array = NDArray[Any]
# The most rows times parameters in one call, because Ctrl-C waits for its end: 0.1 s
# for 784-3000-3000-10 with momentum in float64. The σ of a neuron counts as much as
# WORK_PER_NEURON parameters.
WORK, WORK_PER_NEURON = 2**25, 64
# The activations of a layer are padded to a multiple of this, because the loop of σ
# takes 100 ns for 30 numbers one by one, but 25 ns for 32 numbers as vectors.
PADDED_TO = 32

# The compiler may fuse a multiplication and an addition into one rounding. It must not
# assume that numbers are finite.
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
compiled = njit(**OPTIONS)
# The compiler may also reorder sums to use the processor's vectors.
compiled_sum = njit(**OPTIONS | {"fastmath": {"contract", "reassoc", "nsz"}})


def cached(function: Any) -> Any:
    """Like `compiled`, and cached on disk if there is a folder to write to."""
    try:
        return njit(cache=True, **OPTIONS)(function)
    except RuntimeError:
        return compiled(function)


# --- σ ---------------------------------------------------------------------------

# Beyond these limits, σ is 1 or 0: e^{−708} adds nothing to 1, and e^{710} is infinite.
# Between them, 2^k is a normal number or infinite.
LEAST, MOST = np.float64(-708), np.float64(710)
LOG2_E = math.log2(math.e)
# ln 2 in two parts. The first ends in zero bits, so that its product with k is exact.
LN_2_HIGH, LN_2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
# 1.5 · 2⁵²: adding it rounds a small number to an integer, which is in the sum's last
# bits.
ROUND = 6755399441055744.0
# Coefficients of e^r = Σ r^i / i!, the last one first. The omitted terms are below
# 1e-17.
TAYLOR = tuple(1 / math.factorial(i) for i in reversed(range(17)))


@intrinsic
def _bits(context: Any, number: Any) -> Any:
    """The bits of a float64 as an integer, for which numba has no scalar function."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def _number(context: Any, bits: Any) -> Any:
    """The float64 of these bits."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.DoubleType())

    return types.float64(types.int64), generate


@compiled
def sigmoid(z):
    """``σ(z) = 1 / (1 + e^{−z})``, computed in float64 for float32 too.

    With ``−z = k·ln 2 + r``, where `k` is an integer and `r` is between 0 and ln 2 (up
    to rounding), ``e^{−z} = 2^k · e^r``. There is no branch and no call, so a loop over
    this becomes vector code. All terms are positive, so for a fixed `k` every step is
    monotone, and so is σ. (The tests check the points where `k` changes.)
    """
    x = -np.float64(z)
    # These comparisons are false for NaN, so NaN stays visible.
    x = MOST if x > MOST else x
    x = LEAST if x < LEAST else x
    rounded = (x * LOG2_E - 0.5) + ROUND
    k = rounded - ROUND
    r = (x - k * LN_2_HIGH) - k * LN_2_LOW
    e_r = 0.0
    for coefficient in TAYLOR:
        e_r = e_r * r + coefficient
    # k is shifted to the exponent bits of a float.
    power_of_2 = _number((_bits(rounded) + 1023) << 52)
    return 1.0 / (1.0 + e_r * power_of_2)


# --- One layer -------------------------------------------------------------------
# A layer, counted from 0, has n_in = shape[layer, 0] inputs and n_out = shape[layer, 1]
# neurons. Its weights begin at shape[layer, 2] of theta, in the order of the rows of W
# (the columns of `coefs_`); its biases begin at shape[layer, 3]. Example k of the batch
# has its activations in a[layer, k], its errors in delta[layer, k], and the inputs of
# the layer in A[at, row + k]: a row of the block, or the previous layer's activations.
#
# Four examples at a time share one pass over the weights; the rest of a batch goes one
# by one. Arrays are sliced where they are used, because numba counts references to a
# slice that is passed to a function, which takes longer than a row of weights.


@compiled
def activate(a, layer, m, n_out):
    """``a^l = σ(z^l)``, in place."""
    for k in range(m):
        z = a[layer, k]
        for j in range((n_out + PADDED_TO - 1) // PADDED_TO * PADDED_TO):
            z[j] = sigmoid(z[j])


@compiled_sum
def forward(theta, shape, layer, A, at, row, m, a):
    """``z^l = W^l a^{l−1} + b^l``, into `a`."""
    n_in, n_out = shape[layer, 0], shape[layer, 1]
    W, b = theta[shape[layer, 2] :], theta[shape[layer, 3] :]
    for k in range(0, m - 3, 4):
        x0, x1 = A[at, row + k], A[at, row + k + 1]
        x2, x3 = A[at, row + k + 2], A[at, row + k + 3]
        z0, z1, z2, z3 = a[layer, k], a[layer, k + 1], a[layer, k + 2], a[layer, k + 3]
        for j in range(n_out):
            w = W[j * n_in : (j + 1) * n_in]
            s0 = s1 = s2 = s3 = b[j]
            for i in range(n_in):
                s0 += w[i] * x0[i]
                s1 += w[i] * x1[i]
                s2 += w[i] * x2[i]
                s3 += w[i] * x3[i]
            z0[j], z1[j], z2[j], z3[j] = s0, s1, s2, s3
    for k in range(m - m % 4, m):
        x, z = A[at, row + k], a[layer, k]
        for j in range(n_out):
            w = W[j * n_in : (j + 1) * n_in]
            s = b[j]
            for i in range(n_in):
                s += w[i] * x[i]
            z[j] = s


@compiled
def backward(theta, shape, layer, m, a, delta):
    """``δ^{l−1} = (W^l)ᵀ δ^l ⊙ σ'``, with ``σ' = a − a²``."""
    n_in, n_out = shape[layer, 0], shape[layer, 1]
    W = theta[shape[layer, 2] :]
    for k in range(m):
        delta[layer - 1, k, :n_in] = 0
    for k in range(0, m - 3, 4):
        s0, s1 = delta[layer - 1, k], delta[layer - 1, k + 1]
        s2, s3 = delta[layer - 1, k + 2], delta[layer - 1, k + 3]
        for j in range(n_out):
            w = W[j * n_in : (j + 1) * n_in]
            d0, d1 = delta[layer, k, j], delta[layer, k + 1, j]
            d2, d3 = delta[layer, k + 2, j], delta[layer, k + 3, j]
            for i in range(n_in):
                s0[i] += w[i] * d0
                s1[i] += w[i] * d1
                s2[i] += w[i] * d2
                s3[i] += w[i] * d3
    for k in range(m - m % 4, m):
        s = delta[layer - 1, k]
        for j in range(n_out):
            w = W[j * n_in : (j + 1) * n_in]
            d = delta[layer, k, j]
            for i in range(n_in):
                s[i] += w[i] * d
    for k in range(m):
        s, x = delta[layer - 1, k], a[layer - 1, k]
        for i in range(n_in):
            s[i] *= x[i] - x[i] * x[i]


@compiled
def add_gradient(target, shape, layer, A, at, row, m, rate, delta):
    """``W^l ← W^l + rate·Σ δ^l (a^{l−1})ᵀ``, ``b^l ← b^l + rate·Σ δ^l``."""
    n_in, n_out = shape[layer, 0], shape[layer, 1]
    W, b = target[shape[layer, 2] :], target[shape[layer, 3] :]
    for k in range(0, m - 3, 4):
        x0, x1 = A[at, row + k], A[at, row + k + 1]
        x2, x3 = A[at, row + k + 2], A[at, row + k + 3]
        for j in range(n_out):
            w = W[j * n_in : (j + 1) * n_in]
            d0, d1 = rate * delta[layer, k, j], rate * delta[layer, k + 1, j]
            d2, d3 = rate * delta[layer, k + 2, j], rate * delta[layer, k + 3, j]
            b[j] += d0 + d1 + d2 + d3
            for i in range(n_in):
                w[i] += x0[i] * d0 + x1[i] * d1 + x2[i] * d2 + x3[i] * d3
    for k in range(m - m % 4, m):
        x = A[at, row + k]
        for j in range(n_out):
            w = W[j * n_in : (j + 1) * n_in]
            d = rate * delta[layer, k, j]
            b[j] += d
            for i in range(n_in):
                w[i] += x[i] * d


@compiled_sum
def add_gradient_and_forward(theta, shape, X, before, row, rate, delta, a):
    """Update the first layer for one example, and compute its ``z`` for the next one.

    One pass over the weights instead of two saves 20 % of an update of 784-100-10.
    """
    n_in, n_out = shape[0, 0], shape[0, 1]
    b = theta[shape[0, 3] :]
    x, x_next, z, errors = X[0, before], X[0, row], a[0, 0], delta[0, 0]
    for j in range(n_out):
        w = theta[j * n_in : (j + 1) * n_in]
        d = rate * errors[j]
        b[j] += d
        s = b[j]
        for i in range(n_in):
            updated = w[i] + x[i] * d
            w[i] = updated
            s += updated * x_next[i]
        z[j] = s


@compiled
def backward_and_add_gradient(theta, shape, layer, rate, a, delta):
    """`backward` and `add_gradient` for one example, in one pass over the weights."""
    n_in, n_out = shape[layer, 0], shape[layer, 1]
    W, b = theta[shape[layer, 2] :], theta[shape[layer, 3] :]
    s, x, errors = delta[layer - 1, 0], a[layer - 1, 0], delta[layer, 0]
    s[:n_in] = 0
    for j in range(n_out):
        w = W[j * n_in : (j + 1) * n_in]
        error = errors[j]
        d = rate * error
        b[j] += d
        for i in range(n_in):
            before = w[i]
            s[i] += before * error
            w[i] = before + x[i] * d
    for i in range(n_in):
        s[i] *= x[i] - x[i] * x[i]


@compiled
def output_errors(Y, weights, row, m, shape, a, delta):
    """``δ^L = w (a − y) ⊙ σ'``; return ``Σ w (a − y)²``."""
    squares, L = 0.0, len(shape) - 1
    for k in range(m):
        z, d, y = a[L, k], delta[L, k], Y[row + k]
        for j in range(shape[L, 1]):
            error = z[j] - y[j]
            weighted = error
            if len(weights):
                weighted = weights[row + k] * error
            squares += error * weighted
            d[j] = weighted * (z[j] - z[j] * z[j])
    return squares


# --- The first layer for CSR rows: its weights are stored input by input -----------


@compiled
def forward_csr(theta, shape, csr, row, m, a):
    """``z^1 = W^1 x + b^1`` from the stored inputs of each row."""
    data, indices, indptr = csr
    n_out = shape[0, 1]
    b = theta[shape[0, 3] :]
    for k in range(m):
        z = a[0, k]
        for j in range(n_out):
            z[j] = b[j]
        for entry in range(indptr[row + k], indptr[row + k + 1]):
            w = theta[indices[entry] * n_out : (indices[entry] + 1) * n_out]
            x = data[entry]
            for j in range(n_out):
                z[j] += w[j] * x


@compiled
def add_gradient_csr(target, shape, csr, row, m, rate, delta):
    """``W^1 ← W^1 + rate·Σ δ^1 xᵀ`` for the stored inputs, and the biases."""
    data, indices, indptr = csr
    n_out = shape[0, 1]
    b = target[shape[0, 3] :]
    for k in range(m):
        d = delta[0, k]
        for j in range(n_out):
            b[j] += rate * d[j]
        for entry in range(indptr[row + k], indptr[row + k + 1]):
            w = target[indices[entry] * n_out : (indices[entry] + 1) * n_out]
            x = rate * data[entry]
            for j in range(n_out):
                w[j] += d[j] * x


# --- Updates ---------------------------------------------------------------------


@compiled
def begin_step(theta, velocity, n_weights, momentum, look_ahead, decay):
    """The part of an update before gradients are added to its target.

    With momentum, ``v ← momentum·v − decay·W``. `look_ahead` is the momentum in
    Nesterov's form, else 0. Nesterov's form first subtracts ``look_ahead·v``, which the
    last update added to θ.
    """
    if momentum == 0:
        if decay != 0:
            for i in range(n_weights):
                theta[i] -= decay * theta[i]
    elif look_ahead == 0:
        for i in range(len(theta)):
            velocity[i] *= momentum
        if decay != 0:
            for i in range(n_weights):
                velocity[i] -= decay * theta[i]
    else:
        for i in range(n_weights):
            v = velocity[i]
            velocity[i] = momentum * v - decay * theta[i]
            theta[i] -= look_ahead * v
        for i in range(n_weights, len(theta)):
            v = velocity[i]
            velocity[i] = momentum * v
            theta[i] -= look_ahead * v


@compiled
def end_step(theta, velocity, look_ahead):
    """``θ ← θ + v``; with Nesterov's momentum, ``θ ← θ + (1 + momentum)·v``."""
    for i in range(len(theta)):
        theta[i] += velocity[i] + look_ahead * velocity[i]


@cached
def descend(
    theta, velocity, shape, X, csr, Y, weights, start, stop, m, rate, momentum,
    look_ahead, decay, a, delta,
):  # fmt: skip
    """Make an update for every `m` rows from `start` to `stop`.

    Return ``Σ w (a − y)²``.
    """
    L = len(shape)
    # With literals, numba would compile each function a second time.
    top, one = np.intp(0), np.intp(1)
    n_weights = shape[0, 3]
    is_csr = len(csr[2]) > 0
    target = velocity if momentum != 0 else theta
    is_single = m == 1 and momentum == 0 and decay == 0
    # The update of the first layer is made together with the next forward pass.
    deferred = is_single and not is_csr
    before = start
    delta[0, 0] = 0
    squares = 0.0
    for row in range(start, stop, m):
        if deferred:
            add_gradient_and_forward(theta, shape, X, before, row, rate, delta, a)
            before = row
        elif is_csr:
            forward_csr(theta, shape, csr, row, m, a)
        else:
            forward(theta, shape, top, X, top, row, m, a)
        activate(a, top, m, shape[0, 1])
        for layer in range(1, L):
            forward(theta, shape, layer, a, layer - 1, top, m, a)
            activate(a, layer, m, shape[layer, 1])
        squares += output_errors(Y, weights, row, m, shape, a, delta)
        for layer in range(L - 1, 0, -1):
            if is_single:
                backward_and_add_gradient(theta, shape, layer, rate, a, delta)
            else:
                backward(theta, shape, layer, m, a, delta)
        if not is_single:
            begin_step(theta, velocity, n_weights, momentum, look_ahead, decay)
            for layer in range(1, L):
                add_gradient(target, shape, layer, a, layer - 1, top, m, rate, delta)
        if is_csr:
            add_gradient_csr(target, shape, csr, row, m, rate, delta)
        elif not deferred:
            add_gradient(target, shape, top, X, top, row, m, rate, delta)
        if momentum != 0:
            end_step(theta, velocity, look_ahead)
    if deferred and start < stop:
        add_gradient(theta, shape, top, X, top, before, one, rate, delta)
    return squares


@cache
def compile_for(dtype: np.dtype[Any]) -> None:
    """Compile `descend`, or load it from disk, by calling it without a batch.

    It runs in a thread, because llvmlite may lose an interrupt of the main thread. If
    the disk is full, numba raises OSError, but only after compiling.
    """
    vector, matrix, block = (np.zeros((1,) * n, dtype=dtype) for n in (1, 2, 3))
    shape, places = np.zeros((1, 4), dtype=np.intp), np.zeros(2, dtype=np.intp)
    inputs = block, (vector, places, places), matrix, vector
    numbers = 0, 0, 1, *[dtype.type(0)] * 4
    arguments: Any = (vector, vector, shape, *inputs, *numbers, block, block)
    with suppress(OSError), ThreadPoolExecutor(1) as pool:
        pool.submit(descend, *arguments).result()


def make_descent(
    theta: Parameters, velocity: Parameters | None, momentum: float, look_ahead: float
) -> Callable[[Block, range, float, float], float]:
    """A function that trains on a block in batches of any size, a `network.Descend`."""
    dtype, number = theta.dtype, theta.dtype.type
    units = theta.units
    layers = zip(units, units[1:], theta.weights_at, theta.biases_at, strict=False)
    shape = np.array([*layers], dtype=np.intp)
    v = theta.vector[:0] if velocity is None else velocity.vector
    nothing, nowhere = np.empty(0, dtype=dtype), np.empty(0, dtype=np.intp)
    no_X, no_csr = np.empty((1, 0, 0), dtype=dtype), (nothing, nowhere, nowhere)
    width = -(-max(units[1:]) // PADDED_TO) * PADDED_TO
    work = theta.vector.size + WORK_PER_NEURON * width * len(shape)
    buffers: dict[int, Array] = {}  # a and delta

    def run(block: Block, batches: range, rate: float, decay: float) -> float:
        compile_for(dtype)
        X, Y, weights = block
        work_of_a_row = work
        if theta.sparse:
            places = (X.indices.astype(np.intp), X.indptr.astype(np.intp))
            inputs = no_X, (_plain(X.data), *places)
            if not momentum and not decay:
                entries = X.nnz // max(1, X.shape[0])
                work_of_a_row += entries * units[1] - theta.Wt[0].size
        else:
            inputs = _plain(X)[np.newaxis], no_csr
        Y, w = _plain(Y), nothing if weights is None else _plain(weights)
        m, squares = batches.step, 0.0
        if m not in buffers:
            buffers[m] = aligned_empty((2, len(shape), m, width), dtype)
            buffers[m][:] = 0  # the padding passes through σ, so it must be finite
        at_once = max(1, WORK // (work_of_a_row * m))
        for first in range(0, len(batches), at_once):
            part = batches[first : first + at_once]
            squares += descend(
                theta.vector, v, shape, *inputs, Y, w, part.start, part.stop, m,
                number(rate), number(momentum), number(look_ahead), number(decay),
                *buffers[m],
            )  # fmt: skip
        return squares

    return run


def _plain(array: Array) -> Array:
    """The array, or a copy if numba would have to compile for its type."""
    return np.require(array, requirements=["C", "A", "W"])
