"""`LossCurveDisplay`: how the cost fell, epoch by epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from .._training.progress import Progress
from ._drawing import CYCLE, axes_for, logarithmic
from ._reading import check_fitted_network

# With more curves than this, the legend is beside the axes: inside, it would hide them.
INSIDE = 4


@dataclass(frozen=True)
class LossCurve:
    """The losses of one network in training, for `LossCurveDisplay`.

    Attributes
    ----------
    name : str
        For the legend.

    loss : sequence of float
        Mean cost of the training examples in each epoch.

    validation_loss : sequence of float or None
        Mean cost of the held-out rows, after each epoch that had held-out rows.

    validation_begins : int
        Epochs before the first of `validation_loss`.

    best : int or None
        The epoch to mark, counted from 1.

    best_of : {"training loss", "validation loss", "validation score"}
        The criterion by which that epoch is the best. The mark is on the curve of the
        training loss or of the validation loss.

    Examples
    --------
    >>> from skbackprop.inspection import LossCurveDisplay
    >>> LossCurveDisplay.from_curves({"mine": [0.3, 0.2, 0.15]}).curves[0].best
    3
    """

    name: str
    loss: Sequence[float]
    validation_loss: Sequence[float] | None = None
    validation_begins: int = 0
    best: int | None = None
    best_of: Literal["training loss", "validation loss", "validation score"] = (
        "training loss"
    )


class LossCurveDisplay:
    """Training and validation loss against epochs, of one or several networks.

    Make it with `from_estimator`, `from_estimators` or `from_curves`.

    The loss is the mean cost of an example, ``C = 1/n_L Σ_j ½ (a_j − y_j)²``, in
    squared units of activations. The training loss (solid) is measured during the
    epoch, each example with the weights that it was about to update. The loss of the
    held-out rows (dashed) is measured at the end of the epoch. A star marks the best
    epoch, and the legend gives its number. "Best" is the epoch with the smallest
    validation loss, or the smallest training loss if no rows were held out. "Best by
    score" is the epoch whose network early stopping has kept; its loss need not be the
    smallest.

    Parameters
    ----------
    curves : list of curves
        One for each network, with the attributes `name`, `loss`, `validation_loss`,
        `validation_begins`, `best` and `best_of`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the last `plot`.

    figure_ : matplotlib Figure
        Their figure.

    lines_ : list of matplotlib Line2D
        The curves drawn.

    See Also
    --------
    GradientFlowDisplay : What reaches each layer of a network.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skbackprop import SGDSigmoidMLP
    >>> from skbackprop.inspection import LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SGDSigmoidMLP((5,), tol=1e-4, random_state=0).fit(scale(X), y)
    >>> display = LossCurveDisplay.from_estimator(model)
    >>> display.ax_.get_yscale()
    'log'
    """

    def __init__(self, curves: Sequence[LossCurve]) -> None:
        self.curves = list(curves)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        log: bool = True,
        ax: Any = None,
    ) -> Self:
        """Draw the training of one network.

        Parameters
        ----------
        estimator : SGDSigmoidMLP or SGDSigmoidMLPRegressor
            A fitted network. For a pipeline, pass its last step.

        name : str, default=None
            Its name in the legend. None means no name.

        log : bool, default=True
            Whether the loss has a logarithmic scale.

        ax : matplotlib Axes, default=None
            Where to draw; the axes may already have other curves. None makes a new
            figure. With more than 4 curves, the legend is to the right of the axes; a
            figure with ``layout="constrained"`` makes room for it.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            `estimator` is something else, such as a pipeline.
        NotFittedError
            `estimator` is not fitted.
        ImportError
            matplotlib is not installed.

        Examples
        --------
        See `LossCurveDisplay`.
        """
        return cls([_curve(estimator, name or "")]).plot(log=log, ax=ax)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any] | Sequence[Any],
        *,
        log: bool = True,
        ax: Any = None,
    ) -> Self:
        """Draw the training of several networks on the same axes.

        Parameters
        ----------
        estimators : dict from str to estimator, or sequence of estimators
            Fitted networks by their names in the legend. Without names, they are
            numbered from 1.

        log : bool, default=True
            Whether the loss has a logarithmic scale.

        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError, NotFittedError, ImportError
            As in `from_estimator`.

        Examples
        --------
        >>> from skbackprop import SGDSigmoidMLP
        >>> from skbackprop.inspection import LossCurveDisplay
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> networks = {
        ...     f"η = {eta}": SGDSigmoidMLP(
        ...         (3,), learning_rate_init=eta, tol=1e-3, random_state=0
        ...     ).partial_fit(X, y, [0, 1])
        ...     for eta in (0.1, 1.0, 10.0)
        ... }
        >>> len(LossCurveDisplay.from_estimators(networks).curves)
        3
        """
        if not isinstance(estimators, Mapping):
            estimators = {f"network {i}": e for i, e in enumerate(estimators, start=1)}
        curves = [_curve(estimator, name) for name, estimator in estimators.items()]
        return cls(curves).plot(log=log, ax=ax)

    @classmethod
    def from_curves(
        cls, losses: Mapping[str, Sequence[float]], *, log: bool = True, ax: Any = None
    ) -> Self:
        """Draw losses that were recorded elsewhere, for instance by another library.

        Parameters
        ----------
        losses : dict from str to sequence of float
            The loss of each epoch, for each name in the legend.

        log : bool, default=True
            Whether the loss has a logarithmic scale.

        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> from skbackprop.inspection import LossCurveDisplay
        >>> losses = {"mine": [0.3, 0.2, 0.15]}
        >>> display = LossCurveDisplay.from_curves(losses, log=False)
        >>> display.ax_.get_xlabel()
        'epochs (passes over the training rows)'
        """
        curves = [
            LossCurve(name, loss, best=_epoch_of_least(loss))
            for name, loss in losses.items()
        ]
        return cls(curves).plot(log=log, ax=ax)

    def plot(self, *, log: bool = True, ax: Any = None) -> Self:
        """Draw all curves.

        Parameters
        ----------
        log : bool, default=True
            Whether the loss has a logarithmic scale.

        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        display : LossCurveDisplay
            The display itself.

        Raises
        ------
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> from skbackprop.inspection import LossCurveDisplay
        >>> display = LossCurveDisplay.from_curves({"mine": [0.3, 0.2, 0.15]})
        >>> display.plot(log=False).ax_.get_yscale()
        'linear'
        """
        n_lines = sum(1 + (c.validation_loss is not None) for c in self.curves)
        self.ax_, self.figure_ = axes_for(
            self, ax, (6.4, 4.8) if n_lines <= INSIDE else (9.2, 4.8)
        )
        self.lines_: list[Any] = []
        # Colours continue after those of curves that are there already.
        before = len({line.get_color() for line in self.ax_.get_lines()})
        for i, curve in enumerate(self.curves, start=before):
            self._plot_curve(curve, CYCLE[i % len(CYCLE)])
        self.ax_.set_xlabel("epochs (passes over the training rows)")
        self.ax_.set_ylabel("mean cost of an example (squared activations)")
        if log:
            logarithmic(self.ax_)
        else:
            self.ax_.set_yscale("linear")
        # A single epoch has one tick instead of five fractions.
        self.ax_.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        self.ax_.grid(which="both", alpha=0.2)
        self._add_legend()
        return self

    def _plot_curve(self, curve: LossCurve, color: str) -> None:
        self._plot_losses("training", curve.loss, 0, curve, color=color)
        if curve.validation_loss is not None:
            self._plot_losses(
                "validation",
                curve.validation_loss,
                curve.validation_begins,
                curve,
                color=color,
                linestyle="--",
            )

    def _plot_losses(
        self,
        rows: str,
        losses: Sequence[float],
        begins: int,
        curve: LossCurve,
        **style: Any,
    ) -> None:
        """Draw one line, with a star if it is the one that decides the best epoch."""
        label = f"{curve.name}: {rows}" if curve.name else rows
        if curve.best is not None and curve.best_of.startswith(rows):
            by = " by score" if curve.best_of.endswith("score") else ""
            label += f" (best{by} {curve.best})"
            style |= {
                "marker": "*",
                "markevery": [curve.best - 1 - begins],
                "markersize": 14,
                "markeredgecolor": "white",
            }
        elif len(losses) == 1:  # a line would not show a single point
            style["marker"] = "o"
        epochs = np.arange(1, len(losses) + 1) + begins
        self.lines_ += self.ax_.plot(epochs, losses, label=label, **style)

    def _add_legend(self) -> None:
        _, labels = self.ax_.get_legend_handles_labels()
        place: dict[str, Any] = {}
        if len(labels) > INSIDE:
            place = {
                "loc": "upper left",
                "bbox_to_anchor": (1.01, 1),
                "borderaxespad": 0,
                "frameon": False,
            }
        # Long enough to show dashes on both sides of a star.
        self.ax_.legend(handlelength=3.5, markerscale=0.8, **place)


def _curve(estimator: Any, name: str) -> LossCurve:
    check_fitted_network(estimator)
    loss, validation = estimator.loss_curve_, estimator.validation_loss_curve_
    if validation is None:
        return LossCurve(name, list(loss), best=_epoch_of_least(loss))
    begins = _epochs_before_validation(estimator)
    stopped_early = estimator.best_validation_score_ is not None
    if stopped_early:
        best = _epoch_kept(validation, estimator.validation_scores_)
    else:
        best = _epoch_of_least(validation)
    by_score = stopped_early and estimator.scoring != "loss"
    return LossCurve(
        name,
        list(loss),
        list(validation),
        begins,
        begins + (best or 1),
        "validation score" if by_score else "validation loss",
    )


def _epoch_kept(losses: Sequence[float], scores: Sequence[float]) -> int | None:
    """The epoch that early stopping returns to, found by the rule of training itself.

    Among epochs with the same score, it is the one with the smallest loss.
    """
    progress = Progress(0, t=0, best_loss=np.inf, n_no_change=0, n_eta_drops=0)
    for measured in zip(losses, scores, strict=True):
        progress.n_iter += 1
        progress.compare(*measured)
    return progress.best_epoch


def _epochs_before_validation(estimator: Any) -> int:
    """The number of epochs before the first one that had held-out rows.

    A warm start may be the first call to hold rows out, and the histories of all calls
    are joined. Otherwise both losses begin together.
    """
    loss, validation = estimator.loss_curve_, estimator.validation_loss_curve_
    before = len(loss) - estimator.n_iter_
    return before if before + len(validation) <= len(loss) else 0


def _epoch_of_least(loss: Sequence[float]) -> int | None:
    return int(np.nanargmin(loss)) + 1 if len(loss) else None
