"""The gradient of a batch, summed on a Dask cluster.

Each partition adds the gradients of its rows. A task on the worker that holds them
computes them with its own `Engine`, from parameters that are sent out once a step. A
tree of tasks adds the sums.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from distributed import Client, Future
from numpy.typing import NDArray

from .._engine.network import Engine
from .._engine.parameters import Layers
from .._threads import Workers, on_one_blas_thread
from .._training.examples import Examples
from .._training.progress import CannotContinue
from ._tasks import names, run_at
from ._waiting import reporting_loss, result_of

Array = NDArray[Any]
GradientSum = tuple[Array, float]
# A partition's share of a batch: its examples, the worker that holds them, the order of
# its rows in this epoch (or None), and the slice of that order, start and stop.
Share = tuple[Future, list[str], Future | None, int, int]

# How many gradients one task adds. The order of the sum depends only on the partitions,
# and so do its bits, whichever worker computes it.
FAN_IN = 8


def gradient_of(
    client: Client, shares: Sequence[Share], parameters: tuple[Layers, Layers]
) -> GradientSum:
    """The sums over a batch, to which each partition contributes, for `Engine.update`.

    Raise CannotContinue if the cluster is lost, or if a task fails.
    """
    try:
        with reporting_loss(client):
            future = _submit(client, shares, parameters)
        found: GradientSum = result_of(client, future)
    except CannotContinue:
        raise
    except Exception as error:
        raise CannotContinue(f"A step on the cluster failed: {error!r}") from error
    return found


def _submit(
    client: Client, shares: Sequence[Share], parameters: tuple[Layers, Layers]
) -> Future:
    # In the graph, not scattered, so that they survive the loss of their worker.
    (key,) = names("parameters", [0])
    sent = client.submit(_parameters, *parameters, key=key)
    examples, places, orders, starts, stops = zip(*shares, strict=True)
    keys = names("gradient", range(len(shares)))
    with run_at(keys, places):
        futures = client.map(
            gradient_sum, examples, orders, starts, stops, parameters=sent, key=keys
        )
    while len(futures) > 1:
        groups = [
            futures[first : first + FAN_IN] for first in range(0, len(futures), FAN_IN)
        ]
        futures = client.map(add, groups, key=names("sum", range(len(groups))))
    return futures[0]


def gradient_sum(
    examples: Examples,
    order: Array | None,
    start: int,
    stop: int,
    *,
    parameters: tuple[Layers, Layers],
) -> GradientSum:
    """On a worker: the sums over its examples of their gradients and their costs."""
    workers = Workers()
    engine = Engine(*parameters, sparse=examples.sparse, run_all=workers)
    with np.errstate(all="ignore"):
        return on_one_blas_thread(
            lambda: examples.gradient(engine, start, stop, order), workers
        )


def add(sums: Sequence[GradientSum]) -> GradientSum:
    """On a worker: add up the sums of several tasks."""
    gradients, costs = zip(*sums, strict=True)
    total = gradients[0].copy()  # Dask may need the first one again
    for gradient in gradients[1:]:
        total += gradient
    return total, sum(costs)


def _parameters(coefs: Layers, intercepts: Layers) -> tuple[Layers, Layers]:
    return coefs, intercepts
