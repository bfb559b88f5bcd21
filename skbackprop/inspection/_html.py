"""The page of a trace: the whole backward pass, self-contained, without scripts.

Text takes the colour of whatever surrounds it and all grounds are translucent, so that
the same page is legible in light and dark notebooks.
"""

from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._explain import explain_parameter
from ._quantities import Quantities
from ._selection import strongest
from ._svg import NEGATIVE, POSITIVE, picture, tint

Array = NDArray[Any]

# Neurons in a table, and columns of a gradient that fit a page's width.
ROWS, COLUMNS = 10, 8

STYLE = """
.skb { font: 14px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial,
  "DejaVu Sans", sans-serif; max-width: 1000px; text-align: left; }
.skb h2 { font-size: 21px; margin: 0 0 6px; font-weight: 650; }
.skb h3 { font-size: 16px; margin: 30px 0 6px; font-weight: 650; }
.skb p { margin: 6px 0; max-width: 76ch; }
.skb .skb-chip { display: inline-block; margin: 2px 8px 6px 0; padding: 1px 10px;
  border-radius: 12px; background: rgba(128,128,128,.16); }
.skb .skb-eq { font: italic 16px/1.6 Cambria, Georgia, "DejaVu Serif", serif;
  margin: 6px 0 10px; padding-left: 14px;
  border-left: 3px solid rgba(128,128,128,.35); }
.skb .skb-wide { overflow-x: auto; margin: 8px 0; }
.skb table { border-collapse: separate; border-spacing: 2px; margin: 0;
  font-variant-numeric: tabular-nums; border: none; }
.skb th, .skb td { padding: 3px 9px; text-align: right; border: none;
  border-radius: 3px; white-space: nowrap; background: none; color: inherit; }
.skb th { font-weight: 600; opacity: .85; }
.skb table tr { background: transparent !important; }
.skb thead th:first-child { text-align: left; }
.skb tbody th { text-align: left; font-weight: 500; max-width: 16ch; overflow: hidden;
  text-overflow: ellipsis; }
.skb caption { caption-side: top; text-align: left; padding: 4px 0; opacity: .85; }
.skb small { display: block; opacity: .8; font-size: 11.5px; }
.skb details { margin: 6px 0; }
.skb summary { cursor: pointer; }
.skb pre { font: 12.5px/1.5 ui-monospace, Consolas, "DejaVu Sans Mono", monospace;
  background: rgba(128,128,128,.1); color: inherit; padding: 10px 14px;
  border-radius: 6px; overflow-x: auto; margin: 6px 0; }
.skb svg text { fill: currentColor; font-size: 11.5px; }
.skb svg .skb-h { font-size: 13px; font-weight: 650; }
.skb svg .skb-l { opacity: .8; }
.skb svg .skb-d { font-size: 11px; font-weight: 600; }
.skb .skb-key { display: inline-block; width: 22px; height: 5px; border-radius: 2px;
  margin: 0 5px 3px 0; vertical-align: middle; }
"""


def document(trace: Quantities) -> str:
    """A whole HTML file."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>Backpropagation, step by step</title>\n"
        "<style>:root { color-scheme: light dark; } "
        "body { margin: 28px auto; padding: 0 20px; max-width: 1000px; }</style>\n"
        f"</head>\n<body>\n{fragment(trace)}\n</body>\n</html>\n"
    )


def fragment(trace: Quantities) -> str:
    """What a notebook shows."""
    layers = range(len(trace.W), 0, -1)
    return "\n".join(
        [
            f'<div class="skb"><style>{STYLE}</style>',
            *_heading(trace),
            f'<div class="skb-wide">{picture(trace)}</div>',
            *_key(trace),
            *_cost(trace),
            *(line for layer in layers for line in _layer(trace, layer)),
            *_words(trace),
            "</div>",
        ]
    )


def _heading(trace: Quantities) -> list[str]:
    m = trace.n_examples
    what = "one example" if m == 1 else f"a batch of {m} examples"
    chips = [
        " → ".join(map(str, trace.units)),
        f"cost C = {_number(trace.cost, 'cost')}",
        f"step size η = {_number(trace.eta, 'eta')}",
    ]
    lines = [
        f"<h2>Backpropagation of {what}</h2>",
        "<div>",
        *(f'<span class="skb-chip">{chip}</span>' for chip in chips),
        "</div>",
    ]
    if m > 1:
        lines.append(
            f"<p>All numbers are averages over the {m} examples. Gradients are "
            "averages of products, not the products of the averages shown.</p>"
        )
    return lines


def _key(trace: Quantities) -> list[str]:
    return [
        f'<p><span class="skb-key" style="background: rgb({POSITIVE})"></span>'
        "∂C/∂w positive: the update makes the weight smaller. "
        f'<span class="skb-key" style="background: rgb({NEGATIVE})"></span>'
        "∂C/∂w negative: it makes it larger. Widths are scaled within each layer. "
        "Above a neuron is its activation a, which shades it; below it its error δ. "
        "Forward goes from left to right, back from right to left.</p>"
    ]


def _cost(trace: Quantities) -> list[str]:
    last = len(trace.W)
    n_L = trace.units[-1]
    shown = strongest(np.abs(trace.dC_da[-1]).mean(axis=1), ROWS)
    a, y, slope = (v.mean(axis=1) for v in (trace.a[-1], trace.y, trace.dC_da[-1]))
    largest = np.abs(slope).max()
    rows = [
        [
            _row_name(trace, last, j),
            _cell(a[j], "a", last, j),
            _cell(y[j], "y", last, j),
            _cell(a[j] - y[j], "a_minus_y", last, j),
            _cell(slope[j], "dC_da", last, j, tint(slope[j], largest)),
        ]
        for j in shown
    ]
    heads = ["neuron", "a", "y", "a − y", "∂C/∂a"]
    return [
        "<h3>The cost, and how it changes with the outputs</h3>",
        _equation(
            f"C = 1/{n_L} Σ<sub>j</sub> ½ (a<sub>j</sub> − y<sub>j</sub>)² = "
            f"{_short(trace.cost)}",
            f"∂C/∂a<sub>j</sub> = 1/{n_L} (a<sub>j</sub> − y<sub>j</sub>)",
        ),
        _table(heads, rows, _more(n_L - len(shown), "output neuron")),
    ]


def _layer(trace: Quantities, layer: int) -> list[str]:
    last = len(trace.W)
    kind = "output" if layer == last else "hidden"
    here, after = f"<sup>{layer}</sup>", f"<sup>{layer + 1}</sup>"
    if layer == last:
        equations = [f"δ{here} = ∂C/∂a{here} ⊙ σ′(z{here})"]
    else:
        equations = [
            f"∂C/∂a{here} = (W{after})<sup>T</sup> δ{after}",
            f"δ{here} = ∂C/∂a{here} ⊙ σ′(z{here})",
        ]
    return [
        f"<h3>Layer {layer} ({kind}): errors δ and gradients</h3>",
        _equation(*equations),
        _neurons(trace, layer),
        _equation(
            f"∇W{here} = δ{here} (a<sup>{layer - 1}</sup>)<sup>T</sup>, "
            f"ΔW{here} = −η ∇W{here}"
        ),
        _gradient(trace, layer),
    ]


def _neurons(trace: Quantities, layer: int) -> str:
    at = layer - 1
    z, a, slope, dC_da, delta = (
        v.mean(axis=1)
        for v in (
            trace.z[at],
            trace.a[layer],
            trace.sigma_prime[at],
            trace.dC_da[at],
            trace.delta[at],
        )
    )
    grad, update = trace.grad_b[at][:, 0], trace.update_b[at][:, 0]
    shown = strongest(np.abs(trace.delta[at]).mean(axis=1), ROWS)
    largest = [np.abs(v).max() for v in (dC_da, delta, grad, update)]
    rows = [
        [
            _row_name(trace, layer, j),
            _cell(z[j], "z", layer, j),
            _cell(a[j], "a", layer, j),
            _cell(slope[j], "sigma_prime", layer, j),
            _cell(dC_da[j], "dC_da", layer, j, tint(dC_da[j], largest[0])),
            _cell(delta[j], "delta", layer, j, tint(delta[j], largest[1])),
            _cell(grad[j], "grad_b", layer, j, tint(grad[j], largest[2])),
            _cell(update[j], "update_b", layer, j, tint(update[j], largest[3])),
        ]
        for j in shown
    ]
    heads = ["neuron", "z", "a", "σ′(z)", "∂C/∂a", "δ", "∇b = δ", "Δb = −η ∇b"]
    return _table(heads, rows, _more(len(z) - len(shown), "neuron", "smaller |δ|"))


def _gradient(trace: Quantities, layer: int) -> str:
    at, last = layer - 1, len(trace.W)
    grad, update = trace.grad_W[at], trace.update_W[at]
    n_out, n_in = grad.shape
    rows = strongest(np.abs(trace.delta[at]).mean(axis=1), ROWS)
    columns = strongest(np.abs(grad).max(axis=0), COLUMNS)
    largest = np.abs(grad).max()
    body = []
    for j in rows:
        cells = []
        for k in columns:
            step = _number(update[j, k], "update_W", layer, j, k)
            cells.append(
                f'<td style="background: {tint(grad[j, k], largest)}">'
                f"{_number(grad[j, k], 'grad_W', layer, j, k)}"
                f"<small>Δ {step}</small></td>"
            )
        body.append([_row_name(trace, layer, j), *cells])
    source = "input" if layer == 1 else "neuron"
    heads = ["to \\ from"]
    for k in columns:
        name = trace.names.of(layer - 1, last, k)
        heads.append(f"{source} {k}" if name is None else _clip(name))
    parts = ["∂C/∂w, and below it the update Δw, of each weight"]
    if n_out > len(rows):
        parts.append(f"the {len(rows)} of {n_out} neurons with the largest errors")
    if n_in > len(columns):
        parts.append(
            f"the {len(columns)} of {n_in} {source}s with the largest gradients"
        )
    caption = "; ".join(parts)
    return _table(heads, body, "", caption + ".")


def _words(trace: Quantities) -> list[str]:
    """The weight with the largest gradient of the last and of the first layer."""
    lines = [
        "<h3>The chain rule, weight by weight</h3>",
        "<p>For the largest gradient of a layer; "
        "<code>trace.explain(layer, j, k)</code> has the others.</p>",
    ]
    for layer in dict.fromkeys([len(trace.W), 1]):
        grad = trace.grad_W[layer - 1]
        j, k = map(int, np.unravel_index(np.abs(grad).argmax(), grad.shape))
        text = explain_parameter(trace, layer, j, k)
        heading, _, rest = text.partition("\n\n")
        lines.append(
            f"<details{' open' if layer == len(trace.W) else ''}>"
            f"<summary>{escape(heading)}</summary><pre>{escape(rest)}</pre></details>"
        )
    return lines


def _table(
    heads: list[str], rows: list[list[str]], rest: str, caption: str = ""
) -> str:
    lines = ['<div class="skb-wide"><table>']
    if caption:
        lines.append(f"<caption>{caption}</caption>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    lines.append(f"<thead><tr>{head}</tr></thead><tbody>")
    lines += [f"<tr>{''.join(cells)}</tr>" for cells in rows]
    lines.append("</tbody></table></div>")
    if rest:
        lines.append(f"<p>{rest}</p>")
    return "\n".join(lines)


def _equation(*lines: str) -> str:
    return f'<div class="skb-eq">{"<br>".join(lines)}</div>'


def _row_name(trace: Quantities, layer: int, j: int) -> str:
    name = trace.names.of(layer, len(trace.W), j)
    label = str(j) if name is None or name == str(j) else f"{j}: {_clip(name)}"
    return f"<th>{escape(label)}</th>"


def _clip(name: str) -> str:
    return name if len(name) <= 18 else name[:17] + "…"


def _cell(value: Any, quantity: str, layer: int, j: int, ground: str = "") -> str:
    style = f' style="background: {ground}"' if ground else ""
    return f"<td{style}>{_number(value, quantity, layer, j)}</td>"


def _number(
    value: Any,
    quantity: str,
    layer: int | None = None,
    j: int | None = None,
    k: int | None = None,
) -> str:
    """A rounded number with all its digits in `value` and where the pointer rests."""
    where = "".join(
        f' data-{name}="{index}"'
        for name, index in (("layer", layer), ("j", j), ("k", k))
        if index is not None
    )
    return (
        f'<data class="{quantity}"{where} value="{value}" title="{value}">'
        f"{_short(value)}</data>"
    )


def _short(value: Any) -> str:
    return f"{value:.4g}".replace("-", "−")


def _more(n: int, noun: str, why: str = "") -> str:
    if not n:
        return ""
    plural = noun if n == 1 else noun + "s"
    return f"… and {n} more {plural}" + (f" with {why}." if why else ".")
