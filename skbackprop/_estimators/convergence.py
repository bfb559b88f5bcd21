"""Warnings of how training ended: a network that has learnt too little, an interrupt.

The messages name the values of parameters but no losses, so that most folds of a search
give the same message. (We cannot make Python show it only once: scikit-learn restores
the warning filters in each fit, and then Python forgets what it has shown.)
"""

from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._training.examples import constant_loss
from .._training.progress import Ending, Plan, Progress
from .._training.symptoms import classes_predicted, is_saturated
from .auto import NO_BETTER
from .outcome import Run
from .remedies import (
    CROWDED,
    RARE,
    VERY_CROWDED,
    VERY_RARE,
    another_eta,
    centring,
    class_shares,
    has_a_choice,
    larger_eta,
    more_epochs,
    more_patience,
    outliers,
    rare_classes,
    scaling,
    smaller_alpha,
    smaller_eta,
)
from .user_warnings import warn

# Fractions of the loss of a constant prediction follow. If the loss falls by more than
# this during the last n_iter_no_change epochs, tol stopped it, not the end of learning.
STILL_FALLING = 0.003

# Below this, little is left to learn, and reaching max_iter is no reason to warn.
LEARNT = 0.05

PAGE = 'See "My network does not learn" in the documentation.'


class Finding(NamedTuple):
    """What is wrong with a network, and what may help."""

    what: str
    remedies: list[str | None]
    # The advice if no remedy applies.
    otherwise: str | None = None

    def __str__(self) -> str:
        """What is wrong, up to two remedies, and the page of the documentation."""
        fitting = [remedy for remedy in self.remedies if remedy is not None]
        fitting = fitting[:2] or [remedy for remedy in [self.otherwise] if remedy]
        return " ".join([self.what, *fitting, PAGE])


def shortfall(model: Any, ending: Ending, run: Run) -> Finding | None:
    """The finding about the kept network if it has learnt too little."""
    if ending not in ("no improvement", "max_iter"):
        return None
    plan, progress = run.plan, run.progress
    constant = model._constant_loss or 0.0
    no_better = _kept_loss(progress) >= NO_BETTER * constant
    if no_better and is_saturated(run.engine, run.source, constant):
        return saturated(model, run)
    what = None if no_better else _never_predicted(model, run)
    if no_better and constant > 0:
        what = "no better than a constant prediction"
    if what is not None:
        return Finding(
            f"Training ended {what}.",
            [
                scaling(model, run.source),
                rare_classes(model, run.source, RARE),
                outliers(model, run.source, CROWDED),
                smaller_alpha(model),
                another_eta(model, run),
            ],
            more_patience(plan, ending),
        )
    if ending == "no improvement" and _stopped_falling(plan, progress, constant):
        return Finding(
            f"Training stopped while the loss was still falling, by less than tol="
            f"{plan.tol:g} an epoch.",
            [
                scaling(model, run.source),
                larger_eta(model, run),
            ],
            'Set tol="auto".' if model.tol != "auto" else more_patience(plan, ending),
        )
    learnt = _kept_loss(progress) < LEARNT * constant
    if ending == "max_iter" and _could_have_stopped(plan) and not learnt:
        return Finding(
            f"Training reached max_iter={plan.max_iter} while the "
            f"{'held-out score' if plan.early_stopping else 'loss'} was still "
            "improving.",
            [
                scaling(model, run.source),
                centring(model, run.source),
                rare_classes(model, run.source, VERY_RARE),
                outliers(model, run.source, CROWDED),
                larger_eta(model, run),
            ],
            more_epochs(plan),
        )
    advice = outliers(model, run.source, VERY_CROWDED)
    if advice is not None:
        return Finding("Most values of y lie in a small part of its range.", [advice])
    if learnt:
        return None
    advice = scaling(model, run.source) or centring(model, run.source)
    if advice is not None:
        return Finding("Training stopped with much left to learn.", [advice])
    return None


def saturated(model: Any, run: Run) -> Finding:
    """The finding about a network whose outputs are wrong where the sigmoid is flat."""
    return Finding(
        "The network is saturated: its outputs are wrong where the sigmoid is flat, so "
        "no error flows back.",
        [scaling(model, run.source), smaller_eta(model, run)],
    )


def saturation_of_pass(model: Any, run: Run) -> Finding | None:
    """The finding about a saturated network in a stream, reported once.

    Looking for it has a cost, so it happens only after 1, 2, 4, 8, ... passes, if the
    targets of the rows vary.
    """
    n = run.progress.n_iter
    if model._is_told_of_saturation or n & (n - 1):
        return None
    constant = constant_loss(run.source)
    high = run.progress.losses[-1] >= NO_BETTER * constant > 0
    if high and is_saturated(run.engine, run.source, constant):
        return saturated(model, run)
    return None


def _kept_loss(progress: Progress) -> float:
    """The loss of the kept network: of the last epoch, or of the best one.

    For the best epoch it is the smaller of two losses: that of the training rows, which
    was measured during the epoch, and that of the held-out rows.
    """
    if progress.best_epoch is None:
        return progress.losses[-1]
    first = progress.n_iter - len(progress.losses)
    training_loss = progress.losses[max(progress.best_epoch - first, 1) - 1]
    return min(training_loss, progress.best_validation_loss)


def _never_predicted(model: Any, run: Run) -> str | None:
    """What is wrong with a classifier that never predicts some class of `y`."""
    if not has_a_choice(model):
        return None
    labels = model._labels.tolist()
    n_classes = len(labels)
    found = classes_predicted(run.engine, run.source, n_classes)
    if not found or len(found) == n_classes:
        return None
    shares = class_shares(run.source)  # last, as it is a pass over all targets
    if len(found) == 1 and np.count_nonzero(shares) > 1:
        return f"with a network that predicts {labels[found.pop()]!r} for all rows"
    missed = [
        labels[place]
        for place in range(n_classes)
        if place not in found and shares[place] > 0
    ]
    return f"with a network that never predicts {_listed(missed)}" if missed else None


def _listed(labels: list[Any]) -> str:
    """The labels as text, at most three of them."""
    shown = ", ".join(map(repr, labels[:3]))
    return shown if len(labels) <= 3 else f"{shown} and {len(labels) - 3} more"


def _stopped_falling(plan: Plan, progress: Progress, constant: float) -> bool:
    """Whether the loss fell during the epochs that counted as no improvement."""
    if plan.early_stopping or not np.isfinite(plan.n_iter_no_change):
        return False
    began = len(progress.losses) - int(plan.n_iter_no_change) - 1
    if began < 1:
        return False
    before, since = min(progress.losses[:began]), min(progress.losses[began:])
    return before - since > STILL_FALLING * constant > 0


def _could_have_stopped(plan: Plan) -> bool:
    """Whether the user asked for convergence, not for a fixed number of epochs."""
    return bool(np.isfinite(plan.n_iter_no_change)) and plan.tol > 0


def warn_about_ending(ending: Ending, run: Run, finding: Finding | None) -> None:
    """Warn, after the model is stored: a warning may be turned into an error."""
    plan, progress = run.plan, run.progress
    if ending == "interrupted" and not progress.losses:
        warn(
            "Training was interrupted before the end of its first epoch. The model has "
            "its random initial weights."
        )
    elif ending == "interrupted":
        kept = "the best of" if plan.early_stopping else "the one after"
        warn(
            f"Training was interrupted. The model is {kept} {progress.n_iter} whole "
            "epochs. To continue from it, call fit with warm_start=True, or "
            "partial_fit."
        )
    elif finding is not None:
        warn(str(finding), ConvergenceWarning)
