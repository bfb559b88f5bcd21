"""Estimators that train on a Dask cluster: each worker on the rows that it holds.

Needs the extra `dask`; in a checkout: ``python -m pip install ".[dask]"``.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.validation import check_is_fitted

try:
    import dask
    import dask.array as da
    from distributed import Client, default_client
except ImportError as error:
    raise ImportError(
        "skbackprop.dask needs Dask. In a checkout of skbackprop, run: python -m pip "
        f'install ".[dask]" ({error})'
    ) from error

from .._estimators import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from .._estimators.base import BaseSGDSigmoidMLP
from .._estimators.call import Call
from .._estimators.persistence import with_checksum
from .._estimators.sample_weights import require_some_weight, score_weights
from .._estimators.validation import Data
from .._training.examples import Source
from ._rows import (
    blocks_of,
    count_outside,
    encode,
    labels_in,
    load,
    range_of,
)
from ._waiting import result_of

__all__ = ["DaskSGDSigmoidMLP", "DaskSGDSigmoidMLPRegressor"]

Array = NDArray[Any]

# While steps are submitted. Parameters of more than 10 MB, which change with each step,
# are not a mistake; and finding the user's line of code takes longer than submitting.
CONFIGURATION = {
    "distributed.admin.large-graph-warning-threshold": "1 TiB",
    "distributed.diagnostics.computations.nframes": 0,
}


class _OnDask(BaseSGDSigmoidMLP):
    """Mixed in before a local estimator, makes it train on a cluster."""

    client: Client | None
    _local: ClassVar[type[BaseSGDSigmoidMLP]]
    _summarise: ClassVar[Any]  # a function of `_rows` that summarises a partition
    _metric: ClassVar[Any]

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train a new network on `X` and `y`, each worker on the rows that it holds.

        Parameters
        ----------
        X : Dask array or dataframe of shape (n_samples, n_features)
            Inputs, as the local estimator takes them; the blocks of an array may be CSR
            matrices. Blocks of columns are joined, rows stay in their partitions.

        y : Dask array, series or dataframe of shape (n_samples,) or (n_samples, n)
            Targets, as the local estimator takes them, in the same partitions as `X`.
            Arrays with known chunk sizes are rechunked like `X`.

        sample_weight : Dask array or series of shape (n_samples,), default=None
            Weights, as the local estimator takes them.

        X_val, y_val, sample_weight_val : arrays or Dask collections, default=None
            Held-out rows. The client measures them after each epoch, as the local
            estimator does, so they should be few.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        TypeError
            `X`, `y` or `sample_weight` is not a Dask collection.
        ValueError
            As in the local estimator, with the partition named; `early_stopping` has no
            `X_val`; or there is no client.
        RuntimeError
            The client or the scheduler was lost, or all workers for 30 s, or a step
            failed. The estimator is then that of the last whole epoch, from which a fit
            with ``warm_start=True`` continues; or as it was before the call, if there
            was no whole epoch.

        Warns
        -----
        ConvergenceWarning, UserWarning
            As in the local estimator.
        """
        _require_dask(X, self._local)
        client = self._find_client()
        if self.early_stopping is True and X_val is None:
            raise ValueError(
                "early_stopping=True needs X_val and y_val here, because the rows on "
                "the workers are not split. Pass them, or set early_stopping=False."
            )
        with client.as_current(), dask.config.set(CONFIGURATION):
            validation = (
                _gather(X_val),
                _gather(y_val),
                _gather(sample_weight_val),
            )
            return self._fit(X, y, sample_weight, validation)

    @property
    def partial_fit(self) -> Any:
        """Not available: use ``to_local().partial_fit`` with rows in this process."""
        raise AttributeError(
            f"{type(self).__name__} has no partial_fit. Use that of the "
            f"{self._local.__name__} that to_local() returns."
        )

    def predict(self, X: Any) -> Any:
        """Predict as the local estimator does, lazily.

        Parameters
        ----------
        X : Dask array or dataframe of shape (n_samples, n_features)
            Inputs, scaled like those of `fit`.

        Returns
        -------
        y : Dask array of shape (n_samples,) or (n_samples, n)
            Predictions, in the partitions of `X`.
        """
        return self._lazily("predict", X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Score predictions as the local estimator does.

        Parameters
        ----------
        X : Dask array or dataframe of shape (n_samples, n_features)
            Inputs.

        y : Dask collection or array-like of shape (n_samples,) or (n_samples, n)
            Targets. They and the predictions are brought to the client.

        sample_weight : Dask collection or array-like of shape (n_samples,)
            Weights; None, the default, is 1 for each row.

        Returns
        -------
        score : float
            Accuracy of a classifier, R² of a regressor.
        """
        with self._find_client().as_current():
            y, predicted = _gather(y), _gather(self.predict(X))
            weights = score_weights(_gather(sample_weight))
        return float(self._metric(y, predicted, sample_weight=weights))

    @property
    def move_to(self) -> Any:
        """Not available: use ``to_local().move_to``; a cluster's rows are numpy's."""
        raise AttributeError(
            f"{type(self).__name__} has no move_to. Use that of the "
            f"{self._local.__name__} that to_local() returns."
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.array_api_support = False
        return tags

    def to_local(self) -> Any:
        """Make the plain estimator, which needs no Dask.

        Returns
        -------
        local : SGDSigmoidMLP or SGDSigmoidMLPRegressor
            An estimator with the same parameters and, if this one is fitted, the same
            network. It predicts arrays, can be pickled, and can be trained further by
            `partial_fit` or a warm start.
        """
        parameters = self.get_params(deep=False)
        local = self._local(**{k: v for k, v in parameters.items() if k != "client"})
        of_callbacks = ("_skl", "_parent_callback", "_callback")
        for name, value in vars(self).items():
            if name not in parameters and not name.startswith(of_callbacks):
                setattr(local, name, deepcopy(value))
        return local

    def __getstate__(self) -> dict[str, Any]:
        """The state without the client, which belongs to this process."""
        return with_checksum({**super().__getstate__(), "client": None})

    def __sklearn_clone__(self) -> Self:
        # A client cannot be copied, so the clone gets the same one.
        parameters = self.get_params(deep=False)
        client = parameters.pop("client")
        copies = {k: clone(v, safe=False) for k, v in parameters.items()}
        return type(self)(**copies).set_params(client=client)

    def _find_client(self) -> Client:
        try:
            client = self.client or default_client()
        except ValueError as error:
            raise ValueError(
                "There is no Dask client. Create one with distributed.Client(...), or "
                "pass one as client=."
            ) from error
        if client.asynchronous:
            raise ValueError(
                "client is asynchronous, and fit cannot wait for its results. Create a "
                "synchronous one with distributed.Client(...) in another thread."
            )
        return client

    def _lazily(self, method: str, X: Any) -> da.Array:
        check_is_fitted(self)
        _require_dask(X, self._local)
        local = self.to_local()
        dtypes = [X.dtype] if hasattr(X, "dtype") else list(X.dtypes)
        # Extension dtypes of pandas become float64.
        known = [d if isinstance(d, np.dtype) else np.float64 for d in dtypes]
        one_row = np.zeros((1, self.n_features_in_), dtype=np.result_type(*known))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            example = getattr(local, method)(one_row)[:0]
        model = dask.delayed(local)
        call = dask.delayed(_call, pure=False)
        blocks = blocks_of(X)
        sizes = X.chunks[0] if hasattr(X, "chunks") else (np.nan,) * len(blocks)
        return da.concatenate(
            [
                da.from_delayed(
                    call(model, method, block, example),
                    (n_rows, *example.shape[1:]),
                    meta=example,
                )
                for block, n_rows in zip(blocks, sizes, strict=True)
            ]
        )

    def _load(self, X: Any, y: Any, sample_weight: Any, call: Call) -> Data:
        reset = not call.continues
        rows = load(
            self._find_client(),
            self._template(),
            type(self)._summarise,
            (X, y, sample_weight),
            reset,
        )
        require_some_weight(np.array([rows.total_weight]))
        if reset:
            first = rows.summaries[0]
            self.n_features_in_ = first.n_features
            if first.feature_names is not None:
                self.feature_names_in_ = first.feature_names
            elif hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        weights = None
        if rows.summaries[0].weights is not None:
            weights = rows.concatenated("weights")
        return Data(rows, rows.concatenated("targets"), weights)

    def _template(self) -> Any:
        """A local estimator without a network, which validates rows on the workers."""
        template = self._local(
            **{k: v for k, v in self.get_params(deep=False).items() if k != "client"}
        )
        for name in _TEMPLATE_ATTRIBUTES & vars(self).keys():
            setattr(template, name, getattr(self, name))
        return template

    def _stops_early(self, n_rows: int, given: bool) -> bool:
        return given and super()._stops_early(n_rows, given)

    def _copy_for_scoring(self) -> Any:
        local = self.to_local()  # the held-out rows are on the client
        local.__dict__.pop("feature_names_in_", None)
        return local

    def _source(self, data: Data, call: Call, rows: Array | None = None) -> Source:
        template = self._template()
        total = data.X.total_weight if data.X.weighted else None
        if getattr(self, "class_weight", None) is not None:
            assert data.weights is not None  # one for each label
            require_some_weight(data.weights)
            total = float(data.weights.sum())
            template.class_weight = self._numeric_class_weights(data)
        return encode(data.X, template, total)

    def _numeric_class_weights(self, data: Data) -> dict[Any, float]:
        """The class weights of a classifier as numbers, also for "balanced"."""
        raise NotImplementedError


# Attributes that a local estimator needs to validate and encode.
_TEMPLATE_ATTRIBUTES = {
    *("n_features_in_", "feature_names_in_"),
    *("classes_", "_multilabel", "n_outputs_", "target_range_"),
}


def _require_dask(X: Any, local: type) -> None:
    if not dask.is_dask_collection(X) or not hasattr(X, "to_delayed"):
        raise TypeError(
            f"X must be a Dask array or dataframe, got {type(X).__name__}. Use "
            f"{local.__name__} for arrays, or convert them with dask.array.from_array."
        )


def _gather(collection: Any) -> Any:
    """The collection's rows, brought to the client; other objects as they are."""
    return dask.compute(collection)[0]


def _call(local: Any, method: str, block: Any, example: Array) -> Array:
    """On a worker: the method's result for a block, even if it has no rows."""
    return getattr(local, method)(block) if block.shape[0] else example


class DaskSGDSigmoidMLP(_OnDask, SGDSigmoidMLP):
    """Train `SGDSigmoidMLP` on the rows of a Dask cluster, which stay where they are.

    The average gradient of a batch is a sum over its examples. Each worker computes the
    sum over the rows that it holds, a tree of tasks adds the sums, the client makes one
    update, and the new parameters are sent out once a step. With ``batch_size="full"``
    the network is that of `SGDSigmoidMLP` on the same rows, up to rounding, however
    they are partitioned.

    A step takes about 20 ms besides its gradients, so small batches do not pay off:
    *Beyond one process* in the documentation has the figures. If a worker is lost, Dask
    replaces it, and the network is the same to the bit.

    Parameters
    ----------
    hidden_layer_sizes, learning_rate_init, ..., engine
        Those of `SGDSigmoidMLP`, with the same meaning and defaults, except for the
        following.

    batch_size : int >= 1, "full" or "auto", default="auto"
        Number of rows whose gradients an update averages. A batch takes rows from all
        partitions in proportion to their sizes; each partition has a new order in each
        epoch. The default is the local estimator's and too small for a cluster: use
        "full", or thousands.

    early_stopping : bool or "auto", default=False
        Needs `X_val` and `y_val` in `fit`; without them "auto" means False.
        `validation_fraction` has no effect.

    engine : {"numpy", "numba"}, default="numpy"
        Has no effect on the cluster, where batches are large; `to_local` passes it on.

    client : distributed.Client or None, default=None
        The cluster to train on; None means the default client of the process. It is
        neither pickled nor passed to `to_local`.

    Attributes
    ----------
    coefs_, intercepts_, loss_curve_, ...
        Those of `SGDSigmoidMLP`.

    See Also
    --------
    SGDSigmoidMLP : The estimator for rows in one process.

    Notes
    -----
    The same seed, rows and partitions give the same bits with any number of workers.
    Callbacks and `verbose` work as in the local estimator. Dask's dashboard shows the
    tasks of a step as `skbackprop-parameters`, `skbackprop-gradient` and
    `skbackprop-sum`.

    Rows that Dask can compute again are best, such as those of a file or of a persisted
    collection. Scattered rows are lost with their worker.

    References
    ----------
    The average gradient: section 6, Gradients, of "The mathematics" in the
    documentation.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client, LocalCluster
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skbackprop.dask import DaskSGDSigmoidMLP
    >>> X, y = load_iris(return_X_y=True)
    >>> X = da.from_array(scale(X), chunks=(50, -1))
    >>> y = da.from_array(y, chunks=50)
    >>> cluster = LocalCluster(processes=False, dashboard_address=":0")
    >>> with cluster, Client(cluster) as client:
    ...     model = DaskSGDSigmoidMLP(
    ...         (10,), batch_size="full", learning_rate_init=10, momentum=0.9,
    ...         max_iter=30, tol=0, random_state=0, client=client,
    ...     )
    ...     accuracy = model.fit(X, y).score(X, y)
    >>> print(f"{accuracy:.2f}")
    0.98
    >>> model.predict(X)
    dask.array<...shape=(150,), dtype=int64, chunksize=(50,)...>
    >>> model.to_local().predict(X[::50].compute())
    array([0, 1, 2])
    """

    _local = SGDSigmoidMLP
    _summarise = staticmethod(labels_in)
    _metric = staticmethod(accuracy_score)

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
        client: Client | None = None,
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
            class_weight=class_weight,
        )
        self.client = client

    def decision_function(self, X: Any) -> Any:
        """Compute the pre-activations ``z^L`` as the local estimator does, lazily.

        Parameters
        ----------
        X : Dask array or dataframe of shape (n_samples, n_features)
            Inputs, scaled like those of `fit`.

        Returns
        -------
        z : Dask array of shape (n_samples,) or (n_samples, `n_outputs_`)
            ``z^L``, in the partitions of `X`.
        """
        return self._lazily("decision_function", X)

    def predict_proba(self, X: Any) -> Any:
        """Estimate probabilities as the local estimator does, lazily.

        Parameters
        ----------
        X : Dask array or dataframe of shape (n_samples, n_features)
            Inputs, scaled like those of `fit`.

        Returns
        -------
        p : Dask array of shape (n_samples, n_classes) or (n_samples, n_labels)
            Probabilities, in the partitions of `X`.
        """
        return self._lazily("predict_proba", X)

    def predict_log_proba(self, X: Any) -> Any:
        """Compute the logarithm of `predict_proba`, lazily.

        Parameters
        ----------
        X : Dask array or dataframe of shape (n_samples, n_features)
            Inputs, scaled like those of `fit`.

        Returns
        -------
        log_p : Dask array of shape (n_samples, n_classes) or (n_samples, n_labels)
            Natural logarithms of the probabilities, in the partitions of `X`.
        """
        return self._lazily("predict_log_proba", X)

    def _class_factors(self, of: Data) -> Array:
        # Even without weights, each label has one: its number of rows.
        return super()._class_factors(of._replace(weights=of.X.concatenated("weights")))

    def _numeric_class_weights(self, data: Data) -> dict[Any, float]:
        factors = self._class_factors(data)
        return dict(zip(self.classes_.tolist(), factors.tolist(), strict=True))


class DaskSGDSigmoidMLPRegressor(_OnDask, SGDSigmoidMLPRegressor):
    """Train `SGDSigmoidMLPRegressor` on the rows of a Dask cluster.

    The rows stay where they are: each worker computes the sum of the gradients of the
    rows that it holds. See `DaskSGDSigmoidMLP`.

    Parameters
    ----------
    hidden_layer_sizes, learning_rate_init, ..., engine
        Those of `SGDSigmoidMLPRegressor`, with the same meaning and defaults, except
        for `batch_size`, `early_stopping` and `engine`, which `DaskSGDSigmoidMLP`
        describes.

    client : distributed.Client or None, default=None
        The cluster to train on; None means the default client of the process. It is
        neither pickled nor passed to `to_local`.

    Attributes
    ----------
    coefs_, intercepts_, loss_curve_, ...
        Those of `SGDSigmoidMLPRegressor`.

    See Also
    --------
    SGDSigmoidMLPRegressor : The estimator for rows in one process.
    DaskSGDSigmoidMLP : The classifier.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client, LocalCluster
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skbackprop.dask import DaskSGDSigmoidMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X = da.from_array(scale(X), chunks=(150, -1))
    >>> y = da.from_array(y, chunks=150)
    >>> cluster = LocalCluster(processes=False, dashboard_address=":0")
    >>> with cluster, Client(cluster) as client:
    ...     model = DaskSGDSigmoidMLPRegressor(
    ...         (10,), batch_size="full", learning_rate_init=3, max_iter=50, tol=0,
    ...         random_state=0, client=client,
    ...     )
    ...     r2 = model.fit(X, y).score(X, y)
    >>> print(f"{r2:.1f}")
    0.5
    """

    _local = SGDSigmoidMLPRegressor
    _summarise = staticmethod(range_of)
    _metric = staticmethod(r2_score)

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
        client: Client | None = None,
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
            target_range=target_range,
        )
        self.client = client

    def _count_outside(self, data: Data, low: Array, high: Array) -> tuple[int, int]:
        outside, size = super()._count_outside(data, low, high)
        if not outside:
            return outside, size
        rows = data.X
        count = partial(count_outside, low=low, high=high)
        counts = rows.client.map(count, rows.futures, pure=False)
        counted = result_of(rows.client, rows.client.submit(list, counts, pure=False))
        outside, size = np.sum(counted, axis=0).tolist()
        return outside, size
