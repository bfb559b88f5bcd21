"""Data sets that several tests use."""

import pytest
from sklearn.datasets import load_digits, load_iris


@pytest.fixture(scope="session")
def iris():
    X, y = load_iris(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


@pytest.fixture(scope="session")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y
