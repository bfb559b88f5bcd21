"""Symptoms of a network that has not learnt: saturation, and missing classes."""

import numpy as np
from scipy.special import expit

from .._engine.protocol import Network
from .examples import Source

# A mean slope of σ that lets no error through. And an error, in units of activations,
# that is larger than the error of a correct neuron with such a slope.
NO_SLOPE, WRONG = 1e-3, 1e-2


def is_saturated(engine: Network, source: Source, constant_loss: float) -> bool:
    """Whether a network is wrong and its errors do not reach its weights.

    That is: the loss is not below that of the best constant prediction, but
    ``δ^L = (a − y) ⊙ σ'`` is negligible compared with the errors ``a − y``.
    """
    errors, deltas, count = 0.0, 0.0, 0.0
    # No error exceeds 1, so the first block usually decides: 1 ms instead of 46.
    most = source.total_weight * engine.n_outputs
    for z, Y, w in source.outputs(engine):
        a = expit(z)
        error = (a - Y) ** 2
        weights = np.ones(len(z)) if w is None else w
        errors += float(weights @ error.sum(axis=1))
        deltas += float(weights @ (error * (a * (1 - a)) ** 2).sum(axis=1))
        count += float(weights.sum())
        if deltas >= NO_SLOPE**2 * most:
            return False
    if count == 0:  # the source has no outputs
        return False
    mean = errors / (count * engine.n_outputs)
    return (
        mean / 2 >= constant_loss
        and np.sqrt(mean) > WRONG
        and np.sqrt(deltas) < NO_SLOPE * np.sqrt(errors)
    )


def classes_predicted(engine: Network, source: Source, n_classes: int) -> set[int]:
    """The indices of the classes that a network predicts for the rows.

    With one output neuron, they are 0 and 1. A source without outputs has none.
    """
    found: set[int] = set()
    for z, _, _ in source.outputs(engine):
        places = z.argmax(axis=1) if z.shape[1] > 1 else z[:, 0] > 0
        found |= {int(place) for place in np.unique(places)}
        if len(found) == n_classes:  # usually after the first block
            break
    return found
