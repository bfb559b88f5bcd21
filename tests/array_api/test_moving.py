"""Moving an estimator to another library, and saving it there."""

import io
import pickle

import joblib
import numpy as np
import pytest
from array_libraries import find_library, is_in, largest_deviation, numpy_of, there
from helpers import parameters, quietly
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils import _array_api as of_sklearn

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

BOTH = pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
FITTED = ("coefs_", "intercepts_", "_velocity", "target_range_", "classes_")


def by_scikit_learn(model, xp, device):
    """Move by the function of scikit-learn that its scorers and pipelines call."""
    return of_sklearn.move_estimator_to(model, xp, device)


MOVES = {
    "move_to": lambda model, xp, device: model.move_to(xp, device),
    "scikit-learn": by_scikit_learn,
}


@pytest.fixture(params=["SGDSigmoidMLP", "SGDSigmoidMLPRegressor"])
def fitted(request, rows, library):
    """An estimator with momentum that was fitted in the library."""
    Estimator = {c.__name__: c for c in (SGDSigmoidMLP, SGDSigmoidMLPRegressor)}
    model = Estimator[request.param]((5,), max_iter=2, batch_size=20, random_state=0)
    model.set_params(momentum=0.9, warm_start=True)
    return quietly(model.fit, *(there(library, part) for part in rows))


def arrays_of(model):
    """All fitted arrays of an estimator, in one list."""
    found = []

    def collect(value):
        if isinstance(value, list | tuple):
            for item in value:
                collect(item)
        elif value is not None:
            found.append(value)

    for name in FITTED:
        collect(vars(model).get(name))
    return found


@pytest.mark.parametrize("move", MOVES)
def test_a_moved_network_predicts_and_learns_the_same(move, fitted, rows, library):
    """Its momentum and its random stream continue."""
    before = dict(vars(fitted))
    moved = MOVES[move](fitted, np, None)
    assert all(vars(fitted)[name] is value for name, value in before.items())
    assert len(arrays_of(moved)) == len(arrays_of(fitted)) >= 9
    for there_, here in zip(arrays_of(fitted), arrays_of(moved), strict=True):
        assert type(here) is np.ndarray
        assert_array_equal(here, numpy_of(there_), strict=True)
    X, y, weights = rows
    arguments = [there(library, part) for part in rows]
    assert_allclose(
        moved.predict(X), numpy_of(fitted.predict(arguments[0])), rtol=1e-12
    )
    back = MOVES[move](moved, library.xp, library.device)
    assert all(is_in(library, array) for array in arrays_of(back))
    for old, new in zip(arrays_of(fitted), arrays_of(back), strict=True):
        assert_array_equal(numpy_of(new), numpy_of(old), strict=True)
    quietly(moved.fit, X, y, weights)
    for model in (fitted, back):
        quietly(model.fit, *arguments)
        assert largest_deviation(parameters(model), parameters(moved)) <= 1e-12
        assert_allclose(model.loss_curve_, moved.loss_curve_, rtol=1e-12)
        assert model.loss_curve_ != model.loss_curve_[:2] * 2


@BOTH
def test_moving_within_numpy_makes_a_copy(Estimator, rows):
    model = quietly(Estimator((5,), max_iter=2, momentum=0.5).fit, *rows[:2])
    moved = model.move_to(np)
    for old, new in zip(arrays_of(model), arrays_of(moved), strict=True):
        assert not np.shares_memory(old, new)
        assert_array_equal(new, old, strict=True)


@BOTH
def test_moving_to_torch_shares_no_memory(Estimator, rows):
    library = find_library("torch", "cpu")
    model = quietly(Estimator((5,), max_iter=2, momentum=0.5).fit, *rows[:2])
    moved = model.move_to(library.xp, "cpu")
    for old, new in zip(arrays_of(model), arrays_of(moved), strict=True):
        assert not np.shares_memory(old, numpy_of(new))
        assert not any(
            np.shares_memory(numpy_of(array), numpy_of(new))
            for array in arrays_of(moved.move_to(library.xp))
        )


@pytest.mark.parametrize("move", MOVES)
def test_labels_that_are_not_numbers_stay_in_numpy(move, rows, library):
    X, y, _ = rows
    y = np.array(["a", "b", "c"])[y]
    model = quietly(SGDSigmoidMLP((5,), max_iter=2, random_state=0).fit, X, y)
    moved = MOVES[move](model, library.xp, library.device)
    assert_array_equal(moved.classes_, ["a", "b", "c"], strict=False)
    assert type(moved.classes_) is np.ndarray
    assert all(is_in(library, array) for array in parameters(moved))
    assert_array_equal(moved.predict(there(library, X)), model.predict(X), strict=True)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("move", MOVES)
def test_labels_that_are_numbers_are_moved(move, dtype, rows, library):
    X, y = rows[0], (rows[1] > 0).astype(dtype)
    model = quietly(SGDSigmoidMLP((5,), max_iter=2, random_state=0).fit, X, y)
    moved = MOVES[move](model, library.xp, library.device)
    assert is_in(library, moved.classes_)
    predicted = moved.predict(there(library, X))
    assert is_in(library, predicted)
    assert_array_equal(numpy_of(predicted), model.predict(X), strict=True)


@BOTH
def test_an_estimator_that_is_not_fitted_can_be_moved(Estimator, library):
    model = Estimator((5,), alpha=0.5)
    assert vars(model.move_to(library.xp, library.device)) == vars(model)


# --- saving ---------------------------------------------------------------------------


def by_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    return joblib.load(io.BytesIO(file.getvalue()))


COPIES = {
    **{
        f"pickle{number}": lambda model, number=number: pickle.loads(
            pickle.dumps(model, number)
        )
        for number in (2, pickle.HIGHEST_PROTOCOL)
    },
    "joblib": by_joblib,
}


@pytest.mark.parametrize("kind", COPIES)
@BOTH
def test_a_loaded_network_predicts_and_learns_the_same(Estimator, kind, rows, library):
    X, y, _ = (there(library, part) for part in rows)
    model = Estimator((5,), max_iter=3, momentum=0.9, random_state=0, warm_start=True)
    loaded = COPIES[kind](quietly(model.fit, X, y))
    assert len(arrays_of(loaded)) == len(arrays_of(model))
    assert all(is_in(library, array) for array in arrays_of(loaded))
    assert_array_equal(numpy_of(loaded.predict(X)), numpy_of(model.predict(X)))
    quietly(loaded.fit, X, y)
    quietly(model.fit, X, y)
    assert largest_deviation(parameters(loaded), parameters(model)) == 0
    assert loaded.loss_curve_ == model.loss_curve_


@pytest.mark.parametrize(
    "part", ["coefs_", "intercepts_", "velocity", "classes_", "target_range_", "dtype"]
)
def test_damage_to_any_saved_array_is_detected(part, rows, library):
    X, y, _ = (there(library, part) for part in rows)
    Estimator = SGDSigmoidMLPRegressor if part == "target_range_" else SGDSigmoidMLP
    model = Estimator((5,), max_iter=2, momentum=0.9, random_state=0)
    state = quietly(model.fit, X, y).__getstate__()
    clone(model).__setstate__(state)  # no complaint
    if part == "velocity":
        (first, *others), biases = state["_velocity"]
        state["_velocity"] = ([first * 2, *others], biases)
    elif part == "dtype":
        narrow = library.xp.astype(state["coefs_"][0], library.xp.float32)
        state["coefs_"] = [narrow, *state["coefs_"][1:]]
    elif part in ("coefs_", "intercepts_"):
        *others, last = state[part]
        state[part] = [*others, last + 2.0**-40]
    else:
        state[part] = state[part] + 1
    with pytest.raises(ValueError, match="damaged"):
        clone(model).__setstate__(state)


def test_the_checksum_does_not_depend_on_the_library(fitted):
    """So a file that is written on a GPU and moved afterwards has the same one."""
    here = fitted.move_to(np)
    assert here.__getstate__()["_checksum"] == fitted.__getstate__()["_checksum"]
