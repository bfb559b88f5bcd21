"""Array libraries other than numpy, and arrays of them, for the tests."""

import os

import numpy as np
import pytest

from skbackprop import _array_libraries
from skbackprop._array_libraries import Library, to_numpy

# Libraries and devices. array_api_strict has made-up devices. Like the arrays of a GPU,
# those on device1 cannot be mixed with others, or be converted to numpy unasked.
PLACES = [("array_api_strict", "device1"), ("torch", "cpu")]
# On a machine with a GPU, SKBACKPROP_TEST_PLACES="torch cuda,cupy 0" adds these.
for _place in filter(None, os.environ.get("SKBACKPROP_TEST_PLACES", "").split(",")):
    PLACES.append(tuple(_place.split()))


def find_library(name, device):
    """The library on this device; skip the test if it is not installed."""
    # scikit-learn finds other libraries' functions by array_api_compat.
    if _array_libraries.compat is None:
        pytest.skip("array_api_compat is not installed")
    module = pytest.importorskip(name)
    if name == "array_api_strict":
        device = module.Device(device)
    elif name == "cupy":
        device = module.cuda.Device(int(device))
    else:
        # Beside another busy process, two threads need 20 ms for the smallest product.
        module.set_num_threads(1)
    return Library.on(module, device)


def numpy_of(value):
    """Arrays of any library, and lists of them, in numpy."""
    if isinstance(value, list | tuple):
        return [numpy_of(item) for item in value]
    return np.asarray(to_numpy(value))


def largest_deviation(got, expected):
    """The largest difference of two lists of arrays, relative to the largest number."""
    pairs = list(zip(numpy_of(list(got)), numpy_of(list(expected)), strict=True))
    assert all(one.shape == other.shape for one, other in pairs)
    largest = max(np.abs(other).max() for _, other in pairs)
    return max(np.abs(one - other).max() for one, other in pairs) / largest


def there(library, value):
    """A numpy array of numbers in another library; anything else as it is."""
    is_numbers = isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
    return library.from_numpy(value) if is_numbers else value


def is_in(library, array):
    """Whether this array belongs to the library and is on its device."""
    return _array_libraries.is_foreign(array) and Library.of(array) == library
