"""Validation of the estimators' constructor parameters, when `fit` is called."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer_names

from .._engine.network import compiled_loops


class InvalidParameterError(ValueError, TypeError):
    """A constructor parameter has the wrong type or is out of range.

    It is both a ValueError and a TypeError, like the exception that scikit-learn's own
    estimators raise.
    """


# Parameters of MLPClassifier and MLPRegressor that are fixed here or belong to other
# solvers.
_FIXED_HERE = {
    "activation": "sigmoid",
    "solver": "gradient descent",
    "loss": "the half squared error",
}
_OF_OTHER_SOLVERS = ("beta_1", "beta_2", "epsilon", "max_fun")


def refuse_foreign_parameters(cls: type, names: Iterable[str]) -> None:
    """Raise TypeError for MLPClassifier's parameters that `cls` does not have.

    Other unknown names are left to Python.
    """
    foreign = [n for n in names if n in _FIXED_HERE or n in _OF_OTHER_SOLVERS]
    if not foreign:
        return
    parameters = signature(cls).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    foreign = [name for name in foreign if name not in parameters]
    if takes_any or not foreign:  # a subclass may take any parameters
        return
    fixed = [f"{n} ({_FIXED_HERE[n]})" for n in foreign if n in _FIXED_HERE]
    others = [name for name in foreign if name in _OF_OTHER_SOLVERS]
    reasons = [
        *([f"fixed here: {', '.join(fixed)}"] if fixed else []),
        *([f"for other solvers: {', '.join(others)}"] if others else []),
    ]
    raise TypeError(
        f"{cls.__name__}() got an unexpected keyword argument {foreign[0]!r}. Leave "
        f"out what is {'; and '.join(reasons)}. The page 'Coming from MLPClassifier' "
        "of the documentation explains every parameter."
    )


def check_parameters(estimator: BaseEstimator) -> None:
    """Raise InvalidParameterError if a parameter has an invalid value.

    Raise ImportError if `engine` needs a package that is not installed.
    """
    for name, (expected, is_valid) in _RULES.items():
        if not hasattr(estimator, name):  # only the classifier has class_weight
            continue
        value = getattr(estimator, name)
        if not is_valid(value):
            raise InvalidParameterError(
                f"{name} must be {expected}, got {_shown(value)}."
            )
    if estimator.engine == "numba":
        compiled_loops()


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # raised for an integer of more than 4,300 digits
        return f"{type(value).__name__} with too many digits to show"


def hidden_units(hidden_layer_sizes: Any) -> list[int]:
    """The sizes of the hidden layers as a list; a single integer means one layer."""
    is_single = isinstance(hidden_layer_sizes, Integral)
    return [int(n) for n in ([hidden_layer_sizes] if is_single else hidden_layer_sizes)]


def check_target_range(target_range: Any, n_outputs: int) -> NDArray[np.float64]:
    """The pair as an array ``(2, n_outputs)``: low and high of each output."""
    try:
        low, high = (_as_numbers(end, n_outputs) for end in _as_pair(target_range))
    except (TypeError, ValueError, OverflowError):
        low = high = np.full(n_outputs, np.nan)
    # Half the width, because that of (-1e308, 1e308) overflows.
    half = high / 2 - low / 2
    if not (np.isfinite(half) & (half >= np.finfo(np.float64).tiny)).all():
        raise InvalidParameterError(
            'target_range must be "auto" or a pair (low, high) with low < high, each '
            f"a finite number or one for each of {n_outputs} outputs, got "
            f"{_shown(target_range)}."
        )
    return np.array([low, high])


def _as_pair(value: Any) -> Sequence[Any] | NDArray[Any]:
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str | bytes):
        return value
    raise TypeError


def _as_numbers(value: Any, n: int) -> NDArray[np.float64]:
    array = np.asarray(value)
    if array.dtype.kind not in "biufO":
        raise TypeError
    return np.broadcast_to(array, n).astype(np.float64)


def _is_real(value: Any) -> bool:
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _is_non_negative(value: Any) -> bool:
    return _is_real(value) and bool(value >= 0)


def _is_positive_integer(value: Any) -> bool:
    return isinstance(value, Integral) and _is_real(value) and int(value) >= 1


def _is_layer_sizes(value: Any) -> bool:
    if isinstance(value, str | bytes):
        return False
    if isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim):
        return all(_is_positive_integer(n) for n in value)
    return _is_positive_integer(value)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_class_weight(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_non_negative(weight) for weight in value.values())
    return value is None or _one_of("balanced")(value)


def _one_of(*options: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in options


def _is_random_state(value: Any) -> bool:
    if isinstance(value, Integral) and _is_real(value):
        return 0 <= int(value) < 2**32
    return value is None or value is np.random or isinstance(value, RandomState)


_RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "hidden_layer_sizes": (
        "an integer >= 1 or a tuple of such integers",
        _is_layer_sizes,
    ),
    "learning_rate_init": (
        '"auto" or a finite number > 0',
        lambda value: _one_of("auto")(value) or (_is_real(value) and float(value) > 0),
    ),
    "batch_size": (
        '"auto", "full" or an integer >= 1',
        lambda value: _one_of("auto", "full")(value) or _is_positive_integer(value),
    ),
    "max_iter": ("an integer >= 1", _is_positive_integer),
    "learning_rate": (
        '"constant", "invscaling" or "adaptive"',
        _one_of("constant", "invscaling", "adaptive"),
    ),
    "power_t": ("a finite number >= 0", _is_non_negative),
    "momentum": (
        "a number >= 0 and < 1",
        lambda value: _is_non_negative(value) and float(value) < 1,
    ),
    "nesterovs_momentum": ("a bool", _is_bool),
    "alpha": ("a finite number >= 0", _is_non_negative),
    "class_weight": (
        'None, "balanced" or a dict from classes to finite numbers >= 0',
        _is_class_weight,
    ),
    "shuffle": ("a bool", _is_bool),
    "random_state": (
        "an integer in [0, 2**32), a RandomState or None",
        _is_random_state,
    ),
    "tol": (
        '"auto" or a finite number >= 0',
        lambda value: _one_of("auto")(value) or _is_non_negative(value),
    ),
    "n_iter_no_change": (
        "an integer >= 1 or infinity",
        lambda value: (
            _is_positive_integer(value) or (isinstance(value, Real) and value == np.inf)
        ),
    ),
    "early_stopping": (
        '"auto" or a bool',
        lambda value: _one_of("auto")(value) or _is_bool(value),
    ),
    "validation_fraction": (
        "a number > 0 and < 1",
        lambda value: _is_real(value) and 0 < float(value) < 1,
    ),
    "scoring": (
        'None, "loss", the name of a scorer or a callable',
        lambda value: (
            value is None
            or callable(value)
            or _one_of("loss", *get_scorer_names())(value)
        ),
    ),
    "warm_start": ("a bool", _is_bool),
    "engine": ('"numpy" or "numba"', _one_of("numpy", "numba")),
    "verbose": (
        "a bool or an integer >= 0",
        lambda value: (
            _is_bool(value) or (isinstance(value, Integral) and _is_non_negative(value))
        ),
    ),
}
