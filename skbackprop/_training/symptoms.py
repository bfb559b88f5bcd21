"""What a network looks like that has not learnt: saturated, or without a class."""

import numpy as np
from scipy.special import expit

from .._engine.network import Engine
from .examples import Source

# A mean slope of σ that lets no error through; and an error, in units of activations,
# larger than that of a neuron with so small a slope that is right.
NO_SLOPE, WRONG = 1e-3, 1e-2


def is_saturated(engine: Engine, source: Source, constant_loss: float) -> bool:
    """Whether a network is wrong and its errors do not reach its weights.

    That is: the loss is not below that of the best constant prediction, but all
    ``δ^L = (a − y) ⊙ σ'`` are next to nothing beside the errors ``a − y``.
    """
    errors, deltas, count = 0.0, 0.0, 0.0
    # No error is larger than 1. So the first block mostly says no: 1 and not 46 ms.
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


def classes_predicted(engine: Engine, source: Source, n_classes: int) -> set[int]:
    """Which classes a network predicts for the rows, by their places.

    With one output neuron, the places are 0 and 1. None of a source without outputs.
    """
    found: set[int] = set()
    for z, _, _ in source.outputs(engine):
        places = z.argmax(axis=1) if z.shape[1] > 1 else z[:, 0] > 0
        found |= {int(place) for place in np.unique(places)}
        if len(found) == n_classes:  # mostly in the first block
            break
    return found
