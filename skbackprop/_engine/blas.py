"""Large matrix products in place, with the same bits for any number of BLAS threads.

OpenBLAS computes a long sum in blocks, and where it cuts depends on the number of
threads. In float64, so does the kernel that an uneven last row meets. Here long sums
and uneven rows are cut first, so that nothing is left that BLAS could cut otherwise.

`scipy.linalg.blas` takes whole arrays only, so the same routine of the same library is
called by its address, which `scipy.linalg.cython_blas` tells. That takes 1 µs, scipy's
own call 0.3 µs: small products stay there.
"""

import ctypes
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import LowLevelCallable
from scipy.linalg import cython_blas

Array = NDArray[Any]
Shape = tuple[int, int]

# Terms of the longest sum that no x86 kernel of OpenBLAS cuts, by the bytes of a number
# (those for Haswell cut at these); and what a longer sum is a multiple of if all cut it
# alike.
LONGEST_SUM = {4: 384, 8: 256}
EVEN_SUM = 32
# In float64, the rows of a result are cut into a multiple of this and a rest.
EVEN_ROWS = 16


class LargeProduct:
    """``c ← alpha·op(a) op(b) + beta·c`` for matrices in Fortran order.

    Parameters
    ----------
    a, b : array, or the shape of one that every call brings along
    c : array
    trans_a, trans_b : bool
        Whether ``op`` transposes.
    """

    def __init__(
        self, a: Array | Shape, b: Array | Shape, c: Array, trans_a: bool, trans_b: bool
    ) -> None:
        number = {4: ctypes.c_float, 8: ctypes.c_double}[c.itemsize]
        self._gemm = _routine(c.dtype.char)
        self._alpha, self._beta, one = number(), number(), number(1.0)
        self._moving: list[tuple[ctypes.c_void_p, int]] = []
        # Addresses do not keep what lies there alive.
        self._kept: list[Any] = [a, b, c, one]
        shape_a, shape_b = (p if isinstance(p, tuple) else p.shape for p in (a, b))
        letters = [self._keep(ctypes.c_char(b"NT"[t])) for t in (trans_a, trans_b)]
        ld_a, ld_b, ld_c = (
            self._keep(ctypes.c_int(rows)) for rows in (shape_a[0], shape_b[0], len(c))
        )
        columns = self._keep(ctypes.c_int(c.shape[1]))
        # A step along the sum and, of a, along the rows of c, in elements.
        step_a, row_a = (1, shape_a[0]) if trans_a else (shape_a[0], 1)
        step_b = shape_b[0] if trans_b else 1
        self._calls = []
        for row, n_rows in _even_rows(len(c), c.itemsize):
            rows = self._keep(ctypes.c_int(n_rows))
            for k, length in _short_sums(shape_a[0 if trans_a else 1], c.itemsize):
                self._calls.append(
                    (
                        *letters,
                        rows,
                        columns,
                        self._keep(ctypes.c_int(length)),
                        ctypes.addressof(self._alpha),
                        self._address(a, k * step_a + row * row_a, c.itemsize),
                        ld_a,
                        self._address(b, k * step_b, c.itemsize),
                        ld_b,
                        ctypes.addressof(one if k else self._beta),
                        self._address(c, row, c.itemsize),
                        ld_c,
                    )
                )

    def __call__(self, alpha: float, beta: float, moving: Array | None = None) -> None:
        self._alpha.value, self._beta.value = alpha, beta
        if moving is not None:
            start = moving.ctypes.data
            for address, offset in self._moving:
                address.value = start + offset
        for arguments in self._calls:
            self._gemm(*arguments)

    def _keep(self, value: Any) -> int:
        self._kept.append(value)
        return ctypes.addressof(value)

    def _address(
        self, matrix: Array | Shape, offset: int, itemsize: int
    ) -> ctypes.c_void_p:
        if isinstance(matrix, tuple):
            address = ctypes.c_void_p()
            self._moving.append((address, offset * itemsize))
            return address
        return ctypes.c_void_p(matrix.ctypes.data + offset * itemsize)


def has_large_products(dtype: DTypeLike) -> bool:
    """Whether scipy tells where the routine is, and counts in C's int."""
    try:
        return _capsule(np.dtype(dtype).char)[1].count("int *") == 6
    except ValueError:
        return False


def _even_rows(n: int, itemsize: int) -> Iterator[tuple[int, int]]:
    """The rows of a result as pairs (first, count) of pieces."""
    rest = n % EVEN_ROWS if itemsize == 8 else 0
    if n > rest:
        yield 0, n - rest
    if rest:
        yield n - rest, rest


def _short_sums(n: int, itemsize: int) -> Iterator[tuple[int, int]]:
    """The terms of a sum as pairs (first, count) of pieces."""
    n_pieces = 1 if n % EVEN_SUM == 0 else -(-n // LONGEST_SUM[itemsize])
    length = -(-n // (EVEN_ROWS * n_pieces)) * EVEN_ROWS
    for first in range(0, n, length):
        yield first, min(length, n - first)


def _capsule(char: str) -> tuple[Any, str]:
    routine = {"f": "sgemm", "d": "dgemm"}[char]
    found = LowLevelCallable.from_cython(cython_blas, routine)
    return found.function, found.signature


@cache
def _routine(char: str) -> Any:
    """BLAS's gemm for a dtype: 13 addresses, nothing returned; releases the GIL."""
    capsule, signature = _capsule(char)
    # A prototype of our own: that of `pythonapi` belongs to the whole process.
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    address = pointer(("PyCapsule_GetPointer", ctypes.pythonapi))
    prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)
    return prototype(address(capsule, signature.encode()))
