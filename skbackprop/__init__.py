"""The textbook multilayer perceptron for scikit-learn, exact and fast."""

from ._estimators import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from ._version import __version__ as __version__

__all__ = ["SGDSigmoidMLP", "SGDSigmoidMLPRegressor"]
