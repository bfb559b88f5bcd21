"""The compiled loops for small batches against the equations."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Network, Reference, deviation
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from scipy.special import expit

from skbackprop._engine.network import (
    LARGE,
    MOST_CSR_WORK,
    MOST_ROWS,
    MOST_ROWS_IF_LARGE,
    Engine,
)

pytest.importorskip("numba", reason='numba, of the extra "fast", is not installed')
from skbackprop._engine import compiled

TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE, ids=["float64", "float32"])
FORMS = pytest.mark.parametrize("form", [np.asarray, csr_matrix], ids=["dense", "CSR"])
BATCHES = pytest.mark.parametrize("batch_size", [1, 3, 4, 7, 10], ids="batch={}".format)
MOMENTA = pytest.mark.parametrize(
    ("momentum", "nesterov"),
    [(0.0, False), (0.9, False), (0.9, True)],
    ids=["plain", "momentum", "nesterov"],
)
# One to four layers; 1, 2 and 10 outputs; as many neurons as fill a vector, more, and
# fewer.
NETWORKS = [
    *[(20, 1), (64, 2), (65, 10)],
    *[(65, 33, 1), (64, 40, 2), (20, 5, 10)],
    *[(5, 40, 7, 1), (6, 5, 4, 2), (20, 33, 32, 10)],
    *[(5, 33, 40, 8, 1), (6, 5, 4, 3, 2), (65, 8, 7, 6, 10)],
]


def engine_of(network, form=np.asarray, **settings):
    settings = {"compiled": True, "sparse": form is csr_matrix, **settings}
    return Engine(network.coefs, network.intercepts, **settings)


def examples(network, n_rows, dtype=np.float64):
    """Half of the inputs are 0, so that CSR has rows of different lengths."""
    X, Y = network.examples(n_rows, dtype)
    X[X < 0] = 0
    return X, Y


def without_numpy(engine):
    """Whether numpy has computed no update."""
    return engine._passes == {}


# --- against the equations ------------------------------------------------------------


@DTYPES
@FORMS
@BATCHES
@pytest.mark.parametrize("units", NETWORKS, ids=str)
def test_an_update_and_an_epoch_equal_the_equations(units, batch_size, form, dtype):
    network = Network(units, dtype)
    X, Y = examples(network, 23, dtype)
    engine, reference = engine_of(network, form), Reference(network)
    # An update of one batch, then an epoch with a smaller last batch (except for 1).
    for rows in (slice(batch_size), slice(None)):
        cost = engine.descend(form(X[rows]), Y[rows], None, batch_size, eta=0.7)
        expected = reference.descend(X[rows], Y[rows], 0.7, batch_size)
        assert_allclose(cost, expected, rtol=TOLERANCE[dtype])
        assert deviation(engine, *reference.theta) <= TOLERANCE[dtype]
    assert without_numpy(engine)
    assert all(p.dtype == dtype for layers in engine.parameters() for p in layers)


@DTYPES
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@FORMS
@pytest.mark.parametrize("alpha", [0.0, 0.3])
@MOMENTA
@BATCHES
def test_momentum_penalty_and_weights_equal_the_equations(
    batch_size, momentum, nesterov, alpha, form, weighted, dtype
):
    network = Network((6, 33, 5, 3), dtype)
    X, Y = examples(network, 23, dtype)
    weights = (np.arange(23) / 11).astype(dtype) if weighted else None
    options = {"alpha": alpha, "momentum": momentum, "nesterov": nesterov}
    engine = engine_of(network, form, **options)
    reference = Reference(network, **options)
    for _ in range(3):
        cost = engine.descend(form(X), Y, weights, batch_size, eta=0.5)
        expected = reference.descend(X, Y, 0.5, batch_size, weights)
        assert_allclose(cost, expected, rtol=TOLERANCE[dtype])
    assert deviation(engine, *reference.theta) <= TOLERANCE[dtype]
    if momentum:
        engine.theta = engine.velocity
        assert deviation(engine, *reference.v) <= TOLERANCE[dtype]
    assert without_numpy(engine)


@settings(deadline=None)
@given(
    units=st.lists(st.integers(1, 70), min_size=2, max_size=5),
    n_rows=st.integers(1, 30),
    batch_size=st.integers(1, MOST_ROWS),
    momentum=st.sampled_from([0.0, 0.9]),
    form=st.sampled_from([np.asarray, csr_matrix]),
    seed=st.integers(0, 2**16),
)
def test_any_network_and_batch_size_equals_the_equations(
    units, n_rows, batch_size, momentum, form, seed
):
    network = Network(units, seed=seed)
    X, Y = network.examples(n_rows, seed=seed + 1)
    engine = engine_of(network, form, momentum=momentum)
    reference = Reference(network, momentum=momentum)
    engine.descend(form(X), Y, None, batch_size, eta=1.5)
    reference.descend(X, Y, 1.5, batch_size)
    assert deviation(engine, *reference.theta) <= 1e-12


@BATCHES
def test_training_continues_from_a_given_velocity(batch_size):
    network = Network((6, 5, 3))
    X, Y = examples(network, 23)
    options = {"momentum": 0.9, "nesterov": True}
    whole = engine_of(network, **options)
    whole.descend(X, Y, None, batch_size, eta=0.5)
    again = Engine(
        *whole.parameters(), velocity=whole.velocities(), compiled=True, **options
    )
    for engine in (whole, again):
        engine.descend(X, Y, None, batch_size, eta=0.5)
    assert_array_equal(whole.theta.vector, again.theta.vector)
    assert_array_equal(whole.velocity.vector, again.velocity.vector)


# --- CSR ------------------------------------------------------------------------------


def test_an_update_of_sparse_rows_changes_only_weights_of_their_features():
    network = Network((40, 33, 2))
    absent = np.delete(np.arange(40), [3, 7])
    network.coefs[0][absent] = np.nan  # any use of it would spread
    X = csr_matrix(([1.0, -2.0, 0.5], ([0, 0, 2], [3, 7, 3])), shape=(3, 40))
    _, Y = network.examples(3)
    for batch_size in (1, 2, 3):
        engine = engine_of(network, csr_matrix)
        cost = engine.descend(X, Y, None, batch_size, eta=0.5)
        coefs, intercepts = engine.parameters()
        assert np.isfinite(cost)
        assert np.isnan(coefs[0][absent]).all()
        assert (coefs[0][[3, 7]] != network.coefs[0][[3, 7]]).all()
        assert np.isfinite(coefs[1]).all()
        assert all(np.isfinite(b).all() for b in intercepts)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_sparse_rows_with_duplicate_and_unsorted_entries_count_every_entry(
    batch_size, index
):
    network = Network((4, 3, 2))
    _, Y = network.examples(2)
    indices, indptr = np.array([3, 1, 3, 0], index), np.array([0, 3, 4], index)
    X = csr_matrix((np.array([1.0, 2.0, 3.0, -1.0]), indices, indptr), shape=(2, 4))
    dense = np.array([[0, 2.0, 0, 4.0], [-1.0, 0, 0, 0]])
    engine, reference = engine_of(network, csr_matrix), Reference(network)
    engine.descend(X, Y, None, batch_size, eta=0.5)
    reference.descend(dense, Y, 0.5, batch_size)
    assert deviation(engine, *reference.theta) <= 1e-12
    assert X.nnz == 4


def test_sparse_rows_without_entries_train_the_biases():
    network = Network((4, 3, 2))
    _, Y = network.examples(5)
    X = np.zeros((5, 4))
    for batch_size in (1, 3):
        engine, reference = engine_of(network, csr_matrix), Reference(network)
        engine.descend(csr_matrix(X), Y, None, batch_size, eta=0.5)
        reference.descend(X, Y, 0.5, batch_size)
        assert deviation(engine, *reference.theta) <= 1e-12


# --- which batches are compiled -------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "most"),
    [
        ((20, 5, 3), MOST_ROWS),
        ((256, LARGE // 256), MOST_ROWS),
        ((LARGE // 100 + 1, 100), MOST_ROWS_IF_LARGE),
    ],
    ids=["small", "just small", "large"],
)
def test_larger_batches_and_smaller_last_ones_have_the_bits_of_numpy(units, most):
    network = Network(units)
    X, Y = examples(network, 2 * most + 5)
    engines = [engine_of(network, compiled=c) for c in (True, False)]
    for batch_size in (most + 1, len(X), len(X) + 1):
        costs = [e.descend(X, Y, None, batch_size, eta=0.5) for e in engines]
        assert costs[0] == costs[1]
        assert_array_equal(*(e.theta.vector for e in engines))
    engine = engine_of(network)
    engine.descend(X, Y, None, most, eta=0.5)
    assert without_numpy(engine)


@pytest.mark.parametrize(
    "units", [(20, 5, 3), (LARGE // 100 + 1, 100)], ids=["small", "large"]
)
@pytest.mark.parametrize("batch_size", [MOST_ROWS + 1, 50])
def test_sparse_batches_of_many_rows_are_compiled(batch_size, units):
    network = Network(units)
    X, Y = examples(network, 57)
    engine, reference = engine_of(network, csr_matrix), Reference(network)
    engine.descend(csr_matrix(X), Y, None, batch_size, eta=0.5)
    reference.descend(X, Y, 0.5, batch_size)
    assert without_numpy(engine)
    assert deviation(engine, *reference.theta) <= 1e-12


def test_sparse_batches_with_much_work_after_the_inputs_have_the_bits_of_numpy():
    network = Network((5, 1100, 1000))
    most = MOST_CSR_WORK // (1100 * 1000)
    assert most > MOST_ROWS
    X, Y = examples(network, most + 1)
    for batch_size, by_numpy in ((most, False), (most + 1, True)):
        engines = [engine_of(network, csr_matrix, compiled=c) for c in (True, False)]
        for engine in engines:
            engine.descend(csr_matrix(X), Y, None, batch_size, eta=0.5)
        assert without_numpy(engines[0]) != by_numpy
        if by_numpy:
            assert_array_equal(*(e.theta.vector for e in engines))


# --- the same bits --------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"alpha": 0.1}, {"momentum": 0.9}], ids=str)
@DTYPES
@FORMS
@BATCHES
def test_the_bits_do_not_depend_on_how_a_block_is_cut_into_calls(
    batch_size, form, dtype, options, monkeypatch
):
    network = Network((20, 33, 3), dtype)
    X, Y = examples(network, 23, dtype)
    costs, vectors = [], []
    # One call, twice; a call for each batch; and a call for about ten rows.
    size = engine_of(network).theta.vector.size
    for work in (compiled.WORK, compiled.WORK, 1, 10 * size):
        monkeypatch.setattr(compiled, "WORK", work)
        engine = engine_of(network, form, **options)
        costs.append(engine.descend(form(X), Y, None, batch_size, eta=0.5))
        vectors.append(engine.theta.vector)
    for vector in vectors[1:]:
        assert_array_equal(vectors[0], vector)
    assert costs[0] == costs[1]
    assert_allclose(costs, costs[0], rtol=1e-14)


@FORMS
@BATCHES
def test_calls_are_short_enough_for_ctrl_c(batch_size, form, monkeypatch):
    network = Network((20, 33, 3))
    X, Y = network.examples(43)  # CSR has all entries, and as much work as dense rows
    calls, descend = [], compiled.descend

    def recorded(*arguments):
        start, stop = arguments[7:9]
        calls.append((start, stop))
        return descend(*arguments)

    monkeypatch.setattr(compiled, "descend", recorded)
    size = engine_of(network).theta.vector.size
    monkeypatch.setattr(compiled, "WORK", 12 * size)
    engine = engine_of(network, form)
    engine.descend(form(X), Y, None, batch_size, eta=0.5)
    # The calls follow each other, and none has more rows than allowed.
    assert [0, *(stop for _, stop in calls)] == [*(start for start, _ in calls), 43]
    assert max(stop - start for start, stop in calls) <= 12


@DTYPES
@pytest.mark.parametrize("batch_size", [1, 4])
def test_the_bits_do_not_depend_on_where_rows_lie_in_memory(batch_size, dtype):
    network = Network((65, 33, 3), dtype)
    X, Y = examples(network, 23, dtype)
    weights = np.linspace(0.5, 2, 23).astype(dtype)
    results, n_compiled = [], []
    for offset in (0, 8, 16, 32, 56, 3):  # with 3, no number is aligned
        arrays = [moved(array, offset) for array in (X, Y, weights)]
        engine = engine_of(network)
        cost = engine.descend(*arrays, batch_size, eta=0.5)
        results.append([cost, *engine.theta.vector])
        n_compiled.append(len(compiled.descend.signatures))
    assert_array_equal(results, [results[0]] * len(results))
    assert n_compiled == [n_compiled[0]] * len(n_compiled)


def moved(array, offset):
    """A copy that begins this many bytes into a cache line."""
    memory = np.empty(array.nbytes + 128, dtype=np.uint8)
    start = -memory.ctypes.data % 64 + offset
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


# --- arguments, memory and divergence -------------------------------------------------


@FORMS
def test_read_only_rows_need_no_new_compilation(form, tmp_path):
    network = Network((20, 5, 3))
    X, Y = examples(network, 9)
    weights = np.linspace(0.5, 2, 9)
    expected = engine_of(network, form)
    expected.descend(form(X), Y, weights, 4, eta=0.5)
    n_compiled = len(compiled.descend.signatures)

    def mapped(array, name):
        np.save(tmp_path / name, array)
        return np.load(tmp_path / name, mmap_mode="r")

    rows, engine = form(X), engine_of(network, form)
    if form is csr_matrix:
        for name in ("data", "indices", "indptr"):
            setattr(rows, name, mapped(getattr(rows, name), f"{name}.npy"))
    else:
        rows = mapped(X, "X.npy")
    engine.descend(rows, mapped(Y, "Y.npy"), mapped(weights, "w.npy"), 4, eta=0.5)
    assert_array_equal(engine.theta.vector, expected.theta.vector)
    assert len(compiled.descend.signatures) == n_compiled


def test_all_settings_share_one_compiled_function_for_each_dtype():
    before = set(compiled.descend.signatures)
    for dtype in TOLERANCE:
        network = Network((20, 5, 3), dtype)
        X, Y = examples(network, 9, dtype)
        for form in (np.asarray, csr_matrix):
            for weights in (None, np.ones(9, dtype)):
                for momentum in (0.0, 0.9):
                    engine = engine_of(network, form, momentum=momentum, alpha=0.1)
                    engine.descend(form(X), Y, weights, 4, eta=0.5)
    assert len(before | {*compiled.descend.signatures}) == 2


@FORMS
@pytest.mark.parametrize("batch_size", [1, 7])
def test_inputs_and_initial_parameters_stay_unchanged(batch_size, form):
    network = Network((6, 5, 3))
    X, Y = examples(network, 9)
    rows, weights = form(X), np.linspace(0.5, 2, 9)
    given = [*network.coefs, *network.intercepts, Y, weights]
    before = [array.copy() for array in given]
    engine_of(network, form, alpha=1).descend(rows, Y, weights, batch_size, eta=0.5)
    for old, new in zip(before, given, strict=True):
        assert_array_equal(old, new)
    assert abs(rows - X).max() == 0


@pytest.mark.parametrize("options", [{}, {"alpha": 0.1, "momentum": 0.9}], ids=str)
@FORMS
def test_memory_does_not_grow_with_the_rows_or_the_weights(form, options):
    network = Network((5000, 10, 2))
    X = np.zeros((400, 5000))
    X[:, 7] = 1
    rows, Y = form(X), np.full((400, 2), 0.5)
    engine = engine_of(network, form, **options)
    engine.descend(rows[:8], Y[:8], None, 4, eta=0.5)
    tracemalloc.start()
    engine.descend(rows, Y, None, 4, eta=0.5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < engine.theta.vector.nbytes / 10


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["W", "b"])
@pytest.mark.parametrize("layer", [0, 1])
@FORMS
@BATCHES
def test_divergence_is_detected(batch_size, form, layer, place, value):
    network = Network((20, 33, 2))
    X, Y = examples(network, 23)
    (network.coefs if place == "W" else network.intercepts)[layer][:] = value
    engines = [engine_of(network, form, compiled=c) for c in (True, False)]
    with np.errstate(all="ignore"):
        costs = [e.descend(form(X), Y, None, batch_size, eta=0.5) for e in engines]
    assert not engines[0].is_finite()
    assert np.isnan(costs[0]) == np.isnan(costs[1])
    if np.isnan(value):
        assert np.isnan(costs[0])


LOOPS = [loop for loop in vars(compiled).values() if hasattr(loop, "targetoptions")]


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_no_loop_assumes_finite_numbers_or_holds_the_gil(loop):
    assert {*loop.targetoptions["fastmath"]} <= {"contract", "reassoc", "nsz"}
    assert loop.targetoptions["nogil"]


# --- σ --------------------------------------------------------------------------------

# Arguments beyond which σ rounds to 0 and 1, and the allowed difference from scipy's in
# units in the last place.
FAR_OUT = {np.float64: (-746, 37), np.float32: (-104, 18)}
ULPS = {np.float64: 4, np.float32: 2}


def sigmoid(z):
    """σ as the layers compute it: whole vectors at a time."""
    size = len(z)
    a = np.zeros((1, 1, -(-size // compiled.PADDED_TO) * compiled.PADDED_TO), z.dtype)
    a[0, 0, :size] = z
    compiled.activate(a, np.intp(0), 1, size)
    return a[0, 0, :size]


def ulps(a, b):
    """How many steps of their dtype lie between two positive numbers."""
    integer = {4: np.int32, 8: np.int64}[a.itemsize]
    return np.abs(a.view(integer).astype(np.int64) - b.view(integer))


def neighbours(center, n):
    """The `n` numbers on each side of a float64, in ascending order."""
    bits = np.float64(center).view(np.int64)
    return np.sort((bits + np.arange(-n, n)).view(np.float64))


@DTYPES
def test_sigmoid_is_as_accurate_as_scipys(dtype):
    rng = np.random.default_rng(0)
    least, _ = FAR_OUT[dtype]
    small = 10.0 ** rng.uniform(-30, 2.8, 50_000) * rng.choice([-1, 1], 50_000)
    z = np.concatenate(
        [
            rng.uniform(least, 50, 300_000),
            rng.normal(0, 3, 300_000),
            np.linspace(least, -least, 100_001),
            np.log(2) * np.arange(-1074, 60),
            small,
        ]
    ).astype(dtype)
    expected = expit(z)
    normal = expected >= np.finfo(dtype).tiny
    assert normal.mean() > 0.9
    assert ulps(sigmoid(z), expected)[normal].max() <= ULPS[dtype]


@DTYPES
def test_sigmoid_is_0_or_1_for_large_arguments(dtype):
    least, most = FAR_OUT[dtype]
    huge = np.finfo(dtype).max
    out = np.array([least, 10 * least, -huge, -np.inf], dtype)
    assert_array_equal(sigmoid(out), np.zeros(4, dtype))
    out = np.array([most, 10 * most, 800, huge, np.inf], dtype)
    assert_array_equal(sigmoid(out), np.ones(5, dtype))
    assert_array_equal(sigmoid(np.array([0.0, -0.0], dtype)), np.full(2, 0.5, dtype))


@DTYPES
@pytest.mark.parametrize("n", [1, 31, 32, 33])
def test_sigmoid_of_nan_is_nan(n, dtype):
    z = np.linspace(-3, 3, n).astype(dtype)
    z[n // 2] = np.nan
    assert_array_equal(np.isnan(sigmoid(z)), np.isnan(z))


def test_sigmoid_is_monotone_even_where_k_changes():
    rng = np.random.default_rng(0)
    at = [*rng.uniform(-745, 40, 200), *rng.normal(0, 2, 200)]
    meet = np.log(2) * np.arange(-1025, 60)
    centers = [*at, *meet[meet != 0], -710, -709.78, -708.4, 708, 1e-300, -1e-300]
    z = np.concatenate([neighbours(center, 500) for center in centers])
    assert_array_equal(np.diff(sigmoid(z).reshape(-1, 1000), axis=1) >= 0, True)
    z = np.sort(np.concatenate([z, rng.uniform(-760, 760, 100_000)]))
    assert (np.diff(sigmoid(z)) >= 0).all()


def every_float32(step):
    """Every `step`-th float32 from -110 to 110, in ascending order and in parts."""
    top = int(np.float32(110).view(np.uint32))
    starts = range(0, top + 1, 2**22 * step)
    for sign, parts in ((np.uint32(2**31), reversed(starts)), (np.uint32(0), starts)):
        for start in parts:
            stop = min(start + 2**22 * step, top + 1)
            bits = np.arange(start, stop, step, dtype=np.uint32) | sign
            yield (bits[::-1] if sign else bits).view(np.float32)


@pytest.mark.parametrize("step", [1009, pytest.param(1, marks=pytest.mark.slow)])
def test_sigmoid_of_float32_is_monotone_and_accurate(step):
    last, n, furthest = np.float32(0), 0, 0
    for z in every_float32(step):
        a = sigmoid(z)
        assert a[0] >= last
        assert (np.diff(a) >= 0).all()
        last, n = a[-1], n + len(z)
        expected = expit(z)
        normal = expected >= np.finfo(np.float32).tiny
        furthest = max(furthest, ulps(a, expected)[normal].max(initial=0))
    assert n > 2.2e9 / step * 0.99
    assert last == 1
    assert furthest <= ULPS[np.float32]
