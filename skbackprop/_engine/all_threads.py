"""Passes with all threads of BLAS, where that changes no bit and saves time."""

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from .blas import has_large_products
from .machine import BlasThreads, Machine
from .pace import Pace
from .parameters import Flat
from .passes import Pass

Array = NDArray[Any]
MakePass = Callable[[Flat, Flat], Pass]

# A pass may have all threads of BLAS if its largest product has so many
# multiplications: 784-100 for 32 rows, which trains 1.4 times as fast with two threads.
# (For 10 it does not, nor does 784-30 for 32.)
THREADS_FROM = 2_000_000

# For each kind of pass whether all threads give the same bits, and the pace of the last
# network that has trained: a later fit goes on with what is known.
_known: dict[tuple[Any, ...], bool] = {}
_paces: dict[tuple[Any, ...], Pace] = {}


def may_have_all(theta: Flat, m: int, sparse: bool, machine: Machine) -> bool:
    """Whether a pass of `m` examples is cut so that it may have all threads."""
    largest = m * max((Wt.size for Wt in theta.Wt[sparse:]), default=0)
    return (
        machine.even_cuts
        and m > 1
        and largest >= THREADS_FROM
        and has_large_products(theta.dtype)
    )


def paced(
    theta: Flat,
    target: Flat,
    m: int,
    sparse: bool,
    threads: BlasThreads,
    make: MakePass,
) -> Pass:
    """The pass that `make` makes, with as many threads as its pace says.

    Whoever calls it has to ask `threads` for one afterwards.
    """
    propagate, add_gradient = make(theta, target)
    key = (*theta.units, m, theta.dtype, sparse, threads.number)
    may_have_all = _known.get(key)
    if may_have_all is False:
        return propagate, add_gradient
    # Of its own: fits side by side have other times.
    pace = copy(_paces.get(key)) or Pace()

    def paced_propagate(x: Any, y: Array, w: Array | None) -> float:
        threads.want(pace.has_all)
        pace.begin()
        return propagate(x, y, w)

    def paced_add_gradient(x: Any, rate: float, keep_W: float, keep_b: float) -> None:
        nonlocal may_have_all
        add_gradient(x, rate, keep_W, keep_b)
        if not pace.end():
            return
        # A window has ended: not at once, for a trial takes as long as some passes.
        if may_have_all is None:
            may_have_all = is_the_same(theta, m, sparse, threads, make)
            if may_have_all is not None:
                _known[key] = may_have_all
        if may_have_all:
            pace.end_window()
            _paces[key] = copy(pace)

    return paced_propagate, paced_add_gradient


def is_the_same(
    theta: Flat, m: int, sparse: bool, threads: BlasThreads, make: MakePass
) -> bool | None:
    """Try: the gradients of random examples in a random network of this shape.

    None where that cannot be tried, since BLAS does not have all threads now.
    """
    threads.want(True)
    if not threads.has_all():
        threads.want(False)
        return None
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> Array:
        return rng.standard_normal(shape, dtype=theta.dtype.type)

    coefs = [drawn(*Wt.shape) / np.sqrt(len(Wt)).astype(theta.dtype) for Wt in theta.Wt]
    biases = [np.zeros_like(b) for b in theta.b]
    y = drawn(theta.units[-1], m)
    x: Any = drawn(m, theta.units[0]).T if not sparse else _one_entry_a_row(theta, m)
    results = []
    for all_threads in (False, True):
        network = Flat(coefs, biases, first_in_c_order=sparse)
        propagate, add_gradient = make(network, network)
        threads.want(all_threads)
        squares = propagate(x, y, None)
        add_gradient(x, -0.3, 0.9, 0.9)
        results.append((squares, network.vector))
    had_all = threads.has_all()
    threads.want(False)
    if not had_all:
        return None
    (squares_one, one), (squares_all, every) = results
    return bool(squares_one == squares_all and np.array_equal(one, every))


def _one_entry_a_row(theta: Flat, m: int) -> csr_matrix:
    # BLAS does not see sparse rows. As dense ones they might not fit in memory.
    n_features = theta.units[0]
    entries = np.ones(m, theta.dtype), np.arange(m) % n_features, np.arange(m + 1)
    return csr_matrix(entries, shape=(m, n_features))
