"""What the classifier and the regressor share: everything but the targets.

Validate, encode targets, initialise, train, store. What a fitted estimator holds is
plain Python values and numpy arrays; engine and buffers are gone when `fit` returns.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import (
    check_array,
    check_consistent_length,
    check_random_state,
    column_or_1d,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from .._engine.forward import decision
from .._engine.machine import Machine
from .._engine.network import Engine
from .._engine.passes import ONE_THREAD_UP_TO
from .._threads import on_one_blas_thread
from .._training.callbacks import FitTask, WithCallbacks, fit_task, with_callbacks
from .._training.descent import (
    Ending,
    Plan,
    Progress,
    Watcher,
    advance,
    constant_loss,
    restore_best,
    train,
)
from .._training.examples import Examples
from .._training.held_out import HeldOut, Score, is_saturated
from .._training.initial_values import auto_learning_rate, initial_parameters
from .._training.interrupts import uninterrupted
from .._training.verbose import Printer, print_stop
from .arguments import (
    kind_of,
    naming,
    refuse_complex_columns,
    refuse_indices_outside,
)
from .parameters import check_parameters, hidden_units
from .persistence import Persistent
from .targets import Encoder
from .warnings import warn
from .weights import as_dtype, check_weights, require_some_weight

Array = NDArray[Any]

# The value of batch_size="auto", where there are as many rows. docs/defaults.md has the
# study behind this and the other defaults.
AUTO_BATCH_SIZE = 32
# Part of a constant prediction's loss that counts as no better than that: a network
# that has learnt nothing is at 1, or a little below where it wavers.
NO_BETTER = 0.98
# Passes of a stream, the latest, whose losses are kept: 0.3 MB, and 80 kB in a file.
# Without an end, half an hour of small chunks made 34 MB of them.
CURVE_OF_A_STREAM = 10_000
FLOATS = {np.dtype(np.float32), np.dtype(np.float64)}
BIT_GENERATORS = {"MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"}


class Data(NamedTuple):
    """Validated rows, their targets as the user gave them, and their weights."""

    X: Any
    y: Any
    weights: Array | None


class Run(NamedTuple):
    """Training under way: all that fitted attributes are made from."""

    engine: Engine
    plan: Plan
    progress: Progress
    random_state: RandomState | None


class BaseSGDSigmoidMLP(Persistent, WithCallbacks, BaseEstimator, ABC):
    """What the classifier and the regressor share."""

    # learning_rate_init="auto" for a network of one output, up to 100 neurons wide.
    _eta_per_output: float
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
        tol: float,
        n_iter_no_change: float,
        early_stopping: bool,
        validation_fraction: float,
        warm_start: bool,
        verbose: bool | int,
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
        self.warm_start = warm_start
        self.verbose = verbose

    @with_callbacks
    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        validation: tuple[Any, Any, ArrayLike | None],
    ) -> Self:
        """`validation` is (X_val, y_val, sample_weight_val), None where not given."""
        task = fit_task(self, X, y, sample_weight)
        before = vars(self).copy()
        fitted = hasattr(self, "coefs_")
        try:
            with np.errstate(all="ignore"):
                check_parameters(self)
                go_on = bool(fitted and self.warm_start)
                data = self._validate(X, y, sample_weight, reset=not go_on)
                self._set_targets(data, go_on)
                random_state = self._initialise(data.X.dtype, go_on)
                self.n_iter_ = 0
                examples, held_out = self._hold_out(data, validation, random_state)
                begun: list[Run] = []

                def training(machine: Machine) -> tuple[Ending, str | None]:
                    run = self._begin(examples, random_state, machine)
                    begun.append(run)
                    ending = self._train(run, examples, held_out, task)
                    saturated = self._is_saturated
                    return ending, _shortfall(ending, examples, run, saturated)

                try:
                    ending, shortfall = on_one_blas_thread(training)
                except KeyboardInterrupt:
                    # Just after training, or it would have ended so.
                    ending, shortfall = "interrupted", None
                    if not (begun and begun[0].progress.losses):
                        raise
                    run = begun[0]
                    uninterrupted(lambda: restore_best(run.engine, run.progress))
                (run,) = begun
                new = uninterrupted(
                    lambda: self._attributes(run) | self._histories(run.progress)
                )
                uninterrupted(lambda: self.__dict__.update(new))
                if ending == "interrupted" and fitted and not run.progress.losses:
                    # The network from before is worth more than one without training.
                    self.__dict__ = before
                else:
                    try:
                        if task is not None:
                            task.training_ended()
                        if self.verbose and ending == "no improvement":
                            print_stop(run.plan)
                    except KeyboardInterrupt:
                        ending = "interrupted"
        except BaseException:
            # In place and in one assignment: an interrupt finds no function to enter,
            # and a thread that predicts no half-restored estimator.
            self.__dict__ = before
            raise
        if self.__dict__ is before:
            warn("Training was interrupted. The model is as it was before this call.")
            return self
        if run.progress.failure is not None:
            raise run.progress.failure
        _warn_of_ending(ending, run, shortfall)
        return self

    def _partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        classes: ArrayLike | None = None,
    ) -> Self:
        go_on = hasattr(self, "coefs_")
        before = vars(self).copy()
        curve = before.get("loss_curve_", [])
        n_epochs = len(curve)
        try:
            with np.errstate(all="ignore"):
                check_parameters(self)
                data = self._validate(X, y, sample_weight, reset=not go_on)
                self._set_targets(data, go_on, incremental=True, classes=classes)
                n_rows = data.X.shape[0]
                shuffles = (
                    self.shuffle and self._resolve_batch_size(n_rows, False) < n_rows
                )
                # To make a random stream takes 100 µs, a quarter of a one-row call.
                random_state = None
                if shuffles or not go_on:
                    random_state = self._initialise(data.X.dtype, go_on)
                else:
                    self._check_network()
                weighted = self._class_weighted(data, data, incremental=True)
                examples = self._examples(weighted, incremental=True)
                printer = Printer(len(examples))

                def one_pass(machine: Machine) -> Run:
                    run = self._begin(examples, random_state, machine, incremental=True)
                    advance(run.engine, examples, run.plan, run.progress, random_state)
                    return run

                run = on_one_blas_thread(one_pass)
                if self.verbose:
                    printer.epoch_ended(run.engine, run.progress)
                self.__dict__.update(self._attributes(run, incremental=True))
                # Last and in place: copies for each chunk of a stream would add up.
                self.loss_curve_ += run.progress.losses
        except BaseException:
            self.__dict__ = before
            del curve[n_epochs:]
            raise
        del self.loss_curve_[:-CURVE_OF_A_STREAM]  # 1 % of a one-row call
        return self

    def _validate(
        self, X: Any, y: Any, sample_weight: ArrayLike | None, reset: bool
    ) -> Data:
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        X = self._validate_X(X, reset)
        with naming("y"):
            refuse_complex_columns(y)
            refuse_indices_outside(y, "y")
            y = check_array(
                y, accept_sparse="csr", ensure_2d=False, dtype=None, input_name="y"
            )
            if y.ndim == 2 and y.shape[1] == 1:
                y = column_or_1d(y.toarray() if issparse(y) else y, warn=True)
        with naming("X and y"):
            check_consistent_length(X, y)
        return Data(X, y, check_weights(sample_weight, X))

    def _validate_X(self, X: Any, reset: bool) -> Any:
        with naming("X"):
            refuse_complex_columns(X)
            refuse_indices_outside(X, "X")
            return validate_data(
                self,
                X,
                reset=reset,
                accept_sparse="csr",
                dtype=[np.float64, np.float32],
            )

    @abstractmethod
    def _set_targets(
        self,
        data: Data,
        go_on: bool,
        incremental: bool = False,
        classes: ArrayLike | None = None,
    ) -> None:
        """Set `n_outputs_` and all that belongs to targets; going on, only check it."""

    @abstractmethod
    def _encoder(self, data: Data) -> Encoder:
        """The encoder of `data`, if its targets are those that were set."""

    @abstractmethod
    def _score(self) -> Score:
        """How `score` would judge activations."""

    def _class_weighted(
        self, data: Data, balance: Data, incremental: bool = False
    ) -> Data:
        """The data with class weights multiplied in; "balanced" is so in `balance`."""
        return data

    def _initialise(self, dtype: DTypeLike, go_on: bool) -> RandomState:
        """Set what training starts from; return the random state it continues."""
        if go_on:
            self._check_network()
            return _random_state_from(self._random_state)
        units = self._units_wanted
        n_parameters = sum((n_in + 1) * n_out for n_in, n_out in pairwise(units))
        if n_parameters * np.dtype(dtype).itemsize > sys.maxsize:
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} means {n_parameters} "
                "parameters, more than any memory can hold."
            )
        random_state = check_random_state(self.random_state)
        self.coefs_, self.intercepts_ = initial_parameters(units, dtype, random_state)
        self.n_layers_ = len(units)
        self.out_activation_ = "logistic"
        self.n_iter_ = self.t_ = 0
        self.loss_curve_ = []
        self.best_loss_ = self._best_loss = np.inf
        # MLPClassifier says so with None where nothing is held out.
        self.validation_scores_ = self.validation_loss_curve_ = None
        self.best_validation_score_ = None
        self._velocity = self._split_seed = None
        self._no_improvement_count = self._n_eta_drops = 0
        return random_state

    def _hold_out(
        self,
        data: Data,
        validation: tuple[Any, Any, ArrayLike | None],
        random_state: RandomState,
    ) -> tuple[Examples, HeldOut | None]:
        """The examples to learn from, and those to measure on if there are any."""
        weighted = self._class_weighted(data, data)
        if any(given is not None for given in validation):
            try:
                held_out = self._validate_held_out(*validation)
                measured = self._held_out(self._class_weighted(held_out, data))
            except (ValueError, TypeError) as error:
                raise kind_of(error)(
                    f"In X_val, y_val or sample_weight_val: {error}"
                ) from error
            return self._examples(weighted), measured
        if not self.early_stopping:
            return self._examples(weighted), None
        rows, held_out_rows = self._split(data, random_state)
        return self._examples(weighted, rows), self._held_out(weighted, held_out_rows)

    def _validate_held_out(
        self, X_val: Any, y_val: Any, sample_weight_val: ArrayLike | None
    ) -> Data:
        if X_val is None or y_val is None:
            missing = "X_val" if X_val is None else "y_val"
            raise ValueError(f"X_val and y_val belong together, but {missing} is None.")
        data = self._validate(X_val, y_val, sample_weight_val, reset=False)
        if self.early_stopping:
            self._require_a_score(data)
        return data

    def _require_a_score(self, data: Data) -> None:
        """Raise ValueError where every network would have the same score."""

    def _split(self, data: Data, random_state: RandomState) -> tuple[Array, Array]:
        """Indices of the rows to learn from and of those to hold out, in order."""
        if self._split_seed is None:  # kept: a warm start must not mix the two
            self._split_seed = int(random_state.randint(2**31))
        try:
            rows, held_out = train_test_split(
                np.arange(data.X.shape[0]),
                test_size=float(self.validation_fraction),
                random_state=self._split_seed,
                stratify=self._strata(data.y),
            )
        except ValueError as error:
            raise ValueError(
                "early_stopping=True cannot hold out validation_fraction="
                f"{self.validation_fraction} of the {data.X.shape[0]} rows: "
                f"{str(error).rstrip('.')}. Give X_val and y_val instead, or more rows."
            ) from error
        if len(held_out) < 2:
            raise ValueError(
                "The validation set is too small for early_stopping. Increase "
                f"'validation_fraction' (it is {self.validation_fraction}) or the "
                f"number of rows (there are {data.X.shape[0]}), or give X_val and "
                "y_val."
            )
        return np.sort(rows), np.sort(held_out)

    def _strata(self, y: Any) -> Any:
        """What `early_stopping` keeps the proportions of."""
        return None

    def _examples(
        self,
        data: Data,
        rows: Array | None = None,
        incremental: bool = False,
        purpose: str = "",
    ) -> Examples:
        """The examples in these rows, None for all.

        Their weights are divided by their mean, so that η keeps its meaning; but not
        those of a stream, which has no mean to divide by.
        """
        weights, mean = data.weights, 1.0
        if weights is not None:
            own = weights if rows is None else weights[rows]
            require_some_weight(own, purpose)
            if not incremental:
                largest = own.max()  # first, lest the mean overflow
                mean = float((own / largest).mean())
                weights = weights / largest / mean
                # Not 0 by rounding: alpha is divided by it.
                mean = max(mean * float(largest), np.finfo(np.float64).tiny)
            weights = as_dtype(weights, self.coefs_[0].dtype)
        return Examples(
            data.X,
            self._encoder(data),
            self.n_outputs_,
            weights,
            self.coefs_[0].dtype,
            rows,
            mean,
        )

    def _held_out(self, data: Data, rows: Array | None = None) -> HeldOut:
        examples = self._examples(data, rows, purpose=" held out for validation")
        return HeldOut(examples, self._score())

    def _begin(
        self,
        examples: Examples,
        random_state: RandomState | None,
        machine: Machine,
        incremental: bool = False,
    ) -> Run:
        """An engine, and where training is, as the fitted attributes say."""
        plan = Plan(
            batch_size=self._resolve_batch_size(len(examples), not incremental),
            max_iter=int(self.max_iter),
            shuffle=self.shuffle,
            learning_rate=self.learning_rate,
            learning_rate_init=self._resolve_learning_rate_init(),
            power_t=float(self.power_t),
            tol=float(self.tol),
            n_iter_no_change=self.n_iter_no_change,
            early_stopping=self.early_stopping and not incremental,
        )
        progress = Progress(
            n_iter=self.n_iter_,
            t=self.t_,
            best_loss=self._best_loss,
            n_no_change=self._no_improvement_count,
            n_eta_drops=self._n_eta_drops,
        )
        engine = self._make_engine(
            examples,
            batch_size=plan.batch_size,
            # Relative to the sum of the weights, as in scikit-learn: a weight of 2 is
            # a row twice.
            alpha=float(self.alpha) / examples.mean_weight,
            momentum=float(self.momentum),
            nesterov=self.nesterovs_momentum,
            velocity=self._velocity,
            machine=machine,
        )
        return Run(engine, plan, progress, random_state)

    def _make_engine(self, examples: Examples, **settings: Any) -> Engine:
        """The engine that is to learn from these examples."""
        sparse = issparse(examples.X)
        return Engine(self.coefs_, self.intercepts_, sparse=sparse, **settings)

    def _train(
        self,
        run: Run,
        examples: Examples,
        held_out: HeldOut | None,
        task: FitTask | None,
    ) -> Ending:
        watchers: list[Watcher] = [Printer(len(examples))] if self.verbose else []
        if task is not None and task.is_watched:
            task.attributes = partial(self._attributes_if_stopped, run)
            watchers.append(task)
        if run.progress.t and run.plan.early_stopping and held_out is not None:
            # A warm start may find nothing better than what it starts from.
            run.progress.best_score = held_out.measure(run.engine)[1]
        assert run.random_state is not None  # only a partial_fit can do without
        return train(
            run.engine,
            examples,
            run.plan,
            run.progress,
            run.random_state,
            held_out,
            watchers,
        )

    def _is_saturated(self, engine: Engine, examples: Examples, loss: float) -> bool:
        """Whether it is wrong where the sigmoid is flat, with at least this loss."""
        return is_saturated(engine, examples, loss)

    def _check_network(self) -> None:
        """Raise ValueError where the network is not what `hidden_layer_sizes` says.

        Or where its arrays do not fit together: the engine, which gives BLAS their
        addresses, would compute with memory that belongs to others.
        """
        if self._units_wanted != self._units:
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} means layers of "
                f"{self._units_wanted} neurons, but the fitted model has "
                f"{self._units}. Call fit (with warm_start=False) to start anew."
            )
        with naming("coefs_ and intercepts_"):
            weights = list(pairwise(self._units))
            biases = [(n_out,) for _, n_out in weights]
            dtype = getattr(next(iter(self.coefs_), None), "dtype", None)
            _require_arrays("coefs_", self.coefs_, weights, dtype)
            _require_arrays("intercepts_", self.intercepts_, biases, dtype)
            if self._velocity is not None and self.momentum > 0:
                of_coefs, of_biases = self._velocity
                _require_arrays("the momentum of coefs_", of_coefs, weights, dtype)
                _require_arrays("the momentum of intercepts_", of_biases, biases, dtype)

    @property
    def _units_wanted(self) -> list[int]:
        """Neurons of each layer as the parameters and the data have it."""
        hidden = hidden_units(self.hidden_layer_sizes)
        return [self.n_features_in_, *hidden, self.n_outputs_]

    @property
    def _units(self) -> list[int]:
        """Neurons of each layer of the parameters there are, inputs and outputs too."""
        return [self.n_features_in_, *map(len, self.intercepts_)]

    def _resolve_batch_size(self, n_rows: int, may_warn: bool) -> int:
        if self.batch_size == "full":
            return n_rows
        if self.batch_size == "auto":
            return min(AUTO_BATCH_SIZE, n_rows)
        batch_size = int(self.batch_size)
        if batch_size > n_rows and may_warn:
            warn(
                f"batch_size={batch_size} is larger than the {n_rows} rows to learn "
                "from; all of them together make one batch."
            )
        return min(batch_size, n_rows)

    def _resolve_learning_rate_init(self) -> float:
        if self.learning_rate_init == "auto":
            return auto_learning_rate(
                self._units, self._eta_per_output, float(self.momentum)
            )
        return float(self.learning_rate_init)

    def _attributes(self, run: Run, incremental: bool = False) -> dict[str, Any]:
        """The fitted attributes that training changes, but for `_histories`."""
        engine, plan, progress, random_state = run
        coefs, intercepts = engine.parameters()
        attributes = {
            "coefs_": coefs,
            "intercepts_": intercepts,
            "_velocity": engine.velocities(),
            "_random_state": self._random_state
            if random_state is None
            else random_state.get_state(legacy=False),
            "learning_rate_init_": plan.learning_rate_init,
            "n_iter_": progress.n_iter,
            "t_": progress.t,
            "loss_": progress.losses[-1] if progress.losses else None,
            "_best_loss": progress.best_loss,
            # From the best network, there have been none yet.
            "_no_improvement_count": progress.n_no_change
            if progress.best is None
            else 0,
            "_n_eta_drops": progress.n_eta_drops,
        }
        if plan.early_stopping:
            attributes["best_loss_"] = None
            attributes["best_validation_score_"] = progress.best_score
        elif not incremental:
            attributes["best_loss_"] = progress.best_loss
            attributes["best_validation_score_"] = None
        elif self.best_loss_ is not None:
            attributes["best_loss_"] = progress.best_loss
        return attributes

    def _attributes_if_stopped(self, run: Run) -> dict[str, Any]:
        """All that training has changed, as if it had ended with this epoch."""
        snapshot = run.engine.snapshot()
        if run.progress.best is not None:
            run.engine.restore(run.progress.best)
        try:
            return self._attributes(run) | self._histories(run.progress)
        finally:
            run.engine.restore(snapshot)

    def _histories(self, progress: Progress) -> dict[str, Any]:
        """The lists of what every epoch came to, with the new epochs added."""
        histories = {"loss_curve_": [*self.loss_curve_, *progress.losses]}
        if progress.validation_scores:
            scores, losses = self.validation_scores_, self.validation_loss_curve_
            histories |= {
                "validation_scores_": [*(scores or ()), *progress.validation_scores],
                "validation_loss_curve_": [
                    *(losses or ()),
                    *progress.validation_losses,
                ],
            }
        return histories

    def _decision(self, X: Any) -> Array:
        """``z^L``, a row for each row of `X`."""
        check_is_fitted(self)
        with np.errstate(all="ignore"):
            X = self._validate_X(X, reset=False)
        largest = max(coef.size for coef in self.coefs_)
        if X.shape[0] * largest <= ONE_THREAD_UP_TO:  # a tenth of a one-row predict
            z = decision(self.coefs_, self.intercepts_, X)
        else:
            z = on_one_blas_thread(
                lambda machine: decision(
                    self.coefs_, self.intercepts_, X, machine.run_all
                )
            )
        if not np.isfinite(z).all():
            if not all(np.isfinite(p).all() for p in (*self.coefs_, *self.intercepts_)):
                raise ValueError(
                    "coefs_ or intercepts_ have numbers that are not finite."
                )
            row = int(np.isfinite(z).all(axis=1).argmin())
            raise ValueError(
                f"X is too large in row {row}: its pre-activations are no finite "
                f"{z.dtype} numbers. Scale X as that of fit."
            )
        return z

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _warn_of_ending(ending: Ending, run: Run, shortfall: str | None) -> None:
    """Comes after the model is stored: a warning made an error must not lose it."""
    plan, progress = run.plan, run.progress
    if ending == "interrupted" and not progress.losses:
        warn(
            "Training was interrupted before the end of its first epoch. The model is "
            "that of the random initial weights."
        )
    elif ending == "interrupted":
        warn(
            f"Training was interrupted. The model is that of {progress.n_iter} whole "
            "epochs, or with early stopping the best of them; fit with "
            "warm_start=True, or partial_fit, goes on from there."
        )
    elif shortfall is not None:
        warn(shortfall, ConvergenceWarning)
    elif ending == "max_iter":
        what = "validation score" if plan.early_stopping else "loss"
        warn(
            f"max_iter={plan.max_iter} epochs are done and training had not stopped by "
            f"itself, as it does after more than n_iter_no_change="
            f"{plan.n_iter_no_change} epochs in a row in which the {what} does not "
            f"improve by tol={plan.tol}. Raise max_iter or, if "
            "loss_curve_ falls slowly, learning_rate_init (it was "
            f"{plan.learning_rate_init:g}).",
            ConvergenceWarning,
        )


def _shortfall(
    ending: Ending,
    examples: Examples,
    run: Run,
    is_saturated: Callable[[Engine, Examples, float], bool],
) -> str | None:
    """What to say where training that has ended has learnt nothing that lasts."""
    if ending not in ("no improvement", "max_iter"):
        return None
    plan, progress = run.plan, run.progress
    constant = constant_loss(examples)
    high = progress.losses[-1] >= NO_BETTER * constant
    if high and is_saturated(run.engine, examples, constant):
        return (
            f"Training has saturated: after {progress.n_iter} epochs the output "
            "neurons are wrong where the sigmoid is flat, so that no error comes back, "
            f"and the loss ({progress.losses[-1]:.3g}) is not below that of the best "
            f"constant prediction ({constant:.3g}). Scale X to about unit variance or "
            "use a smaller learning_rate_init (it was "
            f"{plan.learning_rate_init:g}), and a smaller alpha or momentum where they "
            "are not 0."
        )
    if ending == "no improvement" and progress.best_loss >= NO_BETTER * constant > 0:
        return (
            f"Training stopped after {progress.n_iter} epochs no better than a "
            f"constant prediction (loss {progress.best_loss:.3g}). Scale X to about "
            "unit variance, try another learning_rate_init (it was "
            f"{plan.learning_rate_init:g}), a smaller alpha or momentum where they "
            "are not 0, or a smaller tol."
        )
    return None


def _require_arrays(
    name: str, arrays: list[Any], shapes: Sequence[tuple[int, ...]], dtype: Any
) -> None:
    """Raise ValueError where these are not arrays of these shapes and this dtype."""
    shapes_found = [array.shape for array in arrays if isinstance(array, np.ndarray)]
    if (
        len(arrays) != len(shapes)
        or shapes_found != list(shapes)
        or dtype not in FLOATS
        or any(array.dtype != dtype for array in arrays)
    ):
        found = [
            f"{np.shape(array)} {getattr(array, 'dtype', type(array).__name__)}"
            for array in arrays
        ]
        raise ValueError(
            f"{name} must be arrays of the shapes {shapes}, those of coefs_ and "
            f"intercepts_ all float32 or all float64; got {found}."
        )


def _random_state_from(state: dict[str, Any]) -> RandomState:
    """The random stream whose state `get_state` wrote down, whatever its generator."""
    name = state["bit_generator"]
    if name not in BIT_GENERATORS:  # a file must not choose what is called
        raise ValueError(
            f"random_state has the bit generator {name!r}, expected one of numpy's: "
            f"{', '.join(sorted(BIT_GENERATORS))}."
        )
    random_state = RandomState(getattr(np.random, name)())
    random_state.set_state(state)
    return random_state
