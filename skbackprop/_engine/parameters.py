"""All weights and biases of the fast network, in one vector."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, Self

from numpy.typing import NDArray

from .memory import aligned_empty

Array = NDArray[Any]
Layers = list[Array]


class Parameters:
    """The weights, layer by layer, then the biases; or other arrays of these shapes.

    `Wt` are views of the transposes of the derivation's ``W^l``, of shape ``(n_{l-1},
    n_l)`` like scikit-learn's `coefs_`. They are in Fortran order, as BLAS needs: an
    update of 784-100 takes 4.8 µs in this order, 8.0 µs transposed. `b` are views of
    the biases, ``(n_l,)``.

    Parameters
    ----------
    units : sequence of int
        Neurons of each layer, inputs and outputs included.
    vector : array
        The memory that holds all of them.
    sparse : bool
        Whether the inputs are CSR. Then the first layer is in C order, because scipy
        would copy any other order for each product.
    """

    def __init__(self, units: Sequence[int], vector: Array, sparse: bool) -> None:
        self.units, self.vector, self.sparse = list(units), vector, sparse
        self.dtype = vector.dtype
        shapes = list(pairwise(units))
        sizes = [n_in * n_out for n_in, n_out in shapes]
        self.n_weights = sum(sizes)
        self.biases = vector[self.n_weights :]
        # Where the weights and the biases of each layer begin.
        self.weights_at = [*accumulate(sizes[:-1], initial=0)]
        self.biases_at = [*accumulate(units[1:-1], initial=self.n_weights)]
        self.Wt: Layers = [
            vector[at : at + size].reshape(
                shape, order="C" if sparse and at == 0 else "F"
            )
            for at, size, shape in zip(self.weights_at, sizes, shapes, strict=True)
        ]
        self.b: Layers = [
            vector[at : at + n] for at, n in zip(self.biases_at, units[1:], strict=True)
        ]

    @classmethod
    def copied(cls, coefs: Layers, intercepts: Layers, sparse: bool) -> Self:
        """Copies of these lists, in new memory."""
        units = [len(coefs[0]), *map(len, intercepts)]
        size = sum(parameter.size for parameter in (*coefs, *intercepts))
        new = cls(units, aligned_empty(size, coefs[0].dtype), sparse)
        for view, given in zip((*new.Wt, *new.b), (*coefs, *intercepts), strict=True):
            view[...] = given
        return new

    def like(self, vector: Array) -> Self:
        """Views of the same shapes, in this memory."""
        return type(self)(self.units, vector, self.sparse)

    def zeros(self) -> Self:
        """Zeros of the same shapes."""
        vector = aligned_empty(self.vector.size, self.dtype)
        vector[:] = 0
        return self.like(vector)

    def lists(self) -> tuple[Layers, Layers]:
        """Copies in the form of scikit-learn's lists `coefs_` and `intercepts_`."""
        return (
            [Wt.copy(order="K") for Wt in self.Wt],
            [b.copy(order="K") for b in self.b],
        )
