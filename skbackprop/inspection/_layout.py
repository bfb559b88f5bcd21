"""What every picture of a network shows: its neurons, their places, names and colours.

Places are in units: a layer is 1 to the right of the one before it, a neuron 1 below
the one above it, and each layer has its middle at height 0.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._notation import shortened
from ._quantities import Names

Array = NDArray[Any]

# A larger layer is shown by its strongest neurons. Ten classes are all shown, and a
# hundred lines between two layers can still be told apart.
AT_MOST = 10
# The signs. Orange and violet are distinct to colour-blind eyes, and are no colours
# of the three factors. WCAG asks of lines for a contrast of 3: these have 3.0 with
# Colab's dark ground, and 3.9 with white.
POSITIVE, NEGATIVE, ZERO = "#D55E00", "#8B6BE8", "#808080"
# The factors of the chain rule: ∂C/∂a, ∂a/∂z and ∂z/∂w, which the derivation has in
# blue. White text on them has a contrast of 5.5 or more.
DC_DA, DA_DZ, DZ_DW = "#C2185B", "#1B7837", "#0B66C3"


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
        return 0.35 + 0.6 * self.share


def selection(
    strengths: Sequence[Array], keep: Collection[int] = (), at_most: int = AT_MOST
) -> list[list[int]]:
    """The neurons of each layer that are shown, in the layer's order.

    Parameters
    ----------
    strengths : for each layer from 0 to L, how much each of its neurons matters
    keep : output neurons that are shown in any case: the true class, the predicted one
    at_most : neurons of a layer
    """
    *before, output = strengths
    shown = [strongest(strength, at_most) for strength in before]
    return [*shown, strongest(output, at_most, keep)]


def layout(shown: Sequence[Sequence[int]], names: Names) -> list[list[Spot]]:
    """The places of the neurons shown, from the top of each layer.

    Parameters
    ----------
    shown : for each layer from 0 to L, the indices of neurons; see `selection`
    names : of the first and the last layer
    """
    last = len(shown) - 1
    return [
        [
            Spot(
                j,
                shortened(names.of(layer, last, j) or str(j)),
                layer,
                (len(neurons) - 1) / 2 - place,
            )
            for place, j in enumerate(neurons)
        ]
        for layer, neurons in enumerate(shown)
    ]


def lines(
    before: list[Spot], after: list[Spot], values: Array, largest: float | None = None
) -> list[Line]:
    """The connections of two layers, the largest last: it is drawn on top.

    `values` has a number for each connection of the layer, shown or not, in the shape
    of the derivation's ``W``. `largest` is what their sizes are parts of; None is the
    largest of them.
    """
    largest = largest or np.abs(values).max() or 1.0
    connections = [
        Line(start, end, abs(value) / largest, color_of(value))
        for end in after
        for start in before
        for value in [values[end.neuron, start.neuron]]
    ]
    return sorted(connections, key=lambda line: line.share)


def strongest(
    strength: Array, at_most: int = AT_MOST, keep: Collection[int] = ()
) -> list[int]:
    """Indices of the largest and of those to keep, in the order of the layer."""
    largest_first = np.argsort(-np.abs(strength), kind="stable").tolist()
    largest_first.sort(key=lambda index: index not in keep)  # stable
    return sorted(largest_first[: max(at_most, len(set(keep)))])


def color_of(value: float) -> str:
    """The colour of a sign."""
    return POSITIVE if value > 0 else NEGATIVE if value < 0 else ZERO
