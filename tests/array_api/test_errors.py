"""Errors about other libraries' arrays are clear, and change nothing."""

import re
from importlib import import_module

import numpy as np
import pytest
import sklearn
from array_libraries import find_library, numpy_of, there
from helpers import needs_numba, quietly
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.base import clone

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

PREDICTIONS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
CALLS = {
    "fit": lambda model, X, y: model.set_params(warm_start=True).fit(X, y),
    "partial_fit": lambda model, X, y: model.partial_fit(X, y),
    "score": lambda model, X, y: model.score(X, y),
    **{
        name: lambda model, X, y, name=name: getattr(model, name)(X)
        for name in PREDICTIONS
    },
}


@pytest.fixture
def fitted(rows, library):
    """A classifier that was fitted in the library."""
    X, y, _ = (there(library, part) for part in rows)
    model = SGDSigmoidMLP((5,), max_iter=2, momentum=0.9, random_state=0)
    return quietly(model.fit, X, y)


class Unchanged:
    """Checks that a block leaves all attributes of an estimator as they are."""

    def __init__(self, model):
        self.model = model

    def __enter__(self):
        self.before = dict(vars(self.model))
        self.values = self.numbers()

    def __exit__(self, *_):
        assert vars(self.model).keys() == self.before.keys()
        assert all(
            vars(self.model)[name] is value for name, value in self.before.items()
        )
        for old, new in zip(self.values, self.numbers(), strict=True):
            assert_array_equal(new, old)

    def numbers(self):
        if not hasattr(self.model, "coefs_"):
            return []
        arrays = [*self.model.coefs_, *self.model.intercepts_]
        return [array.copy() for array in numpy_of(arrays)]


@pytest.mark.parametrize("call", CALLS)
def test_a_network_refuses_arrays_of_another_place(call, fitted, rows, library):
    X, y, _ = rows
    device = "device1" if "CPU" in str(library.device) else "CPU_DEVICE"
    other = find_library("array_api_strict", device)
    fitted.set_params(warm_start=True)
    for convert in (lambda array: array, lambda array: there(other, array)):
        message = (
            rf"Inputs passed to SGDSigmoidMLP\.{'predict' if call == 'score' else call}"
            r"\(\) must use the same namespace and device as those passed to fit\(\)"
            rf".*in {re.escape(str(library))}, X is in .*move_to\("
        )
        with Unchanged(fitted), pytest.raises(ValueError, match=message):
            CALLS[call](fitted, convert(X), convert(y))


@pytest.mark.parametrize("call", CALLS)
def test_a_network_in_numpy_refuses_arrays_of_a_library(call, rows, library):
    X, y, _ = rows
    model = quietly(SGDSigmoidMLP((5,), max_iter=2, warm_start=True).fit, X, y)
    message = rf"is in numpy, X is in {re.escape(str(library))}.*move_to\("
    with Unchanged(model), pytest.raises(ValueError, match=message):
        CALLS[call](model, there(library, X), there(library, y))


def test_the_advice_of_the_message_works_to_the_letter(rows, library):
    X, y, _ = rows
    model = quietly(SGDSigmoidMLP((5,), max_iter=2, random_state=0).fit, X, y)
    expected = model.predict(X)
    for inputs in (there(library, X), X):  # to the library, and back to numpy
        with pytest.raises(ValueError, match="or move the network") as error:
            model.predict(inputs)
        advice = re.search(
            r"move the network: (model\.move_to\(.*\))\.$", str(error.value)
        )
        modules = {name: import_module(name) for name in (library.name, "numpy")}
        model = eval(advice[1], {"model": model, "X": inputs, **modules})
        assert_array_equal(numpy_of(model.predict(inputs)), expected)


def test_without_dispatch_a_network_in_a_library_says_that_it_is_off(rows, library):
    X, y, _ = (there(library, part) for part in rows)
    model = quietly(SGDSigmoidMLP((5,), max_iter=2).fit, X, y)
    with (
        sklearn.config_context(array_api_dispatch=False),
        Unchanged(model),
        pytest.raises(
            ValueError, match=r"all inputs are.*set_config\(array_api_dispatch=True\)"
        ),
    ):
        model.predict(rows[0])


@pytest.mark.parametrize("early_stopping", [False, True])
def test_given_held_out_rows_must_be_with_the_others(early_stopping, rows, library):
    X, y, _ = rows
    model = SGDSigmoidMLP((5,), max_iter=2, early_stopping=early_stopping)
    with (
        Unchanged(model),
        pytest.raises(ValueError, match=r"^In X_val.*X_val is in numpy"),
    ):
        model.fit(there(library, X), there(library, y), X_val=X, y_val=y)
    with Unchanged(model), pytest.raises(ValueError, match=r"^In X_val.*X_val is in"):
        model.fit(X, y, X_val=there(library, X), y_val=there(library, y))


@needs_numba
@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_the_compiled_loops_refuse_other_libraries(Estimator, rows, library):
    X, y, _ = (there(library, part) for part in rows)
    classes = {"classes": [0, 1, 2]} if Estimator is SGDSigmoidMLP else {}
    model = Estimator((5,), max_iter=2, engine="numba")
    message = 'engine="numba" computes numpy arrays, but X is in .*engine="numpy"'
    with Unchanged(model), pytest.raises(ValueError, match=message):
        model.fit(X, y)
    with Unchanged(model), pytest.raises(ValueError, match=message):
        model.partial_fit(X, y, **classes)


@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_sparse_tensors_are_refused(Estimator, rows):
    library = find_library("torch", "cpu")
    X, y, _ = (there(library, part) for part in rows)
    model = Estimator((5,), max_iter=2, random_state=0)
    message = r"^X is a sparse array, torch\.sparse_coo.*to_dense\(\)"
    with Unchanged(model), pytest.raises(TypeError, match=message):
        model.fit(X.to_sparse(), y)
    quietly(model.fit, X, y)
    for call in ("fit", "partial_fit", "score", "predict"):
        with Unchanged(model), pytest.raises(TypeError, match=message):
            CALLS[call](clone(model) if call == "fit" else model, X.to_sparse(), y)
    labels = there(library, np.eye(3, dtype=int)[rows[1]]).to_sparse()
    with Unchanged(model), pytest.raises(TypeError, match=r"^y .*[Ss]parse"):
        model.fit(X, labels)


@pytest.mark.parametrize("name", ["y", "sample_weight", "classes"])
@pytest.mark.parametrize("convert", ["to_sparse", "bfloat16"])
def test_tensors_that_numpy_cannot_hold_are_named(name, convert, rows):
    library = find_library("torch", "cpu")
    arguments = {"y": rows[1], "sample_weight": rows[2], "classes": np.arange(3)}
    arguments = {key: there(library, value) for key, value in arguments.items()}
    arguments[name] = getattr(arguments[name], convert)()
    model = SGDSigmoidMLP((5,))
    with Unchanged(model), pytest.raises(TypeError, match=rf"^{name} .*(numpy|sparse)"):
        model.partial_fit(there(library, rows[0]), **arguments)


@pytest.mark.parametrize("name", ["X", "y"])
def test_lazy_arrays_are_refused(name, rows):
    da = pytest.importorskip("dask.array")
    arguments = {"X": rows[0], "y": rows[1]}
    arguments[name] = da.from_array(arguments[name])
    model = SGDSigmoidMLP((5,), max_iter=2)
    message = rf"^{name} is a Dask array.*compute\(\)"
    with Unchanged(model), pytest.raises(TypeError, match=message):
        model.fit(**arguments)
    with sklearn.config_context(array_api_dispatch=False):
        quietly(model.fit, **arguments)


def test_complex_inputs_are_refused(rows, library):
    X, y, _ = (there(library, part) for part in rows)
    model = SGDSigmoidMLP((5,), max_iter=2)
    message = "Complex data not supported: X is .*complex128"
    with Unchanged(model), pytest.raises(ValueError, match=message):
        model.fit(library.xp.astype(X, library.xp.complex128), y)


def test_only_array_libraries_are_places_to_move_to(fitted):
    with pytest.raises(TypeError, match=r"xp must be the module .* got 'torch'"):
        fitted.move_to("torch")


# Arguments that fit refuses, made from numpy's X, y and weights.
WRONG = {
    "NaN": lambda X, y, w: (np.where(X > 1, np.nan, X), y, w),
    "infinity": lambda X, y, w: (np.where(X > 1, np.inf, X), y, w),
    "one dimension": lambda X, y, w: (X[:, 0], y, w),
    "no rows": lambda X, y, w: (X[:0], y[:0], w[:0]),
    "no columns": lambda X, y, w: (X[:, :0], y, w),
    "short y": lambda X, y, w: (X, y[:-1], w),
    "NaN in y": lambda X, y, w: (X, np.where(y > 1, np.nan, y), w),
    "weights of another length": lambda X, y, w: (X, y, w[:-1]),
    "negative weights": lambda X, y, w: (X, y, -w),
    "NaN in weights": lambda X, y, w: (X, y, w * np.nan),
    "no weight": lambda X, y, w: (X, y, 0 * w),
}


def without_names(error):
    """The first line of an error, without a library's names for shapes and dtypes."""
    text, _, _ = str(error).partition("\n")
    text = re.sub(r"torch\.Size\(\[(.*?)\]\)", r"(\1)", text)
    return re.sub(r"dtype\('(\w+)'\)|[\w.]+\.(float64)", r"\1\2", text)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_wrong_arguments_raise_the_error_of_numpy(Estimator, wrong, rows, library):
    given = WRONG[wrong](*rows)
    model = Estimator((5,), max_iter=2, random_state=0, learning_rate_init=1.0)
    with pytest.raises((ValueError, TypeError)) as expected:
        quietly(model.fit, *given)
    moved = [there(library, part) for part in given]
    with Unchanged(model), pytest.raises(expected.type) as error:
        quietly(model.fit, *moved)
    assert without_names(error.value) == without_names(expected.value)


def test_nan_names_the_argument(rows, library, fitted):
    X, y, _ = rows
    bad = there(library, np.where(X > 1, np.nan, X))
    for call in CALLS:
        with Unchanged(fitted), pytest.raises(ValueError, match="X contains NaN"):
            CALLS[call](clone(fitted) if call == "fit" else fitted, bad, y)


@pytest.mark.parametrize("method", PREDICTIONS)
def test_inputs_that_are_too_large_are_named_by_their_row(method, rows, library):
    X, y, _ = (there(library, part) for part in rows)
    fitted = quietly(SGDSigmoidMLP((), max_iter=2, random_state=0).fit, X, y)
    fitted.coefs_ = [coef * 100 for coef in fitted.coefs_]
    X = np.zeros((5, 4))
    X[3:, 0] = 1.7e308
    with Unchanged(fitted), pytest.raises(ValueError, match="X is too large in row 3"):
        getattr(fitted, method)(there(library, X))


@pytest.mark.parametrize("method", PREDICTIONS)
def test_a_network_that_is_not_finite_is_not_blamed_on_the_inputs(
    method, library, fitted
):
    fitted.coefs_ = [coef * np.nan for coef in fitted.coefs_]
    with pytest.raises(ValueError, match="contains NaN or infinity"):
        getattr(fitted, method)(there(library, np.zeros((5, 4))))


def test_other_features_and_unknown_labels_are_refused(rows, library, fitted):
    X, y, _ = rows
    with Unchanged(fitted), pytest.raises(ValueError, match="X has 3 features"):
        fitted.predict(there(library, X[:, :3]))
    with Unchanged(fitted), pytest.raises(ValueError, match=r"y has the classes \[7\]"):
        fitted.partial_fit(there(library, X), there(library, np.where(y > 1, 7, y)))
    fitted.set_params(warm_start=True)
    with Unchanged(fitted), pytest.raises(ValueError, match="same classes"):
        fitted.fit(there(library, X), there(library, y % 2))
    fitted.set_params(hidden_layer_sizes=(3,))
    with Unchanged(fitted), pytest.raises(ValueError, match="hidden_layer_sizes"):
        fitted.fit(there(library, X), there(library, y))


# What a user may put in place of coefs_.
UNUSABLE = {
    "in numpy": lambda xp, coefs: [coefs[0], numpy_of(coefs[1])],
    "of two dtypes": lambda xp, coefs: [coefs[0], xp.astype(coefs[1], xp.float32)],
    "integers": lambda xp, coefs: [xp.astype(coef, xp.int64) for coef in coefs],
    "of other shapes": lambda xp, coefs: [coef[1:, :] for coef in coefs],
    "missing": lambda xp, coefs: coefs[:1],
}


@pytest.mark.filterwarnings("ignore:You are comparing a array_api_strict dtype")
@pytest.mark.parametrize("call", ["fit", "partial_fit", "predict"])
@pytest.mark.parametrize("kind", UNUSABLE)
def test_parameters_that_do_not_fit_together_are_refused(
    kind, call, rows, library, fitted
):
    X, y, _ = (there(library, part) for part in rows)
    fitted.coefs_ = UNUSABLE[kind](library.xp, fitted.coefs_)
    fitted.set_params(warm_start=True)
    with pytest.raises(ValueError, match="coefs_ must be arrays of shapes"):
        CALLS[call](fitted, X, y)


def test_divergence_is_reported_and_undone(rows, library, fitted):
    X, y, _ = (there(library, part) for part in rows)
    fitted.set_params(learning_rate_init=1e308, alpha=1.0, warm_start=True)
    with Unchanged(fitted), pytest.raises(ValueError, match="diverged"):
        quietly(fitted.fit, X, y)


def test_a_sparse_matrix_is_refused_by_a_network_in_a_library(rows, fitted):
    X = csr_matrix(rows[0])
    with Unchanged(fitted), pytest.raises(ValueError, match="X is in numpy"):
        fitted.predict(X)
