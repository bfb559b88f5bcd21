"""The picture of a pass: neurons, and connections drawn by their gradients.

The drawing is SVG. The parts that can be clicked lie above it: a strip over each
connection, a disc over each neuron. Their places are fractions of the picture's size,
so that everything scales together.
"""

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._chain_rule import Parameter
from .._layout import NEGATIVE, POSITIVE, Line, Spot, layout, lines
from .._notation import short
from .elements import SCROLLS
from .view import View

Array = NDArray[Any]

# The space for a neuron and for the margins, in units of the picture, which are pixels
# if there is room. Lines start to slant at REACH from a neuron, so that they pass
# beside its numbers.
ROW, TOP, BOTTOM, SIDE, RADIUS, REACH = 74, 60, 30, 180, 15, 36
# With less room, the picture shrinks to this fraction of its size, and then scrolls.
SMALLEST = 0.47


def picture(view: View) -> str:
    """The network drawn by its gradients, with clickable parts and a key."""
    largest = [None] * view.last
    drawn = drawing(view, view.trace.grad_W, largest, clickable=True)
    return f"{drawn}\n{_key(view)}"


def drawing(
    view: View,
    values: list[Array],
    largest: Sequence[float | None],
    *,
    clickable: bool = False,
) -> str:
    """The network, with connections drawn by these values.

    Parameters
    ----------
    view : View
    values : list of arrays in the shapes of ``W``
    largest : for each of them, the value of the widest line; None means its largest
    clickable : whether a click on a connection or a neuron chooses its parameter
    """
    columns, width, height = _places(view)
    drawn = [
        lines(before, after, of_layer, most)
        for (before, after), of_layer, most in zip(
            pairwise(columns), values, largest, strict=True
        )
    ]
    shapes = [_line(line) for of_layer in drawn for line in of_layer]
    for layer, spots in enumerate(columns):
        shapes += _neurons(view, layer, spots)
        shapes += _caption(view, layer, spots, height)
    above = []
    if clickable:
        for layer, of_layer in enumerate(drawn, start=1):
            above += [_strip(view, layer, line, width, height) for line in of_layer]
        for layer, spots in enumerate(columns[1:], start=1):
            above += [_disc(view, layer, spot, width, height) for spot in spots]
    return "\n".join(
        [
            f'{SCROLLS}<div class="skb-pic" style="width:{width}px;'
            f'min-width:{SMALLEST * width:.0f}px;aspect-ratio:{width}/{height}">',
            f'<svg viewBox="0 0 {width} {height}" role="img" aria-label='
            '"The network, its activations, errors and connections">',
            *shapes,
            f"</svg>{''.join(above)}</div></div>",
        ]
    )


def _places(view: View) -> tuple[list[list[Spot]], int, int]:
    """The neurons at their places in the picture, and the picture's size."""
    columns = layout(view.shown, view.trace.names)
    tallest = max(map(len, columns))
    # Small networks have room to spread; deep ones are scrolled.
    column = max(150, min(200, 600 // view.last))
    width = 2 * SIDE + column * view.last
    height = TOP + ROW * tallest + BOTTOM
    middle = TOP + ROW * tallest / 2
    placed = [
        [
            spot._replace(x=SIDE + column * spot.x, y=middle - ROW * spot.y)
            for spot in spots
        ]
        for spots in columns
    ]
    return placed, width, height


def _line(line: Line) -> str:
    (x1, y1), (x2, y2) = line.start[2:], line.end[2:]
    return (
        f'<polyline points="{x1 + RADIUS},{y1} {x1 + REACH},{y1} '
        f'{x2 - REACH},{y2} {x2 - RADIUS},{y2}" fill="none" stroke="{line.color}" '
        f'stroke-width="{0.8 + 4.2 * line.share:.2f}" '
        f'stroke-opacity="{line.opacity:.2f}" stroke-linejoin="round"/>'
    )


def _neurons(view: View, layer: int, spots: list[Spot]) -> list[str]:
    trace = view.trace
    a = trace.a[layer].mean(axis=1)
    largest_input = np.abs(trace.a[0]).max() or 1.0
    parts = []
    for neuron, label, x, y in spots:
        # Inputs are not between 0 and 1, so they are shaded by their relative size.
        level = a[neuron] if layer else abs(a[neuron]) / largest_input
        parts += [
            f'<circle cx="{x}" cy="{y}" r="{RADIUS}" fill="currentColor" '
            f'fill-opacity="{0.03 + 0.27 * min(level, 1.0):.3f}" stroke="currentColor" '
            'stroke-opacity="0.65" stroke-width="1.3"/>',
            _text(x, y + 4, str(neuron), "skb-j"),
            _text(x, y - RADIUS - 5, short(a[neuron], 3), "skb-a"),
        ]
        if layer:
            delta = trace.delta[layer - 1][neuron].mean()
            parts.append(_text(x, y + RADIUS + 13, f"δ {short(delta, 2)}", "skb-d"))
        name = "" if label == str(neuron) else label
        if layer == 0:
            left = [_text(x - RADIUS - 8, y + 4, name, "skb-l", "end")]
            parts += left if name else []
        elif layer == view.last:
            expected = f"y {short(trace.y[neuron].mean(), 2)}"
            beside = [name, expected, trace.roles.get(neuron, "")]
            parts += [
                _text(x + 36, y - 12 + 17 * i, text, "skb-l", "start")
                for i, text in enumerate(filter(None, beside))
            ]
    return parts


def _caption(view: View, layer: int, spots: list[Spot], height: int) -> list[str]:
    x, n = spots[0].x, view.trace.units[layer]
    kind = "inputs" if layer == 0 else "output" if layer == view.last else "hidden"
    unit = "" if layer == 0 else " neuron" if n == 1 else " neurons"
    parts = [
        _text(x, 16, f"layer {layer}: {kind}", "skb-h"),
        _text(x, 33, f"{n}{unit}", "skb-l"),
    ]
    if n > len(spots):
        # Below the error of the lowest neuron, at the end of the column.
        parts.append(_text(x, height - 8, f"⋮ {n - len(spots)} more", "skb-l"))
    return parts


def _text(x: float, y: float, text: str, css: str, anchor: str = "middle") -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="{css}">'
        f"{escape(text)}</text>"
    )


def _strip(view: View, layer: int, line: Line, width: int, height: int) -> str:
    """A clickable strip over the slanted part of a connection."""
    at = Parameter(view.trace, layer, line.end.neuron, line.start.neuron)
    x1, y1 = line.start.x + REACH, line.start.y
    x2, y2 = line.end.x - REACH, line.end.y
    title = (
        f"weight {at.k} → {at.j} of layer {layer}: w = {short(at.value)}, "
        f"∂C/∂w = {short(at.gradient)}"
    )
    return (
        f'<label class="skb-hit" for="{view.id_of(at)}" title="{title}" '
        f'style="left:{x1 / width:.3%};top:{y1 / height:.3%};'
        f"width:{math.hypot(x2 - x1, y2 - y1) / width:.3%};height:{12 / height:.3%};"
        f"transform:rotate({math.atan2(y2 - y1, x2 - x1):.4f}rad) translateY(-50%)"
        '"></label>'
    )


def _disc(view: View, layer: int, spot: Spot, width: int, height: int) -> str:
    """A clickable disc over a neuron, for its bias."""
    at, reach = Parameter(view.trace, layer, spot.neuron, None), RADIUS + 4
    title = (
        f"bias of neuron {at.j} of layer {layer}: b = {short(at.value)}, "
        f"∂C/∂b = {short(at.gradient)}"
    )
    return (
        f'<label class="skb-disc" for="{view.id_of(at)}" title="{title}" '
        f'style="left:{(spot.x - reach) / width:.3%};'
        f'top:{(spot.y - reach) / height:.3%};width:{2 * reach / width:.3%}"></label>'
    )


def _key(view: View) -> str:
    above = "its activation a" if view.trace.n_examples == 1 else "the mean of a"
    below = "its error δ" if view.trace.n_examples == 1 else "the mean of δ"
    cut = "In large layers, only the neurons that matter most are shown. "
    if view.trace.units == list(map(len, view.shown)):
        cut = ""
    return (
        f'<p><span class="skb-key" style="background:{POSITIVE}"></span>'
        "∂C/∂w positive: the update makes the weight smaller. "
        f'<span class="skb-key" style="background:{NEGATIVE}"></span>'
        "∂C/∂w negative: it makes it larger. Zero is grey. "
        "Widths are scaled within each layer. "
        f"{cut}Above a neuron is {above}, which shades it; below it is {below}. "
        "<b>Click a connection, a neuron (for its bias) or an underlined number</b> to "
        "see its chain rule. With the keyboard, use Tab and then the arrow keys.</p>"
    )
