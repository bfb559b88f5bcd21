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

# Rows pushed through the network at once.
BLOCK_ROWS = 1024
# BLAS computes products this small on one thread anyway.
ONE_THREAD_UP_TO = 9000


def forward(
    coefs: Layers,
    intercepts: Layers,
    X: Any,
    output: Callable[[Array], Array],
    run_all: RunAll = in_turn,
) -> tuple[Array, int | None]:
    """``output(z^L)`` for the rows of `X`, and the first row whose z^L is not finite.

    Works in blocks of rows with buffers of its own: memory beside the result does not
    grow with the rows, and many threads may predict with the same parameters.
    """
    dtype = np.result_type(X.dtype, coefs[0].dtype)
    coefs = [coef.astype(dtype, copy=False) for coef in coefs]
    if issparse(X):  # scipy would put them in this order anew for each block
        coefs[0] = np.ascontiguousarray(coefs[0])
    like = output(np.empty((0, coefs[-1].shape[1]), dtype))
    result = np.empty((X.shape[0], *like.shape[1:]), like.dtype)

    def run(rows: slice) -> int | None:
        with np.errstate(all="ignore"):  # errstate is per thread
            z = decision(coefs, intercepts, X[rows])
            result[rows] = output(z)
        is_finite = np.isfinite(z)
        if is_finite.all():
            return None
        return rows.start + int(is_finite.all(axis=1).argmin())

    starts = range(0, X.shape[0], BLOCK_ROWS)
    found = run_all(
        [partial(run, slice(start, start + BLOCK_ROWS)) for start in starts]
    )
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
