"""Small random networks for the tests, and their training by the derivation alone."""

from itertools import pairwise

import numpy as np

from skbackprop import _equations as eq


class Network:
    """Random parameters, in scikit-learn's shapes and in the derivation's."""

    def __init__(self, units, dtype=np.float64, seed=0):
        rng = np.random.default_rng(seed)
        self.units = units
        self.coefs = [
            rng.normal(size=(n_in, n_out)).astype(dtype)
            for n_in, n_out in pairwise(units)
        ]
        self.intercepts = [rng.normal(size=n).astype(dtype) for n in units[1:]]

    @property
    def W(self):
        return [coef.T.astype(np.float64) for coef in self.coefs]

    @property
    def b(self):
        return [b[:, np.newaxis].astype(np.float64) for b in self.intercepts]

    def examples(self, n_rows, dtype=np.float64, seed=1):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n_rows, self.units[0])).astype(dtype)
        Y = rng.random((n_rows, self.units[-1])).astype(dtype)
        return X, Y


def gradients(x, y, W, b):
    """Gradient of the average cost of a batch, by `_equations`."""
    _, a = eq.forward(x, W, b)
    return eq.gradients(a, eq.errors(a, y, W))


class Reference:
    """Gradient descent by `_equations`, with an explicit velocity."""

    def __init__(self, network, alpha=0.0, momentum=0.0, nesterov=False):
        self.theta = [network.W, network.b]
        self.v = [[np.zeros_like(p) for p in layers] for layers in self.theta]
        self.alpha, self.momentum, self.nesterov = alpha, momentum, nesterov

    def update(self, X, Y, eta, weights=None, batch_size=None):
        x, y = X.T.astype(np.float64), Y.T.astype(np.float64)
        m = len(X)
        # In a smaller last batch, each example has the same penalty as all others.
        penalty = self.alpha * m / (batch_size or m) ** 2
        W, b = self.theta
        _, a = eq.forward(x, W, b)
        delta = eq.errors(a, y, W)
        if weights is not None:
            delta = [d * weights for d in delta]
        grads = [
            [
                eq.weight_gradient(d, a_l) + penalty * W_l
                for d, a_l, W_l in zip(delta, a[:-1], W, strict=True)
            ],
            [eq.bias_gradient(d) for d in delta],
        ]
        for kind in (0, 1):
            for layer, grad in enumerate(grads[kind]):
                v = self.momentum * self.v[kind][layer] - eta * grad
                step = self.momentum * v - eta * grad if self.nesterov else v
                self.v[kind][layer] = v
                self.theta[kind][layer] = self.theta[kind][layer] + step
        costs = eq.half_squared_error(a[-1], y)
        return float(costs @ (np.ones(m) if weights is None else weights))

    def descend(self, X, Y, eta, batch_size, weights=None):
        cost = 0.0
        for start in range(0, len(X), batch_size):
            rows = slice(start, start + batch_size)
            w = None if weights is None else weights[rows]
            cost += self.update(X[rows], Y[rows], eta, w, batch_size)
        return cost


def deviation(engine, W, b):
    """The largest difference of the parameters, relative to the largest parameter."""
    pairs = [
        *zip(engine.theta.Wt, (W_l.T for W_l in W), strict=True),
        *zip(engine.theta.b, (b_l[:, 0] for b_l in b), strict=True),
    ]
    largest = max(np.abs(expected).max() for _, expected in pairs)
    return max(np.abs(got - expected).max() for got, expected in pairs) / largest
