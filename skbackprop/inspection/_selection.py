"""Which neurons of a large layer to show."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def strongest(strength: Array, at_most: int) -> list[int]:
    """Indices of the largest numbers, in the order of the layer."""
    kept = np.argsort(-np.abs(strength), kind="stable")[:at_most]
    return sorted(kept.tolist())
