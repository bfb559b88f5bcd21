"""The fast layer against the readable one."""

import time
import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Network, Reference
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from scipy.special import expit
from threadpoolctl import threadpool_limits

from skbackprop import _equations as eq
from skbackprop._engine import all_threads as _all_threads
from skbackprop._engine import blas as _blas
from skbackprop._engine import network as _engine
from skbackprop._engine import passes as _passes
from skbackprop._engine.forward import decision
from skbackprop._engine.machine import Machine, in_turn
from skbackprop._engine.network import Engine
from skbackprop._engine.sigmoid import sigmoid_for
from skbackprop._threads import on_one_blas_thread, side_by_side

TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}
NETWORKS = [(5, 1), (5, 2), (5, 4, 1), (5, 4, 10), (6, 5, 4, 3), (6, 5, 4, 3, 2)]


def deviation(engine, W, b):
    """Largest difference of the parameters, relative to the largest parameter."""
    pairs = [
        *zip(engine.Wt, (W_l.T for W_l in W), strict=True),
        *zip(engine.b, (b_l[:, 0] for b_l in b), strict=True),
    ]
    largest = max(np.abs(expected).max() for _, expected in pairs)
    return max(np.abs(got - expected).max() for got, expected in pairs) / largest


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("batch_size", [1, 4, 10], ids="batch={}".format)
@pytest.mark.parametrize("units", NETWORKS, ids=str)
def test_update_equals_the_equations(units, batch_size, dtype):
    network = Network(units, dtype)
    X, Y = network.examples(10, dtype)
    engine = Engine(network.coefs, network.intercepts, batch_size=batch_size)
    reference = Reference(network)
    cost = engine.descend(X, Y, None, eta=0.7)
    assert_allclose(
        cost, reference.descend(X, Y, 0.7, batch_size), rtol=TOLERANCE[dtype]
    )
    assert deviation(engine, *reference.theta) <= TOLERANCE[dtype]
    assert all(p.dtype == dtype for layers in engine.parameters() for p in layers)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize(
    ("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)]
)
@pytest.mark.parametrize("batch_size", [1, 4, 10], ids="batch={}".format)
def test_momentum_penalty_weights_and_sparse_rows_equal_the_equations(
    batch_size, momentum, nesterov, alpha, sparse, weighted
):
    network = Network((6, 5, 3))
    X, Y = network.examples(10)
    X[X < 0] = 0
    weights = np.arange(10) / 4.5 if weighted else None
    engine = Engine(
        network.coefs,
        network.intercepts,
        batch_size=batch_size,
        alpha=alpha,
        momentum=momentum,
        nesterov=nesterov,
        sparse=sparse,
    )
    reference = Reference(network, alpha, momentum, nesterov)
    for _ in range(3):
        cost = engine.descend(csr_matrix(X) if sparse else X, Y, weights, eta=0.5)
        expected = reference.descend(X, Y, 0.5, batch_size, weights)
        assert_allclose(cost, expected, rtol=1e-12)
    assert deviation(engine, *reference.theta) <= 1e-12


def chunks(start, stop, size=4):
    return [(i, min(i + size, stop)) for i in range(start, stop, size)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("momentum", "nesterov", "alpha"),
    [(0.0, False, 0.0), (0.0, False, 0.5), (0.9, False, 0.5), (0.9, True, 0.5)],
)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("stops", [[11], [8, 11]], ids=["one stream", "two"])
def test_a_batch_in_chunks_is_one_update(
    stops, sparse, momentum, nesterov, alpha, dtype
):
    network = Network((6, 5, 3), dtype)
    X, Y = network.examples(11, dtype)
    weights = np.linspace(0, 2, 11).astype(dtype)
    engine = Engine(
        network.coefs,
        network.intercepts,
        batch_size=11,
        momentum=momentum,
        nesterov=nesterov,
        alpha=alpha,
        sparse=sparse,
    )
    reference = Reference(network, alpha, momentum, nesterov)
    for _ in range(3):
        rows = csr_matrix(X) if sparse else X
        streams = [
            [(rows[i:j], Y[i:j], weights[i:j]) for i, j in chunks(start, stop)]
            for start, stop in zip([0, *stops[:-1]], stops, strict=True)
        ]
        gradient, cost = engine.gradient(streams)
        engine.update(gradient, 11, eta=0.5)
        expected = reference.update(X, Y, 0.5, weights)
        assert_allclose(cost, expected, rtol=TOLERANCE[dtype])
    assert deviation(engine, *reference.theta) <= TOLERANCE[dtype]


def streams_of(X, Y, n):
    half = n // 2
    return [
        [(X[i:j], Y[i:j], None) for i, j in chunks(start, stop, 100)]
        for start, stop in ((0, half), (half, n))
    ]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_halves_of_a_batch_have_the_same_bits_in_turn_and_side_by_side(dtype):
    network = Network((150, 40, 3), dtype)
    X, Y = network.examples(3000, dtype)
    sums = []
    for run_all in (in_turn, side_by_side, side_by_side):
        engine = Engine(
            network.coefs,
            network.intercepts,
            batch_size=3000,
            machine=Machine(run_all),
        )
        gradient, cost = engine.gradient(streams_of(X, Y, 3000))
        sums.append((gradient.tobytes(), cost))
    assert sums[0] == sums[1] == sums[2]


@pytest.mark.parametrize("n_rows", [1, 201])
def test_one_half_may_be_all_and_a_chunk_one_row(n_rows):
    network = Network((6, 5, 3))
    X, Y = network.examples(n_rows)
    reference = Reference(network)
    cost = reference.update(X, Y, 0.5)
    engine = Engine(
        network.coefs,
        network.intercepts,
        batch_size=n_rows,
        machine=Machine(side_by_side),
    )
    stream = [(X[i:j], Y[i:j], None) for i, j in chunks(0, n_rows, 100)]
    gradient, costs = engine.gradient([stream])
    engine.update(gradient, n_rows, 0.5)
    assert_allclose(costs, cost, rtol=1e-12)
    assert deviation(engine, *reference.theta) <= 1e-12


@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_one_half_of_a_batch_leaves_the_next_alone(where, error):
    network = Network((150, 40, 3))
    X, Y = network.examples(3000)
    engine = Engine(
        network.coefs,
        network.intercepts,
        batch_size=3000,
        machine=Machine(side_by_side),
    )
    expected = engine.gradient(streams_of(X, Y, 3000))[0].copy()

    def failing(blocks):
        yield from blocks[:3]
        raise error

    def counted(blocks):
        for block in blocks:
            seen.append(1)
            time.sleep(0.001)
            yield block

    seen = []
    streams = [counted(stream) for stream in streams_of(X, Y, 3000)]
    streams[where] = failing(streams_of(X, Y, 3000)[where])
    with pytest.raises(error):
        engine.gradient(streams)
    if where == 0:  # the other thread was told to stop
        time.sleep(0.05)
        assert len(seen) < 15
    assert_array_equal(engine.gradient(streams_of(X, Y, 3000))[0], expected)


@settings(deadline=None)
@given(
    units=st.lists(st.integers(1, 12), min_size=2, max_size=5),
    n_rows=st.integers(1, 30),
    batch_size=st.integers(1, 30),
    seed=st.integers(0, 2**16),
)
def test_any_network_and_batch_size_equals_the_equations(
    units, n_rows, batch_size, seed
):
    network = Network(units, seed=seed)
    X, Y = network.examples(n_rows, seed=seed + 1)
    engine = Engine(network.coefs, network.intercepts, batch_size=batch_size)
    reference = Reference(network)
    engine.descend(X, Y, None, eta=1.5)
    reference.descend(X, Y, 1.5, batch_size)
    assert deviation(engine, *reference.theta) <= 1e-12


@pytest.mark.parametrize("width", [3, 200], ids=["expit", "tanh"])
def test_both_formulas_of_the_sigmoid_train_alike(width):
    network = Network((4, width, 2))
    X, Y = network.examples(8)
    engine = Engine(network.coefs, network.intercepts, batch_size=8)
    reference = Reference(network)
    engine.descend(X, Y, None, eta=0.5)
    reference.update(X, Y, 0.5)
    assert deviation(engine, *reference.theta) <= 1e-12


@pytest.mark.parametrize(
    ("target", "spoil"),
    [
        ("Wt", np.ascontiguousarray),
        ("Wt", lambda c: c.astype(np.float32)),
        ("Wt", lambda c: np.asfortranarray(np.repeat(c, 2, axis=0))[::2]),
        ("b", lambda b: b.astype(np.float32)),
        ("b", lambda b: np.repeat(b, 2)[::2]),
    ],
    ids=["order of W", "dtype of W", "stride of W", "dtype of b", "stride of b"],
)
def test_an_array_that_blas_would_copy_is_refused(target, spoil):
    network = Network((5, 4, 3))
    engine = Engine(network.coefs, network.intercepts, batch_size=2)
    arrays = getattr(engine._target, target)
    arrays[1] = spoil(arrays[1])
    X, Y = network.examples(2)
    with pytest.raises(RuntimeError, match="in place"):
        engine.descend(X, Y, None, eta=0.5)


def test_a_target_that_shards_would_copy_is_refused(monkeypatch):
    monkeypatch.setattr(_engine, "SHARD_FROM", 0)
    monkeypatch.setattr(_engine, "SHARD_FROM_ROWS", 2)
    network = Network((5, 4, 3))
    engine = Engine(network.coefs, network.intercepts, batch_size=2)
    engine._target.vector = np.repeat(engine._target.vector, 2)[::2]
    with pytest.raises(RuntimeError, match="in place"):
        engine.descend(*network.examples(2), None, eta=0.5)


def test_an_update_of_sparse_rows_does_not_copy_the_weights():
    network = Network((50_000, 10, 2))
    _, Y = network.examples(2)
    X = csr_matrix(([1.0, 1.0], ([0, 1], [7, 9])), shape=(2, 50_000))
    engine = Engine(network.coefs, network.intercepts, batch_size=2, sparse=True)
    tracemalloc.start()
    engine.descend(X, Y, None, eta=0.5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < engine.theta.nbytes / 4


@pytest.mark.parametrize("told", ["nothing", "another interface"])
def test_without_the_address_of_blas_product_the_numbers_are_the_same(
    told, monkeypatch
):
    def capsule(char):
        if told == "nothing":
            raise ValueError
        return None, "void (char *, char *, long *, long *, long *)"

    monkeypatch.setattr(_blas, "_capsule", capsule)
    monkeypatch.setattr(_blas, "_routine", _blas._routine.__wrapped__)
    monkeypatch.setattr(_all_threads, "THREADS_FROM", 0)
    monkeypatch.setattr(_passes, "SMALL_PRODUCT", 0)
    network = Network((6, 5, 3))
    X, Y = network.examples(8)
    machine = Machine(even_cuts=True)
    engine = Engine(network.coefs, network.intercepts, batch_size=8, machine=machine)
    reference = Reference(network)
    engine.descend(X, Y, None, eta=0.5)
    gradient, _ = engine.gradient([[(X, Y, None)]])
    engine.update(gradient, 8, eta=0.5)
    reference.update(X, Y, 0.5)
    reference.update(X, Y, 0.5)
    assert deviation(engine, *reference.theta) <= 1e-12


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_inputs_and_initial_parameters_are_left_alone(sparse):
    network = Network((6, 5, 3))
    X, Y = network.examples(7)
    rows = csr_matrix(X) if sparse else X
    before = [p.copy() for p in (*network.coefs, *network.intercepts, X, Y)]
    engine = Engine(
        network.coefs, network.intercepts, batch_size=2, alpha=1, sparse=sparse
    )
    engine.descend(rows, Y, None, eta=0.5)
    after = (*network.coefs, *network.intercepts, rows.toarray() if sparse else X, Y)
    for old, new in zip(before, after, strict=True):
        assert_array_equal(old, new)


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.7, "nesterov": True}], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("by_rows", [False, True])
@pytest.mark.parametrize("way", ["whole", "sharded", "even cuts"])
@pytest.mark.parametrize("batch_size", [2, 41, 75])
def test_every_way_to_compute_a_batch_is_that_of_the_equations(
    batch_size, way, by_rows, n_threads, weighted, settings, monkeypatch
):
    monkeypatch.setattr(_engine, "SHARD_FROM", 0 if way == "sharded" else np.inf)
    monkeypatch.setattr(_engine, "SHARD_FROM_ROWS", 2)
    monkeypatch.setattr(_all_threads, "THREADS_FROM", 0)
    monkeypatch.setattr(_engine, "THREADS_BY_ROWS_UP_TO", 100 if by_rows else 0)
    monkeypatch.setattr(_passes, "SMALL_PRODUCT", 15 * batch_size)
    monkeypatch.setattr(_passes, "ONE_THREAD_UP_TO", 30)
    network = Network((6, 5, 4, 3))
    X, Y = network.examples(160)
    weights = np.random.default_rng(0).random(160) if weighted else None
    reference = Reference(network, alpha=0.1, **settings)
    cost = reference.descend(X, Y, 0.6, batch_size, weights)

    def check(machine):
        engine = Engine(
            network.coefs,
            network.intercepts,
            batch_size=batch_size,
            alpha=0.1,
            machine=machine._replace(
                by_rows_up_to=100 if by_rows else 0, even_cuts=way == "even cuts"
            ),
            **settings,
        )
        assert_allclose(engine.descend(X, Y, weights, 0.6), cost, rtol=1e-12)
        assert deviation(engine, *reference.theta) < 1e-12

    with threadpool_limits(n_threads, "blas"):
        on_one_blas_thread(check)


@pytest.mark.parametrize("way", ["whole", "sharded", "even cuts"])
@pytest.mark.parametrize("by_rows", [False, True])
def test_large_batches_of_sparse_rows_too(by_rows, way, monkeypatch):
    monkeypatch.setattr(_engine, "SHARD_FROM", 0 if way == "sharded" else np.inf)
    monkeypatch.setattr(_engine, "SHARD_FROM_ROWS", 2)
    monkeypatch.setattr(_all_threads, "THREADS_FROM", 0)
    monkeypatch.setattr(_engine, "THREADS_BY_ROWS_UP_TO", 100 if by_rows else 0)
    monkeypatch.setattr(_passes, "SMALL_PRODUCT", 15 * 41)
    network = Network((6, 5, 4, 3))
    X, Y = network.examples(82)
    X[X < 0.5] = 0
    reference = Reference(network)
    reference.descend(X, Y, 0.6, 41)

    def check(machine):
        engine = Engine(
            network.coefs,
            network.intercepts,
            batch_size=41,
            sparse=True,
            machine=machine._replace(
                by_rows_up_to=100 if by_rows else 0, even_cuts=way == "even cuts"
            ),
        )
        engine.descend(csr_matrix(X), Y, None, 0.6)
        assert deviation(engine, *reference.theta) < 1e-12

    on_one_blas_thread(check)


def test_an_error_in_the_other_thread_is_raised_and_does_not_stay():
    def fail():
        raise OverflowError

    def check(machine):
        run_all = machine.run_all
        with pytest.raises(OverflowError):
            run_all([int, fail])
        with pytest.raises(OverflowError):
            run_all([fail, int])
        assert run_all([int, list]) == [0, []]

    with threadpool_limits(2, "blas"):
        on_one_blas_thread(check)


def test_parameters_given_out_do_not_change_with_further_training():
    network = Network((5, 4, 3))
    X, Y = network.examples(2)
    engine = Engine(network.coefs, network.intercepts, batch_size=2, momentum=0.5)
    engine.descend(X, Y, None, eta=0.5)
    given = [p for pair in (engine.parameters(), engine.velocities()) for p in pair]
    before = [p.copy() for layers in given for p in layers]
    engine.descend(X, Y, None, eta=0.5)
    after = [p for layers in given for p in layers]
    for old, new in zip(before, after, strict=True):
        assert_array_equal(old, new)


def test_sparse_rows_with_duplicate_and_unsorted_entries_count_every_entry():
    network = Network((4, 3, 2))
    _, Y = network.examples(2)
    data, indices = np.array([1.0, 2.0, 3.0, -1.0]), np.array([3, 1, 3, 0])
    X = csr_matrix((data, indices, [0, 3, 4]), shape=(2, 4))
    dense = np.array([[0, 2.0, 0, 4.0], [-1.0, 0, 0, 0]])
    engine = Engine(network.coefs, network.intercepts, batch_size=2, sparse=True)
    reference = Reference(network)
    engine.descend(X, Y, None, eta=0.5)
    reference.update(dense, Y, 0.5)
    assert deviation(engine, *reference.theta) <= 1e-12
    assert X.nnz == 4


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("run_all", [None, side_by_side], ids=["one thread", "two"])
@pytest.mark.parametrize("n_rows", [1, 1500, 5000])
def test_decision_is_the_last_pre_activation(n_rows, run_all, sparse, dtype):
    network = Network((6, 5, 4, 3), dtype)
    X = scipy.sparse.random(n_rows, 6, density=0.5, format="csr", random_state=0)
    X = csr_matrix(X.astype(dtype))
    z, _ = eq.forward(X.toarray().T.astype(np.float64), network.W, network.b)
    X = X if sparse else X.toarray()
    got = decision(network.coefs, network.intercepts, X, run_all)
    assert got.dtype == dtype
    tolerance = 1e-4 if dtype == np.float32 else 1e-11
    assert_allclose(got, z[-1].T, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("size", [1, 599, 600, 5000])
def test_sigmoid_agrees_with_scipy_on_both_sides_of_the_switch(size):
    z = np.linspace(-40, 40, size)
    got = np.empty_like(z)
    sigmoid_for(size)(z, got)
    assert_allclose(got, expit(z), atol=1e-16)
