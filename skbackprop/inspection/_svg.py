"""The picture of a backward pass: neurons, and connections by their gradient."""

from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._quantities import Quantities
from ._selection import strongest

Array = NDArray[Any]

# Neurons shown in a layer; the room of one and of what surrounds them, in pixels.
AT_MOST, ROW, TOP, LEFT, RADIUS = 10, 66, 58, 150, 14
# Distinct to colour-blind eyes, after Okabe and Ito (2008), on light and dark grounds.
POSITIVE, NEGATIVE = "213,94,0", "20,128,204"


class Spot(NamedTuple):
    """A neuron in the picture."""

    neuron: int
    x: float
    y: float


def tint(value: float, largest: float, strongest_tint: float = 0.6) -> str:
    """A translucent colour for a signed number: its ground shows through."""
    share = abs(value) / largest if largest else 0.0
    return f"rgba({POSITIVE if value > 0 else NEGATIVE},{strongest_tint * share:.3f})"


def picture(trace: Quantities) -> str:
    """An ``<svg>`` of the network, of large layers the neurons that matter most."""
    shown = [
        strongest(strength, AT_MOST)
        for strength in (
            np.abs(trace.grad_W[0]).sum(axis=0),
            *(np.abs(delta).mean(axis=1) for delta in trace.delta),
        )
    ]
    tallest = max(map(len, shown))
    # Small networks have room to spread; deep ones are scrolled.
    column = max(180, min(330, 680 // len(trace.W)))
    columns = [
        [
            Spot(neuron, LEFT + column * layer, TOP + ROW * (place + 0.5 + lead))
            for place, neuron in enumerate(neurons)
        ]
        for layer, neurons in enumerate(shown)
        for lead in [(tallest - len(neurons)) / 2]
    ]
    width = 2 * LEFT + column * (len(columns) - 1)
    height = TOP + ROW * tallest + 44
    parts = [
        f'<svg class="skb-net" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" '
        'aria-label="The network, its activations, errors and gradients">'
    ]
    for layer in range(1, len(columns)):
        parts += _edges(columns[layer - 1], columns[layer], trace.grad_W[layer - 1])
    for layer, spots in enumerate(columns):
        parts += _neurons(trace, layer, spots)
        parts += _caption(trace, layer, spots, height)
    return "\n".join([*parts, "</svg>"])


def _edges(before: list[Spot], after: list[Spot], grad_W: Array) -> list[str]:
    largest = np.abs(
        grad_W[np.ix_([s.neuron for s in after], [s.neuron for s in before])]
    )
    top = largest.max()
    lines = []
    for end in after:
        for start in before:
            gradient = grad_W[end.neuron, start.neuron]
            share = abs(gradient) / top if top else 0.0
            color = POSITIVE if gradient > 0 else NEGATIVE
            lines.append(
                f'<line x1="{start.x + RADIUS + 1:.0f}" y1="{start.y:.1f}" '
                f'x2="{end.x - RADIUS - 1:.0f}" y2="{end.y:.1f}" stroke="rgb({color})" '
                f'stroke-width="{0.6 + 4.4 * share:.2f}" '
                f'stroke-opacity="{0.18 + 0.72 * share:.2f}"/>'
            )
    return lines


def _neurons(trace: Quantities, layer: int, spots: list[Spot]) -> list[str]:
    last = len(trace.W)
    a = trace.a[layer].mean(axis=1)
    largest_input = np.abs(trace.a[0]).max() or 1.0
    lines = []
    for neuron, x, y in spots:
        # Inputs are no activations between 0 and 1: they have a shade of their size.
        level = a[neuron] if layer else abs(a[neuron]) / largest_input
        lines += [
            f'<circle cx="{x}" cy="{y:.1f}" r="{RADIUS}" fill="currentColor" '
            f'fill-opacity="{0.04 + 0.66 * min(level, 1.0):.3f}" stroke="currentColor" '
            'stroke-opacity="0.65" stroke-width="1.3"/>',
            _text(x, y - RADIUS - 5, f"{a[neuron]:.3g}", "skb-a"),
        ]
        if layer:
            delta = trace.delta[layer - 1][neuron].mean()
            lines.append(_text(x, y + RADIUS + 13, f"δ {delta:.2g}", "skb-d"))
        name = trace.names.of(layer, last, neuron)
        label = str(neuron) if name is None else name
        if len(label) > 17:
            label = label[:16] + "…"
        if layer == 0:
            lines.append(_text(x - RADIUS - 8, y + 4, label, "skb-l", "end"))
        elif layer == last:
            expected = f"{label}: y {trace.y[neuron].mean():.2g}"
            lines.append(_text(x + RADIUS + 8, y + 4, expected, "skb-l", "start"))
    return lines


def _caption(
    trace: Quantities, layer: int, spots: list[Spot], height: int
) -> list[str]:
    last, x, n = len(trace.W), spots[0].x, trace.units[layer]
    kind = "inputs" if layer == 0 else "output" if layer == last else "hidden"
    unit = "" if layer == 0 else " neuron" if n == 1 else " neurons"
    lines = [
        _text(x, 16, f"layer {layer}: {kind}", "skb-h"),
        _text(x, 33, f"{n}{unit}", "skb-l"),
    ]
    if n > len(spots):
        # Below the lowest neuron's error, where the eye comes to the end of the column.
        rest = f"⋮ {n - len(spots)} more"
        lines.append(_text(x, height - 22, rest, "skb-l"))
    return lines


def _text(x: float, y: float, text: str, css: str, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}">'
        f"{escape(text.replace('-', '−') if css != 'skb-l' else text)}</text>"
    )
