"""What the displays share: matplotlib, if it is there, and colours."""

from typing import Any

# Distinct to colour-blind eyes, on screens and in print (Okabe and Ito, 2008).
POSITIVE, NEGATIVE = "#D55E00", "#0072B2"
CYCLE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]


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
