"""The chain rule for one weight or bias, as numbers: what words and pages show."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _equations as eq
from ._quantities import Quantities

Array = NDArray[Any]

# By so much a weight is moved to see what the cost does: small enough that the curve is
# straight over this distance, to three digits; large enough for float64.
NUDGE = 1e-4


class Factors(NamedTuple):
    """Of one example: ∂C/∂a · ∂a/∂z · ∂z/∂w, and the product."""

    example: int
    dC_da: Any
    da_dz: Any
    dz_dw: Any
    product: Any


class PartialSum(NamedTuple):
    """A sum shown by some of its terms, and all others together."""

    shown: list[int]
    n_rest: int
    rest: Any


@dataclass(frozen=True)
class Parameter:
    """A weight, or where `k` is None the bias, that leads to neuron `j` of `layer`."""

    trace: Quantities
    layer: int
    j: int
    k: int | None

    @property
    def letter(self) -> str:
        """The derivation's."""
        return "b" if self.k is None else "w"

    def _of(self, of_weights: list[Array], of_biases: list[Array]) -> Any:
        if self.k is None:
            return of_biases[self.layer - 1][self.j, 0]
        return of_weights[self.layer - 1][self.j, self.k]

    @property
    def value(self) -> Any:
        """The parameter before the update."""
        return self._of(self.trace.W, self.trace.b)

    @property
    def gradient(self) -> Any:
        """∂C/∂w, for a batch the average."""
        return self._of(self.trace.grad_W, self.trace.grad_b)

    @property
    def step(self) -> Any:
        """What the update adds, −η ∂C/∂w."""
        return self._of(self.trace.update_W, self.trace.update_b)

    @property
    def is_output(self) -> bool:
        """Whether it leads to an output neuron."""
        return self.layer == len(self.trace.W)

    def factors(self, i: int) -> Factors:
        """The factors of example `i`."""
        at, j = self.layer - 1, self.j
        dC_da, da_dz = self.trace.dC_da[at][j, i], self.trace.sigma_prime[at][j, i]
        dz_dw = da_dz.dtype.type(1) if self.k is None else self.trace.a[at][self.k, i]
        return Factors(i, dC_da, da_dz, dz_dw, self.trace.delta[at][j, i] * dz_dw)

    def products(self) -> Array:
        """Their products, for each example."""
        delta = self.trace.delta[self.layer - 1][self.j]
        return delta if self.k is None else delta * self.trace.a[self.layer - 1][self.k]

    def next_terms(self) -> tuple[Array, Array]:
        """``w_qj`` and ``δ_q`` of the neurons that a hidden neuron `j` feeds.

        Their products add up to ∂C/∂a_j (section 5, Error).
        """
        return self.trace.W[self.layer][:, self.j], self.trace.delta[self.layer][:, 0]

    def nudged_cost(self) -> tuple[float, float]:
        """The cost now, and with this parameter alone larger by NUDGE; in float64.

        Only neuron `j` and the layers after it change, so only they are computed.
        """
        at, trace = self.layer - 1, self.trace
        W, b = (
            [array.astype(float) for array in arrays[at:]]
            for arrays in (trace.W, trace.b)
        )
        a, y = trace.a[at].astype(float), trace.y.astype(float)
        costs = []
        for distance in (0.0, NUDGE):
            z = eq.pre_activation(W[0], a, b[0])
            z[self.j] += distance * (1 if self.k is None else a[self.k])
            _, later = eq.forward(eq.sigmoid(z), W[1:], b[1:])
            costs.append(float(np.mean(eq.half_squared_error(later[-1], y))))
        return costs[0], costs[1]


def partial_sum(terms: Array, shown: list[int]) -> PartialSum:
    """The sum of the terms, of which those `shown` stand for themselves."""
    return PartialSum(shown, len(terms) - len(shown), np.delete(terms, shown).sum())
