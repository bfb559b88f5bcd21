"""What the classifier and the regressor share: everything except the targets.

A call validates, encodes, initialises, trains and stores. It works on a copy of the
estimator, which replaces the original in one assignment at the end. So an error leaves
the estimator as it was, and other threads predict with the old network meanwhile. A
fitted estimator holds only plain Python values and arrays; the engine and its buffers
are gone when `fit` returns.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from .._array_libraries import in_numpy, to_numpy
from .._engine.protocol import Network
from .._threads import Workers, on_one_blas_thread
from .._training.callbacks import FitTask, WithCallbacks, fit_task, with_callbacks
from .._training.descent import Watcher, advance, restore_best, train
from .._training.examples import (
    Encoder,
    Rows,
    Source,
    constant_loss,
)
from .._training.held_out import HeldOut, Score
from .._training.initial_values import initial_parameters
from .._training.interrupts import uninterrupted
from .._training.progress import Ending, Plan
from .._training.verbose import Printer, print_stop
from .arrays import Arrays, Output, arrays_of_input, require_same
from .auto import LARGEST_BATCH, NO_BETTER, ROWS_TO_STOP_EARLY, TOL, Pace, tolerance
from .call import Call
from .convergence import Finding, saturation_of_pass, shortfall, warn_about_ending
from .hyperparameters import (
    check_parameters,
    hidden_units,
    refuse_foreign_parameters,
)
from .moving import Movable
from .outcome import Run, fitted_attributes, fitted_attributes_if_stopped
from .persistence import Persistent
from .resuming import (
    check_arrays,
    check_network,
    progress_of,
    random_state_from,
    refuse_unfitted_weights,
)
from .sample_weights import (
    as_dtype,
    check_weights,
    divided_by_mean,
)
from .splitting import split_rows
from .targets import checked_array
from .user_warnings import warn
from .validation import (
    Data,
    error_type,
    naming,
    refuse_complex_columns,
    refuse_indices_outside,
    refuse_non_numeric_columns,
)

Array = NDArray[Any]
Validation = tuple[Any, Any, ArrayLike | None]


class BaseSGDSigmoidMLP(Movable, Persistent, WithCallbacks, BaseEstimator, ABC):
    """What the classifier and the regressor share."""

    # Standard deviation of the output layer's initial weights, times √n_in.
    _output_deviation: float
    # The call that creates a network without training it, for users' own weights.
    _initialising_call: str
    coefs_: list[Array]
    intercepts_: list[Array]
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None
    best_validation_score_: float | None
    n_outputs_: int
    _velocity: tuple[list[Array], list[Array]] | None
    _random_state: dict[str, Any]
    _split_seed: int | None
    _best_loss: float
    # The "auto" values follow from these. The first call measures and keeps them. The
    # default None is for files saved before these attributes existed.
    _mean_squared_norm: float | None = None
    _constant_loss: float | None = None
    _auto_early_stopping: bool | None = None
    _is_told_of_saturation: bool = False
    _is_told_of_range: bool = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Refuse MLPClassifier's parameters with a better message than `__init__`'s."""
        refuse_foreign_parameters(cls, kwargs)
        return super().__new__(cls)

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int],
        learning_rate_init: float | str,
        batch_size: int | str,
        max_iter: int,
        learning_rate: str,
        power_t: float,
        momentum: float,
        nesterovs_momentum: bool,
        alpha: float,
        shuffle: bool,
        random_state: int | RandomState | None,
        tol: float | str,
        n_iter_no_change: float,
        early_stopping: bool | str,
        validation_fraction: float,
        scoring: str | Callable[..., float] | None,
        warm_start: bool,
        verbose: bool | int,
        engine: str,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.alpha = alpha
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.warm_start = warm_start
        self.verbose = verbose
        self.engine = engine

    @with_callbacks
    def _fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None, validation: Validation
    ) -> Self:
        """`validation` is (X_val, y_val, sample_weight_val), each None if not given."""
        task = fit_task(self, X, y, sample_weight)
        fitted = self.__sklearn_is_fitted__()
        if self.warm_start and not fitted:
            refuse_unfitted_weights(self)
        call = Call(continues=bool(fitted and self.warm_start), is_pass=False)
        model = self._copy()
        with np.errstate(all="ignore"):
            check_parameters(self)
            data = model._load(X, y, sample_weight, call)
            model._set_targets(data, call)
            random_state = model._initialise(data, call)
            model.n_iter_ = 0
            workers = Workers()
            run = model._begin(data, random_state, call, workers, validation)
            ending, finding = model._train(run, call, task, workers)
        if ending == "interrupted" and fitted and not run.progress.losses:
            # The previous network is worth more than an untrained one.
            warn("Training was interrupted. The model is as it was before this call.")
            return self
        self.__dict__ = model.__dict__
        if run.progress.failure is not None:
            raise run.progress.failure
        warn_about_ending(ending, run, finding)
        return self

    def _partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        classes: ArrayLike | None = None,
    ) -> Self:
        call = Call(continues=self.__sklearn_is_fitted__(), is_pass=True)
        if not call.continues:
            refuse_unfitted_weights(self)
        model = self._copy()
        with np.errstate(all="ignore"):
            check_parameters(self)
            data = model._load(X, y, sample_weight, call)
            model._set_targets(data, call, classes)
            random_state = None
            # Making a random stream takes 100 µs, a quarter of a one-row call.
            if not call.continues or self._shuffles(data.X.shape[0]):
                random_state = model._initialise(data, call)
            else:
                check_network(model, model._units_wanted)
            workers = Workers()
            run = model._begin(data, random_state, call, workers)
            learns = run.source.total_weight > 0
            if call.continues and not learns:
                return self  # unchanged to the bit, schedule and random stream too
            finding = None
            if learns:
                printer = Printer(len(run.source))

                def learn() -> Finding | None:
                    advance(
                        run.engine, run.source, run.plan, run.progress, random_state
                    )
                    return saturation_of_pass(model, run)

                finding = on_one_blas_thread(learn, workers)
                if self.verbose:
                    printer.epoch_ended(run.engine, run.progress)
            model.__dict__.update(fitted_attributes(model, run, call))
            model._is_told_of_saturation |= finding is not None
        self.__dict__ = model.__dict__
        if finding is not None:
            warn(str(finding), ConvergenceWarning)
        return self

    def _copy(self) -> Self:
        """A second estimator with the same attributes, to train or to predict with.

        `copy.copy` would go through saving, which computes a checksum.
        """
        new = object.__new__(type(self))
        new.__dict__ = vars(self).copy()
        return new

    def _train(
        self, run: Run, call: Call, task: FitTask | None, workers: Workers
    ) -> tuple[Ending, Finding | None]:
        """Train and store; return why training ended, and what is wrong with it."""
        watchers: list[Watcher] = [Printer(len(run.source))] if self.verbose else []
        if task is not None and task.is_watched:
            task.attributes = lambda: {
                **vars(self),
                **fitted_attributes_if_stopped(self, run, call),
            }
            watchers.append(task)

        def descend() -> tuple[Ending, Finding | None]:
            if run.progress.t and run.plan.early_stopping and run.held_out is not None:
                # A warm start may find nothing better than its starting point.
                run.progress.compare(*run.held_out.measure(run.engine))
            ending = train(*run, watchers)
            return ending, shortfall(self, ending, run)

        finding = None
        try:
            ending, finding = on_one_blas_thread(descend, workers)
        except KeyboardInterrupt:
            # It came just after training; during training, `train` catches it.
            if not run.progress.losses:
                raise
            ending = "interrupted"
            uninterrupted(lambda: restore_best(run.engine, run.progress))
        # Two steps, because each may be repeated.
        attributes = uninterrupted(lambda: fitted_attributes(self, run, call))
        uninterrupted(lambda: self.__dict__.update(attributes))
        try:
            if task is not None:
                task.attributes = lambda: dict(vars(self))
                task.training_ended()
            if self.verbose and ending == "no improvement":
                print_stop(run.plan)
        except KeyboardInterrupt:
            ending = "interrupted"
        return ending, finding

    def _load(
        self, X: Any, y: Any, sample_weight: ArrayLike | None, call: Call
    ) -> Data:
        """The validated rows to learn from."""
        return self._validate(X, y, sample_weight, reset=not call.continues)

    def _validate(
        self, X: Any, y: Any, sample_weight: ArrayLike | None, reset: bool
    ) -> Data:
        """Rows, targets and weights as arrays that the code below may trust."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        arrays = arrays_of_input(X)
        X, y = self._validate_X(X, arrays, reset), checked_array(in_numpy(y, "y"))
        with naming("X and y"):
            check_consistent_length(X, y)
        weights = check_weights(in_numpy(sample_weight, "sample_weight"), X)
        return Data(X, y, weights, arrays)

    def _validate_X(self, X: Any, arrays: Arrays, reset: bool) -> Any:
        with naming("X"):
            refuse_complex_columns(X)
            refuse_indices_outside(X, "X")
            try:
                return validate_data(
                    self,
                    arrays.detached(X),
                    reset=reset,
                    accept_sparse="csr",
                    dtype=list(arrays.floats),
                )
            except (ValueError, TypeError) as error:
                refuse_non_numeric_columns(X, error)
                raise

    @abstractmethod
    def _set_targets(
        self, data: Data, call: Call, classes: ArrayLike | None = None
    ) -> None:
        """Set `n_outputs_` and what else depends on the targets, or only check it.

        It is only checked if the call continues from a fitted network.
        """

    @abstractmethod
    def _encoder(self, data: Data) -> Encoder:
        """The encoder of `data`; ValueError if its targets do not fit the network."""

    @abstractmethod
    def _score(self) -> Score:
        """The function that computes what `score` returns, from ``z^L``."""

    def _class_weighted(self, data: Data, balance: Data) -> Data:
        """The data with class weights multiplied in; `balance` defines "balanced"."""
        return data

    def _initialise(self, data: Data, call: Call) -> RandomState:
        """Set what training starts from; return the random state it continues."""
        if call.continues:
            check_network(self, self._units_wanted)
            return random_state_from(self._random_state)
        units = self._units_wanted
        n_parameters = sum((n_in + 1) * n_out for n_in, n_out in pairwise(units))
        if n_parameters * data.dtype.itemsize > sys.maxsize:
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} needs {n_parameters} "
                "parameters, more than any memory can hold. Use fewer neurons."
            )
        random_state = check_random_state(self.random_state)
        self.coefs_, self.intercepts_ = (
            [data.arrays.from_numpy(parameter) for parameter in parameters]
            for parameters in initial_parameters(
                units, data.dtype, random_state, self._output_deviation
            )
        )
        self.n_layers_ = len(units)
        self.out_activation_ = "logistic"
        self.n_iter_ = self.t_ = 0
        self.loss_curve_ = []
        self.best_loss_ = self._best_loss = np.inf
        # None if nothing is held out, as in MLPClassifier.
        self.validation_scores_ = self.validation_loss_curve_ = None
        self.best_validation_score_ = None
        self._velocity = self._split_seed = None
        self._mean_squared_norm = self._constant_loss = self._auto_early_stopping = None
        self._no_improvement_count = self._n_eta_drops = 0
        self._is_told_of_saturation = self.early_stopping_ = False
        return random_state

    def _begin(
        self,
        data: Data,
        random_state: RandomState | None,
        call: Call,
        workers: Workers,
        validation: Validation = (None, None, None),
    ) -> Run:
        """Examples, an engine, and the state of training from the fitted attributes."""
        require_same(self, "partial_fit" if call.is_pass else "fit", data.arrays)
        given = any(part is not None for part in validation)
        if not call.is_pass:
            self.early_stopping_ = self._stops_early(data.X.shape[0], given)
            if isinstance(self.early_stopping, str):
                self._auto_early_stopping = self.early_stopping_
        held_out = rows = None
        weighted = self._class_weighted(data, data)
        if given:
            held_out = self._given_held_out(data, validation)
        elif self.early_stopping_ and not call.is_pass:
            assert random_state is not None  # only a pass may lack one
            rows, held_out_rows = self._split(data, random_state)
            held_out = self._held_out(data, weighted, held_out_rows)
        source = self._source(weighted, call, rows)
        if isinstance(self.learning_rate_init, str):
            self._measure_norm(source)
        if self._constant_loss is None and not call.is_pass:
            self._constant_loss = constant_loss(source)
        plan = self._plan(len(source), call)
        engine = data.arrays.engine(
            self.coefs_,
            self.intercepts_,
            # Relative to the sum of the weights, as in scikit-learn: a weight of 2
            # equals a repeated row.
            alpha=float(self.alpha) / source.mean_weight,
            momentum=float(self.momentum),
            nesterov=self.nesterovs_momentum,
            velocity=self._velocity,
            sparse=source.sparse,
            run_all=workers,
            compiled=self.engine == "numba",
        )
        return Run(engine, source, plan, progress_of(self), random_state, held_out)

    def _measure_norm(self, source: Source) -> None:
        """Measure the mean ``‖x‖²``, on which η depends, unless it is known."""
        if not self._mean_squared_norm:  # None, or 0 if all rows so far were zero
            self._mean_squared_norm = source.mean_squared_norm()

    def _stops_early(self, n_rows: int, given: bool) -> bool:
        """Whether `fit` stops by held-out rows, given or split off from its own."""
        if not isinstance(self.early_stopping, str):
            return bool(self.early_stopping)
        if self._auto_early_stopping is not None:
            return self._auto_early_stopping
        return n_rows >= ROWS_TO_STOP_EARLY

    @abstractmethod
    def _pace(self, stops_early: bool) -> Pace:
        """How fast to descend if the parameters are "auto"."""

    def _plan(self, n_rows: int, call: Call) -> Plan:
        pace = self._pace(self.early_stopping_)
        tol, score_tol, must_beat = self.tol, self.tol, np.inf
        if isinstance(tol, str):
            constant = self._constant_loss or 0.0
            tol, score_tol = tolerance(constant), TOL
            must_beat = NO_BETTER * constant or np.inf
        return Plan(
            batch_size=self._resolve_batch_size(pace, n_rows, not call.is_pass),
            max_iter=int(self.max_iter),
            shuffle=self.shuffle,
            learning_rate=self.learning_rate,
            learning_rate_init=self._resolve_learning_rate_init(pace, n_rows),
            power_t=float(self.power_t),
            tol=float(tol),
            n_iter_no_change=self.n_iter_no_change,
            early_stopping=self.early_stopping_ and not call.is_pass,
            score_tol=float(score_tol),
            must_beat=must_beat,
        )

    def _given_held_out(self, data: Data, validation: Validation) -> HeldOut:
        """`X_val`, `y_val` and `sample_weight_val` as examples to measure on."""
        try:
            given = self._validate_held_out(*validation)
            return self._held_out(given, self._class_weighted(given, data))
        except (ValueError, TypeError) as error:
            raise error_type(error)(
                f"In X_val, y_val or sample_weight_val: {error}"
            ) from error

    def _validate_held_out(
        self, X_val: Any, y_val: Any, sample_weight_val: ArrayLike | None
    ) -> Data:
        if X_val is None or y_val is None:
            missing = "X_val" if X_val is None else "y_val"
            raise ValueError(
                f"X_val and y_val must be given together, but {missing} is None."
            )
        data = self._validate(X_val, y_val, sample_weight_val, reset=False)
        require_same(self, "fit", data.arrays, "X_val")
        return data

    def _split(self, data: Data, random_state: RandomState) -> tuple[Array, Array]:
        """Indices of the rows to learn from and of the rows to hold out, in order."""
        if self._split_seed is None:  # kept, so that a warm start does not mix them
            self._split_seed = int(random_state.randint(2**31))
        n_rows, fraction = data.X.shape[0], float(self.validation_fraction)
        if not self.shuffle:
            return split_rows(n_rows, fraction, None, None)
        return split_rows(n_rows, fraction, self._split_seed, self._strata(data.y))

    def _strata(self, y: Any) -> Any:
        """The labels whose proportions `early_stopping` keeps, or None."""
        return None

    def _source(self, data: Data, call: Call, rows: Array | None = None) -> Source:
        """The examples to learn from, in these rows; None means all.

        Their weights are divided by their mean, so that η keeps its meaning. The
        weights of a stream are not, because its mean is unknown.
        """
        if call.is_pass:
            return self._examples(data, data.weights, 1.0, rows)
        return self._examples(data, *divided_by_mean(data.weights, rows), rows)

    def _held_out(
        self, data: Data, weighted: Data, rows: Array | None = None
    ) -> HeldOut:
        """These rows (None means all) to measure on.

        `weighted` is `data` with class weights multiplied in.
        """
        purpose = " held out for validation"
        weights, mean = divided_by_mean(weighted.weights, rows, purpose)
        examples = self._examples(weighted, weights, mean, rows)
        if self.scoring is None:
            return HeldOut(examples, self._score())
        if self.scoring == "loss":
            return HeldOut(examples, None)
        return HeldOut(examples, None, self._scorer(data, examples))

    def _scorer(self, data: Data, examples: Rows) -> Callable[[Network], float]:
        """The scorer that `scoring` names, as a function of an engine.

        It gets numpy arrays, because many scorers know no others.
        """
        scorer = check_scoring(self, scoring=self.scoring)
        X, y, weights = examples.inputs(), data.y, data.weights
        if examples.rows is not None:
            y = y[examples.rows]
            weights = None if weights is None else weights[examples.rows]
        if y.ndim == 2 and y.shape[1] == 1:
            y = y.ravel()
        weight = {} if weights is None else {"sample_weight": weights}
        model = self._copy_for_scoring()

        def score(engine: Network) -> float:
            model.coefs_, model.intercepts_ = (
                list(map(to_numpy, parameters)) for parameters in engine.parameters()
            )
            try:
                value = float(scorer(model, X, y, **weight))
            except (ValueError, TypeError) as error:
                raise error_type(error)(
                    f"scoring={self.scoring!r} cannot score the held-out rows: {error}"
                ) from error
            if not np.isfinite(value):
                raise ValueError(
                    f"scoring={self.scoring!r} must give a finite number, got {value} "
                    "for the held-out rows."
                )
            return value

        return score

    def _copy_for_scoring(self) -> Any:
        """A copy for a scorer, which gets arrays: it has no feature names."""
        model = self._in_numpy()
        model.__dict__.pop("feature_names_in_", None)
        return model

    def _examples(
        self, data: Data, weights: Array | None, mean: float, rows: Array | None
    ) -> Rows:
        dtype = data.arrays.numpy_dtype(self.coefs_[0].dtype)
        if weights is not None:
            weights = as_dtype(weights, dtype)
        encoder, n_outputs = self._encoder(data), self.n_outputs_
        return data.arrays.examples(
            data.X, encoder, n_outputs, weights, dtype, rows, mean
        )

    @property
    def _units_wanted(self) -> list[int]:
        """Neurons of each layer that the parameters and the data ask for."""
        hidden = hidden_units(self.hidden_layer_sizes)
        return [self.n_features_in_, *hidden, self.n_outputs_]

    @property
    def _units(self) -> list[int]:
        """Neurons of each layer of the existing network, including the inputs."""
        return [self.n_features_in_, *[np.shape(b)[0] for b in self.intercepts_]]

    def _shuffles(self, n_rows: int) -> bool:
        """Whether a pass over this many rows needs a random order."""
        pace = self._pace(self.early_stopping_)
        return self.shuffle and self._resolve_batch_size(pace, n_rows, False) < n_rows

    def _resolve_learning_rate_init(self, pace: Pace, n_rows: int) -> float:
        if not isinstance(self.learning_rate_init, str):
            return float(self.learning_rate_init)
        assert self._mean_squared_norm is not None
        batch_size = self._resolve_batch_size(pace, n_rows, may_warn=False)
        if batch_size == n_rows:
            # There may be few rows, and η must not depend on whether a row is repeated
            # or has a weight of 2.
            named = isinstance(self.batch_size, str)
            batch_size = LARGEST_BATCH if named else int(self.batch_size)
        return pace.learning_rate(
            self._units, batch_size, float(self.momentum), self._mean_squared_norm
        )

    def _resolve_batch_size(self, pace: Pace, n_rows: int, may_warn: bool) -> int:
        if self.batch_size == "full":
            return n_rows
        if self.batch_size == "auto":
            return pace.batch_size(n_rows)
        batch_size = int(self.batch_size)
        if batch_size > n_rows and may_warn:
            warn(
                f"batch_size={batch_size} is larger than the number of rows to learn "
                f"from, {n_rows}. All rows make one batch."
            )
        return min(batch_size, n_rows)

    def _outputs(self, X: Any, method: str, output: Output) -> Any:
        """``output(z^L)`` for each row of `X`, of which `method` is the public name."""
        self._require_network()
        arrays = arrays_of_input(X)
        require_same(self, method, arrays)
        with np.errstate(all="ignore"):
            X = self._validate_X(X, arrays, reset=False)
            outputs, bad_row = arrays.forward(self.coefs_, self.intercepts_, X, output)
        if bad_row is None:
            return outputs
        if not arrays.all_finite([*self.coefs_, *self.intercepts_]):
            raise ValueError(
                "coefs_ or intercepts_ contains NaN or infinity. Fit the model again."
            )
        raise ValueError(
            f"X is too large in row {bad_row}: its pre-activations are not finite "
            f"{arrays.result_type(X, self.coefs_[0])} numbers. Scale X like the X of "
            "fit."
        )

    def _require_network(self) -> None:
        """Raise NotFittedError or ValueError if there is no network to predict with."""
        if not self.__sklearn_is_fitted__():
            refuse_unfitted_weights(self)
            check_is_fitted(self)
        check_arrays(self)

    def __sklearn_is_fitted__(self) -> bool:
        # Not by coefs_, which a user may have set alone.
        return hasattr(self, "t_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = self.engine == "numpy"
        return tags
