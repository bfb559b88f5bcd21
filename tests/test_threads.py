"""BLAS's threads: whoever computes with them, the bits are the same."""

import sys
import threading
import time
import tracemalloc
from functools import partial
from threading import get_ident

import numpy as np
import pytest
from networks import Network
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import ThreadpoolController, threadpool_limits

from skbackprop import SGDSigmoidMLP, _threads
from skbackprop._engine import all_threads as _all_threads
from skbackprop._engine import passes as _passes
from skbackprop._engine.blas import LargeProduct
from skbackprop._engine.machine import BlasThreads, Machine
from skbackprop._engine.network import Engine
from skbackprop._engine.pace import MOST, WINDOW, Pace
from skbackprop._engine.parameters import Flat
from skbackprop._threads import (
    _avx512,
    _give_all,
    _give_one,
    _has_all,
    on_one_blas_thread,
    side_by_side,
)

BLAS = ThreadpoolController().select(user_api="blas").lib_controllers


def blas_threads():
    return [library.num_threads for library in BLAS]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("trans_b", [False, True])
@pytest.mark.parametrize("trans_a", [False, True])
@pytest.mark.parametrize("moving", ["a", "b"])
@pytest.mark.parametrize("shape", [(5, 3, 7), (150, 9, 300), (300, 20, 1000)], ids=str)
def test_a_large_product_adds_to_its_result_in_place(
    shape, moving, trans_a, trans_b, dtype
):
    rows, columns, inner = shape
    rng = np.random.default_rng(0)

    def matrix(n, m, turned):
        drawn = rng.normal(size=(m, n) if turned else (n, m))
        return np.asfortranarray(drawn.astype(dtype))

    a, b = matrix(rows, inner, trans_a), matrix(inner, columns, trans_b)
    c = matrix(rows, columns, False)
    expected = 0.5 * (a.T if trans_a else a) @ (b.T if trans_b else b) - 3 * c
    given = {"a": a, "b": b}
    brought = given[moving]
    given[moving] = brought.shape
    product = LargeProduct(given["a"], given["b"], c, trans_a, trans_b)
    product(0.5, -3.0, brought)
    tolerance = 1e-12 if dtype == np.float64 else 1e-3
    assert_allclose(c, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.skipif(
    not _avx512() or any("0.3.21" in library.version for library in BLAS),
    reason="other kernels round by the place, and so do older ones for some shapes",
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("inner", [495, 513, 1000, 1024])
def test_a_large_product_has_the_same_bits_for_any_number_of_threads(inner, dtype):
    rng = np.random.default_rng(0)
    a, b = (np.asfortranarray(rng.random((inner, n)).astype(dtype)) for n in (301, 40))
    c = np.empty((301, 40), dtype, order="F")
    product = LargeProduct(a, b, c, True, False)
    results = set()
    for n_threads in (1, 2, 3):
        with threadpool_limits(n_threads, "blas"):
            product(1.0, 0.0)
        results.add(c.tobytes())
    assert len(results) == 1


@pytest.mark.parametrize("batch_size", [50, "full"])
@pytest.mark.parametrize(
    "units", [(150, 40, 3), (784, 100, 10), (784, 300, 300, 10)], ids=str
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_are_the_same_for_any_number_of_threads(
    dtype, units, batch_size, monkeypatch
):
    if units[0] == 150:
        monkeypatch.setattr(_all_threads, "THREADS_FROM", 1)
        monkeypatch.setattr(_passes, "SMALL_PRODUCT", 0)
    rng = np.random.default_rng(0)
    n_rows = 1000 if batch_size == 50 else 2500
    X = rng.normal(size=(n_rows, units[0])).astype(dtype)
    y = rng.integers(units[-1], size=len(X))
    models = []
    for threads in (1, 2, 3):
        _all_threads._known.clear()
        model = SGDSigmoidMLP(
            units[1:-1], batch_size=batch_size, max_iter=3, tol=0, random_state=0
        )
        with threadpool_limits(threads, "blas"), pytest.warns(match="max_iter"):
            models.append(model.fit(X, y))
        if threads == 2 and batch_size == 50 and _avx512():
            assert set(_all_threads._known.values()) == {True}
    for model in models[1:]:
        for a, b in zip(models[0].coefs_, model.coefs_, strict=True):
            assert_array_equal(a, b)
        assert models[0].loss_curve_ == model.loss_curve_


@pytest.mark.parametrize("what", ["nothing", "cost", "gradient"])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_a_pass_that_has_other_bits_with_all_threads_is_found_out(sparse, what):
    added = {"cost": 0.0, "gradient": 0.0}
    threads = BlasThreads(
        2,
        lambda: added.update({what: 1e-12}),
        lambda: added.update(cost=0.0, gradient=0.0),
    )

    def make(theta, target):
        propagate, add_gradient = _passes.make_pass(
            theta, target, 4, sparse=sparse, by_rows=False, cut=False
        )

        def other_gradient(*arguments):
            add_gradient(*arguments)
            target.vector[3] += added["gradient"]

        return lambda *arguments: propagate(*arguments) + added["cost"], other_gradient

    network = Network((9, 8, 3))
    flat = Flat(network.coefs, network.intercepts, first_in_c_order=sparse)
    same = _all_threads.is_the_same(flat, 4, sparse, threads, make)
    assert same == (what == "nothing")


def end(pace):
    if pace.end():
        pace.end_window()


@pytest.mark.parametrize("n_slow", [0, 1])
@pytest.mark.parametrize("seconds_with_all", [0.0, 0.004], ids=["faster", "slower"])
def test_passes_get_the_number_of_threads_that_is_faster(seconds_with_all, n_slow):
    pace = Pace()
    given = []
    for i in range(40 * WINDOW):
        pace.begin()
        given.append(pace.has_all)
        slow = i % (2 * WINDOW) < n_slow  # as the system may stop a process for a while
        time.sleep(0.012 if slow else seconds_with_all if pace.has_all else 0.001)
        end(pace)
    part = sum(given) / len(given)
    assert part > 0.8 if seconds_with_all == 0 else part < 0.2


def test_what_has_become_faster_is_found_out():
    pace = Pace()
    seconds_with_all = 0.002
    n_passes = 0
    for _ in range(30 * WINDOW):
        pace.begin()
        time.sleep(seconds_with_all if pace.has_all else 0.0005)
        end(pace)
    seconds_with_all = 0.0
    for _ in range(2 * MOST * WINDOW):
        pace.begin()
        time.sleep(seconds_with_all if pace.has_all else 0.0005)
        end(pace)
        n_passes += pace.has_all
    assert n_passes > MOST * WINDOW / 2


def small_pass(theta, target):
    return _passes.make_pass(theta, target, 4, sparse=False, by_rows=False, cut=False)


def test_beside_others_passes_have_one_thread_and_are_not_tried_with_all():
    given, made = [], []
    threads = BlasThreads(2, lambda: given.append("all"), int, has_all=lambda: False)

    def make(theta, target):
        made.append(1)
        return small_pass(theta, target)

    network = Network((9, 8, 3))
    flat = Flat(network.coefs, network.intercepts, first_in_c_order=False)
    propagate, add_gradient = _all_threads.paced(flat, flat, 4, False, threads, make)
    X, Y = network.examples(4)
    for _ in range(5 * WINDOW):
        propagate(X.T, Y.T, None)
        add_gradient(X.T, -0.1, 1.0, 1.0)
    assert len(made) == 1
    assert 1 < len(given) <= 5  # asked for at the end of each window


def test_fits_side_by_side_have_paces_of_their_own():
    threads = BlasThreads(2)
    network = Network((9, 8, 3))
    flat = Flat(network.coefs, network.intercepts, first_in_c_order=False)
    X, Y = network.examples(4)
    errors = []

    def descend():
        propagate, add_gradient = _all_threads.paced(
            flat, flat, 4, False, threads, small_pass
        )
        try:
            for _ in range(5000):
                propagate(X.T, Y.T, None)
                add_gradient(X.T, 0.0, 1.0, 1.0)
        except Exception as error:
            errors.append(error)

    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        fits = [threading.Thread(target=descend) for _ in range(4)]
        for thread in fits:
            thread.start()
        for thread in fits:
            thread.join()
    finally:
        sys.setswitchinterval(former)
    assert not errors


def test_a_trial_of_sparse_rows_needs_little_memory():
    """As dense rows, these would take 400 MB."""
    n_features, m = 100_000, 1000
    theta = Flat(
        [np.ones((n_features, 5)), np.ones((5, 3))], [np.ones(5), np.ones(3)], True
    )
    make = partial(_passes.make_pass, m=m, sparse=True, by_rows=False, cut=False)
    tracemalloc.start()
    _all_threads.is_the_same(theta, m, True, BlasThreads(2), make)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * theta.vector.nbytes


def test_the_number_of_threads_is_set_when_it_changes():
    calls = []
    threads = BlasThreads(2, lambda: calls.append("all"), lambda: calls.append("one"))
    for want in (False, True, True, False, False, True):
        threads.want(want)
    assert calls == ["all", "one", "all"]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_only_passes_that_may_have_all_threads_are_computed_with_them(
    momentum, monkeypatch
):
    """Not the smaller last batch, nor what comes after the block."""
    has_all = [False]
    threads = BlasThreads(
        2, lambda: has_all.append(True), lambda: has_all.append(False)
    )
    seen = []

    class Watched(Engine):
        def _make_pass(self, m):
            propagate, add_gradient = super()._make_pass(m)

            def watched(x, rate, keep_W, keep_b):
                seen.append((m, has_all[-1]))
                add_gradient(x, rate, keep_W, keep_b)

            return propagate, watched

    network = Network((784, 60, 10))
    key = (784, 60, 10, 50, np.dtype(float), False, 2)
    pace = Pace()
    pace.has_all = True
    monkeypatch.setitem(_all_threads._known, key, True)
    monkeypatch.setitem(_all_threads._paces, key, pace)
    engine = Watched(
        network.coefs,
        network.intercepts,
        batch_size=50,
        momentum=momentum,
        machine=Machine(even_cuts=True, threads=threads),
    )
    X, Y = network.examples(160)
    engine.descend(X, Y, None, 0.1)
    assert seen == [(50, True)] * 3 + [(10, False)]
    assert not has_all[-1]


def test_two_fits_side_by_side_have_one_blas_thread_each():
    threads = BlasThreads(2, _give_all, _give_one, _has_all)

    def one(_):
        threads.want(True)
        assert set(blas_threads()) == {2}
        on_one_blas_thread(other)

    def other(_):
        assert set(blas_threads()) == {1}
        threads.want(False)
        threads.want(True)
        assert set(blas_threads()) == {1}

    with threadpool_limits(2, "blas"):
        on_one_blas_thread(one)
        assert set(blas_threads()) == {2}


def test_the_number_is_set_and_given_back_by_whichever_thread_asks():
    """threadpoolctl 3.8 hears one thread only; the last to leave may be another."""
    inside, ended = threading.Event(), threading.Event()
    seen = []

    def inner(_):
        seen.append(blas_threads())
        inside.set()
        ended.wait()

    def other():
        on_one_blas_thread(inner)
        seen.append(blas_threads())

    def begin(_):
        thread.start()
        inside.wait()

    with threadpool_limits(2, "blas"):
        before = blas_threads()
        thread = threading.Thread(target=other)
        on_one_blas_thread(begin)
        ended.set()
        thread.join()
        alone = threading.Thread(target=other)
        alone.start()
        alone.join()
        assert seen == [[1] * len(before), before] * 2
        assert blas_threads() == before


def test_an_interrupt_at_any_moment_gives_the_threads_back(interrupted):
    n_interrupted, last_error = 0, None
    with threadpool_limits(2, "blas"):
        before = blas_threads()
        on_one_blas_thread(id)  # The first finds the libraries, which takes 2 ms.
        for pause in np.random.default_rng(1).uniform(1e-6, 1e-4, 3000):
            error = interrupted(partial(on_one_blas_thread, id), pause)
            if error is not None:
                n_interrupted += 1
                # As a notebook does; with it live the frames that it came through.
                last_error = error
            assert blas_threads() == before, last_error
    assert n_interrupted > 50


def test_an_interrupt_at_any_moment_leaves_the_other_thread_to_later_calls(interrupted):
    n_interrupted = n_beside = 0
    side_by_side([int, int])
    for i, pause in enumerate(np.random.default_rng(1).uniform(1e-6, 2e-4, 3000)):
        error = interrupted(partial(side_by_side, [int, int]), pause)
        n_interrupted += error is not None
        here, there = side_by_side([lambda i=i: i, lambda i=i: (i, get_ident())])
        assert (here, there[0]) == (i, i)
        n_beside += there[1] != get_ident()
    assert n_interrupted > 50
    assert n_beside > 2900


def test_an_error_that_is_kept_does_not_keep_the_other_thread():
    def fail():
        raise OverflowError

    with pytest.raises(OverflowError) as kept:
        side_by_side([fail, int])
    here, there = side_by_side([get_ident, get_ident])
    assert here == get_ident() != there
    assert kept.value.__traceback__ is not None


def test_who_cannot_start_a_thread_computes_alone(monkeypatch):
    def no_thread(*_, **__):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_threads, "_idle", [])
    monkeypatch.setattr(_threads, "_known", lambda: None)
    with monkeypatch.context() as patch:
        patch.setattr(_threads, "Thread", no_thread)
        assert side_by_side([lambda: 1, lambda: 2]) == [1, 2]
    assert side_by_side([lambda: 3, lambda: 4]) == [3, 4]
