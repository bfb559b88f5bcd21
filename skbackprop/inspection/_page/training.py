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
from .parameters import parameter_table
from .picture import drawing
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
# The frame of the loss curve.
WIDTH, HEIGHT, LEFT, BELOW = 640, 120, 56, 20

# The page is complete without it. It replaces the ticks by a slider and a play button.
SCRIPT = """
document.querySelectorAll(".skb-track:not([hidden])").forEach((track) => {
  const inputs = [...track.parentElement.querySelectorAll(":scope > input")];
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 0, max: inputs.length - 1, value: 0 });
  slider.setAttribute("aria-label", "Moment of training");
  const button = document.createElement("button");
  const show = (i) => { inputs[i].checked = true; slider.value = i; };
  let timer = null;
  const stop = () => { clearInterval(timer); timer = null; button.innerText = "Play"; };
  const play = () => {
    let i = slider.value === slider.max ? 0 : Number(slider.value);
    button.innerText = "Stop";
    timer = setInterval(() => {
      show(i); i += 1; if (i === inputs.length) stop();
    }, 250);
  };
  slider.oninput = () => { stop(); show(slider.value); };
  inputs.forEach((input, i) => { input.onchange = () => { stop(); show(i); }; });
  button.onclick = () => { if (timer) stop(); else play(); };
  const bar = document.createElement("div");
  bar.className = "skb-bar";
  bar.append(button, slider);
  track.before(bar);
  track.hidden = true;
  stop();
});
"""


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
            f"<script>{SCRIPT}</script></div>",
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
            _curve(record, place),
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


def _curve(record: Moments, place: int) -> str:
    """Draw the loss so far, within the frame of the whole training."""
    epochs, costs = np.array(record.epochs), np.array(record.costs)
    right, floor = WIDTH - 10, HEIGHT - BELOW
    x = LEFT + (right - LEFT) * epochs / (epochs.max() or 1)
    y = 8 + (floor - 8) * (1 - costs / (costs.max() or 1))
    points = [f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True)]
    return (
        f'<div class="skb-curve"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Mean cost, epoch by epoch, now {costs[place]:.4g}">'
        f'<path d="M{LEFT},8V{floor}H{right}" fill="none" stroke="currentColor" '
        'stroke-opacity="0.5"/>'
        f'<polyline points="{" ".join(points)}" fill="none" '
        'stroke="currentColor" stroke-opacity="0.25"/>'
        f'<polyline points="{" ".join(points[: place + 1])}" fill="none" '
        'stroke="currentColor" stroke-width="2"/>'
        f'<circle cx="{x[place]:.1f}" cy="{y[place]:.1f}" r="4" fill="currentColor"/>'
        f'<text x="{LEFT - 6}" y="14" text-anchor="end">{costs.max():.2g}</text>'
        f'<text x="{LEFT - 6}" y="{floor}" text-anchor="end">0</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 4}">mean cost C</text>'
        f'<text x="{right}" y="{HEIGHT - 4}" text-anchor="end">'
        f"{epochs.max():.4g} epochs</text></svg></div>"
    )


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
