"""Arrays of libraries other than numpy, such as PyTorch's on a GPU.

scikit-learn finds the functions of such a library through the array API standard, and
so do we: by `array_api_compat`, which scikit-learn brings with it. This is the only
room that knows that package, and how an array comes from numpy and returns to it.
"""

from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config


def _find_compat() -> Any:
    """The package; None without it, when scikit-learn dispatches on numpy alone."""
    # scikit-learn 1.6 does not contain it.
    for name in ("sklearn.externals.array_api_compat", "array_api_compat"):
        with suppress(ImportError):
            return import_module(name)
    return None


compat = _find_compat()
Array = NDArray[Any]
OF_NUMPY = (np.ndarray, np.generic)


class Library(NamedTuple):
    """An array library and one of its devices, on which all arrays of a fit are."""

    xp: Any
    device: Any

    @classmethod
    def of(cls, array: Any) -> Self:
        """The library and the device of an array that is not numpy's."""
        return cls(compat.array_namespace(array), compat.device(array))

    @classmethod
    def on(cls, module: ModuleType, device: Any) -> Self:
        """The library of this module, such as torch, and one of its devices."""
        xp = compat.array_namespace(module.asarray(0))
        return cls.of(xp.asarray(0, device=device))

    def __str__(self) -> str:
        return f"{self.name} on {self.device}"

    @property
    def name(self) -> str:
        """The name of the library, such as "torch"."""
        name = str(self.xp.__name__).removeprefix("sklearn.externals.")
        return name.removeprefix("array_api_compat.")

    @property
    def floats(self) -> list[Any]:
        """The dtypes that a network can have, the widest first.

        Some devices, such as Apple's MPS, have no float64.
        """
        info = self.xp.__array_namespace_info__()
        found = info.dtypes(kind="real floating", device=self.device)
        return [found[name] for name in ("float64", "float32") if name in found]

    def dtype(self, dtype: np.dtype[Any]) -> Any:
        """The dtype of this library that corresponds to one of numpy's."""
        return getattr(self.xp, dtype.name)

    def cast(self, array: Any, dtype: Any) -> Any:
        """The array in another dtype of this library."""
        return array if array.dtype == dtype else self.xp.astype(array, dtype)

    def numpy_dtype(self, dtype: Any) -> np.dtype[Any]:
        """The numpy dtype of one of `floats`."""
        return np.dtype(np.float32 if dtype == self.xp.float32 else np.float64)

    def from_numpy(self, values: Array) -> Any:
        """A copy on the device; float64 becomes the widest type that is there."""
        dtype = self.floats[0] if values.dtype == np.float64 else None
        # A copy, because torch would share a CPU's memory.
        return self.xp.asarray(np.array(values), dtype=dtype, device=self.device)

    def detached(self, array: Any) -> Any:
        """The array without PyTorch's record of how it was computed.

        Otherwise every update would add to that record.
        """
        return array.detach() if compat.is_torch_array(array) else array

    def take(self, array: Any, rows: Any) -> Any:
        """Rows of an array: a slice, or indices on the device (none negative)."""
        if isinstance(rows, slice):
            return array[rows, ...]
        # PyTorch's own function: `take` would look for negative indices in three steps.
        select = getattr(self.xp, "index_select", None)
        if select is not None:
            return select(array, 0, rows)
        return self.xp.take(array, rows, axis=0)


def dispatches() -> bool:
    """Whether scikit-learn dispatches on the library of arrays."""
    return bool(get_config()["array_api_dispatch"])


def is_foreign(array: Any) -> bool:
    """Whether it is an array of a library other than numpy."""
    if isinstance(array, OF_NUMPY) or compat is None:
        return False
    # Dask's arrays, which have no values yet, have no __dlpack__.
    return hasattr(array, "__dlpack__") and bool(compat.is_array_api_obj(array))


def library_of_input(array: Any, name: str = "X") -> Library | None:
    """The library whose functions scikit-learn would call for this array.

    None is numpy: for its arrays, lists, data frames and sparse matrices, and for all
    arrays if ``array_api_dispatch`` is off in scikit-learn's configuration.
    """
    if type(array) is np.ndarray or not dispatches():
        return None
    _refuse_sparse_and_lazy(array, name)
    if not is_foreign(array):
        return None
    library = Library.of(array)
    if library.xp.isdtype(array.dtype, "complex floating"):
        raise ValueError(f"Complex data not supported: {name} is {array.dtype}.")
    return library


def in_numpy(argument: Any, name: str) -> Any:
    """A user's argument, in numpy if scikit-learn would dispatch on its library."""
    if argument is None or library_of_input(argument, name) is None:
        return argument
    try:
        return to_numpy(argument)
    except TypeError as error:  # a dtype that numpy does not have
        raise TypeError(
            f"{name} cannot be converted to numpy: {error}. Convert it to another "
            "dtype first."
        ) from error


def to_numpy(array: Any) -> Any:
    """The values of an array of another library; anything else as it is."""
    if not is_foreign(array):
        return array
    if compat.is_torch_array(array):
        return array.detach().cpu().numpy()
    if compat.is_cupy_array(array):
        return array.get()
    return np.from_dlpack(array)


def _refuse_sparse_and_lazy(array: Any, name: str) -> None:
    """Raise TypeError for a sparse array of a library other than scipy, or Dask's."""
    kind = f"{type(array).__module__}.{type(array).__name__}"
    if compat is not None and compat.is_torch_array(array):
        kind = str(array.layout)  # torch.sparse_csr, for instance
    if kind.startswith(("torch.sparse", "cupyx.scipy.sparse")):
        raise TypeError(
            f"{name} is a sparse array, {kind}. On a device, arrays must be "
            "dense: convert it, for instance with to_dense(). To train on the CPU, "
            "pass a matrix of scipy.sparse."
        )
    if compat is not None and compat.is_dask_array(array):
        raise TypeError(
            f"{name} is a Dask array, which has no values yet. Call its compute(), or "
            "turn scikit-learn's array_api_dispatch off."
        )
