"""Back: errors from the last layer to the first, and gradients (sections 5 and 6)."""

import numpy as np

from .._chain_rule import Parameter, next_terms, partial_sum
from .._layout import AT_MOST, strongest
from .elements import (
    cell,
    difference,
    equation,
    equations,
    factor,
    mean_of,
    num,
    product,
    products,
    symbol,
    table,
    total,
)
from .parameters import parameter_table
from .view import View

DC_DA, DA_DZ, DZ_DW = (
    factor("dC-da", "∂C/∂a"),
    factor("da-dz", "∂a/∂z"),
    factor("dz-dw", "∂z/∂w"),
)


def backward(view: View) -> str:
    """All layers from the last to the first."""
    return "\n".join(
        [
            "<h3>Backward: from the outputs to the first layer</h3>",
            equations(
                f"δ = ∂C/∂z = {DC_DA} · {DA_DZ}",
                f"∂C/∂w = δ · {DZ_DW}, where ∂z/∂w = {symbol('a', None, 'k')} of the "
                "previous layer; ∂C/∂b = δ · 1",
                css="skb-law",
            ),
            *(_layer(view, layer) for layer in range(view.last, 0, -1)),
        ]
    )


def average_gradients(view: View) -> str:
    """The gradients of a batch; no errors, since no equation holds for their means."""
    m = view.trace.n_examples
    return "\n".join(
        [
            "<h3>The gradient: an average of products</h3>",
            equations(
                f"∇{symbol('W')} = 1/{m} Σ<sub>i</sub> δ<sub>i</sub> "
                "<i>a</i><sub>i</sub><sup>T</sup>, "
                f"∇{symbol('b')} = 1/{m} Σ<sub>i</sub> δ<sub>i</sub>",
                css="skb-law",
            ),
            *(gradients(view, layer) for layer in range(view.last, 0, -1)),
        ]
    )


def _layer(view: View, layer: int) -> str:
    last = layer == view.last
    here, after = symbol("a", None, "j"), layer + 1
    if last:
        n_L = view.trace.units[-1]
        law = f"{'' if n_L == 1 else f'1/{n_L} '}({here} − {symbol('y', None, 'j')})"
        law = law if n_L > 1 else law.strip("()")
        where = ""
    else:
        law = f"Σ<sub>q</sub> {symbol('w', after, 'qj')} {symbol('δ', after, 'q')}"
        where = (
            f", over the neurons q of layer {after}: down column j of "
            f"{symbol('W', after)}"
        )
    return "\n".join(
        [
            f"<h4>{view.title(layer)}</h4>",
            equations(f"∂C/∂{here} = {law}{where}", css="skb-law"),
            _errors(view, layer),
            gradients(view, layer),
        ]
    )


def _errors(view: View, layer: int) -> str:
    trace, at = view.trace, layer - 1
    largest = np.abs(trace.delta[at]).max()
    rows = []
    for j in view.shown[layer]:
        role = trace.roles.get(j, "") if layer == view.last else ""
        a, slope = trace.a[layer][j, 0], trace.sigma_prime[at][j, 0]
        delta = trace.delta[at][j, 0]
        factors = product(trace.dC_da[at][j, 0], slope)
        # δ = ∂C/∂b: it chooses the bias.
        bias = view.id_of(Parameter(trace, layer, j, None))
        shown = f'<label for="{bias}">{num(delta, "delta")}</label>'
        rows.append(
            [
                view.row_head(layer, j, role),
                cell(equation(*sensitivity(view, layer, j)), css="skb-sum"),
                cell(equation(product(a, 1 - a), num(slope, "sigma_prime"))),
                cell(equation(factors, shown), delta, largest),
            ]
        )
    heads = ["neuron j", DC_DA, f"{DA_DZ} = a (1 − a)", f"δ = {DC_DA} · {DA_DZ}"]
    return table(heads, rows)


def sensitivity(
    view: View, layer: int, j: int, at_most: int = AT_MOST
) -> tuple[str, str]:
    """∂C/∂a of a neuron: an expression of at most `at_most` terms, and its value."""
    trace = view.trace
    value = num(trace.dC_da[layer - 1][j, 0], "dC_da")
    if layer == view.last:
        error = difference(trace.a[-1][j, 0], trace.y[j, 0], "a", "y")
        return mean_of(len(trace.y), error), value
    w, delta = next_terms(trace, layer, j)
    shown = view.shown[layer + 1]
    largest = [shown[place] for place in strongest((w * delta)[shown], at_most)]
    parts = partial_sum(w * delta, largest)
    terms = products(w[parts.shown], delta[parts.shown], "w", "delta")
    return total(terms, parts.n_rest, parts.rest), value


def gradients(view: View, layer: int) -> str:
    """∇W and ∇b of a layer."""
    trace, at = view.trace, layer - 1
    largest = max(np.abs(of[at]).max() for of in (trace.grad_W, trace.grad_b))
    of_one = trace.n_examples == 1
    how = "each is the δ of its row times the a of its column"
    if not of_one:
        how = view.title(layer)
    return parameter_table(
        view,
        layer,
        lambda at: cell(view.choosable(at, at.gradient, "grad_"), at.gradient, largest),
        f"Gradients ∇{symbol('W', layer)} and ∇{symbol('b', layer)}: {how}.",
        factors=of_one,
    )
