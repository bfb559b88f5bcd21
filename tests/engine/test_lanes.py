"""Large batches in lanes make the derivation's update, with the same bits."""

import tracemalloc
from functools import partial
from itertools import pairwise
from threading import Event, get_ident

import numpy as np
import pytest
from networks import Network, Reference, deviation
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix

from skbackprop._engine import lanes as lanes_module
from skbackprop._engine.buffers import Buffers
from skbackprop._engine.lanes import MOST_LANES, chunk_rows, cut, lane_count
from skbackprop._engine.network import Engine
from skbackprop._engine.parameters import Parameters
from skbackprop._threads import Workers

TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}


def parameters(units, dtype=np.float32, sparse=False):
    """Parameters of which only the shapes are used."""
    size = sum(n_in * n_out + n_out for n_in, n_out in pairwise(units))
    return Parameters(units, np.empty(size, dtype), sparse)


def streams_of(X, Y, weights, lanes, size=4):
    """The rows of each lane, in blocks of `size`."""

    def block(i, stop):
        rows = slice(i, min(i + size, stop))
        return X[rows], Y[rows], None if weights is None else weights[rows]

    return [[block(i, stop) for i in range(start, stop, size)] for start, stop in lanes]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("momentum", "nesterov", "alpha"),
    [(0.0, False, 0.0), (0.0, False, 0.5), (0.9, False, 0.5), (0.9, True, 0.5)],
)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("n_lanes", [1, 2, 4])
def test_a_batch_in_lanes_and_chunks_makes_one_update(
    n_lanes, weighted, sparse, momentum, nesterov, alpha, dtype
):
    network = Network((6, 5, 3), dtype)
    X, Y = network.examples(21, dtype)
    X[X < 0] = 0
    weights = np.linspace(0, 2, 21).astype(dtype) if weighted else None
    settings = {"momentum": momentum, "nesterov": nesterov, "alpha": alpha}
    engine = Engine(network.coefs, network.intercepts, sparse=sparse, **settings)
    reference = Reference(network, alpha, momentum, nesterov)
    rows = csr_matrix(X) if sparse else X
    for _ in range(3):
        gradient, cost = engine.gradient(
            streams_of(rows, Y, weights, cut(0, 21, n_lanes))
        )
        engine.update(gradient, 21, 21, eta=0.5)
        expected = reference.update(X, Y, 0.5, weights)
        assert_allclose(cost, expected, rtol=TOLERANCE[dtype])
    assert deviation(engine, *reference.theta) <= TOLERANCE[dtype]


@pytest.mark.parametrize("units", [(5, 2), (5, 4, 1), (6, 5, 4, 3, 2)], ids=str)
@pytest.mark.parametrize("n_rows", [1, 30])
def test_lanes_of_any_depth_equal_the_equations(n_rows, units):
    network = Network(units)
    X, Y = network.examples(n_rows)
    engine, reference = Engine(network.coefs, network.intercepts), Reference(network)
    gradient, cost = engine.gradient(streams_of(X, Y, None, cut(0, n_rows, 1), 7))
    engine.update(gradient, n_rows, n_rows, eta=0.5)
    assert_allclose(cost, reference.update(X, Y, 0.5), rtol=1e-12)
    assert deviation(engine, *reference.theta) <= 1e-12


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_the_bits_are_the_same_for_any_number_of_workers(sparse, dtype, monkeypatch):
    monkeypatch.setattr(lanes_module, "PIECE", 1000)  # so that the sum has pieces too
    network = Network((150, 40, 3), dtype)
    X, Y = network.examples(3000, dtype)
    rows = csr_matrix(X) if sparse else X
    found = set()
    for number in (1, 2, 3, 8, 16):
        workers = Workers(number)
        engine = Engine(
            network.coefs, network.intercepts, sparse=sparse, run_all=workers
        )
        for _ in range(3):
            gradient, cost = engine.gradient(
                streams_of(rows, Y, None, cut(0, 3000, 16), 100)
            )
            found.add((gradient.tobytes(), cost))
        workers.close()
    assert len(found) == 1


@pytest.mark.parametrize("number", [2, 8, 16])
def test_as_many_lanes_as_there_are_workers_are_computed_at_once(number):
    """Each lane waits, in the middle of its rows, until all have begun."""
    network = Network((6, 5, 3))
    X, Y = network.examples(64)
    begun, threads = [Event() for _ in range(number)], set()

    def rows(lane, start, stop):
        begun[lane].set()
        assert all(event.wait(timeout=60) for event in begun)
        threads.add(get_ident())
        yield X[start:stop], Y[start:stop], None

    workers = Workers(number)
    engine = Engine(network.coefs, network.intercepts, run_all=workers)
    lanes = cut(0, 64, number)
    engine.gradient([rows(k, *lane) for k, lane in enumerate(lanes)])
    workers.close()
    assert len(threads) == number


@pytest.mark.parametrize("where", [0, 1, 3])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_a_lane_is_raised_and_does_not_affect_the_next_batch(where, error):
    network = Network((15, 4, 3))
    X, Y = network.examples(300)
    workers = Workers(2)
    engine = Engine(network.coefs, network.intercepts, run_all=workers)
    new_streams = partial(streams_of, X, Y, None, cut(0, 300, 4), 10)
    expected = engine.gradient(new_streams())[0].copy()

    def failing(blocks):
        yield from blocks[:3]
        raise error

    streams = new_streams()
    streams[where] = failing(streams[where])
    with pytest.raises(error):
        engine.gradient(streams)
    assert_array_equal(engine.gradient(new_streams())[0], expected)
    workers.close()


def test_the_other_lanes_stop_when_one_has_failed():
    """It does not matter which thread computes which lane."""
    network = Network((15, 4, 3))
    X, Y = network.examples(10)
    workers = Workers(2)
    engine = Engine(network.coefs, network.intercepts, run_all=workers)
    begun, n_seen = Event(), []

    def failing():
        assert begun.wait(timeout=60)
        raise OverflowError
        yield

    def long():
        for _ in range(10**6):
            n_seen.append(1)
            begun.set()
            yield X, Y, None

    for streams in ([failing(), long()], [long(), failing()]):
        with pytest.raises(OverflowError):
            engine.gradient(streams)
    workers.close()
    assert len(n_seen) < 10**6


def test_no_numpy_warning_escapes_from_a_thread():
    """Each lane is finite, but their sum overflows."""
    network = Network((3, 2))
    network.coefs[0][:] = network.intercepts[0][:] = 0
    engine = Engine(network.coefs, network.intercepts)
    X, Y = np.ones((8, 3)), np.full((8, 2), 1e308)
    gradient, _ = engine.gradient(streams_of(X, Y, None, cut(0, 8, 4), 2))
    assert np.isinf(gradient).all()


def test_lanes_cover_the_rows_and_differ_by_at_most_one_row():
    for n_rows in (1, 7, 97, 1000):
        for n_lanes in (1, 2, 4, 32):
            lanes = cut(10, 10 + n_rows, n_lanes)
            assert [i for lane in lanes for i in range(*lane)] == [
                *range(10, 10 + n_rows)
            ]
            sizes = {stop - start for start, stop in lanes}
            assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("units", "n_rows", "sparse", "n_lanes"),
    [
        ((64, 30, 10), 200, False, 1),
        ((64, 30, 10), 20_000, False, 4),
        ((784, 100, 10), 200, False, 1),
        ((784, 100, 10), 2000, False, 8),
        ((784, 100, 10), 20_000, False, MOST_LANES),
        ((784, 500, 300, 10), 95, False, 1),
        ((784, 500, 300, 10), 192, False, 2),
        ((784, 500, 300, 10), 2000, False, 8),
        # Gradients of 320 MB: only two of them.
        ((8000, 10_000, 10), 20_000, False, 2),
        # A batch that does not pass through the network at once is always cut.
        ((2, 1), 20_000, False, 1),
        ((2, 1), 400_000, False, 2),
        # The products of sparse rows cost less, but their gradients cost as much.
        ((784, 100, 10), 2000, True, 2),
        ((784, 100, 10), 20_000, True, 16),
    ],
)
def test_the_number_of_lanes_depends_on_the_shape_alone(units, n_rows, sparse, n_lanes):
    assert lane_count(n_rows, parameters(units, sparse=sparse)) == n_lanes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("units", [(64, 30, 10), (784, 100, 10)], ids=str)
def test_a_chunk_has_about_4_MiB(units, dtype):
    rows = chunk_rows(parameters(units, dtype))
    numbers = rows * (units[0] + 3 * sum(units[1:]))
    assert 2**21 < numbers * np.dtype(dtype).itemsize <= 2**22


def test_a_large_batch_needs_only_the_memory_of_its_lanes_and_workers():
    network = Network((100, 50, 10))
    X, Y = network.examples(40_000)
    engine = Engine(network.coefs, network.intercepts)
    lanes = engine.lanes(0, len(X))
    size = engine.chunk_rows
    tracemalloc.start()
    engine.gradient(streams_of(X, Y, None, lanes, size))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    gradients = len(lanes) * engine.theta.vector.nbytes
    assert peak < gradients + 2 * lanes_module.CHUNK_BYTES


def test_lanes_of_uneven_sizes_share_their_buffers(monkeypatch):
    """There are buffers for full chunks, and for last ones, which differ by one row."""
    made = []

    class Counted(Buffers):
        def __init__(self, theta, m, order):
            made.append(m)
            super().__init__(theta, m, order)

    monkeypatch.setattr(lanes_module, "Buffers", Counted)
    network = Network((4, 3))
    X, Y = network.examples(203)
    engine = Engine(network.coefs, network.intercepts)
    for _ in range(2):
        engine.gradient(streams_of(X, Y, None, cut(0, 203, 8), 10))
    assert sorted(made) == [5, 6, 10]
