"""Gradient descent: epochs, stopping, interrupts.

Sees an engine and a source of examples, never an estimator. Everything that a later
call needs to go on where this one ended is in `Progress`, the engine and the random
state.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.random import RandomState

from .._engine.network import Engine
from .examples import Source, draw_order
from .held_out import HeldOut
from .interrupts import LastEpoch, uninterrupted
from .progress import CannotGoOn, Ending, Plan, Progress
from .schedules import SMALLEST_ADAPTIVE_ETA, step_size


class Watcher(Protocol):
    """What is told how training goes, and may ask it to stop."""

    def training_begins(self) -> None:
        """Once, before the first epoch."""

    def epoch_begins(self) -> None:
        """Before each epoch."""

    def epoch_ended(self, engine: Engine, progress: Progress) -> bool:
        """After each epoch; return whether to stop."""


def train(
    engine: Engine,
    source: Source,
    plan: Plan,
    progress: Progress,
    random_state: RandomState | None,
    held_out: HeldOut | None = None,
    watchers: Sequence[Watcher] = (),
) -> Ending:
    """Run up to `plan.max_iter` epochs; return why training ended.

    With early stopping the parameters end as those of the best epoch. An interrupt
    (Ctrl-C, or CannotGoOn after the first epoch) first takes everything back to the end
    of the last whole epoch, random stream included, so that going on from there is
    going on as if nothing had been.
    """
    assert random_state is not None  # only a pass of partial_fit can do without
    last_epoch = LastEpoch(engine, source, plan, progress, random_state)
    if progress.best_epoch is not None:
        progress.best = last_epoch.snapshot
    stop_at = progress.n_iter + plan.max_iter
    ending: Ending = "max_iter"
    try:
        for watcher in watchers:
            watcher.training_begins()
        while progress.n_iter < stop_at and ending == "max_iter":
            for watcher in watchers:
                watcher.epoch_begins()
            if advance(engine, source, plan, progress, random_state, held_out):
                ending = "no improvement"
            last_epoch.keep()
            for watcher in watchers:
                if watcher.epoch_ended(engine, progress):
                    ending = "asked to stop"
    except (KeyboardInterrupt, CannotGoOn) as error:
        ending = "interrupted"
        uninterrupted(last_epoch.go_back)
        if isinstance(error, CannotGoOn):
            if not progress.losses:
                raise
            progress.failure = error
    uninterrupted(lambda: restore_best(engine, progress))
    return ending


def restore_best(engine: Engine, progress: Progress) -> None:
    """With early stopping, go back to the network of the best epoch."""
    if progress.best is not None:
        engine.restore(progress.best)


def advance(
    engine: Engine,
    source: Source,
    plan: Plan,
    progress: Progress,
    random_state: RandomState | None,
    held_out: HeldOut | None = None,
) -> bool:
    """One epoch and its bookkeeping; return whether training should end."""
    eta = step_size(plan, progress)
    loss = run_epoch(engine, source, plan, eta, random_state)
    if not (np.isfinite(loss) and engine.is_finite()):
        raise ValueError(
            f"Training left the finite numbers in epoch {progress.n_iter + 1} "
            f"with learning_rate_init={plan.learning_rate_init} (η): the loss is "
            f"{loss}. Use a smaller learning_rate_init (and a smaller alpha or "
            "momentum, where they are not 0), or scale X to about unit variance. Large "
            "sample_weight or class_weight, or y far outside target_range, do it too."
        )
    validation = None if held_out is None else held_out.measure(engine)
    if validation is not None and not all(map(math.isfinite, validation)):
        raise ValueError(
            "X_val, y_val or sample_weight_val (X, y or sample_weight, where "
            "early_stopping split them off) has numbers that are too large, or weights "
            f"too small: the rows held out have a loss of {validation[0]} and a score "
            f"of {validation[1]}."
        )
    progress.add_epoch(loss, len(source), plan, validation)
    if progress.n_no_change <= plan.n_iter_no_change:
        return False
    if plan.learning_rate != "adaptive" or eta <= SMALLEST_ADAPTIVE_ETA:
        return True
    progress.n_eta_drops += 1
    progress.n_no_change = 0
    return False


def run_epoch(
    engine: Engine,
    source: Source,
    plan: Plan,
    eta: float,
    random_state: RandomState | None,
) -> float:
    """One pass over all rows; return the (weighted) mean cost of an example."""
    order = draw_order(source, plan, random_state)
    return source.descend(engine, plan.batch_size, order, eta) / source.total_weight
