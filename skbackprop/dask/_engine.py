"""The gradient of a batch, summed on a Dask cluster.

Each partition adds the gradients of its rows. They are computed where the rows are, by
an `Engine` of one task's lifetime, from parameters that go out once a step. A tree of
tasks adds the sums.
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
from .._training.progress import CannotGoOn
from ._tasks import names, run_at
from ._waiting import losses_told, result_of

Array = NDArray[Any]
GradientSum = tuple[Array, float]
# For a partition that a batch has rows of: its examples, the worker that has them, the
# order of its rows in this epoch if there is one, and the slice of them: start, stop.
Share = tuple[Future, list[str], Future | None, int, int]

# So many gradients are added by one task. The order in which they are added depends on
# the partitions alone, and so do the bits, whichever worker computes what.
FAN_IN = 8


def gradient_of(
    client: Client, shares: Sequence[Share], parameters: tuple[Layers, Layers]
) -> GradientSum:
    """The sums over a batch, of which each partition has a share, for `Engine.update`.

    Raises CannotGoOn where the cluster is lost, or where a task fails.
    """
    try:
        with losses_told(client):
            future = _submit(client, shares, parameters)
        found: GradientSum = result_of(client, future)
    except CannotGoOn:
        raise
    except Exception as error:
        raise CannotGoOn(f"A step on the cluster failed: {error!r}") from error
    return found


def _submit(
    client: Client, shares: Sequence[Share], parameters: tuple[Layers, Layers]
) -> Future:
    # In the graph and not scattered, so that they outlive the worker they are on.
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
    """On a worker: the sum of some sums."""
    gradients, costs = zip(*sums, strict=True)
    total = gradients[0].copy()  # the first one may be asked for again
    for gradient in gradients[1:]:
        total += gradient
    return total, sum(costs)


def _parameters(coefs: Layers, intercepts: Layers) -> tuple[Layers, Layers]:
    return coefs, intercepts
