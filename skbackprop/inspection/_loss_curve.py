"""`LossCurveDisplay`: how the cost fell, epoch by epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ._drawing import CYCLE, axes_for
from ._reading import check_fitted_network


@dataclass(frozen=True)
class LossCurve:
    """The training of one network, for `LossCurveDisplay`.

    Attributes
    ----------
    name : str
        For the legend.

    loss : sequence of float
        Mean cost of the examples learnt from, in each epoch.

    validation_loss : sequence of float or None
        Mean cost of the held-out rows, after each epoch that had some.

    validation_begins : int
        Epochs before the first of `validation_loss`.

    best : int or None
        The epoch to mark, counted from 1.

    best_is_validated : bool
        Whether the mark belongs on the validation loss.

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
    best_is_validated: bool = False


class LossCurveDisplay:
    """Training and validation loss against epochs, of one or several networks.

    Make it with `from_estimator`, `from_estimators` or `from_curves`.

    The loss is the mean cost of an example, ``C = 1/n_L Σ_j ½ (a_j − y_j)²``, in
    squared units of activations. That of training (solid) is measured while the epoch
    goes on, each example with the weights that it was about to update; that of the
    held-out rows (dashed) at the end of the epoch. The best epoch is marked: with early
    stopping that of the best validation score, whose network was kept; else that of the
    least validation loss, or of the least loss where no rows were held out.

    Parameters
    ----------
    curves : list of curves
        One for each network, with the attributes `name`, `loss`, `validation_loss`,
        `validation_begins`, `best` and `best_is_validated`.

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
            A fitted network. Of a pipeline, pass the last step.

        name : str, default=None
            Its name in the legend. None is no name.

        log : bool, default=True
            Whether the loss has a logarithmic scale.

        ax : matplotlib Axes, default=None
            Where to draw, also beside other curves. None is a new figure.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            `estimator` is something else, a pipeline for instance.
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
            Fitted networks by their names in the legend; without names they are
            numbered from 1.

        log : bool, default=True
            Whether the loss has a logarithmic scale.

        ax : matplotlib Axes, default=None
            Where to draw. None is a new figure.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError, NotFittedError, ImportError
            As `from_estimator` does.

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
        """Draw losses that were kept elsewhere, those of another library for instance.

        Parameters
        ----------
        losses : dict from str to sequence of float
            The loss of each epoch, by names for the legend.

        log : bool, default=True
            Whether the loss has a logarithmic scale.

        ax : matplotlib Axes, default=None
            Where to draw. None is a new figure.

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
            LossCurve(name, loss, best=_place_of_least(loss))
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
            Where to draw. None is a new figure.

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
        self.ax_, self.figure_ = axes_for(self, ax)
        self.lines_: list[Any] = []
        # Colours go on from those of curves that are there already.
        before = len({line.get_color() for line in self.ax_.get_lines()})
        for i, curve in enumerate(self.curves, start=before):
            self._plot_curve(curve, CYCLE[i % len(CYCLE)])
        self.ax_.set_xlabel("epochs (passes over the training rows)")
        self.ax_.set_ylabel("mean cost of an example (squared activations)")
        self.ax_.set_yscale("log" if log else "linear")
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.ax_.grid(which="both", alpha=0.2)
        self.ax_.legend()
        return self

    def _plot_curve(self, curve: LossCurve, color: str) -> None:
        prefix = f"{curve.name}: " if curve.name else ""
        epochs = np.arange(1, len(curve.loss) + 1)
        self.lines_ += self.ax_.plot(
            epochs,
            curve.loss,
            color=color,
            # One epoch is a point, which a line would not show.
            marker="o" if len(epochs) == 1 else None,
            label=prefix + "training",
        )
        marked, begins = curve.loss, 0
        if curve.validation_loss is not None:
            epochs = np.arange(1, len(curve.validation_loss) + 1)
            self.lines_ += self.ax_.plot(
                epochs + curve.validation_begins,
                curve.validation_loss,
                color=color,
                linestyle="--",
                marker="o" if len(epochs) == 1 else None,
                label=prefix + "validation",
            )
        if curve.best_is_validated and curve.validation_loss is not None:
            marked, begins = curve.validation_loss, curve.validation_begins
        if curve.best is not None:
            self.ax_.plot(
                [curve.best],
                [marked[curve.best - 1 - begins]],
                color=color,
                linestyle="",
                marker="*",
                markersize=14,
                markeredgecolor="white",
                label=f"{prefix}best epoch, {curve.best}",
                zorder=3,
            )


def _curve(estimator: Any, name: str) -> LossCurve:
    check_fitted_network(estimator)
    loss, validation = estimator.loss_curve_, estimator.validation_loss_curve_
    if validation is None:
        return LossCurve(name, list(loss), best=_place_of_least(loss))
    begins = _epochs_before_validation(estimator)
    if estimator.best_validation_score_ is not None:
        best = int(np.argmax(estimator.validation_scores_)) + 1
    else:
        best = _place_of_least(validation) or 1
    return LossCurve(name, list(loss), list(validation), begins, begins + best, True)


def _epochs_before_validation(estimator: Any) -> int:
    """Epochs that came before the first that rows were held out from.

    A warm start may have been the first to hold some out, and the histories of all its
    calls are one. Where it was not, they begin together.
    """
    loss, validation = estimator.loss_curve_, estimator.validation_loss_curve_
    before = len(loss) - estimator.n_iter_
    return before if before + len(validation) <= len(loss) else 0


def _place_of_least(loss: Sequence[float]) -> int | None:
    return int(np.nanargmin(loss)) + 1 if len(loss) else None
