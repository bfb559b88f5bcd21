"""The engine's passes for small batches against the equations."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Network, Reference, deviation
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from scipy.special import expit

from skbackprop._engine.network import Engine
from skbackprop._engine.sigmoid import sigmoid_for

TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}
NETWORKS = [(5, 1), (5, 2), (5, 4, 1), (5, 4, 10), (6, 5, 4, 3), (6, 5, 4, 3, 2)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("batch_size", [1, 4, 10], ids="batch={}".format)
@pytest.mark.parametrize("units", NETWORKS, ids=str)
def test_update_equals_the_equations(units, batch_size, dtype):
    network = Network(units, dtype)
    X, Y = network.examples(10, dtype)
    engine = Engine(network.coefs, network.intercepts)
    reference = Reference(network)
    cost = engine.descend(X, Y, None, batch_size, eta=0.7)
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
        alpha=alpha,
        momentum=momentum,
        nesterov=nesterov,
        sparse=sparse,
    )
    reference = Reference(network, alpha, momentum, nesterov)
    rows = csr_matrix(X) if sparse else X
    for _ in range(3):
        cost = engine.descend(rows, Y, weights, batch_size, eta=0.5)
        expected = reference.descend(X, Y, 0.5, batch_size, weights)
        assert_allclose(cost, expected, rtol=1e-12)
    assert deviation(engine, *reference.theta) <= 1e-12


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
    engine = Engine(network.coefs, network.intercepts)
    reference = Reference(network)
    engine.descend(X, Y, None, batch_size, eta=1.5)
    reference.descend(X, Y, 1.5, batch_size)
    assert deviation(engine, *reference.theta) <= 1e-12


@pytest.mark.parametrize("width", [3, 200], ids=["expit", "tanh"])
def test_both_formulas_of_the_sigmoid_train_the_same_network(width):
    network = Network((4, width, 2))
    X, Y = network.examples(8)
    engine = Engine(network.coefs, network.intercepts)
    reference = Reference(network)
    engine.descend(X, Y, None, 8, eta=0.5)
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
    engine = Engine(network.coefs, network.intercepts)
    arrays = getattr(engine._target, target)
    arrays[1] = spoil(arrays[1])
    X, Y = network.examples(2)
    with pytest.raises(RuntimeError, match="in place"):
        engine.descend(X, Y, None, 2, eta=0.5)


def test_an_update_of_sparse_rows_does_not_copy_the_weights():
    network = Network((50_000, 10, 2))
    _, Y = network.examples(2)
    X = csr_matrix(([1.0, 1.0], ([0, 1], [7, 9])), shape=(2, 50_000))
    engine = Engine(network.coefs, network.intercepts, sparse=True)
    tracemalloc.start()
    engine.descend(X, Y, None, 2, eta=0.5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < engine.theta.vector.nbytes / 4


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_inputs_and_initial_parameters_stay_unchanged(sparse):
    network = Network((6, 5, 3))
    X, Y = network.examples(7)
    rows = csr_matrix(X) if sparse else X
    before = [p.copy() for p in (*network.coefs, *network.intercepts, X, Y)]
    engine = Engine(network.coefs, network.intercepts, alpha=1, sparse=sparse)
    engine.descend(rows, Y, None, 2, eta=0.5)
    after = (*network.coefs, *network.intercepts, rows.toarray() if sparse else X, Y)
    for old, new in zip(before, after, strict=True):
        assert_array_equal(old, new)


def test_returned_parameters_do_not_change_with_further_training():
    network = Network((5, 4, 3))
    X, Y = network.examples(2)
    engine = Engine(network.coefs, network.intercepts, momentum=0.5)
    engine.descend(X, Y, None, 2, eta=0.5)
    given = [p for pair in (engine.parameters(), engine.velocities()) for p in pair]
    before = [p.copy() for layers in given for p in layers]
    engine.descend(X, Y, None, 2, eta=0.5)
    after = [p for layers in given for p in layers]
    for old, new in zip(before, after, strict=True):
        assert_array_equal(old, new)


def test_sparse_rows_with_duplicate_and_unsorted_entries_count_every_entry():
    network = Network((4, 3, 2))
    _, Y = network.examples(2)
    data, indices = np.array([1.0, 2.0, 3.0, -1.0]), np.array([3, 1, 3, 0])
    X = csr_matrix((data, indices, [0, 3, 4]), shape=(2, 4))
    dense = np.array([[0, 2.0, 0, 4.0], [-1.0, 0, 0, 0]])
    engine = Engine(network.coefs, network.intercepts, sparse=True)
    reference = Reference(network)
    engine.descend(X, Y, None, 2, eta=0.5)
    reference.update(dense, Y, 0.5)
    assert deviation(engine, *reference.theta) <= 1e-12
    assert X.nnz == 4


@pytest.mark.parametrize("size", [1, 599, 600, 5000])
def test_sigmoid_agrees_with_scipy_on_both_sides_of_the_switch(size):
    z = np.linspace(-40, 40, size)
    got = np.empty_like(z)
    sigmoid_for(size)(z, got)
    assert_allclose(got, expit(z), atol=1e-16)
