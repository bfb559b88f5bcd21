"""Small random networks for the tests."""

from itertools import pairwise

import numpy as np


class Network:
    """Random parameters in scikit-learn's shapes, and the same in the derivation's."""

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
