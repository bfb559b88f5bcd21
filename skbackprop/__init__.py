"""The textbook multilayer perceptron for scikit-learn, exact and fast."""

from ._estimators import SGDSigmoidMLP, SGDSigmoidMLPRegressor

__version__ = "0.1.0.dev0"
__all__ = ["SGDSigmoidMLP", "SGDSigmoidMLPRegressor"]
