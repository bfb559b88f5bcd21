"""What may help a network that does not learn: each remedy only where it fits."""

from typing import Any

import numpy as np

from .._training.examples import Source
from .._training.progress import Ending, Plan
from .outcome import Run

# A class with a smaller share of the rows is rare, one with this share very rare: part
# of an even share.
RARE, VERY_RARE = 0.4, 0.1
# A regressor's targets are activations between 0.1 and 0.9. They are crowded where nine
# tenths of them are within less than this.
CROWDED = 0.1
# η counts as far from "auto" from this factor on.
FAR = 3.0


def scaling(model: Any, source: Source) -> str | None:
    """Scale `X`, with the columns of the largest and the smallest spread by name."""
    sample = source.sample()
    if sample is None:
        return None
    spreads = _deviations(sample[0])
    if not spreads.any():
        return None
    narrow = int(np.where(spreads > 0, spreads, np.inf).argmin())
    wide = int(spreads.argmax())
    differ = spreads[wide] >= 100 * spreads[narrow] and spreads[wide] > 3
    small = spreads[wide] < 0.01
    if source.sparse:  # rare words differ in spread, and are small, as they should be
        differ = small = False
    if not (differ or small or spreads[wide] > 30):
        return None
    names = getattr(model, "feature_names_in_", np.arange(len(spreads)))
    columns = f"column {names[wide]!s} has a deviation of {spreads[wide]:.2g}"
    if wide != narrow:
        columns += f", column {names[narrow]!s} of {spreads[narrow]:.2g}"
    scaler = "MaxAbsScaler" if source.sparse else "StandardScaler"
    return f"X is not scaled: {columns}. Put a {scaler} before the network."


def rare_classes(model: Any, source: Source, below: float) -> str | None:
    """Weigh rare classes, or judge epochs by a score that sees them."""
    if not hasattr(model, "classes_") or model._multilabel:
        return None
    total, said, _ = source.target_moments()
    shares = said / total
    if len(shares) == 1:
        shares = np.array([1 - shares[0], shares[0]])
    if len(shares) < 2 or shares.min() > below / len(shares):
        return None
    rarest = model.classes_.tolist()[int(shares.argmin())]
    advice = []
    if model.class_weight is None:
        advice.append('class_weight="balanced"')
    if model.early_stopping is True and model.scoring is None:
        advice.append('scoring="balanced_accuracy"')
    if not advice:
        return None
    return f"Class {rarest!r} is rare: set {' and '.join(advice)}."


def outliers(model: Any, source: Source) -> str | None:
    """Bring the bulk of `y` apart, where a few values take nearly all of its range."""
    if not hasattr(model, "target_range_"):
        return None
    sample = source.sample()
    if sample is None or not model._constant_loss:
        return None
    low, high = np.quantile(sample[1], [0.05, 0.95], axis=0)
    if np.min(high - low) >= CROWDED:
        return None
    return (
        "A few values of y are far from the others: set target_range to the range of "
        "most values, or learn the logarithm of y with a TransformedTargetRegressor."
    )


def another_eta(model: Any, run: Run) -> str | None:
    """Another η, where it is far from what "auto" would be."""
    eta, auto = run.plan.learning_rate_init, _auto_eta(model, run)
    if auto / FAR <= eta <= auto * FAR:
        return None
    kind = "large" if eta > auto else "small"
    return (
        f"learning_rate_init={eta:g} is {kind} for this network: try {auto:.2g}, "
        'which "auto" would be.'
    )


def smaller_eta(model: Any, run: Run) -> str:
    """A smaller η, whatever it was: that of "auto" or a tenth."""
    eta = run.plan.learning_rate_init
    better = min(eta / 10, _auto_eta(model, run))
    also = " and a smaller alpha" if model.alpha else ""
    return f"Set learning_rate_init={better:.2g} (it was {eta:.2g}){also}."


def more_patience(plan: Plan, ending: Ending) -> str:
    """More epochs: in all, or without improvement."""
    if ending == "max_iter":
        return f"Raise max_iter (it was {plan.max_iter})."
    return f"Raise n_iter_no_change (it was {plan.n_iter_no_change})."


def _auto_eta(model: Any, run: Run) -> float:
    """What learning_rate_init="auto" would be."""
    twin = model._copy()
    twin.learning_rate_init = "auto"
    pace = twin._pace(run.plan.early_stopping)
    return float(twin._resolve_learning_rate_init(pace, len(run.source)))


def _deviations(X: Any) -> np.ndarray[Any, Any]:
    """The standard deviation of each column of an array or of CSR."""
    squares = X * X if isinstance(X, np.ndarray) else X.multiply(X)
    mean, of_squares = (np.asarray(a.mean(axis=0)).ravel() for a in (X, squares))
    return np.sqrt(np.maximum(of_squares - mean**2, 0))
