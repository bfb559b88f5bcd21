"""What all sections of a page are made of: numbers, symbols, equations, tables.

An equation is a chain of sides, ``symbols = numbers = result``. All its numbers are
``<data>`` elements with their full digits in `value`, and all that is no part of the
arithmetic is in ``<sub>`` or ``<i>``: what a reader sees can be evaluated.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from numpy.typing import NDArray

from .._layout import color_of
from .._notation import short, shortened
from .._quantities import Quantities

Array = NDArray[Any]

# What a number is, said where the pointer rests on it.
MEANING = {
    "a": "activation a",
    "y": "expected activation y",
    "costs": "cost C of the example",
    "z": "pre-activation z",
    "sigma_prime": "slope of the sigmoid ∂a/∂z",
    "dC_da": "sensitivity of the cost to the activation ∂C/∂a",
    "delta": "error δ = ∂C/∂z",
    "w": "weight w",
    "b": "bias b",
    "grad_w": "gradient ∂C/∂w",
    "grad_b": "gradient ∂C/∂b",
    "new_w": "weight after the update w − η ∂C/∂w",
    "new_b": "bias after the update b − η ∂C/∂b",
}


def num(value: Any, digits: int = 4) -> str:
    """A number of an equation, rounded, with all its digits in `value`."""
    return f'<data value="{value}">{short(value, digits)}</data>'


def bracketed(value: Any) -> str:
    """A number that follows a sign, in brackets where it has its own."""
    return f"({num(value)})" if value < 0 else num(value)


def number(value: Any, quantity: str, layer: int, j: int, k: int | None = None) -> str:
    """A number of a table, which says where it belongs and what it is."""
    indices = {"layer": layer, "j": j, "k": k}
    where = "".join(
        f' data-{name}="{index}"'
        for name, index in indices.items()
        if index is not None
    )
    place = f"neuron {j}" if k is None else f"{k} → {j}"
    title = f"{MEANING[quantity]}, layer {layer}, {place}: {value}"
    return (
        f'<data class="{quantity}"{where} value="{value}" title="{title}">'
        f"{short(value)}</data>"
    )


def symbol(letter: str, layer: int | None = None, *indices: object) -> str:
    """A letter of the derivation, its layer above and its neurons below."""
    above = "" if layer is None else f"<sup>{layer}</sup>"
    below = ",".join(map(str, indices))
    return f"<i>{letter}</i>{above}" + (f"<sub>{below}</sub>" if below else "")


def factor(quantity: str, text: str) -> str:
    """In the colour of a factor of the chain rule."""
    return f'<span class="skb-{quantity}">{text}</span>'


def equation(*sides: str) -> str:
    """The sides of an equation; those after the symbols are equal numbers."""
    # A line never ends before or after the sign alone.
    return f'<span class="skb-eq">{" =&nbsp;".join(sides)}</span>'


def equations(*chains: str, css: str = "") -> str:
    """Some equations below each other."""
    lines = "".join(f"<div>{chain}</div>" for chain in chains)
    return f'<div class="skb-eqs {css}">{lines}</div>'


def product(*values: Any, leads: bool = True) -> str:
    """A product of numbers, all on one line; `leads` if no sign is before it."""
    first, *others = values
    begin = num(first) if leads else bracketed(first)
    return "&nbsp;·&nbsp;".join([begin, *map(bracketed, others)])


def products(first: Array, second: Array) -> list[str]:
    """The terms of a sum of products."""
    pairs = zip(first, second, strict=True)
    return [product(*pair, leads=i == 0) for i, pair in enumerate(pairs)]


def total(terms: Iterable[str], n_rest: int = 0, rest: Any = 0) -> str:
    """A sum, of which those terms that are not shown are one."""
    shown = list(terms)
    if n_rest:
        shown.append(f"{bracketed(rest)}<sub>{n_rest} more</sub>")
    return " + ".join(shown)


def mean_of(n: int, inner: str) -> str:
    """``1/n`` of a sum; a single thing is its own mean."""
    return inner if n == 1 else f'1/<data value="{n}">{n}</data> · ({inner})'


def cell(content: str, value: Any = 0, largest: Any = 0, css: str = "") -> str:
    """A cell of a table; its ground has the sign's colour where `largest` is given."""
    style = f' style="background:{tint(value, largest)}"' if largest else ""
    kind = f' class="{css}"' if css else ""
    return f"<td{kind}{style}>{content}</td>"


def tint(value: Any, largest: Any) -> str:
    """The colour of the sign, as strong as the number is large; its ground shows."""
    return f"{color_of(value)}{round(0.55 * 255 * abs(value) / largest):02x}"


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str = ""
) -> str:
    """A table that scrolls sideways where it does not fit."""
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    title = f'<p class="skb-caption">{caption}</p>' if caption else ""
    return (
        f'{title}<div class="skb-wide" tabindex="0"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>\n{body}</tbody></table></div>"
    )


def named(trace: Quantities, layer: int, neuron: int) -> str:
    """Number and name of a neuron, or of an input."""
    name = trace.names.of(layer, len(trace.W), neuron)
    return str(neuron) if name is None else f"{neuron} {escape(shortened(name))}"


def small(text: str) -> str:
    """A second line in a cell."""
    return f"<small>{text}</small>" if text else ""


def shown_of(parts: Sequence[str]) -> str:
    """A line that says how much of what is shown, if not all of it is."""
    if not parts:
        return ""
    return f'<p class="skb-cut">Shown: {", ".join(parts)}, those that matter most.</p>'
