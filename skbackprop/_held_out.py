"""Rows that training does not learn from: their loss and their score."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ._engine import CHUNK_ROWS, Engine, decision
from ._examples import Array, Examples

# Of z^L, targets and weights, each with a row for every example.
Score = Callable[[Array, Array, Array | None], float]


@dataclass(frozen=True)
class HeldOut:
    """Examples to measure a network on, and how to score it."""

    examples: Examples
    score: Score

    def measure(self, engine: Engine) -> tuple[float, float]:
        """The mean cost of an example, and the score, with the engine's parameters."""
        n, n_outputs = len(self.examples), self.examples.n_outputs
        z, Y = np.empty((2, n, n_outputs), dtype=engine.dtype)
        weights = None if self.examples.weights is None else np.empty(n, engine.dtype)
        size = min(CHUNK_ROWS, self.examples.rows_per_block)
        for first, block in zip(
            range(0, n, size), self.examples.blocks(0, n, size), strict=True
        ):
            rows = slice(first, first + size)
            X, Y[rows], w = block
            z[rows] = decision(engine.Wt, engine.b, X)
            if weights is not None:
                weights[rows] = w
        costs = ((expit(z) - Y) ** 2).sum(axis=1) / (2 * n_outputs)
        return float(np.average(costs, weights=weights)), self.score(z, Y, weights)


def class_accuracy(z: Array, Y: Array, weights: Array | None) -> float:
    """Fraction of examples (by weight) with the right class, one-hot in `Y`.

    Own, because scikit-learn's accuracy_score takes 390 µs, five epochs on iris.
    """
    return float(np.average(z.argmax(axis=1) == Y.argmax(axis=1), weights=weights))


def label_accuracy(z: Array, Y: Array, weights: Array | None) -> float:
    """Fraction of examples (by weight) whose labels, 0 or 1 in `Y`, are all right."""
    return float(np.average(((z > 0) == Y).all(axis=1), weights=weights))


def r_squared(z: Array, Y: Array, weights: Array | None) -> float:
    """R², averaged over the outputs; the same in activations as in units of y.

    As scikit-learn's r2_score, which takes 180 µs, for a y without variance it is 1 for
    perfect predictions, else 0.
    """
    Y = Y.astype(float)
    mean = np.average(Y, axis=0, weights=weights)
    residual = np.average((Y - expit(z)) ** 2, axis=0, weights=weights)
    variance = np.average((Y - mean) ** 2, axis=0, weights=weights)
    constant = np.ptp(Y, axis=0) == 0
    variance[constant] = 1.0
    return float(np.where(constant, residual == 0, 1 - residual / variance).mean())
