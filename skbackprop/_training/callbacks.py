"""Callbacks: the only module that uses scikit-learn's experimental callback API.

The API exists since scikit-learn 1.9. With older versions, the estimators have no
`set_callbacks`, and everything here does nothing.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from .._engine.protocol import Network
from .progress import Progress

Method = TypeVar("Method", bound=Callable[..., Any])

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """An empty class."""

    def _with_callbacks(method: Any) -> Any:
        return method


# Attributes that scikit-learn sets during a fit; it has no public names for them.
_FIT_ATTRIBUTES = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")
_TEMPORARY = (*_FIT_ATTRIBUTES, "_parent_callback_ctx")


def with_callbacks(method: Method) -> Method:
    """Tear down callbacks when the method ends, whether it returns or raises."""
    return _with_callbacks(method)


class WithCallbacks(CallbackSupportMixin):
    """Gives an estimator `set_callbacks`; a running fit stays out of saved files."""

    def __getstate__(self) -> dict[str, Any]:
        """The state without the attributes of a running fit."""
        state = super().__getstate__()
        return {key: value for key, value in state.items() if key not in _TEMPORARY}


def fit_task(estimator: Any, X: Any, y: Any, sample_weight: Any) -> "FitTask | None":
    """Begin the task of a fit, if the estimator or its parent has callbacks.

    A fit without callbacks costs 1.6 µs (a task costs 9) and does not depend on an
    experimental API. In a pipeline or a search with callbacks, there is a parent
    context.
    """
    watched = ("_skl_callbacks", "_parent_callback_ctx")
    if not any(getattr(estimator, name, None) for name in watched):
        for name in _FIT_ATTRIBUTES:  # an interrupted fit may have left them
            vars(estimator).pop(name, None)
        return None
    return FitTask(estimator, X, y, sample_weight)


class FitTask:
    """A fit as callbacks see it: a task with a subtask for each epoch.

    Parameters
    ----------
    estimator : estimator
        The estimator that is fitted.
    X, y, sample_weight
        The user's own objects: a scorer may need the names of a data frame.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any) -> None:
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        # The only name with an underscore that scikit-learn documents for estimators.
        self._root = self._epoch = estimator._init_callback_context(
            max_subtasks=estimator.max_iter
        )
        # Epochs cost nothing without own callbacks, which have no public name.
        self.is_watched = bool(getattr(estimator, "_skl_callbacks", ()))
        self.attributes: Callable[[], dict[str, Any]] = dict

    def training_begins(self) -> None:
        self._root.call_on_fit_task_begin(**self._data)

    def epoch_begins(self) -> None:
        self._epoch = self._root.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._data)

    def epoch_ended(self, engine: Network, progress: Progress) -> bool:
        return bool(
            self._epoch.call_on_fit_task_end(
                **self._data,
                # Called only if a callback asks for the fitted estimator. That copy has
                # no callbacks, so it can be saved even if they cannot.
                reconstruction_attributes=self._fitted,
            )
        )

    def training_ended(self) -> None:
        self._root.call_on_fit_task_end(
            **self._data, reconstruction_attributes=self._fitted
        )

    def _fitted(self) -> dict[str, Any]:
        attributes = self.attributes()
        return {k: v for k, v in attributes.items() if k not in _TEMPORARY} | {
            "_skl_callbacks": []
        }
