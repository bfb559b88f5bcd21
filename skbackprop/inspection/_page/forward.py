"""Forward: every pre-activation as a sum, term by term (sections 2 and 3)."""

from .._chain_rule import partial_sum
from .elements import bracketed, cell, equation, equations, num, products, symbol, total
from .parameters import parameter_table
from .view import View


def forward(view: View) -> str:
    """All layers from the first to the last."""
    layers = range(1, view.last + 1)
    return "\n".join(
        [
            "<h3>Forward: from the inputs to the outputs</h3>",
            equations(
                f"{symbol('z', None, 'j')} = Σ<sub>k</sub> {symbol('w', None, 'jk')} "
                f"{symbol('a', None, 'k')} + {symbol('b', None, 'j')}, where "
                f"{symbol('a', None, 'k')} are activations of the previous layer",
                f"{symbol('a', None, 'j')} = σ({symbol('z', None, 'j')}) = "
                f"1 / (1 + e<sup>−{symbol('z', None, 'j')}</sup>)",
                css="skb-law",
            ),
            *(_layer(view, layer) for layer in layers),
        ]
    )


def _layer(view: View, layer: int) -> str:
    shown = view.shown[layer]
    caption = (
        f"Weights {symbol('W', layer)} and biases {symbol('b', layer)}: "
        f"{symbol('w', None, 'jk')} is the weight from k to j."
    )
    return "\n".join(
        [
            f"<h4>{view.title(layer)}</h4>",
            parameter_table(
                view, layer, lambda at: cell(view.choosable(at, at.value)), caption
            ),
            equations(*(_sum(view, layer, j) for j in shown)),
            equations(*(_activation(view, layer, j) for j in shown)),
        ]
    )


def _sum(view: View, layer: int, j: int) -> str:
    trace, at = view.trace, layer - 1
    w, a = trace.W[at][j], trace.a[at][:, 0]
    parts = partial_sum(w * a, view.shown[at])
    terms = products(w[parts.shown], a[parts.shown], "w", "a")
    weighted = total(terms, parts.n_rest, parts.rest)
    return equation(
        symbol("z", layer, j),
        f"{weighted} + {bracketed(trace.b[at][j, 0], 'b')}",
        num(trace.z[at][j, 0], "z"),
    )


def _activation(view: View, layer: int, j: int) -> str:
    z, a = view.trace.z[layer - 1][j, 0], view.trace.a[layer][j, 0]
    return equation(
        symbol("a", layer, j),
        f"σ({num(z)})",
        f"1 / (1 + e<sup>−{bracketed(z)}</sup>)",
        num(a, "a"),
    )
