"""The derivation, one pure function for each of its equations, in its own letters.

This file is the specification. Read it beside the page "The mathematics" of the
documentation, whose numbered sections the docstrings cite. `skbackprop._engine`
computes the same numbers fast, and the tests check one against the other.

Shapes are the derivation's. Vectors are columns: `x`, `a` and `b` have shape
``(n_l, 1)``, and `W` has shape ``(n_l, n_{l-1})``. A batch has one column for each
example, ``(n_l, m)``. Every function accepts both; the gradients of a batch are
averages over its examples. Any float or complex dtype passes through unchanged.

The arrays may belong to any library that follows the array API standard, such as
PyTorch on a GPU (`skbackprop._engine.array_api`). Where an operator is not enough, a
function takes the library's namespace as `xp`, which is numpy unless given.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Any float or complex dtype.
Array = NDArray[Any]
# The functions of an array library.
Namespace = Any
Activation = Callable[[Array], Array]


def half_squared_error(a: Array, y: Array, xp: Namespace = np) -> Array:
    """Cost of each example (section 1, Cost function), shape ``(m,)``.

    ``C = 1/n_L Σ_j ½ (a_j − y_j)²``, where `a` and `y` have shape ``(n_L, m)``.
    """
    n_L = a.shape[0]
    return xp.sum((a - y) ** 2, axis=0) / (2 * n_L)


def half_squared_error_prime(a: Array, y: Array) -> Array:
    """Sensitivity of the cost to the output activations (section 1, Cost function).

    ``dC/da_j = 1/n_L (a_j − y_j)``, shape ``(n_L, m)``.
    """
    n_L = a.shape[0]
    return (a - y) / n_L


def sigmoid(z: Array, xp: Namespace = np) -> Array:
    """Activation level of neurons (section 2, Activation level), shape of `z`.

    ``a = σ(z) = 1 / (1 + e^{−z})``
    """
    # e^{−z} of a very negative z is infinity, and 1/(1 + ∞) is the right answer, 0.
    with np.errstate(over="ignore"):
        return 1 / (1 + xp.exp(-z))


def sigmoid_prime(a: Array) -> Array:
    """Slope of the sigmoid, ``da/dz`` (section 2, Activation level), shape of `a`.

    ``da/dz = σ(z) (1 − σ(z)) = a (1 − a)``, where ``a = σ(z)`` is known already.
    """
    return a * (1 - a)


def pre_activation(W: Array, a: Array, b: Array) -> Array:
    """Pre-activation levels (section 3, Pre-activation level), shape ``(n_l, m)``.

    ``z_j = Σ_k w_jk a_k + b_j``, that is ``z = W a + b``. ``w_jk`` is the weight from
    neuron k to neuron j, and `a` belongs to the previous layer.
    """
    return W @ a + b


def forward(
    x: Array, W: list[Array], b: list[Array], sigma: Activation = sigmoid
) -> tuple[list[Array], list[Array]]:
    """Forward pass of a network (section 3, Pre-activation level).

    ``z^l = W^l a^{l−1} + b^l``, ``a^l = σ(z^l)``, ``a^0 = x``. `sigma` is σ, for a
    library that computes it in one step.

    Returns the lists ``z`` and ``a`` of all layers. `W`, `b` and ``z`` begin with
    layer 1, ``a`` with layer 0, the input.
    """
    z: list[Array] = []
    a = [x]
    for W_l, b_l in zip(W, b, strict=True):
        z.append(pre_activation(W_l, a[-1], b_l))
        a.append(sigma(z[-1]))
    return z, a


def output_delta(a: Array, y: Array) -> Array:
    """Error of the output layer (section 6, Gradients), shape ``(n_L, m)``.

    ``δ^L = 1/n_L (a^L − y) ⊙ σ'(z^L)``
    """
    return half_squared_error_prime(a, y) * sigmoid_prime(a)


def hidden_activation_prime(W_next: Array, delta_next: Array) -> Array:
    """Sensitivity of the cost to hidden activations (section 5, Error).

    ``∂C/∂a_j^l = Σ_q w_qj^{l+1} δ_q^{l+1}``, that is ``(W^{l+1})ᵀ δ^{l+1}``, of shape
    ``(n_l, m)``.
    """
    return W_next.T @ delta_next


def hidden_delta(W_next: Array, delta_next: Array, a: Array) -> Array:
    """Error of a hidden layer (section 6, Gradients), shape ``(n_l, m)``.

    ``δ^l = (W^{l+1})ᵀ δ^{l+1} ⊙ σ'(z^l)``
    """
    return hidden_activation_prime(W_next, delta_next) * sigmoid_prime(a)


def weight_gradient(delta: Array, a_before: Array) -> Array:
    """Gradient of a layer's weights (section 6, Gradients), shape ``(n_l, n_{l−1})``.

    ``∇W^l = δ^l (a^{l−1})ᵀ``. For a batch, this matrix product is the sum over the
    examples; dividing by their number gives the average.
    """
    m = delta.shape[1]
    return delta @ a_before.T / m


def bias_gradient(delta: Array, xp: Namespace = np) -> Array:
    """Gradient of a layer's biases (section 6, Gradients), shape ``(n_l, 1)``.

    ``∇b^l = δ^l``; for a batch, the average over its examples.
    """
    return xp.mean(delta, axis=1, keepdims=True)


def errors(a: list[Array], y: Array, W: list[Array]) -> list[Array]:
    """Errors of layers 1 to L, found from the last to the first (section 6, Gradients).

    Takes the list `a` that `forward` returns.
    """
    delta = [output_delta(a[-1], y)]
    # Backwards from layer L − 1 to 1, each with the weights of the layer after it.
    for W_next, a_l in zip(reversed(W[1:]), reversed(a[1:-1]), strict=True):
        delta.insert(0, hidden_delta(W_next, delta[0], a_l))
    return delta


def gradients(
    a: list[Array], delta: list[Array], xp: Namespace = np
) -> tuple[list[Array], list[Array]]:
    """Gradient of the average cost of a batch (section 6, Gradients).

    Takes the lists that `forward` and `errors` return. Returns the lists ``grad_W`` and
    ``grad_b``, one entry for each layer.
    """
    grad_W = [
        weight_gradient(d, a_before) for d, a_before in zip(delta, a[:-1], strict=True)
    ]
    grad_b = [bias_gradient(d, xp) for d in delta]
    return grad_W, grad_b


def updated(parameter: Array, gradient: Array, eta: float) -> Array:
    """Weights or biases after one step of gradient descent (section 7, Update).

    ``W^l − η ∇W^l`` and ``b^l − η ∇b^l``, where ``η`` is the learning rate.
    """
    return parameter - eta * gradient
