"""The cost of one example, and of a batch (section 1)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._chain_rule import partial_sum
from .._layout import strongest
from .._quantities import Quantities
from .elements import (
    cell,
    difference,
    equation,
    equations,
    mean_of,
    num,
    number,
    symbol,
    table,
    total,
)
from .view import View

Array = NDArray[Any]

# Of a longer sum over the examples of a batch, only the largest terms are shown.
EXAMPLES = 10


def most_costly(trace: Quantities) -> list[int]:
    """The examples that a sum over a batch shows."""
    return strongest(trace.costs, EXAMPLES)


def cost(view: View) -> str:
    """Show how wrong the outputs are, neuron by neuron."""
    trace, j = view.trace, symbol("a", None, "j")
    difference = f"({j} − {symbol('y', None, 'j')})²"
    n_L = trace.units[-1]
    law = f"½ {difference}" if n_L == 1 else f"1/{n_L} Σ<sub>j</sub> ½ {difference}"
    return "\n".join(
        [
            "<h3>Cost: how wrong the outputs are</h3>",
            equations(f"{symbol('C')} = {law}{_mean(n_L)}", css="skb-law"),
            _outputs(view),
            equations(cost_of_example(trace, view.shown[-1])),
            _own_units(view),
        ]
    )


def _mean(n_L: int) -> str:
    return "" if n_L == 1 else f", the mean over the {n_L} outputs"


def average_cost(trace: Quantities, shown: list[int]) -> str:
    """``C = 1/m Σ C_i``; of these examples singly."""
    parts = partial_sum(trace.costs, shown)
    terms = [f"{num(trace.costs[i], 'cost')}<sub>({i})</sub>" for i in shown]
    return equation(
        symbol("C"),
        f"1/{trace.n_examples} Σ<sub>i</sub> {symbol('C', None, 'i')}",
        mean_of(trace.n_examples, total(terms, parts.n_rest, parts.rest)),
        num(trace.cost, "cost"),
    )


def cost_of_example(trace: Quantities, shown: list[int]) -> str:
    """``C = 1/n_L Σ ½ (a − y)²``, in numbers."""
    a, y = trace.a[-1][:, 0], trace.y[:, 0]
    parts = partial_sum((a - y) ** 2 / 2, shown)
    terms = [_half_square(a[j], y[j]) for j in shown]
    return equation(
        symbol("C"),
        mean_of(len(y), total(terms, parts.n_rest, parts.rest)),
        num(trace.costs[0], "cost"),
    )


def _half_square(a: Any, y: Any) -> str:
    return f"½&nbsp;·&nbsp;({difference(a, y, 'a', 'y')})²"


def _outputs(view: View) -> str:
    trace, last = view.trace, view.last
    a, y = trace.a[-1][:, 0], trace.y[:, 0]
    rows = [
        [
            view.row_head(last, j, trace.roles.get(j, "")),
            cell(number(a[j], "a", last, j)),
            cell(number(y[j], "y", last, j)),
            cell(equation(difference(a[j], y[j]), num(a[j] - y[j]))),
        ]
        for j in view.shown[-1]
    ]
    heads = ["neuron j", "activation a", "expected y", "a − y"]
    return table(heads, rows)


def _own_units(view: View) -> str:
    """For a regressor: how its numbers and its activations correspond."""
    trace, scale = view.trace, view.trace.outputs.scale
    if scale is None:
        return ""
    a, y = trace.a[-1][:, 0], trace.y[:, 0]
    numbers, predictions = (
        scale.decode(values.astype(np.float64)) for values in (y, a)
    )
    chains = []
    for j in view.shown[-1]:
        gain, centre = num(scale.gain[j]), num(scale.centre[j])
        chains += [
            equation(
                symbol("y", None, j),
                f"½ + {gain} · ({difference(numbers[j], scale.centre[j])})",
                num(y[j]),
            )
            + f", for the target {num(numbers[j])}",
            equation(
                "prediction",
                f"{centre} + ({difference(a[j], 0.5)}) / {gain}",
                num(predictions[j]),
            ),
        ]
    return (
        "<p>The regressor's <code>target_range_</code> maps y to activations (its low "
        "end to 0.1, its high end to 0.9) and predictions back:</p>"
        + equations(*chains)
    )
