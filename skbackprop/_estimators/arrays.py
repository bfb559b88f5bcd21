"""Where the arrays of a call live: in numpy, or in another library on some device.

`NumpyArrays` and `DeviceArrays` have the same methods, so that no other code of the
estimators needs to know the difference.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_softmax, softmax

from .._array_libraries import (
    Library,
    dispatches,
    is_foreign,
    library_of_input,
    to_numpy,
)
from .._engine import array_api
from .._engine.forward import ONE_THREAD_UP_TO, forward
from .._engine.network import Engine
from .._threads import Workers, on_one_blas_thread
from .._training.device_examples import DeviceExamples
from .._training.examples import Examples

Array = NDArray[Any]
# Takes z^L and the arrays that it belongs to; returns an array of its rows.
Output = Callable[[Any, Any], Any]


class NumpyArrays:
    """Arrays in numpy, and CSR matrices: the fast engine."""

    # The dtypes that a network can have, the widest first.
    floats: tuple[Any, ...] = (np.dtype(np.float64), np.dtype(np.float32))

    def __str__(self) -> str:
        return "numpy"

    def owns(self, array: Any) -> bool:
        """Whether an array is one of these."""
        return isinstance(array, np.ndarray)

    def from_numpy(self, values: Any) -> Any:
        """The values of a numpy array, here."""
        return values

    def detached(self, array: Any) -> Any:
        """The array without a record for automatic differentiation."""
        return array

    def numpy_dtype(self, dtype: Any) -> np.dtype[Any]:
        """The numpy dtype that corresponds to one of `floats`."""
        return np.dtype(dtype)

    def engine(self, coefs: list[Any], intercepts: list[Any], **options: Any) -> Any:
        """The engine that trains these parameters; the arguments are `Engine`'s."""
        return Engine(coefs, intercepts, **options)

    def examples(self, *args: Any) -> Examples:
        """The rows to learn from; the arguments are those of `Examples`."""
        return Examples(*args)

    def forward(
        self, coefs: list[Any], intercepts: list[Any], X: Any, output: Output
    ) -> tuple[Any, int | None]:
        """``output(z^L)`` of all rows, and the first row whose z^L is not finite."""
        workers, output_here = Workers(), lambda z: output(z, self)
        compute = partial(forward, coefs, intercepts, X, output_here, workers)
        largest = max(coef.size for coef in coefs)
        if X.shape[0] * largest <= ONE_THREAD_UP_TO:  # a tenth of a one-row predict
            return compute()
        return on_one_blas_thread(compute, workers)

    def all_finite(self, arrays: list[Any]) -> bool:
        """Whether all numbers in these arrays are finite."""
        return all(bool(np.isfinite(array).all()) for array in arrays)

    def result_type(self, X: Any, coef: Any) -> Any:
        """The dtype of the product of rows with a network's weights."""
        return np.result_type(X.dtype, coef.dtype)

    def cast(self, array: Any, dtype: Any) -> Any:
        """The array in another dtype."""
        return array.astype(dtype)

    def sigmoid(self, z: Any) -> Any:
        """``σ(z)``"""
        return expit(z)

    def log_sigmoid(self, z: Any) -> Any:
        """``log σ(z)``, also where σ(z) rounds to 0."""
        return log_expit(z)

    def softmax(self, z: Any) -> Any:
        """``e^{z_j} / Σ_k e^{z_k}`` of each row."""
        return softmax(z, axis=1)

    def log_softmax(self, z: Any) -> Any:
        """The logarithm of `softmax`."""
        return log_softmax(z, axis=1)

    def zeros_like(self, z: Any) -> Any:
        """Zeros of the same shape and dtype."""
        return np.zeros_like(z)

    def ones_like(self, z: Any) -> Any:
        """Ones of the same shape and dtype."""
        return np.ones_like(z)

    def columns(self, first: Any, second: Any) -> Any:
        """Two arrays of one column, side by side."""
        return np.column_stack([first, second])

    def is_positive(self, z: Any) -> Any:
        """1 where z is positive, else 0."""
        return (z > 0).astype(np.int64)

    def argmax(self, z: Any) -> Any:
        """The place of the largest number of each row."""
        return z.argmax(axis=1)

    def labels(self, classes: Array, places: Any) -> Any:
        """The class, of a numpy array of them, at each place."""
        return classes[places]


class DeviceArrays(Library):
    """Arrays of another library on one of its devices: the engine of the equations."""

    def owns(self, array: Any) -> bool:
        return arrays_of(array) == self

    def engine(
        self,
        coefs: list[Any],
        intercepts: list[Any],
        *,
        sparse: bool,
        run_all: Workers,
        compiled: bool,
        **descent: Any,
    ) -> Any:
        if compiled:
            raise ValueError(
                f'engine="numba" computes numpy arrays, but X is in {self}. Set '
                'engine="numpy": arrays of other libraries are then computed by their '
                "own library."
            )
        return array_api.ArrayEngine(
            list(map(self.detached, coefs)),
            list(map(self.detached, intercepts)),
            xp=self.xp,
            float_dtype=self.floats[0],
            **descent,
        )

    def examples(self, *args: Any) -> DeviceExamples:
        return DeviceExamples(*args, library=self)

    def forward(
        self, coefs: list[Any], intercepts: list[Any], X: Any, output: Output
    ) -> tuple[Any, int | None]:
        dtype = self.result_type(X, coefs[0])
        coefs, intercepts = (
            [self.cast(self.detached(p), dtype) for p in parameters]
            for parameters in (coefs, intercepts)
        )
        X = self.cast(X, dtype)
        z, bad_row = array_api.forward(coefs, intercepts, X, self.xp)
        return output(z, self), bad_row

    def all_finite(self, arrays: list[Any]) -> bool:
        return array_api.all_finite(arrays, self.xp)

    def result_type(self, X: Any, coef: Any) -> Any:
        return self.xp.result_type(X, coef)

    def sigmoid(self, z: Any) -> Any:
        return array_api.sigma_of(self.xp)(z)

    def log_sigmoid(self, z: Any) -> Any:
        # log σ(z) = −log(1 + e^{−z}), which logaddexp computes without overflow.
        return -self.xp.logaddexp(self.zeros_like(z), -z)

    def softmax(self, z: Any) -> Any:
        return self.xp.exp(self.log_softmax(z))

    def log_softmax(self, z: Any) -> Any:
        z = z - self.xp.max(z, axis=1, keepdims=True)
        total = self.xp.sum(self.xp.exp(z), axis=1, keepdims=True)
        return z - self.xp.log(total)

    def zeros_like(self, z: Any) -> Any:
        return self.xp.zeros_like(z)

    def ones_like(self, z: Any) -> Any:
        return self.xp.ones_like(z)

    def columns(self, first: Any, second: Any) -> Any:
        return self.xp.concat([first, second], axis=1)

    def is_positive(self, z: Any) -> Any:
        return self.cast(z > 0, self.xp.int64)

    def argmax(self, z: Any) -> Any:
        return self.xp.argmax(z, axis=1)

    def labels(self, classes: Array, places: Any) -> Any:
        if classes.dtype.kind in "bif":
            return self.take(self.from_numpy(classes), places)
        labels = classes[to_numpy(places)]
        # PyTorch cannot look up wide unsigned integers. Strings stay in numpy.
        return self.from_numpy(labels) if classes.dtype.kind == "u" else labels


NUMPY = NumpyArrays()
Arrays = NumpyArrays | DeviceArrays


def arrays_of_input(X: Any, name: str = "X") -> Arrays:
    """Where a user's argument is to be computed, as scikit-learn is configured."""
    library = library_of_input(X, name)
    return NUMPY if library is None else DeviceArrays(*library)


def arrays_of(fitted: Any) -> Arrays:
    """Where a fitted array is."""
    return DeviceArrays.of(fitted) if is_foreign(fitted) else NUMPY


def require_same(model: Any, method: str, given: Arrays, name: str = "X") -> None:
    """Raise ValueError unless the network is where the inputs of a method are."""
    own = arrays_of(model.coefs_[0])
    if own == given:
        return
    place, remedy = str(given), f"Pass {name} in {own}"
    if given is NUMPY and not dispatches():
        place = "numpy, as all inputs are while array_api_dispatch is off"
        remedy = (
            f"Call sklearn.set_config(array_api_dispatch=True) and pass {name} in {own}"
        )
    if name == "X":
        to = f"{given.name}, X.device" if isinstance(given, DeviceArrays) else "numpy"
        remedy += f", or move the network: model.move_to({to})"
    raise ValueError(
        f"Inputs passed to {type(model).__name__}.{method}() must use the same "
        "namespace and device as those passed to fit(). The network is in "
        f"{own}, {name} is in {place}. {remedy}."
    )
