"""What the displays share: importing matplotlib, colours of curves, and ticks."""

from typing import Any

import numpy as np

# Distinct to colour-blind eyes too (six colours of Okabe and Ito, 2008, and Tol's
# wine). None of them is a colour of `_layout`: those have meanings.
CYCLE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#882255", "#000000"]


def axes_for(
    display: Any, ax: Any, size: tuple[float, float] | None = None
) -> tuple[Any, Any]:
    """The axes to draw in and their figure; a new figure if `ax` is None."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__} needs matplotlib, which is not installed. In a "
            'checkout of skbackprop, run: python -m pip install ".[plot]"'
        ) from error
    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax, ax.figure


def logarithmic(ax: Any) -> None:
    """Give `ax` a logarithmic vertical scale, with ticks that can be read.

    Over a few decades, matplotlib labels a single power of ten, or else 2·10⁻², 3·10⁻²
    and so on.
    """
    from matplotlib.ticker import (
        AutoLocator,
        FuncFormatter,
        LogFormatterSciNotation,
        LogLocator,
        NullLocator,
    )

    ax.set_yscale("log")
    low, high = ax.get_ylim()
    decades = np.log10(high / low)
    if decades > max(2, ax.yaxis.get_tick_space() / 3):
        return  # powers of ten are enough, and three ticks a decade would be too many
    ax.yaxis.set_major_locator(
        LogLocator(subs=(1, 2, 5)) if decades > 1 else AutoLocator()
    )
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(
        FuncFormatter(lambda size, _: _plain(size))
        if low > 1e-5
        else LogFormatterSciNotation()
    )


def _plain(size: float) -> str:
    """Write 0.00002, where Python would write 2e-05."""
    return np.format_float_positional(size, precision=4, fractional=False, trim="-")
