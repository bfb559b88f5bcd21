"""Arguments of a call: the validated rows, and errors that name the argument."""

import re
from collections.abc import Iterable
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.exceptions import NotFittedError

from .arrays import NUMPY, Arrays

Array = NDArray[Any]


class Data(NamedTuple):
    """Validated rows, their targets as the user gave them, and their weights.

    `X` is in `arrays`; targets and weights are always numpy's (or CSR), and
    `arrays_of_y` is where the user's labels were, for `classes_`.
    """

    X: Any
    y: Any
    weights: Array | None
    arrays: Arrays = NUMPY
    arrays_of_y: Arrays = NUMPY

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of `X`, as numpy names it."""
        return self.arrays.numpy_dtype(self.X.dtype)


# How many columns an error names.
SHOWN_COLUMNS = 5
# The errors that an unusable argument may raise.
_ARGUMENT_ERRORS = (
    *(ValueError, TypeError, ArithmeticError, AttributeError, LookupError),
    NotImplementedError,
)


class naming:
    """Put `names`, such as "X" or "y or sample_weight", before an error without them.

    Use it for blocks that only look at these arguments: any error becomes a TypeError
    or a ValueError. (A class, because a generator of `contextlib` takes 0.6 µs longer,
    and one row for `partial_fit` passes seven of them.)
    """

    def __init__(self, names: str) -> None:
        self.names = names

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if not isinstance(error, _ARGUMENT_ERRORS) or isinstance(error, NotFittedError):
            return
        any_name = "|".join(self.names.replace(" and ", " or ").split(" or "))
        is_ours = isinstance(error, ValueError | TypeError)
        if not (is_ours and re.search(rf"\b({any_name})\b", str(error))):
            raise error_type(error)(f"{self.names}: {error}") from error


def error_type(error: Exception) -> type[ValueError | TypeError]:
    """The type of the error to raise in place of this one."""
    # scikit-learn's InvalidParameterError is both.
    if isinstance(error, TypeError) and not isinstance(error, ValueError):
        return TypeError
    return ValueError


def refuse_indices_outside(matrix: Any, name: str) -> None:
    """Raise ValueError if a sparse matrix has entries outside its shape.

    scipy would read or write memory outside its arrays.
    """
    if issparse(matrix) and matrix.ndim == 2 and not _all_inside(matrix):
        raise ValueError(
            f"{name} is a sparse matrix of shape {matrix.shape} with entries outside "
            "that shape, or with a decreasing indptr. Build it again."
        )


def _all_inside(matrix: Any) -> bool:
    n_rows, n_columns = matrix.shape
    if matrix.format == "coo":
        return _inside(matrix.row, n_rows) and _inside(matrix.col, n_columns)
    if matrix.format == "lil":
        indices = np.fromiter(chain.from_iterable(matrix.rows), dtype=np.intp)
        return _inside(indices, n_columns)
    if matrix.format not in ("csr", "csc", "bsr"):
        return True  # these formats have no indices, or check them
    if matrix.format == "csc":
        n_rows, n_columns = n_columns, n_rows
    elif matrix.format == "bsr":
        n_rows, n_columns = np.floor_divide(matrix.shape, matrix.blocksize)
    starts = matrix.indptr
    return bool(
        len(starts) == n_rows + 1
        and starts[0] == 0
        and starts[-1] <= min(len(matrix.indices), len(matrix.data))
        and (np.diff(starts) >= 0).all()
        and _inside(matrix.indices[: starts[-1]], n_columns)
    )


def _inside(indices: Any, n: int) -> bool:
    return len(indices) == 0 or bool(indices.min() >= 0 and indices.max() < n)


def refuse_non_numeric_columns(X: Any, error: ValueError | TypeError) -> None:
    """Raise an error that names the columns of a data frame that are not numeric.

    scikit-learn's `error` has only a value that it could not convert.
    """
    if not hasattr(X, "columns") or "Input X contains" in str(error):
        return
    # pandas, where a name may occur twice, or polars
    columns = X.items() if hasattr(X, "items") else zip(X.columns, X, strict=True)
    odd = [
        f"{name!r} ({data.dtype})" for name, data in columns if not _is_numeric(data)
    ]
    if odd:
        shown = ", ".join(odd[:SHOWN_COLUMNS])
        more = f" and {len(odd) - SHOWN_COLUMNS} more" if odd[SHOWN_COLUMNS:] else ""
        raise error_type(error)(
            f"X has columns that are not numeric: {shown}{more}. Encode them or leave "
            "them out, for instance with sklearn.compose.ColumnTransformer. "
            f"({error})"
        ) from error


def _is_numeric(column: Any) -> bool:
    try:
        values = np.asarray(column)
        values.astype(float)
    except _ARGUMENT_ERRORS:
        return False
    return values.dtype.kind not in "mM"  # dates, which numpy would convert


def refuse_complex_columns(frame: Any) -> None:
    """Raise ValueError if a column is complex: pandas would drop the imaginary part."""
    dtypes = getattr(frame, "dtypes", None)
    if isinstance(dtypes, Iterable) and any(
        getattr(dtype, "kind", None) == "c" for dtype in dtypes
    ):
        raise ValueError("Complex data not supported.")
