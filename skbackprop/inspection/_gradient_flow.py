"""`GradientFlowDisplay`: how much of the error reaches each layer."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ._drawing import CYCLE, axes_for
from ._quantities import Quantities
from ._trace import BackpropTrace, backprop_trace

# Activations below 0.01 or above 0.99: the slope is a 25th of its largest, or less.
SATURATED_SLOPE = 0.01 * 0.99
# Parts of the largest size in a picture that are too small to tell from nothing.
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

    On its way back through a layer the error is multiplied by the slopes of the
    sigmoids, ``σ'(z) ≤ ¼`` (section 'Error'). Where the points fall towards the first
    layer, the gradient vanishes: the layers there learn slowly. Where a layer has many
    saturated neurons, η or the weights are too large, or the inputs are not scaled.

    Circles are the median of ``|δ_j|`` over neurons and examples, with a bar from the
    10th to the 90th percentile; its unit is cost for a unit of pre-activation. Squares
    are the root mean square of what one update, averaged over the examples, adds to the
    weights, ``−η ∇W``, in units of weights. Triangles point to medians that are less
    than 1e-16 of the largest size, or zero. Below each layer stands the part of its
    activations, over neurons and examples, below 0.01 or above 0.99: these are
    saturated.

    Parameters
    ----------
    layers : list
        What reaches each layer from 1 to L, with the attributes `n_neurons`,
        `delta_median`, `delta_low`, `delta_high` (10th and 90th percentile), `update`
        and `saturated` (a fraction).

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the last `plot`.

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
    >>> medians == sorted(medians)  # less and less of it reaches the first layers
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
            A network, fitted or fresh, as `backprop_trace` takes it. Of a pipeline,
            pass the last step, with `X` as that step sees it.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs; some hundreds of rows are enough.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        ax : matplotlib Axes, default=None
            Where to draw. None is a new figure.

        Returns
        -------
        display : GradientFlowDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            `estimator` is something else, a pipeline for instance.
        ValueError
            `X` or `y` is not as `fit` expects it.
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
            Of one example or, better, of many.

        ax : matplotlib Axes, default=None
            Where to draw. None is a new figure.

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
        return cls([_flow(trace, at) for at in range(len(trace.W))]).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None is a new figure.

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
        n = len(self.layers)
        self.ax_, self.figure_ = axes_for(self, ax)
        x = np.arange(1, n + 1)
        median, low, high, update = (
            np.array([getattr(layer, name) for layer in self.layers])
            for name in ("delta_median", "delta_low", "delta_high", "update")
        )
        # What is next to nothing, or zero, would stretch a logarithmic scale.
        floor = VANISHED * (max(high.max(), update.max()) or 1.0)
        gone = median < floor
        low, median, high, update = (
            np.maximum(size, floor) for size in (low, median, high, update)
        )
        self.ax_.vlines(x - 0.08, low, high, color=CYCLE[0], linewidth=5, alpha=0.3)
        self.ax_.plot(
            x - 0.08,
            median,
            color=CYCLE[0],
            marker="o",
            label="error |δ|: median, 10–90 %",
        )
        self.ax_.plot(
            x + 0.08,
            update,
            color=CYCLE[1],
            marker="s",
            linestyle=":",
            label="update η|∇W|: root mean square",
        )
        if gone.any():
            self.ax_.plot(
                (x - 0.08)[gone],
                median[gone],
                color=CYCLE[0],
                linestyle="",
                marker="v",
                markersize=12,
                label="median below this, or zero",
            )
        self.ax_.set_yscale("log")
        self.ax_.set_xticks(x, [self._tick(i, n) for i in range(n)])
        self.ax_.set_xlim(0.5, n + 0.5)
        self.ax_.set_xlabel("layer: neurons, saturated activations (σ′ < 0.01)")
        self.ax_.set_ylabel("δ (cost per pre-activation), update (weight)")
        self.ax_.grid(axis="y", alpha=0.3)
        self.ax_.legend()
        return self

    def _tick(self, i: int, n: int) -> str:
        layer = self.layers[i]
        if n > 8:  # there is room for little more than the numbers
            return f"{i + 1}\n{layer.n_neurons}\n{layer.saturated:.0%}"
        return f"{i + 1}\n{layer.n_neurons} neurons\n{layer.saturated:.0%} sat."


def _flow(trace: Quantities, at: int) -> LayerFlow:
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
