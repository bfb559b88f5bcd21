"""Prediction: the forward pass in blocks of rows."""

import numpy as np
import pytest
import scipy.sparse
from networks import Network
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix

from skbackprop import _equations as eq
from skbackprop._engine.forward import BLOCK_ROWS, forward
from skbackprop._threads import Workers


def identity(z):
    return z


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("n_workers", [1, 2, 8])
@pytest.mark.parametrize("n_rows", [1, 1500, 5000])
def test_the_output_is_computed_from_the_last_pre_activation(
    n_rows, n_workers, sparse, dtype
):
    network = Network((6, 5, 4, 3), dtype)
    X = scipy.sparse.random(n_rows, 6, density=0.5, format="csr", random_state=0)
    X = csr_matrix(X.astype(dtype))
    z, _ = eq.forward(X.toarray().T.astype(np.float64), network.W, network.b)
    X = X if sparse else X.toarray()
    workers = Workers(n_workers)
    got, bad_row = forward(network.coefs, network.intercepts, X, identity, workers)
    workers.close()
    assert got.dtype == dtype
    assert bad_row is None
    tolerance = 1e-4 if dtype == np.float32 else 1e-11
    assert_allclose(got, z[-1].T, rtol=tolerance, atol=tolerance)


def test_any_output_has_the_rows_in_order():
    network = Network((6, 5, 3))
    X, _ = network.examples(3 * BLOCK_ROWS + 1)
    z, _ = forward(network.coefs, network.intercepts, X, identity)
    found, _ = forward(
        network.coefs, network.intercepts, X, lambda z: z.argmax(axis=1), Workers(2)
    )
    assert_array_equal(found, z.argmax(axis=1))


@pytest.mark.parametrize("bad", [0, BLOCK_ROWS - 1, BLOCK_ROWS, 3 * BLOCK_ROWS])
def test_the_first_row_with_numbers_that_are_not_finite_is_returned(bad):
    network = Network((2, 1))
    X, _ = network.examples(3 * BLOCK_ROWS + 1)
    X[bad] = X[-1] = 1e308
    network.coefs[0][:] = 1e10
    assert forward(network.coefs, network.intercepts, X, identity, Workers(2))[1] == bad
