"""Gradient descent: epochs, stopping, interrupts.

This module knows an engine and a source of examples, never an estimator. `Progress`,
the engine and the random state hold everything that a later call needs to continue.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.random import RandomState

from .._engine.protocol import Network
from .examples import Source, draw_order
from .held_out import HeldOut
from .interrupts import LastEpoch, uninterrupted
from .progress import CannotContinue, Ending, Plan, Progress
from .schedules import SMALLEST_ADAPTIVE_ETA, step_size


class Watcher(Protocol):
    """An object that is told about each epoch and may ask training to stop."""

    def training_begins(self) -> None:
        """Once, before the first epoch."""

    def epoch_begins(self) -> None:
        """Before each epoch."""

    def epoch_ended(self, engine: Network, progress: Progress) -> bool:
        """After each epoch; return whether to stop."""


def train(
    engine: Network,
    source: Source,
    plan: Plan,
    progress: Progress,
    random_state: RandomState | None,
    held_out: HeldOut | None = None,
    watchers: Sequence[Watcher] = (),
) -> Ending:
    """Run up to `plan.max_iter` epochs; return why training ended.

    With early stopping, the final parameters are those of the best epoch. After an
    interrupt (Ctrl-C, or CannotContinue after the first epoch), everything, including
    the random stream, first returns to the end of the last whole epoch. Training can
    then continue as if it had not been interrupted.
    """
    assert random_state is not None  # only a pass of partial_fit may lack one
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
    except (KeyboardInterrupt, CannotContinue) as error:
        ending = "interrupted"
        uninterrupted(last_epoch.go_back)
        if isinstance(error, CannotContinue):
            if not progress.losses:
                raise
            progress.failure = error
    uninterrupted(lambda: restore_best(engine, progress))
    return ending


def restore_best(engine: Network, progress: Progress) -> None:
    """With early stopping, restore the network of the best epoch."""
    if progress.best is not None:
        engine.restore(progress.best)


def advance(
    engine: Network,
    source: Source,
    plan: Plan,
    progress: Progress,
    random_state: RandomState | None,
    held_out: HeldOut | None = None,
) -> bool:
    """Run one epoch and record it; return whether training should end."""
    eta = step_size(plan, progress)
    loss = run_epoch(engine, source, plan, eta, random_state)
    if not np.isfinite(loss):
        raise ValueError(
            f"Training diverged in epoch {progress.n_iter + 1}, with "
            f"learning_rate_init={plan.learning_rate_init}: the loss or a parameter is "
            f"not finite (loss {loss}). Use a smaller learning_rate_init (and a "
            "smaller alpha or momentum, if they are not 0), or scale X to about unit "
            "variance. Large sample_weight or class_weight, or y far outside "
            "target_range, can also be the cause."
        )
    validation = None if held_out is None else held_out.measure(engine)
    if validation is not None and not all(map(math.isfinite, validation)):
        raise ValueError(
            "X_val, y_val or sample_weight_val (X, y or sample_weight, if "
            "early_stopping split them off) has numbers that are too large, or weights "
            f"that are too small: the held-out rows have a loss of {validation[0]} and "
            f"a score of {validation[1]}. Scale them."
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
    engine: Network,
    source: Source,
    plan: Plan,
    eta: float,
    random_state: RandomState | None,
) -> float:
    """Make one pass over all rows; return the (weighted) mean cost of an example."""
    order = draw_order(source, plan, random_state)
    return source.descend(engine, plan.batch_size, order, eta) / source.total_weight
