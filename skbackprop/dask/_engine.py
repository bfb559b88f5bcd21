"""An engine whose gradients are summed on a Dask cluster.

An update is the same as any other, and made here, by `Engine`. What it descends is the
sum of the gradients of a batch, to which each partition adds those of its rows: they
are computed where the rows are, by an `Engine` of one task's lifetime, from parameters
that go out once a step.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from distributed import Future
from numpy.typing import NDArray

from .._engine.machine import Machine
from .._engine.network import Engine, Layers
from .._threads import on_one_blas_thread
from .._training.descent import CannotGoOn, gradient_of
from .._training.examples import Examples
from ._rows import Batch, RemoteExamples, names, run_at
from ._waiting import losses_told, result_of

Array = NDArray[Any]
GradientSum = tuple[Array, float]

# So many gradients are added by one task. The order in which they are added depends on
# the partitions alone, and so do the bits, whichever worker computes what.
FAN_IN = 8


class ClusterEngine(Engine):
    """The network while it trains, on the client; its examples are on the workers."""

    # Batches of any size come to `descend`.
    chunk_rows = sys.maxsize

    def __init__(
        self,
        examples: RemoteExamples,
        coefs: Layers,
        intercepts: Layers,
        **settings: Any,
    ) -> None:
        super().__init__(coefs, intercepts, sparse=examples.sparse, **settings)
        self._examples = examples

    def descend(self, X: Any, Y: Any, weights: Any, eta: float) -> float:
        """One update for a batch; returns the sum of its examples' costs."""
        batch: Batch = X
        client = self._examples.client
        try:
            with losses_told(client):
                future = self._submit(batch)
            gradient, cost = result_of(client, future)
        except CannotGoOn:
            raise
        except Exception as error:
            raise CannotGoOn(f"A step on the cluster failed: {error!r}") from error
        self.update(gradient, len(batch), eta)
        return cost

    def _submit(self, batch: Batch) -> Future:
        """Ask for the sums of gradients and costs of a batch."""
        examples, client = self._examples, self._examples.client
        # In the graph and not scattered, so that they outlive the worker they are on.
        (key,) = names("parameters", [0])
        parameters = client.submit(_parameters, *self.parameters(), key=key)
        own = np.flatnonzero(batch.stops > batch.starts)
        keys = names("gradient", own)
        with run_at(keys, [examples.places[p] for p in own]):
            futures = client.map(
                gradient_sum,
                [examples.futures[p] for p in own],
                batch.starts[own].tolist(),
                batch.stops[own].tolist(),
                [None if batch.orders is None else batch.orders[p] for p in own],
                parameters=parameters,
                sparse=self.sparse,
                key=keys,
            )
        while len(futures) > 1:
            groups = [
                futures[first : first + FAN_IN]
                for first in range(0, len(futures), FAN_IN)
            ]
            futures = client.map(add, groups, key=names("sum", range(len(groups))))
        return futures[0]


def gradient_sum(
    examples: Examples,
    start: int,
    stop: int,
    order: Array | None,
    *,
    parameters: tuple[Layers, Layers],
    sparse: bool,
) -> GradientSum:
    """On a worker: the sums over its examples of their gradients and their costs."""

    def summed(machine: Machine) -> GradientSum:
        engine = Engine(*parameters, batch_size=1, sparse=sparse, machine=machine)
        return gradient_of(engine, examples, start, stop, order)

    with np.errstate(all="ignore"):
        return on_one_blas_thread(summed)


def add(sums: Sequence[GradientSum]) -> GradientSum:
    """On a worker: the sum of some sums."""
    gradients, costs = zip(*sums, strict=True)
    total = gradients[0].copy()  # the first one may be asked for again
    for gradient in gradients[1:]:
        total += gradient
    return total, sum(costs)


def _parameters(coefs: Layers, intercepts: Layers) -> tuple[Layers, Layers]:
    return coefs, intercepts
