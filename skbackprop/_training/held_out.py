"""Rows that training does not learn from: their loss and their score."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from .._engine.forward import BLOCK_ROWS, decision
from .._engine.network import Engine
from .examples import Array, Examples

# Of z^L, targets and weights, each with a row for every example.
Score = Callable[[Array, Array, Array | None], float]

# A mean slope of σ that lets no error through; and an error, in units of activations,
# larger than that of a neuron with so small a slope that is right.
NO_SLOPE, WRONG = 1e-3, 1e-2


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
        first = 0
        for block in _said(engine, self.examples):
            rows = slice(first, first + len(block[0]))
            z[rows], Y[rows], w = block
            if weights is not None:
                weights[rows] = w
            first = rows.stop
        costs = ((expit(z) - Y) ** 2).sum(axis=1) / (2 * n_outputs)
        return float(np.average(costs, weights=weights)), self.score(z, Y, weights)


def is_saturated(engine: Engine, examples: Examples, constant_loss: float) -> bool:
    """Whether a network is wrong and its errors do not reach its weights.

    That is: the loss is not below that of the best constant prediction, but all
    ``δ^L = (a − y) ⊙ σ'`` are next to nothing beside the errors ``a − y``.
    """
    errors, deltas, count = 0.0, 0.0, 0.0
    # No error is larger than 1. So the first block mostly says no: 1 and not 46 ms.
    most = examples.total_weight * examples.n_outputs
    for z, Y, w in _said(engine, examples):
        a = expit(z)
        error = (a - Y) ** 2
        weights = np.ones(len(z)) if w is None else w
        errors += float(weights @ error.sum(axis=1))
        deltas += float(weights @ (error * (a * (1 - a)) ** 2).sum(axis=1))
        count += float(weights.sum())
        if deltas >= NO_SLOPE**2 * most:
            return False
    mean = errors / (count * examples.n_outputs)
    return (
        mean / 2 >= constant_loss
        and np.sqrt(mean) > WRONG
        and np.sqrt(deltas) < NO_SLOPE * np.sqrt(errors)
    )


def _said(engine: Engine, examples: Examples) -> Iterator[tuple[Array, Array, Any]]:
    """What the network says, block by block: z^L, the targets and the weights."""
    size = min(BLOCK_ROWS, examples.rows_per_block)
    for X, Y, w in examples.blocks(0, len(examples), size):
        yield decision(engine.Wt, engine.b, X), Y, w


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
