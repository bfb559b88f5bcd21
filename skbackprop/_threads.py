"""Threads: BLAS on one, unless its bits are the same; and a second one of ours.

The last bits of a product depend on how many threads compute it. A search in worker
processes, which have fewer threads each, shall find the models that one process finds,
to the bit. So BLAS computes on one thread, but for what `_all_threads` finds to have
the same bits with all. With kernels where that does not happen, large batches are cut
into two shards, always the same, that are computed one after the other or side by side.
"""

import os
from collections.abc import Callable, Sequence
from functools import cache
from queue import SimpleQueue
from threading import RLock, Thread, get_ident
from typing import Any, TypeVar
from weakref import ref

from threadpoolctl import ThreadpoolController

from ._engine.machine import BlasThreads, Machine, in_turn

# OpenBLAS's kernels for AVX-512. They are fast for small matrices too (10 examples as
# rows through 784-100-10 are 13 % slower than as columns), and how they round does not
# depend on the place of an element in a product, as it does with those for Haswell.
AVX512_KERNELS = {"SkylakeX", "Cooperlake", "SapphireRapids"}

Result = TypeVar("Result")

_lock = RLock()  # a garbage collector may leave a block in the midst of another
# Who relies on one thread, and what to give back: (library, its number of threads).
_inside: set[tuple[int, object]] = set()
_given: list[tuple[Any, int]] = []


@cache
def _blas() -> Any:
    # Once: to find the libraries takes 2 ms, to limit them 9 µs.
    return ThreadpoolController().select(user_api="blas")


@cache
def _avx512() -> bool:
    # Of all libraries: old wheels of numpy and scipy have different kernels.
    return all(
        getattr(library, "architecture", None) in AVX512_KERNELS
        for library in _blas().lib_controllers
    )


def on_one_blas_thread(function: Callable[[Machine], Result]) -> Result:
    """Call a function while BLAS computes in the thread that calls it.

    The function gets what an engine should know: two functions are called side by side
    if BLAS had two threads or more, and what it may give BLAS for a while. The number
    of BLAS's threads belongs to the process: it is restored when the last of several
    such calls in several threads ends.

    It is no context manager, because an interrupt before the first line of its
    `__exit__`, or in that of `contextlib`, would leave BLAS on one thread.
    """
    token = get_ident(), object()
    try:
        _enter(token)
        number = min((n_threads for _, n_threads in _given), default=1)
        run_all = in_turn if number < 2 else side_by_side
        machine = Machine(run_all)
        if _avx512():
            threads = BlasThreads(number, _give_all, _give_one, _has_all)
            machine = Machine(run_all, by_rows_up_to=0, even_cuts=True, threads=threads)
        return function(machine)
    finally:
        # In place: a function of its own could be interrupted before its first line.
        try:
            _leave(token)
        except BaseException:  # Ctrl-C, or what another signal's handler raises
            _leave(token)
            raise


def _enter(token: tuple[int, object]) -> None:
    # In an order that `_leave` can undo wherever Ctrl-C has stopped it.
    with _lock:
        if not _inside:
            libraries = _blas().lib_controllers
            _given[:] = [(lib, lib.num_threads or 1) for lib in libraries]
        _inside.add(token)
        _set_one()


def _leave(token: tuple[int, object]) -> None:
    with _lock:
        _inside.discard(token)
        if not _inside:
            _set_given()
            # An interrupted `_enter` shall not give what is old.
            _given.clear()


def _give_all() -> None:
    """Let BLAS have its threads for a while, unless someone else relies on one."""
    with _lock:
        if len(_inside) == 1:
            _set_given()


def _give_one() -> None:
    with _lock:
        _set_one()


def _has_all() -> bool:
    return all(library.num_threads == number for library, number in _given)


def _set_given() -> None:
    for library, n_threads in _given:
        _set_number(library, n_threads)


def _set_one() -> None:
    for library, _ in _given:
        _set_number(library, 1)


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


def side_by_side(functions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call the first function here and the second in a thread of its own.

    There is one such thread for the process, because a new one would first set up its
    BLAS (1 ms). Who finds it busy calls one function after the other. (A queue wakes it
    after 70 µs, an executor of `concurrent.futures` after 180 µs.)
    """
    other = _take_other()
    if other is None:
        return in_turn(functions)
    try:
        here, there = functions
        # Of this call alone. Wherever an interrupt comes from here on, nobody is given
        # what was left behind: the other thread is not put back, and ends with its job.
        results: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        other.jobs.put((there, results))
        first = here()
        second, error = results.get()
        _idle.append(other)
    finally:
        # Else it would be busy for as long as somebody keeps the traceback.
        del other
    if error is not None:
        raise error
    return [first, second]


class _Other:
    """A thread that does jobs until nobody refers to this object."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Any] = SimpleQueue()
        Thread(target=_work, args=(self.jobs,), daemon=True).start()

    def __del__(self) -> None:
        self.jobs.put(None)


def _take_other() -> _Other | None:
    """The other thread if it is idle; a new one if there is none any more."""
    global _known
    try:
        return _idle.pop()
    except IndexError:
        if _known() is not None:
            return None
    try:
        other = _Other()
    except RuntimeError:  # no thread can be started
        return None
    _known = ref(other)
    return other


def _work(jobs: SimpleQueue[Any]) -> None:
    while (job := jobs.get()) is not None:
        function, results = job
        try:
            results.put((function(), None))
        except BaseException as error:
            results.put((None, error))
        # What they refer to, an engine with its buffers, shall not live until the next.
        del job, function, results


def _nobody() -> None:
    return None


def _begin_anew() -> None:
    """After a fork: threads are not forked, and their locks stay as they were."""
    global _lock, _known
    _lock, _known = RLock(), _nobody
    _idle.clear()
    if _inside:
        _inside.intersection_update([t for t in _inside if t[0] == get_ident()])
        if not _inside:
            _set_given()


_idle: list[_Other] = []
_known: Callable[[], _Other | None] = _nobody
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
