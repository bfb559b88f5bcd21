"""What the displays share: matplotlib, if it is there, and colours of curves."""

from typing import Any

from ._layout import NEGATIVE, POSITIVE

# The others are distinct to colour-blind eyes too (Okabe and Ito, 2008).
CYCLE = [NEGATIVE, POSITIVE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]


def axes_for(display: Any, ax: Any) -> tuple[Any, Any]:
    """The axes to draw in, new ones where `ax` is None, and their figure."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__} needs matplotlib, which the plot extra brings: "
            'pip install "skbackprop[plot]"'
        ) from error
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    return ax, ax.figure
