"""The loss of a batch, and the output errors, where backpropagation begins."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .blas import blas
from .buffers import Buffers

Array = NDArray[Any]
SetErrors = Callable[[Array, Array | None], float]


def output_errors(buffers: Buffers) -> SetErrors:
    """A function that sets all slopes and the output errors (section 6, Gradients).

    It sets ``δ^L = w (a − y) ⊙ σ'`` and returns ``Σ w (a − y)²``.
    """
    subtract, multiply = np.subtract, np.multiply
    dot = blas(buffers.a_all.dtype.char)[4]
    a_all, slope_all, a_L = buffers.a_all, buffers.slope_all, buffers.a[-1]
    slope_L, delta_L = buffers.slope[-1], buffers.delta[-1]
    errors = buffers.delta_all[-delta_L.size :]

    def set_output_errors(y: Array, w: Array | None) -> float:
        subtract(a_L, y, delta_L)
        if w is None:
            squares = dot(errors, errors)
        else:
            w = w[:, np.newaxis]
            squares = float((delta_L * delta_L * w).sum())
            multiply(delta_L, w, delta_L)
        multiply(a_all, a_all, slope_all)  # σ' = a − a², of all layers at once
        subtract(a_all, slope_all, slope_all)
        multiply(delta_L, slope_L, delta_L)
        return squares

    return set_output_errors
