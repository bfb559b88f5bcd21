"""What training starts from: the parameters and, if left to us, the step size."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]


def initial_parameters(
    units: Sequence[int], dtype: DTypeLike, random_state: RandomState
) -> tuple[list[Array], list[Array]]:
    """Weights and biases to begin with, drawn layer by layer.

    Weights are normal with deviation ``1/√n_{l−1}``, so that the pre-activations of
    standardised inputs have about unit variance whatever the width. Biases of hidden
    layers are standard normal, which spreads the neurons over the inputs; those of the
    output layer are zero. Drawn in float64 and then rounded: a seed means the same
    network in both dtypes.
    """
    coefs, intercepts = [], []
    for n_in, n_out in pairwise(units):
        coefs.append(random_state.normal(0, 1 / np.sqrt(n_in), (n_in, n_out)))
        intercepts.append(random_state.normal(0, 1, n_out))
    intercepts[-1][:] = 0
    return [W.astype(dtype) for W in coefs], [b.astype(dtype) for b in intercepts]


def auto_learning_rate(
    units: Sequence[int], per_output: float, momentum: float
) -> float:
    """η for a network of these layers.

    ``per_output · n_L · min(1, 100 / width) · (1 − momentum)``

    The factor `n_L` makes up for the ``1/n_L`` of the cost, so that an output neuron
    moves alike in networks of one output and of ten. `width` is that of the widest
    hidden layer (for a single layer, the number of inputs). Its activations are near ½
    at the start, hence the curvature of the cost in the parameters of a neuron that it
    feeds is up to ``width/4 · 1/16``; descent is stable below 2 divided by that, which
    is 1.28 for a width of 100. Momentum adds steps up to ``1 / (1 − momentum)`` of one.
    """
    width = max(units[1:-1], default=units[0])
    return per_output * units[-1] * min(1.0, 100 / width) * (1 - momentum)
