"""The rows that early stopping holds out, and advice if there are too few."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

Array = NDArray[Any]


def split_rows(
    n_rows: int, fraction: float, seed: int | None, strata: Any
) -> tuple[Array, Array]:
    """Indices of the rows to learn from and of the rows to hold out, in order.

    `strata` are labels whose proportions both parts keep, or None. Without a seed the
    last rows are held out, because their order has a meaning, such as time.
    """
    _require_enough_rows(n_rows, fraction, strata)
    rows, held_out = train_test_split(
        np.arange(n_rows),
        test_size=fraction,
        shuffle=seed is not None,
        random_state=seed,
        stratify=strata,
    )
    return np.sort(rows), np.sort(held_out)


def _require_enough_rows(n_rows: int, fraction: float, strata: Any) -> None:
    """Raise ValueError if a part would be too small for a score, or lack a class."""
    n_classes = 1
    beginning = (
        f"early_stopping cannot hold out validation_fraction={fraction:g} of the "
        f"{n_rows} rows: "
    )
    if strata is not None:
        classes, counts = np.unique(strata, return_counts=True)
        n_classes = len(classes)
        if counts.min() < 2:
            lone = classes[counts < 2].tolist()
            raise ValueError(
                f"{beginning}there is only 1 row of each of the classes {lone}. A "
                "class needs at least 2, one to learn from and one to hold out. Add "
                "rows, leave such classes out, or give X_val and y_val."
            )
    # The score of a single row says too little.
    least = max(2, n_classes)
    n_held_out = _held_out(n_rows, fraction)
    if n_held_out >= least and n_rows - n_held_out >= n_classes:
        return
    need = "the score needs 2, and training 1"
    if n_classes > 1:
        need = f"both parts need a row of each of the {n_classes} classes"
    better = _working_fraction(n_rows, least, n_classes)
    advice = f"Set validation_fraction={better:g}" if better else "Add rows"
    raise ValueError(
        f"{beginning}it would hold out {n_held_out} and learn from "
        f"{n_rows - n_held_out}, but {need}. {advice}, or give X_val and y_val."
    )


def _held_out(n_rows: int, fraction: float) -> int:
    """The number of rows that scikit-learn holds out."""
    return math.ceil(fraction * n_rows)


def _working_fraction(n_rows: int, least: int, n_classes: int) -> float | None:
    """The smallest round fraction that holds out at least `least` rows."""
    digits = max(2, math.ceil(math.log10(n_rows / least)))
    rounded = math.ceil(10**digits * least / n_rows) / 10**digits
    n_held_out = _held_out(n_rows, rounded)
    works = rounded < 1 and least <= n_held_out <= n_rows - n_classes
    if works:
        return rounded
    # Rounding would hold out too many rows: hold out exactly `least`.
    exact = (least - 0.5) / n_rows
    works = n_rows - _held_out(n_rows, exact) >= n_classes
    return exact if works else None
