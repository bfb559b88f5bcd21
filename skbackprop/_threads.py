"""BLAS limited to one thread while we compute, and workers that share the work.

The last bits of a product depend on how many threads compute it. So BLAS computes on
one thread, and large work is cut into pieces, always the same ones, for several
workers. There are as many workers as BLAS had threads, so that limits set by joblib or
the user apply. A search in worker processes, which have fewer threads each, finds
exactly the same models as a search in one process.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from queue import SimpleQueue
from threading import RLock, Thread, get_ident
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

Result = TypeVar("Result")

_lock = RLock()  # the garbage collector may leave one call inside another
# The calls that need BLAS on one thread, and what to restore after the last one:
# (library, its number of threads).
_callers: set[tuple[int, object]] = set()
_to_restore: list[tuple[Any, int]] = []


class Workers:
    """Calls functions in parallel: in the caller's thread and in threads it starts.

    `number` is how many compute at once, including the caller. The other threads start
    with the first call that has work for them, and end with `close`.
    """

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._n_threads = 0

    def __call__(self, functions: Sequence[Callable[[], Any]]) -> list[Any]:
        """Call all functions; return their results, or raise the error of one."""
        n_helpers = min(self.number, len(functions)) - 1
        if n_helpers < 1:
            return [function() for function in functions]
        n_helpers = self._start(n_helpers)
        job = _Job(functions)
        try:
            for _ in range(n_helpers):
                self._jobs.put(job)
            return job.finish()
        except BaseException:
            job.stop()
            raise

    def _start(self, number: int) -> int:
        """Start up to this many threads besides the caller's; return how many run."""
        while self._n_threads < number:
            # Counted first, so that `close` ends the thread even after an interrupt.
            self._n_threads += 1
            try:
                Thread(target=_help, args=(self._jobs,), daemon=True).start()
            except RuntimeError:  # no more threads can be started
                self._n_threads -= 1
                return self._n_threads
        return number

    def close(self) -> None:
        """Let each thread end after its current function."""
        while self._n_threads:
            self._jobs.put(None)  # a surplus one does no harm
            self._n_threads -= 1


class _Job:
    """Functions that any thread takes, one after the other.

    No one waits for a thread that has taken none: it may be late, or be lost in a fork.
    """

    def __init__(self, functions: Sequence[Callable[[], Any]]) -> None:
        self._results: list[Any] = [None] * len(functions)
        # A pop is atomic, so no two threads take the same one.
        self._left = list(enumerate(functions))[::-1]
        self._helped: SimpleQueue[None] = SimpleQueue()
        self._stopped = False
        self._error: BaseException | None = None  # of a helper

    def finish(self) -> list[Any]:
        """Take functions, wait for those that helpers have taken; return all results.

        If this thread fails or is interrupted, it waits for no one.
        """
        n_own = n_untaken = 0
        while self._left and not self._stopped:
            n_own += self._take()
        while self._left:
            with suppress(IndexError):
                self._left.pop()
                n_untaken += 1
        for _ in range(len(self._results) - n_own - n_untaken):
            self._helped.get()
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                # Its traceback refers to this frame: they would keep each other alive.
                del error
        return self._results

    def stop(self) -> None:
        """Let no thread take another function."""
        self._stopped = True

    def help(self) -> None:
        """Take functions, in a thread other than the caller's."""
        while self._left and not self._stopped:
            try:
                n_taken = self._take()
            except BaseException as error:
                self._error, self._stopped, n_taken = error, True, 1
            if n_taken:
                self._helped.put(None)

    def _take(self) -> int:
        try:
            place, function = self._left.pop()
        except IndexError:  # another thread was faster
            return 0
        self._results[place] = function()
        return 1


def _help(jobs: "SimpleQueue[_Job | None]") -> None:
    while (job := jobs.get()) is not None:
        job.help()
        # Its engine and buffers must not live on until the next job.
        del job


def on_one_blas_thread(function: Callable[[], Result], workers: Workers) -> Result:
    """Call a function while BLAS computes only in the calling thread.

    Meanwhile, there are as many workers as BLAS had threads, divided by the number of
    threads that call this at the same time. The number of BLAS threads belongs to the
    process: it is restored when the last of several simultaneous calls ends.

    It is not a context manager, because an interrupt before the first line of its
    `__exit__`, or in `contextlib`'s, would leave BLAS on one thread.
    """
    token = get_ident(), object()
    try:
        _enter(token)
        allowed = min((n_threads for _, n_threads in _to_restore), default=1)
        n_callers = len({thread for thread, _ in _callers.copy()})
        workers.number = max(1, allowed // n_callers)
        return function()
    finally:
        # Inline: a separate function could be interrupted before its first line.
        try:
            _leave(token)
            workers.close()
        except BaseException:  # Ctrl-C, or an error from another signal handler
            try:
                _leave(token)
            finally:
                workers.close()
            raise


@cache
def _blas() -> Any:
    # Only once: finding the libraries takes 2 ms, limiting them 9 µs.
    return ThreadpoolController().select(user_api="blas")


def _enter(token: tuple[int, object]) -> None:
    # In an order that `_leave` can undo wherever Ctrl-C interrupts.
    with _lock:
        if not _callers:
            libraries = _blas().lib_controllers
            _to_restore[:] = [(lib, lib.num_threads or 1) for lib in libraries]
        _callers.add(token)
        for library, _ in _to_restore:
            _set_number(library, 1)


def _leave(token: tuple[int, object]) -> None:
    with _lock:
        _callers.discard(token)
        if not _callers:
            _restore()
            # After an interrupted `_enter`, old numbers must not be restored.
            _to_restore.clear()


def _restore() -> None:
    for library, n_threads in _to_restore:
        _set_number(library, n_threads)


def _set_number(library: Any, n_threads: int) -> None:
    """Set the number of BLAS threads from any thread.

    Since 3.8, threadpoolctl lets only one thread set OpenBLAS's number: the first that
    set it, as long as it is alive.
    """
    library.set_num_threads(n_threads)
    take_control = getattr(library, "clear_controlling_thread", None)
    if take_control is None:
        return
    for _ in range(100):  # another thread may take control meanwhile
        if library.num_threads in (n_threads, None):
            break
        take_control(force=True)
        library.set_num_threads(n_threads)


def _reset_after_fork() -> None:
    """Forget the other threads: a fork keeps their locks, but not the threads."""
    global _lock
    _lock = RLock()
    if _callers:
        _callers.intersection_update([t for t in _callers if t[0] == get_ident()])
        if not _callers:
            _restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
