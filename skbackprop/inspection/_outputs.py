"""What the activations of the output neurons mean: classes, labels or numbers."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._estimators.targets import TargetScale
from ._notation import short

Array = NDArray[Any]

# So many true labels are always shown; there may be hundreds.
MOST_LABELS = 5


class Outputs(NamedTuple):
    """How activations are read as a prediction, and expected ones as a target.

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
        """What is special about some output neurons, for one example.

        They are those of the true class and of the predicted one; of several true
        labels, those that are most wrong.
        """
        if self.classes is None or len(a) == 1:
            return {}
        if self.several:
            labels = np.flatnonzero(y > 0.5).tolist()
            most_wrong = sorted(labels, key=lambda j: float(a[j]))[:MOST_LABELS]
            return dict.fromkeys(most_wrong, "true label")
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
        return self.classes[int(a[0] > 0.5) if len(a) == 1 else int(np.argmax(a))]
