"""The network on the arrays of any library, on a GPU for instance.

Here the derivation itself, `skbackprop._equations`, trains. Arrays are never changed:
an update makes new ones, so a snapshot is a list of references. Updates read nothing
from the device, not even their costs, so that it never waits for Python.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from .. import _equations as eq

# An array of any library, and lists of them.
Array = Any
Layers = list[Array]
# Inputs and targets, a row for each example, and weights, a number for each, or None.
Block = tuple[Array, Array, Array | None]
Snapshot = tuple[Layers, Layers | None]

# Memory that the rows of a chunk need in the network. A GPU computes products of so
# many rows as fast as larger ones.
CHUNK_BYTES = 2**28


class ArrayEngine:
    """One network during training, as in `network.Engine`, whose parameters it shares.

    All arrays belong to one library and one device. Nothing is validated here.

    Parameters
    ----------
    coefs, intercepts : lists of arrays ``(n_{l-1}, n_l)`` and ``(n_l,)``
        Initial parameters; not changed.
    xp : namespace
        The functions of the library.
    float_dtype : dtype
        The widest type of the device, in which costs are added up.
    alpha, momentum, nesterov, velocity
        As in `network.Engine`.
    """

    def __init__(
        self,
        coefs: Layers,
        intercepts: Layers,
        *,
        xp: Any,
        float_dtype: Any,
        alpha: float = 0.0,
        momentum: float = 0.0,
        nesterov: bool = False,
        velocity: tuple[Layers, Layers] | None = None,
    ) -> None:
        self.xp, self._float_dtype = xp, float_dtype
        self._sigma = sigma_of(xp)
        self.alpha, self.momentum = alpha, momentum
        self.nesterov = nesterov
        self._n_layers = len(coefs)
        # All W of the derivation, then all b; and the velocity, if there is momentum.
        W, b = derivation_parameters(coefs, intercepts, xp)
        self.theta: Layers = [*W, *b]
        self.velocity: Layers | None = None
        if momentum > 0 and velocity is None:
            self.velocity = [xp.zeros_like(p) for p in self.theta]
        elif momentum > 0 and velocity is not None:
            W, b = derivation_parameters(*velocity, xp)
            self.velocity = [*W, *b]
        self.chunk_rows = chunk_rows(coefs, xp)

    @property
    def n_outputs(self) -> int:
        """Number of output neurons, the derivation's ``n_L``."""
        return int(self.theta[-1].shape[0])

    def parameters(self) -> tuple[Layers, Layers]:
        """The parameters as the lists `coefs`, `intercepts`."""
        return self._lists(self.theta)

    def velocities(self) -> tuple[Layers, Layers] | None:
        """The momentum's state in the same form; None without momentum."""
        return None if self.velocity is None else self._lists(self.velocity)

    def read(self, cost: Array) -> float:
        """The value of a cost; NaN if a parameter is no longer a finite number."""
        # In one step, because reading from a device takes long.
        zero = sum(self.xp.sum(0 * p) for p in self.theta)
        return float(cost + zero)

    def snapshot(self) -> Snapshot:
        """Everything that updates replace, for `restore`."""
        return self.theta, self.velocity

    def restore(self, snapshot: Snapshot) -> None:
        """Return to the state when the snapshot was taken."""
        self.theta, self.velocity = snapshot

    def decision(self, X: Array) -> Array:
        """Pre-activations ``z^L`` of the output layer, a row for each row of `X`."""
        return decision(*self._split(self.theta), X, self.xp)

    def descend(self, batch: Iterable[Block], batch_size: int, eta: float) -> Array:
        """Make one update, from a batch that comes in blocks of its rows.

        A smaller last batch has fewer rows than `batch_size`. Return the sum of the
        examples' costs, each multiplied by its weight, as an array without dimensions.
        """
        blocks = iter(batch)
        X, Y, weights = next(blocks)
        m = X.shape[0]
        gradient, cost = self._gradient(X, Y, weights)
        for X, Y, weights in blocks:
            of_block, cost_of_block = self._gradient(X, Y, weights)
            cost = cost + cost_of_block
            m += X.shape[0]
            share = X.shape[0] / m  # of the rows so far
            gradient = [
                mean + (new - mean) * share
                for mean, new in zip(gradient, of_block, strict=True)
            ]
        self._update(gradient, self.alpha * m / batch_size**2, eta)
        return cost

    def _gradient(
        self, X: Array, Y: Array, weights: Array | None
    ) -> tuple[Layers, Array]:
        """The average gradient of a block, in the order of `theta`; and its cost."""
        xp, x, y = self.xp, X.T, Y.T
        W, b = self._split(self.theta)
        _, a = eq.forward(x, W, b, self._sigma)
        delta, costs = eq.errors(a, y, W), eq.half_squared_error(a[-1], y, xp)
        if weights is not None:
            delta, costs = [d * weights for d in delta], costs * weights
        grad_W, grad_b = eq.gradients(a, delta, xp)
        return [*grad_W, *grad_b], xp.sum(costs, dtype=self._float_dtype)

    def _update(self, gradient: Layers, penalty: float, eta: float) -> None:
        """A step of descent against the gradient, plus `penalty` times the weights."""
        theta, velocity = self.theta, self.velocity
        if penalty:
            grad_W, grad_b = self._split(gradient)
            W, _ = self._split(theta)
            grad_W = [g + penalty * W_l for g, W_l in zip(grad_W, W, strict=True)]
            gradient = [*grad_W, *grad_b]
        if velocity is not None:
            velocity = [
                eq.updated(self.momentum * v, g, eta)
                for v, g in zip(velocity, gradient, strict=True)
            ]
            ahead = self.momentum if self.nesterov else 1.0
            theta = [p + ahead * v for p, v in zip(theta, velocity, strict=True)]
        if velocity is None or self.nesterov:
            theta = [
                eq.updated(p, g, eta) for p, g in zip(theta, gradient, strict=True)
            ]
        self.theta, self.velocity = theta, velocity

    def _split(self, arrays: Layers) -> tuple[Layers, Layers]:
        """Arrays in the order of `theta` as the lists `W` and `b`."""
        return arrays[: self._n_layers], arrays[self._n_layers :]

    def _lists(self, arrays: Layers) -> tuple[Layers, Layers]:
        W, b = self._split(arrays)
        return [W_l.T for W_l in W], [b_l[:, 0] for b_l in b]


def derivation_parameters(
    coefs: Layers, intercepts: Layers, xp: Any
) -> tuple[Layers, Layers]:
    """The lists `W` and `b` of the derivation.

    This is the one place that turns `coefs_`, of shape ``(n_{l−1}, n_l)``, into
    ``W^l``, of shape ``(n_l, n_{l−1})``, and `intercepts_` into columns.
    """
    W = [
        # In the memory order of the gradients: in the other one, updates of 784-500
        # took 2.5 times as long. A trained network is in this order already.
        xp.reshape(xp.reshape(coef.T, (-1,)), (coef.shape[1], coef.shape[0]))
        for coef in coefs
    ]
    return W, [intercept[:, None] for intercept in intercepts]


def sigma_of(xp: Any) -> Callable[[Array], Array]:
    """σ by the functions of a library.

    PyTorch has it as one function, which takes one pass over the memory instead of
    five. The others compute the equation.
    """
    sigma: Callable[[Array], Array] = getattr(xp, "sigmoid", partial(eq.sigmoid, xp=xp))
    return sigma


def chunk_rows(coefs: Layers, xp: Any) -> int:
    """The number of rows that pass through the network at once."""
    n_inputs, n_neurons = coefs[0].shape[0], sum(coef.shape[1] for coef in coefs)
    # The rows and the next ones; z, a and δ of all layers; and two results on the way.
    numbers = 2 * n_inputs + 5 * n_neurons
    bytes_each = xp.finfo(coefs[0].dtype).bits // 8
    return max(1, CHUNK_BYTES // int(numbers * bytes_each))


def pieces(rows: slice, size: int) -> Iterator[slice]:
    """These rows in slices of at most `size`."""
    for start in range(rows.start, rows.stop, size):
        yield slice(start, min(start + size, rows.stop))


def decision(W: Layers, b: Layers, X: Array, xp: Any) -> Array:
    """Pre-activations ``z^L`` of the output layer for a block of rows."""
    z, _ = eq.forward(X.T, W, b, sigma_of(xp))
    return z[-1].T


def all_finite(arrays: Layers, xp: Any) -> bool:
    """Whether all numbers in these arrays are finite."""
    return bool(xp.all(xp.stack([xp.all(xp.isfinite(array)) for array in arrays])))


def forward(
    coefs: Layers, intercepts: Layers, X: Array, xp: Any
) -> tuple[Array, int | None]:
    """``z^L`` for the rows of `X`, and the first row where it is not finite."""
    W, b = derivation_parameters(coefs, intercepts, xp)
    chunks = pieces(slice(0, X.shape[0]), chunk_rows(coefs, xp))
    blocks = [decision(W, b, X[chunk, ...], xp) for chunk in chunks]
    z = blocks[0] if len(blocks) == 1 else xp.concat(blocks)
    if all_finite([z], xp):
        return z, None
    is_bad = xp.logical_not(xp.all(xp.isfinite(z), axis=1))
    return z, int(xp.argmax(xp.astype(is_bad, xp.int32)))
