"""Hostile arguments: a result with finite numbers, or an error that names one of them.

If no argument is hostile, there is a result. Whatever is passed, no other error is
raised, no NumPy warning leaks and no call hangs. A call that fails or predicts changes
neither its arguments nor a fitted model.
"""

import faulthandler
import os
import pickle
import re
import warnings
from copy import deepcopy
from fractions import Fraction
from inspect import signature
from time import perf_counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import CALLBACKS, NUMBA, quietly
from hostile import SPECIAL, arrays, junk
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.random import RandomState
from saving import FORMATS
from scipy.sparse import issparse

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

ESTIMATORS = [SGDSigmoidMLP, SGDSigmoidMLPRegressor]
# The 8 tests together have 320 examples in a usual run, always the same ones, and
# 10,400 in a slow one, always new ones. Failures are reported as found, because
# shrinking them takes minutes.
few = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
many = settings(few, max_examples=1300, derandomize=False)
nan, inf = np.nan, np.inf

NUMBERS = [
    *SPECIAL, 0, -1, 1, 2, 0.5, 0.999999999999, 1e-12, 1e12, 10**400, True, None, "1",
    np.float16(0.5), np.float32(1e30), np.longdouble("1e-30"), np.longdouble("1e4000"),
    np.longdouble(1) - np.longdouble(1e-19), Fraction(1, 3), 1j, [0.5], np.array(0.5),
    np.uint8(1), np.int64(2), "auto", (), {}, object(),
]  # fmt: skip
GOOD_PARAMETERS = {
    "hidden_layer_sizes": [
        *((), (3,), (2, 2), 4, [3], np.array([2, 3]), np.uint8(3), range(1, 3)),
        (1,) * 9,
    ],
    "learning_rate_init": ["auto", 0.5, np.float16(0.5), Fraction(1, 3), np.int64(2)],
    "batch_size": ["auto", "full", 1, 2, np.int8(3), 10**30],
    "max_iter": [1, 2, 3, np.uint8(2)],
    "learning_rate": ["constant", "invscaling", "adaptive"],
    "power_t": [0, 0.5, Fraction(1, 3)],
    "momentum": [0, 0.9, np.float32(0.5)],
    "nesterovs_momentum": [True, False, np.True_],
    "alpha": [0, 1e-12, 0.01, Fraction(1, 300)],
    "shuffle": [True, False, np.False_],
    "random_state": [
        *(0, None, 2**32 - 1, np.uint8(3), RandomState(3)),
        RandomState(np.random.PCG64(3)),
    ],
    "tol": [0, 0.5, np.longdouble("1e-30")],
    "n_iter_no_change": [1, np.int64(2), inf],
    "early_stopping": [True, False, np.True_],
    "validation_fraction": [0.1, 0.5, Fraction(1, 3)],
    "warm_start": [True, False, np.True_],
    "verbose": [False, True, 2, np.int8(1)],
}
PARAMETERS = {
    "hidden_layer_sizes": [
        *((0,), (-1,), 0, 2.0, "3", b"33", (2.5,), [[1], [2, 3]], [[2]], None, True),
        *({3}, {3: 1}, 10**18, (10**17, 10**17), 2**63, 10**400, (3, None), inf),
        *(np.array(3), np.zeros(0), np.array([1.0]), np.array(["a"]), iter([3])),
        object(),
    ],
    "learning_rate_init": NUMBERS,
    "batch_size": NUMBERS,
    "max_iter": [0, -1, 1.5, None, "1", True, nan, inf, [1]],
    "learning_rate": ["", None, 3, ["adaptive"]],
    "power_t": NUMBERS,
    "momentum": NUMBERS,
    "nesterovs_momentum": [0, None, "yes"],
    "alpha": NUMBERS,
    "shuffle": [1, None, []],
    "random_state": [2**32, -1, 1.5, "0", [0], True, np.random.default_rng(0)],
    "tol": NUMBERS,
    "n_iter_no_change": NUMBERS,
    "early_stopping": [1, None],
    "validation_fraction": NUMBERS,
    "warm_start": [1, "no"],
    "verbose": [-1, None, "x", 1.5],
    "engine": ["", None, 3, "Numba", ["numba"], np.array(["numpy"]), np.array("numba")],
}
CLASS_WEIGHTS = [
    *(None, "balanced", "auto", {}, {0: 1.0}, {0: 2, 1: 3, 2: 1}, {"a": 1, "b": 2}, 3),
    *({0: 0, 1: 0, 2: 0}, {0: 1e308, 1: 1e-308}, {0: nan}, {7: 1}, {0: -1}, {0: "x"}),
    *({None: 1}, {nan: 1}, {(1, 2): 3}, [1, 2, 3], {0: 5e-324}, {0: 1, True: 2}),
    *({0: Fraction(1, 3)}, {0: np.longdouble("1e4000")}, {0: 10**400}, {0: True}),
]
TARGET_RANGES = [
    *("auto", (0, 1), (-5, 5.0), (1, 0), (0, 0), (0, 5e-324), (-1e308, 1e308), None, 3),
    *((-1.7e308, 1.7e308), (0, nan), (0, inf), ("a", "b"), (1, 2, 3), (1j, 2j), "ab"),
    *((1e300, 1.1e300), (0, 1e-300), ([0, 1], [2, 3]), np.array([0, 1]), {0: 1, 1: 2}),
    *(
        (1.0, 1.0 + 2e-16),
        (0, 10**400),
        ([[0]], [[1]]),
        (None, 1),
        iter([0, 1]),
        (0, "1"),
    ),
    *(
        (np.array(["a"], object), 1),
        (np.datetime64(0, "s"), np.datetime64(1, "s")),
        b"ab",
    ),
]


@st.composite
def problems(draw, Estimator):
    """Matching arguments; and the names of hostile ones: all of them if X is empty."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    n = draw(st.sampled_from([0, 1, 2, 3, 8, 8, 40, 40]))
    p = draw(st.sampled_from([0, 1, 2, 4, 4, 4, 100_000]))
    n = min(n, 3) if p > 4 else n
    X = rng.normal(size=(n, p)).astype(draw(st.sampled_from([np.float32, np.float64])))
    n_columns = draw(st.sampled_from([0, 0, 1, 2, 3]))
    classes = None
    if Estimator is SGDSigmoidMLPRegressor:
        y = rng.normal(size=(n, n_columns) if n_columns else n)
    elif n_columns > 1:
        y = rng.integers(0, 2, size=(n, n_columns))
    else:
        classes = draw(
            st.sampled_from(
                [[0], [0, 1], [0, 1, 2], ["a", "b"], ["b", "a", "c"], [-1.0, 2.0]]
            )
        )
        labels = rng.integers(0, len(classes), size=(n, 1) if n_columns else n)
        y = np.array(classes)[labels]
    good = {"X": X, "y": y, "classes": classes, "sample_weight": rng.random(n)}
    return good, set() if X.size else set(good)


@st.composite
def arguments(draw, good, names):
    """`good` with up to two arguments replaced by hostile ones, and their names."""
    given = {name: good[name] for name in names}
    most = draw(st.sampled_from([0, 1, 2, 2]))
    hostile = draw(st.lists(st.sampled_from(names), max_size=most, unique=True))
    for name in hostile:
        value = given[name]
        values = [junk]
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            values = [junk, *[arrays(value)] * 4]
            if value.ndim == 2 and 0 < value.shape[1] < 100:
                values += [arrays(value[:1]), arrays(value[:, :1]), arrays(value[:, 0])]
            else:
                values += [arrays(value[:1]), arrays(value[:, np.newaxis])]
        elif isinstance(value, np.ndarray):
            values = [junk, *[st.sampled_from(other_labels(value.ravel()))] * 3]
        elif isinstance(value, list):
            values = [junk, arrays(np.arange(len(value))), st.just(value[::-1])]
        given[name] = draw(st.one_of(values))
    return given, set(hostile)


def other_labels(y):
    """The same labels as arrays of other types, and some that are not labels."""
    with_none = y.astype(object)
    with_none[:1] = None
    with_nan = y.astype(object)
    with_nan[:1] = nan
    mixed = y.astype(object)
    mixed[::2] = 7
    return [
        *(y.astype(object), y.astype("S"), y.tolist(), with_none, with_nan, mixed),
        *(pd.Series(y), pd.Series(y).astype("category"), pd.Series(y, dtype="string")),
        *(pd.Series(with_none), pd.Series(with_none).astype("category"), y[:, None]),
        *(pd.Series(with_none, dtype="string"), pl.Series(y.tolist()), y[::-1], y[:-1]),
        *(pl.Series(y.tolist(), dtype=pl.Categorical), pd.DataFrame({"y": y})),
        *([{label} for label in y], [(label, 1) for label in y], np.char.add(y, "é")),
    ]


@st.composite
def estimators(draw, Estimator, most=2):
    """An unfitted estimator with some hostile parameters, and their names."""
    special = (
        {"class_weight": CLASS_WEIGHTS}
        if Estimator is SGDSigmoidMLP
        else {"target_range": TARGET_RANGES}
    )
    good = draw(some_of(GOOD_PARAMETERS, 3))
    # Rarely, because most of them are refused before anything else is checked.
    hostile = draw(some_of(PARAMETERS | special, draw(st.sampled_from([0, 0, most]))))
    usual = {"hidden_layer_sizes": (3,), "max_iter": 2}
    usual["engine"] = draw(st.sampled_from(["numpy", "numba"] if NUMBA else ["numpy"]))
    model = Estimator(**{**usual, **good, **hostile})
    return model, set(hostile)


@st.composite
def some_of(draw, menu, most):
    names = draw(st.lists(st.sampled_from(sorted(menu)), max_size=most, unique=True))
    # A copy, because a RandomState would have advanced in the next example.
    return {name: deepcopy(draw(st.sampled_from(menu[name]))) for name in names}


def frozen(value):
    """Everything that a call must not change, in a form to compare; None if unknown."""
    if issparse(value):
        # Its arrays too, because sorting them or adding up duplicates is a change.
        kinds = np.ndarray | tuple | dict
        parts = {k: v for k, v in vars(value).items() if isinstance(v, kinds)}
        value = (value.format, value.shape, value.dtype, value.toarray(), parts)
    elif isinstance(value, pl.Series | pl.DataFrame):
        value = value.to_list() if isinstance(value, pl.Series) else value.rows()
    elif isinstance(value, pd.Series | pd.DataFrame):
        value = (str(value.dtypes), np.asarray(value, dtype=object).tolist())
    try:
        return pickle.dumps(value)
    except Exception:  # such as a lambda or an iterator, which cannot be compared
        return None


def attributes(model):
    return {k: frozen(v) for k, v in vars(model).items() if k not in CALLBACKS}


def unchanged(attributes, model, method, succeeded):
    """The attributes of the model that the call must leave as they are."""
    names = set(attributes)
    if "fit" in method:
        if succeeded:
            names = set(model.get_params())
        if isinstance(model.random_state, RandomState):
            names.remove("random_state")  # it advances, as in scikit-learn
    return {name: attributes[name] for name in names}


# Names that an error may begin with although another argument is hostile: arguments
# that must match, such as the lengths of X and sample_weight; the step size, whatever
# made training diverge; and settings that need more rows.
FOLLOWS = {
    "X": {"sample_weight", "X_val", "learning_rate_init"},
    "y": {"classes", "class_weight", "y_val", "learning_rate_init", "warm_start"},
    "classes": {"y"},
    "sample_weight": {"learning_rate_init"},
    "class_weight": {"learning_rate_init", "sample_weight"},
    "target_range": {"learning_rate_init"},
    "alpha": {"learning_rate_init"},
    "momentum": {"learning_rate_init"},
    "early_stopping": {"validation_fraction", "X_val"},
}


def assert_names_one_of(hostile, error, names):
    """The message names a hostile argument, and the first name is expected.

    The first name may be alone, or in a list such as "X and y" or "X_val, y_val or".
    """
    any_name = rf"\b(?:{'|'.join(names)})\b"
    named = re.findall(any_name, str(error))
    assert hostile.intersection(named), (hostile, error)
    first = re.search(rf"{any_name}((, | or | and ){any_name})*", str(error)).group()
    expected = hostile.union(*(FOLLOWS.get(name, ()) for name in hostile))
    assert expected.intersection(re.findall(any_name, first)), (hostile, error)


def call(model, method, given, hostile):
    """The call's result, or None if it failed because of a hostile argument."""
    arguments_before = {name: frozen(value) for name, value in given.items()}
    before, parameters = attributes(model), model.get_params()
    result, error = None, None
    began = perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # From numpy 1.24, when scikit-learn compares a lone pandas.NA with itself.
        warnings.filterwarnings("ignore", "elementwise comparison failed")
        # From scikit-learn 1.6; later versions refuse them.
        warnings.filterwarnings("ignore", "Support for labels represented as bytes")
        try:
            result = getattr(model, method)(**given)
        except (ValueError, TypeError) as raised:
            if not hostile:
                raise
            error = raised
    assert perf_counter() - began < 10
    for warning in caught:
        assert issubclass(warning.category, UserWarning), warning
    for name, value in given.items():
        assert frozen(value) == arguments_before[name], (name, type(value))
    details = (model, method, error is None)
    assert unchanged(attributes(model), *details) == unchanged(before, *details)
    for name, value in parameters.items():
        assert getattr(model, name) is value, name
    if error is None and "fit" in method:
        for name in ("pickle2", "pickle4"):
            FORMATS[name].load(FORMATS[name].dump(model))  # which checks the checksum
    if error is not None:
        names = [*signature(getattr(model, method)).parameters, *parameters]
        assert_names_one_of(hostile, error, names)
    return result


def assert_finite(result):
    result = np.asarray(result)
    assert result.dtype.kind not in "fc" or np.isfinite(result).all(), result


def assert_fitted_with_finite_numbers(model):
    for array in [*model.coefs_, *model.intercepts_]:
        assert_finite(array)
    assert_finite(model.loss_curve_)
    assert_finite([model.loss_, model.learning_rate_init_])
    assert_finite(model.validation_scores_ or [])
    assert_finite(model.validation_loss_curve_ or [])


def fuzz(test):
    """Run the test with few examples in a usual run, and with many in a slow one."""
    return pytest.mark.parametrize(
        "effort", [few, pytest.param(many, marks=pytest.mark.slow)], ids=["few", "many"]
    )(test)


@pytest.fixture(autouse=True)
def terminal(capsys):
    """A standard error that pytest does not capture, as a hang ends the process."""
    with capsys.disabled():
        file = os.fdopen(os.dup(2), "w")
    with file:
        yield file
    capsys.readouterr()


def run(effort, example, terminal):
    def ended_if_it_hangs(data):
        faulthandler.dump_traceback_later(60, exit=True, file=terminal)
        try:
            example(data)
        finally:
            faulthandler.cancel_dump_traceback_later()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from pandas while arguments are made
        effort(given(st.data())(ended_if_it_hangs))()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@fuzz
def test_fit(effort, Estimator, terminal):
    def example(data):
        good, empty = data.draw(problems(Estimator))
        n = len(good["X"])
        names = ["X", "y"]
        if data.draw(st.booleans()):
            names.append("sample_weight")
        if data.draw(st.integers(0, 3)) == 0:
            names += ["X_val", "y_val", "sample_weight_val"]
        n_val = 7 if n > 8 else n  # fewer rows are often too few for a score
        good |= {f"{k}_val": good[k][:n_val] for k in ("X", "y", "sample_weight")}
        model, previous = Estimator(), set()
        for most in (2, 1):  # the second time, the model is usually fitted
            new, hostile = data.draw(estimators(Estimator, most))
            given, also_hostile = data.draw(arguments(good, names))
            hostile |= empty | also_hostile
            if new.early_stopping and n < 40:
                hostile.add("early_stopping")
            if new.warm_start:
                hostile |= previous
                if frozen(new.hidden_layer_sizes) != frozen(model.hidden_layer_sizes):
                    hostile.add("hidden_layer_sizes")
            model.set_params(**new.get_params())
            if call(model, "fit", given, hostile) is not None:
                previous = hostile
                assert_fitted_with_finite_numbers(model)
                if good["X"].shape[1] == model.n_features_in_:
                    # It may be too large for weights learnt from hostile arguments.
                    call(model, "predict", {"X": good["X"]}, hostile and {"X"})

    run(effort, example, terminal)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@fuzz
def test_partial_fit(effort, Estimator, terminal):
    def example(data):
        model, hostile = data.draw(estimators(Estimator))
        good, empty = data.draw(problems(Estimator))
        hostile |= empty
        names = ["X", "y"]
        if Estimator is SGDSigmoidMLP and data.draw(st.integers(0, 9)):
            names.append("classes")
        elif good["classes"] is not None:
            hostile.add("classes")  # they are missing
        if data.draw(st.booleans()):
            names.append("sample_weight")
        for _ in range(3):
            given, now_hostile = data.draw(arguments(good, names))
            if call(model, "partial_fit", given, hostile | now_hostile) is not None:
                assert_fitted_with_finite_numbers(model)
                hostile |= now_hostile  # what was learnt may cause errors later

    run(effort, example, terminal)


def fitted(Estimator):
    """Models of every kind, pickled, with the X and the y that they were fitted on."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 4))
    labels = rng.integers(0, 3, size=40)
    models = []
    if Estimator is SGDSigmoidMLP:
        targets = [
            labels,
            labels % 2,
            labels * 0,
            np.array(["a", "b", "c"])[labels],
            np.eye(3, dtype=int)[labels],
        ]
    else:
        targets = [X[:, 0], X[:, :2], X[:, 0] * 1e300, np.ones(40)]
    for y in targets:
        for dtype, hidden in ((np.float64, (3,)), (np.float32, ()), (np.float64, ())):
            model = Estimator(hidden, max_iter=2, random_state=0)
            try:
                quietly(model.fit, X.astype(dtype), y)
            except ValueError:  # float32 cannot hold 1e300
                continue
            models.append((pickle.dumps(model), X, y))
    return models


METHODS = {
    SGDSigmoidMLP: [
        *("predict", "predict_proba", "predict_log_proba", "decision_function")
    ],
    SGDSigmoidMLPRegressor: ["predict"],
}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@fuzz
def test_predict(effort, Estimator, terminal):
    models = fitted(Estimator)

    def example(data):
        dump, X, _ = data.draw(st.sampled_from(models))
        n, p = data.draw(st.sampled_from([(0, 4), (1, 4), (7, 4), (40, 4), (3, 2)]))
        given, hostile = data.draw(arguments({"X": X[:n, :p]}, ["X"]))
        if n == 0 or p != 4:
            hostile.add("X")
        method = data.draw(st.sampled_from(METHODS[Estimator]))
        result = call(pickle.loads(dump), method, given, hostile)
        if result is not None:
            assert_finite(result)

    run(effort, example, terminal)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@fuzz
def test_score(effort, Estimator, terminal):
    models = fitted(Estimator)

    def example(data):
        dump, X, y = data.draw(st.sampled_from(models))
        n = data.draw(st.sampled_from([0, 1, 2, 40]))
        good = {"X": X[:n], "y": y[:n], "sample_weight": np.linspace(1, 2, n)}
        names = list(good)[: data.draw(st.integers(2, 3))]
        given, hostile = data.draw(arguments(good, names))
        if n == 0:
            hostile = set(given)
        if y.dtype.kind == "f" and np.abs(y).max() > 1e150:
            hostile.add("y")  # its squares are not finite
        result = call(pickle.loads(dump), "score", given, hostile)
        # R² of one row is not defined, of which scikit-learn warns.
        if result is not None and len(np.atleast_1d(given["y"])) > 1:
            assert_finite(result)

    run(effort, example, terminal)
