"""Waiting for results, until the cluster is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from distributed import CancelledError, Client, Future, wait

from .._training.progress import CannotContinue

# Seconds between two checks of the cluster while it computes, and of where rows are.
CHECK_EVERY = 1.0
# Seconds without any worker, or without an answer, after which the cluster is lost. A
# nanny needs about 3 s to restart a worker, 10 s on a busy machine.
PATIENCE = 30.0


def result_of(client: Client, future: Future) -> Any:
    """The result of a future, as soon as it is available.

    Raise the task's error, or CannotContinue if the cluster is lost.
    """
    workers_seen = monotonic()
    with reporting_loss(client):
        while True:
            try:
                wait(future, timeout=CHECK_EVERY)
                return future.result(timeout=PATIENCE)
            except TimeoutError:
                _require_running(client)
                if client.nthreads():
                    workers_seen = monotonic()
                elif monotonic() - workers_seen > PATIENCE:
                    raise CannotContinue(
                        f"The Dask cluster has had no workers for {PATIENCE:g} s."
                    ) from None


@contextmanager
def reporting_loss(client: Client) -> Iterator[None]:
    """Turn Dask's errors about a lost cluster into CannotContinue."""
    try:
        yield
    except CannotContinue:
        raise
    except CancelledError as error:
        raise CannotContinue(
            "Dask cancelled a task: the connection to the scheduler was lost, or the "
            f"client or the cluster was closed ({error})."
        ) from error
    except OSError as error:
        raise CannotContinue(f"The Dask scheduler does not answer: {error}") from error
    except Exception:
        _require_running(client)
        raise


def _require_running(client: Client) -> None:
    if client.status != "running":
        raise CannotContinue(
            f"The Dask client is no longer running: its status is {client.status!r}."
        )
