"""Prediction: the forward pass alone, for any number of rows."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from .lanes import RunAll, in_turn
from .parameters import Layers
from .sigmoid import sigmoid_for

Array = NDArray[Any]

# Rows that pass through the network at once.
BLOCK_ROWS = 1024
# BLAS computes products up to this size on one thread anyway.
ONE_THREAD_UP_TO = 9000


def forward(
    coefs: Layers,
    intercepts: Layers,
    X: Any,
    output: Callable[[Array], Array],
    run_all: RunAll = in_turn,
) -> tuple[Array, int | None]:
    """``output(z^L)`` for the rows of `X`, and the first row whose z^L is not finite.

    It works in blocks of rows with its own buffers: memory besides the result does not
    grow with the rows, and many threads may predict with the same parameters.
    """
    dtype = np.result_type(X.dtype, coefs[0].dtype)
    coefs = [coef.astype(dtype, copy=False) for coef in coefs]
    if issparse(X):  # scipy would otherwise convert it for each block
        coefs[0] = np.ascontiguousarray(coefs[0])

    def run(start: int) -> tuple[Array, int | None]:
        with np.errstate(all="ignore"):  # errstate is per thread
            z = decision(coefs, intercepts, X[start : start + BLOCK_ROWS])
            outputs = output(z)
        is_finite = np.isfinite(z)
        bad_row = None
        if not is_finite.all():
            bad_row = start + int(is_finite.all(axis=1).argmin())
        return outputs, bad_row

    first, bad_row = run(0)
    if X.shape[0] <= BLOCK_ROWS:
        return first, bad_row
    # The first block shows the shape and dtype of the others.
    result = np.empty((X.shape[0], *first.shape[1:]), first.dtype)
    result[:BLOCK_ROWS] = first

    def run_and_keep(start: int) -> int | None:
        result[start : start + BLOCK_ROWS], bad_row = run(start)
        return bad_row

    starts = range(BLOCK_ROWS, X.shape[0], BLOCK_ROWS)
    found = [bad_row, *run_all([partial(run_and_keep, start) for start in starts])]
    return result, min((row for row in found if row is not None), default=None)


def decision(coefs: Layers, intercepts: Layers, X: Any) -> Array:
    """Pre-activations ``z^L`` of the output layer for a block of rows."""
    a = X
    for coef, intercept in zip(coefs[:-1], intercepts[:-1], strict=True):
        a = a @ coef
        a += intercept
        sigmoid_for(a.size)(a, a)
    z: Array = a @ coefs[-1]
    z += intercepts[-1]
    return z
