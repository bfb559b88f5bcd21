"""The page of a trace: the whole backward pass, self-contained, without scripts.

Text takes the colour of whatever surrounds it and all grounds are translucent, so that
the same page is legible in light and dark notebooks.
"""

from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._explain import explain_parameter
from ._layout import NEGATIVE, POSITIVE, color_of, shortened, strongest
from ._quantities import Quantities
from ._svg import picture

Array = NDArray[Any]

# Columns of a gradient that fit a page's width.
COLUMNS = 8
# Quantities on a ground of the colour of their sign.
TINTED = {"dC_da", "delta", "grad_b", "update_b"}

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
        f'<p><span class="skb-key" style="background: {POSITIVE}"></span>'
        "∂C/∂w positive: the update makes the weight smaller. "
        f'<span class="skb-key" style="background: {NEGATIVE}"></span>'
        "∂C/∂w negative: it makes it larger. Zero is grey. "
        "Widths are scaled within each layer. "
        "Above a neuron is its activation a, which shades it; below it its error δ. "
        "Forward goes from left to right, back from right to left.</p>"
    ]


def _cost(trace: Quantities) -> list[str]:
    last = len(trace.W)
    n_L = trace.units[-1]
    shown = strongest(np.abs(trace.dC_da[-1]).mean(axis=1))
    columns = {
        "a": trace.a[-1],
        "y": trace.y,
        "a_minus_y": trace.a[-1] - trace.y,
        "dC_da": trace.dC_da[-1],
    }
    heads = ["neuron", "a", "y", "a − y", "∂C/∂a"]
    return [
        "<h3>The cost, and how it changes with the outputs</h3>",
        _equation(
            f"C = 1/{n_L} Σ<sub>j</sub> ½ (a<sub>j</sub> − y<sub>j</sub>)² = "
            f"{_short(trace.cost)}",
            f"∂C/∂a<sub>j</sub> = 1/{n_L} (a<sub>j</sub> − y<sub>j</sub>)",
        ),
        _table(
            heads,
            _rows(trace, last, shown, columns),
            _more(n_L - len(shown), "output neuron"),
        ),
    ]


def _layer(trace: Quantities, layer: int) -> list[str]:
    last = len(trace.W)
    kind = "output" if layer == last else "hidden"
    shown = strongest(np.abs(trace.delta[layer - 1]).mean(axis=1))
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
        _neurons(trace, layer, shown),
        _equation(
            f"∇W{here} = δ{here} (a<sup>{layer - 1}</sup>)<sup>T</sup>, "
            f"ΔW{here} = −η ∇W{here}"
        ),
        _gradient(trace, layer, shown),
    ]


def _neurons(trace: Quantities, layer: int, shown: list[int]) -> str:
    at = layer - 1
    columns = {
        "z": trace.z[at],
        "a": trace.a[layer],
        "sigma_prime": trace.sigma_prime[at],
        "dC_da": trace.dC_da[at],
        "delta": trace.delta[at],
        "grad_b": trace.grad_b[at],
        "update_b": trace.update_b[at],
    }
    heads = ["neuron", "z", "a", "σ′(z)", "∂C/∂a", "δ", "∇b = δ", "Δb = −η ∇b"]
    rest = _more(trace.units[layer] - len(shown), "neuron", "smaller |δ|")
    return _table(heads, _rows(trace, layer, shown, columns), rest)


def _rows(
    trace: Quantities, layer: int, shown: list[int], columns: dict[str, Array]
) -> list[list[str]]:
    """A row for each neuron, of averages over the examples."""
    rows = [[_row_name(trace, layer, j)] for j in shown]
    for quantity, values in columns.items():
        mean = values.mean(axis=1)
        largest = np.abs(mean).max()
        for row, j in zip(rows, shown, strict=True):
            tint = _tint(mean[j], largest) if quantity in TINTED else "none"
            number = _number(mean[j], quantity, layer, j)
            row.append(f'<td style="background: {tint}">{number}</td>')
    return rows


def _gradient(trace: Quantities, layer: int, rows: list[int]) -> str:
    at, last = layer - 1, len(trace.W)
    grad, update = trace.grad_W[at], trace.update_W[at]
    n_out, n_in = grad.shape
    columns = strongest(np.abs(grad).max(axis=0), COLUMNS)
    largest = np.abs(grad).max()
    body = []
    for j in rows:
        cells = []
        for k in columns:
            step = _number(update[j, k], "update_W", layer, j, k)
            cells.append(
                f'<td style="background: {_tint(grad[j, k], largest)}">'
                f"{_number(grad[j, k], 'grad_W', layer, j, k)}"
                f"<small>Δ {step}</small></td>"
            )
        body.append([_row_name(trace, layer, j), *cells])
    source = "input" if layer == 1 else "neuron"
    heads = ["to \\ from"]
    for k in columns:
        name = trace.names.of(layer - 1, last, k)
        heads.append(f"{source} {k}" if name is None else shortened(name))
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
    label = str(j) if name is None or name == str(j) else f"{j}: {shortened(name)}"
    return f"<th>{escape(label)}</th>"


def _tint(value: float, largest: float) -> str:
    """The colour of the sign, as strong as the number is large; its ground shows."""
    share = abs(value) / largest if largest else 0.0
    return f"{color_of(value)}{round(0.6 * 255 * share):02x}"


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
    return f"{value + 0:.4g}".replace("-", "−")  # + 0: a zero has no sign


def _more(n: int, noun: str, why: str = "") -> str:
    if not n:
        return ""
    plural = noun if n == 1 else noun + "s"
    return f"… and {n} more {plural}" + (f" with {why}." if why else ".")
