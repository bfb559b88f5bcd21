"""Saving and loading: a version and a checksum in each saved estimator.

pickle, joblib, cloudpickle, skops and `copy` all use these methods.
"""

import zlib
from inspect import Parameter, signature
from types import NoneType
from typing import Any

import numpy as np

from .._array_libraries import to_numpy
from .._version import __version__
from .user_warnings import warn

# Saved as arrays: skops takes 200 bytes for a number in a list, 8 in an array.
HISTORIES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")


class Persistent:
    """Adds a version and a checksum to an estimator's state, and checks them."""

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        histories = {
            name: np.array(state[name], dtype=float)
            for name in HISTORIES
            if state.get(name) is not None
        }
        state = {**state, **histories, "_skbackprop_version": __version__}
        if type(state.get("class_weight")) is dict:
            # skops turns {True: 1.0, False: 2.0} into {True: 2.0}.
            weight_of = state["class_weight"]
            state["class_weight"] = ("dict", list(weight_of), list(weight_of.values()))
        return with_checksum(_in_memory(state))

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        saved = state.pop("_checksum", None)
        written_by = state.get("_skbackprop_version", __version__)
        if _major(written_by) > _major(__version__):
            warn(
                f"This {type(self).__name__} was saved by skbackprop {written_by} and "
                f"is loaded by the older {__version__}: its predictions may differ, or "
                f"it may fail. Install skbackprop>={_major(written_by)}."
            )
        elif not (
            saved is None
            or _is_mapped(state)
            # A user's subclass may save more or less than the checksum covers.
            or type(self).__getstate__.__module__.partition(".")[0] != "skbackprop"
            or _checksum(state) == saved
        ):
            raise ValueError(
                f"The saved {type(self).__name__} is damaged: its checksum is wrong. "
                "Use another copy of the file, or save the model again."
            )
        state.pop("_skbackprop_version", None)
        match state.get("class_weight"):
            case ("dict", labels, weights):
                state["class_weight"] = dict(zip(labels, weights, strict=True))
        for name in HISTORIES:
            if state.get(name) is not None:
                state[name] = np.asarray(state[name]).tolist()
        # A file saved before a parameter existed gets its default.
        for name, parameter in signature(type(self).__init__).parameters.items():
            if parameter.default is not Parameter.empty:
                state.setdefault(name, parameter.default)
        if "coefs_" in state:
            state.setdefault("early_stopping_", False)
        self.__dict__.update(state)


def with_checksum(state: dict[str, Any]) -> dict[str, Any]:
    """The state with a checksum of its contents."""
    state = {name: value for name, value in state.items() if name != "_checksum"}
    return {**state, "_checksum": _checksum(state)}


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _is_mapped(state: dict[str, Any]) -> bool:
    # A checksum would read a memory-mapped file from disk.
    return any(isinstance(array, np.memmap) for array in state.get("coefs_", ()))


def _in_memory(value: Any) -> Any:
    """The value with numpy.memmap as plain arrays, because copies keep that type."""
    if isinstance(value, np.memmap):
        return value.view(np.ndarray)
    if type(value) in (list, tuple):
        return type(value)(map(_in_memory, value))
    if type(value) is dict:
        return {name: _in_memory(item) for name, item in value.items()}
    return value


def _checksum(value: object, checksum: int = 0) -> int:
    """CRC-32 of all names, numbers, strings and arrays, which detects flipped bits.

    It guards against accidents, not against attackers, who can write a matching one.
    Other objects, such as a RandomState parameter, count by their type only. numpy
    scalars count as Python numbers, because some formats convert them.
    """
    value = to_numpy(value)
    if isinstance(value, dict):
        value = sorted(value.items(), key=lambda item: str(item[0]))
    if isinstance(value, list | tuple):
        for item in value:
            checksum = _checksum(item, checksum)
        data: bytes | memoryview = b"%d" % len(value)
    elif isinstance(value, np.ndarray) and value.dtype.kind not in "OTV":
        # Some formats convert the byte order to the machine's. The parameters are in
        # Fortran order, so the transpose is not copied.
        native = value.astype(value.dtype.newbyteorder("="), copy=False)
        data = np.ascontiguousarray(native.T).view(np.uint8).data
        # The bytes have no meaning without the dtype and the shape.
        checksum = zlib.crc32(f"{native.dtype.str}{value.shape}".encode(), checksum)
    elif isinstance(value, np.ndarray):  # its memory holds pointers
        data = "\0".join(map(str, value.tolist())).encode(errors="replace")
    else:
        data = _text(value).encode(errors="replace")
    return zlib.crc32(data, checksum)


def _text(value: object) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str | bytes | int | float | NoneType):
        return repr(value)
    return type(value).__name__
