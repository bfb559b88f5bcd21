"""What the activations of the output neurons mean: classes, labels or numbers."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._estimators.targets import TargetScale
from ._notation import short

Array = NDArray[Any]

# At most this many labels are always shown: there may be hundreds of them.
MOST_LABELS = 5


class Outputs(NamedTuple):
    """How to read activations as a prediction, and expected activations as a target.

    Parameters
    ----------
    classes : list of str or None
        The classes, or the labels if there can be several; None for numbers.
    several : bool
        Whether there can be several labels at once.
    scale : TargetScale or None
        Between numbers and activations; None for classes.
    """

    classes: list[str] | None = None
    several: bool = False
    scale: TargetScale | None = None

    def roles(self, a: Array, y: Array) -> dict[int, str]:
        """The output neurons that have a special role for one example.

        They are those of the true class and of the predicted class. Where there can be
        several labels, they are the true and the predicted ones that are most wrong.
        """
        if self.classes is None or len(a) == 1:
            return {}
        if self.several:
            labels = np.flatnonzero((y > 0.5) | (a > 0.5)).tolist()
            most_wrong = sorted(labels, key=lambda j: -abs(float(a[j] - y[j])))
            return {j: _role(a[j], y[j]) for j in most_wrong[:MOST_LABELS]}
        true, predicted = int(y.argmax()), int(a.argmax())
        if true == predicted:
            return {true: "true class, predicted"}
        return {true: "true class", predicted: "predicted"}

    def reading(self, a: Array) -> str:
        """Activations of one example as the estimator reads them, or a target."""
        if self.scale is not None:
            numbers = self.scale.decode(a).tolist()
            return ", ".join(map(short, numbers))
        if self.classes is None:
            return ""
        if self.several:
            found = [
                label for label, on in zip(self.classes, a > 0.5, strict=True) if on
            ]
            return ", ".join(found) or "no label"
        if len(self.classes) > 2:
            return self.classes[int(np.argmax(a))]
        # Both share a neuron, which a single class has too.
        return self.classes[-1 if a[0] > 0.5 else 0]


def _role(a: float, y: float) -> str:
    roles = {"true label": y > 0.5, "predicted": a > 0.5}
    return ", ".join(role for role, applies in roles.items() if applies)
