"""Callbacks: scikit-learn's API for them, experimental there, spoken only here.

It exists from scikit-learn 1.9 on; with older versions the estimators have no
`set_callbacks` and everything here does nothing.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from .._engine.network import Engine
from .progress import Progress

Method = TypeVar("Method", bound=Callable[..., Any])

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Adds nothing."""

    def _with_callbacks(method: Any) -> Any:
        return method


# Attributes that scikit-learn sets for the time of a fit; it has no public names.
_OF_A_FIT = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")
_PASSING = (*_OF_A_FIT, "_parent_callback_ctx")


def with_callbacks(method: Method) -> Method:
    """Tear callbacks down when the method ends, however it ends."""
    return _with_callbacks(method)


class WithCallbacks(CallbackSupportMixin):
    """Gives an estimator `set_callbacks`, and copies of it that are fit to be saved."""

    def __getstate__(self) -> dict[str, Any]:
        """Without a fit under way, which is no part of the estimators it hands out."""
        state = super().__getstate__()
        return {key: value for key, value in state.items() if key not in _PASSING}


def fit_task(estimator: Any, X: Any, y: Any, sample_weight: Any) -> "FitTask | None":
    """Begin the task of a fit, where scikit-learn has callbacks and some are set.

    A fit without callbacks pays 1.6 µs (a task takes 9), and does not depend on an
    experimental interface. Inside a pipeline or a search that has some, there is a
    parent context.
    """
    watched = ("_skl_callbacks", "_parent_callback_ctx")
    if not any(getattr(estimator, name, None) for name in watched):
        for name in _OF_A_FIT:  # what an interrupted fit may have left
            vars(estimator).pop(name, None)
        return None
    return FitTask(estimator, X, y, sample_weight)


class FitTask:
    """A fit as callbacks see it: a task with a subtask for each epoch.

    Parameters
    ----------
    estimator : estimator
        The one that is fitted.
    X, y, sample_weight
        As the user gave them: a scorer may look at the names of a data frame.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any) -> None:
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        # The one name with an underscore that scikit-learn documents for estimators.
        self._root = self._epoch = estimator._init_callback_context(
            max_subtasks=estimator.max_iter
        )
        # Without callbacks of its own, no epoch pays. (There is no public name for it.)
        self.is_watched = bool(getattr(estimator, "_skl_callbacks", ()))
        self.attributes: Callable[[], dict[str, Any]] = dict

    def training_begins(self) -> None:
        self._root.call_on_fit_task_begin(**self._data)

    def epoch_begins(self) -> None:
        self._epoch = self._root.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._data)

    def epoch_ended(self, engine: Engine, progress: Progress) -> bool:
        return bool(
            self._epoch.call_on_fit_task_end(
                **self._data,
                # Called only if a callback wants the fitted estimator. That one has
                # no callbacks, and can be saved where they could not.
                reconstruction_attributes=self._fitted,
            )
        )

    def training_ended(self) -> None:
        self._root.call_on_fit_task_end(
            **self._data, reconstruction_attributes=self._fitted
        )

    def _fitted(self) -> dict[str, Any]:
        attributes = self.attributes()
        return {k: v for k, v in attributes.items() if k not in _PASSING} | {
            "_skl_callbacks": []
        }
