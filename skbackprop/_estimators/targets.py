"""Targets: what the output neurons should output, encoded block by block."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._training.examples import Encoder

Array = NDArray[Any]

# The y values given by `target_range` are mapped to these activations: a sigmoid
# reaches 0 and 1 only at infinity.
LOW_ACTIVATION, HIGH_ACTIVATION = 0.1, 0.9


def label_encoder(codes: Array, n_classes: int) -> Encoder:
    """One output neuron for two classes (or one), one each (one-hot) for more.

    `codes` are the places of the labels among the classes.
    """
    codes = codes.astype(np.min_scalar_type(n_classes))
    said_by_neuron = np.arange(n_classes) if n_classes > 2 else np.array([1])
    return lambda rows: codes[rows, np.newaxis] == said_by_neuron


def indicator_encoder(y: Any) -> Encoder:
    """Multilabel: one output neuron for each label; `y` is dense or CSR."""
    if isinstance(y, np.ndarray):
        return lambda rows: y[rows]
    return lambda rows: y[rows].toarray()


def usable_range(low: Array, high: Array) -> Array:
    """The array ``(2, n_outputs)`` of both, with a range of 1 where they are equal.

    Also where they are so close that rounding would lose them beside their centre.
    """
    centre, half = low / 2 + high / 2, high / 2 - low / 2
    least = np.maximum(np.finfo(np.float64).tiny, 8 * np.spacing(np.abs(centre)))
    too_close = half < least
    half = np.maximum(least, 0.5)
    return np.where(too_close, [centre - half, centre + half], [low, high])


class TargetScale:
    """The affine map between values of y and activations, for each output.

    ``a = ½ + gain · (y − centre)`` takes `low` to 0.1 and `high` to 0.9.

    Parameters
    ----------
    low, high : arrays ``(n_outputs,)``, float64
    """

    def __init__(self, low: Array, high: Array) -> None:
        self.centre = low / 2 + high / 2
        self.gain = (HIGH_ACTIVATION - LOW_ACTIVATION) / 2 / (high / 2 - low / 2)

    def encoder(self, y: Array) -> Encoder:
        """Encoder of numbers `y`, shape ``(n_rows, n_outputs)``."""
        return lambda rows: 0.5 + self.gain * (y[rows] - self.centre)

    def decode(self, a: Array) -> Array:
        """Values of y for activations, in the activations' dtype."""
        # In float64 to the end: a small range beside a large centre needs it.
        return (self.centre + (a.astype(float) - 0.5) / self.gain).astype(a.dtype)

    @property
    def reachable(self) -> tuple[Array, Array]:
        """The open interval of the values of y that a sigmoid can say."""
        return self.centre - 0.5 / self.gain, self.centre + 0.5 / self.gain
