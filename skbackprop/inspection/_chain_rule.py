"""The chain rule for one weight or bias, as numbers for words and pages."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _equations as eq
from ._quantities import Quantities

Array = NDArray[Any]

# How far a weight is moved to see what the cost does: so little that the cost is a
# straight line over this distance, to three digits, but enough for float64.
NUDGE = 1e-4


class Factors(NamedTuple):
    """The factors for one example, ∂C/∂a · ∂a/∂z · ∂z/∂w, and their product."""

    dC_da: Any
    da_dz: Any
    dz_dw: Any
    product: Any


class PartialSum(NamedTuple):
    """A sum of which some terms are shown and all others are added up."""

    shown: list[int]
    n_rest: int
    rest: Any


@dataclass(frozen=True)
class Parameter:
    """A weight that leads to neuron `j` of `layer`, or its bias if `k` is None."""

    trace: Quantities
    layer: int
    j: int
    k: int | None

    @property
    def letter(self) -> str:
        """The letter in the derivation."""
        return "b" if self.k is None else "w"

    def _entry(self, of_weights: list[Array], of_biases: list[Array]) -> Any:
        if self.k is None:
            return of_biases[self.layer - 1][self.j, 0]
        return of_weights[self.layer - 1][self.j, self.k]

    @property
    def value(self) -> Any:
        """The parameter before the update."""
        return self._entry(self.trace.W, self.trace.b)

    @property
    def gradient(self) -> Any:
        """∂C/∂w; for a batch, the average."""
        return self._entry(self.trace.grad_W, self.trace.grad_b)

    @property
    def step(self) -> Any:
        """What the update adds, −η ∂C/∂w."""
        return self._entry(self.trace.update_W, self.trace.update_b)

    @property
    def is_output(self) -> bool:
        """Whether this parameter leads to an output neuron."""
        return self.layer == len(self.trace.W)

    def factors(self, i: int) -> Factors:
        """The factors for example `i`."""
        at, j = self.layer - 1, self.j
        dC_da, da_dz = self.trace.dC_da[at][j, i], self.trace.sigma_prime[at][j, i]
        dz_dw = da_dz.dtype.type(1) if self.k is None else self.trace.a[at][self.k, i]
        return Factors(dC_da, da_dz, dz_dw, self.trace.delta[at][j, i] * dz_dw)

    def products(self) -> Array:
        """The product of the factors, for each example."""
        delta = self.trace.delta[self.layer - 1][self.j]
        return delta if self.k is None else delta * self.trace.a[self.layer - 1][self.k]

    def nudge(self) -> float:
        """How the cost changes if this parameter alone is raised by NUDGE; in float64.

        Only neuron `j` of its layer changes, and with it the layers after it.
        """
        trace, at, j = self.trace.in_float64, self.layer - 1, self.j
        source = 1.0 if self.k is None else trace.a[at][self.k]
        a_j = eq.sigmoid(trace.z[at][j] + NUDGE * source)
        if self.is_output:
            output = trace.a[-1].copy()
            output[j] = a_j
        else:
            change = trace.W[at + 1][:, [j]] * (a_j - trace.a[at + 1][j])
            a_next = eq.sigmoid(trace.z[at + 1] + change)
            _, later = eq.forward(a_next, trace.W[at + 2 :], trace.b[at + 2 :])
            output = later[-1]
        return float(np.mean(eq.half_squared_error(output, trace.y))) - trace.cost


def next_terms(trace: Quantities, layer: int, j: int) -> tuple[Array, Array]:
    """``w_qj`` and ``δ_q`` for the neurons q that neuron `j` of a hidden layer feeds.

    Their products add up to ∂C/∂a_j (section 5, Error).
    """
    return trace.W[layer][:, j], trace.delta[layer][:, 0]


def partial_sum(terms: Array, shown: list[int]) -> PartialSum:
    """The sum of the terms: those in `shown` singly, all others together."""
    return PartialSum(shown, len(terms) - len(shown), np.delete(terms, shown).sum())
