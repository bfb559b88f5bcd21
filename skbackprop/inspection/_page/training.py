"""The page of a recorded training: a network at chosen moments, and a slider."""

from html import escape
from secrets import token_hex
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .._chain_rule import Parameter
from .._layout import NEGATIVE, POSITIVE
from .._notation import counted
from .._quantities import Quantities
from .chooser import chooser
from .elements import cell, cut_note, named, num, number, small, table
from .loss_curve import loss_curve
from .parameters import parameter_table
from .picture import drawing
from .scripts import SLIDER
from .style import STYLE
from .view import View, n_parameters

Array = NDArray[Any]

# A page is limited to about a megabyte. These are the bytes of a moment and of each of
# its parameters. With more moments than this, the ticks would be too narrow to hit.
BYTES, MOST_MOMENTS = 10**6, 60
BYTES_OF_MOMENT, BYTES_OF_NEURON, BYTES_OF_PARAMETER = 4_000, 600, 360
# The activation of one output for one example.
BYTES_OF_OUTPUT = 300
# How many examples' outputs are shown at every moment.
EXAMPLES = 8


class Moments(Protocol):
    """What the page needs of a recorded training."""

    updates: list[int]
    epochs: list[float]
    W: list[list[Array]]

    @property
    def costs(self) -> list[float]:
        """Mean cost of all examples at each moment."""

    @property
    def n_examples(self) -> int:
        """How many examples there are."""

    def trace(self, moment: int, examples: list[int]) -> Quantities:
        """The quantities of some examples at one moment."""


def training(record: Moments, example: int) -> str:
    """Write what a notebook shows of a record; `example` is the one in the picture."""
    n = len(record.updates)
    overview = View(record.trace(n - 1, [example]), "")
    units = [len(neurons) for neurons in overview.shown]
    n_shown = int(np.clip(BYTES // _bytes_of_moment(units), 2, MOST_MOMENTS))
    places = _spread(n, n_shown)
    # All moments share one scale, so that weights are seen to grow.
    largest = [
        max(float(np.abs(W[at]).max()) for W in record.W) or 1.0
        for at in range(overview.last)
    ]
    choices = [f"after {_when(record, place)}" for place in places]
    views = [
        _moment(record, place, example, overview.shown, largest) for place in places
    ]
    return "\n".join(
        [
            f'<div class="skb"><style>{STYLE}</style>',
            "<h2>A network learns</h2>",
            f"<p>{_introduction(example)}</p>",
            cut_note([(len(places), n, "recorded moments")], "evenly spaced"),
            chooser(
                f"skb-{token_hex(4)}",
                "Moments of training",
                choices,
                views,
                "skb-track",
            ),
            f"<script>{SLIDER}</script></div>",
        ]
    )


def _spread(n: int, most: int) -> list[int]:
    """Evenly spaced places from the first to the last of `n`, `most` at most."""
    places = np.linspace(0, n - 1, min(n, most)).round().astype(int)
    return [int(place) for place in places]


def _bytes_of_moment(units: list[int]) -> int:
    return (
        BYTES_OF_MOMENT
        + BYTES_OF_NEURON * sum(units)
        + BYTES_OF_PARAMETER * n_parameters(units)
        + BYTES_OF_OUTPUT * EXAMPLES * units[-1]
    )


def _moment(
    record: Moments,
    place: int,
    example: int,
    shown: list[list[int]],
    largest: list[float],
) -> str:
    view = View(record.trace(place, [example]), "", selected=shown)
    cost = num(record.costs[place])
    return "\n".join(
        [
            f"<p><b>After {_when(record, place)}</b>: mean cost C = {cost}</p>",
            loss_curve(record.epochs, record.costs, place),
            f"<p>The network, with example {example}:</p>",
            drawing(view, view.trace.W, largest),
            _outputs(record, place, shown[-1]),
            *(_weights(view, layer) for layer in range(1, view.last + 1)),
        ]
    )


def _introduction(example: int) -> str:
    return (
        "Choose a moment on the track, or move along it with the arrow keys. Lines are "
        f'<span class="skb-key" style="background:{POSITIVE}"></span>positive and '
        f'<span class="skb-key" style="background:{NEGATIVE}"></span>negative weights, '
        "with widths on one scale for all moments. Above a neuron is its activation a, "
        f"and below it its error δ, in example {example}."
    )


def _when(record: Moments, place: int) -> str:
    updates, epochs = record.updates[place], round(record.epochs[place], 3)
    return f"{counted(updates, 'update')} ({counted(epochs, 'epoch')})"


def _outputs(record: Moments, place: int, shown: list[int]) -> str:
    """The activations of some examples, beside the expected ones."""
    examples = _spread(record.n_examples, EXAMPLES)
    trace = record.trace(place, examples)
    last, rows = len(trace.W), []
    for column, i in enumerate(examples):
        one = trace.example(column)
        cells = [
            cell(
                number(a, "a", last, j) + small(f"y = {num(y)}"),
                a - y,
                largest=1,
            )
            for j in shown
            for a, y in [(one.a[-1][j, 0], one.y[j, 0])]
        ]
        what = f'<th scope="row">example {i}{small(escape(one.reading))}</th>'
        rows.append([what, *cells, cell(num(one.cost))])
    heads = ["", *(f"output {named(trace, last, j)}" for j in shown), "C"]
    return table(heads, rows) + cut_note(
        [(len(rows), record.n_examples, "examples")], "evenly spaced"
    )


def _weights(view: View, layer: int) -> str:
    caption = f"{view.title(layer)}: weights and biases."
    return parameter_table(view, layer, _value, caption)


def _value(at: Parameter) -> str:
    return cell(number(at.value, at.letter, at.layer, at.j, at.k))
