"""The engine of other libraries' arrays against the one of numpy's."""

from itertools import chain

import numpy as np
import pytest
from array_libraries import PLACES, find_library, largest_deviation, numpy_of
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Network
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop._array_libraries import Library
from skbackprop._engine import array_api
from skbackprop._engine.array_api import ArrayEngine, forward, pieces
from skbackprop._engine.network import Engine

NETWORKS = [
    (5, *hidden, n_L) for hidden in ((), (4,), (4, 3), (5, 4, 3)) for n_L in (1, 2, 10)
]
MOMENTUM = [(0.0, False), (0.9, False), (0.9, True)]


@pytest.fixture(params=PLACES, ids=" on ".join)
def library(request):
    return find_library(*request.param)


def arrays_on(library, values):
    """The arrays of a list in another library."""
    return [library.from_numpy(value) for value in values]


def engine_on(library, network, velocity=None, chunk_rows=None, **descent):
    """An engine on arrays of another library with the parameters of a network."""
    if velocity is not None:
        velocity = tuple(arrays_on(library, arrays) for arrays in velocity)
    engine = ArrayEngine(
        arrays_on(library, network.coefs),
        arrays_on(library, network.intercepts),
        xp=library.xp,
        float_dtype=library.floats[0],
        velocity=velocity,
        **descent,
    )
    if chunk_rows is not None:
        engine.chunk_rows = chunk_rows
    return engine


def epoch(library, engine, X, Y, weights, batch_size, eta):
    """An update for each batch, in blocks of `chunk_rows`; return the summed costs."""
    parts = [None if part is None else library.from_numpy(part) for part in (X, Y)]
    w = None if weights is None else library.from_numpy(weights)
    cost = 0.0
    for batch in pieces(slice(0, len(X)), batch_size):
        blocks = (
            (*(part[rows, ...] for part in parts), None if w is None else w[rows])
            for rows in pieces(batch, engine.chunk_rows)
        )
        cost += float(engine.descend(blocks, batch_size, eta))
    return cost


def assert_same_network(got, expected, tolerance=1e-12):
    """Two engines have the same parameters and velocities, except for rounding."""
    pairs = [(got.parameters(), expected.parameters())]
    assert (got.velocities() is None) == (expected.velocities() is None)
    if got.velocities() is not None:
        pairs.append((got.velocities(), expected.velocities()))
    for ours, theirs in pairs:
        assert largest_deviation(chain(*ours), chain(*theirs)) <= tolerance


@pytest.mark.parametrize("chunk_rows", [None, 3], ids=["whole", "chunks of 3"])
@pytest.mark.parametrize("batch_size", [1, 4, 10], ids="batch={}".format)
@pytest.mark.parametrize("units", NETWORKS, ids=str)
def test_an_epoch_equals_that_of_the_fast_engine(
    units, batch_size, chunk_rows, library
):
    network = Network(units)
    X, Y = network.examples(10)
    engine = engine_on(library, network, chunk_rows=chunk_rows)
    reference = Engine(network.coefs, network.intercepts)
    cost = epoch(library, engine, X, Y, None, batch_size, 0.7)
    assert_allclose(cost, reference.descend(X, Y, None, batch_size, 0.7), rtol=1e-12)
    assert_same_network(engine, reference)
    assert engine.n_outputs == units[-1]


@pytest.mark.parametrize("start", ["at rest", "moving"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize(("momentum", "nesterov"), MOMENTUM)
@pytest.mark.parametrize("batch_size", [1, 4, 10], ids="batch={}".format)
def test_every_mode_equals_the_fast_engine(
    batch_size, momentum, nesterov, alpha, weighted, start, library
):
    """With four rows in a batch, the last one is smaller, and so is its penalty."""
    network, velocity = Network((6, 5, 3)), Network((6, 5, 3), seed=9)
    X, Y = network.examples(10)
    weights = np.arange(10) / 4.5 if weighted else None
    descent = {"alpha": alpha, "momentum": momentum, "nesterov": nesterov}
    if start == "moving":
        descent["velocity"] = (velocity.coefs, velocity.intercepts)
    engine = engine_on(library, network, chunk_rows=3, **descent)
    reference = Engine(network.coefs, network.intercepts, **descent)
    for _ in range(2):
        cost = epoch(library, engine, X, Y, weights, batch_size, 0.5)
        expected = reference.descend(X, Y, weights, batch_size, 0.5)
        assert_allclose(cost, expected, rtol=1e-12)
    assert_same_network(engine, reference)


@pytest.mark.parametrize("place", PLACES, ids=" on ".join)
@settings(deadline=None, max_examples=25)
@given(
    units=st.lists(st.integers(1, 12), min_size=2, max_size=5),
    n_rows=st.integers(1, 30),
    batch_size=st.integers(1, 30),
    chunk_rows=st.integers(1, 30),
    seed=st.integers(0, 2**16),
)
def test_any_network_batch_and_chunk_equals_the_fast_engine(
    place, units, n_rows, batch_size, chunk_rows, seed
):
    library = find_library(*place)
    network = Network(units, seed=seed)
    X, Y = network.examples(n_rows, seed=seed + 1)
    engine = engine_on(library, network, chunk_rows=chunk_rows)
    reference = Engine(network.coefs, network.intercepts)
    epoch(library, engine, X, Y, None, batch_size, 1.5)
    reference.descend(X, Y, None, batch_size, 1.5)
    assert_same_network(engine, reference)


@pytest.mark.parametrize(("momentum", "nesterov"), MOMENTUM)
def test_float32_stays_float32_but_costs_are_added_up_in_float64(
    momentum, nesterov, library
):
    network = Network((5, 4, 3), np.float32)
    X, Y = network.examples(10, np.float32)
    weights = np.linspace(0, 2, 10, dtype=np.float32)
    descent = {"alpha": 0.1, "momentum": momentum, "nesterov": nesterov}
    engine = engine_on(library, network, chunk_rows=3, **descent)
    reference = Engine(network.coefs, network.intercepts, **descent)
    blocks = [[library.from_numpy(part) for part in (X, Y, weights)]]
    cost = engine.descend(blocks, 10, 0.5)
    assert cost.dtype == library.xp.float64
    assert_allclose(float(cost), reference.descend(X, Y, weights, 10, 0.5), rtol=1e-5)
    assert_same_network(engine, reference, 1e-5)
    lists = [*engine.parameters(), *(engine.velocities() or ())]
    assert {array.dtype for arrays in lists for array in arrays} == {library.xp.float32}


@pytest.mark.parametrize(("momentum", "nesterov"), MOMENTUM)
def test_a_snapshot_brings_back_parameters_and_momentum(momentum, nesterov, library):
    network = Network((5, 4, 3))
    X, Y = network.examples(6)
    engine = engine_on(library, network, momentum=momentum, nesterov=nesterov)
    epoch(library, engine, X, Y, None, 2, 0.5)
    snapshot, before = engine.snapshot(), numpy_of(engine.theta)
    epoch(library, engine, X, Y, None, 2, 0.5)
    expected = numpy_of(engine.theta)
    assert largest_deviation(expected, before) > 1e-3
    engine.restore(snapshot)
    for old, restored in zip(before, numpy_of(engine.theta), strict=True):
        assert_array_equal(restored, old)
    epoch(library, engine, X, Y, None, 2, 0.5)
    for one, other in zip(expected, numpy_of(engine.theta), strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize(("momentum", "nesterov"), MOMENTUM)
def test_returned_parameters_do_not_change_with_further_training(
    momentum, nesterov, library
):
    network = Network((5, 4, 3))
    X, Y = network.examples(2)
    engine = engine_on(
        library, network, alpha=0.1, momentum=momentum, nesterov=nesterov
    )
    epoch(library, engine, X, Y, None, 2, 0.5)
    lists = [*engine.parameters(), *(engine.velocities() or ())]
    handed_out = [array for arrays in lists for array in arrays]
    before = [array.copy() for array in numpy_of(handed_out)]
    epoch(library, engine, X, Y, None, 2, 0.5)
    for old, new in zip(before, numpy_of(handed_out), strict=True):
        assert_array_equal(new, old)


@pytest.mark.parametrize(("momentum", "nesterov"), MOMENTUM)
def test_inputs_and_initial_arrays_stay_unchanged(momentum, nesterov, library):
    network, velocity = Network((6, 5, 3)), Network((6, 5, 3), seed=9)
    coefs, intercepts, v_coefs, v_intercepts = (
        arrays_on(library, arrays)
        for one in (network, velocity)
        for arrays in (one.coefs, one.intercepts)
    )
    block = arrays_on(library, (*network.examples(7), np.ones(7)))
    given = [*coefs, *intercepts, *v_coefs, *v_intercepts, *block]
    before = [array.copy() for array in numpy_of(given)]
    engine = ArrayEngine(
        coefs,
        intercepts,
        xp=library.xp,
        float_dtype=library.floats[0],
        alpha=1.0,
        momentum=momentum,
        nesterov=nesterov,
        velocity=(v_coefs, v_intercepts),
    )
    for _ in range(2):
        engine.descend([block, block], 14, 0.5)
    for old, new in zip(before, numpy_of(given), strict=True):
        assert_array_equal(new, old)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["coefs", "intercepts"])
def test_a_cost_is_nan_if_one_parameter_is_not_finite(kind, value, library):
    network = Network((5, 4, 3))
    cost = library.from_numpy(np.array(0.1))
    assert engine_on(library, network).read(cost) == 0.1
    getattr(network, kind)[-1].flat[-1] = value
    with np.errstate(all="ignore"):
        assert np.isnan(engine_on(library, network).read(cost))


def test_pre_activations_are_those_of_the_fast_engine(library):
    network = Network((5, 4, 3))
    X, _ = network.examples(7)
    z = engine_on(library, network).decision(library.from_numpy(X))
    assert Library.of(z) == library
    reference = Engine(network.coefs, network.intercepts)
    assert_allclose(numpy_of(z), reference.decision(X), rtol=1e-12)


# Memory for one row or for three in the network below.
@pytest.mark.parametrize("n_rows", [1, 3])
def test_predictions_in_chunks_equal_those_in_one(n_rows, monkeypatch, library):
    network = Network((5, 4, 3))
    parameters = [arrays_on(library, p) for p in (network.coefs, network.intercepts)]
    X = library.from_numpy(network.examples(10)[0])
    whole, bad_row = forward(*parameters, X, library.xp)
    assert bad_row is None
    monkeypatch.setattr(array_api, "CHUNK_BYTES", n_rows * 8 * (2 * 5 + 5 * 7))
    assert array_api.chunk_rows(parameters[0], library.xp) == n_rows
    chunked, bad_row = forward(*parameters, X, library.xp)
    assert bad_row is None
    assert_allclose(numpy_of(chunked), numpy_of(whole), rtol=1e-12)


@pytest.mark.parametrize("chunk_bytes", [1, 2**28], ids=["in chunks", "in one"])
@pytest.mark.parametrize("row", [0, 4, 9])
def test_the_first_row_without_finite_pre_activations_is_found(
    row, chunk_bytes, monkeypatch, library
):
    monkeypatch.setattr(array_api, "CHUNK_BYTES", chunk_bytes)
    network = Network((5, 3))
    X, _ = network.examples(10)
    X[row:] = 1e308
    parameters = [
        arrays_on(library, p) for p in ([100 * network.coefs[0]], network.intercepts)
    ]
    with np.errstate(all="ignore"):
        _, bad_row = forward(*parameters, library.from_numpy(X), library.xp)
    assert bad_row == row
