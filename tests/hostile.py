"""Hypothesis strategies for arguments that users may pass, on purpose or by mistake.

They vary not only in their numbers: any dtype, memory layout and container, with
numbers at the limits of what floats can represent.
"""

import tempfile
from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import strategies as st
from scipy import sparse

nan, inf = np.nan, np.inf
_files, _folder = count(), tempfile.TemporaryDirectory()

SPECIAL = [nan, inf, -inf, 5e-324, -2e-309, 1e308, -1e308, 1.7e308, 1e39, -0.0, 2e-45]
SCALES = [1.0, 1.0, 1.0, 1.0, 1e10, 1e-10, 1e38, 1e300, 1e307, 1.7e308, 1e-300, 1e-323]
DTYPES = [
    *("f8", "f8", "f4", "f4", "f2", "g", "?", "i1", "u1", "i2", "u4", "i8", "u8"),
    *("F", "D", "G", "O", "U6", "S6", "M8[s]", "m8[ns]", "V8", "i4,f8"),
]
JUNK = [
    *(None, 3, 2.5, "abc", b"abc", {}, {"a": [1]}, set(), object(), [], [[]], (), nan),
    *([[1, 2], [3]], [None, None], len, 10**400, [[10**400]], [[1, "a"], [None, {}]]),
    *(np.array(3.0), np.array(None), pd.NaT, pd.NA, range(3), [[1j]], [object()], type),
    *(np.zeros((2, 2, 2)), ["a", 1, None], Fraction(1, 3), slice(3), ..., [[[1]]]),
    *(np.ma.masked, pd.DataFrame(), np.zeros((3, 0)), "1" * 7, [nan, "a"], [1, "1"]),
]
# The errors that pandas raises for a dtype or a value that it does not know.
PANDAS_ERRORS = (TypeError, ValueError, LookupError, OverflowError, RecursionError)
junk = st.sampled_from(JUNK)


@st.composite
def arrays(draw, numbers):
    """The numbers, mostly unchanged, but in any dtype and layout or container."""
    values = np.array(numbers, dtype=float)
    with np.errstate(all="ignore"):
        values = values * draw(st.sampled_from(SCALES))
        if values.size and draw(st.integers(0, 3)) == 0:
            place = draw(st.integers(0, values.size - 1))
            values.flat[place] = draw(st.sampled_from(SPECIAL))
        array = cast(values, draw(st.sampled_from(DTYPES)))
    return draw(
        st.one_of(
            laid_out(array),
            laid_out(array),
            data_frames(array),
            polars_frames(array),
            sparse_matrices(array),
        )
    )


def cast(values, dtype):
    """`values` in a dtype, even if numpy would refuse."""
    kind = np.dtype(dtype).kind
    if kind in "biumM":
        values = (np.nan_to_num(values, posinf=9, neginf=-9) % 100).astype("i8")
    if kind == "V":
        return np.zeros(values.shape, dtype)
    array = values.astype(dtype)
    return array * np.longdouble("1e100") if dtype == "g" else array


@st.composite
def laid_out(draw, array):
    """The same array in another memory layout or container."""
    layout = draw(
        st.sampled_from(
            [
                *("C", "F", "strided", "reversed", "read-only", "mapped", "swapped"),
                *("masked", "list", "matrix"),
            ]
        )
    )
    backwards = (slice(None, None, -1),) * array.ndim
    match layout:
        case "F":
            return np.asfortranarray(array)
        case "strided":
            return np.repeat(array, 2, axis=-1)[..., ::2]
        case "reversed":
            return np.ascontiguousarray(array[backwards])[backwards]
        case "read-only":
            array.flags.writeable = False
        case "mapped" if array.size and array.dtype.kind not in "OV":
            file = Path(_folder.name, f"{next(_files)}.npy")
            np.save(file, array)
            return np.load(file, mmap_mode="r")
        case "swapped":
            return array.astype(array.dtype.newbyteorder())
        case "masked":
            return np.ma.masked_array(
                array, mask=np.arange(array.size).reshape(array.shape) % 3 == 1
            )
        case "list":
            return array.tolist()
        case "matrix" if array.ndim == 2:
            return np.asmatrix(array)
    return array


@st.composite
def data_frames(draw, array):
    """A pandas object that may have a column of another type, and unusual names."""
    try:
        if array.ndim == 1:
            return draw(columns(array))
        if array.shape[1:] > (100,) and array.dtype.kind not in "biuf":
            return array  # pandas needs seconds to convert this many columns
        frame = pd.DataFrame(array)
        if 0 < frame.shape[1] < 100:
            frame[0] = draw(columns(array[:, 0]))
    except PANDAS_ERRORS:
        return array
    n = frame.shape[1]
    names = [
        range(n),
        [f"c{k}" for k in range(n)],
        ["c"] * n,
        [k if k % 2 else f"c{k}" for k in range(n)],
        pd.MultiIndex.from_product([["c"], range(n)]),
    ]
    frame.columns = draw(st.sampled_from(names))
    return frame


@st.composite
def columns(draw, array):
    column = pd.Series(array)
    kind = draw(
        st.sampled_from(["plain", "category", "NA", "Int64", "boolean", "str", "time"])
    )
    with np.errstate(all="ignore"):
        try:
            match kind:
                case "plain":
                    return column
                case "NA":
                    column = column.convert_dtypes()
                    return column.where(column.index > 0, pd.NA)
                case "time":
                    return pd.to_datetime(column, errors="coerce")
            return column.astype(kind)
        except (*PANDAS_ERRORS, NotImplementedError):
            return column


@st.composite
def polars_frames(draw, array):
    kind = draw(st.sampled_from(["plain", "null", "text", "category"]))
    if array.dtype.char not in "?bBhHIlLfdU":
        return array  # a dtype that polars does not know
    if array.ndim == 1:
        frame = pl.DataFrame({"c0": array})
    elif array.ndim > 2 or not 0 < array.shape[1] < 100:
        return array
    else:
        frame = pl.DataFrame({f"c{k}": column for k, column in enumerate(array.T)})
    first = pl.col("^c0$")
    changes = {
        "null": first.shift(1),
        "text": first.cast(pl.String),
        "category": first.cast(pl.String).cast(pl.Categorical),
    }
    if kind in changes:
        frame = frame.with_columns(changes[kind])
    return frame["c0"] if array.ndim == 1 else frame


@st.composite
def sparse_matrices(draw, array):
    form = draw(
        st.sampled_from(["csr", "untidy", "csc", "coo", "bsr", "lil", "dok", "dia"])
    )
    kind = draw(st.sampled_from(["matrix", "array"]))
    if array.ndim != 2 or array.size == 0 or array.dtype.char not in "?bBhHIlLfdFD":
        return array  # a dtype that scipy does not know
    if array.shape[1] > 100 and form == "dia":
        return array  # it would need a row of memory for each diagonal
    array = array.copy()
    array[::2, 1:] = 0
    if form == "untidy":
        return getattr(sparse, f"csr_{kind}")(untidy_csr(array), shape=array.shape)
    return getattr(sparse, f"{form}_{kind}")(array)


def untidy_csr(array):
    """data, indices and indptr, with columns in reverse order and each entry split.

    One of its two parts is 0.
    """
    rows, columns = np.nonzero(array)
    backwards = np.lexsort((-columns, rows))
    rows, columns = np.repeat(rows[backwards], 2), np.repeat(columns[backwards], 2)
    data = array[rows, columns]
    data[::2] = 0
    return data, columns, np.searchsorted(rows, np.arange(len(array) + 1))
