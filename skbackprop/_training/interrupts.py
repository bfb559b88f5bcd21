"""Ctrl-C: work that must not be left half done, and return to the last whole epoch."""

from collections.abc import Callable
from typing import TypeVar

from numpy.random import RandomState

from .._engine.protocol import Network
from .examples import Source, draw_order
from .progress import Plan, Progress

Result = TypeVar("Result")

# The state of the random stream is saved again after this many rows. That takes 25 µs:
# a third of an epoch on iris, but a hundredth of the time for these rows. After an
# interrupt, the orders since then are drawn again.
ROWS_PER_SAVED_STATE = 10_000


def uninterrupted(function: Callable[[], Result]) -> Result:
    """Repeat the call until no Ctrl-C interrupts it, so that its work is not lost."""
    while True:
        try:
            return function()
        except KeyboardInterrupt:
            continue


class LastEpoch:
    """The state that training changes, as it was after the last whole epoch."""

    def __init__(
        self,
        engine: Network,
        source: Source,
        plan: Plan,
        progress: Progress,
        random_state: RandomState,
    ) -> None:
        self._engine, self._source, self._plan = engine, source, plan
        self._progress, self._random_state = progress, random_state
        self._first = progress.n_iter
        self.snapshot = engine.snapshot()
        self._stream = random_state.get_state(legacy=False), progress.n_iter
        self._kept = self.snapshot, vars(progress).copy(), self._stream

    def keep(self) -> None:
        """Save the state after a whole epoch, for `go_back`."""
        progress = self._progress
        self.snapshot = self._engine.snapshot()
        if progress.best_epoch == progress.n_iter:
            progress.best = self.snapshot
        _, written_at = self._stream
        n_rows = (progress.n_iter - written_at) * len(self._source)
        if n_rows > ROWS_PER_SAVED_STATE:
            self._stream = self._random_state.get_state(legacy=False), progress.n_iter
        # One assignment, so that an interrupt leaves the old tuple or the new one.
        self._kept = self.snapshot, vars(progress).copy(), self._stream

    def go_back(self) -> None:
        """Restore the saved state; a repeated call does the same."""
        snapshot, scalars, (stream, written_at) = self._kept
        progress = self._progress
        self._engine.restore(snapshot)
        vars(progress).update(scalars)
        n_epochs = progress.n_iter - self._first
        del progress.losses[n_epochs:]
        del progress.validation_losses[n_epochs:]
        del progress.validation_scores[n_epochs:]
        self._random_state.set_state(stream)
        for _ in range(progress.n_iter - written_at):
            draw_order(self._source, self._plan, self._random_state)
