"""The readable layer against numbers worked by hand and complex-step derivatives."""

from functools import partial

import numpy as np
import pytest
from array_libraries import PLACES, find_library, largest_deviation
from networks import Network, gradients
from numpy.testing import assert_allclose

from skbackprop import _equations as eq
from skbackprop._array_libraries import Library

NETWORKS = [
    (3, *hidden, n_L) for hidden in ((), (4,), (4, 3), (5, 4, 3)) for n_L in (1, 2, 10)
]


def batch_cost(x, y, W, b):
    _, a = eq.forward(x, W, b)
    return eq.half_squared_error(a[-1], y).mean()


def complex_step(parameters, cost, step=1e-30):
    """∂cost/∂p for every element p: Im cost(p + ih)/h, exact to rounding."""
    gradients = []
    for p in parameters:
        grad = np.empty(p.shape)
        for index in np.ndindex(p.shape):
            real = p[index]
            p[index] = real + 1j * step
            grad[index] = cost().imag / step
            p[index] = real
        gradients.append(grad)
    return gradients


def largest_relative_error(analytic, numeric):
    return max(
        np.abs(a - n).max() / np.abs(n).max()
        for a, n in zip(analytic, numeric, strict=True)
    )


def gradients_both_ways(units, n_examples):
    network = Network(units)
    X, Y = network.examples(n_examples)
    x, y, W, b = X.T, Y.T, network.W, network.b
    analytic = gradients(x, y, W, b)
    W, b = ([p.astype(complex) for p in layers] for layers in (W, b))
    numeric = complex_step([*W, *b], lambda: batch_cost(x, y, W, b))
    return [*analytic[0], *analytic[1]], numeric


@pytest.mark.parametrize("n_examples", [1, 5])
@pytest.mark.parametrize("units", NETWORKS, ids=str)
def test_gradient_is_the_derivative_of_the_cost(units, n_examples):
    analytic, numeric = gradients_both_ways(units, n_examples)
    assert largest_relative_error(analytic, numeric) <= 1e-10


@pytest.mark.parametrize("name", ["output_delta", "hidden_delta", "weight_gradient"])
def test_a_wrong_gradient_is_caught(name, monkeypatch):
    right = getattr(eq, name)
    monkeypatch.setattr(eq, name, lambda *args: right(*args) * 1.001)
    analytic, numeric = gradients_both_ways((3, 4, 2), 2)
    assert largest_relative_error(analytic, numeric) > 1e-4


def test_one_neuron_by_hand():
    # w = 2, b = −1, x = ½: z = 0, a = ½. With y = 0: C = ½·¼ = 1/8,
    # δ = (½ − 0)·½·½ = 1/8, ∂C/∂w = δ·x = 1/16, ∂C/∂b = 1/8.
    W, b = [np.array([[2.0]])], [np.array([[-1.0]])]
    x, y = np.array([[0.5]]), np.array([[0.0]])
    z, a = eq.forward(x, W, b)
    assert (z[0].item(), a[1].item()) == (0.0, 0.5)
    assert eq.half_squared_error(a[1], y) == [0.125]
    assert eq.sigmoid_prime(a[1]).item() == 0.25
    grad_W, grad_b = gradients(x, y, W, b)
    assert (grad_W[0].item(), grad_b[0].item()) == (0.0625, 0.125)
    assert eq.updated(W[0], grad_W[0], eta=0.5).item() == 2 - 0.5 * 0.0625


def test_hidden_error_by_hand():
    # A hidden neuron with z = 0 feeds two outputs with weights 2 and −2, z = ±1 + b = 0
    # each, so all a = ½ and σ' = ¼. With y = (0, 1) and n_L = 2:
    # dC/da^2 = ½(½, −½) = (¼, −¼), δ^2 = (1/16, −1/16),
    # ∂C/∂a^1 = 2·1/16 + (−2)·(−1/16) = ¼, δ^1 = ¼·¼ = 1/16.
    W = [np.array([[1.0]]), np.array([[2.0], [-2.0]])]
    b = [np.array([[0.0]]), np.array([[-1.0], [1.0]])]
    x, y = np.array([[0.0]]), np.array([[0.0], [1.0]])
    _, a = eq.forward(x, W, b)
    assert eq.half_squared_error_prime(a[2], y).ravel().tolist() == [0.25, -0.25]
    hidden, output = eq.errors(a, y, W)
    assert output.ravel().tolist() == [1 / 16, -1 / 16]
    assert eq.hidden_activation_prime(W[1], output).item() == 0.25
    assert hidden.item() == 1 / 16


def test_cost_divides_by_the_number_of_outputs():
    a, y = np.full((10, 1), 0.75), np.full((10, 1), 0.25)
    assert_allclose(eq.half_squared_error(a, y), [0.125])


@pytest.mark.parametrize("z", [-1000.0, -40.0, 40.0, 1000.0])
def test_sigmoid_of_large_numbers_neither_warns_nor_overflows(z):
    a = eq.sigmoid(np.array([[z]]))
    assert_allclose(a, float(z > 0), atol=1e-17)


def numbers(x, y, W, b, xp):
    """The results of all equations, with names."""
    z, a = eq.forward(x, W, b, partial(eq.sigmoid, xp=xp))
    delta = eq.errors(a, y, W)
    grad_W, grad_b = eq.gradients(a, delta, xp)
    return {
        "z": z,
        "a": a,
        "cost": [eq.half_squared_error(a[-1], y, xp)],
        "dC/da": [eq.half_squared_error_prime(a[-1], y)],
        "sigmoid": [eq.sigmoid(100 * z[0], xp)],
        "slope": list(map(eq.sigmoid_prime, a)),
        "hidden": [eq.hidden_activation_prime(W[-1], delta[-1])],
        "delta": delta,
        "grad_W": grad_W,
        "grad_b": grad_b,
        "step": list(map(eq.updated, W, grad_W, [0.7] * len(W))),
    }


@pytest.mark.parametrize("place", PLACES, ids=" on ".join)
@pytest.mark.parametrize("units", NETWORKS, ids=str)
def test_other_array_libraries_compute_the_same_numbers(units, place):
    library = find_library(*place)
    network = Network(units)
    X, Y = network.examples(5)
    examples = X.T, Y.T, network.W, network.b
    there = [
        list(map(library.from_numpy, part))
        if isinstance(part, list)
        else library.from_numpy(part)
        for part in examples
    ]
    expected = numbers(*examples, np)
    for name, got in numbers(*there, library.xp).items():
        assert all(Library.of(array) == library for array in got), name
        assert largest_deviation(got, expected[name]) <= 1e-12, name


@pytest.mark.parametrize("units", [(3, 2), (3, 4, 2)], ids=str)
def test_gradient_of_a_batch_is_the_average_over_its_examples(units):
    network = Network(units)
    X, Y = network.examples(4)
    batch = gradients(X.T, Y.T, network.W, network.b)
    singles = [gradients(X[[i]].T, Y[[i]].T, network.W, network.b) for i in range(4)]
    for kind in (0, 1):
        for layer, gradient in enumerate(batch[kind]):
            mean = np.mean([single[kind][layer] for single in singles], axis=0)
            assert_allclose(gradient, mean, rtol=1e-13)


def test_layers_that_do_not_belong_together_are_refused():
    network = Network((3, 4, 2))
    X, Y = network.examples(1)
    W, b = network.W, network.b
    _, a = eq.forward(X.T, W, b)
    with pytest.raises(ValueError, match="shorter"):
        eq.forward(X.T, W, b[:1])
    with pytest.raises(ValueError, match="shorter"):
        eq.errors(a[1:], Y.T, W)
