"""What may help a network that does not learn: each remedy only where it fits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._training.examples import Source
from .._training.progress import Ending, Plan
from .outcome import Run

Array = NDArray[Any]

# A class with a smaller share of the rows is rare, one with this share very rare: part
# of an even share.
RARE, VERY_RARE = 0.4, 0.1
# A regressor's targets are activations between 0.1 and 0.9. They are crowded where nine
# tenths of them are within less than this.
CROWDED, VERY_CROWDED = 0.2, 0.1
# Columns are not scaled where a deviation or a mean is larger than the first, or where
# all deviations are smaller than the last; or where one is a hundredth of another that
# is larger than the middle.
LARGE, WIDE, TINY = 30.0, 3.0, 0.1
# A penalty from here on takes back what is learnt.
STRONG_ALPHA = 0.01
# η counts as far from "auto" from this factor on.
FAR = 3.0


def scaling(model: Any, source: Source) -> str | None:
    """Scale `X`, with the columns that show best that it is not, by name."""
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
    named = f"column {names[wide]!s} has a deviation of {spreads[wide]:.2g}"
    tell = known & (spreads * 100 <= spreads[wide])
    # Pictures between 0 and 1 have a few pixels at the border that hardly vary.
    uneven = tell.any() and (spreads[wide] > WIDE or tell.sum() > known.sum() / 4)
    if uneven:
        named += f", column {names[narrow]!s} of {spreads[narrow]:.2g}"
    tiny = spreads[wide] < TINY
    if source.sparse:  # rare words differ in spread, and are small, as they should be
        uneven = tiny = False
    if abs(means[far]) > LARGE and not uneven:
        named = f"column {names[far]!s} has a mean of {means[far]:.2g}"
    elif not (uneven or tiny or spreads[wide] > LARGE):
        return None
    scaler = "MaxAbsScaler" if source.sparse else "StandardScaler"
    return f"X is not scaled: {named}. Put a {scaler} before the network."


def centring(model: Any, source: Source) -> str | None:
    """Centre `X`, where a regressor stopped at what may be a linear model's loss."""
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
    """Whether each row has one class, and there are several."""
    is_classifier = hasattr(model, "classes_")
    return is_classifier and not model._multilabel and len(model.classes_) > 1


def class_shares(source: Source) -> Array:
    """The (weighted) share of the rows of each class."""
    total, said, _ = source.target_moments()
    shares = np.asarray(said / total)
    return shares if len(shares) > 1 else np.array([1 - shares[0], shares[0]])


def rare_classes(model: Any, source: Source, below: float) -> str | None:
    """Weigh rare classes, or judge epochs by a score that sees them."""
    if not has_a_choice(model):
        return None
    shares = class_shares(source)
    present = np.where(shares > 0, shares, np.inf)
    if present.min() > below / len(shares):
        return None
    rarest = model.classes_.tolist()[int(present.argmin())]
    advice = []
    if model.class_weight is None:
        advice.append('class_weight="balanced"')
    if model.early_stopping is True and model.scoring is None:
        advice.append('scoring="balanced_accuracy"')
    if not advice:
        return None
    return f"Class {rarest!r} is rare: set {' and '.join(advice)}."


def outliers(model: Any, source: Source, below: float) -> str | None:
    """Bring the bulk of `y` apart, where it has little of the range of activations."""
    if not hasattr(model, "target_range_"):
        return None
    sample = source.sample()
    if sample is None:
        return None
    low, high = np.quantile(sample[1], [0.05, 0.95], axis=0)
    widths = (high - low)[high > low]  # without an output that does not vary
    if not widths.size or widths.min() >= below:
        return None
    if not isinstance(model.target_range, str):
        return "target_range is much wider than y: narrow it."
    return (
        "A few values of y are far from the others: clip them, or learn the logarithm "
        "of y with a TransformedTargetRegressor."
    )


def smaller_alpha(model: Any) -> str | None:
    """A smaller penalty, which takes back what is learnt."""
    if model.alpha < STRONG_ALPHA:
        return None
    return f"Set a smaller alpha (it was {float(model.alpha):g})."


def another_eta(model: Any, run: Run) -> str | None:
    """Another η, where it is far from what "auto" would be."""
    eta, auto = run.plan.learning_rate_init, _auto_eta(model, run)
    if auto / FAR <= eta <= auto * FAR:
        return None
    return _use_auto(eta, auto)


def larger_eta(model: Any, run: Run) -> str | None:
    """A larger η, where it is far below what "auto" would be."""
    eta, auto = run.plan.learning_rate_init, _auto_eta(model, run)
    return _use_auto(eta, auto) if eta < auto / FAR else None


def smaller_eta(model: Any, run: Run) -> str:
    """A smaller η, whatever it was: that of "auto" or a tenth."""
    eta = run.plan.learning_rate_init
    better = min(eta / 10, _auto_eta(model, run))
    also = " and a smaller alpha" if model.alpha else ""
    return f"Set learning_rate_init={better:.2g} (it was {eta:.2g}){also}."


def more_patience(plan: Plan, ending: Ending) -> str:
    """More epochs: in all, or without improvement. If there is anything to learn."""
    name = "max_iter" if ending == "max_iter" else "n_iter_no_change"
    return (
        f"Raise {name} (it was {getattr(plan, name)}). If that does not help, X may "
        "say little about y, or have outliers."
    )


def more_epochs(plan: Plan) -> str:
    """More epochs, unless the network learns noise by now."""
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
    """What learning_rate_init="auto" would be."""
    twin = model._copy()
    twin.learning_rate_init = "auto"
    twin._measure_norm(run.source)
    pace = twin._pace(run.plan.early_stopping)
    return float(twin._resolve_learning_rate_init(pace, len(run.source)))


def _means_and_deviations(source: Source) -> tuple[Array, Array] | None:
    """Of each column, in a sample of the rows; None where there is none."""
    sample = source.sample()
    if sample is None:
        return None
    X, _ = sample
    if isinstance(X, np.ndarray):
        return X.mean(axis=0, dtype=float), X.std(axis=0, dtype=float)
    mean, of_squares = (np.asarray(a.mean(axis=0)).ravel() for a in (X, X.multiply(X)))
    return mean, np.sqrt(np.maximum(of_squares - mean**2, 0))
