"""What every picture of a network shows: its neurons, their places, names and colours.

Places are in units: a layer is 1 to the right of the one before it, a neuron 1 below
the one above it, and each layer has its middle at height 0.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._quantities import Names

Array = NDArray[Any]

# A larger layer is shown by its strongest neurons. Ten classes are all shown, and a
# hundred lines between two layers can still be told apart.
AT_MOST = 10
# Longer names are cut.
LETTERS = 18
# Distinct to colour-blind eyes: the orange of Okabe and Ito (2008), and their blue made
# lighter. A line in theirs has a contrast of 2.8 with Colab's dark ground, where WCAG
# asks for 3; in this one it has 3.4 there, and 3.6 with white.
POSITIVE, NEGATIVE, ZERO = "#D55E00", "#1480CC", "#808080"


class Spot(NamedTuple):
    """A neuron in a picture."""

    neuron: int
    label: str
    x: float
    y: float


class Line(NamedTuple):
    """A connection in a picture."""

    start: Spot
    end: Spot
    share: float  # its size, as a part of the largest in its layer
    color: str

    @property
    def opacity(self) -> float:
        """The smallest can still be seen, and what is under the largest too."""
        return 0.2 + 0.7 * self.share


def layout(strengths: Sequence[Array], names: Names) -> list[list[Spot]]:
    """The neurons of each layer that are shown, from the top, in the layer's order.

    Parameters
    ----------
    strengths : for each layer from 0 to L, how much each of its neurons matters
    names : of the first and the last layer
    """
    last = len(strengths) - 1
    return [
        [
            Spot(j, shortened(names.of(layer, last, j) or str(j)), layer, top - place)
            for place, j in enumerate(shown)
        ]
        for layer, strength in enumerate(strengths)
        for shown in [strongest(strength)]
        for top in [(len(shown) - 1) / 2]
    ]


def lines(before: list[Spot], after: list[Spot], values: Array) -> list[Line]:
    """The connections of two layers, the largest last: it is drawn on top.

    `values` has a number for each connection of the layer, shown or not, in the shape
    of the derivation's ``W``.
    """
    largest = np.abs(values).max() or 1.0
    connections = [
        Line(start, end, abs(value) / largest, color_of(value))
        for end in after
        for start in before
        for value in [values[end.neuron, start.neuron]]
    ]
    return sorted(connections, key=lambda line: line.share)


def strongest(strength: Array, at_most: int = AT_MOST) -> list[int]:
    """Indices of the largest numbers, in the order of the layer."""
    kept = np.argsort(-np.abs(strength), kind="stable")[:at_most]
    return sorted(kept.tolist())


def color_of(value: float) -> str:
    """The colour of a sign."""
    return POSITIVE if value > 0 else NEGATIVE if value < 0 else ZERO


def shortened(name: str) -> str:
    """The name, or its beginning where there is no room for all of it."""
    return name if len(name) <= LETTERS else name[: LETTERS - 1] + "…"
