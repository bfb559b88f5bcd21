"""Threads: BLAS on one, and ours where there are as many to be had.

The last bits of a product depend on how many threads compute it. A search in worker
processes, which have fewer threads each, shall find the models that one process finds,
to the bit. So BLAS computes on one thread, and large batches are cut into two shards,
always the same, that are computed one after the other or side by side.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from threadpoolctl import ThreadpoolController

from ._engine import Machine, in_turn

# OpenBLAS's kernels that are fast for small matrices too: with those for SkylakeX, 10
# examples as rows through 784-100-10 are 13 % slower than as columns.
SMALL_MATRIX_KERNELS = {"SkylakeX", "Cooperlake", "SapphireRapids"}

_lock = Lock()
_inside = 0
_limit: Any = None
_n_threads = 1


@cache
def _blas() -> Any:
    # Once: to find the libraries takes 2 ms, to limit them 9 µs.
    return ThreadpoolController().select(user_api="blas")


@cache
def _small_matrix_kernels() -> bool:
    return any(
        getattr(library, "architecture", None) in SMALL_MATRIX_KERNELS
        for library in _blas().lib_controllers
    )


@contextmanager
def one_blas_thread() -> Iterator[Machine]:
    """Within this block, BLAS computes in the thread that calls it.

    Yields what an engine should know: two functions are called side by side if BLAS had
    two threads or more. The number of BLAS's threads belongs to the process: it is
    restored when the last of several blocks in several threads ends.
    """
    global _inside, _limit, _n_threads
    with _lock:
        if _inside == 0:
            libraries = _blas().lib_controllers
            _n_threads = min((lib.num_threads or 1 for lib in libraries), default=1)
            _limit = _blas().limit(limits=1)
        _inside += 1
    try:
        run_all = in_turn if _n_threads < 2 else side_by_side
        yield Machine(run_all, 0) if _small_matrix_kernels() else Machine(run_all)
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limit.restore_original_limits()


def side_by_side(functions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call the first function here and the second in a thread of its own.

    There is one such thread for the process, because a new one would first set up its
    BLAS (1 ms). Who finds it busy calls one function after the other. (A queue wakes it
    after 70 µs, an executor of `concurrent.futures` after 180 µs.)
    """
    if not _other.busy.acquire(blocking=False):
        return in_turn(functions)
    try:
        return _other.call(*functions)
    finally:
        _other.busy.release()


class _Other:
    """The other thread, begun by the first call."""

    def __init__(self) -> None:
        self.busy = Lock()
        self.jobs: SimpleQueue[Callable[[], Any] | None] | None = None
        self.results: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def call(self, here: Callable[[], Any], there: Callable[[], Any]) -> list[Any]:
        if self.jobs is None:
            self.jobs = SimpleQueue()
            Thread(target=_work, args=(self.jobs, self.results), daemon=True).start()
        self.jobs.put(there)
        try:
            first = here()
            second, error = self.results.get()
        except BaseException:  # Ctrl-C, say: the next call shall not get this result
            self.jobs.put(None)
            self.jobs, self.results = None, SimpleQueue()
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
        # What it refers to, an engine with its buffers, shall not live until the next.
        del function


def _begin_anew() -> None:
    """After a fork: threads are not forked, and their locks stay as they were."""
    global _lock, _other
    _lock, _other = Lock(), _Other()


_other = _Other()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
