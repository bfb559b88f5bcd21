"""All quantities of one backward pass, found by `_equations` alone."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _equations as eq

Array = NDArray[Any]


class Names(NamedTuple):
    """Names of the inputs and of the output neurons; None where they have numbers."""

    inputs: list[str] | None = None
    outputs: list[str] | None = None

    def of(self, layer: int, n_layers: int, neuron: int) -> str | None:
        """The name of a neuron; those between have none."""
        names = {0: self.inputs, n_layers: self.outputs}.get(layer)
        return None if names is None else names[neuron]


class Quantities:
    """What a pass forward and back finds; the attributes are those of `BackpropTrace`.

    Parameters
    ----------
    W, b : lists of arrays ``(n_l, n_{l−1})`` and ``(n_l, 1)``
    x, y : arrays ``(n_0, m)`` and ``(n_L, m)``
    eta : float
    names : Names
    """

    def __init__(
        self,
        W: list[Array],
        b: list[Array],
        x: Array,
        y: Array,
        eta: float,
        names: Names,
    ) -> None:
        self.W, self.b, self.y, self.eta, self.names = W, b, y, eta, names
        self.z, self.a = eq.forward(x, W, b)
        self.costs = eq.half_squared_error(self.a[-1], y)
        self.cost = float(np.mean(self.costs))
        self.sigma_prime = [eq.sigmoid_prime(z) for z in self.z]
        self.delta = eq.errors(self.z, self.a, y, W)
        self.dC_da = [
            eq.hidden_activation_prime(W_next, delta_next)
            for W_next, delta_next in zip(W[1:], self.delta[1:], strict=True)
        ]
        self.dC_da.append(eq.half_squared_error_prime(self.a[-1], y))
        self.grad_W, self.grad_b = eq.gradients(x, y, W, b)
        self.update_W = [-eta * grad for grad in self.grad_W]
        self.update_b = [-eta * grad for grad in self.grad_b]

    @property
    def units(self) -> list[int]:
        """Neurons of each layer, with the inputs: ``[n_0, ..., n_L]``."""
        return [len(a) for a in self.a]

    @property
    def n_examples(self) -> int:
        """Examples that the gradients are averages over, ``m``."""
        return int(self.y.shape[1])
