"""What a network says: the forward pass alone, for any number of rows."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from .machine import RunAll
from .sigmoid import sigmoid_for

Array = NDArray[Any]
Layers = list[Array]

# Rows pushed through the network at once.
BLOCK_ROWS = 1024


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
                rows = slice(start, start + BLOCK_ROWS)
                a = X[rows]
                for coef, intercept in zip(coefs[:-1], intercepts[:-1], strict=True):
                    a = a @ coef
                    a += intercept
                    sigmoid_for(a.size)(a, a)
                z_L[rows] = a @ coefs[-1]
                z_L[rows] += intercepts[-1]

    starts = range(0, X.shape[0], BLOCK_ROWS)
    half = len(starts) // 2
    if run_all is None or half < 2:
        run(starts)
    else:
        run_all([partial(run, starts[:half]), partial(run, starts[half:])])
    return z_L
