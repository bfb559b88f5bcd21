"""scikit-learn's own checks of arrays from other libraries."""

import os
from unittest import SkipTest

import pytest
from helpers import needs_numba
from sklearn.utils.estimator_checks import estimator_checks_generator

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor


def checks():
    """scikit-learn's array API checks of each estimator, as pytest parameters."""
    if os.environ.get("SCIPY_ARRAY_API") != "1":
        return
    for Estimator, settings in (
        (SGDSigmoidMLP, {}),
        (SGDSigmoidMLPRegressor, {}),
        (SGDSigmoidMLP, {"engine": "numba"}),
    ):
        marks = needs_numba if settings else ()
        model = Estimator((5,), max_iter=20, **settings)
        for instance, check in estimator_checks_generator(model):
            if "array_api" in repr(check):
                details = "-".join(map(str, check.keywords.values()))
                name = f"{type(model).__name__}-{check.func.__name__}-{details}"
                yield pytest.param(instance, check, id=name, marks=marks)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learn_finds_no_fault(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:  # another library or device is not there
        pytest.skip(str(reason))


@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_the_fast_loops_do_not_claim_to_support_other_libraries(Estimator):
    assert Estimator().__sklearn_tags__().array_api_support
    assert not Estimator(engine="numba").__sklearn_tags__().array_api_support
