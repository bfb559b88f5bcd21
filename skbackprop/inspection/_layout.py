"""What every picture of a network shows: its neurons, their places, names and colours.

Places are in units: a layer is 1 to the right of the previous layer, a neuron is 1
below the one above it, and the middle of each layer is at height 0.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._notation import shortened
from ._quantities import Names

Array = NDArray[Any]

# Of a larger layer, only the strongest neurons are shown. So ten classes are all shown,
# and a hundred lines between two layers can still be told apart.
AT_MOST = 10
# The signs. Orange and violet are distinct to colour-blind eyes, and differ from the
# colours of the three factors. WCAG asks for lines with a contrast of 3: these have 3.0
# on Colab's dark background, and 3.9 on white.
POSITIVE, NEGATIVE, ZERO = "#D55E00", "#8B6BE8", "#808080"
# The factors of the chain rule: ∂C/∂a, ∂a/∂z, and ∂z/∂w, which is blue in the
# derivation. White text on them has a contrast of 5.5 or more.
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
    share: float  # its size, as a fraction of the largest in its layer
    color: str

    @property
    def opacity(self) -> float:
        """The smallest line can still be seen, and so can what is under the largest."""
        return 0.35 + 0.6 * self.share


def selection(
    strengths: Sequence[Array], keep: Collection[int] = (), at_most: int = AT_MOST
) -> list[list[int]]:
    """The neurons of each layer that are shown, in the order of the layer.

    Parameters
    ----------
    strengths : for each layer from 0 to L, how much each of its neurons matters
    keep : output neurons that are always shown: the true class, the predicted class
    at_most : how many neurons of a layer are shown
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
    """The connections between two layers, the largest last so that it is on top.

    `values` has a number for each connection of the layer, shown or not, in the shape
    of the derivation's ``W``. Sizes are fractions of `largest`; None means the largest
    of the values.
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
    """Indices of the largest values and of those to keep, in the order of the layer."""
    largest_first = np.argsort(-np.abs(strength), kind="stable").tolist()
    largest_first.sort(key=lambda index: index not in keep)  # stable
    return sorted(largest_first[: max(at_most, len(set(keep)))])


def color_of(value: float) -> str:
    """The colour of a sign."""
    return POSITIVE if value > 0 else NEGATIVE if value < 0 else ZERO
