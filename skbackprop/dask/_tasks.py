"""The names of the tasks on a cluster, and the workers that run them."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

import dask
from distributed import Client, Future


def names(task: str, partitions: Iterable[int]) -> list[tuple[str, int]]:
    """New keys for tasks; Dask's dashboard shows the part before the token."""
    token = uuid4().hex
    return [(f"skbackprop-{task}-{token}", int(p)) for p in partitions]


def places_of(client: Client, futures: list[Future]) -> list[list[str]]:
    """For each future, a list of the worker that holds it, empty if there is none."""
    holders = client.who_has(futures)
    return [list(holders.get(future.key, ()))[:1] for future in futures]


def run_at(keys: list[tuple[str, int]], places: Sequence[list[str]]) -> Any:
    """A context in which submitted tasks go to these workers, as long as they exist.

    By itself, Dask would move the rows of a worker that seems busy.
    """
    at = dict(zip(keys, places, strict=True))
    return dask.annotate(workers=at.get, allow_other_workers=True)
