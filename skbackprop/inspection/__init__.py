"""See inside a network: the derivation on your own data, gradient checks, pictures.

The displays need the extra `plot`; in a checkout: ``python -m pip install ".[plot]"``.
Everything else needs no extra.
"""

from ._gradient_check import GradientCheck, check_gradient
from ._gradient_flow import GradientFlowDisplay
from ._loss_curve import LossCurveDisplay
from ._network import NetworkDisplay
from ._record import TrainingRecord, record_training
from ._trace import BackpropTrace, backprop_trace

__all__ = [
    "BackpropTrace",
    "GradientCheck",
    "GradientFlowDisplay",
    "LossCurveDisplay",
    "NetworkDisplay",
    "TrainingRecord",
    "backprop_trace",
    "check_gradient",
    "record_training",
]
