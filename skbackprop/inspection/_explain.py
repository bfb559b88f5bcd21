"""The chain rule for one weight or bias, in words and numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._layout import strongest
from ._quantities import Quantities

Array = NDArray[Any]

# Longer sums, and batches, are shown by so many of their terms, the largest.
TERMS = 10


def explain_parameter(trace: Quantities, layer: int, j: int, k: int | None) -> str:
    """The text of `BackpropTrace.explain`; the indices are valid."""
    bias = k is None
    letter = "b" if bias else "w"
    if trace.n_examples == 1:
        steps = _of_one_example(trace, layer, j, k, letter)
    else:
        steps = _of_a_batch(trace, layer, j, k, letter)
    return "\n".join(
        [
            f"∂C/∂{letter} of {_what(trace, layer, j, k)}",
            "",
            f"    ∂C/∂{letter} = ∂C/∂a · ∂a/∂z · ∂z/∂{letter}",
            "",
            *steps,
            "",
            *_update(trace, layer, j, k, letter),
        ]
    )


def _what(trace: Quantities, layer: int, j: int, k: int | None) -> str:
    last = len(trace.W)
    to = f"neuron {_named(trace, layer, j)} of layer {layer}"
    to += " (output)" if layer == last else " (hidden)"
    if k is None:
        return f"the bias of {to}"
    kind = "input" if layer == 1 else "neuron"
    before = "" if layer == 1 else f" of layer {layer - 1}"
    return f"the weight from {kind} {_named(trace, layer - 1, k)}{before} to {to}"


def _named(trace: Quantities, layer: int, neuron: int) -> str:
    name = trace.names.of(layer, len(trace.W), neuron)
    return str(neuron) if name in (None, str(neuron)) else f'{neuron} ("{name}")'


def _factors(trace: Quantities, layer: int, j: int, k: int | None) -> list[Array]:
    """∂C/∂a, ∂a/∂z, ∂z/∂w and their product, each with a number for every example."""
    dC_da, slope = trace.dC_da[layer - 1][j], trace.sigma_prime[layer - 1][j]
    into = np.ones_like(slope) if k is None else trace.a[layer - 1][k]
    return [dC_da, slope, into, trace.delta[layer - 1][j] * into]


def _of_one_example(
    trace: Quantities, layer: int, j: int, k: int | None, letter: str
) -> list[str]:
    dC_da, slope, into, product = (f[0] for f in _factors(trace, layer, j, k))
    a, delta = trace.a[layer][j, 0], trace.delta[layer - 1][j, 0]
    if layer == len(trace.W):
        lines = _output_sensitivity(trace, j)
    else:
        lines = _hidden_sensitivity(trace, layer, j)
    lines += [
        f"∂a/∂z = a (1 − a) = {a} · (1 − {_bracketed(a)}) = {slope}",
        f"    The slope of the sigmoid, at most 0.25{_saturation(slope)}.",
    ]
    if k is None:
        lines += ["∂z/∂b = 1", "    The bias is added to z as it is."]
    else:
        source = "input" if layer == 1 else "activation of neuron"
        lines += [
            f"∂z/∂w = {into}",
            f"    The {source} {k}, which the weight multiplies.",
        ]
    return [
        *lines,
        "",
        f"δ = ∂C/∂a · ∂a/∂z = {delta}",
        f"∂C/∂{letter} = {_times(dC_da, slope, into)} = {product}",
    ]


def _output_sensitivity(trace: Quantities, j: int) -> list[str]:
    a, y, n_L = trace.a[-1][j, 0], trace.y[j, 0], len(trace.y)
    verdict = "exactly right" if a == y else f"too {'high' if a > y else 'low'}"
    return [
        f"∂C/∂a = (a − y) / n_L = ({a} − {_bracketed(y)}) / {n_L} = "
        f"{trace.dC_da[-1][j, 0]}",
        f"    The neuron says {a:.3g} and should say {y:.3g}: {verdict}.",
    ]


def _hidden_sensitivity(trace: Quantities, layer: int, j: int) -> list[str]:
    """The sum over the errors of the next layer, term by term."""
    w, delta = trace.W[layer][:, j], trace.delta[layer][:, 0]
    terms = w * delta
    shown = strongest(terms, TERMS)
    lines = [
        f"∂C/∂a = Σ_q w_q{j} δ_q = {trace.dC_da[layer - 1][j, 0]}",
        "    A hidden neuron acts on the cost through the "
        f"{_count(len(w), 'neuron')} q of layer {layer + 1}:",
    ]
    for q in shown:
        lines.append(f"    q = {q}: {_times(w[q], delta[q])} = {terms[q]}")
    rest = len(w) - len(shown)
    if rest:
        others = np.delete(terms, shown).sum()
        lines.append(f"    the other {_count(rest, 'term')} together: {others}")
    return lines


def _of_a_batch(
    trace: Quantities, layer: int, j: int, k: int | None, letter: str
) -> list[str]:
    factors = _factors(trace, layer, j, k)
    product, m = factors[-1], trace.n_examples
    shown = strongest(product, TERMS)
    lines = [f"For each of {m} examples i; the gradient is the average over them."]
    for i in shown:
        dC_da, slope, into, result = (f[i] for f in factors)
        lines.append(f"    i = {i}: {_times(dC_da, slope, into)} = {result}")
    rest = m - len(shown)
    if rest:
        others = np.delete(product, shown).sum()
        lines.append(f"    the other {_count(rest, 'example')} together: {others}")
    mean = _gradient(trace, layer, j, k)
    return [
        *lines,
        "",
        f"∂C/∂{letter} = 1/{m} · {_bracketed(product.sum())} = {mean}",
        "    Trace one example to see where its ∂C/∂a comes from.",
    ]


def _gradient(trace: Quantities, layer: int, j: int, k: int | None) -> Any:
    if k is None:
        return trace.grad_b[layer - 1][j, 0]
    return trace.grad_W[layer - 1][j, k]


def _update(
    trace: Quantities, layer: int, j: int, k: int | None, letter: str
) -> list[str]:
    gradient = _gradient(trace, layer, j, k)
    if k is None:
        old, step = trace.b[layer - 1][j, 0], trace.update_b[layer - 1][j, 0]
    else:
        old, step = trace.W[layer - 1][j, k], trace.update_W[layer - 1][j, k]
    if gradient == 0:
        sense = "To first order, changing it does not change the cost: it stays."
    else:
        cost, sense = ("raise", "down") if gradient > 0 else ("lower", "up")
        sense = f"Raising it would {cost} the cost, so descent moves it {sense}."
    return [
        sense,
        f"update = −η · ∂C/∂{letter} = −{trace.eta} · {_bracketed(gradient)} = {step}",
        f"{letter} → {letter} + update = {old} + {_bracketed(step)} = {old + step}",
    ]


def _saturation(slope: Any) -> str:
    """Saturated is a neuron whose activation is below 0.01 or above 0.99."""
    return "; here the neuron is saturated" if slope < 0.01 * 0.99 else ""


def _times(*numbers: Any) -> str:
    first, *others = numbers
    return " · ".join([str(first), *map(_bracketed, others)])


def _bracketed(number: Any) -> str:
    """All digits of the number, as `str` of numpy's scalars has them."""
    return f"({number})" if number < 0 else str(number)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
