"""The two estimators: what they validate, what they store and when they warn."""

from .classifier import SGDSigmoidMLP
from .regressor import SGDSigmoidMLPRegressor

__all__ = ["SGDSigmoidMLP", "SGDSigmoidMLPRegressor"]
