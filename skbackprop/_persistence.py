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
            "_checksum": _checksum(_predicting_arrays(state)),
            "_resuming_checksum": _checksum(_resuming_arrays(state)),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        written_by = state.pop("_skbackprop_version", __version__)
        saved = state.pop("_checksum", None), state.pop("_resuming_checksum", None)
        if _major(written_by) > _major(__version__):
            warn(
                f"This {type(self).__name__} was saved by skbackprop {written_by} and "
                f"is loaded by {__version__}, which is older: it may predict something "
                f"else, or fail. Install skbackprop>={_major(written_by)}."
            )
        elif not (
            _is_as_saved(_predicting_arrays(state), saved[0])
            and _is_as_saved(_resuming_arrays(state), saved[1])
        ):
            raise ValueError(
                f"The saved {type(self).__name__} is damaged: its parameters, classes, "
                "target range, or what training goes on from are not those that were "
                "saved. Take another copy of the file, or save the model again."
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


def _resuming_arrays(state: dict[str, Any]) -> list[Array]:
    """What training goes on from, as arrays: velocity, random stream, counts."""
    velocity = state.get("_velocity") or ((), ())
    stream = state.get("_random_state") or {}
    counts = ("n_iter_", "t_", "_no_improvement_count", "_n_eta_drops", "_split_seed")
    return [
        *(array for layers in velocity for array in layers),
        *map(np.asarray, (stream.get("state") or {}).values()),
        np.array([int(state.get(name) or 0) for name in counts]),
    ]


def _checksum(arrays: list[Array]) -> int:
    """CRC-32 of these arrays: a flipped bit in one of them would go unseen.

    A guard against accidents, not against anybody: a forger writes the right one.
    """
    checksum = 0
    data: bytes | memoryview
    for array in map(np.asarray, arrays):
        if array.dtype.kind in "OT":  # whose memory has pointers
            data = "\0".join(map(str, array.tolist())).encode(errors="replace")
        else:
            # The parameters are in Fortran order: this way round nothing is copied.
            data = np.ascontiguousarray(array.T).view(np.uint8).data
            # Their bytes mean nothing without it.
            checksum = zlib.crc32(f"{array.dtype.str}{array.shape}".encode(), checksum)
        checksum = zlib.crc32(data, checksum)
    return checksum


def _is_as_saved(arrays: list[Array], checksum: int | None) -> bool:
    # What is mapped into memory stays on disk until it is needed.
    if checksum is None or any(isinstance(array, np.memmap) for array in arrays):
        return True
    return _checksum(arrays) == checksum
