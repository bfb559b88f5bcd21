"""The rows to learn from, and how batches of them reach the engine.

`X` is never copied whole, whichever rows are taken and in whichever order.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from .._engine.forward import BLOCK_ROWS
from .._engine.lanes import Block
from .._engine.memory import aligned_empty
from .._engine.network import Engine
from .progress import Plan

Array = NDArray[Any]
# Takes rows (a slice or an array of indices) and returns their expected activations, of
# shape ``(n_rows, n_L)`` and any dtype. So memory does not grow with the rows.
Encoder = Callable[[slice | Array], Array]

# Rows are gathered in blocks of about this size: small enough to stay in the cache
# until they are used, large enough to make the cost of a call negligible.
BLOCK_BYTES = 2**21
# Targets alone are encoded in blocks of this many rows.
MOMENT_ROWS = 1024
# A sample has at least this many rows, however wide they are.
SAMPLE_ROWS = 64


class Source(Protocol):
    """The examples to learn from: `Examples` in this process, or a cluster's rows."""

    @property
    def total_weight(self) -> float:
        """Sum of the weights; the number of rows if there are none."""

    @property
    def mean_weight(self) -> float:
        """The mean by which the user's weights were divided."""

    @property
    def sparse(self) -> bool:
        """Whether the inputs are CSR."""

    def __len__(self) -> int: ...

    def draw_order(self, random_state: RandomState) -> Any:
        """A new order of the rows, for `descend`."""

    def descend(self, engine: Any, batch_size: int, order: Any, eta: float) -> float:
        """Run one epoch of updates; return the sum of the examples' weighted costs.

        It is NaN if a parameter is no longer finite. `engine` is of the kind that the
        source works with; `order` is a result of `draw_order`, where None means the
        order of the rows.
        """

    def target_moments(self) -> tuple[float, Array, Array]:
        """``Σ w``, ``Σ w·y`` and ``Σ w·y²``, the latter two for each output."""

    def mean_squared_norm(self) -> float:
        """The (weighted) mean of ``‖x‖²`` over the rows; 0 if none has weight."""

    def sample(self) -> tuple[Any, Array] | None:
        """Inputs and targets of up to a thousand evenly spaced rows.

        None if that is costly.
        """

    def outputs(self, engine: Any) -> Iterator[Block]:
        """``z^L``, targets and weights in blocks; no blocks if that is costly."""


@dataclass(frozen=True)
class Rows(ABC):
    """The rows of `X` to learn from, or to measure on: a source in this process.

    Parameters
    ----------
    X : array or CSR
        Inputs, in the caller's memory.
    encode : Encoder
        Takes rows of `X` (a slice or an array of indices) and returns their targets.
    n_outputs : int
        Columns of the targets.
    weights : array with one weight for each row of `X`, or None
    dtype : dtype
        The network's dtype.
    rows : array of indices or None
        The rows of `X` that are examples; None means all.
    mean_weight : float
        The mean by which the user's weights were divided.
    """

    X: Any
    encode: Encoder
    n_outputs: int
    weights: Array | None
    dtype: np.dtype[Any]
    rows: Array | None = None
    mean_weight: float = 1.0

    def __len__(self) -> int:
        return int(self.X.shape[0]) if self.rows is None else len(self.rows)

    @cached_property
    def total_weight(self) -> float:
        """Sum of the weights; the number of rows if there are none."""
        if self.weights is None:
            return float(len(self))
        own = self.weights if self.rows is None else self.weights[self.rows]
        return float(own.sum())

    @property
    @abstractmethod
    def sparse(self) -> bool:
        """Whether the inputs are CSR."""

    def draw_order(self, random_state: RandomState) -> Array:
        """A new order of the examples, for `descend`."""
        return random_state.permutation(len(self))

    @abstractmethod
    def descend(
        self, engine: Any, batch_size: int, order: Array | None, eta: float
    ) -> float:
        """Run one epoch of updates; return the sum of the examples' weighted costs."""

    @abstractmethod
    def outputs(
        self, engine: Any, start: int = 0, stop: int | None = None
    ) -> Iterator[Block]:
        """``z^L``, targets and weights of these examples, block by block, in numpy."""

    @abstractmethod
    def all_outputs(self, engine: Any) -> list[Block]:
        """The blocks of `outputs`."""

    def target_moments(self) -> tuple[float, Array, Array]:
        """``Σ w``, ``Σ w·y`` and ``Σ w·y²``, the latter two for each output."""
        count, total, squares = 0.0, np.zeros(()), np.zeros(())
        for places in gen_batches(len(self), MOMENT_ROWS):
            rows = self._rows_of_X(places)
            Y = np.asarray(self.encode(rows), dtype=float)
            w = np.ones(len(Y)) if self.weights is None else self.weights[rows]
            count, total, squares = count + w.sum(), total + w @ Y, squares + w @ Y**2
        return count, total, squares

    def mean_squared_norm(self) -> float:
        """The (weighted) mean of ``‖x‖²`` over the rows; 0 if none has weight."""
        total = 0.0
        for places in gen_batches(len(self), self.rows_per_block):
            rows = self._rows_of_X(places)
            norms = self._squared_norms(rows).astype(float)
            w = np.ones(len(norms)) if self.weights is None else self.weights[rows]
            total += float(w @ norms)
        return total / self.total_weight if total else 0.0

    def sample(self) -> tuple[Any, Array] | None:
        """Inputs and targets of up to a thousand evenly spaced rows."""
        size = min(MOMENT_ROWS, max(SAMPLE_ROWS, self.rows_per_block))
        places = np.unique(np.linspace(0, len(self) - 1, size).astype(int))
        rows = self._rows_of_X(places)
        return self._inputs(rows), self.encode(rows)

    @abstractmethod
    def inputs(self) -> Any:
        """The inputs of all examples, in numpy or CSR."""

    @property
    @abstractmethod
    def rows_per_block(self) -> int:
        """The number of rows that are loaded at once."""

    @abstractmethod
    def _inputs(self, rows: slice | Array) -> Any:
        """These rows of `X`, in numpy or CSR."""

    @abstractmethod
    def _squared_norms(self, rows: slice | Array) -> Array:
        """``‖x‖²`` of these rows of `X`, in numpy."""

    def _rows_of_X(self, places: slice | Array) -> slice | Array:
        """The rows of `X` of the examples at these positions."""
        return places if self.rows is None else self.rows[places]


@dataclass(frozen=True)
class Examples(Rows):
    """Rows of a numpy array or a CSR matrix."""

    @property
    def sparse(self) -> bool:
        """Whether the inputs are CSR."""
        return not isinstance(self.X, np.ndarray)

    def descend(
        self, engine: Engine, batch_size: int, order: Array | None, eta: float
    ) -> float:
        """Run one epoch of updates; return the sum of the examples' weighted costs."""
        is_small = len(engine.lanes(0, batch_size)) == 1
        run = self._descend_in_blocks if is_small else self._descend_in_lanes
        cost = run(engine, batch_size, order, eta)
        return cost if engine.is_finite() else np.nan

    def _descend_in_blocks(
        self, engine: Engine, batch_size: int, order: Array | None, eta: float
    ) -> float:
        """An epoch of small batches, of which a block holds several."""
        block_rows = batch_size * max(1, self.rows_per_block // batch_size)
        blocks = self.blocks(0, len(self), block_rows, order)
        return sum(engine.descend(*block, batch_size, eta) for block in blocks)

    def _descend_in_lanes(
        self, engine: Engine, batch_size: int, order: Array | None, eta: float
    ) -> float:
        """An epoch of large batches, each cut into lanes."""
        cost = 0.0
        for batch in gen_batches(len(self), batch_size):
            gradient, costs = self.gradient(engine, batch.start, batch.stop, order)
            engine.update(gradient, batch.stop - batch.start, batch_size, eta)
            cost += costs
        return cost

    def gradient(
        self, engine: Engine, start: int, stop: int, order: Array | None = None
    ) -> tuple[Array, float]:
        """The engine's `gradient` of the examples from `start` to `stop`.

        Each lane gathers its own rows.
        """
        lanes, rows = engine.lanes(start, stop), engine.chunk_rows
        return engine.gradient([self.blocks(*lane, rows, order) for lane in lanes])

    def outputs(
        self, engine: Engine, start: int = 0, stop: int | None = None
    ) -> Iterator[Block]:
        """``z^L``, targets and weights of these examples, block by block."""
        size = min(BLOCK_ROWS, self.rows_per_block)
        for X, Y, w in self.blocks(start, len(self) if stop is None else stop, size):
            yield engine.decision(X), Y, w

    def all_outputs(self, engine: Engine) -> list[Block]:
        """The blocks of `outputs`, computed in parallel."""

        def outputs(rows: slice) -> list[Block]:
            with np.errstate(all="ignore"):  # errstate is per thread
                return list(self.outputs(engine, rows.start, rows.stop))

        parts = [partial(outputs, rows) for rows in gen_batches(len(self), BLOCK_ROWS)]
        return [block for part in engine.run_all(parts) for block in part]

    @property
    def rows_per_block(self) -> int:
        """The number of rows of X and Y in a block of about `BLOCK_BYTES`."""
        row_bytes = self.n_outputs * self.dtype.itemsize
        if not self.sparse:
            row_bytes += self.X.shape[1] * self.dtype.itemsize
        else:  # a sparse entry is a value and an index
            row_bytes += self.X.nnz * (self.dtype.itemsize + 4) // self.X.shape[0]
        return max(1, BLOCK_BYTES // int(row_bytes))

    def blocks(
        self, start: int, stop: int, block_rows: int, order: Array | None = None
    ) -> Iterator[Block]:
        """The examples from `start` to `stop` as blocks (X, Y, weights).

        `order` lists the examples' positions (below ``len(self)``) in the wanted order;
        None keeps their order. The next block may overwrite this one.
        """
        size = min(block_rows, stop - start)
        in_order = self.rows is None and order is None
        buffer = None if in_order else self._new_buffer(size)
        for first in range(start, stop, block_rows):
            places = slice(first, min(first + block_rows, stop))
            rows = self._rows_of_X(places if order is None else order[places])
            Y = np.ascontiguousarray(self.encode(rows), dtype=self.dtype)
            weights = None if self.weights is None else self.weights[rows]
            yield self._load_X(rows, buffer), Y, weights

    def inputs(self) -> Any:
        return self.X if self.rows is None else self.X[self.rows]

    def _inputs(self, rows: slice | Array) -> Any:
        return self.X[rows]

    def _squared_norms(self, rows: slice | Array) -> Array:
        """``‖x‖²`` of these rows of `X`."""
        X = self._inputs(rows)
        if self.sparse:
            return np.asarray(X.multiply(X).sum(axis=1)).ravel()
        return np.einsum("ij,ij->i", X, X)

    def _load_X(self, rows: slice | Array, buffer: Array | None) -> Any:
        if self.sparse:
            return self.X[rows].astype(self.dtype, copy=False)
        if buffer is not None and not isinstance(rows, slice):
            # With mode="raise", take would fill a second buffer first.
            return np.take(self.X, rows, axis=0, out=buffer[: len(rows)], mode="clip")
        return np.ascontiguousarray(self.X[rows], dtype=self.dtype)

    def _new_buffer(self, n_rows: int) -> Array | None:
        """Memory to gather rows in, or None if `_load_X` cannot use it.

        `take` would first copy all of an X that is not C-contiguous.
        """
        X = self.X
        if isinstance(X, np.ndarray) and X.flags.c_contiguous and X.dtype == self.dtype:
            return aligned_empty((n_rows, X.shape[1]), self.dtype)
        return None


def draw_order(source: Source, plan: Plan, random_state: RandomState | None) -> Any:
    """A new order of the rows; None, which keeps their order, if none is needed."""
    # A batch of all rows is the same in any order, and needs no random state.
    if random_state is None or not plan.shuffle or plan.batch_size >= len(source):
        return None
    return source.draw_order(random_state)


def constant_loss(source: Source) -> float:
    """The loss of the best constant prediction.

    It is ``1/n_L Σ_j ½ Var(y_j)``, with the weights of the rows.
    """
    count, total, squares = source.target_moments()
    variance = squares / count - (total / count) ** 2
    # If the targets do not vary, what is left is rounding error.
    variance = np.where(variance > 1e-12 * squares / count, variance, 0.0)
    return float(np.mean(variance) / 2)
