"""The numbers that stand for "auto"; docs/defaults.md has the study behind them."""

from typing import NamedTuple

from .._training.initial_values import auto_learning_rate

# Below this part of a constant prediction's loss a network has learnt something.
NO_BETTER = 0.98
# tol: the loss of a constant prediction falls by this part of it.
TOL = 1e-5
# Rows of a batch, at most.
LARGEST_BATCH = 32
# early_stopping of the regressor: a tenth of so many rows can tell noise from progress.
ROWS_TO_STOP_EARLY = 500


class Pace(NamedTuple):
    """How fast to descend: what the study chose for a kind of training."""

    # η of a network of one output and up to 100 neurons wide, for batches of 32 rows.
    eta: float
    # Rows of a batch, at least.
    smallest_batch: int

    def batch_size(self, n_rows: int) -> int:
        """Rows of a batch: a hundredth of all, between `smallest_batch` and 32.

        Up to 32 rows are one batch, where a weight of 2 is a row twice.
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
        """η, smaller by the root of the rows for smaller batches, which are noisier."""
        noise = min(1.0, batch_size / LARGEST_BATCH) ** 0.5
        return auto_learning_rate(units, self.eta * noise, momentum, mean_squared_norm)


def tolerance(constant_loss: float) -> float:
    """The part of a constant prediction's loss that an improvement must be at least.

    Where targets do not differ that loss is 0, and that of the activation ½ stands in.
    """
    return TOL * (constant_loss or 1 / 8)
