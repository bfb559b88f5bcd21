"""A layer's weights and biases as a table, whatever is shown of each."""

from collections.abc import Callable

from .._chain_rule import Parameter
from .elements import named, num, shown_of, small, table
from .view import View


def parameter_table(
    view: View,
    layer: int,
    cell_of: Callable[[Parameter], str],
    caption: str,
    *,
    factors: bool = False,
) -> str:
    """A row for each neuron of the layer, a column for each that leads to it.

    Parameters
    ----------
    view : View
    layer : int
    cell_of : callable
        Takes a weight or bias, returns its ``<td>``.
    caption : str
    factors : bool
        Whether rows have their δ and columns their a, which make up the gradient.
    """
    trace, at = view.trace, layer - 1
    heads = ["to j \\ from k"]
    for k in view.shown[at]:
        a = f"a = {num(trace.a[at][k, 0])}" if factors else ""
        heads.append(named(trace, at, k) + small(a))
    rows = []
    for j in view.shown[layer]:
        delta = f"δ = {num(trace.delta[at][j, 0])}" if factors else ""
        cells = [cell_of(parameter) for parameter in view.parameters_of(layer, j)]
        rows.append([view.row_head(layer, j, delta), *cells])
    cut = [
        f"{len(view.shown[i])} of {trace.units[i]} {what}"
        for i, what in (
            (at, f"neurons of layer {at}" if at else "inputs"),
            (layer, f"neurons of layer {layer}"),
        )
        if len(view.shown[i]) < trace.units[i]
    ]
    return table([*heads, "bias"], rows, caption) + shown_of(cut)
