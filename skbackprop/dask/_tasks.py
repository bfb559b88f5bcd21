"""Names of the tasks on a cluster, and where they run."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

import dask
from distributed import Client, Future


def names(task: str, partitions: Iterable[int]) -> list[tuple[str, int]]:
    """New keys of tasks; Dask's dashboard shows the part before the token."""
    token = uuid4().hex
    return [(f"skbackprop-{task}-{token}", int(p)) for p in partitions]


def places_of(client: Client, futures: list[Future]) -> list[list[str]]:
    """For each future the worker that has it, or nothing if none has."""
    holders = client.who_has(futures)
    return [list(holders.get(future.key, ()))[:1] for future in futures]


def run_at(keys: list[tuple[str, int]], places: Sequence[list[str]]) -> Any:
    """Within this block, submitted tasks go to these workers, while they exist.

    Dask itself would move the rows of a worker that seems busy.
    """
    at = dict(zip(keys, places, strict=True))
    return dask.annotate(workers=at.get, allow_other_workers=True)
