"""The plan of a training, and its progress."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Ending = Literal["no improvement", "max_iter", "asked to stop", "interrupted"]


# Scores closer than this differ only by rounding.
SAME_SCORE = 1e-6


class CannotContinue(RuntimeError):
    """Training cannot continue; the network of the last whole epoch is kept."""


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
    # `tol` for a held-out score, which is on a scale of its own.
    score_tol: float = 0.0
    # Epochs without improvement count only once the loss is below this.
    must_beat: float = np.inf


@dataclass
class Progress:
    """The progress of training; the lists cover only the epochs of this call.

    `n_no_change` counts epochs without improvement of the loss. With early stopping it
    is the score of the held-out rows that must improve, or their loss if the score
    stays the same. `best` is then the network of epoch `best_epoch`, the one with the
    best score, and with the lowest loss among equal scores. `failure` is the error that
    interrupted training, if it was not Ctrl-C.
    """

    n_iter: int
    t: int
    best_loss: float
    n_no_change: int
    n_eta_drops: int
    best_score: float = -np.inf
    best_validation_loss: float = np.inf
    best_epoch: int | None = None
    best: Any = None
    failure: CannotContinue | None = None
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
        """Record an epoch's loss and, if rows were held out, their (loss, score)."""
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
                stuck = not self._is_better(*validation, plan.score_tol, plan.tol)
                self.compare(*validation)
        waits = self.best_loss >= plan.must_beat
        self.n_no_change = self.n_no_change + 1 if stuck and not waits else 0

    def compare(self, loss: float, score: float) -> None:
        """Record this epoch as the best if its held-out loss and score are."""
        if self._is_better(loss, score, SAME_SCORE, 0.0):
            self.best_epoch = self.n_iter
            self.best_score, self.best_validation_loss = score, loss

    def _is_better(
        self, loss: float, score: float, score_tol: float, tol: float
    ) -> bool:
        """Whether the score beats the best one, or equals it with a lower loss."""
        change = score - self.best_score
        return change > score_tol or (
            change >= -score_tol and loss < self.best_validation_loss - tol
        )
