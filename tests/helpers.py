"""Helpers for many tests: fit quietly, compare to the bit, count BLAS threads."""

import warnings
from importlib.util import find_spec

import joblib
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import ThreadpoolController

# Found once, before any test sends an interrupt: older threadpoolctl finds them in
# callbacks from C, where an interrupt is lost.
BLAS = ThreadpoolController().select(user_api="blas").lib_controllers
NUMBA = find_spec("numba") is not None
needs_numba = pytest.mark.skipif(
    not NUMBA, reason='numba, of the extra "fast", is not installed'
)
ENGINES = ["numpy", pytest.param("numba", marks=needs_numba)]
# Attributes that scikit-learn keeps for callbacks; training does not set them.
CALLBACKS = (
    "_skl_callbacks",
    "_callback_fit_ctx",
    "_parent_callback_ctx",
    "_skl_callbacks_to_teardown",
)


def quietly(function, *args, **kwargs):
    """Call without user warnings, which other tests check."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return function(*args, **kwargs)


def fit(model, *args, **kwargs):
    """Fit without the warning that a few epochs are not enough; others stay errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*args, **kwargs)


def parameters(model):
    """All weights and biases in one list, to compare in one loop."""
    return [*model.coefs_, *model.intercepts_]


def assert_same_parameters(one, other):
    """Weights and biases are equal to the bit; the runs may differ in length."""
    for a, b in zip(parameters(one), parameters(other), strict=True):
        assert_array_equal(a, b, strict=True)  # with the same dtype


def assert_same_bits(one, other):
    """Weights and biases are equal to the bit, and so is the loss of each epoch."""
    assert_same_parameters(one, other)
    assert one.loss_curve_ == other.loss_curve_


def state(model, without=()):
    """A hash of all attributes, which detects a change to any of them."""
    return joblib.hash({k: v for k, v in vars(model).items() if k not in without})


def learnt(model):
    """A hash that does not depend on whether training paused in between."""
    return state(model, without=("max_iter", "warm_start", "n_iter_", *CALLBACKS))


def blas_threads():
    """The number of threads of each BLAS library, which every call must restore."""
    return [library.num_threads for library in BLAS]
