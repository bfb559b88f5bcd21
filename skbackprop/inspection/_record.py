"""`record_training`: the network at chosen moments of its training."""

from collections.abc import Sequence
from functools import cached_property
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import gen_batches

from .. import _equations as eq
from .._engine.network import Engine
from .._estimators.user_warnings import warn
from .._threads import Workers, on_one_blas_thread
from .._training.descent import train
from .._training.schedules import step_size
from ._outputs import Outputs
from ._page.document import document
from ._page.training import training
from ._quantities import Names
from ._reading import (
    FIRST_FIT,
    check_network,
    derivation_columns,
    initialised,
    local,
    names_of,
    output_meaning,
)
from ._trace import BackpropTrace, checked_index

Array = NDArray[Any]

# How many examples' costs are computed at a time.
COLUMNS = 1024


class Moment(NamedTuple):
    """A network between two updates."""

    update: int
    W: list[Array]
    b: list[Array]
    eta: float


class TrainingRecord:
    """A network at chosen moments of its training.

    `record_training` makes it. A notebook displays it as a page with a slider.
    ``record[i]`` is the `BackpropTrace` of all rows at moment `i`, with the weights as
    they are before the next update; ``len(record)`` is the number of moments.

    Attributes
    ----------
    updates : list of int
        Updates made before each moment: the first is 0, the last is their total number.

    epochs : list of float
        The same in epochs.

    costs : list of float
        Mean cost of the rows at each moment.

    W, b : lists of lists of ndarrays
        Weights and biases at each moment, in the derivation's shapes.

    See Also
    --------
    record_training : Makes a record.
    BackpropTrace : What one moment is.

    Examples
    --------
    See `record_training`.
    """

    def __init__(
        self,
        moments: list[Moment],
        updates_per_epoch: int,
        x: Array,
        y: Array,
        names: Names,
        outputs: Outputs,
    ) -> None:
        self._moments, self._x, self._y = moments, x, y
        self._names, self._outputs = names, outputs
        self.updates = [moment.update for moment in moments]
        self.epochs = [update / updates_per_epoch for update in self.updates]
        self.W = [moment.W for moment in moments]
        self.b = [moment.b for moment in moments]

    @cached_property
    def costs(self) -> list[float]:
        """Mean cost of the rows at each moment."""
        return [self._cost(moment) for moment in self._moments]

    def _cost(self, moment: Moment) -> float:
        total = 0.0
        for columns in gen_batches(self.n_examples, COLUMNS):
            _, a = eq.forward(self._x[:, columns], moment.W, moment.b)
            total += float(eq.half_squared_error(a[-1], self._y[:, columns]).sum())
        return total / self.n_examples

    @property
    def n_examples(self) -> int:
        """The number of rows that were learnt from."""
        return int(self._y.shape[1])

    def __len__(self) -> int:
        return len(self._moments)

    def __getitem__(self, moment: int) -> BackpropTrace:
        return self.trace(moment)

    def trace(
        self, moment: int, examples: Sequence[int] | slice = slice(None)
    ) -> BackpropTrace:
        """Trace some of the rows at one moment.

        Parameters
        ----------
        moment : int
            Which moment, counted from 0, or backwards from -1.

        examples : sequence of int, or slice, default=slice(None)
            Which rows of `X`. The default means all of them.

        Returns
        -------
        trace : BackpropTrace
            The trace. Its η is that of the next update; at the last moment, that of the
            last update.

        Examples
        --------
        See `record_training`.
        """
        n = len(self)
        at = self._moments[checked_index("moment", moment, -n, n - 1, f"{n} moments")]
        x, y = self._x[:, examples], self._y[:, examples]
        return BackpropTrace(at.W, at.b, x, y, at.eta, self._names, self._outputs)

    def to_html(self, path: str | PathLike[str], *, example: int = 0) -> None:
        """Write the page that a notebook shows to a file, for any browser.

        For each moment, it has the weights, the activations and errors of one example,
        the outputs of up to eight, and the loss so far. If the file would be larger
        than a megabyte, fewer moments are shown, and the page says so. A small script
        puts a slider and a play button in the place of the ticks; without scripts, a
        click on a tick or the arrow keys choose the moment. Nothing is loaded from
        elsewhere.

        Parameters
        ----------
        path : str or path
            The file to write; overwritten if it exists.

        example : int, default=0
            The row of `X` whose activations and errors the picture shows.

        Raises
        ------
        IndexError
            `example` is not among the rows.

        Examples
        --------
        See `record_training`.
        """
        page = document(self._page(example), "A network learns")
        Path(path).write_text(page, encoding="utf-8")

    def _page(self, example: int) -> str:
        n = self.n_examples
        return training(self, checked_index("example", example, 0, n - 1, f"{n} rows"))

    def _repr_html_(self) -> str:
        return self._page(0)

    def __repr__(self) -> str:
        return (
            f"TrainingRecord({len(self)} moments, {self.updates[-1]} updates, "
            f"{self.epochs[-1]:g} epochs)"
        )


def record_training(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    every: str = "epoch",
    max_moments: int = 50,
) -> TrainingRecord:
    """Train a clone of a network, and keep copies of it on the way.

    The clone learns as its `fit` would with ``early_stopping=False``: initial weights,
    order of rows, updates and stopping are the same, to the last bit. Ctrl-C ends the
    training with a warning, and the record with the last whole epoch.

    Parameters
    ----------
    estimator : SGDSigmoidMLP or SGDSigmoidMLPRegressor
        The network, fitted or not; it is not changed. For a pipeline, pass its last
        step, with `X` as that step sees it.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows to learn from. The record shows their activations, so give it tens or
        hundreds of rows rather than all of a large set.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets, as `fit` takes them.

    every : {"epoch", "update"}, default="epoch"
        Whether the network is kept after each epoch or after each update.

    max_moments : int, at least 2, default=50
        The largest number of networks to keep. When there are more, every second one is
        dropped, and from then on half as many are kept. So the moments stay evenly
        spaced, and memory stays within `max_moments` times the parameters. The first
        and the last network are always kept.

    Returns
    -------
    record : TrainingRecord
        The moments: ``record[i]`` is a `BackpropTrace`, and ``record.to_html(path)``
        writes a page with a slider.

    Raises
    ------
    TypeError
        `estimator` is something else, such as a pipeline.
    ValueError
        A parameter has a value that is not described here, or `fit` would not accept
        `X` or `y`.

    See Also
    --------
    backprop_trace : One update of a trained network.

    Examples
    --------
    >>> from skbackprop import SGDSigmoidMLP
    >>> from skbackprop.inspection import record_training
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> model = SGDSigmoidMLP((3,), learning_rate_init=10, max_iter=300, random_state=0)
    >>> record = record_training(model, X, y)
    >>> record
    TrainingRecord(39 moments, 300 updates, 300 epochs)
    >>> record[0].cost > 10 * record[-1].cost
    True
    """
    check_network(estimator)
    if every not in ("epoch", "update"):
        raise ValueError(f'every must be "epoch" or "update", got {every!r}.')
    if not isinstance(max_moments, Integral) or max_moments < 2:
        raise ValueError(
            f"max_moments must be an integer of at least 2, got {max_moments!r}."
        )
    network = clone(local(estimator)).set_params(early_stopping=False)
    model, data, random_state = initialised(network, X, y)
    workers = Workers()
    run = model._begin(data, random_state, FIRST_FIT, workers)
    updates_per_epoch = -(-len(run.source) // run.plan.batch_size)
    recorder = _Recorder(
        run.engine,
        updates_per_epoch if every == "epoch" else 1,
        int(max_moments),
        step_size(run.plan, run.progress),
    )
    watched = run._replace(engine=cast(Engine, recorder))
    with np.errstate(all="ignore"):  # as in fit
        ending = on_one_blas_thread(lambda: train(*watched), workers)
    if ending == "interrupted":
        warn("Training was interrupted. The record ends with the last whole epoch.")
    return TrainingRecord(
        # Ctrl-C takes the network back to its last whole epoch.
        recorder.moments(run.progress.n_iter * updates_per_epoch),
        updates_per_epoch,
        *derivation_columns(model, data),
        names_of(model),
        output_meaning(model),
    )


class _Recorder:
    """An engine that keeps the network after some of its updates."""

    def __init__(self, engine: Engine, stride: int, most: int, eta: float) -> None:
        self._engine, self._stride, self._most, self._eta = engine, stride, most, eta
        self._n_updates = 0
        self._kept = [self._moment()]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def descend(
        self, X: Any, Y: Array, weights: Array | None, batch_size: int, eta: float
    ) -> float:
        """Like the engine's method."""
        cost = 0.0
        for rows in gen_batches(len(Y), batch_size):
            w = None if weights is None else weights[rows]
            self._before_update(eta)
            cost += self._engine.descend(X[rows], Y[rows], w, batch_size, eta)
            self._after_update()
        return cost

    def update(self, gradient: Array, m: int, batch_size: int, eta: float) -> None:
        """Like the engine's method."""
        self._before_update(eta)
        self._engine.update(gradient, m, batch_size, eta)
        self._after_update()

    def moments(self, n_updates: int) -> list[Moment]:
        """The moments kept, and the last one, after this many updates."""
        self._n_updates = n_updates
        kept = [moment for moment in self._kept if moment.update < n_updates]
        # The last replaces the one before it if there is no room for both.
        return [*kept[: self._most - 1], self._moment()]

    def _before_update(self, eta: float) -> None:
        """A schedule may have changed η since the last update."""
        self._eta = eta
        if self._kept[-1].update == self._n_updates:
            self._kept[-1] = self._kept[-1]._replace(eta=eta)

    def _after_update(self) -> None:
        self._n_updates += 1
        if self._n_updates % self._stride == 0:
            self._kept.append(self._moment())
        if len(self._kept) > self._most:
            del self._kept[1::2]
            self._stride *= 2

    def _moment(self) -> Moment:
        coefs, intercepts = self._engine.parameters()
        return Moment(
            self._n_updates,
            [coef.T for coef in coefs],
            [np.reshape(intercept, (-1, 1)) for intercept in intercepts],
            self._eta,
        )
