"""Targets: whether `y` can be learnt, and the activations that it asks for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from .._array_libraries import dispatches
from .._training.examples import Encoder
from .arrays import NUMPY, Arrays
from .validation import naming, refuse_complex_columns, refuse_indices_outside

Array = NDArray[Any]

# `target_range` is mapped to these activations: a sigmoid reaches 0 and 1 only at
# infinity.
LOW_ACTIVATION, HIGH_ACTIVATION = 0.1, 0.9


def as_array(values: Any) -> Any:
    """Lists as an array if scikit-learn dispatches, which it cannot on lists or ranges.

    Other values as they are.
    """
    if isinstance(values, list | tuple | range) and dispatches():
        return np.asarray(values)
    return values


def checked_array(y: Any) -> Any:
    """`y`, of any type, as an array or CSR; a single column as 1-D."""
    with naming("y"):
        refuse_complex_columns(y)
        refuse_indices_outside(y, "y")
        y = check_array(
            as_array(y),
            accept_sparse="csr",
            ensure_2d=False,
            dtype=None,
            input_name="y",
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y.toarray() if issparse(y) else y, warn=True)
    return y


def checked_labels(y: Any, is_new: bool) -> Any:
    """`y` if it has one label a row, or is a binary indicator matrix.

    If it is not new, one check is skipped, because it takes a quarter of a one-row
    call. The labels that it would refuse are unknown ones, which are found later.
    """
    if issparse(y) and not y.has_canonical_format:
        # Two entries of 1 in the same place add up to 2, which is not a label.
        y = y.copy()
        y.sum_duplicates()
    refuse_nat(y, "y")
    if y.dtype.kind == "V":
        raise ValueError(f"y must be labels, got an array of dtype {y.dtype}.")
    if is_new or y.ndim == 2 or y.dtype.kind not in "biuUS":
        with naming("y"):
            check_classification_targets(y)
    if y.ndim == 2 and not np.isin(y.data if issparse(y) else y, (0, 1)).all():
        raise ValueError(
            "y must have one label a row or be a binary indicator matrix, got "
            f"{y.shape[1]} columns with values other than 0 and 1."
        )
    return y


def checked_numbers(y: Any) -> Array:
    """`y` as finite floats, shape ``(n_rows, n_outputs)``."""
    if y.dtype.kind in "SUmM":
        raise ValueError(f"y must be numbers, got an array of dtype {y.dtype}.")
    with naming("y"):
        y = check_array(
            y, ensure_2d=False, dtype=[np.float64, np.float32], input_name="y"
        )
    return np.asarray(y.reshape(len(y), -1))


def codes_of(y: Any, classes: Array, is_multilabel: bool) -> Array:
    """The index of each label among the classes; ValueError for an unknown label."""
    multilabel = y.ndim == 2
    if multilabel != is_multilabel:
        kinds = ("one label a row", "a binary indicator matrix")
        raise ValueError(
            f"y is {kinds[multilabel]}, but the model was fitted on "
            f"{kinds[is_multilabel]}."
        )
    known = set(classes.tolist())
    unknown = [label for label in np.unique(y).tolist() if label not in known]
    if unknown:
        raise ValueError(
            f"y has the classes {unknown}, which are not among the expected "
            f"{classes}, given by classes or by the y of fit. The output neurons are "
            "fixed: to add classes, fit a new estimator on all of them."
        )
    # numpy compares signed with unsigned integers as floats, which loses digits.
    labels = y.astype(classes.dtype, copy=False)
    return np.searchsorted(classes, labels)


def same_labels(labels: Array, others: Array) -> bool:
    """Whether two sorted arrays have the same labels."""
    kinds = {labels.dtype.kind, others.dtype.kind}
    if kinds & {"m", "M"}:  # their Python objects depend on the unit
        return len(kinds) == 1 and np.array_equal(labels, others)
    # numpy would compare unsigned and signed integers as floats.
    return bool(labels.tolist() == others.tolist())


def refuse_nat(labels: Array, name: str) -> None:
    """Raise ValueError for NaT, which does not equal itself."""
    if labels.dtype.kind in "mM" and np.isnat(labels).any():
        raise ValueError(f"{name} must be labels, got NaT.")


def label_encoder(codes: Array, n_classes: int) -> Encoder:
    """One output neuron for one or two classes, one neuron each (one-hot) for more.

    `codes` are the indices of the labels among the classes.
    """
    codes = codes.astype(np.min_scalar_type(n_classes))
    if n_classes <= 2:
        return lambda rows: codes[rows, np.newaxis] == 1

    def one_hot(rows: slice | Array) -> Array:
        # Comparing with each class takes two (10 classes) to five times as long.
        wanted = codes[rows]
        Y = np.zeros((len(wanted), n_classes), dtype=bool)
        Y[np.arange(len(wanted)), wanted] = True
        return Y

    return one_hot


def indicator_encoder(y: Any) -> Encoder:
    """One output neuron for each label of a multilabel `y`, which is dense or CSR."""
    if isinstance(y, np.ndarray):
        return lambda rows: y[rows]
    return lambda rows: y[rows].toarray()


def usable_range(low: Array, high: Array) -> Array:
    """The array ``(2, n_outputs)`` of both, with a range of 1 if they are equal.

    A range so small that rounding would lose it beside the centre counts as equal.
    """
    centre, half = low / 2 + high / 2, high / 2 - low / 2
    least = np.maximum(np.finfo(np.float64).tiny, 8 * np.spacing(np.abs(centre)))
    too_close = half < least
    half = np.maximum(least, 0.5)
    return np.where(too_close, [centre - half, centre + half], [low, high])


class TargetScale:
    """The affine map from values of y to activations, for each output.

    ``a = ½ + gain · (y − centre)`` takes `low` to 0.1 and `high` to 0.9.

    Parameters
    ----------
    low, high : arrays ``(n_outputs,)``, float64
    """

    def __init__(self, low: Array, high: Array) -> None:
        self.centre = low / 2 + high / 2
        self.gain = (HIGH_ACTIVATION - LOW_ACTIVATION) / 2 / (high / 2 - low / 2)

    def encoder(self, y: Array) -> Encoder:
        """The encoder of the numbers `y`, of shape ``(n_rows, n_outputs)``."""
        return lambda rows: 0.5 + self.gain * (y[rows] - self.centre)

    def decode(self, a: Any, arrays: Arrays = NUMPY) -> Any:
        """The values of y for these activations, in their dtype."""
        centre, gain = arrays.from_numpy(self.centre), arrays.from_numpy(self.gain)
        # Computed in float64, which a small range beside a large centre needs.
        wide = arrays.cast(a, arrays.floats[0])
        return arrays.cast(centre + (wide - 0.5) / gain, a.dtype)

    @property
    def reachable(self) -> tuple[Array, Array]:
        """The open interval of the values of y that a sigmoid can output."""
        return self.centre - 0.5 / self.gain, self.centre + 0.5 / self.gain
