"""A table of a layer's weights and biases, or of numbers that belong to them."""

from collections.abc import Callable

from .._chain_rule import Parameter
from .elements import cut_note, named, num, small, table
from .view import View


def parameter_table(
    view: View,
    layer: int,
    cell_of: Callable[[Parameter], str],
    caption: str,
    *,
    factors: bool = False,
) -> str:
    """A row for each neuron of the layer, a column for each neuron that feeds it.

    Parameters
    ----------
    view : View
    layer : int
    cell_of : callable
        Takes a weight or bias and returns its ``<td>``.
    caption : str
    factors : bool
        Whether to show the δ of rows and the a of columns, which make up the gradient.
    """
    trace, at = view.trace, layer - 1
    heads = ["to j \\ from k"]
    for k in view.shown[at]:
        a = f"a = {num(trace.a[at][k, 0], 'a')}" if factors else ""
        heads.append(named(trace, at, k) + small(a))
    rows = []
    for j in view.shown[layer]:
        delta = f"δ = {num(trace.delta[at][j, 0], 'delta')}" if factors else ""
        cells = [cell_of(parameter) for parameter in view.parameters_of(layer, j)]
        rows.append([view.row_head(layer, j, delta), *cells])
    cut = [
        (len(view.shown[i]), trace.units[i], what)
        for i, what in (
            (at, f"neurons of layer {at}" if at else "inputs"),
            (layer, f"neurons of layer {layer}"),
        )
    ]
    note = cut_note(cut, "those that matter most")
    return table([*heads, "bias"], rows, caption) + note
