"""scipy's BLAS, and the check that it updates arrays in place.

A fused call such as ``gemm(rate, a, delta, keep, Wt, trans_a=1)`` adds to its last
array in place only if that array is in Fortran order and of the routine's type.
Otherwise it silently updates a copy, so each array that is updated this way is tested
once.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import get_blas_funcs

Array = NDArray[Any]


@cache
def blas(char: str) -> list[Any]:
    """BLAS's gemm, gemv, axpy, copy and dot for the dtype with this character."""
    names = ["gemm", "gemv", "axpy", "copy", "dot"]
    found: list[Any] = get_blas_funcs(names, dtype=np.dtype(char))
    return found


def require_in_place(matrices: list[Array], vectors: list[Array]) -> None:
    """Raise RuntimeError if a fused call would copy an array instead of updating it."""
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
