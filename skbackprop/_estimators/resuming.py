"""Whether the existing network can be trained further, and predict."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.random import RandomState
from sklearn.exceptions import NotFittedError

from .._training.progress import Progress
from .arrays import NUMPY, arrays_of
from .validation import naming

BIT_GENERATORS = {"MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"}


def progress_of(model: Any) -> Progress:
    """The progress of a model's training, from its fitted attributes."""
    return Progress(
        n_iter=model.n_iter_,
        t=model.t_,
        best_loss=model._best_loss,
        n_no_change=model._no_improvement_count,
        n_eta_drops=model._n_eta_drops,
    )


def refuse_unfitted_weights(model: Any) -> None:
    """Raise NotFittedError if a user set weights of a model without known targets."""
    given = [name for name in ("coefs_", "intercepts_") if hasattr(model, name)]
    if given:
        raise NotFittedError(
            f"This {type(model).__name__} instance is not fitted yet, though "
            f"{' and '.join(given)} {'is' if len(given) == 1 else 'are'} set. To use "
            f"your own weights, first call {model._initialising_call} which only "
            "sets initial weights. Then set coefs_ and intercepts_."
        )


def check_arrays(model: Any) -> None:
    """Raise ValueError if the network's arrays cannot be used to predict."""
    if _fit_together(model):  # takes 1.5 µs, the full check 15
        return
    with naming("coefs_ and intercepts_"):
        hidden = [np.shape(b)[0] for b in model.intercepts_[:-1]]
        _require_layers(model, [model.n_features_in_, *hidden, model.n_outputs_])


def _fit_together(model: Any) -> bool:
    n_in, coefs = model.n_features_in_, model.coefs_
    try:
        dtype = coefs[0].dtype
        for W, b in zip(coefs, model.intercepts_, strict=True):
            (n_out,) = b.shape
            if W.shape != (n_in, n_out) or W.dtype != dtype or b.dtype != dtype:
                return False
            n_in = n_out
        if not isinstance(dtype, np.dtype):  # of another library
            return False
        return dtype in NUMPY.floats and bool(n_in == model.n_outputs_)
    except (AttributeError, TypeError, ValueError, LookupError):
        return False


def check_network(model: Any, wanted: list[int]) -> None:
    """Raise ValueError if the network does not have these layers.

    Also if its arrays do not fit together: the engine passes their addresses to BLAS,
    which would then access memory outside them.
    """
    units = model._units
    if wanted != units:
        raise ValueError(
            f"hidden_layer_sizes={model.hidden_layer_sizes!r} means layers of "
            f"{wanted} neurons, but the fitted model has {units}. Call fit with "
            "warm_start=False to start again."
        )
    with naming("coefs_ and intercepts_"):
        weights, biases, dtype = _require_layers(model, units)
        if model._velocity is not None and model.momentum > 0:
            of_coefs, of_biases = model._velocity
            _require_arrays("the momentum of coefs_", of_coefs, weights, dtype)
            _require_arrays("the momentum of intercepts_", of_biases, biases, dtype)


def _require_layers(
    model: Any, units: list[int]
) -> tuple[list[tuple[int, int]], list[tuple[int]], Any]:
    """Shapes and dtype of the parameters; ValueError if the arrays do not match."""
    weights = list(pairwise(units))
    biases = [(n_out,) for _, n_out in weights]
    dtype = getattr(next(iter(model.coefs_), None), "dtype", None)
    _require_arrays("coefs_", model.coefs_, weights, dtype)
    _require_arrays("intercepts_", model.intercepts_, biases, dtype)
    return weights, biases, dtype


def _require_arrays(
    name: str, arrays: list[Any], shapes: Sequence[tuple[int, ...]], dtype: Any
) -> None:
    """Raise ValueError if these are not arrays of these shapes and this dtype."""
    place = arrays_of(next(iter(arrays), None))
    shapes_found = [array.shape for array in arrays if place.owns(array)]
    if (
        len(arrays) != len(shapes)
        or shapes_found != list(shapes)
        or dtype not in place.floats
        or any(array.dtype != dtype for array in arrays)
    ):
        found = [
            f"{tuple(np.shape(array))} {getattr(array, 'dtype', type(array).__name__)}"
            for array in arrays
        ]
        raise ValueError(
            f"{name} must be arrays of shapes {shapes}, and all arrays of coefs_ and "
            "intercepts_ must be float32, or all float64, in one library and on one "
            f"device; got {found}."
        )


def random_state_from(state: dict[str, Any]) -> RandomState:
    """The random stream with a state from `get_state`, whatever its bit generator."""
    name = state["bit_generator"]
    if name not in BIT_GENERATORS:  # a file must not choose which function is called
        raise ValueError(
            f"random_state has the bit generator {name!r}, expected one of numpy's: "
            f"{', '.join(sorted(BIT_GENERATORS))}."
        )
    random_state = RandomState(getattr(np.random, name)())
    random_state.set_state(state)
    return random_state
