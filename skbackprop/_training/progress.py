"""How to descend, and what descent has come to."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .._engine.network import Snapshot

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
