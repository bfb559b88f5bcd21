"""The rows to learn from if they are arrays of another library, such as a GPU's."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from .._array_libraries import Library, to_numpy
from .._engine.array_api import CHUNK_BYTES, pieces
from .._engine.lanes import Block
from .examples import Array, Rows


@dataclass(frozen=True)
class DeviceExamples(Rows):
    """Examples whose `X` stays on its device; all else that they are given is numpy.

    Targets and weights are sent to the device once, in the network's dtype. An epoch
    sends the order of its rows and reads the sum of their costs; the device waits for
    nothing in between. What is measured on the rows, such as their outputs, comes back
    as numpy arrays.

    Parameters
    ----------
    library : Library
        The library and the device of `X` and of the network.
    """

    library: Library = field(kw_only=True)

    @property
    def sparse(self) -> bool:
        """Whether the inputs are CSR."""
        return False

    def descend(
        self, engine: Any, batch_size: int, order: Array | None, eta: float
    ) -> float:
        """Run one epoch of updates; return the sum of the examples' weighted costs."""
        rows = self._sent(self._rows_of_X(slice(None) if order is None else order))
        cost: Any = 0.0
        for batch in gen_batches(len(self), batch_size):
            blocks = (
                self._block(piece if isinstance(rows, slice) else rows[piece])
                for piece in pieces(batch, engine.chunk_rows)
            )
            cost = cost + engine.descend(blocks, batch_size, eta)
        return engine.read(cost)

    def outputs(
        self, engine: Any, start: int = 0, stop: int | None = None
    ) -> Iterator[Block]:
        """``z^L``, targets and weights of these examples, block by block."""
        stop = len(self) if stop is None else stop
        for piece in pieces(slice(start, stop), engine.chunk_rows):
            rows = self._rows_of_X(piece)
            z = to_numpy(engine.decision(self._take(self._sent(rows))))
            Y = np.asarray(self.encode(rows), dtype=self.dtype)
            yield z, Y, None if self.weights is None else self.weights[rows]

    def all_outputs(self, engine: Any) -> list[Block]:
        """The blocks of `outputs`."""
        return list(self.outputs(engine))

    @property
    def rows_per_block(self) -> int:
        """The number of rows whose norms are computed at once."""
        return max(1, CHUNK_BYTES // (self.X.shape[1] * self.dtype.itemsize))

    def _block(self, rows: Any) -> Any:
        """Inputs, targets and weights of rows, a slice or indices on the device."""
        library, weights = self.library, self._weights_on_device
        X = self._take(rows)
        Y = library.take(self._targets_on_device, rows)
        return X, Y, None if weights is None else library.take(weights, rows)

    @cached_property
    def _dtype(self) -> Any:
        return self.library.dtype(self.dtype)

    @cached_property
    def _targets_on_device(self) -> Any:
        Y = np.asarray(self.encode(slice(None)), dtype=self.dtype)
        return self.library.from_numpy(Y)

    @cached_property
    def _weights_on_device(self) -> Any:
        return None if self.weights is None else self.library.from_numpy(self.weights)

    def _take(self, rows: Any) -> Any:
        """Rows of `X` in the network's dtype: a slice, or indices on the device."""
        return self.library.cast(self.library.take(self.X, rows), self._dtype)

    def _sent(self, rows: slice | Array) -> Any:
        """Rows as `_take` wants them: indices are sent to the device."""
        return rows if isinstance(rows, slice) else self.library.from_numpy(rows)

    def inputs(self) -> Array:
        return self._inputs(self._rows_of_X(slice(None)))

    def _inputs(self, rows: slice | Array) -> Array:
        return np.asarray(to_numpy(self._take(self._sent(rows))))

    def _squared_norms(self, rows: slice | Array) -> Array:
        X = self._take(self._sent(rows))
        return np.asarray(to_numpy(self.library.xp.sum(X * X, axis=1)))
