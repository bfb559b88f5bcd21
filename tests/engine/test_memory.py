"""Memory that is aligned to cache lines."""

import numpy as np
import pytest
from networks import Network
from numpy.testing import assert_array_equal

from skbackprop._engine.memory import CACHE_LINE, aligned_empty
from skbackprop._engine.network import Engine
from skbackprop._training.examples import Examples


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, "f4"], ids=str)
@pytest.mark.parametrize("shape", [0, 1, 7, (), (3, 5), (0, 4), (2, 3, 65)], ids=str)
def test_an_array_begins_on_a_cache_line_and_is_otherwise_ordinary(shape, dtype):
    # Many arrays, because some of numpy's own begin on a cache line too.
    for array in [aligned_empty(shape, dtype) for _ in range(20)]:
        assert array.size == 0 or array.ctypes.data % CACHE_LINE == 0
        assert array.shape == np.empty(shape).shape
        assert array.dtype == dtype
        assert array.flags.c_contiguous
        assert array.flags.aligned
        assert array.flags.writeable


def test_arrays_do_not_share_memory():
    arrays = [aligned_empty((3, 5), np.float64) for _ in range(20)]
    for k, array in enumerate(arrays):
        array[:] = k
    for k, array in enumerate(arrays):
        assert_array_equal(array, np.full((3, 5), float(k)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_their_velocity_and_gathered_rows_begin_on_a_cache_line(dtype):
    network = Network((5, 3, 2), dtype)
    X, Y = network.examples(9, dtype)
    velocity = network.coefs, network.intercepts
    engines = [
        Engine(*velocity, momentum=0.5, velocity=v)
        for v in [None, velocity]
        for _ in range(10)
    ]
    addresses = [
        vector.ctypes.data
        for engine in engines
        for vector in (engine.theta.vector, engine.velocity.vector)
    ]
    rows = Examples(X, Y.__getitem__, 2, None, np.dtype(dtype))
    addresses += [
        block.ctypes.data
        for _ in range(10)
        for block, *_ in rows.blocks(0, 9, 9, np.arange(9)[::-1])
    ]
    assert len(addresses) == 50
    assert {address % CACHE_LINE for address in addresses} == {0}


def test_a_new_velocity_is_zero():
    network = Network((50, 30, 2))
    for _ in range(10):
        engine = Engine(network.coefs, network.intercepts, momentum=0.5)
        assert not engine.velocity.vector.any()
