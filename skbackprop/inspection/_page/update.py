"""The update, and what it does to the cost (section 7)."""

from .._chain_rule import Parameter
from .cost import average_cost, cost_of_example, most_costly
from .elements import cell, equations, num, product, symbol
from .parameters import parameter_table
from .view import View


def update(view: View) -> str:
    """The new parameters of all layers, and the cost that they give."""
    return "\n".join(
        [
            "<h3>Update: one step against the gradient</h3>",
            equations(
                *(
                    f"{symbol(letter)} ← {symbol(letter)} − η · ∂C/∂{letter}"
                    for letter in "wb"
                ),
                css="skb-law",
            ),
            *(_layer(view, layer) for layer in range(1, view.last + 1)),
            *_after(view),
        ]
    )


def _layer(view: View, layer: int) -> str:
    caption = f"{view.title(layer)}: new weights and biases."
    return parameter_table(view, layer, lambda at: _new(view, at), caption)


def _new(view: View, at: Parameter) -> str:
    new = view.choosable(at, at.value + at.step, "new_")
    how = f"{num(at.value)} − {product(view.trace.eta, at.gradient)}"
    return cell(f'<span class="skb-eq">{new}<small> =&nbsp;{how}</small></span>')


def _after(view: View) -> list[str]:
    before, after = view.trace, view.trace.after_update()
    if before.n_examples > 1:
        examples = most_costly(before)
        costs = [average_cost(trace, examples) for trace in (before, after)]
    else:
        costs = [cost_of_example(trace, view.shown[-1]) for trace in (before, after)]
    return [
        "<h3>The cost before and after</h3>",
        equations(costs[0], f"after the update: {costs[1]}"),
        f"<p>{verdict(before.cost, after.cost)}</p>",
    ]


def verdict(before: float, after: float) -> str:
    """Say whether the step lowered the cost."""
    change = f"C = {num(before)} → {num(after)}. "
    if after < before:
        return change + "The step made the network less wrong on these data."
    if after == before:
        return change + "The step changed nothing that these digits can show."
    return change + (
        "The cost rose: the step was too long. A step against the gradient lowers the "
        "cost only if it is small enough, so try a smaller learning_rate_init (η)."
    )
