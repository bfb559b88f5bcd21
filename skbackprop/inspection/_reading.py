"""From an estimator and rows of data to the letters and shapes of the derivation."""

from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from .._array_libraries import to_numpy
from .._engine import array_api
from .._estimators.base import BaseSGDSigmoidMLP
from .._estimators.call import Call
from .._estimators.hyperparameters import check_parameters
from .._estimators.resuming import refuse_unfitted_weights
from .._estimators.validation import Data
from ._outputs import Outputs
from ._quantities import Names

Array = NDArray[Any]

FIRST_FIT = Call(continues=False, is_pass=False)


def check_network(estimator: Any) -> None:
    """Raise TypeError unless this is one of our estimators; say what to pass."""
    if isinstance(estimator, BaseSGDSigmoidMLP):
        return
    hint = ""
    if isinstance(estimator, Pipeline):
        hint = (
            " Pass its last step, pipeline[-1], with X as that step sees it, "
            "pipeline[:-1].transform(X)."
        )
    elif isinstance(estimator, type) and issubclass(estimator, BaseSGDSigmoidMLP):
        hint = " Pass an instance of the class."
    elif hasattr(estimator, "estimator"):
        hint = (
            " Pass the network that it has fitted; for a search, this is "
            "search.best_estimator_."
        )
    found = estimator if isinstance(estimator, type) else type(estimator)
    raise TypeError(
        "estimator must be an SGDSigmoidMLP or an SGDSigmoidMLPRegressor, got "
        f"{found.__name__}.{hint}"
    )


def check_fitted_network(estimator: Any) -> None:
    """Raise TypeError like `check_network`, or NotFittedError without weights."""
    check_network(estimator)
    estimator._require_network()


def derivation_parameters(estimator: Any) -> tuple[list[Array], list[Array]]:
    """The lists `W` and `b` of the derivation, in numpy."""
    coefs, intercepts = (
        list(map(to_numpy, arrays))
        for arrays in (estimator.coefs_, estimator.intercepts_)
    )
    return array_api.derivation_parameters(coefs, intercepts, np)


def validated(estimator: Any, X: Any, y: Any, reset: bool = False) -> Data:
    """Rows as the estimator validates them; a single row may be 1-D."""
    X, y = to_numpy(X), to_numpy(y)
    if not issparse(X) and np.ndim(X) == 1:
        # A row of a data frame keeps the names that the network was fitted with.
        X = X.to_frame().T if hasattr(X, "to_frame") else np.asarray(X)[np.newaxis]
        y = np.reshape(y, (1, -1) if np.size(y) > 1 else (1,))
    elif np.ndim(y) == 0 and not issparse(y):
        y = np.reshape(y, (1,))
    return estimator._validate(X, y, None, reset=reset)


def prepare(estimator: Any, X: Any, y: Any) -> tuple[Any, Data]:
    """Return a network with weights, and its data; unfitted, it is as `fit` begins."""
    estimator = local(estimator)
    if estimator.__sklearn_is_fitted__():
        estimator._require_network()
        return estimator, validated(estimator, X, y)
    refuse_unfitted_weights(estimator)
    estimator, data, _ = initialised(estimator, X, y)
    estimator._measure_norm(estimator._source(data, FIRST_FIT))
    return estimator, data


def local(estimator: Any) -> Any:
    """The same estimator in numpy and for rows that are here, not on a cluster."""
    if hasattr(estimator, "to_local"):
        estimator = estimator.to_local()
    return estimator._in_numpy()


def initialised(estimator: Any, X: Any, y: Any) -> tuple[Any, Data, RandomState]:
    """A clone as `fit` begins, its data, and the random state that `fit` continues."""
    estimator = clone(estimator)
    check_parameters(estimator)
    data = validated(estimator, X, y, reset=True)
    estimator._set_targets(data, FIRST_FIT)
    random_state = estimator._initialise(data, FIRST_FIT)
    return estimator, data, random_state


def derivation_columns(estimator: Any, data: Data) -> tuple[Array, Array]:
    """`x` and `y` of the derivation, a column for each row, in the network's dtype.

    `y` is in the estimator's encoding: the expected activation of each output neuron.
    """
    dtype = estimator.coefs_[0].dtype
    X = data.X.toarray() if issparse(data.X) else data.X
    Y = estimator._encoder(data)(slice(None))
    return X.T.astype(dtype, copy=False), Y.T.astype(dtype)


def names_of(estimator: Any) -> Names:
    """Names of the features and of what the output neurons stand for, if any."""
    inputs = getattr(estimator, "feature_names_in_", None)
    return Names(
        None if inputs is None else [str(name) for name in inputs],
        _output_names(estimator),
    )


def _output_names(estimator: Any) -> list[str] | None:
    if not hasattr(estimator, "classes_"):
        return None
    # Two classes share a neuron, whose activation is that of the second.
    labels = estimator._labels[-estimator.n_outputs_ :].tolist()
    return [
        str(label) if isinstance(label, str) or label == j else f"class {label}"
        for j, label in enumerate(labels)
    ]


def output_meaning(estimator: Any) -> Outputs:
    """How to read the activations of the outputs."""
    if not hasattr(estimator, "classes_"):
        return Outputs(scale=estimator._scale)
    names = [str(label) for label in estimator._labels]
    return Outputs(names, several=estimator._multilabel)
