"""Rows on a Dask cluster: validated, encoded and counted on the workers.

Each partition of the user's collections becomes a future of its validated data, which
stay on the worker, and a small summary, which is sent to the client. Once the targets
are known, it becomes a future of the `Examples` that engines on the workers learn from.
The futures are results of a graph, so that Dask can compute lost ones again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

import dask
import numpy as np
from dask.sizeof import sizeof
from distributed import Client, Future
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import gen_batches

from .._engine.lanes import Block
from .._engine.network import Engine
from .._estimators import regressor
from .._estimators.validation import Data
from .._training.examples import Examples
from ._engine import gradient_of
from ._tasks import names, places_of, run_at
from ._waiting import CHECK_EVERY, reporting_loss, result_of

Array = NDArray[Any]

Template = Any  # a local estimator, which validates and encodes


class Summary(NamedTuple):
    """What the client knows about the rows of one partition.

    `targets` summarises the partition's targets. For a classifier it has each label
    once, and `weights` has the sum of the weights of its rows (1 each if there are
    none). For a regressor it has the smallest and the largest value.
    """

    n_rows: int
    n_features: int
    feature_names: Array | None
    dtype: np.dtype[Any]
    sparse: bool
    weight: float
    targets: Array
    weights: Array | None = None


class Loaded(NamedTuple):
    """The rows of one partition, on the worker that holds them."""

    data: Data
    summary: Summary


@dataclass(frozen=True)
class RemoteRows:
    """Rows on a cluster, as the estimators see them: it replaces the array `X`."""

    client: Client
    futures: list[Future]
    summaries: list[Summary]
    weighted: bool

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and of features, like an array's."""
        return sum(s.n_rows for s in self.summaries), self.summaries[0].n_features

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 if all partitions are, else float64."""
        return np.result_type(*(s.dtype for s in self.summaries))

    @property
    def total_weight(self) -> float:
        """Sum of the rows' weights, which are 1 if none are given."""
        return sum(s.weight for s in self.summaries)

    def concatenated(self, field: str) -> Array:
        """This field of all summaries, concatenated."""
        return np.concatenate([getattr(s, field) for s in self.summaries])


@dataclass
class RemoteExamples:
    """Examples on a cluster: a source whose batches take rows from all partitions.

    `futures` holds the `Examples` of each partition, `sizes` their numbers of rows,
    `places` the workers that hold them.
    """

    client: Client
    futures: list[Future]
    sizes: Array
    total_weight: float
    mean_weight: float
    sparse: bool
    moments: tuple[float, Array, Array]
    squared_norms: float
    places: list[list[str]] = field(default_factory=list)
    _checked: float = -np.inf

    def __len__(self) -> int:
        return int(self.sizes.sum())

    def draw_order(self, random_state: RandomState) -> int:
        """The seed for the row orders of all partitions in an epoch."""
        return int(random_state.randint(2**31))

    def target_moments(self) -> tuple[float, Array, Array]:
        """As in `Examples`."""
        return self.moments

    def mean_squared_norm(self) -> float:
        """As in `Examples`."""
        return self.squared_norms / self.total_weight

    def sample(self) -> None:
        """None: the rows stay on the workers."""

    def outputs(self, engine: Engine) -> Iterator[Block]:
        """No blocks: they would cost another pass over all rows of the cluster."""
        return iter(())

    def descend(
        self, engine: Engine, batch_size: int, order: int | None, eta: float
    ) -> float:
        """Run one epoch of updates, which the client makes from the workers' sums."""
        n_partitions = len(self.futures)
        orders: list[Future | None] = [None] * n_partitions
        with reporting_loss(self.client):
            if monotonic() - self._checked > CHECK_EVERY:  # a lost worker changes them
                self.places = places_of(self.client, self.futures)
                self._checked = monotonic()
            if order is not None:
                orders = self._draw_orders(order)
        cost, starts = 0.0, np.zeros_like(self.sizes)
        for batch in gen_batches(len(self), batch_size):
            m = batch.stop - batch.start
            stops = starts + deal(self.sizes - starts, m)
            shares = zip(
                *(self.futures, self.places, orders, starts.tolist(), stops.tolist()),
                strict=True,
            )
            own = [share for share in shares if share[-1] > share[-2]]
            gradient, costs = gradient_of(self.client, own, engine.parameters())
            engine.update(gradient, m, batch_size, eta)
            cost += costs
            starts = stops
        return cost if engine.is_finite() else np.nan

    def _draw_orders(self, seed: int) -> list[Future | None]:
        partitions = range(len(self.futures))
        keys = names("order", partitions)
        with run_at(keys, self.places):
            drawn: list[Future | None] = self.client.map(
                draw_order, self.futures, partitions, seed=seed, key=keys
            )
        return drawn


def deal(remaining: Array, m: int) -> Array:
    """How many of the next `m` rows each partition gives, in proportion to its rest.

    The numbers are rounded so that they add up to `m`; later batches make up for it.
    """
    ends = np.cumsum(remaining)
    return np.diff(ends * m // ends[-1], prepend=0)


def draw_order(examples: Examples, p: int, seed: int) -> Array:
    """On a worker: a new order of the rows of partition `p`."""
    return examples.draw_order(RandomState([seed, p]))


def load(
    client: Client,
    template: Template,
    summarise: Callable[[Data], dict[str, Any]],
    collections: Sequence[Any],
    reset: bool,
) -> RemoteRows:
    """Validate the partitions of `X`, `y` and, if it is not None, the weights."""
    blocks = _aligned_blocks(collections)
    task = dask.delayed(_load, pure=False)
    ((settings, _),) = names("settings", [0])
    shared = dask.delayed(template, name=settings, traverse=False)
    keys = names("load", range(len(blocks[0])))
    loaded = client.compute(
        [
            task(shared, summarise, reset, p, *block, dask_key_name=key)
            for p, (key, *block) in enumerate(zip(keys, *blocks, strict=True))
        ]
    )
    keys = names("summary", range(len(loaded)))
    summaries = result_of(
        client, client.submit(list, client.map(_summary, loaded, key=keys), pure=False)
    )
    found = [s for s in summaries if s is not None]
    if not found:
        raise ValueError("X has no rows in any partition. At least 1 is needed.")
    for name in ("n_features", "sparse"):
        differing = {getattr(s, name) for s in found}
        if len(differing) > 1:
            raise ValueError(f"The partitions of X differ in {name}: {differing}.")
    futures = [f for f, s in zip(loaded, summaries, strict=True) if s is not None]
    return RemoteRows(client, futures, found, collections[2] is not None)


def _aligned_blocks(collections: Sequence[Any]) -> list[list[Any]]:
    """The partitions of each collection as delayed blocks, with matching rows."""
    X, *others = collections
    blocks = [blocks_of(X)]
    for name, other in zip(("y", "sample_weight"), others, strict=True):
        if other is None:
            blocks.append([None] * len(blocks[0]))
            continue
        if not dask.is_dask_collection(other):
            raise TypeError(
                f"{name} must be a Dask array, dataframe or series, as X is, got "
                f"{type(other).__name__}."
            )
        if _knows_its_sizes(X) and _knows_its_sizes(other):
            if X.shape[0] != other.shape[0]:
                raise ValueError(
                    f"X has {X.shape[0]} rows, but {name} has {other.shape[0]}."
                )
            other = other.rechunk({0: X.chunks[0]})
        blocks.append(blocks_of(other))
        if len(blocks[-1]) != len(blocks[0]):
            raise ValueError(
                f"X has {len(blocks[0])} partitions, but {name} has {len(blocks[-1])}. "
                "Partition both in the same way."
            )
    return blocks


def blocks_of(collection: Any) -> list[Any]:
    """The partitions of a collection, with all columns, as delayed blocks."""
    if getattr(collection, "ndim", 1) == 2 and hasattr(collection, "chunks"):
        collection = collection.rechunk({1: -1})
    return list(np.ravel(collection.to_delayed()))


def _knows_its_sizes(collection: Any) -> bool:
    return hasattr(collection, "chunks") and not np.isnan(collection.chunks[0]).any()


def _load(
    template: Template,
    summarise: Callable[[Data], dict[str, Any]],
    reset: bool,
    p: int,
    X: Any,
    y: Any,
    weights: Any,
) -> Loaded | None:
    """On a worker: validate as the local estimator does; None if there are no rows."""
    if X.shape[0] == 0 and len(y) == 0:
        return None
    template = template._copy()  # another thread may use the same object
    try:
        data = template._validate(X, y, weights, reset=reset)
    except ValueError as error:
        raise ValueError(f"In partition {p}: {error}") from error
    n_rows, n_features = data.X.shape
    summary = Summary(
        n_rows=n_rows,
        n_features=n_features,
        feature_names=getattr(template, "feature_names_in_", None),
        dtype=data.X.dtype,
        sparse=issparse(data.X),
        weight=float(n_rows if data.weights is None else data.weights.sum()),
        **summarise(data),
    )
    return Loaded(data, summary)


def _summary(loaded: Loaded | None) -> Summary | None:
    return None if loaded is None else loaded.summary


def labels_in(data: Data) -> dict[str, Any]:
    """The labels of a partition, and the total weight of the rows of each."""
    y = data.y
    if y.ndim == 2:  # multilabel: only the number of columns matters
        return {"targets": np.zeros((1, y.shape[1]), dtype=np.int64)}
    labels, codes = np.unique(y, return_inverse=True)
    return {
        "targets": labels,
        "weights": np.bincount(codes, data.weights),
    }


def range_of(data: Data) -> dict[str, Any]:
    """The smallest and the largest values among the rows with weight."""
    if data.weights is not None and not data.weights.any():
        return {"targets": data.y[:0]}
    y = regressor.targets_with_weight(data)
    return {"targets": np.array([y.min(axis=0), y.max(axis=0)])}


def count_outside(loaded: Loaded, low: Array, high: Array) -> tuple[int, int]:
    """On a worker: how many targets are not between these, and how many there are."""
    return regressor.count_outside(loaded.data, low, high)


def encode(
    rows: RemoteRows, template: Template, total_weight: float | None
) -> RemoteExamples:
    """Turn the rows into examples, without weights if `total_weight` is None.

    `template` has the classes and their weights, or the range of the targets.
    """
    client, (n_rows, _) = rows.client, rows.shape
    mean = 1.0 if total_weight is None else total_weight / n_rows
    if not 0 < mean < np.inf:
        raise ValueError(
            f"sample_weight must have a finite mean > 0, got {mean}. Scale it."
        )
    encoder = partial(
        _encode,
        template=template,
        mean_weight=None if total_weight is None else mean,
        dtype=rows.dtype,
    )
    partitions = range(len(rows.futures))
    keys = names("encode", partitions)
    with reporting_loss(client), run_at(keys, places_of(client, rows.futures)):
        futures = client.map(encoder, rows.futures, key=keys)
    keys = names("moments", partitions)
    sums = result_of(
        client, client.submit(list, client.map(_sums, futures, key=keys), pure=False)
    )
    *moments, squared_norms = (sum(s[1:], s[0]) for s in zip(*sums, strict=True))
    # The examples replace the loaded rows, which share their memory.
    rows.futures.clear()
    return RemoteExamples(
        client,
        futures,
        np.array([s.n_rows for s in rows.summaries]),
        float(n_rows),  # the weights have a mean of 1
        mean,
        rows.summaries[0].sparse,
        (moments[0], moments[1], moments[2]),
        squared_norms,
    )


def _encode(
    loaded: Loaded, template: Template, mean_weight: float | None, dtype: Any
) -> Examples:
    """On a worker: the examples of a partition."""
    data = template._class_weighted(loaded.data, loaded.data)
    weights = None if mean_weight is None else data.weights / mean_weight
    if weights is not None:
        weights = weights.astype(dtype)
    return Examples(
        data.X, template._encoder(data), template.n_outputs_, weights, np.dtype(dtype)
    )


def _sums(examples: Examples) -> tuple[float, Array, Array, float]:
    squared_norms = examples.mean_squared_norm() * examples.total_weight
    return *examples.target_moments(), squared_norms


def _size_of_examples(examples: Examples) -> int:
    """The size of examples in bytes, by which Dask decides whether to move them."""
    return int(sizeof(examples.X) + sizeof(examples.weights) + len(examples))


sizeof.register(Examples, _size_of_examples)
