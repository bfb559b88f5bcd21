"""All quantities of one backward pass, found by `_equations` alone."""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .. import _equations as eq
from ._outputs import Outputs

Array = NDArray[Any]


class Names(NamedTuple):
    """Names of the inputs and of the output neurons; None where they have numbers."""

    inputs: list[str] | None = None
    outputs: list[str] | None = None

    def of(self, layer: int, n_layers: int, neuron: int) -> str | None:
        """The name of a neuron; hidden neurons have none, nor have bare numbers."""
        names = {0: self.inputs, n_layers: self.outputs}.get(layer)
        if names is None or names[neuron] == str(neuron):
            return None
        return names[neuron]


class Quantities:
    """What a pass forward and back finds; the attributes are those of `BackpropTrace`.

    Parameters
    ----------
    W, b : lists of arrays ``(n_l, n_{l−1})`` and ``(n_l, 1)``
    x, y : arrays ``(n_0, m)`` and ``(n_L, m)``
    eta : float
    names : Names
    outputs : Outputs
    """

    def __init__(
        self,
        W: list[Array],
        b: list[Array],
        x: Array,
        y: Array,
        eta: float,
        names: Names,
        outputs: Outputs,
    ) -> None:
        self.W, self.b, self.y, self.eta, self.names = W, b, y, eta, names
        self.outputs = outputs
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

    def example(self, i: int) -> Self:
        """Trace one example of the batch alone.

        Parameters
        ----------
        i : int
            Its place in the batch.

        Returns
        -------
        trace : BackpropTrace
            Its own errors and gradients, of the same network.

        Examples
        --------
        >>> from skbackprop import SGDSigmoidMLP
        >>> from skbackprop.inspection import backprop_trace
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> model = SGDSigmoidMLP((2,), random_state=0).partial_fit(X, y, [0, 1])
        >>> trace = backprop_trace(model, X, y)
        >>> trace.example(2).cost == trace.costs[2]
        True
        """
        return self._with(self.W, self.b, [i])

    def after_update(self) -> Self:
        """Trace the same examples through the network as the update leaves it.

        Returns
        -------
        trace : BackpropTrace
            Of the weights ``W − η ∇W`` and the biases ``b − η ∇b``.

        Examples
        --------
        >>> from skbackprop import SGDSigmoidMLP
        >>> from skbackprop.inspection import backprop_trace
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> model = SGDSigmoidMLP((2,), random_state=0).partial_fit(X, y, [0, 1])
        >>> trace = backprop_trace(model, X, y)
        >>> trace.after_update().cost < trace.cost
        True
        """
        W = [old + step for old, step in zip(self.W, self.update_W, strict=True)]
        b = [old + step for old, step in zip(self.b, self.update_b, strict=True)]
        return self._with(W, b, slice(None))

    def _with(self, W: list[Array], b: list[Array], columns: Any) -> Self:
        x, y = self.a[0][:, columns], self.y[:, columns]
        return type(self)(W, b, x, y, self.eta, self.names, self.outputs)

    @property
    def strengths(self) -> list[Array]:
        """How much each neuron of each layer matters in a picture of this pass.

        Of an output, its error counts before the slope: a saturated neuron that is
        wrong is what a reader looks for.
        """
        return [
            np.abs(self.grad_W[0]).sum(axis=0),
            *(np.abs(delta).mean(axis=1) for delta in self.delta[:-1]),
            np.abs(self.dC_da[-1]).mean(axis=1),
        ]

    @property
    def roles(self) -> dict[int, str]:
        """Of one example, the true and the predicted class: every picture has them."""
        if self.n_examples > 1:
            return {}
        return self.outputs.roles(self.a[-1][:, 0], self.y[:, 0])
