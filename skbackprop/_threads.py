"""Threads: BLAS on one, and ours where there are as many to be had.

The last bits of a product depend on how many threads compute it. A search in worker
processes, which have fewer threads each, shall find the models that one process finds,
to the bit. So BLAS computes on one thread, and large batches are cut into two shards,
always the same, that are computed one after the other or side by side.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any
from weakref import finalize

from threadpoolctl import ThreadpoolController

from ._engine import RunAll, in_turn

_lock = Lock()
_inside = 0
_limit: Any = None
_n_threads = 1


@cache
def _blas() -> Any:
    # Once: to find the libraries takes 2 ms, to limit them 9 µs.
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def one_blas_thread() -> Iterator[RunAll]:
    """Within this block, BLAS computes in the thread that calls it.

    Yields a function that calls two others, side by side if BLAS had two threads or
    more. The number of BLAS's threads belongs to the process: it is restored when the
    last of several blocks in several threads ends.
    """
    global _inside, _limit, _n_threads
    with _lock:
        if _inside == 0:
            libraries = _blas().lib_controllers
            _n_threads = min((lib.num_threads or 1 for lib in libraries), default=1)
            _limit = _blas().limit(limits=1)
        _inside += 1
    try:
        yield in_turn if _n_threads < 2 else _SideBySide()
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limit.restore_original_limits()


class _SideBySide:
    """Calls two functions at once: the first here, the second in a thread of its own.

    The thread begins with the first call and ends with this object. A queue wakes it
    70 µs after the call, an executor of `concurrent.futures` 180 µs.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], Any] | None] | None = None
        self._results: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def __call__(self, functions: Sequence[Callable[[], Any]]) -> list[Any]:
        here, there = functions
        if self._jobs is None:
            self._jobs = SimpleQueue()
            Thread(target=_work, args=(self._jobs, self._results), daemon=True).start()
            finalize(self, self._jobs.put, None)
        self._jobs.put(there)
        try:
            first = here()
            second, error = self._results.get()
        except BaseException:  # Ctrl-C, say: the next call shall not get this result
            self._jobs.put(None)
            self._jobs, self._results = None, SimpleQueue()
            raise
        if error is not None:
            raise error
        return [first, second]


def _work(
    jobs: SimpleQueue[Callable[[], Any] | None],
    results: SimpleQueue[tuple[Any, BaseException | None]],
) -> None:
    while (function := jobs.get()) is not None:
        try:
            results.put((function(), None))
        except BaseException as error:
            results.put((None, error))
