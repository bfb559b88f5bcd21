"""`SGDSigmoidMLPRegressor`: the code that only the regressor needs."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.metrics import r2_score

from .._array_libraries import in_numpy, to_numpy
from .._training.examples import Encoder
from .._training.held_out import Score, r_squared
from .arrays import Arrays
from .auto import Pace
from .base import BaseSGDSigmoidMLP
from .call import Call
from .hyperparameters import check_target_range
from .sample_weights import score_weights
from .targets import TargetScale, checked_numbers, usable_range
from .user_warnings import warn
from .validation import Data, naming

Array = NDArray[Any]

# This fraction of the values may be out of reach without a warning: a range that held
# all outliers would crowd the other values together.
OUTLIERS = 0.01


class SGDSigmoidMLPRegressor(RegressorMixin, MultiOutputMixin, BaseSGDSigmoidMLP):
    """Multilayer perceptron regressor of sigmoid neurons, trained by gradient descent.

    The same network, cost and descent as `SGDSigmoidMLP`, with one output neuron for
    each column of `y`. A sigmoid outputs numbers between 0 and 1, so `y` is mapped to
    activations by

    ``a = 0.1 + 0.8 · (y − low) / (high − low)``

    and predictions are mapped back. They lie in the open interval that the activations
    0 and 1 stand for, ``(low − r/8, high + r/8)`` with ``r = high − low``: the network
    does not extrapolate beyond it.

    Inputs should be scaled to zero mean and about unit variance by a
    `~sklearn.preprocessing.StandardScaler` (inputs between 0 and 1 are learnt several
    times more slowly). `y` need not be scaled.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int or int, default=(100,)
        Neurons in each hidden layer. ``()`` is a single layer of sigmoid outputs. The
        default is MLPRegressor's.

    learning_rate_init : float > 0 or "auto", default="auto"
        The step size η, for the cost ``C = 1/n_L Σ_j ½ (a_j − y_j)²`` in units of
        activations, with its ``1/n_L``. "auto" is the product of 0.1, or 1.4 with
        early stopping; ``n_L``; ``min(1, 100/width)``, where the width is that of the
        widest hidden layer, or the number of features if there is none;
        ``max(1, √(10/mean ‖x‖²))`` over the rows of the first call; ``√(b/32)`` for
        batches of ``b < 32`` rows (unless all rows are one batch); and
        ``1 − momentum``. Without held-out rows nothing shows whether the network
        learns noise, and small steps keep it simple ("How the defaults were chosen" in
        the documentation). `learning_rate_init_` holds the value.

    batch_size : int >= 1, "full" or "auto", default="auto"
        Number of rows whose gradients an update averages: 1 is stochastic gradient
        descent, "full" is batch gradient descent, anything between is mini-batch. A
        smaller last batch is averaged over its own size. "auto" is all rows if there
        are at most 32, else ``n_samples / 100``, but at least 16 (8 with early
        stopping) and at most 32. `batch_size_` holds the value.

    max_iter : int >= 1, default=200
        Most epochs, that is, passes over the data, of a `fit`. The default is
        MLPRegressor's.

    target_range : "auto" or (low, high), default="auto"
        The values of `y` that are mapped to the activations 0.1 and 0.9, each a number
        or one for each output. "auto" takes the smallest and largest value of each
        output that `fit`, or the first `partial_fit`, sees with a positive weight. A
        range that leaves out a few outliers of `y` may suit the other values better.

    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        Schedule of the step size. "constant" keeps η; "invscaling" uses
        ``η / (t + 1)^power_t`` in an epoch that starts after `t` examples, as in
        scikit-learn (it falls fast: η/32 after 1,000 examples); "adaptive" divides η by
        5 whenever training would have stopped, until it is 1e-6 or less.

    power_t : float >= 0, default=0.5
        Exponent of "invscaling". The default is MLPRegressor's.

    momentum : float in [0, 1), default=0.0
        ``v ← momentum·v − η·∇``, ``θ ← θ + v``. The default is the derivation's plain
        descent.

    nesterovs_momentum : bool, default=True
        Whether to apply momentum in Nesterov's form, ``θ ← θ + momentum·v − η·∇`` with
        the new `v`; it has no effect if ``momentum=0``. The default is
        MLPRegressor's.

    alpha : float >= 0, default=0.0
        L2 penalty in scikit-learn's scaling: ``alpha / m · W`` is added to the average
        gradient of a batch of `m` examples, and ``k / m`` times that for a smaller last
        batch of `k`, so that every row counts the same. The reported loss does not
        include it. Values for MLPClassifier do not carry over: this cost has smaller
        gradients, larger η and smaller batches, so 1e-3 is already strong. The default
        is the derivation's unpenalised cost.

    shuffle : bool, default=True
        Whether to draw a new order of the rows before each epoch.

    random_state : int, RandomState instance or None, default=None
        Source of the initial weights and of the row orders. With an int, the same data
        and the same machine, models are bit-identical (with SciPy 1.13 or newer: with
        the BLAS of older versions, the rounding of some large products depends on their
        place in memory).

    tol : float >= 0 or "auto", default="auto"
        The loss improves if it falls by at least this below the best so far; a held-out
        score, if it rises by at least this. "auto" is 1e-5 of the loss of the best
        constant prediction, ``1/n_L Σ_j ½ Var(y_j)`` (1/8 stands in where `y` does not
        vary), and 1e-5 for a score; and training does not stop before its loss is below
        0.98 times that of a constant. Values for MLPRegressor are too large, because
        this cost is in units of activations. `tol_` holds the value.

    n_iter_no_change : int >= 1 or inf, default=20
        Training stops after more than this many epochs in a row without improvement.
        The default is twice MLPRegressor's: the loss of small batches fluctuates.

    early_stopping : bool or "auto", default="auto"
        Whether to hold out `validation_fraction` of the rows and to stop when they show
        no improvement for more than `n_iter_no_change` epochs. An improvement is a
        score that rises by at least `tol`, or a loss that falls by at least `tol` while
        the score stays the same. The parameters are then those of the epoch with the
        best score, and with the lowest loss among equal scores. Rows are held out at
        random; with ``shuffle=False`` they are the last ones. A warm start holds out
        the same rows. "auto" is True for 500 rows or more, where a tenth of them can
        tell progress from noise, even if `X_val` is given; the first `fit` decides. It
        comes with a larger η and smaller batches. Later calls of `partial_fit` keep
        these, but otherwise ignore it. `early_stopping_` holds what `fit` did.

    validation_fraction : float in (0, 1), default=0.1
        Fraction of the rows to hold out if `early_stopping` gets no `X_val` in `fit`.
        The default is MLPRegressor's.

    scoring : str, callable or None, default=None
        The score that early stopping uses. None is the R² of `score`, "loss" the
        negative loss, and another string names a scikit-learn scorer. A callable gets
        the estimator, inputs and targets as arrays, and `sample_weight` if `fit` has
        weights. As in HistGradientBoostingRegressor.

    warm_start : bool, default=False
        Whether `fit` continues from the parameters, momentum, schedule and random
        stream of the last call, instead of starting again. Without early stopping, the
        result equals one longer `fit` to the bit. `target_range_` stays as it is.

    verbose : bool or int >= 0, default=False
        Whether to print a line after each epoch: its number, `loss_`, the score of the
        held-out rows if there are any, and examples learnt per second.

    engine : {"numpy", "numba"}, default="numpy"
        What computes the updates. "numba" compiles those of small batches: up to 20
        rows, or 8 if the network has more than 32,768 weights; up to 1,024 sparse rows
        unless later layers are large. Single examples train up to ten times as fast.
        Larger batches, which `batch_size="auto"` may choose, and predictions are
        computed as with "numpy". The two engines round differently. "numba" needs the
        `fast` extra. Arrays of libraries other than numpy need "numpy" here, and are
        computed by their own library.

    Attributes
    ----------
    target_range_ : ndarray of shape (2, `n_outputs_`)
        The values of each output that are mapped to the activations 0.1 and 0.9.

    coefs_ : list of ndarrays of shape (n_{l-1}, n_l)
        Weights of each layer, transposed from the derivation's ``W^l``.

    intercepts_ : list of ndarrays of shape (n_l,)
        Biases of each layer.

    learning_rate_init_ : float
        The η of the last call, before its schedule.

    batch_size_ : int
        Rows in a batch of the last call.

    tol_ : float
        The `tol` of the last `fit`, as a loss.

    early_stopping_ : bool
        Whether the last `fit` stopped by held-out rows.

    loss_ : float or None
        Mean cost of the examples in the last epoch, in units of activations, each
        measured just before the update that it took part in; None if Ctrl-C came before
        the end of the first epoch.

    best_loss_ : float or None
        Smallest `loss_` of all epochs (inf if there was none); None after early
        stopping, which uses the score.

    loss_curve_ : list of float
        `loss_` of every epoch; `partial_fit` keeps the last 10,000, so that a long
        stream does not fill the memory.

    n_iter_ : int
        Number of epochs of the last `fit`; `partial_fit` adds one.

    t_ : int
        Number of examples seen so far.

    n_layers_ : int
        Number of layers, including those of inputs and outputs.

    n_outputs_ : int
        Number of output neurons, the derivation's ``n_L``.

    out_activation_ : str
        "logistic".

    n_features_in_ : int
        Number of features seen by `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if `X` has names that are all strings.

    validation_scores_ : list of float or None
        Score of the held-out rows after each epoch that had some: `scoring`, or R²,
        weighted by `sample_weight` if given. None if no rows were held out.

    validation_loss_curve_ : list of float or None
        Mean cost of the held-out rows after each epoch; None if no rows were held out.

    best_validation_score_ : float or None
        Score of the network that the last `fit` kept, on the held-out rows: the best
        among its epochs. None without early stopping.

    See Also
    --------
    SGDSigmoidMLP : The same network for classes.
    sklearn.neural_network.MLPRegressor : Linear outputs, other activations and solvers.

    Notes
    -----
    The data type follows `X`: float32 stays float32 and float64 stays float64, and such
    an `X` is neither modified nor copied whole. Any other type is converted to float64
    first, and any other sparse format to CSR.

    If scikit-learn's ``array_api_dispatch`` is on, an `X` of PyTorch, CuPy or another
    library that follows the array API standard stays on its device, such as a GPU, and
    so do the arrays of the fitted network and its predictions; what is an ndarray in
    this page is then an array of that library ("On a GPU" in the documentation).
    `move_to` brings a network to another library or device.

    `fit` and `partial_fit` train a copy, which replaces the estimator at the end. So an
    error leaves the estimator as it was before the call (except that a RandomState
    object given as `random_state` stays advanced), and other threads predict with the
    old network meanwhile. Warnings about how training ended come last: if one is turned
    into an error, the network is stored all the same. Ctrl-C ends `fit` with a warning
    and the network of the last whole epoch; `partial_fit` raises KeyboardInterrupt and
    undoes its pass.

    With scikit-learn 1.9 or newer, `set_callbacks` takes callbacks of
    :mod:`sklearn.callback`; a fit is a task with a subtask "epoch" for each epoch,
    `partial_fit` is not a task.

    References
    ----------
    The derivation that this class implements is "The mathematics" in the documentation.
    Rumelhart, Hinton and Williams (1986), "Learning representations by back-propagating
    errors", Nature 323, 533-536.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skbackprop import SGDSigmoidMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = make_pipeline(
    ...     StandardScaler(), SGDSigmoidMLPRegressor(max_iter=500, random_state=0)
    ... )
    >>> print(f"{cross_val_score(model, X, y).mean():.2f}")
    0.49
    """

    # The public name, so that saved files do not depend on the private module.
    __module__ = "skbackprop"
    _output_deviation = 1.0
    _initialising_call = (
        "partial_fit(X[:1], y[:1], sample_weight=0), with target_range=(low, high),"
    )
    target_range_: Array

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        *,
        learning_rate_init: float | str = "auto",
        batch_size: int | str = "auto",
        max_iter: int = 200,
        target_range: str | tuple[ArrayLike, ArrayLike] = "auto",
        learning_rate: str = "constant",
        power_t: float = 0.5,
        momentum: float = 0.0,
        nesterovs_momentum: bool = True,
        alpha: float = 0.0,
        shuffle: bool = True,
        random_state: int | RandomState | None = None,
        tol: float | str = "auto",
        n_iter_no_change: float = 20,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        scoring: str | Callable[..., float] | None = None,
        warm_start: bool = False,
        verbose: bool | int = False,
        engine: str = "numpy",
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            learning_rate_init=learning_rate_init,
            batch_size=batch_size,
            max_iter=max_iter,
            learning_rate=learning_rate,
            power_t=power_t,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            alpha=alpha,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            scoring=scoring,
            warm_start=warm_start,
            verbose=verbose,
            engine=engine,
        )
        self.target_range = target_range

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train a new network on `X` and `y`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs: finite numbers, best scaled to about unit variance.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, finite numbers of any scale.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative and not all zero. They are divided by their mean over
            the rows to learn from, and so is `alpha`; a batch then averages
            ``w_i · gradient_i`` over its size. With ``batch_size="full"``, integer
            weights equal repeated rows (except for rounding, and "invscaling" ignores
            weights).

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Inputs of held-out rows. With early stopping they replace the rows split off
            from `X`; without it they are only measured, for `validation_scores_` and
            `validation_loss_curve_`.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.

        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights in the score and in the loss; only the ratios matter.

        Returns
        -------
        self : SGDSigmoidMLPRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter or an argument is not as described, there are too few rows for
            `early_stopping` to split, a warm start asks for a different network or has
            an `X` in another array library, or training diverged because η is too
            large.

        Warns
        -----
        ConvergenceWarning
            The kept network has learnt too little: it is saturated, is no better than a
            constant prediction, or stopped while its loss was falling; or outliers
            crowd most values of `y` together; or `max_iter` epochs were not enough. The
            warning names what may help.
        UserWarning
            `batch_size` is larger than the number of rows; or the network cannot reach
            more than 1 % of the values of `y` with this `target_range`; or Ctrl-C ended
            training, and the network is that of the last whole epoch, or the previous
            one if there was no whole epoch.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.preprocessing import scale
        >>> from skbackprop import SGDSigmoidMLPRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = SGDSigmoidMLPRegressor(random_state=0).fit(scale(X), y)
        >>> model.target_range_.ravel()
        array([ 25., 346.])
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def partial_fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Make one pass over the given rows, continuing from the current state.

        Batches, row order and schedule are those of `fit`: on an unfitted estimator and
        without weights, the result equals one epoch of `fit`, to the bit. The
        random stream and the momentum continue. `target_range_` stays that of the first
        call: for a stream, give `target_range` if the first call does not contain the
        extremes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs, as in `fit`.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as in `fit`.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative. Unlike in `fit`, they are used as they are, because
            the mean weight of a stream is unknown: a weight of 2 doubles the gradient
            of an example. If all are zero, the model stays as it is; the first call
            then only sets the initial weights and the range of `y`.

        Returns
        -------
        self : SGDSigmoidMLPRegressor
            The estimator.

        Raises
        ------
        ValueError
            As in `fit`; also if `X` or `y` has a different number of columns than
            before.

        Warns
        -----
        UserWarning
            The network cannot reach more than 1 % of the values of `y` with this
            `target_range`.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.preprocessing import scale
        >>> from skbackprop import SGDSigmoidMLPRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = SGDSigmoidMLPRegressor(target_range=(0, 400), random_state=0)
        >>> for epoch in range(100):
        ...     model = model.partial_fit(scale(X), y)
        >>> model.score(scale(X), y) > 0.4
        True
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> Array:
        """Predict the activations of the output neurons, mapped back to `y`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs, scaled like those of `fit`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, `n_outputs_`)
            Predictions; 1-D for a single output.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.preprocessing import scale
        >>> from skbackprop import SGDSigmoidMLPRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = SGDSigmoidMLPRegressor(random_state=0).fit(scale(X), y)
        >>> model.predict(scale(X)).shape
        (442,)
        """
        model = self._copy()  # a fit in another thread may replace the network
        return model._outputs(X, "predict", model._decoded)

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Compute the R² of `predict` on `X`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs, scaled like those of `fit`.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True values.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            ``1 − Σ (y − ŷ)² / Σ (y − ȳ)²``, averaged over the outputs.

        Raises
        ------
        ValueError
            An argument is not as described, or the squares of `y` are not finite.

        Examples
        --------
        See `SGDSigmoidMLPRegressor`.
        """
        with naming("X or y or sample_weight"), np.errstate(all="ignore"):
            y = in_numpy(y, "y")
            weights = score_weights(in_numpy(sample_weight, "sample_weight"))
            predicted = to_numpy(self.predict(X))
            score = float(r2_score(y, predicted, sample_weight=weights))
        if not np.isfinite(score) and len(np.asarray(y)) > 1:
            raise ValueError(
                "y is too large for R²: squares of its values are not finite. Scale y."
            )
        return score

    def _validate(
        self, X: Any, y: Any, sample_weight: ArrayLike | None, reset: bool
    ) -> Data:
        data = super()._validate(X, y, sample_weight, reset)
        return data._replace(y=checked_numbers(data.y))

    @property
    def _scale(self) -> TargetScale:
        return TargetScale(*self._target_range)

    @property
    def _target_range(self) -> Array:
        """`target_range_` in numpy and float64."""
        return np.asarray(to_numpy(self.target_range_), dtype=float)

    def _decoded(self, z: Any, arrays: Arrays) -> Any:
        y = self._scale.decode(arrays.sigmoid(z), arrays)
        return y[:, 0] if self.n_outputs_ == 1 else y

    def _set_targets(
        self, data: Data, call: Call, classes: ArrayLike | None = None
    ) -> None:
        n_outputs, y = data.y.shape[1], targets_with_weight(data)
        if call.continues and n_outputs != self.n_outputs_:
            raise ValueError(f"y has {n_outputs} columns, expected {self.n_outputs_}.")
        auto = isinstance(self.target_range, str) and self.target_range == "auto"
        if not auto:
            given = check_target_range(self.target_range, n_outputs)
            # Rounded like target_range_, where there is no float64.
            rounded = to_numpy(data.arrays.from_numpy(given)).astype(float)
            if call.continues and not np.array_equal(rounded, self._target_range):
                raise ValueError(
                    f"target_range={self.target_range!r} differs from that of the "
                    f"fitted model, {self._target_range.tolist()}. Call fit with "
                    "warm_start=False to start again."
                )
        elif not call.continues:
            low, high = (end(axis=0).astype(float) for end in (y.min, y.max))
            given = usable_range(low, high)
            if call.is_pass and (low == high).any():
                warn(
                    'target_range="auto" cannot tell the range of the stream: the '
                    "first partial_fit saw only one value of y. Give "
                    "target_range=(low, high)."
                )
        if not call.continues:
            self.n_outputs_ = n_outputs
            self.target_range_ = data.arrays.from_numpy(given)
        low, high = self._scale.reachable
        if not call.continues:
            _require_finite(low, high, data.dtype)
        outside, size = self._count_outside(data, low, high)
        is_told = call.is_pass and call.continues and self._is_told_of_range
        self._is_told_of_range = is_told  # warn only once for a stream
        if outside > OUTLIERS * size and not is_told:
            self._is_told_of_range = True
            warn(
                f"y has {outside} of {size} values ({outside / size:.1%}) outside the "
                f"interval that the network can predict, ({low.min():g}, "
                f"{high.max():g}), which extends target_range by 1/8 on each side. If "
                "they are not outliers, fit again with a wider target_range."
            )

    def _count_outside(self, data: Data, low: Array, high: Array) -> tuple[int, int]:
        """How many values of `y` are not between these, and how many there are."""
        return count_outside(data, low, high)

    def _encoder(self, data: Data) -> Encoder:
        if data.y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {data.y.shape[1]} columns, expected {self.n_outputs_}."
            )
        return self._scale.encoder(data.y)

    def _score(self) -> Score:
        return r_squared

    def _pace(self, stops_early: bool) -> Pace:
        # Held-out rows show whether the network learns noise. Without them, small steps
        # keep it simple.
        if stops_early:
            return Pace(eta=1.4, smallest_batch=8)
        return Pace(eta=0.1, smallest_batch=16)


def _require_finite(low: Array, high: Array, dtype: Any) -> None:
    """Raise ValueError if predictions would not be finite numbers in their dtype."""
    ends = np.array([low.min(), high.max()])
    if not np.isfinite(ends.astype(dtype)).all():
        raise ValueError(
            f"y or target_range is too large: predictions between {ends[0]:g} and "
            f"{ends[1]:g} are not finite {dtype} numbers. Scale y."
        )


def targets_with_weight(data: Data) -> Array:
    """The targets with positive weight; all of them if every weight is zero.

    Targets without weight must not decide the range.
    """
    if data.weights is None or not data.weights.any():
        return data.y
    return data.y[data.weights > 0]


def count_outside(data: Data, low: Array, high: Array) -> tuple[int, int]:
    """How many targets with weight are not between these, and how many there are."""
    if data.weights is not None and not data.weights.any():
        return 0, 0
    y = targets_with_weight(data)
    return int(((y <= low) | (y >= high)).sum()), y.size
