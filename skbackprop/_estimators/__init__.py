"""scikit-learn's side: the two estimators, what they check, store and warn of."""

from .classifier import SGDSigmoidMLP
from .regressor import SGDSigmoidMLPRegressor

__all__ = ["SGDSigmoidMLP", "SGDSigmoidMLPRegressor"]
