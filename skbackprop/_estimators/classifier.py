"""`SGDSigmoidMLP`: the code that only the classifier needs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import unique_labels

from .._array_libraries import in_numpy, to_numpy
from .._training.examples import Encoder
from .._training.held_out import Score, class_accuracy, label_accuracy
from .arrays import Arrays, arrays_of_input
from .auto import Pace
from .base import BaseSGDSigmoidMLP
from .call import Call
from .labels import refuse_invalid_labels, refuse_weights_as_classes
from .sample_weights import balanced_factors, class_factors, score_weights
from .targets import (
    as_array,
    checked_labels,
    codes_of,
    indicator_encoder,
    label_encoder,
    refuse_nat,
    same_labels,
)
from .validation import Data, naming, refuse_indices_outside

Array = NDArray[Any]


class SGDSigmoidMLP(ClassifierMixin, BaseSGDSigmoidMLP):
    """Multilayer perceptron classifier of sigmoid neurons, trained by gradient descent.

    This is the textbook network. The activations of a layer are
    ``a^l = σ(W^l a^{l−1} + b^l)`` with ``σ(z) = 1 / (1 + e^{−z})``. The cost of an
    example is the half squared error averaged over the output neurons,

    ``C = 1/n_L Σ_j ½ (a_j^L − y_j)²``.

    Backpropagation computes its gradient, and the parameters follow plain gradient
    descent, ``W ← W − η·∇W`` and ``b ← b − η·∇b``, with the gradient averaged over each
    batch. `batch_size` selects stochastic, mini-batch or batch gradient descent.

    Two classes share one output neuron, whose target is 0 for the first class and 1 for
    the second; more classes have one neuron each (one-hot). A 2-D indicator `y` is a
    multilabel problem with one neuron for each label.

    Inputs should be scaled to zero mean and about unit variance, for instance by a
    `~sklearn.preprocessing.StandardScaler`: large inputs saturate sigmoids.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int or int, default=(100,)
        Neurons in each hidden layer. ``()`` is a single layer of sigmoid outputs. The
        default is MLPClassifier's.

    learning_rate_init : float > 0 or "auto", default="auto"
        The step size η. The cost really has the factor ``1/n_L``: for the ``η = 3`` of
        a textbook whose cost sums over the output neurons, set ``3 * n_L`` here. "auto"
        is the product of ``n_L``; ``min(1, 100/width)``, where the width is that of the
        widest hidden layer, or the number of features if there is none;
        ``max(1, √(10/mean ‖x‖²))`` over the rows of the first call; ``√(b/32)`` for
        batches of ``b < 32`` rows (unless all rows are one batch); and
        ``1 − momentum``. No single number suits both one output and ten, or both 100
        neurons and 500 ("How the defaults were chosen" in the documentation).
        `learning_rate_init_` holds the value.

    batch_size : int >= 1, "full" or "auto", default="auto"
        Number of rows whose gradients an update averages: 1 is stochastic gradient
        descent, "full" is batch gradient descent, anything between is mini-batch. A
        smaller last batch is averaged over its own size. "auto" is all rows if there
        are at most 32, else ``n_samples / 100``, but at least 16 and at most 32.
        `batch_size_` holds the value.

    max_iter : int >= 1, default=200
        Most epochs, that is, passes over the data, of a `fit`. The default is
        MLPClassifier's.

    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        Schedule of the step size. "constant" keeps η; "invscaling" uses
        ``η / (t + 1)^power_t`` in an epoch that starts after `t` examples, as in
        scikit-learn (it falls fast: η/32 after 1,000 examples); "adaptive" divides η by
        5 whenever training would have stopped, until it is 1e-6 or less.

    power_t : float >= 0, default=0.5
        Exponent of "invscaling". The default is MLPClassifier's.

    momentum : float in [0, 1), default=0.0
        ``v ← momentum·v − η·∇``, ``θ ← θ + v``. The default is the derivation's plain
        descent.

    nesterovs_momentum : bool, default=True
        Whether to apply momentum in Nesterov's form, ``θ ← θ + momentum·v − η·∇`` with
        the new `v`; it has no effect if ``momentum=0``. The default is
        MLPClassifier's.

    alpha : float >= 0, default=0.0
        L2 penalty in scikit-learn's scaling: ``alpha / m · W`` is added to the average
        gradient of a batch of `m` examples, and ``k / m`` times that for a smaller last
        batch of `k`, so that every row counts the same. The reported loss does not
        include it. Values for MLPClassifier do not carry over: this cost has smaller
        gradients, larger η and smaller batches, so 1e-3 is already strong. The default
        is the derivation's unpenalised cost.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, finite and not negative. A class that the dict leaves
        out has weight 1. The dict may name classes that `y` lacks only if it names
        every class of `y`. "balanced" is ``n_samples / (n_classes · count of the
        class)``, where the rows of `fit` count by their `sample_weight`; `partial_fit`
        cannot compute it and raises. The weight of a row is the product of its class's
        weight and its `sample_weight`. Not available for a multilabel `y`.

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
        0.98 times that of a constant. Values for MLPClassifier are too large, because
        this cost is an average over the output neurons. `tol_` holds the value.

    n_iter_no_change : int >= 1 or inf, default=20
        Training stops after more than this many epochs in a row without improvement.
        The default is twice MLPClassifier's: the loss of small batches fluctuates.

    early_stopping : bool or "auto", default=False
        Whether to hold out `validation_fraction` of the rows and to stop when they show
        no improvement for more than `n_iter_no_change` epochs. An improvement is a
        score that rises by at least `tol`, or a loss that falls by at least `tol` while
        the score stays the same. The parameters are then those of the epoch with the
        best score, and with the lowest loss among equal scores. The held-out rows keep
        the proportions of the classes (they are random for a multilabel `y`); with
        ``shuffle=False`` they are the last ones. A warm start holds out the same rows.
        "auto" is True for 500 rows or more. `partial_fit` ignores it. The default is
        MLPClassifier's.

    validation_fraction : float in (0, 1), default=0.1
        Fraction of the rows to hold out if `early_stopping` gets no `X_val` in `fit`.
        The default is MLPClassifier's.

    scoring : str, callable or None, default=None
        The score that early stopping uses. None is the accuracy of `score`, "loss" the
        negative loss, and another string names a scikit-learn scorer. A callable gets
        the estimator, inputs and targets as arrays, and `sample_weight` if `fit` has
        weights. As in HistGradientBoostingClassifier.

    warm_start : bool, default=False
        Whether `fit` continues from the parameters, momentum, schedule and random
        stream of the last call, instead of starting again. Without early stopping, the
        result equals one longer `fit` to the bit. The classes must be the same.

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
    classes_ : ndarray of shape (n_classes,)
        Class labels; for a multilabel `y`, the indices of its columns. In the array
        library of `y`.

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
        Mean cost of the examples in the last epoch, each measured just before the
        update that it took part in; None if Ctrl-C came before the end of the first
        epoch.

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
        Score of the held-out rows after each epoch that had some: `scoring`, or the
        accuracy, weighted by `sample_weight` times `class_weight` if these are given.
        None if no rows were held out.

    validation_loss_curve_ : list of float or None
        Mean cost of the held-out rows after each epoch; None if no rows were held out.

    best_validation_score_ : float or None
        Score of the network that the last `fit` kept, on the held-out rows: the best
        among its epochs. None without early stopping.

    See Also
    --------
    SGDSigmoidMLPRegressor : The same network for numbers.
    sklearn.neural_network.MLPClassifier : Other activations, log-loss and solvers.

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
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skbackprop import SGDSigmoidMLP
    >>> X, y = load_iris(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = make_pipeline(
    ...     StandardScaler(), SGDSigmoidMLP(max_iter=300, random_state=0)
    ... )
    >>> model.fit(X_train, y_train).score(X_test, y_test)
    0.97...
    >>> model.predict_proba(X_test[:1]).round(1)
    array([[0., 0., 1.]])
    """

    # The public name, so that saved files do not depend on the private module.
    __module__ = "skbackprop"
    _output_deviation = 2.0
    classes_: Array
    _initialising_call = "partial_fit(X[:1], y[:1], classes, sample_weight=0),"

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        *,
        learning_rate_init: float | str = "auto",
        batch_size: int | str = "auto",
        max_iter: int = 200,
        learning_rate: str = "constant",
        power_t: float = 0.5,
        momentum: float = 0.0,
        nesterovs_momentum: bool = True,
        alpha: float = 0.0,
        class_weight: Mapping[Any, float] | str | None = None,
        shuffle: bool = True,
        random_state: int | RandomState | None = None,
        tol: float | str = "auto",
        n_iter_no_change: float = 20,
        early_stopping: bool | str = False,
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
        self.class_weight = class_weight

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

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or a binary indicator matrix (dense or sparse) of the labels.

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

        y_val : array-like of shape (n_val,) or (n_val, n_labels), default=None
            Their targets.

        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights in the score and in the loss; only the ratios matter.

        Returns
        -------
        self : SGDSigmoidMLP
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
            constant prediction, predicts one class for all rows, or stopped while its
            loss was falling; or `max_iter` epochs were not enough. The warning names
            what may help.
        UserWarning
            `batch_size` is larger than the number of rows; or Ctrl-C ended training,
            and the network is that of the last whole epoch, or the previous one if
            there was no whole epoch.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.preprocessing import scale
        >>> from skbackprop import SGDSigmoidMLP
        >>> X, y = load_iris(return_X_y=True)
        >>> model = SGDSigmoidMLP((5,), tol=1e-4, random_state=0).fit(scale(X), y)
        >>> [coef.shape for coef in model.coefs_]
        [(4, 5), (5, 3)]
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Make one pass over the given rows, continuing from the current state.

        Batches, row order and schedule are those of `fit`: on an unfitted estimator and
        without weights, the result equals one epoch of `fit`, to the bit. The
        random stream and the momentum continue.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs, as in `fit`.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Targets, as in `fit`; not every class needs to occur.

        classes : array-like of shape (n_classes,), default=None
            All classes that can ever occur. Only the first call needs them, and not for
            a multilabel `y`.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative. Unlike in `fit`, they are used as they are, because
            the mean weight of a stream is unknown: a weight of 2 doubles the gradient
            of an example. If all are zero (times those of `class_weight`), the model
            stays as it is; the first call then only sets the initial weights.

        Returns
        -------
        self : SGDSigmoidMLP
            The estimator.

        Raises
        ------
        ValueError
            As in `fit`; also if `classes` is missing or differs from before, `y` has a
            class that is not among them, or `X` has features other than before.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_digits
        >>> from skbackprop import SGDSigmoidMLP
        >>> X, y = load_digits(return_X_y=True)
        >>> model = SGDSigmoidMLP((30,), batch_size=1, random_state=0)
        >>> for rows in np.array_split(np.arange(len(y)), 18):
        ...     model = model.partial_fit(X[rows] / 16, y[rows], classes=range(10))
        >>> model.t_, model.n_iter_
        (1797, 18)
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X: Any) -> Array:
        """Predict the most probable class, or the set of labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs, scaled like those of `fit`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            Class labels; for a multilabel model, 1 where the activation is above ½.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.preprocessing import scale
        >>> from skbackprop import SGDSigmoidMLP
        >>> X, y = load_iris(return_X_y=True)
        >>> model = SGDSigmoidMLP((5,), tol=1e-4, random_state=0).fit(scale(X), y)
        >>> model.predict(scale(X)[[0, 75, 149]])
        array([0, 1, 2])
        """
        model = self._copy()  # a fit in another thread may replace the network
        return model._outputs(X, "predict", model._predicted)

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Compute the accuracy of `predict` on `X`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs, scaled like those of `fit`.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            True labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Fraction of rows (by weight) predicted correctly; a row of a multilabel
            model must be correct in all labels.

        Raises
        ------
        ValueError
            An argument is not as described.

        Examples
        --------
        See `SGDSigmoidMLP`.
        """
        with naming("X or y or sample_weight"), np.errstate(all="ignore"):
            y = in_numpy(y, "y")
            refuse_indices_outside(y, "y")
            refuse_invalid_labels(y, "y")
            weights = score_weights(in_numpy(sample_weight, "sample_weight"))
            predicted = to_numpy(self.predict(X))
            return float(accuracy_score(y, predicted, sample_weight=weights))

    def decision_function(self, X: Any) -> Array:
        """Compute the pre-activations ``z^L`` of the output neurons.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs, scaled like those of `fit`.

        Returns
        -------
        z : ndarray of shape (n_samples,) or (n_samples, `n_outputs_`)
            ``z^L``; 1-D for two classes, where a positive number means the second one.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.preprocessing import scale
        >>> from skbackprop import SGDSigmoidMLP
        >>> X, y = load_iris(return_X_y=True)
        >>> model = SGDSigmoidMLP((5,), tol=1e-4, random_state=0).fit(scale(X), y)
        >>> model.decision_function(scale(X)[[0, 75, 149]]).argmax(axis=1)
        array([0, 1, 2])
        """
        model = self._copy()  # a fit in another thread may replace the network
        return model._outputs(X, "decision_function", model._decision)

    def predict_proba(self, X: Any) -> Array:
        """Estimate probabilities from the activations of the output neurons.

        The squared error is a proper scoring rule: the activation that minimises its
        mean is the probability.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs, scaled like those of `fit`.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            For two classes ``[1 − a, a]``; for more, the activations divided by the sum
            of their row; for a multilabel model, the activations.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.preprocessing import scale
        >>> from skbackprop import SGDSigmoidMLP
        >>> X, y = load_iris(return_X_y=True)
        >>> model = SGDSigmoidMLP((5,), tol=1e-4, random_state=0).fit(scale(X), y)
        >>> model.predict_proba(scale(X)[[0, 75, 149]]).shape
        (3, 3)
        >>> float(model.predict_proba(scale(X)[:1]).sum())
        1.0
        """
        model = self._copy()  # a fit in another thread may replace the network
        return model._outputs(X, "predict_proba", model._probabilities)

    def predict_log_proba(self, X: Any) -> Array:
        """Compute the logarithm of `predict_proba`, without rounding to 0 first.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Inputs, scaled like those of `fit`.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Natural logarithms of the probabilities.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.preprocessing import scale
        >>> from skbackprop import SGDSigmoidMLP
        >>> X, y = load_iris(return_X_y=True)
        >>> model = SGDSigmoidMLP((5,), tol=1e-4, random_state=0).fit(scale(X), y)
        >>> log_p = model.predict_log_proba(scale(X))
        >>> np.allclose(np.exp(log_p), model.predict_proba(scale(X)))
        True
        """
        model = self._copy()  # a fit in another thread may replace the network
        return model._outputs(X, "predict_log_proba", model._log_probabilities)

    @property
    def _labels(self) -> Array:
        """`classes_` in numpy."""
        labels: Array = to_numpy(self.classes_)
        return labels

    def _predicted(self, z: Any, arrays: Arrays) -> Any:
        if self._multilabel:
            return arrays.is_positive(z)
        labels = self._labels
        if len(labels) == 2:
            return arrays.labels(labels, arrays.is_positive(z[:, 0]))
        return arrays.labels(labels, arrays.argmax(z))

    def _decision(self, z: Any, arrays: Arrays) -> Any:
        return z if self._multilabel or len(self._labels) > 2 else z[:, 0]

    def _probabilities(self, z: Any, arrays: Arrays) -> Any:
        if self._multilabel:
            return arrays.sigmoid(z)
        n_classes = len(self._labels)
        if n_classes == 1:
            return arrays.ones_like(z)
        if n_classes == 2:
            return arrays.columns(arrays.sigmoid(-z), arrays.sigmoid(z))
        # a_j / Σ_k a_k = e^{log a_j} / Σ_k e^{log a_k}, even if every a rounds to 0.
        return arrays.softmax(arrays.log_sigmoid(z))

    def _log_probabilities(self, z: Any, arrays: Arrays) -> Any:
        if self._multilabel:
            return arrays.log_sigmoid(z)
        n_classes = len(self._labels)
        if n_classes == 1:
            return arrays.zeros_like(z)
        if n_classes == 2:
            return arrays.columns(arrays.log_sigmoid(-z), arrays.log_sigmoid(z))
        return arrays.log_softmax(arrays.log_sigmoid(z))

    def _validate(
        self, X: Any, y: Any, sample_weight: ArrayLike | None, reset: bool
    ) -> Data:
        arrays_of_y = arrays_of_input(y, "y")
        y = in_numpy(y, "y")
        refuse_invalid_labels(y, "y")
        data = super()._validate(X, y, sample_weight, reset)
        y = checked_labels(data.y, is_new=reset)
        return data._replace(y=y, arrays_of_y=arrays_of_y)

    def _set_targets(
        self, data: Data, call: Call, classes: ArrayLike | None = None
    ) -> None:
        multilabel = data.y.ndim == 2
        is_first_pass = call.is_pass and not call.continues
        if is_first_pass and classes is None and not multilabel:
            raise ValueError(
                "classes must be passed on the first call to partial_fit, unless y is "
                "a binary indicator matrix."
            )
        with naming("y"):
            found = np.arange(data.y.shape[1]) if multilabel else np.unique(data.y)
        with naming("classes"):
            classes = in_numpy(classes, "classes")
            if classes is not None and np.ndim(classes) != 1:
                raise ValueError(f"classes must be a list of labels, got {classes!r}.")
            if classes is not None:
                refuse_invalid_labels(classes, "classes", place="index")
                known = self._labels if call.continues else None
                refuse_weights_as_classes(classes, data.y, known)
            given = found if classes is None else unique_labels(as_array(classes))
            refuse_nat(given, "classes")
        if not call.continues:
            if multilabel and len(given) != len(found):
                raise ValueError(
                    f"classes has {len(given)} labels, but y has {len(found)} columns; "
                    "it needs one for each label."
                )
            self.classes_ = data.arrays_of_y.from_numpy(given)
            self._multilabel = multilabel
            self.n_outputs_ = len(given) if multilabel or len(given) > 2 else 1
        elif classes is not None and not same_labels(given, self._labels):
            raise ValueError(
                f"classes={given} differs from those of the first call, "
                f"{self._labels}, which fixed the output neurons. To add classes, fit "
                "a new estimator on all of them."
            )
        elif not (call.is_pass or same_labels(found, self._labels)):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {self._labels}, `y` has "
                f"{found}."
            )
        if call.is_pass and self.class_weight == "balanced" and not self._multilabel:
            raise ValueError(
                'class_weight="balanced" needs all of y, which partial_fit does not '
                "see. Compute the weights from y, or from a large sample of it, with "
                'sklearn.utils.class_weight.compute_class_weight("balanced", '
                "classes=classes, y=y), where classes is an array, and set "
                "class_weight=dict(zip(classes, weights))."
            )

    def _encoder(self, data: Data) -> Encoder:
        y = data.y
        if not (self._multilabel and y.ndim == 2):
            return label_encoder(self._codes(y), len(self._labels))
        if y.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {y.shape[1]} columns, expected {self.n_outputs_}.")
        return indicator_encoder(y)

    def _codes(self, y: Any) -> Array:
        """The index of each label in `classes_`."""
        return codes_of(y, self._labels, self._multilabel)

    def _class_weighted(self, data: Data, balance: Data) -> Data:
        if self.class_weight is None:
            return data
        if self._multilabel:
            raise ValueError(
                f"class_weight={self.class_weight!r} needs one label a row, but y is a "
                "binary indicator matrix. Pass sample_weight instead."
            )
        factors = self._class_factors(balance)
        weights = factors[self._codes(data.y)]
        if data.weights is not None:
            weights = weights * data.weights
        return data._replace(weights=weights)

    def _class_factors(self, of: Data) -> Array:
        """The weight of each class; the rows `of` define "balanced"."""
        if not isinstance(self.class_weight, str):
            assert self.class_weight is not None
            return class_factors(self.class_weight, self._labels)
        # Rows count by their weights, so a weight of 2 equals a repeated row here too.
        # compute_class_weight takes no weights before scikit-learn 1.9.
        codes = self._codes(of.y)
        return balanced_factors(np.bincount(codes, of.weights, len(self._labels)))

    def _pace(self, stops_early: bool) -> Pace:
        return Pace(eta=1.0, smallest_batch=16)

    def _strata(self, y: Any) -> Any:
        return None if self._multilabel else y

    def _score(self) -> Score:
        one_hot = not self._multilabel and len(self._labels) > 2
        return class_accuracy if one_hot else label_accuracy

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
