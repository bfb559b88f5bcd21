"""What a page shows of one pass: which neurons, and the ids that link its parts."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from .._chain_rule import Parameter
from .._layout import AT_MOST, selection
from .._quantities import Quantities
from .elements import named, number, small

# A page has about this many chain rules at most, of 1.5 kB each; very deep networks
# have more, because two neurons of each layer are always shown.
MOST_PARAMETERS = 160


@dataclass(frozen=True)
class View:
    """One example of a trace, or the average of its batch.

    Parameters
    ----------
    trace : Quantities
    key : str
        The beginning of each `id` that can be chosen here; no other view has the same.
        Empty if nothing can be chosen.
    most_parameters : int
        Fewer neurons of each layer are shown until weights and biases are this few.
    selected : list of lists of int, or None
        The neurons of each layer that are shown, if another view has chosen them.
    of_batch : bool
        Whether this is one example of a batch, which makes no update of its own.
    """

    trace: Quantities
    key: str
    most_parameters: int = MOST_PARAMETERS
    selected: list[list[int]] | None = None
    of_batch: bool = False

    @cached_property
    def shown(self) -> list[list[int]]:
        """The neurons of each layer that are shown, the same in picture and tables."""
        if self.selected is not None:
            return self.selected
        strengths, keep = self.trace.strengths, self.trace.roles
        for at_most in range(AT_MOST, 1, -1):
            shown = selection(strengths, keep, at_most)
            if n_parameters(list(map(len, shown))) <= self.most_parameters:
                break
        return shown

    @property
    def last(self) -> int:
        """The number of layers, L."""
        return len(self.trace.W)

    def title(self, layer: int) -> str:
        """The number and the kind of a layer."""
        return f"Layer {layer} ({'output' if layer == self.last else 'hidden'})"

    def parameters(self) -> list[Parameter]:
        """All weights and biases shown, layer by layer."""
        return [
            parameter
            for layer in range(1, self.last + 1)
            for j in self.shown[layer]
            for parameter in self.parameters_of(layer, j)
        ]

    def parameters_of(self, layer: int, j: int) -> list[Parameter]:
        """The weights shown that lead to a neuron, and its bias at the end."""
        sources = [*self.shown[layer - 1], None]
        return [Parameter(self.trace, layer, j, k) for k in sources]

    def id_of(self, at: Parameter) -> str:
        """The `id` of the radio button that chooses this weight or bias."""
        return f"{self.key}-{at.layer}-{at.j}-{'b' if at.k is None else at.k}"

    def row_head(self, layer: int, j: int, below: str = "") -> str:
        """The first cell of a neuron's row, which chooses its bias."""
        name = named(self.trace, layer, j)
        if self.key:
            bias = self.id_of(Parameter(self.trace, layer, j, None))
            name = f'<label for="{bias}">{name}</label>'
        return f'<th scope="row">{name}{small(below)}</th>'

    def choosable(self, at: Parameter, value: Any, prefix: str = "") -> str:
        """A number of a weight or bias; a click on it chooses that parameter."""
        shown = number(value, prefix + at.letter, at.layer, at.j, at.k)
        return f'<label for="{self.id_of(at)}">{shown}</label>'


def n_parameters(units: list[int]) -> int:
    """How many weights and biases a network with layers of these sizes has."""
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(units))
