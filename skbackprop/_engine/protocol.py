"""What training asks of an engine, whatever computes the updates."""

from typing import Any, Protocol

# All weights and all biases, as scikit-learn's lists `coefs_` and `intercepts_`.
ParameterLists = tuple[list[Any], list[Any]]


class Network(Protocol):
    """A network during training: `network.Engine` or `array_api.ArrayEngine`.

    How a batch reaches it is between the engine and its source of examples.
    """

    @property
    def n_outputs(self) -> int:
        """Number of output neurons, the derivation's ``n_L``."""

    def parameters(self) -> ParameterLists:
        """The parameters, which later updates do not change."""

    def velocities(self) -> ParameterLists | None:
        """The momentum's state in the same form; None without momentum."""

    def snapshot(self) -> Any:
        """Everything that updates change, for `restore`."""

    def restore(self, snapshot: Any) -> None:
        """Return to the state when the snapshot was taken."""
