"""The elements of every section of a page: numbers, symbols, equations, tables.

An equation is a chain of sides, ``symbols = numbers = result``. All its numbers are
``<data>`` elements with their full digits in `value`, and everything that is not part
of the arithmetic is in ``<sub>`` or ``<i>``. So what a reader sees can be evaluated.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from numpy.typing import NDArray

from .._layout import color_of
from .._notation import minuend_and_subtrahend, short, shortened
from .._quantities import Quantities

Array = NDArray[Any]

# What each number is; shown when the pointer rests on it.
MEANING = {
    "a": "activation a",
    "y": "expected activation y",
    "cost": "cost C",
    "z": "pre-activation z",
    "sigma_prime": "slope of the sigmoid ∂a/∂z",
    "dC_da": "sensitivity of the cost to the activation ∂C/∂a",
    "delta": "error δ = ∂C/∂z",
    "w": "weight w",
    "b": "bias b",
    "grad_w": "gradient ∂C/∂w",
    "grad_b": "gradient ∂C/∂b",
    "new_w": "weight after the update, w − η ∂C/∂w",
    "new_b": "bias after the update, b − η ∂C/∂b",
}


def num(value: Any, quantity: str = "", digits: int = 4) -> str:
    """A number of an equation, rounded, with all its digits in `value`.

    Its title says what it is, if `quantity` is given.
    """
    return _data(value, short(value, digits), quantity)


def _data(value: Any, shown: str, quantity: str) -> str:
    title = f' title="{MEANING[quantity]}"' if quantity else ""
    return f'<data value="{value}"{title}>{shown}</data>'


def bracketed(value: Any, quantity: str = "") -> str:
    """A number that follows another sign: in brackets if it has its own sign."""
    shown = num(value, quantity)
    return f"({shown})" if value < 0 else shown


def difference(first: Any, second: Any, *quantities: str) -> str:
    """A difference, with as many digits as its value needs."""
    sides = zip(
        (first, second),
        minuend_and_subtrahend(first, second),
        quantities or ("", ""),
        strict=True,
    )
    a, y = (_data(value, shown, quantity) for value, shown, quantity in sides)
    return f"{a} − ({y})" if second < 0 else f"{a} − {y}"


def with_digits(html: str, digits: int) -> str:
    """The same equations with this number of digits, where there were four."""

    def longer(found: re.Match[str]) -> str:
        tag, value, shown = found.groups()
        # A difference may need more than four; whole numbers and the nudge have fewer.
        extra = len(re.sub(r"e.*|\D", "", shown).lstrip("0")) - 4
        return found[0] if extra < 0 else tag + short(value, min(17, digits + extra))

    return re.sub(r'(<data value="([^"]+)"[^>]*>)([^<]*)', longer, html)


def number(value: Any, quantity: str, layer: int, j: int, k: int | None = None) -> str:
    """A number in a table, with what it is and where it belongs in its title."""
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
    """A letter of the derivation, with its layer above and its neurons below."""
    above = "" if layer is None else f"<sup>{layer}</sup>"
    below = ",".join(map(str, indices))
    return f"<i>{letter}</i>{above}" + (f"<sub>{below}</sub>" if below else "")


def factor(quantity: str, text: str) -> str:
    """Text in the colour of a factor of the chain rule."""
    return f'<span class="skb-{quantity}">{text}</span>'


def equation(*sides: str) -> str:
    """The sides of an equation; those after the symbols are equal numbers."""
    # A line may break before the sign =, but not after it.
    return f'<span class="skb-eq">{" =&nbsp;".join(sides)}</span>'


def equations(*chains: str, css: str = "") -> str:
    """Equations, one below the other."""
    lines = "".join(f"<div>{chain}</div>" for chain in chains)
    return f'<div class="skb-eqs {css}">{lines}</div>'


def product(*values: Any) -> str:
    """A product of numbers, on one line, where no sign precedes it."""
    first, *others = values
    return "&nbsp;·&nbsp;".join([num(first), *map(bracketed, others)])


def products(first: Array, second: Array, *quantities: str) -> list[str]:
    """The terms of a sum of products, of these two quantities."""
    of_first, of_second = quantities
    terms: list[str] = []
    for x, y in zip(first, second, strict=True):
        factor = bracketed(x, of_first) if terms else num(x, of_first)
        terms.append(f"{factor}&nbsp;·&nbsp;{bracketed(y, of_second)}")
    return terms


def total(terms: Iterable[str], n_rest: int = 0, rest: Any = 0) -> str:
    """A sum; the terms that are not shown are added up as one."""
    shown = list(terms)
    if n_rest:
        shown.append(f"{bracketed(rest)}<sub>{n_rest} more</sub>")
    return " + ".join(shown)


def mean_of(n: int, inner: str) -> str:
    """``1/n`` times a sum; a single term is its own mean."""
    return inner if n == 1 else f'1/<data value="{n}">{n}</data> · ({inner})'


def cell(content: str, value: Any = 0, largest: Any = 0, css: str = "") -> str:
    """A cell of a table, tinted in the colour of the sign if `largest` is given."""
    style = f' style="background:{tint(value, largest)}"' if largest else ""
    kind = f' class="{css}"' if css else ""
    return f"<td{kind}{style}>{content}</td>"


def tint(value: Any, largest: Any) -> str:
    """The colour of the sign, translucent: the larger the number, the stronger."""
    return f"{color_of(value)}{round(0.5 * 255 * abs(value) / largest):02x}"


# What may be wider than the page; the keyboard scrolls it, too.
SCROLLS = (
    '<div class="skb-wide" tabindex="0" role="group" aria-label="scrolls sideways">'
)


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str = ""
) -> str:
    """A table that scrolls sideways if it does not fit."""
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    title = f'<p class="skb-caption">{caption}</p>' if caption else ""
    return (
        f"{title}{SCROLLS}<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody>"
        "</table></div>"
    )


def named(trace: Quantities, layer: int, neuron: int) -> str:
    """The number and the name of a neuron, or of an input."""
    name = trace.names.of(layer, len(trace.W), neuron)
    return str(neuron) if name is None else f"{neuron} {escape(shortened(name))}"


def small(text: str) -> str:
    """A second line in a cell."""
    return f"<small>{text}</small>" if text else ""


def cut_note(parts: Iterable[tuple[int, int, str]], which: str) -> str:
    """A line that says how many are shown, where not all are.

    `parts` has how many are shown, how many there are, and of what; `which` says which
    of them are shown.
    """
    cut = [f"{shown} of {n} {what}" for shown, n, what in parts if shown < n]
    if not cut:
        return ""
    return f'<p class="skb-cut">Shown: {", ".join(cut)}, {which}.</p>'
