"""Gradient descent: epochs, batches, step sizes, stopping, history, interrupts.

Sees an engine and rows of data, never an estimator. Everything that a later call
needs to go on where this one ended is in `Progress`, the engine and the random state.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.random import RandomState
from sklearn.utils import gen_batches

from .._engine.network import Engine, Snapshot
from .examples import Array, Examples
from .held_out import HeldOut
from .interrupts import uninterrupted

# An adaptive step size is not divided any further from here on, as in scikit-learn.
SMALLEST_ADAPTIVE_ETA = 1e-6

# After so many rows the random stream is written down anew: that takes 25 µs, a third
# of an epoch on iris, a hundredth of these rows. An interrupt draws again from there.
ROWS_PER_COPY_OF_STREAM = 10_000

Ending = Literal["no improvement", "max_iter", "asked to stop", "interrupted"]


class CannotGoOn(RuntimeError):
    """What training needs is gone; what it has come to is not lost."""


@dataclass(frozen=True)
class Plan:
    """How to descend; the names are the estimators'."""

    batch_size: int
    max_iter: int
    shuffle: bool
    learning_rate: str
    learning_rate_init: float
    power_t: float
    tol: float
    n_iter_no_change: float
    early_stopping: bool


@dataclass
class Progress:
    """What training has come to; the lists are those of this call's epochs only.

    `n_no_change` counts epochs without improvement of the loss, or with early stopping
    of the score on the held-out rows; `best` is then the network with the best score.
    `failure` is what interrupted training, if that was not Ctrl-C.
    """

    n_iter: int
    t: int
    best_loss: float
    n_no_change: int
    n_eta_drops: int
    best_score: float = -np.inf
    best: Snapshot | None = None
    failure: CannotGoOn | None = None
    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)

    def add_epoch(
        self,
        loss: float,
        n_rows: int,
        plan: Plan,
        validation: tuple[float, float] | None = None,
    ) -> None:
        """Note an epoch's loss and, if rows were held out, their (loss, score)."""
        self.n_iter += 1
        self.t += n_rows
        self.losses.append(loss)
        stuck = loss > self.best_loss - plan.tol
        self.best_loss = min(self.best_loss, loss)
        if validation is not None:
            validation_loss, score = validation
            self.validation_losses.append(validation_loss)
            self.validation_scores.append(score)
            if plan.early_stopping:
                stuck = score < self.best_score + plan.tol
                self.best_score = max(self.best_score, score)
        self.n_no_change = self.n_no_change + 1 if stuck else 0


class Watcher(Protocol):
    """What is told how training goes, and may ask it to stop."""

    def training_begins(self) -> None:
        """Once, before the first epoch."""

    def epoch_begins(self) -> None:
        """Before each epoch."""

    def epoch_ended(self, engine: Engine, progress: Progress) -> bool:
        """After each epoch; return whether to stop."""


def step_size(plan: Plan, progress: Progress) -> float:
    """η of the coming epoch, in closed form from what has been seen so far."""
    eta_0 = plan.learning_rate_init
    if plan.learning_rate == "invscaling":
        # A power below the smallest number is 0; Python's own would be an error.
        return float(eta_0 * np.power(progress.t + 1.0, -plan.power_t))
    if plan.learning_rate == "adaptive":
        return eta_0 * 5.0**-progress.n_eta_drops
    return eta_0


def train(
    engine: Engine,
    examples: Examples,
    plan: Plan,
    progress: Progress,
    random_state: RandomState,
    held_out: HeldOut | None = None,
    watchers: Sequence[Watcher] = (),
) -> Ending:
    """Run up to `plan.max_iter` epochs; return why training ended.

    With early stopping the parameters end as those with the best score. An interrupt
    (Ctrl-C, or CannotGoOn after the first epoch) first takes everything back to the end
    of the last whole epoch, random stream included, so that going on from there is
    going on as if nothing had been.
    """
    first = progress.n_iter
    snapshot = engine.snapshot()
    if progress.best_score > -np.inf:
        progress.best = snapshot
    stream, stream_at = random_state.get_state(legacy=False), first
    # In one assignment each time: an interrupt finds the old tuple or the new one.
    kept = snapshot, vars(progress).copy(), stream, stream_at
    ending: Ending = "max_iter"
    try:
        for watcher in watchers:
            watcher.training_begins()
        while progress.n_iter < first + plan.max_iter and ending == "max_iter":
            for watcher in watchers:
                watcher.epoch_begins()
            best_score = progress.best_score
            if advance(engine, examples, plan, progress, random_state, held_out):
                ending = "no improvement"
            snapshot = engine.snapshot()
            if progress.best_score > best_score:
                progress.best = snapshot
            if (progress.n_iter - stream_at) * len(examples) > ROWS_PER_COPY_OF_STREAM:
                stream, stream_at = (
                    random_state.get_state(legacy=False),
                    progress.n_iter,
                )
            kept = snapshot, vars(progress).copy(), stream, stream_at
            for watcher in watchers:
                if watcher.epoch_ended(engine, progress):
                    ending = "asked to stop"
    except (KeyboardInterrupt, CannotGoOn) as error:
        ending = "interrupted"
        failure = error if isinstance(error, CannotGoOn) else None

        def rewind() -> None:
            snapshot, scalars, stream, stream_at = kept
            engine.restore(snapshot)
            vars(progress).update(scalars)
            n_epochs = progress.n_iter - first
            del progress.losses[n_epochs:]
            del progress.validation_losses[n_epochs:]
            del progress.validation_scores[n_epochs:]
            random_state.set_state(stream)
            for _ in range(progress.n_iter - stream_at):
                _draw_order(examples, plan, random_state)
            progress.failure = failure

        uninterrupted(rewind)
        if failure is not None and not progress.losses:
            raise
    uninterrupted(lambda: restore_best(engine, progress))
    return ending


def restore_best(engine: Engine, progress: Progress) -> None:
    """With early stopping, go back to the network with the best score."""
    if progress.best is not None:
        engine.restore(progress.best)


def advance(
    engine: Engine,
    examples: Examples,
    plan: Plan,
    progress: Progress,
    random_state: RandomState | None,
    held_out: HeldOut | None = None,
) -> bool:
    """One epoch and its bookkeeping; return whether training should end."""
    eta = step_size(plan, progress)
    loss = run_epoch(engine, examples, plan, eta, random_state)
    if not (np.isfinite(loss) and np.isfinite(engine.theta).all()):
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
    progress.add_epoch(loss, len(examples), plan, validation)
    if progress.n_no_change <= plan.n_iter_no_change:
        return False
    if plan.learning_rate != "adaptive" or eta <= SMALLEST_ADAPTIVE_ETA:
        return True
    progress.n_eta_drops += 1
    progress.n_no_change = 0
    return False


def run_epoch(
    engine: Engine,
    examples: Examples,
    plan: Plan,
    eta: float,
    random_state: RandomState | None,
) -> float:
    """One pass over all rows; return the (weighted) mean cost of an example."""
    n, m = len(examples), plan.batch_size
    order = _draw_order(examples, plan, random_state)
    cost = 0.0
    if m <= engine.chunk_rows:
        block_rows = m * max(1, examples.rows_per_block // m)
        for block in examples.blocks(0, n, block_rows, order):
            cost += engine.descend(*block, eta)
    else:
        for batch in gen_batches(n, m):
            gradient, costs = gradient_of(
                engine, examples, batch.start, batch.stop, order
            )
            engine.update(gradient, batch.stop - batch.start, eta)
            cost += costs
    return cost / examples.total_weight


def gradient_of(
    engine: Engine,
    examples: Examples,
    start: int,
    stop: int,
    order: Array | None = None,
) -> tuple[Array, float]:
    """Sums over the examples from `start` to `stop`, as the engine's `gradient`."""
    # Larger than a block of small batches, because larger products are faster.
    block_rows = min(engine.chunk_rows, 2 * examples.rows_per_block)
    n_blocks = -(-(stop - start) // block_rows)
    middle = min(stop, start + (n_blocks + 1) // 2 * block_rows)
    halves = [
        examples.blocks(first, last, block_rows, order)
        for first, last in ((start, middle), (middle, stop))
        if first < last
    ]
    return engine.gradient(halves)


def _draw_order(
    examples: Examples, plan: Plan, random_state: RandomState | None
) -> Array | None:
    """A new order of the rows; None, the order they are in, where none is needed."""
    # A batch of all rows is the same in any order, and asks for no random state.
    if random_state is None or not plan.shuffle or plan.batch_size >= len(examples):
        return None
    return examples.draw_order(random_state)


def constant_loss(examples: Examples) -> float:
    """Loss of a network that says the same for all rows, at its best.

    ``1/n_L Σ_j ½ Var(y_j)``, with the weights of the rows.
    """
    count, total, squares = examples.target_moments()
    return float(np.mean(squares / count - (total / count) ** 2) / 2)
