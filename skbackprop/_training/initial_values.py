"""What training starts from: the parameters and, if left to us, the step size."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]

# docs/defaults.md has the study behind all of these.
# Deviation of the weights of a hidden layer that sigmoids feed, times √n_in: σ' is ¼ in
# the middle, and 4 makes up for it, so that signals neither fade nor grow with depth.
DEEP = 4.0
# Rows with a mean squared norm below this give the first layer small steps.
NORM = 10.0


def initial_parameters(
    units: Sequence[int],
    dtype: DTypeLike,
    random_state: RandomState,
    output_deviation: float,
) -> tuple[list[Array], list[Array]]:
    """Weights and biases to begin with, drawn layer by layer.

    The first layer has weights of deviation ``1/√n_in``, so that its pre-activations
    of standardised inputs have about unit variance whatever the width, and, if it is
    hidden, standard normal biases, which spread the neurons over the inputs.

    A layer that sigmoids feed has weights of deviation ``4/√n_in``, the last one
    ``output_deviation/√n_in``, and the biases ``−½ Σ_k w_jk``, for its inputs are
    around ½. Without hidden layers, the biases are zero.

    Drawn in float64 and then rounded: a seed means the same network in both dtypes.
    """
    coefs, intercepts = [], []
    last = len(units) - 2
    for layer, (n_in, n_out) in enumerate(pairwise(units)):
        if layer == 0:
            W = random_state.normal(0, 1 / np.sqrt(n_in), (n_in, n_out))
            b = np.zeros(n_out) if last == 0 else random_state.normal(0, 1, n_out)
        else:
            deviation = output_deviation if layer == last else DEEP
            W = random_state.normal(0, deviation / np.sqrt(n_in), (n_in, n_out))
            b = -W.sum(axis=0) / 2
        coefs.append(W.astype(dtype))
        intercepts.append(b.astype(dtype))
    return coefs, intercepts


def auto_learning_rate(
    units: Sequence[int], per_output: float, momentum: float, mean_squared_norm: float
) -> float:
    """η for a network of these layers and rows with this mean of ``‖x‖²``.

    ``per_output · n_L · min(1, 100/width) · max(1, √(10/mean ‖x‖²)) · (1 − momentum)``

    The factor `n_L` makes up for the ``1/n_L`` of the cost, so that an output neuron
    moves alike in networks of one output and of ten. `width` is that of the widest
    hidden layer (for a single layer, the number of inputs). Its activations are near ½
    at the start, hence the curvature of the cost in the parameters of a neuron that it
    feeds is up to ``width/4 · 1/16``; descent is stable below 2 divided by that, which
    is 1.28 for a width of 100. A step moves the pre-activations of the first layer in
    proportion to ``‖x‖²``, which is the number of features if they are standardised,
    but 1 for rows of unit norm (tf-idf): so few and so small inputs get larger steps.
    Momentum adds steps up to ``1 / (1 − momentum)`` of one.
    """
    width = max(units[1:-1], default=units[0])
    small = np.sqrt(NORM / min(NORM, max(mean_squared_norm, 1.0)))
    return float(
        per_output * units[-1] * min(1.0, 100 / width) * small * (1 - momentum)
    )
