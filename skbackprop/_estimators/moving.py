"""Moving a fitted estimator to another array library or device, such as a GPU."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Self

import numpy as np

from .._array_libraries import Library, to_numpy

# The fitted arrays that belong to the network. Others, such as the random stream's
# state and the names of the features, are always numpy's.
_MOVED = ("coefs_", "intercepts_", "_velocity", "target_range_", "classes_")


class Movable:
    """Adds `move_to` to an estimator."""

    _copy: Callable[[], Any]

    def move_to(self, xp: ModuleType, device: Any = None) -> Self:
        """Return a copy whose fitted arrays are in another library or on a device.

        A network that was trained on arrays of PyTorch, CuPy or another library
        accepts only arrays of that library and device afterwards. This moves it: to
        numpy, for instance, before it is saved for a machine without a GPU, or from
        numpy to the GPU, to continue there.

        Parameters
        ----------
        xp : module
            The library: `numpy`, `torch`, `cupy` or another one that follows the array
            API standard.

        device : device or str, default=None
            A device of the library, such as "cuda"; None is its default device.

        Returns
        -------
        moved : estimator
            A copy with the same parameters and predictions. On a device without
            float64, such as Apple's MPS, float64 becomes float32.

        Raises
        ------
        TypeError, ValueError
            `xp` is not the module of an array library, or has no such device.

        Examples
        --------
        >>> import numpy
        >>> from sklearn.datasets import load_iris
        >>> from skbackprop import SGDSigmoidMLP
        >>> X, y = load_iris(return_X_y=True)
        >>> model = SGDSigmoidMLP((5,), random_state=0).partial_fit(X, y, [0, 1, 2])
        >>> copy = model.move_to(numpy)  # of a network from a GPU, for instance
        >>> type(copy.coefs_[0])
        <class 'numpy.ndarray'>
        """
        if xp is np:
            if device not in (None, "cpu"):
                raise ValueError(f'The only device of numpy is "cpu", got {device!r}.')
            return self._moved(lambda array: np.array(to_numpy(array)))  # not shared
        if not hasattr(xp, "asarray"):
            raise TypeError(
                "xp must be the module of an array library, such as numpy or torch, "
                f"got {xp!r}."
            )
        try:
            library = Library.on(xp, device)
        except Exception as error:  # each library has errors of its own
            raise ValueError(
                f"{xp.__name__} has no device {device!r} here: {error}"
            ) from error
        return self._moved(lambda array: library.from_numpy(to_numpy(array)))

    def __sklearn_array_api_convert__(self, converter: Callable[[Any], Any]) -> Self:
        """What scikit-learn's own `move_estimator_to` calls."""
        return self._moved(converter)

    def _in_numpy(self) -> Self:
        """A copy in numpy, which may share memory with this one."""
        return self._moved(to_numpy)

    def _moved(self, convert: Callable[[Any], Any]) -> Self:
        model: Self = self._copy()
        for name in _MOVED:
            if name in vars(model):
                setattr(model, name, _converted(vars(model)[name], convert))
        return model


def _converted(value: Any, convert: Callable[[Any], Any]) -> Any:
    """The value with its arrays converted; labels that are not numbers stay."""
    if isinstance(value, list | tuple):
        return type(value)(_converted(item, convert) for item in value)
    # The dtypes of other libraries are always numbers, and have no kind.
    is_array = hasattr(value, "dtype") and getattr(value.dtype, "kind", "f") in "biuf"
    return convert(value) if is_array else value
