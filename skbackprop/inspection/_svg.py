"""The picture of a backward pass: neurons, and connections by their gradient."""

from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._layout import Line, Spot, layout, lines, selection
from ._quantities import Quantities

Array = NDArray[Any]

# The room of a neuron and of what surrounds the picture, in pixels. Lines spread where
# they are REACH from a neuron, so that they pass beside its numbers.
ROW, TOP, BOTTOM, SIDE, RADIUS, REACH = 66, 58, 30, 165, 14, 36


def picture(trace: Quantities) -> str:
    """An ``<svg>`` of the network, of large layers the neurons that matter most."""
    strengths = [
        np.abs(trace.grad_W[0]).sum(axis=0),
        *(np.abs(delta).mean(axis=1) for delta in trace.delta),
    ]
    columns = layout(selection(strengths), trace.names)
    tallest = max(map(len, columns))
    # Small networks have room to spread; deep ones are scrolled.
    column = max(180, min(315, 630 // len(trace.W)))
    width = 2 * SIDE + column * len(trace.W)
    height = TOP + ROW * tallest + BOTTOM
    middle = TOP + ROW * tallest / 2
    columns = [
        [spot._replace(x=SIDE + column * spot.x, y=middle - ROW * spot.y) for spot in c]
        for c in columns
    ]
    parts = [
        f'<svg class="skb-net" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" '
        'aria-label="The network, its activations, errors and gradients">'
    ]
    for (before, after), grad_W in zip(pairwise(columns), trace.grad_W, strict=True):
        parts += map(_line, lines(before, after, grad_W))
    for layer, spots in enumerate(columns):
        parts += _neurons(trace, layer, spots)
        parts += _caption(trace, layer, spots, height)
    return "\n".join([*parts, "</svg>"])


def _line(line: Line) -> str:
    (x1, y1), (x2, y2) = line.start[2:], line.end[2:]
    return (
        f'<polyline points="{x1 + RADIUS},{y1} {x1 + REACH},{y1} '
        f'{x2 - REACH},{y2} {x2 - RADIUS},{y2}" fill="none" stroke="{line.color}" '
        f'stroke-width="{0.6 + 4.4 * line.share:.2f}" '
        f'stroke-opacity="{line.opacity:.2f}" stroke-linejoin="round"/>'
    )


def _neurons(trace: Quantities, layer: int, spots: list[Spot]) -> list[str]:
    a = trace.a[layer].mean(axis=1)
    largest_input = np.abs(trace.a[0]).max() or 1.0
    parts = []
    for neuron, label, x, y in spots:
        # Inputs are no activations between 0 and 1: they have a shade of their size.
        level = a[neuron] if layer else abs(a[neuron]) / largest_input
        parts += [
            f'<circle cx="{x}" cy="{y}" r="{RADIUS}" fill="currentColor" '
            f'fill-opacity="{0.04 + 0.66 * min(level, 1.0):.3f}" stroke="currentColor" '
            'stroke-opacity="0.65" stroke-width="1.3"/>',
            _text(x, y - RADIUS - 5, f"{a[neuron]:.3g}", "skb-a"),
        ]
        if layer:
            delta = trace.delta[layer - 1][neuron].mean()
            parts.append(_text(x, y + RADIUS + 13, f"δ {delta:.2g}", "skb-d"))
        if layer == 0:
            parts.append(_text(x - RADIUS - 8, y + 4, label, "skb-l", "end"))
        elif layer == len(trace.W):
            expected = f"y {trace.y[neuron].mean():.2g}"
            parts += [
                _text(x + RADIUS + 8, y - 4, label, "skb-l", "start"),
                _text(x + RADIUS + 8, y + 10, expected, "skb-a", "start"),
            ]
    return parts


def _caption(
    trace: Quantities, layer: int, spots: list[Spot], height: int
) -> list[str]:
    last, x, n = len(trace.W), spots[0].x, trace.units[layer]
    kind = "inputs" if layer == 0 else "output" if layer == last else "hidden"
    unit = "" if layer == 0 else " neuron" if n == 1 else " neurons"
    parts = [
        _text(x, 16, f"layer {layer}: {kind}", "skb-h"),
        _text(x, 33, f"{n}{unit}", "skb-l"),
    ]
    if n > len(spots):
        # Below the lowest neuron's error, where the eye comes to the end of the column.
        parts.append(_text(x, height - 8, f"⋮ {n - len(spots)} more", "skb-l"))
    return parts


def _text(x: float, y: float, text: str, css: str, anchor: str = "middle") -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="{css}">'
        f"{escape(text.replace('-', '−') if css != 'skb-l' else text)}</text>"
    )
