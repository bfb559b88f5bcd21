"""What may help a network that does not learn: each remedy only where it applies."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._training.examples import Source
from .._training.progress import Ending, Plan
from .outcome import Run

Array = NDArray[Any]

# A class with a smaller share of the rows is rare, or very rare. Both are fractions of
# an even share.
RARE, VERY_RARE = 0.4, 0.1
# A regressor's targets are activations between 0.1 and 0.9. They are crowded if nine
# tenths of them lie in an interval narrower than this.
CROWDED, VERY_CROWDED = 0.2, 0.1
# Columns count as not scaled if a standard deviation or a mean exceeds LARGE, if all
# deviations are below TINY, or if a deviation is below a hundredth of another one that
# exceeds WIDE.
LARGE, WIDE, TINY = 30.0, 3.0, 0.1
# From this value, the penalty undoes what the network learns.
STRONG_ALPHA = 0.01
# η counts as far from "auto" beyond this factor.
FAR = 3.0


def scaling(model: Any, source: Source) -> str | None:
    """Scale `X`; the advice names the columns that show best that it is not scaled."""
    columns = _means_and_deviations(source)
    if columns is None:
        return None
    means, spreads = columns
    known = np.isfinite(spreads) & (spreads > 0)
    if not known.any():
        return None
    far, wide = int(np.abs(means).argmax()), int(np.where(known, spreads, 0).argmax())
    narrow = int(np.where(known, spreads, np.inf).argmin())
    names = getattr(model, "feature_names_in_", np.arange(len(spreads)))
    evidence = f"column {names[wide]!s} has a standard deviation of {spreads[wide]:.2g}"
    much_narrower = known & (spreads * 100 <= spreads[wide])
    # Images between 0 and 1 have a few pixels at the border that hardly vary.
    uneven = much_narrower.any() and (
        spreads[wide] > WIDE or much_narrower.sum() > known.sum() / 4
    )
    if uneven:
        evidence += f", column {names[narrow]!s} one of {spreads[narrow]:.2g}"
    tiny = spreads[wide] < TINY
    if source.sparse:  # counts of rare words are small and uneven, as they should be
        uneven = tiny = False
    if abs(means[far]) > LARGE and not uneven:
        evidence = f"column {names[far]!s} has a mean of {means[far]:.2g}"
    elif not (uneven or tiny or spreads[wide] > LARGE):
        return None
    scaler = "MaxAbsScaler" if source.sparse else "StandardScaler"
    return f"X is not scaled: {evidence}. Put a {scaler} before the network."


def centring(model: Any, source: Source) -> str | None:
    """Centre `X`: without that, a regressor may stop at a linear model's loss."""
    columns = _means_and_deviations(source)
    if columns is None or source.sparse or not hasattr(model, "target_range_"):
        return None
    means, spreads = columns
    varies = spreads > 0
    if not varies.any() or np.median(np.abs(means[varies]) / spreads[varies]) < 1:
        return None
    return (
        "Centre X with a StandardScaler before the network (a MinMaxScaler does not "
        "centre)."
    )


def has_a_choice(model: Any) -> bool:
    """Whether the model chooses one of several classes for each row."""
    is_classifier = hasattr(model, "classes_")
    return is_classifier and not model._multilabel and len(model._labels) > 1


def class_shares(source: Source) -> Array:
    """The (weighted) share of the rows of each class."""
    total, sums, _ = source.target_moments()
    shares = np.asarray(sums / total)
    return shares if len(shares) > 1 else np.array([1 - shares[0], shares[0]])


def rare_classes(model: Any, source: Source, below: float) -> str | None:
    """Weight rare classes, or stop by a score that is sensitive to them."""
    if not has_a_choice(model):
        return None
    shares = class_shares(source)
    present = np.where(shares > 0, shares, np.inf)
    if present.min() > below / len(shares):
        return None
    rarest = model._labels.tolist()[int(present.argmin())]
    advice = []
    if model.class_weight is None:
        advice.append('class_weight="balanced"')
    if model.early_stopping is True and model.scoring is None:
        advice.append('scoring="balanced_accuracy"')
    if not advice:
        return None
    return f"Class {rarest!r} is rare: set {' and '.join(advice)}."


def outliers(model: Any, source: Source, below: float) -> str | None:
    """Spread the bulk of `y`, if it is crowded into few activations."""
    if not hasattr(model, "target_range_"):
        return None
    sample = source.sample()
    if sample is None:
        return None
    low, high = np.quantile(sample[1], [0.05, 0.95], axis=0)
    widths = (high - low)[high > low]  # without outputs that do not vary
    if not widths.size or widths.min() >= below:
        return None
    if not isinstance(model.target_range, str):
        return "target_range is much wider than y: narrow it."
    return (
        "A few values of y are far from the others: clip them, or learn the logarithm "
        "of y with a TransformedTargetRegressor."
    )


def smaller_alpha(model: Any) -> str | None:
    """A smaller penalty, if it is strong enough to undo what the network learns."""
    if model.alpha < STRONG_ALPHA:
        return None
    return f"Set a smaller alpha (it was {float(model.alpha):g})."


def another_eta(model: Any, run: Run) -> str | None:
    """Another η, if this one is far from the value of "auto"."""
    eta, auto = run.plan.learning_rate_init, _auto_eta(model, run)
    if auto / FAR <= eta <= auto * FAR:
        return None
    return _use_auto(eta, auto)


def larger_eta(model: Any, run: Run) -> str | None:
    """A larger η, if this one is far below the value of "auto"."""
    eta, auto = run.plan.learning_rate_init, _auto_eta(model, run)
    return _use_auto(eta, auto) if eta < auto / FAR else None


def smaller_eta(model: Any, run: Run) -> str:
    """A smaller η in any case: a tenth of it, or the value of "auto" if smaller."""
    eta = run.plan.learning_rate_init
    better = min(eta / 10, _auto_eta(model, run))
    also = " and a smaller alpha" if model.alpha else ""
    return f"Set learning_rate_init={better:.2g} (it was {eta:.2g}){also}."


def more_patience(plan: Plan, ending: Ending) -> str:
    """More epochs, in total or without improvement, if there is anything to learn."""
    name = "max_iter" if ending == "max_iter" else "n_iter_no_change"
    return (
        f"Raise {name} (it was {getattr(plan, name)}). If that does not help, X may "
        "contain little information about y, or have outliers."
    )


def more_epochs(plan: Plan) -> str:
    """More epochs, unless the network already learns noise."""
    if plan.early_stopping:
        return "Raise max_iter."
    return "Raise max_iter. If that does not help on new rows, set early_stopping=True."


def _use_auto(eta: float, auto: float) -> str:
    kind = "large" if eta > auto else "small"
    return (
        f"learning_rate_init={eta:g} is {kind} for this network: try {auto:.2g}, the "
        'value of "auto".'
    )


def _auto_eta(model: Any, run: Run) -> float:
    """The value of learning_rate_init="auto"."""
    twin = model._copy()
    twin.learning_rate_init = "auto"
    twin._measure_norm(run.source)
    pace = twin._pace(run.plan.early_stopping)
    return float(twin._resolve_learning_rate_init(pace, len(run.source)))


def _means_and_deviations(source: Source) -> tuple[Array, Array] | None:
    """The mean and standard deviation of each column in a sample of the rows.

    None if the source has no sample.
    """
    sample = source.sample()
    if sample is None:
        return None
    X, _ = sample
    if isinstance(X, np.ndarray):
        return X.mean(axis=0, dtype=float), X.std(axis=0, dtype=float)
    mean, mean_square = (np.asarray(a.mean(axis=0)).ravel() for a in (X, X.multiply(X)))
    return mean, np.sqrt(np.maximum(mean_square - mean**2, 0))
