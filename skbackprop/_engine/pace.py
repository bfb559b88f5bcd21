"""How many BLAS threads a pass through the network gets: one or all, by the clock.

All threads are not always faster: small products wait for the slower one, and where
other programs use the cores a product may take 40 times as long. The network that comes
out is the same in any case.
"""

from time import perf_counter

# Passes whose mean time is compared, but for the slowest, which the system may have
# stopped for a while (5 to 10 ms every few dozen passes on two cores); two will do if
# they take so many seconds. They are cut short when they take twice as long as with the
# other number of threads.
WINDOW, LONG_WINDOW = 8, 0.02
# Windows between two trials of what was slower: the former after a change, twice as
# many after each trial that has changed nothing, up to the latter.
FEWEST, MOST = 2, 64


class Pace:
    """The number of threads for one kind of pass, to be asked before and told after.

    `has_all` is whether the next pass should have all threads.
    """

    def __init__(self) -> None:
        self.has_all = False
        self._means = {False: 0.0, True: 0.0}  # seconds a pass; 0 is not known
        self._windows, self._between, self._trial = 0, FEWEST, False
        self._slower = False
        self._seconds: tuple[float, ...] = ()
        self._began = 0.0

    def begin(self) -> None:
        """A pass begins."""
        self._began = perf_counter()

    def end(self) -> bool:
        """It is over; return whether it was the last of a window."""
        self._seconds += (perf_counter() - self._began,)
        other = self._means[not self.has_all]
        count = len(self._seconds) - 1
        seconds = sum(self._seconds) - max(self._seconds)
        if count == 0 or not (
            count >= WINDOW or seconds > LONG_WINDOW or seconds > 2 * WINDOW * other > 0
        ):
            return False
        self._means = {**self._means, self.has_all: seconds / count}
        self._slower = seconds / count > other > 0
        self._seconds = ()
        return True

    def end_window(self) -> None:
        """Choose for the next window; only where bits are the same in any case."""
        slower = self._slower
        self._windows += 1
        if self._trial:
            self._trial = False
            if slower:
                self._between = min(2 * self._between, MOST)
                self._switch()
            else:
                self._between = FEWEST
        # One thread is slow for a while when the machine is busy: all would be slower.
        elif slower and self.has_all:
            self._between = FEWEST
            self._switch()
        elif self._windows >= self._between:
            self._trial = True
            self._switch()

    def _switch(self) -> None:
        self.has_all = not self.has_all
        self._windows = 0
