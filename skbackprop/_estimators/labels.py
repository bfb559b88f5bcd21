"""Labels that cannot be learnt: which are missing, and what the others are."""

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

Array = NDArray[Any]


def refuse_odd_labels(labels: Any, name: str, place: str = "row") -> None:
    """Raise ValueError where labels are missing, or are objects but no strings.

    `place` is what their places are called. What is wrong in other ways is left to
    scikit-learn.
    """
    array = _as_array(labels)
    if array is None or not array.ndim:
        return
    if array.dtype.kind == "f":
        missing = np.isnan(array)
    elif array.dtype.kind == "O":
        missing = np.array([_is_missing(v) for v in array.flat], dtype=bool)
    else:
        return
    if missing.any():
        _refuse_missing(array, missing.reshape(array.shape), name, place)
    # Not so the extension types of data frames, which scikit-learn converts.
    dtypes: Any = getattr(labels, "dtypes", None)
    if dtypes is None:
        dtypes = np.asarray(labels).dtype
    if all(dtype is np.dtype(object) for dtype in np.ravel(dtypes)):
        _refuse_objects(list(array.flat), name, hasattr(labels, "astype"))


def refuse_weights(classes: Any, y: Any, known: Array | None) -> None:
    """Raise ValueError where `classes` has a number for each row, and no labels.

    That is, not those `known` by the model, or not those of `y`.
    """
    array = np.asarray(classes)
    if array.dtype.kind not in "fiu" or array.shape != y.shape[:1]:
        return
    given = set(array.tolist())
    if array.dtype.kind != "f" and len(given) == len(array):
        return  # other integers in each place are classes, if not the right ones
    if known is not None:
        are_labels = given == set(known.tolist())
    else:
        are_labels = y.ndim == 1 and set(np.unique(y).tolist()) <= given
    if not are_labels or (array % 1 != 0).any():
        raise ValueError(
            f"classes has a number for each of the {len(array)} rows, and these are no "
            "labels of y. The third argument is classes; give weights as "
            "sample_weight=."
        )


def _as_array(labels: Any) -> Array | None:
    """The labels as they are, None where they are no array."""
    if issparse(labels):
        return None
    try:
        array = np.asarray(labels)
    except (TypeError, ValueError, ArithmeticError):
        return None
    # numpy makes a string "nan" of a NaN in a list of strings.
    if array.dtype.kind == "U" and isinstance(labels, list | tuple):
        return np.array(labels, dtype=object)
    return array


def _is_missing(label: Any) -> bool:
    """Whether it is None, NaN, NaT or pandas.NA."""
    if label is None:
        return True
    try:
        return bool(label != label)
    except (TypeError, ValueError):
        # pandas.NA is neither equal to itself nor not; arrays have no such name.
        return type(label).__name__ == "NAType"


def _refuse_missing(array: Array, missing: Array, name: str, place: str) -> None:
    kinds = sorted({_kind_of_missing(label) for label in array[missing].tolist()})
    rows = missing.reshape(len(array), -1).any(axis=1)
    n_rows = int(rows.sum())
    labels = "label is" if n_rows == 1 else "labels are"
    raise ValueError(
        f"{name} contains {' and '.join(kinds)}: {n_rows} {labels} missing, the first "
        f"at {place} {rows.argmax()}. Leave them out, or give them a label of their "
        "own."
    )


def _kind_of_missing(label: Any) -> str:
    if label is None:
        return "None"
    kinds = {"NAType": "pandas.NA", "NaTType": "NaT"}
    return kinds.get(type(label).__name__, "NaN")


def _refuse_objects(labels: list[Any], name: str, is_array: bool) -> None:
    """Raise ValueError for objects of which numpy cannot make sorted classes."""
    if all(isinstance(label, str) for label in labels):
        return
    if any(isinstance(label, list | tuple | set | np.ndarray) for label in labels):
        return
    types = sorted({type(label).__name__ for label in labels})
    kinds = f"type {types[0]}" if len(types) == 1 else f"types {', '.join(types)}"
    array = name if is_array else f"numpy.asarray({name})"
    raise ValueError(
        f"Unknown label type: {name} has the dtype object and values of the {kinds}. "
        f"Labels of this dtype must be strings: use {array}.astype("
        f"{_dtype_for(labels)})."
    )


def _dtype_for(labels: list[Any]) -> str:
    """The dtype that keeps these labels apart."""
    if all(isinstance(label, bool | np.bool_) for label in labels):
        return "bool"
    return "int" if all(map(_is_whole, labels)) else "str"


def _is_whole(label: Any) -> bool:
    if not isinstance(label, Real):
        return False
    size: Any = abs(label)
    return bool(size < 2**63 and size % 1 == 0)
