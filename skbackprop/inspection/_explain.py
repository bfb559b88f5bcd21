"""The chain rule for one weight or bias, in words and numbers."""

from typing import Any, Self

from ._chain_rule import NUDGE, Factors, Parameter, next_terms, partial_sum
from ._layout import strongest
from ._notation import counted, minuend_and_subtrahend, short
from ._quantities import Quantities

# Of longer sums, and of batches, only this many terms are shown: the largest.
TERMS = 10


class Explanation(str):
    """Text to print; a notebook shows it with the factors in their colours."""

    html: str

    def __new__(cls, text: str, html: str) -> Self:
        """Make an explanation from two forms of the same text."""
        new = super().__new__(cls, text)
        new.html = html
        return new

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        """What a copy is made of."""
        return type(self), (str(self), self.html)

    def _repr_html_(self) -> str:
        return self.html


def explain_parameter(parameter: Parameter, digits: int) -> str:
    """The text of `BackpropTrace.explain`."""
    return _Writer(parameter, digits).text()


def described(trace: Quantities, layer: int, j: int, k: int | None) -> str:
    """Describe where the weight or bias is."""
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
    return str(neuron) if name is None else f'{neuron} ("{name}")'


class _Writer:
    """Writes one explanation, with a given number of significant digits."""

    def __init__(self, parameter: Parameter, digits: int) -> None:
        self.parameter, self.trace, self.digits = parameter, parameter.trace, digits

    def text(self) -> str:
        at, letter = self.parameter, self.parameter.letter
        of_one = self.trace.n_examples == 1
        return "\n".join(
            [
                f"∂C/∂{letter} of {described(self.trace, at.layer, at.j, at.k)}",
                "",
                f"    ∂C/∂{letter} = ∂C/∂a · ∂a/∂z · ∂z/∂{letter}",
                "",
                *(self._of_one_example() if of_one else self._of_a_batch()),
                "",
                *self._update(),
            ]
        )

    def _of_one_example(self) -> list[str]:
        at, letter = self.parameter, self.parameter.letter
        factors = at.factors(0)
        a, delta = (
            values[at.j, 0]
            for values in (self.trace.a[at.layer], self.trace.delta[at.layer - 1])
        )
        slope = self._n(factors.da_dz)
        lines = self._output_sensitivity() if at.is_output else self._hidden_sum()
        lines += [
            f"∂a/∂z = a (1 − a) = {self._n(a)} · {self._n(1 - a)} = {slope}",
            f"    The slope of the sigmoid, at most 0.25{_saturation(factors.da_dz)}.",
        ]
        if at.k is None:
            lines += ["∂z/∂b = 1", "    The bias is added to z as it is."]
        else:
            source = "Input" if at.layer == 1 else "The activation of neuron"
            lines += [
                f"∂z/∂w = {self._n(factors.dz_dw)}",
                f"    {source} {at.k}, which the weight multiplies.",
            ]
        return [
            *lines,
            "",
            f"δ = ∂C/∂a · ∂a/∂z = {self._n(delta)}",
            f"∂C/∂{letter} = {self._chain(factors)}",
        ]

    def _output_sensitivity(self) -> list[str]:
        j, n_L = self.parameter.j, len(self.trace.y)
        a, y = self.trace.a[-1][j, 0], self.trace.y[j, 0]
        verdict = "exactly right" if a == y else f"too {'high' if a > y else 'low'}"
        first, second = minuend_and_subtrahend(a, y, self.digits)
        difference = f"{first} − ({second})" if y < 0 else f"{first} − {second}"
        symbols, numbers = "(a − y)", f"({difference})"
        if n_L > 1:
            symbols, numbers = f"1/n_L {symbols}", f"1/{n_L} · {numbers}"
        else:
            symbols, numbers = "a − y", difference
        return [
            f"∂C/∂a = {symbols} = {numbers} = {self._n(self.trace.dC_da[-1][j, 0])}",
            f"    The activation is {a:.3g} and should be {y:.3g}: {verdict}.",
        ]

    def _hidden_sum(self) -> list[str]:
        """The sum over the errors of the next layer, term by term."""
        at = self.parameter
        w, delta = next_terms(self.trace, at.layer, at.j)
        total = partial_sum(w * delta, strongest(w * delta, TERMS))
        lines = [
            f"∂C/∂a = Σ_q w_q{at.j} δ_q = {self._n(at.factors(0).dC_da)}",
            "    A hidden neuron affects the cost through the "
            f"{counted(len(w), 'neuron')} q of layer {at.layer + 1}:",
        ]
        for q in total.shown:
            product = self._n(w[q] * delta[q])
            lines.append(
                f"    q = {q}: {self._n(w[q])} · {self._b(delta[q])} = {product}"
            )
        if total.n_rest:
            others = counted(total.n_rest, "term")
            lines.append(f"    the other {others} together: {self._n(total.rest)}")
        return lines

    def _of_a_batch(self) -> list[str]:
        at, m = self.parameter, self.trace.n_examples
        products = at.products()
        total = partial_sum(products, strongest(products, TERMS))
        lines = [
            f"For the {m} examples i (the gradient is the average of the products):"
        ]
        for i in total.shown:
            lines.append(f"    i = {i}: {self._chain(at.factors(i))}")
        if total.n_rest:
            others = counted(total.n_rest, "example")
            lines.append(f"    the other {others} together: {self._n(total.rest)}")
        mean = self._n(at.gradient)
        return [
            *lines,
            "",
            f"∂C/∂{at.letter} = 1/{m} · {self._b(products.sum())} = {mean}",
            "    Trace one example to see where its ∂C/∂a comes from.",
        ]

    def _update(self) -> list[str]:
        at = self.parameter
        gradient, old, step, letter = at.gradient, at.value, at.step, at.letter
        if gradient == 0:
            sense = "To first order, changing it does not change the cost, so it stays."
        else:
            cost, sense = ("raise", "down") if gradient > 0 else ("lower", "up")
            sense = f"Raising it would {cost} the cost, so descent moves it {sense}."
        change = at.nudge()
        return [
            sense,
            f"nudge: {letter} + {NUDGE:g} changes C by ΔC = {self._n(change)}, and "
            f"ΔC/{NUDGE:g} = {self._n(change / NUDGE)}",
            f"update = −η · ∂C/∂{letter} = −{self._n(self.trace.eta)} · "
            f"{self._b(gradient)} = {self._n(step)}",
            f"{letter} → {letter} + update = {self._n(old)} + {self._b(step)} = "
            f"{self._n(old + step)}",
        ]

    def _chain(self, factors: Factors) -> str:
        first, *others = factors[:3]
        product = " · ".join([self._n(first), *map(self._b, others)])
        return f"{product} = {self._n(factors.product)}"

    def _n(self, number: Any) -> str:
        return short(number, self.digits)

    def _b(self, number: Any) -> str:
        """A number that follows another sign: in brackets if it has its own sign."""
        return f"({self._n(number)})" if number < 0 else self._n(number)


def _saturation(slope: Any) -> str:
    """A neuron is saturated if its activation is below 0.01 or above 0.99."""
    return "; here the neuron is saturated" if slope < 0.01 * 0.99 else ""
