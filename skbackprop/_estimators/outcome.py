"""What a call leaves: the fitted attributes, and a word on how training ended."""

from typing import Any, NamedTuple

from numpy.random import RandomState
from sklearn.exceptions import ConvergenceWarning

from .._engine.network import Engine
from .._training.descent import restore_best
from .._training.examples import Source, constant_loss
from .._training.held_out import HeldOut
from .._training.progress import Ending, Plan, Progress
from .._training.saturation import is_saturated
from .call import Call
from .warnings import warn

# Part of a constant prediction's loss that counts as no better than that: a network
# that has learnt nothing is at 1, or a little below where it wavers.
NO_BETTER = 0.98
# Passes of a stream, the latest, whose losses are kept: 0.3 MB, and 80 kB in a file.
# Without an end, half an hour of small chunks made 34 MB of them.
CURVE_OF_A_STREAM = 10_000


class Run(NamedTuple):
    """Training under way: all that fitted attributes are made from."""

    engine: Engine
    source: Source
    plan: Plan
    progress: Progress
    random_state: RandomState | None
    held_out: HeldOut | None


def stored(model: Any, run: Run, call: Call) -> dict[str, Any]:
    """The fitted attributes that training changes, as they are now."""
    engine, _, plan, progress, random_state, _ = run
    coefs, intercepts = engine.parameters()
    attributes: dict[str, Any] = {
        "coefs_": coefs,
        "intercepts_": intercepts,
        "_velocity": engine.velocities(),
        "learning_rate_init_": plan.learning_rate_init,
        "n_iter_": progress.n_iter,
        "t_": progress.t,
        "loss_": progress.losses[-1] if progress.losses else None,
        "loss_curve_": [*model.loss_curve_, *progress.losses],
        "_best_loss": progress.best_loss,
        # From the best network, there have been none yet.
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
        del attributes["loss_curve_"][:-CURVE_OF_A_STREAM]
        if model.best_loss_ is not None:
            attributes["best_loss_"] = progress.best_loss
    else:
        by_score = plan.early_stopping
        attributes["best_loss_"] = None if by_score else progress.best_loss
        attributes["best_validation_score_"] = progress.best_score if by_score else None
    return attributes


def stored_if_stopped(model: Any, run: Run, call: Call) -> dict[str, Any]:
    """The same as if training had ended with this epoch."""
    snapshot = run.engine.snapshot()
    restore_best(run.engine, run.progress)
    try:
        return stored(model, run, call)
    finally:
        run.engine.restore(snapshot)


def shortfall(ending: Ending, run: Run) -> str | None:
    """What to say where training that has ended has learnt nothing that lasts."""
    if ending not in ("no improvement", "max_iter"):
        return None
    plan, progress = run.plan, run.progress
    constant = constant_loss(run.source)
    high = progress.losses[-1] >= NO_BETTER * constant
    if high and is_saturated(run.engine, run.source, constant):
        return (
            f"Training has saturated: after {progress.n_iter} epochs the output "
            "neurons are wrong where the sigmoid is flat, so that no error comes back, "
            f"and the loss ({progress.losses[-1]:.3g}) is not below that of the best "
            f"constant prediction ({constant:.3g}). Scale X to about unit variance or "
            "use a smaller learning_rate_init (it was "
            f"{plan.learning_rate_init:g}), and a smaller alpha or momentum where they "
            "are not 0."
        )
    if ending == "no improvement" and progress.best_loss >= NO_BETTER * constant > 0:
        return (
            f"Training stopped after {progress.n_iter} epochs no better than a "
            f"constant prediction (loss {progress.best_loss:.3g}). Scale X to about "
            "unit variance, try another learning_rate_init (it was "
            f"{plan.learning_rate_init:g}), a smaller alpha or momentum where they "
            "are not 0, or a smaller tol."
        )
    return None


def warn_of_ending(ending: Ending, run: Run, shortfall: str | None) -> None:
    """Comes after the model is stored: a warning made an error must not lose it."""
    plan, progress = run.plan, run.progress
    if ending == "interrupted" and not progress.losses:
        warn(
            "Training was interrupted before the end of its first epoch. The model is "
            "that of the random initial weights."
        )
    elif ending == "interrupted":
        warn(
            f"Training was interrupted. The model is that of {progress.n_iter} whole "
            "epochs, or with early stopping the best of them; fit with "
            "warm_start=True, or partial_fit, goes on from there."
        )
    elif shortfall is not None:
        warn(shortfall, ConvergenceWarning)
    elif ending == "max_iter":
        what = "validation score" if plan.early_stopping else "loss"
        warn(
            f"max_iter={plan.max_iter} epochs are done and training had not stopped by "
            f"itself, as it does after more than n_iter_no_change="
            f"{plan.n_iter_no_change} epochs in a row in which the {what} does not "
            f"improve by tol={plan.tol}. Raise max_iter or, if "
            "loss_curve_ falls slowly, learning_rate_init (it was "
            f"{plan.learning_rate_init:g}).",
            ConvergenceWarning,
        )
