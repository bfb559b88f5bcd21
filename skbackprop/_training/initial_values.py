"""The initial parameters, and the step size if it is "auto"."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]

# docs/defaults.md has the study behind these values.
# Standard deviation, times √n_in, of the weights of a hidden layer after the first. σ'
# is ¼ in the middle; the factor 4 compensates, so that signals neither fade nor grow
# with depth.
HIDDEN_DEVIATION = 4.0
# Rows with a mean squared norm below this would give the first layer small steps.
SMALL_NORM = 10.0


def initial_parameters(
    units: Sequence[int],
    dtype: DTypeLike,
    random_state: RandomState,
    output_deviation: float,
) -> tuple[list[Array], list[Array]]:
    """Initial weights and biases, drawn layer by layer.

    The weights of the first layer have standard deviation ``1/√n_in``, so that the
    pre-activations of standardised inputs have about unit variance at any width. If it
    is hidden, its biases are standard normal, which spreads the neurons over the
    inputs. If it is the only layer, its biases are zero.

    The weights of later layers have standard deviation ``4/√n_in``, those of the last
    layer ``output_deviation/√n_in``. Their inputs are around ½, so their biases are
    ``−½ Σ_k w_jk``.

    All are drawn in float64 and then rounded, so a seed gives the same network in both
    dtypes.
    """
    coefs, intercepts = [], []
    last = len(units) - 2
    for layer, (n_in, n_out) in enumerate(pairwise(units)):
        if layer == 0:
            W = random_state.normal(0, 1 / np.sqrt(n_in), (n_in, n_out))
            b = np.zeros(n_out) if last == 0 else random_state.normal(0, 1, n_out)
        else:
            deviation = output_deviation if layer == last else HIDDEN_DEVIATION
            W = random_state.normal(0, deviation / np.sqrt(n_in), (n_in, n_out))
            b = -W.sum(axis=0) / 2
        coefs.append(W.astype(dtype))
        intercepts.append(b.astype(dtype))
    return coefs, intercepts


def auto_learning_rate(
    units: Sequence[int], per_output: float, momentum: float, mean_squared_norm: float
) -> float:
    """η for a network of these layers and rows with this mean ``‖x‖²``.

    ``per_output · n_L · min(1, 100/width) · max(1, √(10/mean ‖x‖²)) · (1 − momentum)``

    - The factor `n_L` cancels the ``1/n_L`` of the cost, so that an output neuron moves
      equally fast in networks with one output and with ten.
    - `width` is that of the widest hidden layer, or the number of inputs if there is
      none. Its activations start near ½, so the curvature of the cost in the parameters
      of a neuron of the next layer is up to ``width/4 · 1/16``. Descent is stable for η
      below 2 divided by that, which is 1.28 for a width of 100.
    - A step moves the pre-activations of the first layer in proportion to ``‖x‖²``.
      That is the number of features if they are standardised, but 1 for rows of unit
      norm (tf-idf), so few or small inputs get larger steps.
    - Momentum multiplies a step by up to ``1 / (1 − momentum)``.
    """
    width = max(units[1:-1], default=units[0])
    small = np.sqrt(SMALL_NORM / min(SMALL_NORM, max(mean_squared_norm, 1.0)))
    return float(
        per_output * units[-1] * min(1.0, 100 / width) * small * (1 - momentum)
    )
