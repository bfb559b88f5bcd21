"""Going on from the network there is: whether that can be done, and from where."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.random import RandomState

from .._training.progress import Progress
from .validation import naming

FLOATS = {np.dtype(np.float32), np.dtype(np.float64)}
BIT_GENERATORS = {"MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"}


def progress_of(model: Any) -> Progress:
    """Where the training of a model stands, as its fitted attributes say."""
    return Progress(
        n_iter=model.n_iter_,
        t=model.t_,
        best_loss=model._best_loss,
        n_no_change=model._no_improvement_count,
        n_eta_drops=model._n_eta_drops,
    )


def check_network(model: Any, wanted: list[int]) -> None:
    """Raise ValueError where the network is not one of these layers.

    Or where its arrays do not fit together: the engine, which gives BLAS their
    addresses, would compute with memory that belongs to others.
    """
    units = model._units
    if wanted != units:
        raise ValueError(
            f"hidden_layer_sizes={model.hidden_layer_sizes!r} means layers of "
            f"{wanted} neurons, but the fitted model has {units}. Call fit (with "
            "warm_start=False) to start anew."
        )
    with naming("coefs_ and intercepts_"):
        weights = list(pairwise(units))
        biases = [(n_out,) for _, n_out in weights]
        dtype = getattr(next(iter(model.coefs_), None), "dtype", None)
        _require_arrays("coefs_", model.coefs_, weights, dtype)
        _require_arrays("intercepts_", model.intercepts_, biases, dtype)
        if model._velocity is not None and model.momentum > 0:
            of_coefs, of_biases = model._velocity
            _require_arrays("the momentum of coefs_", of_coefs, weights, dtype)
            _require_arrays("the momentum of intercepts_", of_biases, biases, dtype)


def _require_arrays(
    name: str, arrays: list[Any], shapes: Sequence[tuple[int, ...]], dtype: Any
) -> None:
    """Raise ValueError where these are not arrays of these shapes and this dtype."""
    shapes_found = [array.shape for array in arrays if isinstance(array, np.ndarray)]
    if (
        len(arrays) != len(shapes)
        or shapes_found != list(shapes)
        or dtype not in FLOATS
        or any(array.dtype != dtype for array in arrays)
    ):
        found = [
            f"{np.shape(array)} {getattr(array, 'dtype', type(array).__name__)}"
            for array in arrays
        ]
        raise ValueError(
            f"{name} must be arrays of the shapes {shapes}, those of coefs_ and "
            f"intercepts_ all float32 or all float64; got {found}."
        )


def random_state_from(state: dict[str, Any]) -> RandomState:
    """The random stream whose state `get_state` wrote down, whatever its generator."""
    name = state["bit_generator"]
    if name not in BIT_GENERATORS:  # a file must not choose what is called
        raise ValueError(
            f"random_state has the bit generator {name!r}, expected one of numpy's: "
            f"{', '.join(sorted(BIT_GENERATORS))}."
        )
    random_state = RandomState(getattr(np.random, name)())
    random_state.set_state(state)
    return random_state
