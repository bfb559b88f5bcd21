"""All quantities of one backward pass, computed by `_equations` alone."""

from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .. import _equations as eq
from ._outputs import Outputs

Array = NDArray[Any]


class Names(NamedTuple):
    """Names of the inputs and of the output neurons; None if they have only numbers."""

    inputs: list[str] | None = None
    outputs: list[str] | None = None

    def of(self, layer: int, n_layers: int, neuron: int) -> str | None:
        """The name of a neuron; None for hidden neurons and for bare numbers."""
        names = {0: self.inputs, n_layers: self.outputs}.get(layer)
        if names is None or names[neuron] == str(neuron):
            return None
        return names[neuron]


class Quantities:
    """The results of a forward and a backward pass, as `BackpropTrace` lists them.

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
        self.sigma_prime = [eq.sigmoid_prime(a) for a in self.a[1:]]
        self.delta = eq.errors(self.a, y, W)
        self.dC_da = [
            eq.hidden_activation_prime(W_next, delta_next)
            for W_next, delta_next in zip(W[1:], self.delta[1:], strict=True)
        ]
        self.dC_da.append(eq.half_squared_error_prime(self.a[-1], y))
        self.grad_W, self.grad_b = eq.gradients(self.a, self.delta)
        self.update_W = [-eta * grad for grad in self.grad_W]
        self.update_b = [-eta * grad for grad in self.grad_b]

    @property
    def units(self) -> list[int]:
        """Neurons of each layer, with the inputs: ``[n_0, ..., n_L]``."""
        return [len(a) for a in self.a]

    @property
    def n_examples(self) -> int:
        """The number of examples that the gradients are averaged over, ``m``."""
        return int(self.y.shape[1])

    @cached_property
    def in_float64(self) -> "Quantities":
        """The same in float64, in which small changes of the cost can be seen."""
        if self.y.dtype == np.float64:
            return self
        W, b, (x, y) = (
            [array.astype(np.float64) for array in arrays]
            for arrays in (self.W, self.b, (self.a[0], self.y))
        )
        return Quantities(W, b, x, y, self.eta, self.names, self.outputs)

    def example(self, i: int) -> Self:
        """Trace one example of the batch alone.

        Parameters
        ----------
        i : int
            Its place in the batch.

        Returns
        -------
        trace : BackpropTrace
            Its own errors and gradients in the same network.

        Examples
        --------
        >>> from skbackprop import SGDSigmoidMLP
        >>> from skbackprop.inspection import backprop_trace
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> model = SGDSigmoidMLP((2,), random_state=0).partial_fit(X, y, [0, 1])
        >>> trace = backprop_trace(model, X, y)
        >>> print(trace.example(2).cost == trace.costs[2])
        True
        """
        return self._with(self.W, self.b, [i])

    def after_update(self) -> Self:
        """Trace the same examples through the network as the update leaves it.

        Returns
        -------
        trace : BackpropTrace
            With the weights ``W − η ∇W`` and the biases ``b − η ∇b``.

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
        return self._after

    @cached_property
    def _after(self) -> Self:
        W = [old + step for old, step in zip(self.W, self.update_W, strict=True)]
        b = [old + step for old, step in zip(self.b, self.update_b, strict=True)]
        return self._with(W, b, slice(None))

    def _with(self, W: list[Array], b: list[Array], columns: Any) -> Self:
        x, y = self.a[0][:, columns], self.y[:, columns]
        return type(self)(W, b, x, y, self.eta, self.names, self.outputs)

    @property
    def strengths(self) -> list[Array]:
        """How much each neuron of each layer matters in a picture of this pass.

        For an output, ∂C/∂a counts, without the slope: a reader looks for saturated
        neurons that are wrong.
        """
        return [
            np.abs(self.grad_W[0]).sum(axis=0),
            *(np.abs(delta).mean(axis=1) for delta in self.delta[:-1]),
            np.abs(self.dC_da[-1]).mean(axis=1),
        ]

    @property
    def reading(self) -> str:
        """Target and prediction of one example, as the estimator reads them."""
        target, prediction = (
            self.outputs.reading(values[:, 0]) for values in (self.y, self.a[-1])
        )
        return f"target {target}, prediction {prediction}" if target else ""

    @property
    def roles(self) -> dict[int, str]:
        """For one example, the true and the predicted class: always in the picture."""
        if self.n_examples > 1:
            return {}
        return self.outputs.roles(self.a[-1][:, 0], self.y[:, 0])
