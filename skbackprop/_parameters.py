"""Validation of the estimators' constructor parameters, at the door of `fit`."""

from numbers import Integral, Real

import numpy as np


class InvalidParameterError(ValueError, TypeError):
    """A constructor parameter has the wrong type or is out of range.

    Both a ValueError and a TypeError, like the exception that scikit-learn's own
    estimators raise.
    """


def check_parameters(estimator):
    """Raise InvalidParameterError for a parameter that no `fit` could work with."""
    for name, value in estimator.get_params(deep=False).items():
        if name in _RULES:
            expected, is_valid = _RULES[name]
            if not is_valid(value):
                raise InvalidParameterError(f"{name} must be {expected}, got {value!r}.")


def hidden_units(hidden_layer_sizes):
    """The sizes of the hidden layers as a list; a lone integer is one layer."""
    alone = isinstance(hidden_layer_sizes, Integral)
    return [int(n) for n in ([hidden_layer_sizes] if alone else hidden_layer_sizes)]


def check_target_range(target_range, n_outputs):
    """The pair as an array ``(2, n_outputs)``: low and high for each output."""
    try:
        low, high = (np.broadcast_to(end, n_outputs).astype(float) for end in target_range)
    except (TypeError, ValueError):
        low = high = np.full(n_outputs, np.nan)
    if not (np.isfinite(low) & np.isfinite(high) & (low < high)).all():
        raise InvalidParameterError(
            'target_range must be "auto" or a pair (low, high) of finite numbers, or of '
            f"{n_outputs} numbers each, with low < high; got {target_range!r}."
        )
    return np.array([low, high])


def _integer(value):
    return isinstance(value, Integral) and not isinstance(value, bool)


def _real(value):
    return isinstance(value, Real) and not isinstance(value, bool) and np.isfinite(value)


def _one_of(*options):
    return lambda value: isinstance(value, str) and value in options


def _sizes(value):
    if isinstance(value, str | bytes | bool | dict) or not np.iterable(value):
        return _integer(value) and value >= 1
    return all(_integer(size) and size >= 1 for size in value)


def _boolean(value):
    return isinstance(value, bool | np.bool_)


_RULES = {
    "hidden_layer_sizes": ("an integer >= 1 or a tuple of such integers", _sizes),
    "learning_rate_init": (
        '"auto" or a finite number > 0',
        lambda value: _one_of("auto")(value) or (_real(value) and value > 0),
    ),
    "batch_size": (
        '"auto", "full" or an integer >= 1',
        lambda value: _one_of("auto", "full")(value) or (_integer(value) and value >= 1),
    ),
    "max_iter": ("an integer >= 1", lambda value: _integer(value) and value >= 1),
    "learning_rate": (
        '"constant", "invscaling" or "adaptive"',
        _one_of("constant", "invscaling", "adaptive"),
    ),
    "power_t": ("a finite number >= 0", lambda value: _real(value) and value >= 0),
    "momentum": ("a number in [0, 1)", lambda value: _real(value) and 0 <= value < 1),
    "nesterovs_momentum": ("a bool", _boolean),
    "alpha": ("a finite number >= 0", lambda value: _real(value) and value >= 0),
    "shuffle": ("a bool", _boolean),
    "tol": ("a finite number >= 0", lambda value: _real(value) and value >= 0),
    "n_iter_no_change": (
        "an integer >= 1 or infinity",
        lambda value: (
            (_integer(value) and value >= 1)
            or (isinstance(value, Real) and value == np.inf)
        ),
    ),
}
