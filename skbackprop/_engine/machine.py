"""What the fast network should know of where it runs."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

RunAll = Callable[[Sequence[Callable[[], Any]]], list[Any]]


def in_turn(functions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call all functions, one after the other; return their results."""
    return [function() for function in functions]


class BlasThreads:
    """The threads of BLAS: one, but for those who ask for all and do not forget to end.

    Parameters
    ----------
    number : int
        How many all are.
    give_all, give_one : functions
        Set the number for the process.
    has_all : function
        Whether BLAS has all, which it does not where other fits run beside.
    """

    def __init__(
        self,
        number: int = 1,
        give_all: Callable[[], object] = int,
        give_one: Callable[[], object] = int,
        has_all: Callable[[], bool] = lambda: True,
    ) -> None:
        self.number, self.has_all = number, has_all
        self._give_all, self._give_one = give_all, give_one
        self._all = False

    def want(self, all_threads: bool) -> None:
        """From now on, all threads or one; costs nothing (12 µs) where that is so."""
        # An interrupt in between leaves too many calls of `give_one`, not too few.
        if all_threads and not self._all:
            self._all = True
            self._give_all()
        elif self._all and not all_threads:
            self._give_one()
            self._all = False


class Machine(NamedTuple):
    """What an engine should know of where it runs.

    `run_all` calls a list of functions and returns their results; where it may call
    them side by side, large batches take less time. Up to `by_rows_up_to` examples, but
    for one, products that have them as rows are faster: with OpenBLAS's Haswell kernels
    it takes 24 µs and not 44 to propagate 10 examples through 784-100, and 52 and not
    67 for 32; but 134 and not 110 for 200 through 784-30.

    With `even_cuts`, BLAS computes large products in pieces that are the same for any
    number of its threads, and may have all of them; without, large batches are cut into
    two shards for `run_all`. Which of the two is better depends on BLAS's kernels only,
    since the bits depend on it.
    """

    run_all: RunAll = in_turn
    by_rows_up_to: int = 40
    even_cuts: bool = False
    threads: BlasThreads = BlasThreads()
