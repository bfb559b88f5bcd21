"""Waiting for results of a cluster, but not for a cluster that is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from distributed import CancelledError, Client, Future, wait

from .._training.progress import CannotGoOn

# Seconds between two looks at the cluster while it computes, or at where the rows are.
LOOK_EVERY = 1.0
# Seconds without any worker after which there will be none, or without an answer: a
# nanny needs about 3 to start a worker again, on a busy machine 10.
PATIENCE = 30.0


def result_of(client: Client, future: Future) -> Any:
    """The result of a future, as soon as it is there.

    Raises what the task raised, and CannotGoOn where the cluster is lost.
    """
    workers_seen = monotonic()
    with losses_told(client):
        while True:
            try:
                wait(future, timeout=LOOK_EVERY)
                return future.result(timeout=PATIENCE)
            except TimeoutError:
                _require_running(client)
                if client.nthreads():
                    workers_seen = monotonic()
                elif monotonic() - workers_seen > PATIENCE:
                    raise CannotGoOn(
                        f"The Dask cluster has had no worker for {PATIENCE:g} s."
                    ) from None


@contextmanager
def losses_told(client: Client) -> Iterator[None]:
    """Make CannotGoOn of the errors by which Dask says that a cluster is lost."""
    try:
        yield
    except CannotGoOn:
        raise
    except CancelledError as error:
        raise CannotGoOn(
            "Dask cancelled a task: the connection to the scheduler was lost, or the "
            f"client or the cluster was closed ({error})."
        ) from error
    except OSError as error:
        raise CannotGoOn(f"The Dask scheduler does not answer: {error}") from error
    except Exception:
        _require_running(client)
        raise


def _require_running(client: Client) -> None:
    if client.status != "running":
        raise CannotGoOn(f"The Dask client is no longer running, but {client.status}.")
