"""Weights of examples: from the user's arguments to factors of the gradients."""

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

Array = NDArray[Any]


def check_weights(
    sample_weight: ArrayLike | None, X: Any, name: str = "sample_weight"
) -> Array | None:
    """The weights as a float64 array ``(n_rows,)``, or None."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], sample_weight)
    weights = finite_numbers(sample_weight, name)
    if weights.shape != (X.shape[0],):
        raise ValueError(
            f"{name} has shape {weights.shape}, expected ({X.shape[0]},): one number "
            "for each row of X."
        )
    if (weights < 0).any():
        raise ValueError(
            f"{name} must not be negative, got {weights.min()} in row "
            f"{weights.argmin()}."
        )
    return weights


def finite_numbers(values: ArrayLike, name: str) -> Array:
    """The values as a float64 array."""
    try:
        return np.asarray(
            check_array(values, ensure_2d=False, dtype=np.float64, input_name=name)
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be finite numbers: {error}") from error


def score_weights(sample_weight: ArrayLike | None) -> Array | None:
    """The weights scaled so that the largest is about 1 and sums are finite.

    The scale is a power of two, so only negligible weights are rounded.
    """
    if sample_weight is None:
        return None
    weights = finite_numbers(sample_weight, "sample_weight")
    _, exponent = np.frexp(np.abs(weights).max())
    return np.asarray(np.ldexp(weights, -exponent))


def class_factors(class_weight: Mapping[Any, float], classes: Array) -> Array:
    """The weight of each of `classes`, 1 if none is given."""
    # Not by compute_class_weight, which takes the label "1" for the number 1.
    labels = classes.tolist()
    known = set(labels)
    unknown = [key for key in class_weight if key not in known]
    # An unknown class alone is fine: a fold may lack a rare class. If another class is
    # missing, the unknown one is probably misspelt.
    missing = [label for label in labels if label not in class_weight]
    if unknown and missing:
        raise ValueError(
            f"class_weight has weights for {unknown}, which are not among the classes "
            f"{labels}. If y lacks them only here, as a fold may, also give weights to "
            f"{missing}: a class_weight that names every class of y may name others."
        )
    return np.array([class_weight.get(label, 1.0) for label in labels], dtype=float)


def balanced_factors(counts: Array) -> Array:
    """``n / (n_classes · count)`` for each class; counts may be sums of weights."""
    # A class without weight has no rows that count, so any factor will do.
    return counts.sum() / (len(counts) * np.where(counts, counts, np.inf))


def divided_by_mean(
    weights: Array | None, rows: Array | None, purpose: str = ""
) -> tuple[Array | None, float]:
    """The weights divided by their mean over these rows (None means all), and the mean.

    Raise ValueError if all these rows have zero weight; `purpose` ends the message.
    """
    if weights is None:
        return None, 1.0
    own = weights if rows is None else weights[rows]
    require_some_weight(own, purpose)
    largest = float(own.max())  # divided out first, so that the mean cannot overflow
    mean = float((own / largest).mean())
    # Not rounded to 0, because alpha is divided by it.
    return weights / largest / mean, max(mean * largest, np.finfo(np.float64).tiny)


def require_some_weight(weights: Array, purpose: str = "") -> None:
    """Raise ValueError if all weights are zero; `purpose` ends the message."""
    if not weights.any():
        raise ValueError(
            "sample_weight (times class_weight, if that is given) is zero in every "
            f"row{purpose}. Give at least one row a positive weight."
        )


def as_dtype(weights: Array, dtype: Any) -> Array:
    """The weights in the network's dtype; ValueError if it cannot hold them."""
    with np.errstate(all="ignore"):
        converted = weights.astype(dtype)
    lost = weights.any() and not converted.any()
    if lost or not np.isfinite(converted).all():
        raise ValueError(
            "sample_weight (times class_weight, if that is given) has values from "
            f"{weights.min():g} to {weights.max():g}, which {dtype} cannot hold."
        )
    return converted
