"""BLAS limited to one thread, and the pool of workers."""

import contextlib
import gc
import multiprocessing
import threading
import warnings
import weakref
from functools import partial
from threading import Event, get_ident

import numpy as np
import pytest
from helpers import blas_threads, fit
from threadpoolctl import threadpool_limits

from skbackprop import SGDSigmoidMLP, _threads
from skbackprop._threads import Workers, on_one_blas_thread


@pytest.fixture
def workers():
    """Makes pools that end with the test."""
    made = []

    def new(number):
        made.append(Workers(number))
        return made[-1]

    yield new
    for pool in made:
        pool.close()


# ---- the pool


@pytest.mark.parametrize("number", [1, 2, 3, 16])
@pytest.mark.parametrize("n_functions", [0, 1, 2, 5, 100])
def test_results_come_in_the_order_of_the_functions(n_functions, number, workers):
    pool = workers(number)
    for _ in range(3):
        assert pool([partial(int, k) for k in range(n_functions)]) == [
            *range(n_functions)
        ]


def meeting(number):
    """Functions that wait for each other, so they can end only in parallel."""
    begun = [Event() for _ in range(number)]

    def meet(k):
        begun[k].set()
        assert all(event.wait(timeout=60) for event in begun)
        return get_ident()

    return [partial(meet, k) for k in range(number)]


@pytest.mark.parametrize("number", [2, 8, 16])
def test_functions_run_in_as_many_threads_as_there_are_workers(number, workers):
    pool = workers(number)
    for _ in range(3):
        threads = pool(meeting(number))
        assert len({*threads}) == number
        assert get_ident() in threads


def test_one_worker_and_one_function_need_no_thread(workers):
    before = threading.active_count()
    workers(1)([int, int])
    workers(8)([int])
    assert threading.active_count() == before


def test_no_thread_outlives_the_last_use():
    before = {*threading.enumerate()}
    pool = Workers(4)
    pool(meeting(4))
    threads = {*threading.enumerate()} - before
    assert len(threads) == 3
    pool.close()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_no_thread_keeps_references_of_its_last_job(workers):
    class Buffer:
        pass

    pool, buffer = workers(2), Buffer()
    alive = weakref.ref(buffer)

    def use(meet, buffer):
        meet()

    pool([partial(use, meet, buffer) for meet in meeting(2)])
    del buffer
    pool(meeting(2))  # so the other thread has left the first job
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_is_raised_and_does_not_affect_the_next_call(failing, workers):
    def fail():
        raise OverflowError

    functions = [int, int, int]
    functions[failing] = fail
    pool = workers(2)
    for _ in range(20):
        with pytest.raises(OverflowError):
            pool(functions)
        assert pool([int, list, dict]) == [0, [], {}]
    assert len({*pool(meeting(2))}) == 2


def test_an_error_in_another_thread_reaches_the_caller(workers):
    here, failed = get_ident(), Event()

    def fail_elsewhere(meet):
        meet()
        if get_ident() != here:
            failed.set()
            raise OverflowError

    with pytest.raises(OverflowError):
        workers(2)([partial(fail_elsewhere, meet) for meet in meeting(2)])
    assert failed.is_set()


def test_after_an_error_no_further_function_is_called(workers):
    called = []

    def fail():
        raise OverflowError

    with pytest.raises(OverflowError):
        workers(1)([fail, partial(called.append, 1)])
    assert not called


@pytest.mark.parametrize("where", ["here", "there"])
def test_an_error_keeps_no_references_of_its_call(where, workers):
    class Buffer:
        pass

    here = get_ident()

    def fail(meet, buffer):
        meet()
        if (get_ident() == here) == (where == "here"):
            raise OverflowError

    pool, buffer = workers(2), Buffer()
    alive = weakref.ref(buffer)
    with contextlib.suppress(OverflowError):
        pool([partial(fail, meet, buffer) for meet in meeting(2)])
    del buffer
    pool(meeting(2))  # so the other thread has left the first job
    assert alive() is None  # without the garbage collector


def test_a_thread_that_an_interrupt_left_behind_is_closed(monkeypatch):
    class Interrupted(threading.Thread):
        def start(self):
            super().start()
            raise KeyboardInterrupt

    pool, before = Workers(2), {*threading.enumerate()}
    with monkeypatch.context() as patch:
        patch.setattr(_threads, "Thread", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            pool([int, int])
    (thread,) = {*threading.enumerate()} - before
    pool.close()
    thread.join(timeout=60)
    assert not thread.is_alive()


def test_simultaneous_calls_share_the_workers(workers):
    """The second of two simultaneous calls has half as many workers as BLAS threads."""
    meet = threading.Barrier(2)

    def call(pool):
        on_one_blas_thread(partial(meet.wait, timeout=60), pool)

    with threadpool_limits(8, "blas"):
        allowed = min(blas_threads())
        pools = [workers(1), workers(1)]
        others = [threading.Thread(target=call, args=(pool,)) for pool in pools]
        for thread in others:
            thread.start()
        for thread in others:
            thread.join()
    assert sorted(pool.number for pool in pools) == [allowed // 2, allowed]


def test_an_error_that_is_kept_keeps_no_thread_busy(workers):
    def fail():
        raise OverflowError

    pool = workers(2)
    with pytest.raises(OverflowError) as kept:
        pool([fail, int])
    assert len({*pool(meeting(2))}) == 2
    assert kept.value.__traceback__ is not None


def test_if_no_thread_can_be_started_the_caller_does_all(monkeypatch, workers):
    def no_thread(*_, **__):
        raise RuntimeError("can't start new thread")

    pool = workers(3)
    with monkeypatch.context() as patch:
        patch.setattr(_threads, "Thread", no_thread)
        assert pool([lambda: 1, lambda: 2, lambda: 3]) == [1, 2, 3]
    assert len({*pool(meeting(3))}) == 3


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="cannot fork"
)
def test_after_a_fork_the_caller_does_all(workers):
    """The child has the pool, but not its threads."""
    pool = workers(3)
    pool(meeting(3))
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(
        target=lambda: there.send(pool([partial(int, k) for k in range(5)]))
    )
    with warnings.catch_warnings():
        # Python 3.12 or newer warns of a fork if there are threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    assert here.poll(timeout=60)
    assert here.recv() == [0, 1, 2, 3, 4]
    child.join(timeout=60)
    assert child.exitcode == 0


def interrupts(call, n_alarms, interrupted):
    """Interrupt a call n times within 0.2 ms; return how often the error came out."""
    pauses = np.random.default_rng(1).uniform(1e-6, 2e-4, n_alarms)
    return sum(interrupted(call, pause) is not None for pause in pauses)


@pytest.mark.parametrize("n_alarms", [100, pytest.param(3000, marks=pytest.mark.slow)])
def test_an_interrupt_at_any_moment_leaves_the_pool_usable(
    n_alarms, interrupted, workers
):
    pool = workers(2)
    pool(meeting(2))
    for i in range(n_alarms // 10):
        interrupts(partial(pool, [int, int, int]), 10, interrupted)
        assert pool([partial(int, i), list]) == [i, []]
    assert len({*pool(meeting(2))}) == 2


# ---- BLAS


@pytest.mark.parametrize("number", [1, 2, 3, 8])
def test_there_are_as_many_workers_as_blas_had_threads(number, workers):
    pool = workers(1)
    with threadpool_limits(number, "blas"):
        allowed = min(blas_threads())  # OpenBLAS may be built for fewer
        found = on_one_blas_thread(lambda: (pool.number, {*blas_threads()}), pool)
        assert {*blas_threads()} == {allowed}
    assert found == (allowed, {1})


def test_a_nested_call_has_as_many_workers(workers):
    inner, outer = workers(1), workers(1)
    with threadpool_limits(2, "blas"):
        on_one_blas_thread(lambda: on_one_blas_thread(list, inner), outer)
    assert inner.number == outer.number == 2


def test_any_thread_can_set_and_restore_the_number_of_blas_threads():
    """threadpoolctl 3.8 obeys one thread only, but another may be the last to leave."""
    inside, ended = Event(), Event()
    seen = []

    def inner():
        seen.append(blas_threads())
        inside.set()
        ended.wait(timeout=60)

    def other():
        on_one_blas_thread(inner, Workers())
        seen.append(blas_threads())

    def begin():
        thread.start()
        inside.wait(timeout=60)

    with threadpool_limits(2, "blas"):
        before = blas_threads()
        thread = threading.Thread(target=other)
        on_one_blas_thread(begin, Workers())
        ended.set()
        thread.join()
        alone = threading.Thread(target=other)
        alone.start()
        alone.join()
        assert seen == [[1] * len(before), before] * 2
        assert blas_threads() == before


@pytest.mark.parametrize("n_alarms", [100, pytest.param(3000, marks=pytest.mark.slow)])
def test_an_interrupt_at_any_moment_restores_the_threads(n_alarms, interrupted):
    kept = []
    with threadpool_limits(2, "blas"):
        before = blas_threads()
        on_one_blas_thread(list, Workers())  # finds the libraries, which takes 2 ms
        for pause in np.random.default_rng(1).uniform(1e-6, 1e-4, n_alarms):
            call = partial(on_one_blas_thread, list, Workers())
            # Kept, as in a notebook, together with the frames of its traceback.
            kept.append(interrupted(call, pause))
            assert blas_threads() == before, kept[-1]


@pytest.mark.parametrize("batch_size", [50, 300, "full"])
@pytest.mark.parametrize(
    "units", [(150, 40, 3), (784, 100, 10), (784, 300, 300, 10)], ids=str
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_fit_has_the_same_bits_for_any_number_of_threads(dtype, units, batch_size):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2500 if batch_size == "full" else 1000, units[0]))
    y = rng.integers(units[-1], size=len(X))
    found = set()
    for threads in (1, 2, 3, 8, 16):
        model = SGDSigmoidMLP(
            units[1:-1], batch_size=batch_size, max_iter=1, tol=0, random_state=0
        )
        with threadpool_limits(threads, "blas"):
            fit(model, X.astype(dtype), y)
            probabilities = model.predict_proba(X.astype(dtype))
        learnt = [p.tobytes() for p in (*model.coefs_, *model.intercepts_)]
        found.add((*learnt, *model.loss_curve_, probabilities.tobytes()))
    assert len(found) == 1


def test_a_fit_of_large_batches_leaves_no_thread_behind(digits):
    before = {*threading.enumerate()}
    X = np.concatenate([digits[0]] * 4)
    model = SGDSigmoidMLP((300,), batch_size="full", max_iter=2, random_state=0)
    with threadpool_limits(4, "blas"):
        fit(model, X, np.concatenate([digits[1]] * 4)).predict(X)
    for thread in {*threading.enumerate()} - before:
        thread.join(timeout=60)
    assert {*threading.enumerate()} <= before  # some of those may have ended
