"""BLAS on one thread: the last bits of a product depend on how many compute it.

A search in worker processes, which have fewer threads each, shall find the models that
one process finds, to the bit. One thread also never waits for another: with other work
on the machine, OpenBLAS's threads made large batches 10 to 40 times slower.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = Lock()
_inside = 0
_limit: Any = None


@cache
def _blas() -> Any:
    # Once: to find the libraries takes 2 ms, to limit them 9 µs.
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within this block, BLAS computes in the thread that calls it.

    The number of threads belongs to the process: it is restored when the last of
    several blocks in several threads ends.
    """
    global _inside, _limit
    with _lock:
        if _inside == 0:
            _limit = _blas().limit(limits=1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limit.restore_original_limits()
