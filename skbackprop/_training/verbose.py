"""The lines that `verbose=True` prints."""

from time import perf_counter

from .._engine.protocol import Network
from .progress import Plan, Progress


class Printer:
    """Prints a line after each epoch; it begins like MLPClassifier's."""

    def __init__(self, n_rows: int) -> None:
        self._n_rows = n_rows
        self._began = perf_counter()

    def training_begins(self) -> None:
        """Print nothing."""

    def epoch_begins(self) -> None:
        self._began = perf_counter()

    def epoch_ended(self, engine: Network, progress: Progress) -> bool:
        seconds = perf_counter() - self._began
        line = f"Iteration {progress.n_iter}, loss = {progress.losses[-1]:.8f}"
        if progress.validation_scores:
            line += f", validation score = {progress.validation_scores[-1]:.6f}"
        print(f"{line}, {self._n_rows / seconds:.0f} examples/s")
        return False


def print_stop(plan: Plan) -> None:
    """Print why training stopped, as MLPClassifier does."""
    by_score = plan.early_stopping
    what = "Validation score" if by_score else "Training loss"
    tol = plan.score_tol if by_score else plan.tol
    print(
        f"{what} did not improve more than tol={tol:g} for "
        f"{plan.n_iter_no_change} consecutive epochs. Stopping."
    )
