"""The values that "auto" stands for; docs/defaults.md has the study behind them."""

from typing import NamedTuple

from .._training.initial_values import auto_learning_rate

# A network has learnt something if its loss is below this fraction of the loss of a
# constant prediction.
NO_BETTER = 0.98
# tol, as a fraction of the loss of a constant prediction.
TOL = 1e-5
# Most rows in a batch.
LARGEST_BATCH = 32
# The regressor's early_stopping: a tenth of this many rows tells progress from noise.
ROWS_TO_STOP_EARLY = 500


class Pace(NamedTuple):
    """How fast to descend: the values that the study chose for a kind of training."""

    # η for a network with one output and at most 100 neurons a layer, in batches of 32.
    eta: float
    # Fewest rows in a batch.
    smallest_batch: int

    def batch_size(self, n_rows: int) -> int:
        """Rows in a batch: a hundredth of all, between `smallest_batch` and 32.

        Up to 32 rows make one batch, so that a weight of 2 equals a repeated row.
        """
        if n_rows <= LARGEST_BATCH:
            return n_rows
        return min(LARGEST_BATCH, max(self.smallest_batch, n_rows // 100))

    def learning_rate(
        self,
        units: list[int],
        batch_size: int,
        momentum: float,
        mean_squared_norm: float,
    ) -> float:
        """η; smaller batches are noisier, so it shrinks with the root of their size."""
        noise = min(1.0, batch_size / LARGEST_BATCH) ** 0.5
        return auto_learning_rate(units, self.eta * noise, momentum, mean_squared_norm)


def tolerance(constant_loss: float) -> float:
    """The smallest improvement that counts, from the loss of a constant prediction.

    If the targets do not vary, that loss is 0, and 1/8, the loss of ½, replaces it.
    """
    return TOL * (constant_loss or 1 / 8)
