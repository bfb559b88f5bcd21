"""What a saved estimator says of itself: who wrote it, and a checksum.

pickle, joblib, cloudpickle, skops and `copy` all come by here.
"""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._version import __version__
from ._warnings import warn

Array = NDArray[Any]


# A number of a list takes skops 200 bytes, one of an array 8.
HISTORIES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")


class Persistent:
    """Gives an estimator a state with a version and a checksum, and checks them."""

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        histories = {
            name: np.array(state[name], dtype=float)
            for name in HISTORIES
            if state.get(name) is not None
        }
        return {
            **state,
            **histories,
            "_skbackprop_version": __version__,
            "_checksum": _checksum(state),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        written_by = state.pop("_skbackprop_version", __version__)
        checksum = state.pop("_checksum", None)
        if _major(written_by) > _major(__version__):
            warn(
                f"This {type(self).__name__} was saved by skbackprop {written_by} and "
                f"is loaded by {__version__}, which is older: it may predict something "
                f"else, or fail. Install skbackprop>={_major(written_by)}."
            )
        elif checksum is not None and not _is_as_saved(state, checksum):
            raise ValueError(
                f"The saved {type(self).__name__} is damaged: its parameters, classes "
                "or target range are not those that were saved. Take another copy of "
                "the file, or save the model again."
            )
        for name in HISTORIES:
            if state.get(name) is not None:
                state[name] = np.asarray(state[name]).tolist()
        self.__dict__.update(state)


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _predicting_arrays(state: dict[str, Any]) -> list[Array]:
    """The arrays that predictions are made from."""
    return [
        *state.get("coefs_", ()),
        *state.get("intercepts_", ()),
        *(state[name] for name in ("classes_", "target_range_") if name in state),
    ]


def _checksum(state: dict[str, Any]) -> int:
    """CRC-32 of these arrays: a flipped bit in one of them would go unseen.

    A guard against accidents, not against anybody: a forger writes the right one.
    """
    checksum = 0
    data: bytes | memoryview
    for array in map(np.asarray, _predicting_arrays(state)):
        if array.dtype.kind in "OT":  # whose memory has pointers
            data = "\0".join(map(str, array.tolist())).encode(errors="replace")
        else:
            # The parameters are in Fortran order: this way round nothing is copied.
            data = np.ascontiguousarray(array.T).view(np.uint8).data
            # Their bytes mean nothing without it.
            checksum = zlib.crc32(f"{array.dtype.str}{array.shape}".encode(), checksum)
        checksum = zlib.crc32(data, checksum)
    return checksum


def _is_as_saved(state: dict[str, Any], checksum: int) -> bool:
    # What is mapped into memory stays on disk until it is needed.
    if any(isinstance(array, np.memmap) for array in _predicting_arrays(state)):
        return True
    return _checksum(state) == checksum
