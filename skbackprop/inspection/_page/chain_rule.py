"""The chain rule of each weight and bias (section 4); a click shows one of them."""

from collections.abc import Iterable
from html import escape
from itertools import groupby

from .._chain_rule import NUDGE, Factors, Parameter, partial_sum
from .._explain import described
from .._layout import strongest
from .backward import DA_DZ, DC_DA, DZ_DW, sensitivity
from .elements import (
    bracketed,
    equation,
    equations,
    factor,
    mean_of,
    num,
    product,
    symbol,
    total,
    with_digits,
)
from .style import STYLE
from .view import View

# Of longer sums, over the neurons of a layer or the examples of a batch, only this many
# terms are shown: the largest.
TERMS = 5
DZ_DB = factor("dz-dw", "∂z/∂b")


def chain_rules(view: View) -> str:
    """Write a radio button for each parameter shown, and what it reveals.

    The first two factors belong to a neuron. They are written once for all the weights
    that lead to it.
    """
    parameters = view.parameters()
    chosen = max(parameters, key=_priority)
    groups = [
        f'<div class="skb-group">{_buttons(view, group, chosen)}'
        f'<div class="skb-shared">{_neuron(view, layer, j)}</div></div>'
        for (layer, j), group in groupby(parameters, lambda at: (at.layer, at.j))
    ]
    return (
        '<div class="skb-rules" role="radiogroup" aria-label='
        f'"Chain rule of a weight or bias">{"".join(groups)}</div>'
        f"<style>{_highlight(view, parameters)}</style>"
    )


def explanation(at: Parameter, digits: int) -> str:
    """The chain rule of one parameter alone, for a notebook."""
    view = View(at.trace, "")
    content = _heading(at) + _neuron(view, at.layer, at.j) + _parameter(view, at)
    shown = with_digits(content, digits)
    return f'<div class="skb"><style>{STYLE}</style>{shown}</div>'


def _priority(at: Parameter) -> tuple[bool, bool, float]:
    """The weight into an output with the largest gradient is chosen at first."""
    return at.is_output, at.k is not None, abs(at.gradient)


def _buttons(view: View, parameters: Iterable[Parameter], chosen: Parameter) -> str:
    return "".join(
        f'<input type="radio" class="skb-r" name="{view.key}" id="{view.id_of(at)}" '
        f'aria-label="{escape(described(view.trace, at.layer, at.j, at.k))}"'
        f"{' checked' if at == chosen else ''}>"
        f'<div class="skb-name">{_heading(at)}</div>'
        f'<div class="skb-rule">{_parameter(view, at)}</div>\n'
        for at in parameters
    )


def _highlight(view: View, parameters: list[Parameter]) -> str:
    """Mark the chosen weight wherever it is shown."""
    marked = ",".join(
        f".skb:has(#{view.id_of(at)}:checked) [for={view.id_of(at)}]"
        for at in parameters
    )
    return f"{marked}{{box-shadow:0 0 0 2px;--skb-chosen:.75}}"


def _neuron(view: View, layer: int, j: int) -> str:
    """The factors that all weights into a neuron share; a batch has none."""
    trace = view.trace
    if trace.n_examples > 1:
        return ""
    at, a = layer - 1, trace.a[layer][j, 0]
    slope = num(trace.sigma_prime[at][j, 0], "sigma_prime")
    coloured = (
        factor("dC-da", num(trace.dC_da[at][j, 0], "dC_da")),
        factor("da-dz", slope),
    )
    return equations(
        equation(DC_DA, _law(view, layer, j), *sensitivity(view, layer, j, TERMS)),
        equation(DA_DZ, "a (1 − a)", product(a, 1 - a), slope),
        equation(
            f"δ = {DC_DA} · {DA_DZ}",
            " · ".join(coloured),
            num(trace.delta[at][j, 0], "delta"),
        ),
    )


def _law(view: View, layer: int, j: int) -> str:
    if layer < view.last:
        return f"Σ<sub>q</sub> {symbol('w', layer + 1, 'q', j)} " + symbol(
            "δ", layer + 1, "q"
        )
    n_L = view.trace.units[-1]
    return "a − y" if n_L == 1 else f"1/{n_L} (a − y)"


def _name(at: Parameter) -> str:
    return symbol(at.letter, at.layer, *((at.j,) if at.k is None else (at.j, at.k)))


def _heading(at: Parameter) -> str:
    what = escape(described(at.trace, at.layer, at.j, at.k))
    return f"<p><b>{_name(at)} = {num(at.value)}</b>, {what}</p>"


def _parameter(view: View, at: Parameter) -> str:
    """The product of the factors, the update, and a nudge."""
    steps = _of_a_batch if view.trace.n_examples > 1 else _of_one_example
    update = [] if view.of_batch else [_step(at)]
    return equations(*steps(at), *update, _nudge(at))


def _of_one_example(at: Parameter) -> list[str]:
    factors = at.factors(0)
    third = [DZ_DB]
    if at.k is not None:
        third = [DZ_DW, symbol("a", at.layer - 1, at.k)]
    return [
        equation(*third, num(factors.dz_dw)),
        equation(
            f"∂C/∂{at.letter}",
            f"{DC_DA} · {DA_DZ} · {third[0]}",
            _coloured(factors),
            f"<b>{num(factors.product)}</b>",
        ),
    ]


def _of_a_batch(at: Parameter) -> list[str]:
    products, letter = at.products(), at.letter
    parts = partial_sum(products, strongest(products, TERMS))
    third = DZ_DB if at.k is None else DZ_DW
    lines = [f"∂C/∂{letter} = {DC_DA} · {DA_DZ} · {third} for each example:"]
    for i in parts.shown:
        factors = at.factors(i)
        name = f"example {i}: ∂C<sub>{i}</sub>/∂{letter}"
        lines.append(equation(name, _coloured(factors), num(factors.product)))
    terms = [bracketed(products[i]) for i in parts.shown]
    mean = mean_of(len(products), total(terms, parts.n_rest, parts.rest))
    average = f"<b>{num(at.gradient)}</b>"
    return [*lines, equation(f"their average ∂C/∂{letter}", mean, average)]


def _coloured(factors: Factors) -> str:
    dC_da, da_dz, dz_dw = (num(factors.dC_da), num(factors.da_dz), factors.dz_dw)
    return " · ".join(
        [
            factor("dC-da", dC_da),
            factor("da-dz", da_dz),
            factor("dz-dw", bracketed(dz_dw)),
        ]
    )


def _step(at: Parameter) -> str:
    return equation(
        f"new {_name(at)}",
        f"{at.letter} − η ∂C/∂{at.letter}",
        f"{num(at.value)} − {product(at.trace.eta, at.gradient)}",
        f"<b>{num(at.value + at.step)}</b>",
    )


def _nudge(at: Parameter) -> str:
    change = at.nudge()
    slope = equation(
        "ΔC/h", f"{num(change)} / {num(NUDGE, digits=1)}", num(change / NUDGE)
    )
    return (
        f"nudge it alone by h = {NUDGE:g}: {slope}, close to ∂C/∂{at.letter} = "
        f"{num(at.gradient)}"
    )
