"""The result of a call: the fitted attributes."""

from typing import Any, NamedTuple

from numpy.random import RandomState

from .._engine.protocol import Network
from .._training.descent import restore_best
from .._training.examples import Source
from .._training.held_out import HeldOut
from .._training.progress import Plan, Progress
from .call import Call

# How many of a stream's latest losses are kept: 0.3 MB, and 80 kB in a file. Without a
# limit, half an hour of small chunks made 34 MB of them.
MOST_STREAM_LOSSES = 10_000


class Run(NamedTuple):
    """The state of training, from which the fitted attributes are made."""

    engine: Network
    source: Source
    plan: Plan
    progress: Progress
    random_state: RandomState | None
    held_out: HeldOut | None


def fitted_attributes(model: Any, run: Run, call: Call) -> dict[str, Any]:
    """The fitted attributes that training changes, as they are now."""
    engine, _, plan, progress, random_state, _ = run
    coefs, intercepts = engine.parameters()
    attributes: dict[str, Any] = {
        "coefs_": coefs,
        "intercepts_": intercepts,
        "_velocity": engine.velocities(),
        "learning_rate_init_": plan.learning_rate_init,
        "batch_size_": plan.batch_size,
        "n_iter_": progress.n_iter,
        "t_": progress.t,
        "loss_": progress.losses[-1] if progress.losses else None,
        "loss_curve_": [*model.loss_curve_, *progress.losses],
        "_best_loss": progress.best_loss,
        # The best network starts with a count of 0.
        "_no_improvement_count": progress.n_no_change if progress.best is None else 0,
        "_n_eta_drops": progress.n_eta_drops,
    }
    if random_state is not None:
        attributes["_random_state"] = random_state.get_state(legacy=False)
    if progress.validation_scores:
        for name, new in (
            ("validation_scores_", progress.validation_scores),
            ("validation_loss_curve_", progress.validation_losses),
        ):
            attributes[name] = [*(getattr(model, name) or ()), *new]
    if call.is_pass:
        del attributes["loss_curve_"][:-MOST_STREAM_LOSSES]
        if model.best_loss_ is not None:
            attributes["best_loss_"] = progress.best_loss
    else:
        by_score = plan.early_stopping
        attributes["tol_"] = plan.tol
        attributes["best_loss_"] = None if by_score else progress.best_loss
        attributes["best_validation_score_"] = progress.best_score if by_score else None
    return attributes


def fitted_attributes_if_stopped(model: Any, run: Run, call: Call) -> dict[str, Any]:
    """The fitted attributes as if training had ended with this epoch."""
    snapshot = run.engine.snapshot()
    restore_best(run.engine, run.progress)
    try:
        return fitted_attributes(model, run, call)
    finally:
        run.engine.restore(snapshot)
