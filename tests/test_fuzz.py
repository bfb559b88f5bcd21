"""Hostile arguments: a result with finite numbers, or an error that names the argument.

Whatever is passed, nothing else is raised, no NumPy warning leaks, no call hangs, and
neither the arguments nor a model that was fitted before are changed by a call that
fails or predicts.
"""

import pickle
import re
import warnings
from fractions import Fraction
from inspect import signature
from time import perf_counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hostile import SPECIAL, arrays, junk
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scipy.sparse import issparse
from sklearn.exceptions import NotFittedError

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

ESTIMATORS = [SGDSigmoidMLP, SGDSigmoidMLPRegressor]
# Of each of 8 tests: 320 examples in a usual run, the same ones each time, and 10,400
# in a slow one, new ones each time.
# A failure is reported as it is found: to shrink it takes minutes.
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
PARAMETERS = {
    "hidden_layer_sizes": [
        *((), (3,), (2, 2), 4, [3], np.array([2, 3]), np.uint8(3), range(1, 3), (0,)),
        *((-1,), 0, 2.0, "3", b"33", (2.5,), [[1], [2, 3]], [[2]], None, True, {3: 1}),
        *({3}, 10**18, (10**17, 10**17), 2**63, 10**400, (3, None), np.array(3), inf),
        *(np.zeros(0), np.array([1.0]), np.array(["a"]), iter([3]), object(), (1,) * 9),
    ],
    "learning_rate_init": [*NUMBERS, "auto"],
    "batch_size": [*NUMBERS, 1, 2, 3, "full", 10**30, np.int8(3)],
    "max_iter": [1, 2, 3, np.uint8(2), 0, -1, 1.5, None, "1", True, nan, inf, [1]],
    "learning_rate": ["constant", "invscaling", "adaptive", "", None, 3, ["adaptive"]],
    "power_t": NUMBERS,
    "momentum": [*NUMBERS, 0.9, 0.5],
    "nesterovs_momentum": [True, False, np.True_, 0, None, "yes"],
    "alpha": NUMBERS,
    "shuffle": [True, False, np.False_, 1, None, []],
    "random_state": [0, None, 2**32 - 1, 2**32, -1, np.uint8(3), 1.5, "0", [0], True],
    "tol": NUMBERS,
    "n_iter_no_change": [*NUMBERS, 1],
    "early_stopping": [True, True, False, np.True_, 1, None],
    "validation_fraction": NUMBERS,
    "warm_start": [True, False, np.True_, 1, "no"],
    "verbose": [False, True, 2, np.int8(1), -1, None, "x", 1.5],
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
    """Arguments that fit each other: X, y, classes and weights."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    n = draw(st.sampled_from([0, 1, 2, 3, 8, 8, 40, 40]))
    p = draw(st.sampled_from([0, 1, 2, 4, 4, 4, 100_000]))
    n = min(n, 3) if p > 4 else n
    X = rng.normal(size=(n, p)).astype(draw(st.sampled_from([np.float32, np.float64])))
    n_columns = draw(st.sampled_from([0, 0, 1, 2, 3]))
    classes = None
    if Estimator is SGDSigmoidMLPRegressor:
        y = rng.normal(size=(n, n_columns) if n_columns else n)
    elif n_columns:
        y = rng.integers(0, 2, size=(n, n_columns))
    else:
        classes = draw(
            st.sampled_from(
                [[0], [0, 1], [0, 1, 2], ["a", "b"], ["b", "a", "c"], [-1.0, 2.0]]
            )
        )
        y = np.array(classes)[rng.integers(0, len(classes), size=n)]
    return {"X": X, "y": y, "classes": classes, "sample_weight": rng.random(n)}


@st.composite
def arguments(draw, good, names):
    """Most of `good`, and something hostile in the place of one or two."""
    given = {name: good[name] for name in names}
    hostile = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
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
            values = [junk, *[st.sampled_from(other_labels(value))] * 3]
        elif isinstance(value, list):
            values = [junk, arrays(np.arange(len(value))), st.just(value[::-1])]
        given[name] = draw(st.one_of(values))
    return given


def other_labels(y):
    """The same labels as arrays of other types, and some that are no labels."""
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
    """An unfitted estimator, some of whose parameters are hostile."""
    special = (
        {"class_weight": CLASS_WEIGHTS}
        if Estimator is SGDSigmoidMLP
        else {"target_range": TARGET_RANGES}
    )
    menu = PARAMETERS | special
    names = draw(st.lists(st.sampled_from(sorted(menu)), max_size=most, unique=True))
    hostile = {name: draw(st.sampled_from(menu[name])) for name in names}
    return Estimator(**{"hidden_layer_sizes": (3,), "max_iter": 2, **hostile})


def frozen(value):
    """Everything that a call must not change, in a form to compare; None if unknown."""
    if issparse(value):
        value = (value.format, value.shape, value.dtype, value.toarray())
    elif isinstance(value, pl.Series | pl.DataFrame):
        value = value.to_list() if isinstance(value, pl.Series) else value.rows()
    elif isinstance(value, pd.Series | pd.DataFrame):
        value = (str(value.dtypes), np.asarray(value, dtype=object).tolist())
    try:
        return pickle.dumps(value)
    except Exception:  # a lambda, an iterator: nothing to change
        return None


def state(model):
    passing = (
        "_callback_fit_ctx",
        "_parent_callback_ctx",
        "_skl_callbacks_to_teardown",
    )
    return {k: frozen(v) for k, v in vars(model).items() if k not in passing}


def call(model, method, given):
    """The call's result, or None if it failed as it may."""
    arguments_before = {name: frozen(value) for name, value in given.items()}
    before = state(model)
    result, error = None, None
    began = perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = getattr(model, method)(**given)
        except (ValueError, TypeError) as raised:
            error = raised
    assert perf_counter() - began < 10
    for warning in caught:
        assert issubclass(warning.category, UserWarning), warning
    for name, value in given.items():
        assert frozen(value) == arguments_before[name], (name, type(value))
    if error is not None or "fit" not in method:
        assert state(model) == before
    if error is not None and not isinstance(error, NotFittedError):
        names = [*signature(getattr(model, method)).parameters, *model.get_params()]
        assert re.search(rf"\b({'|'.join(names)})\b", str(error)), error
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
    """The test with few examples in a usual run, and with many in a slow one."""
    return pytest.mark.parametrize(
        "effort", [few, pytest.param(many, marks=pytest.mark.slow)], ids=["few", "many"]
    )(test)


def run(effort, example):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas while arguments are made
        effort(given(st.data())(example))()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@fuzz
def test_fit(effort, Estimator, capsys):
    def example(data):
        model = data.draw(estimators(Estimator))
        good = data.draw(problems(Estimator))
        names = ["X", "y"]
        if data.draw(st.booleans()):
            names.append("sample_weight")
        if data.draw(st.integers(0, 3)) == 0:
            names += ["X_val", "y_val", "sample_weight_val"]
        if len(good["X"]) < 9:  # otherwise often too few for what is asked
            good = {
                **good,
                **{f"{k}_val": good[k] for k in ("X", "y", "sample_weight")},
            }
        else:
            good |= {f"{k}_val": good[k][:7] for k in ("X", "y", "sample_weight")}
        given = data.draw(arguments(good, names))
        if call(model, "fit", given) is not None:
            assert_fitted_with_finite_numbers(model)
            if good["X"].shape[1] == model.n_features_in_:
                call(model, "predict", {"X": good["X"]})
            # A second fit, which may fail, of what is a fitted model now.
            model.set_params(**data.draw(estimators(Estimator, 1)).get_params())
            call(model, "fit", data.draw(arguments(good, names)))

    run(effort, example)
    capsys.readouterr()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@fuzz
def test_partial_fit(effort, Estimator, capsys):
    def example(data):
        model = data.draw(estimators(Estimator))
        good = data.draw(problems(Estimator))
        names = ["X", "y"]
        if Estimator is SGDSigmoidMLP and data.draw(st.integers(0, 9)):
            names.append("classes")
        if data.draw(st.booleans()):
            names.append("sample_weight")
        for _ in range(3):
            given = data.draw(arguments(good, names))
            if call(model, "partial_fit", given) is not None:
                assert_fitted_with_finite_numbers(model)

    run(effort, example)
    capsys.readouterr()


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
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    model.fit(X.astype(dtype), y)
                except ValueError:  # 1e300 is nothing for float32
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
def test_predict(effort, Estimator):
    models = fitted(Estimator)

    def example(data):
        dump, X, _ = data.draw(st.sampled_from(models))
        n, p = data.draw(st.sampled_from([(0, 4), (1, 4), (7, 4), (40, 4), (3, 2)]))
        given = data.draw(arguments({"X": X[:n, :p]}, ["X"]))
        result = call(
            pickle.loads(dump), data.draw(st.sampled_from(METHODS[Estimator])), given
        )
        if result is not None:
            assert_finite(result)

    run(effort, example)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@fuzz
def test_score(effort, Estimator):
    models = fitted(Estimator)

    def example(data):
        dump, X, y = data.draw(st.sampled_from(models))
        n = data.draw(st.sampled_from([0, 1, 2, 40]))
        good = {"X": X[:n], "y": y[:n], "sample_weight": np.linspace(1, 2, n)}
        names = list(good)[: data.draw(st.integers(2, 3))]
        given = data.draw(arguments(good, names))
        result = call(pickle.loads(dump), "score", given)
        # R² of one row is not defined, which scikit-learn says by a warning.
        if result is not None and len(np.atleast_1d(given["y"])) > 1:
            assert_finite(result)

    run(effort, example)
