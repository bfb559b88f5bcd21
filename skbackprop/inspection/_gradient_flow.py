"""`GradientFlowDisplay`: how much of the error reaches each layer."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ._drawing import CYCLE, axes_for, logarithmic
from ._quantities import Quantities
from ._trace import BackpropTrace, backprop_trace

# For activations below 0.01 or above 0.99: a 25th of the largest slope, or less.
SATURATED_SLOPE = 0.01 * 0.99
# Smaller fractions of the largest size in a picture cannot be told from zero.
VANISHED = 1e-16


@dataclass(frozen=True)
class LayerFlow:
    """What reaches one layer; see `GradientFlowDisplay`."""

    n_neurons: int
    delta_median: float
    delta_low: float
    delta_high: float
    update: float
    saturated: float


class GradientFlowDisplay:
    """Size of the errors and of the updates in each layer, over a set of examples.

    Make it with `from_estimator` or `from_trace`.

    On its way back through a layer, the error is multiplied by the slopes of the
    sigmoids, ``σ'(z) ≤ ¼`` (section 5, Error). If the points fall towards the first
    layer, the gradient vanishes: the layers there learn slowly. If a layer has many
    saturated neurons, η or the weights are too large, or the inputs are not scaled.

    The upper axes show the errors. Circles are the median of ``|δ_j|`` over neurons and
    examples, with a bar from the 10th to the 90th percentile; the unit is cost per unit
    of pre-activation. The lower axes show the updates. Squares are the root mean square
    of what one update, averaged over the examples, adds to the weights, ``−η ∇W``, in
    units of weights. A triangle that points down is zero, or less than 1e-16 of the
    largest value in its axes. Below each layer is the share of its activations, over
    neurons and examples, that are saturated: below 0.01 or above 0.99.

    Parameters
    ----------
    layers : list
        What reaches each layer from 1 to L, with the attributes `n_neurons`,
        `delta_median`, `delta_low`, `delta_high` (10th and 90th percentile), `update`
        and `saturated` (a fraction).

    Attributes
    ----------
    axes_ : tuple of two matplotlib Axes
        Those of the errors and of the updates in the last `plot`.

    ax_ : matplotlib Axes
        The axes that hold both, for a title. If a pair was given, the first of them.

    figure_ : matplotlib Figure
        Their figure.

    See Also
    --------
    backprop_trace : The errors and updates themselves.
    LossCurveDisplay : The outcome, epoch by epoch.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skbackprop import SGDSigmoidMLP
    >>> from skbackprop.inspection import GradientFlowDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> model = SGDSigmoidMLP((8, 8, 8), random_state=0).partial_fit(X, y, [0, 1, 2])
    >>> display = GradientFlowDisplay.from_estimator(model, X, y)
    >>> medians = [layer.delta_median for layer in display.layers]
    >>> medians == sorted(medians)  # earlier layers get less and less of it
    True
    """

    def __init__(self, layers: list[LayerFlow]) -> None:
        self.layers = layers

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *, ax: Any = None) -> Self:
        """Trace examples through a network, and draw what reaches each layer.

        Parameters
        ----------
        estimator : SGDSigmoidMLP or SGDSigmoidMLPRegressor
            A network, fitted or unfitted, as `backprop_trace` takes it. For a pipeline,
            pass its last step, with `X` as that step sees it.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs; a few hundred rows are enough.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        ax : matplotlib Axes or a pair of them, default=None
            Where to draw. A pair is for the errors and the updates, so that several
            networks can share axes, with a column for each. Single axes are divided in
            two, and their own ticks and frame are hidden. None makes a new figure.

        Returns
        -------
        display : GradientFlowDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            `estimator` is something else, such as a pipeline.
        ValueError
            `X` or `y` is not what `fit` expects.
        ImportError
            matplotlib is not installed.

        Examples
        --------
        See `GradientFlowDisplay`.
        """
        return cls.from_trace(backprop_trace(estimator, X, y), ax=ax)

    @classmethod
    def from_trace(cls, trace: BackpropTrace, *, ax: Any = None) -> Self:
        """Draw what reaches each layer in a trace.

        Parameters
        ----------
        trace : BackpropTrace
            A trace of one example or, better, of many.

        ax : matplotlib Axes or a pair of them, default=None
            Where to draw. A pair is for the errors and the updates, so that several
            networks can share axes, with a column for each. Single axes are divided in
            two, and their own ticks and frame are hidden. None makes a new figure.

        Returns
        -------
        display : GradientFlowDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> from skbackprop import SGDSigmoidMLP
        >>> from skbackprop.inspection import GradientFlowDisplay, backprop_trace
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> model = SGDSigmoidMLP((3,), random_state=0).partial_fit(X, y, [0, 1])
        >>> display = GradientFlowDisplay.from_trace(backprop_trace(model, X, y))
        >>> [layer.n_neurons for layer in display.layers]
        [3, 1]
        """
        return cls([_layer_flow(trace, at) for at in range(len(trace.W))]).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes or a pair of them, default=None
            Where to draw. A pair is for the errors and the updates, so that several
            networks can share axes, with a column for each. Single axes are divided in
            two, and their own ticks and frame are hidden. None makes a new figure.

        Returns
        -------
        display : GradientFlowDisplay
            The display itself.

        Raises
        ------
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skbackprop import SGDSigmoidMLP
        >>> from skbackprop.inspection import GradientFlowDisplay
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> model = SGDSigmoidMLP((3,), random_state=0).partial_fit(X, y, [0, 1])
        >>> display = GradientFlowDisplay.from_estimator(model, X, y)
        >>> figure, ax = plt.subplots()
        >>> display.plot(ax=ax).ax_ is ax
        True
        """
        pair = np.ravel(ax)
        self.ax_, self.figure_ = axes_for(self, pair[0])
        self.axes_ = tuple(pair) if len(pair) == 2 else _split(self.ax_)
        errors, updates = self.axes_
        median, low, high, update = (
            np.array([getattr(layer, name) for layer in self.layers])
            for name in ("delta_median", "delta_low", "delta_high", "update")
        )
        vanished = _draw(errors, median, "o-", CYCLE[0], (low, high))
        vanished |= _draw(updates, update, "s:", CYCLE[1], (update, update))
        errors.set_ylabel("median |δ|, 10–90 %\n(cost per unit of z)")
        updates.set_ylabel("root mean square η∇W\n(units of weight)")
        errors.tick_params(labelbottom=False)
        updates.set_xticks(
            range(1, len(self.layers) + 1),
            [
                f"{number}\n{layer.n_neurons}\n{layer.saturated:.0%}"
                for number, layer in enumerate(self.layers, start=1)
            ],
        )
        updates.annotate(
            "layer\nneurons\nsaturated",
            (0, 0),
            (-6, -7),  # where the tick labels begin
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            va="top",
        )
        updates.set_xlabel(
            "saturated: a < 0.01 or a > 0.99"
            + vanished * f"\n▼: zero, or less than {VANISHED:g} of the largest"
        )
        return self


def _split(ax: Any) -> tuple[Any, Any]:
    """Two axes, one above the other, in place of `ax`."""
    ax.set_axis_off()
    for former in list(ax.child_axes):
        former.remove()
    upper = ax.inset_axes((0, 0.53, 1, 0.47))
    return upper, ax.inset_axes((0, 0, 1, 0.47), sharex=upper)


def _draw(ax: Any, sizes: Any, style: str, color: str, bars: tuple[Any, Any]) -> bool:
    """Draw a size for each layer, and bars; return whether a size has vanished."""
    layers = np.arange(1, len(sizes) + 1)
    # Zero, or almost zero, would stretch a logarithmic scale.
    floor = VANISHED * (max(sizes.max(), bars[1].max()) or 1.0)
    vanished = sizes < floor
    sizes, low, high = (np.maximum(size, floor) for size in (sizes, *bars))
    ax.vlines(layers, low, high, color=color, linewidth=6, alpha=0.3)
    ax.plot(layers, sizes, style, color=color)
    ax.plot(layers[vanished], sizes[vanished], "v", color=color, markersize=12)
    ax.set_xlim(0.5, len(sizes) + 0.5)
    ax.grid(axis="y", alpha=0.3)
    logarithmic(ax)
    return bool(vanished.any())


def _layer_flow(trace: Quantities, at: int) -> LayerFlow:
    sizes = np.abs(trace.delta[at])
    low, median, high = np.percentile(sizes, [10, 50, 90])
    return LayerFlow(
        n_neurons=len(sizes),
        delta_median=float(median),
        delta_low=float(low),
        delta_high=float(high),
        update=float(np.sqrt(np.mean(trace.update_W[at] ** 2))),
        saturated=float(np.mean(trace.sigma_prime[at] < SATURATED_SLOPE)),
    )
