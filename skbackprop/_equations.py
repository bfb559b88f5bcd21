"""The derivation, one pure function for each of its equations, in its own letters.

This file is the specification. It is written to be read beside the page 'The
mathematics' of the documentation and is what `skbackprop.inspection` shows;
`skbackprop._engine` computes the same numbers fast, and the tests hold the one to
the other.

Shapes are the derivation's. Vectors are columns, so `x` and `a` have shape
``(n_l, 1)``, `b` has shape ``(n_l, 1)`` and `W` has shape ``(n_l, n_{l-1})``. A batch
is the same with one column for each example, ``(n_l, m)``: every function takes both,
and the gradients are then the average over the examples. Any float or complex dtype
passes through unchanged.
"""

import numpy as np


def half_squared_error(a, y):
    """Cost of each example (section 1), shape ``(m,)``.

    ``C = 1/n_L Σ_j ½ (a_j − y_j)²`` with `a`, `y` of shape ``(n_L, m)``.
    """
    n_L = a.shape[0]
    return np.sum((a - y) ** 2 / 2, axis=0) / n_L


def half_squared_error_prime(a, y):
    """Sensitivity of the cost to the output activations (section 1), ``(n_L, m)``.

    ``dC/da_j = 1/n_L (a_j − y_j)``
    """
    n_L = a.shape[0]
    return (a - y) / n_L


def sigmoid(z):
    """Activation level of neurons (section 2), shape of `z`.

    ``a = σ(z) = 1 / (1 + e^{−z})``
    """
    # e^{−z} of a very negative z is infinity, and 1/(1 + ∞) is the right answer, 0.
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    """Sensitivity of the activations to the pre-activations (section 2), shape of `z`.

    ``da/dz = σ(z) (1 − σ(z))``
    """
    return sigmoid(z) * (1 - sigmoid(z))


def pre_activation(W, a, b):
    """Pre-activation levels of a layer (section 3), shape ``(n_l, m)``.

    ``z_j = Σ_k w_jk a_k + b_j``, that is ``z = W a + b``, with `a` of the layer before.
    """
    return W @ a + b


def forward(x, W, b):
    """All pre-activations and activations of a network (sections 2 and 3).

    ``z^l = W^l a^{l−1} + b^l``, ``a^l = σ(z^l)``, ``a^0 = x``.

    `W` and `b` are lists with one entry for each layer after the input. Returns the
    lists ``z`` and ``a``, each indexed as the derivation counts layers: ``a[0]`` is
    the input `x`, ``a[-1]`` the output; ``z[0]`` is None, since inputs have none.
    """
    z, a = [None], [x]
    for W_l, b_l in zip(W, b, strict=True):
        z.append(pre_activation(W_l, a[-1], b_l))
        a.append(sigmoid(z[-1]))
    return z, a


def output_delta(a, y, z):
    """Error of the output layer (section 'Gradients'), shape ``(n_L, m)``.

    ``δ^L = 1/n_L (a^L − y) ⊙ σ'(z^L)``
    """
    return half_squared_error_prime(a, y) * sigmoid_prime(z)


def hidden_activation_prime(W_next, delta_next):
    """Sensitivity of the cost to hidden activations (section 'Error'), ``(n_l, m)``.

    ``∂C/∂a_j^l = Σ_q w_qj^{l+1} δ_q^{l+1}``, that is ``(W^{l+1})ᵀ δ^{l+1}``.
    """
    return W_next.T @ delta_next


def hidden_delta(W_next, delta_next, z):
    """Error of a hidden layer (section 'Gradients'), shape ``(n_l, m)``.

    ``δ^l = (W^{l+1})ᵀ δ^{l+1} ⊙ σ'(z^l)``
    """
    return hidden_activation_prime(W_next, delta_next) * sigmoid_prime(z)


def weight_gradient(delta, a_before):
    """Gradient of a layer's weights (section 'Gradients'), shape ``(n_l, n_{l−1})``.

    ``∇W^l = δ^l (a^{l−1})ᵀ``; for a batch the sum over its examples, which this matrix
    product is, divided by their number.
    """
    m = delta.shape[1]
    return delta @ a_before.T / m


def bias_gradient(delta):
    """Gradient of a layer's biases (section 'Gradients'), shape ``(n_l, 1)``.

    ``∇b^l = δ^l``; for a batch the average over its examples.
    """
    m = delta.shape[1]
    return np.sum(delta, axis=1, keepdims=True) / m


def errors(z, a, y, W):
    """Errors of all layers, from the last to the first (section 'Error').

    Takes `z` and `a` as `forward` returns them. Returns the list ``delta`` indexed
    like them; ``delta[0]`` is None, since inputs have no error.
    """
    L = len(W)
    delta = [None] * (L + 1)
    delta[L] = output_delta(a[L], y, z[L])
    for layer in range(L - 1, 0, -1):
        # W[layer] is W^{l+1}: the lists of weights begin at layer 1, not at layer 0.
        delta[layer] = hidden_delta(W[layer], delta[layer + 1], z[layer])
    return delta


def gradients(x, y, W, b):
    """Gradient of the average cost of a batch (sections 'Error' and 'Gradients').

    Returns the lists ``grad_W``, ``grad_b``, aligned with `W` and `b`.
    """
    z, a = forward(x, W, b)
    delta = errors(z, a, y, W)
    grad_W = [
        weight_gradient(d, before) for d, before in zip(delta[1:], a[:-1], strict=True)
    ]
    grad_b = [bias_gradient(d) for d in delta[1:]]
    return grad_W, grad_b


def updated(parameter, gradient, eta):
    """Weights or biases after one step of gradient descent (section 'Gradients').

    ``W^l − η ∇W^l`` and ``b^l − η ∇b^l``
    """
    return parameter - eta * gradient
