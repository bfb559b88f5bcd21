"""Memory for the forward pass and for backpropagation."""

from typing import Literal

import numpy as np

from .parameters import Parameters
from .sigmoid import sigmoid_for


class Buffers:
    """Activations, slopes σ' and errors of `m` examples: all layers in one vector each.

    So σ' of the whole network takes two calls, and so do all biases if m = 1. The
    layers are views of shape ``(m, n_l)``, in Fortran or C order.
    """

    def __init__(
        self, theta: Parameters, m: int, order: Literal["C", "F"] = "F"
    ) -> None:
        sizes = [n_l * m for n_l in theta.units[1:]]
        ends = np.cumsum(sizes)
        (self.a_all, self.slope_all, self.delta_all) = vectors = [
            np.zeros(ends[-1], dtype=theta.dtype) for _ in range(3)
        ]
        self.a, self.slope, self.delta = (
            [part.reshape((m, -1), order=order) for part in np.split(v, ends[:-1])]
            for v in vectors
        )
        self.sigmoids = [sigmoid_for(size) for size in sizes]
