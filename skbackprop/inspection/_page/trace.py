"""The page of a trace: of one example, or of a batch and of its examples."""

from html import escape
from secrets import token_hex

import numpy as np

from .._layout import AT_MOST, strongest
from .._quantities import Quantities
from .backward import average_gradients, backward
from .chain_rule import chain_rules
from .chooser import chooser
from .cost import average_cost, cost, most_costly
from .elements import cut_note, equations, num
from .forward import forward
from .picture import picture
from .style import STYLE
from .update import update
from .view import MOST_PARAMETERS, View, n_parameters

NOTATION = """<details><summary>How to read this page</summary>
<p>All numbers are computed in full and shown with four digits. So the result of an
equation may differ in its last digit from what the rounded numbers give. Rest the
pointer on a number in a table to see all its digits.</p>
<p>A superscript is a layer: 0 is the input. Subscripts are neurons, numbered from 0:
<i>w</i><sup>2</sup><sub>3,1</sub> is the weight from neuron 1 of layer 1 to neuron 3 of
layer 2. <i>q</i> runs over the neurons of the next layer. <i>z</i> is a pre-activation,
<i>a</i> an activation, <i>y</i> the expected activation and <i>C</i> the cost. The
error δ is ∂C/∂z, η is the step size, and ∇ is a gradient. Inputs are shown as the
network receives them: after scaling, if there is a scaler.</p></details>"""

# How many examples of a batch a reader can choose from, in small networks.
MOST_EXAMPLES = 8


def fragment(trace: Quantities) -> str:
    """What a notebook shows."""
    key = f"skb-{token_hex(4)}"  # several pages may be in one notebook
    of_one = trace.n_examples == 1
    parts = _one(View(trace, key)) if of_one else _batch(trace, key)
    style = f"<style>{STYLE}</style>"
    return "\n".join(['<div class="skb skb-frame">', style, *parts, "</div>"])


def _one(view: View) -> list[str]:
    after = view.trace.after_update()
    return [
        "<h2>Backpropagation of one example</h2>",
        _chips(view.trace, f"C = {num(view.trace.cost, 'cost')} → {num(after.cost)}"),
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
        words = ". ".join(filter(None, [escape(view.trace.reading), note]))
        views.append(f"<p>{words}</p>{_of_example(view)}")
    tabs = [f"Average of {trace.n_examples}", *(f"Example {i}" for i in shown)]
    after = trace.after_update()
    cut = cut_note([(len(shown), trace.n_examples, "examples")], "those that cost most")
    return [
        f"<h2>Backpropagation of a batch of {trace.n_examples} examples</h2>",
        _chips(trace, f"mean cost C = {num(trace.cost, 'cost')} → {num(after.cost)}"),
        "<p>The update uses the average gradient. Choose an example to see the "
        "products that are averaged.</p>" + cut,
        NOTATION,
        chooser(key, "Average, or one example", tabs, views),
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
            equations(average_cost(view.trace, most_costly(view.trace))),
            average_gradients(view),
            update(view),
        ]
    )


def _examples(trace: Quantities) -> list[int]:
    """The examples to choose from; a large network has fewer."""
    in_full = n_parameters([min(n, AT_MOST) for n in trace.units])
    at_most = int(np.clip(MOST_PARAMETERS // in_full, 2, MOST_EXAMPLES))
    return strongest(trace.costs, at_most)


def _chips(trace: Quantities, cost_change: str) -> str:
    chips = [
        " → ".join(map(str, trace.units)),
        cost_change,
        f"step size η = {num(trace.eta)}",
    ]
    if trace.n_examples == 1 and trace.reading:
        chips.append(escape(trace.reading))
    return "".join(f'<span class="skb-chip">{chip}</span>' for chip in chips)
