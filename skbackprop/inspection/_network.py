"""`NetworkDisplay`: neurons as dots, weights as lines."""

from collections.abc import Collection
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ._drawing import axes_for
from ._layout import NEGATIVE, POSITIVE, Spot, layout, lines, selection
from ._quantities import Names
from ._reading import (
    check_fitted_network,
    derivation_parameters,
    names_of,
)
from ._trace import BackpropTrace, backprop_trace

Array = NDArray[Any]

# In points: the diameter of a dot if there is room, the smallest distance between
# layers at which captions fit side by side, and the height of the legend.
DOT, CAPTION, LEGEND = 16.0, 52.0, 40.0


class NetworkDisplay:
    """A network as a picture: neurons as dots, weights as lines.

    Make it with `from_estimator` or `from_trace`.

    Lines are orange for positive weights and violet for negative ones. The larger a
    weight is within its layer, the wider and stronger is its line. In a layer of more
    than 10 neurons, only the 10 with the largest incoming and outgoing weights are
    shown, in their order. The true class of an example and the predicted class are
    always among them. Hidden neurons contain their numbers; inputs and outputs have
    their names beside them.

    The fills are the activations of an example, or its errors δ, or averages over a
    batch. Inputs are shaded from the smallest to the largest; both values are printed
    below them. Errors are shaded within each layer, because they often differ by powers
    of ten from layer to layer. The largest ``|δ|`` of a layer is printed below it, and
    has the full colour.

    Parameters
    ----------
    W : list of ndarrays of shape (n_l, n_{l-1})
        Weights of each layer, as in the derivation.

    fills : list of (ndarray of shape (n_l,) or None), default=None
        For each layer from 0 to L, a number for each neuron, or None for a layer
        without fills. None means no fills at all.

    fill : {"activation", "error"}, default="activation"
        What the fills are.

    names : tuple (inputs, outputs), default=(None, None)
        Names of the neurons in the first and the last layer: lists of str, or None.

    keep : collection of int, default=()
        Output neurons that are always shown.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the last `plot`.

    figure_ : matplotlib Figure
        Their figure.

    See Also
    --------
    backprop_trace : The numbers, and a page that shows one backward pass.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skbackprop import SGDSigmoidMLP
    >>> from skbackprop.inspection import NetworkDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> model = SGDSigmoidMLP((5,), tol=1e-4, random_state=0).fit(X, y)
    >>> display = NetworkDisplay.from_estimator(model, X[70], y[70], fill="error")
    >>> [W.shape for W in display.W]
    [(5, 4), (3, 5)]
    """

    def __init__(
        self,
        W: list[Array],
        fills: list[Array | None] | None = None,
        fill: str = "activation",
        names: tuple[list[str] | None, list[str] | None] = (None, None),
        keep: Collection[int] = (),
    ) -> None:
        self.W = W
        self.fills = fills
        self.fill = fill
        self.names = names
        self.keep = keep

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        y: Any = None,
        *,
        fill: str = "activation",
        ax: Any = None,
    ) -> Self:
        """Draw a fitted network, with an example in it if one is given.

        Parameters
        ----------
        estimator : SGDSigmoidMLP or SGDSigmoidMLPRegressor
            A fitted network. For a pipeline, pass its last step, with `X` as that step
            sees it.

        X : array-like of shape (n_features,) or (n_samples, n_features), default=None
            One example, or several to average over. None draws the network alone.

        y : array-like or a single target, default=None
            The target or targets that go with `X`.

        fill : {"activation", "error"}, default="activation"
            What fills the dots: activations, or the errors δ.

        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure, wide enough for all layers. In axes
            with less than 0.75 inches per layer, dots and captions are small.

        Returns
        -------
        display : NetworkDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            `estimator` is something else, such as a pipeline.
        NotFittedError
            `estimator` is not fitted.
        ValueError
            `X` or `y` is not what `fit` expects, only one of them is given, or `fill`
            has another value.
        ImportError
            matplotlib is not installed.

        Examples
        --------
        See `NetworkDisplay`.
        """
        _check_fill(fill)
        check_fitted_network(estimator)
        if (X is None) != (y is None):
            missing = "X" if X is None else "y"
            raise ValueError(f"X and y belong together, but {missing} is None.")
        if X is not None:
            return cls.from_trace(backprop_trace(estimator, X, y), fill=fill, ax=ax)
        W, _ = derivation_parameters(estimator)
        names = names_of(estimator)
        return cls(W, names=names).plot(ax=ax)

    @classmethod
    def from_trace(
        cls, trace: BackpropTrace, *, fill: str = "activation", ax: Any = None
    ) -> Self:
        """Draw the network of a trace, with its activations or its errors.

        Parameters
        ----------
        trace : BackpropTrace
            A trace of one example, or of several to average over.

        fill : {"activation", "error"}, default="activation"
            What fills the dots: activations, or the errors δ.

        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure, wide enough for all layers. In axes
            with less than 0.75 inches per layer, dots and captions are small.

        Returns
        -------
        display : NetworkDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            `fill` has another value.
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> from skbackprop import SGDSigmoidMLP
        >>> from skbackprop.inspection import NetworkDisplay, backprop_trace
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> model = SGDSigmoidMLP((3,), random_state=0).partial_fit(X, y, [0, 1])
        >>> NetworkDisplay.from_trace(backprop_trace(model, X[0], y[0])).fill
        'activation'
        """
        _check_fill(fill)
        fills: list[Array | None]
        if fill == "activation":
            fills = [a.mean(axis=1) for a in trace.a]
        else:  # inputs have no error
            fills = [None, *(delta.mean(axis=1) for delta in trace.delta)]
        return cls(trace.W, fills, fill, trace.names, trace.roles).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure, wide enough for all layers. In axes
            with less than 0.75 inches per layer, dots and captions are small.

        Returns
        -------
        display : NetworkDisplay
            The display itself.

        Raises
        ------
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.inspection import NetworkDisplay
        >>> NetworkDisplay([np.array([[1.0, -2.0]])]).plot().ax_.get_xlabel()
        'layers, from the input to the output'
        """
        shown = selection(_strengths(self.W), self.keep)
        columns = layout(shown, Names(*self.names))
        self.ax_, self.figure_ = axes_for(self, ax, (max(6.4, len(shown) * 0.75), 4.8))
        tallest = max(map(len, columns))
        self.ax_.set_xlim(-0.55, len(self.W) + 0.55)
        self.ax_.set_ylim(-tallest / 2 - 0.3, tallest / 2 + 0.3)
        column, row = self._distances()
        # Room for the legend, so that a title can stand above it.
        self.ax_.set_ylim(top=tallest / 2 + 0.3 + LEGEND / row)
        diameter = min(DOT, 0.6 * column, 0.8 * row)
        self._draw_weights(columns, widest=0.2 * diameter)
        faces = self._draw_neurons(columns, diameter)
        self._draw_names(columns, faces, diameter)
        self._draw_captions(columns, column)
        for spine in self.ax_.spines.values():
            spine.set_visible(False)
        return self

    def _distances(self) -> tuple[float, float]:
        """Distances from layer to layer and from neuron to neuron, in points.

        The axes end up smaller: names and a colour bar need some of the width; the
        legend and captions of several lines need 50 points of the height, or more.
        """
        width, height = self.ax_.get_window_extent().size * 72 / self.figure_.dpi
        n_columns, n_rows = np.ptp([self.ax_.get_xlim(), self.ax_.get_ylim()], axis=1)
        return 0.8 * width / n_columns, max(height - 50, height / 4) / n_rows

    def _draw_weights(self, columns: list[list[Spot]], widest: float) -> None:
        from matplotlib.collections import LineCollection
        from matplotlib.colors import to_rgba
        from matplotlib.lines import Line2D

        for (before, after), W in zip(pairwise(columns), self.W, strict=True):
            drawn = lines(before, after, W)
            self.ax_.add_collection(
                LineCollection(
                    [[(s.x, s.y) for s in (line.start, line.end)] for line in drawn],
                    colors=[to_rgba(line.color, line.opacity) for line in drawn],
                    linewidths=[0.3 + widest * line.share for line in drawn],
                    zorder=1,
                )
            )
        handles = [
            Line2D([], [], color=POSITIVE, linewidth=3, label="weight > 0"),
            Line2D([], [], color=NEGATIVE, linewidth=3, label="weight < 0"),
        ]
        self.ax_.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, 1.0),
            borderaxespad=0,
            ncols=2,
            frameon=False,
            title="lines: width by size, within each layer",
        )

    def _draw_neurons(
        self, columns: list[list[Spot]], diameter: float
    ) -> list[list[Array]]:
        """Draw the dots; return their colours."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LinearSegmentedColormap, Normalize

        signs = LinearSegmentedColormap.from_list("sign", [NEGATIVE, "white", POSITIVE])
        shades = signs if self.fill == "error" else "Greys"
        faces = []
        for layer, spots in enumerate(columns):
            style: dict[str, Any] = {"color": "white"}
            values = self._fill_of(layer)
            if values is not None:
                low, high = self._limits(layer, values)
                style = {"cmap": shades, "vmin": low, "vmax": high}
                style["c"] = values[[spot.neuron for spot in spots]]
            dots = self.ax_.scatter(
                [spot.x for spot in spots],
                [spot.y for spot in spots],
                s=diameter**2,
                edgecolors="gray",
                linewidths=1,
                zorder=2,
                **style,
            )
            dots.update_scalarmappable()
            faces.append(list(np.resize(dots.get_facecolors(), (len(spots), 4))))
        if self.fills is not None:
            low, what = 0, "activation a"
            if self.fill == "error":
                low = -1
                what = "error δ = ∂C/∂z,\nrelative to the largest |δ| of its layer"
            scale = ScalarMappable(Normalize(low, 1), shades)
            self.figure_.colorbar(scale, ax=self.ax_, label=what, shrink=0.7)
        return faces

    def _fill_of(self, layer: int) -> Array | None:
        return None if self.fills is None else self.fills[layer]

    def _limits(self, layer: int, values: Array) -> tuple[float, float]:
        """The values that have the colours of both ends, in one layer."""
        if self.fill == "error":
            largest = float(np.abs(values).max()) or 1.0
            return -largest, largest
        return (0.0, 1.0) if layer else _span(values)

    def _draw_names(
        self, columns: list[list[Spot]], faces: list[list[Array]], diameter: float
    ) -> None:
        """Names beside the first and last layer, numbers within the others."""
        for spots, faces_of_layer in zip(columns[1:-1], faces[1:-1], strict=True):
            for spot, face in zip(spots, faces_of_layer, strict=True):
                self.ax_.text(
                    spot.x,
                    spot.y,
                    spot.label,
                    ha="center",
                    va="center_baseline",
                    fontsize=0.45 * diameter,
                    color=_contrasting(face),
                )
        for spots, side, align in ((columns[0], -1, "right"), (columns[-1], 1, "left")):
            for spot in spots:
                self.ax_.annotate(
                    spot.label,
                    (spot.x, spot.y),
                    xytext=((diameter / 2 + 3) * side, 0),
                    textcoords="offset points",
                    ha=align,
                    va="center",
                    fontsize="small",
                )

    def _draw_captions(self, columns: list[list[Spot]], distance: float) -> None:
        captions = [self._caption(layer, len(c)) for layer, c in enumerate(columns)]
        n_lines = 1 + max(caption.count("\n") for caption in captions)
        crowded = distance < CAPTION
        self.ax_.set_xticks(
            range(len(columns)),
            captions,
            rotation=90 if crowded else 0,
            multialignment="right" if crowded else "center",
            fontsize=min(10.0, distance / (1.3 * n_lines)) if crowded else 10.0,
        )
        self.ax_.set_yticks([])
        self.ax_.tick_params(length=0)
        self.ax_.set_xlabel("layers, from the input to the output")

    def _caption(self, layer: int, n_shown: int) -> str:
        last = len(self.W)
        n = len(self.W[layer - 1]) if layer else self.W[0].shape[1]
        kind = (
            "input" if layer == 0 else "output" if layer == last else f"hidden {layer}"
        )
        caption = f"{kind}\n{n}" if n_shown == n else f"{kind}\n{n_shown} of {n}"
        values = self._fill_of(layer)
        if values is None:
            return caption
        low, high = self._limits(layer, values)
        if self.fill == "error":
            return f"{caption}\n|δ| ≤ {high:.2g}"
        # Inputs have a scale of their own, not that of the colour bar.
        return (
            caption
            if layer
            else f"{caption}\n{low:.2g} to {high:.2g}".replace("-", "−")
        )


def _check_fill(fill: Any) -> None:
    if not isinstance(fill, str) or fill not in ("activation", "error"):
        raise ValueError(f'fill must be "activation" or "error", got {fill!r}.')


def _strengths(W: list[Array]) -> list[Array]:
    """The mean |w| into each neuron of each layer plus the mean |w| out of it."""
    into = [0.0, *(np.abs(w).sum(axis=1) / w.shape[1] for w in W)]
    out_of = [*(np.abs(w).sum(axis=0) / w.shape[0] for w in W), 0.0]
    return [np.asarray(i + o) for i, o in zip(into, out_of, strict=True)]


def _span(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (low - 1, high)


def _contrasting(face: Array) -> str:
    """Black or white, whichever has more contrast with the colour behind it."""
    rgb = np.where(
        face[:3] > 0.04045, ((face[:3] + 0.055) / 1.055) ** 2.4, face[:3] / 12.92
    )
    # At this luminance, the contrasts with black and with white are equal (WCAG).
    return "black" if rgb @ [0.2126, 0.7152, 0.0722] > 0.179 else "white"
