"""How training ended, in words: no convergence, saturation, an interrupt."""

from sklearn.exceptions import ConvergenceWarning

from .._training.examples import constant_loss
from .._training.progress import Ending
from .._training.saturation import is_saturated
from .outcome import Run
from .user_warnings import warn

# Part of a constant prediction's loss that counts as no better than that: a network
# that has learnt nothing is at 1, or a little below where it wavers.
NO_BETTER = 0.98


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
        best = ", the best of them," if plan.early_stopping else ""
        warn(
            f"Training was interrupted. The model is that of {progress.n_iter} whole "
            f"epochs{best}: fit with warm_start=True, or partial_fit, goes on from "
            "there."
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
