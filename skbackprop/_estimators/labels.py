"""Labels that cannot be learnt: missing ones, and objects that are not strings."""

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

Array = NDArray[Any]


def refuse_invalid_labels(labels: Any, name: str, place: str = "row") -> None:
    """Raise ValueError if labels are missing, or are objects other than strings.

    `place` is the word for a position among them. Other errors are left to
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
    # Not the extension types of data frames, which scikit-learn converts.
    dtypes: Any = getattr(labels, "dtypes", None)
    if dtypes is None:
        dtypes = np.asarray(labels).dtype
    if all(dtype is np.dtype(object) for dtype in np.ravel(dtypes)):
        _refuse_objects(list(array.flat), name, hasattr(labels, "astype"))


def refuse_weights_as_classes(classes: Any, y: Any, known: Array | None) -> None:
    """Raise ValueError if `classes` looks like weights: a number for each row.

    They are labels if they are those `known` to the model, or those of `y`.
    """
    array = np.asarray(classes)
    if array.dtype.kind not in "fiu" or array.shape != y.shape[:1]:
        return
    given = set(array.tolist())
    if array.dtype.kind != "f" and len(given) == len(array):
        return  # distinct integers are classes, though perhaps the wrong ones
    if known is not None:
        are_labels = given == set(known.tolist())
    else:
        are_labels = y.ndim == 1 and set(np.unique(y).tolist()) <= given
    if not are_labels or (array % 1 != 0).any():
        raise ValueError(
            f"classes has a number for each of the {len(array)} rows, and these are "
            "not labels of y. The third argument is classes; pass weights as "
            "sample_weight=."
        )


def _as_array(labels: Any) -> Array | None:
    """The labels as an array, or None if they cannot be one."""
    if issparse(labels):
        return None
    try:
        array = np.asarray(labels)
    except (TypeError, ValueError, ArithmeticError):
        return None
    # numpy turns a NaN in a list of strings into the string "nan".
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
        # pandas.NA can be compared with nothing; an array has another type name.
        return type(label).__name__ == "NAType"


def _refuse_missing(array: Array, missing: Array, name: str, place: str) -> None:
    kinds = sorted({_kind_of_missing(label) for label in array[missing].tolist()})
    rows = missing.reshape(len(array), -1).any(axis=1)
    n_rows = int(rows.sum())
    labels = "label is" if n_rows == 1 else "labels are"
    raise ValueError(
        f"{name} contains {' and '.join(kinds)}: {n_rows} {labels} missing, the first "
        f"at {place} {rows.argmax()}. Remove these rows, or give them a label of their "
        "own."
    )


def _kind_of_missing(label: Any) -> str:
    if label is None:
        return "None"
    kinds = {"NAType": "pandas.NA", "NaTType": "NaT"}
    return kinds.get(type(label).__name__, "NaN")


def _refuse_objects(labels: list[Any], name: str, is_array: bool) -> None:
    """Raise ValueError for objects that numpy cannot sort into classes."""
    if all(isinstance(label, str) for label in labels):
        return
    if any(isinstance(label, list | tuple | set | np.ndarray) for label in labels):
        return
    types = sorted({type(label).__name__ for label in labels})
    kinds = f"type {types[0]}" if len(types) == 1 else f"types {', '.join(types)}"
    array = name if is_array else f"numpy.asarray({name})"
    raise ValueError(
        f"Unknown label type: {name} has dtype object and values of {kinds}. "
        f"Labels of this dtype must be strings: use {array}.astype("
        f"{_dtype_for(labels)})."
    )


def _dtype_for(labels: list[Any]) -> str:
    """The dtype in which these labels stay distinct."""
    if all(isinstance(label, bool | np.bool_) for label in labels):
        return "bool"
    return "int" if all(map(_is_whole, labels)) else "str"


def _is_whole(label: Any) -> bool:
    if not isinstance(label, Real):
        return False
    size: Any = abs(label)
    return bool(size < 2**63 and size % 1 == 0)
