"""What the tests of scikit-learn's array API dispatch share.

scikit-learn dispatches only if the environment variable SCIPY_ARRAY_API is 1 before it
is imported. So `tests/test_array_api.py` runs this folder in a process of its own, and
otherwise it is not collected.
"""

import os

import numpy as np
import pytest
import sklearn
from array_libraries import PLACES, find_library

if os.environ.get("SCIPY_ARRAY_API") != "1":
    collect_ignore_glob = ["*"]


@pytest.fixture(autouse=True, scope="module")
def dispatching():
    """scikit-learn dispatches on arrays in every test."""
    with sklearn.config_context(array_api_dispatch=True):
        yield


@pytest.fixture(params=PLACES, ids=" on ".join, scope="module")
def library(request):
    """An array library on one of its devices."""
    return find_library(*request.param)


@pytest.fixture(scope="session")
def rows(iris):
    """Inputs, labels from 0 to 2, and weights of 50 rows, in numpy."""
    X, y = iris
    chosen = np.random.RandomState(0).permutation(len(X))[:50]
    return X[chosen], y[chosen], np.linspace(0.0, 2.0, 50)
