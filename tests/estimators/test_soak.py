"""A long stream has the same memory and speed at its end as at its beginning."""

import os
import time
import tracemalloc

import numpy as np
import pytest

from skbackprop import SGDSigmoidMLP

MINUTES = float(os.environ.get("SKBACKPROP_SOAK_MINUTES", "30"))
WINDOWS = 60
MEGABYTE = 2**20


@pytest.fixture
def chunks():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(500, 64)).astype(np.float32) for _ in range(20)]


def learn_and_predict(model, X):
    model.partial_fit(X, (X[:, 0] > 0).astype(int), classes=[0, 1])
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_chunk_leaves_nothing_in_memory_but_its_loss(chunks):
    """The short form of the test below, by what Python and NumPy allocate."""
    model = SGDSigmoidMLP((50,), momentum=0.5, random_state=0)
    for X in chunks:
        learn_and_predict(model, X)
    tracemalloc.start()
    try:
        for X in chunks * 2:  # so that everything that is replaced later is traced
            learn_and_predict(model, X)
        before = tracemalloc.get_traced_memory()[0]
        for X in chunks * 5:
            learn_and_predict(model, X)
        growth = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # A chunk takes 128 kB, the network 13 kB.
    assert growth < 1000 * 5 * len(chunks)


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.skipif(
    not os.path.exists("/proc/self/statm"), reason="needs Linux's /proc"
)
def test_a_long_stream_needs_no_more_memory_or_time_at_its_end(chunks, capsys):
    large = np.concatenate([chunks[0]] * 10)  # predicted in blocks, by two workers
    model = SGDSigmoidMLP((50,), momentum=0.5, random_state=0)
    memory, speed = [], []
    for window in range(-3, WINDOWS):  # three to warm up
        calls, began = 0, time.process_time()
        until = time.monotonic() + 60 * MINUTES / WINDOWS
        while time.monotonic() < until:
            learn_and_predict(model, chunks[calls % len(chunks)])
            calls += 1
            if calls % 100 == 0:
                assert np.isfinite(model.predict_proba(large)).all()
        if window >= 0:
            # By this process's CPU time, as other programs may use the machine.
            speed.append(calls / (time.process_time() - began))
            memory.append(resident_bytes() / MEGABYTE)
    third = WINDOWS // 3
    # The fastest windows are those that other programs disturbed least.
    first, last = (np.quantile(part, 0.9) for part in (speed[:third], speed[-third:]))
    growth = np.median(memory[-third:]) - np.median(memory[:third])
    with capsys.disabled():
        print(
            f"\n{MINUTES:g} min, {model.n_iter_} chunks of 500 rows: memory "
            f"{min(memory):.1f} to {max(memory):.1f} MB, from the first third to the "
            f"last {growth:+.2f} MB; {first:.0f} and {last:.0f} chunks/s "
            f"({100 * (last / first - 1):+.1f} %)"
        )
    assert max(memory) - min(memory) < 5
    assert abs(last / first - 1) < 0.1
