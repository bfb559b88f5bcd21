"""BLAS on one thread while we compute, and a pool of workers that share the work.

The last bits of a product depend on how many threads compute it. So BLAS computes on
one thread, and what is large is cut into pieces, always the same, that several workers
take: as many as BLAS was allowed threads, so that limits set by joblib or the user
count. A search in worker processes, which have fewer threads each, finds exactly the
models that one process finds.
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

_lock = RLock()  # a garbage collector may leave a block inside another
# Who relies on one thread, and what to give back: (library, its number of threads).
_inside: set[tuple[int, object]] = set()
_given: list[tuple[Any, int]] = []


class Workers:
    """Calls functions side by side: in the caller's thread, and in others it starts.

    `number` is how many compute at once, the caller among them. The other threads start
    with the first call that has work for them, and end with `close`.
    """

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._n_threads = 0

    def __call__(self, functions: Sequence[Callable[[], Any]]) -> list[Any]:
        """Call all functions; return their results, or raise an error of one."""
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
        """Have so many threads beside the caller's, or as many as can be started."""
        while self._n_threads < number:
            # Counted first: an interrupt must not leave one that `close` forgets.
            self._n_threads += 1
            try:
                Thread(target=_help, args=(self._jobs,), daemon=True).start()
            except RuntimeError:  # no more threads can be started
                self._n_threads -= 1
                return self._n_threads
        return number

    def close(self) -> None:
        """Let the threads end, each after the function that it is in."""
        while self._n_threads:
            self._jobs.put(None)  # one too many does no harm
            self._n_threads -= 1


class _Job:
    """Functions that are taken one after the other by whichever thread comes.

    A thread that does not come has taken nothing and is not waited for: it may be late,
    or left behind by a fork.
    """

    def __init__(self, functions: Sequence[Callable[[], Any]]) -> None:
        self._results: list[Any] = [None] * len(functions)
        # A pop is atomic, so no two threads take the same.
        self._left = list(enumerate(functions))[::-1]
        self._helped: SimpleQueue[None] = SimpleQueue()
        self._stopped = False
        self._error: BaseException | None = None  # of a helper

    def finish(self) -> list[Any]:
        """Take functions, wait for those that helpers have taken; return all results.

        If this thread fails or is interrupted, nobody is waited for.
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
                # Its traceback holds this frame: they would keep each other alive.
                del error
        return self._results

    def stop(self) -> None:
        """Let no thread take any more of them."""
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
        except IndexError:  # another was faster
            return 0
        self._results[place] = function()
        return 1


def _help(jobs: "SimpleQueue[_Job | None]") -> None:
    while (job := jobs.get()) is not None:
        job.help()
        # What it refers to, an engine with its buffers, must not live until the next.
        del job


def on_one_blas_thread(function: Callable[[], Result], workers: Workers) -> Result:
    """Call a function while BLAS computes in the thread that calls it.

    Meanwhile there are as many workers as BLAS had threads, divided by the threads that
    call this side by side. The number of BLAS's threads belongs to the process: it is
    restored when the last of several such calls, in several threads, ends.

    It is not a context manager, because an interrupt before the first line of its
    `__exit__`, or in that of `contextlib`, would leave BLAS on one thread.
    """
    token = get_ident(), object()
    try:
        _enter(token)
        allowed = min((n_threads for _, n_threads in _given), default=1)
        n_callers = len({thread for thread, _ in _inside.copy()})
        workers.number = max(1, allowed // n_callers)
        return function()
    finally:
        # In place: a function of its own could be interrupted before its first line.
        try:
            _leave(token)
            workers.close()
        except BaseException:  # Ctrl-C, or what another signal's handler raises
            try:
                _leave(token)
            finally:
                workers.close()
            raise


@cache
def _blas() -> Any:
    # Once: to find the libraries takes 2 ms, to limit them 9 µs.
    return ThreadpoolController().select(user_api="blas")


def _enter(token: tuple[int, object]) -> None:
    # In an order that `_leave` can undo wherever Ctrl-C has stopped it.
    with _lock:
        if not _inside:
            libraries = _blas().lib_controllers
            _given[:] = [(lib, lib.num_threads or 1) for lib in libraries]
        _inside.add(token)
        for library, _ in _given:
            _set_number(library, 1)


def _leave(token: tuple[int, object]) -> None:
    with _lock:
        _inside.discard(token)
        if not _inside:
            _give_back()
            # An interrupted `_enter` must not give back what is old.
            _given.clear()


def _give_back() -> None:
    for library, n_threads in _given:
        _set_number(library, n_threads)


def _set_number(library: Any, n_threads: int) -> None:
    """Set BLAS's threads, whichever thread asks.

    From 3.8 on, threadpoolctl takes no notice of threads other than the first that
    set OpenBLAS's number, while that one is alive.
    """
    library.set_num_threads(n_threads)
    take_control = getattr(library, "clear_controlling_thread", None)
    if take_control is None:
        return
    for _ in range(100):  # another thread may take control in between
        if library.num_threads in (n_threads, None):
            break
        take_control(force=True)
        library.set_num_threads(n_threads)


def _begin_anew() -> None:
    """After a fork: threads are not forked, and their locks stay as they were."""
    global _lock
    _lock = RLock()
    if _inside:
        _inside.intersection_update([t for t in _inside if t[0] == get_ident()])
        if not _inside:
            _give_back()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
