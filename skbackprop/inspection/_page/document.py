"""The whole page: what a notebook shows, and a file for any browser."""

from html import escape
from secrets import token_hex

import numpy as np

from .._layout import strongest
from .._quantities import Quantities
from .backward import average_gradients, backward
from .chain_rule import chain_rules
from .chooser import chooser
from .cost import average_cost, cost
from .elements import equations, num
from .forward import forward
from .picture import picture
from .style import STYLE
from .update import update
from .view import MOST_PARAMETERS, View, n_parameters

NOTATION = """<details><summary>How to read this page</summary>
<p>All numbers are computed in full and shown with four digits, so the last digit of an
equation may differ from what its numbers give. Rest the pointer on a number in a table
to see all its digits.</p>
<p>A raised number is a layer: 0 is the input. Lowered ones count neurons, from 0:
<i>w</i><sup>2</sup><sub>3,1</sub> is the weight from neuron 1 of layer 1 to neuron 3 of
layer 2. <i>q</i> runs over the neurons of the next layer. <i>z</i> is a pre-activation,
<i>a</i> an activation, <i>y</i> the expected one, <i>C</i> the cost; the error δ is
∂C/∂z, η the step size, ∇ a gradient. Inputs are as the network is given them: scaled,
if a scaler comes before it.</p></details>"""

# Examples of a batch that a reader can choose from: those of small networks.
MOST_EXAMPLES = 8


def document(body: str, title: str) -> str:
    """A whole HTML file."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        "<style>:root { color-scheme: light dark; } "
        "body { margin: 28px auto; padding: 0 20px; max-width: 1080px; }</style>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def fragment(trace: Quantities) -> str:
    """What a notebook shows."""
    key = f"skb-{token_hex(4)}"  # several pages may be in one notebook
    of_one = trace.n_examples == 1
    parts = _one(View(trace, key)) if of_one else _batch(trace, key)
    return "\n".join(['<div class="skb">', f"<style>{STYLE}</style>", *parts, "</div>"])


def _one(view: View) -> list[str]:
    after = view.trace.after_update()
    return [
        "<h2>Backpropagation of one example</h2>",
        _chips(view.trace, f"C = {num(view.trace.cost)} → {num(after.cost)}"),
        NOTATION,
        _of_example(view),
        update(view),
    ]


def _batch(trace: Quantities, key: str) -> list[str]:
    shown = _examples(trace)
    budget = max(60, MOST_PARAMETERS // (1 + len(shown)))
    views = [_average(View(trace, f"{key}-m", budget))]
    for i in shown:
        view = View(trace.example(i), f"{key}-{i}", budget, of_batch=True)
        note = "The update averages this gradient with those of the other examples."
        words = ". ".join(filter(None, [reading(view.trace), note]))
        views.append(f"<p>{words}</p>{_of_example(view)}")
    tabs = [f"Average of {trace.n_examples}", *(f"Example {i}" for i in shown)]
    after = trace.after_update()
    cut = ""
    if len(shown) < trace.n_examples:
        cut = (
            f'<p class="skb-cut">{len(shown)} of {trace.n_examples} examples can be '
            "chosen, those that cost most.</p>"
        )
    return [
        f"<h2>Backpropagation of a batch of {trace.n_examples} examples</h2>",
        _chips(trace, f"mean cost C = {num(trace.cost)} → {num(after.cost)}"),
        "<p>The update follows the average gradient. Choose an example to see the "
        "products that are averaged.</p>" + cut,
        NOTATION,
        chooser(key, tabs, views),
    ]


def _of_example(view: View) -> str:
    sections = [picture, chain_rules, forward, cost, backward]
    return "\n".join(section(view) for section in sections)


def _average(view: View) -> str:
    return "\n".join(
        [
            picture(view),
            chain_rules(view),
            "<h3>Cost: the average over the examples</h3>",
            equations(average_cost(view.trace)),
            average_gradients(view),
            update(view),
        ]
    )


def _examples(trace: Quantities) -> list[int]:
    """The examples to choose from, fewer of a large network."""
    in_full = n_parameters([min(n, 10) for n in trace.units])
    at_most = int(np.clip(MOST_PARAMETERS // in_full, 2, MOST_EXAMPLES))
    return strongest(trace.costs, at_most)


def _chips(trace: Quantities, cost_change: str) -> str:
    chips = [
        " → ".join(map(str, trace.units)),
        cost_change,
        f"step size η = {num(trace.eta)}",
    ]
    if trace.n_examples == 1 and reading(trace):
        chips.append(reading(trace))
    return "".join(f'<span class="skb-chip">{chip}</span>' for chip in chips)


def reading(trace: Quantities) -> str:
    """Target and prediction, as the estimator says them."""
    target, prediction = (
        escape(trace.outputs.reading(values[:, 0])) for values in (trace.y, trace.a[-1])
    )
    return f"target {target}, prediction {prediction}" if target else ""
