"""Bad input: the error names the argument, and a fitted model stays as it was."""

import copy
import re
import sys
import threading
from fractions import Fraction
from functools import partial

import numpy as np
import pandas as pd
import pytest
from helpers import assert_same_bits, fit
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import bsr_array, coo_array, csr_matrix
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop.inspection import backprop_trace, check_gradient

nan, inf = np.nan, np.inf
BOTH = pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])


def small_fit(Estimator, X, y, **settings):
    return fit(Estimator((5,), max_iter=2, random_state=0, **settings), X, y)


def state(estimator):
    return copy.deepcopy(vars(estimator))


def assert_same_state(before, after):
    assert before.keys() == after.keys()
    for name, value in before.items():
        np.testing.assert_equal(after[name], value, err_msg=name)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "hidden_layer_sizes",
            [
                *(
                    0,
                    -1,
                    (5, 0),
                    2.5,
                    (2.5,),
                    "abc",
                    None,
                    True,
                    (True,),
                    {5: 1},
                    b"12",
                ),
                *(((5,), 5), [[1], [2, 3]]),
            ],
        ),
        ("learning_rate_init", [0, -1.0, nan, inf, "fast", None, True, [1.0], 10**400]),
        ("batch_size", [0, -5, 2.5, "all", None, True]),
        ("max_iter", [0, -1, 2.5, "10", None]),
        ("learning_rate", ["Constant", "", None, 3, ["constant"]]),
        ("power_t", [-0.1, nan, inf, "x", None]),
        ("momentum", [-0.1, 1, 1.5, nan, "x", None]),
        ("nesterovs_momentum", [1, "yes", None]),
        ("alpha", [-1e-9, nan, inf, "x", None]),
        ("shuffle", [1, "yes", None]),
        ("tol", [-1e-9, nan, inf, "x", None]),
        ("random_state", [-1, 2**32, 1.5, "x", [0]]),
        ("n_iter_no_change", [0, -1, 2.5, nan, "x", None]),
    ],
)
@BOTH
def test_a_parameter_out_of_range_is_named_with_what_is_expected(
    Estimator, name, values, iris
):
    model = small_fit(Estimator, *iris)
    before = state(model)
    for value in values:
        model.set_params(**{name: value})
        for error in (ValueError, TypeError):
            with pytest.raises(error, match=rf"^{name} must be .*, got .*\.$"):
                model.fit(*iris)
        with pytest.raises(ValueError, match=name):
            model.partial_fit(*iris)
        before[name] = value
        assert_same_state(before, state(model))


@BOTH
def test_a_generator_is_refused_as_random_state(Estimator, iris):
    model = Estimator(random_state=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^random_state must .*RandomState .*, got G"):
        model.fit(*iris)


@pytest.mark.parametrize(
    "value",
    [
        *("max", 3, None, (1,), (1, 2, 3), ("a", "b")),
        *((2, 1), (1, 1), (nan, 1), (0, inf), ([0, 0], [1, 1]), (0, 5e-324)),
        *((0, 10**400), (1j, 2j), ("0", "1"), {0: 1, 1: 2}, {0, 1}),
    ],
    ids=str,
)
def test_a_bad_target_range_is_named(value, iris):
    with pytest.raises(ValueError, match=r"^target_range must be"):
        SGDSigmoidMLPRegressor(target_range=value).fit(*iris)


def X_with(value):
    X = np.ones((6, 4))
    X[2, 1] = value
    return X


GOOD_X, GOOD_Y = np.arange(24.0).reshape(6, 4), np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("X", "y", "sample_weight", "message"),
    [
        (X_with(nan), GOOD_Y, None, "X contains NaN"),
        (X_with(inf), GOOD_Y, None, "X contains infinity"),
        (csr_matrix(X_with(nan)), GOOD_Y, None, "X contains NaN"),
        (GOOD_X[:, 0], GOOD_Y, None, "X: Expected 2D array"),
        (GOOD_X[:0], GOOD_Y[:0], None, "X: .* 0 sample"),
        (GOOD_X[:, :0], GOOD_Y, None, "X: .* 0 feature"),
        (GOOD_X * 1j, GOOD_Y, None, "X: Complex data not supported"),
        (
            pd.DataFrame({"a": GOOD_Y * 1j, "b": pd.array(GOOD_Y, "Int64")}),
            GOOD_Y,
            None,
            "X: Complex data not supported",
        ),
        (np.full((6, 4), "a"), GOOD_Y, None, "X: could not convert"),
        ([[10**400]] * 6, GOOD_Y, None, "X: int too large"),
        (GOOD_X, GOOD_Y[:5], None, "X and y: .* inconsistent numbers of samples"),
        (GOOD_X, [[1], [2, 3]] * 3, None, "y: setting an array element"),
        (GOOD_X, [10**400] * 6, None, "y"),
        (GOOD_X, GOOD_Y.astype("V8"), None, "y"),
        (GOOD_X, GOOD_Y, 10**400, "sample_weight must be finite numbers"),
        (GOOD_X, None, None, "y"),
        (GOOD_X, GOOD_Y * nan, None, "y contains NaN"),
        (
            GOOD_X,
            GOOD_Y,
            np.ones(5),
            r"sample_weight has shape \(5,\), expected \(6,\)",
        ),
        (GOOD_X, GOOD_Y, np.ones((6, 1)), r"sample_weight has shape \(6, 1\)"),
        (GOOD_X, GOOD_Y, -np.ones(6), "sample_weight must not be negative, got -1"),
        (
            GOOD_X,
            GOOD_Y,
            X_with(nan)[:, 1],
            "sample_weight must be finite numbers: .* NaN",
        ),
        (GOOD_X, GOOD_Y, ["a"] * 6, "sample_weight must be finite numbers: could not"),
        (GOOD_X, GOOD_Y, "balanced", "sample_weight must be finite numbers: could not"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@BOTH
def test_bad_data_are_named(Estimator, method, X, y, sample_weight, message):
    rng = np.random.default_rng(0)
    model = small_fit(Estimator, rng.normal(size=(6, 4)), GOOD_Y)
    before = state(model)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(X, y, sample_weight=sample_weight)
    assert_same_state(before, state(model))


ODD_COLUMNS = {
    "strings": pd.Series(list("abcdef")),
    "objects": pd.Series(list("abcdef"), dtype=object),
    "pandas strings": pd.Series(list("abcdef"), dtype="string"),
    "categories": pd.Series(list("abcabc"), dtype="category"),
    "a string among numbers": pd.Series([1, "x", 2, 3, 4, 5], dtype=object),
    "times": pd.Series(pd.to_datetime(["2020"] * 6)),
    "times of a zone": pd.Series(pd.to_datetime(["2020"] * 6)).dt.tz_localize("UTC"),
    "durations": pd.Series(pd.to_timedelta([1] * 6, "s")),
    "periods": pd.Series(pd.period_range("2020", periods=6, freq="D")),
    "lists": pd.Series([[1]] * 6),
}


@pytest.mark.parametrize("column", ODD_COLUMNS.values(), ids=ODD_COLUMNS)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "score"])
@BOTH
def test_columns_of_a_data_frame_that_are_not_numeric_are_named(
    Estimator, method, column
):
    X = pd.DataFrame(GOOD_X, columns=["a", "odd one", "c", "d"])
    model = small_fit(Estimator, X, GOOD_Y)
    X["odd one"] = column
    arguments = (X,) if method == "predict" else (X, GOOD_Y)
    message = f"X has columns that are not numeric: 'odd one' ({column.dtype}). Encode"
    with pytest.raises((ValueError, TypeError), match=f"^{re.escape(message)}"):
        getattr(model, method)(*arguments)


def test_columns_are_named_for_any_column_names_and_data_frames():
    X = pd.DataFrame({f"c{i}": list("abcdef") for i in range(8)})
    with pytest.raises(ValueError, match=r"'c0' \(.*\), .*'c4' \(.*\) and 3 more\. "):
        SGDSigmoidMLP().fit(X, GOOD_Y)
    X = pd.DataFrame([[1, "a"]] * 6, columns=["same", "same"])
    with pytest.raises(ValueError, match=r"not numeric: 'same' \([^,]*\)\. "):
        SGDSigmoidMLP().fit(X, GOOD_Y)
    polars = pytest.importorskip("polars")
    X = polars.DataFrame({"a": GOOD_X[:, 0], "b": list("abcdef")})
    with pytest.raises(ValueError, match=r"not numeric: 'b' \(String\)\. "):
        SGDSigmoidMLP().fit(X, GOOD_Y)


@pytest.mark.parametrize("value", [nan, inf])
def test_columns_with_missing_numbers_are_not_called_non_numeric(value):
    X = pd.DataFrame(X_with(value))
    X[3] = pd.array([1, 2, 3, 4, 5, 6], "Int64")
    with pytest.raises(ValueError, match="Input X contains"):
        SGDSigmoidMLP().fit(X, GOOD_Y)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@BOTH
def test_an_estimator_whose_first_call_fails_stays_unfitted(Estimator, method):
    model = Estimator()
    arguments = {"classes": [0, 1, 2]} if Estimator is SGDSigmoidMLP else {}
    if method == "fit":
        arguments = {}
    with pytest.raises(ValueError, match="sample_weight"):
        getattr(model, method)(GOOD_X, GOOD_Y, sample_weight=-np.ones(6), **arguments)
    assert vars(model).keys() == model.get_params().keys()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.linspace(0, 1, 6), "Unknown label type"),
        (np.arange(12).reshape(6, 2), "binary indicator matrix"),
        (np.arange(12).reshape(6, 2) % 2 * 2 - 1, "binary indicator matrix"),
        (np.array([0, "a", 1.5, None, 2, 3], dtype=object), "."),
    ],
)
def test_targets_that_are_not_labels_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        SGDSigmoidMLP().fit(GOOD_X, y)


MISSING = [
    (np.array(["a", None, "b"] * 2, dtype=object), "None: 2 labels are .* row 1"),
    (np.array(["a", nan, "b"] * 2, dtype=object), "NaN: 2 labels are .* row 1"),
    (np.array(["a", "b", pd.NA] * 2, dtype=object), r"pandas\.NA: 2 .* row 2"),
    (np.array(["a"] * 5 + [pd.NaT], dtype=object), "NaT: 1 label is .* row 5"),
    (np.array([1, None, 2] * 2, dtype=object), "None: 2 labels are .* row 1"),
    (["a", None, "b"] * 2, "None: 2 labels are .* row 1"),
    (["a", nan, "b"] * 2, "NaN: 2 labels are .* row 1"),
    ([1, None, 2] * 2, "None: 2 labels are .* row 1"),
    ([1.0, 2.0, nan] * 2, "NaN: 2 labels are .* row 2"),
    (pd.Series(["a", None, "b"] * 2, dtype=object), "None: 2 labels are .* row 1"),
    (pd.Series(["a", None, "b"] * 2, dtype="string"), "NA: 2 labels are .* row 1"),
    (pd.Series(["a", None, "b"] * 2, dtype="category"), "NaN: 2 labels are .* row 1"),
    (pd.Series([1, None, 2] * 2, dtype="Int64"), "2 labels are .* row 1"),
    (pd.Series([True, None, False] * 2, dtype="boolean"), "2 labels are .* row 1"),
    (pd.DataFrame({"y": ["a", None, "b"] * 2}, dtype=object), "None: 2 .* row 1"),
]
OBJECTS = [
    (GOOD_Y.astype(object), r"type int\. .* strings: use y\.astype\(int\)"),
    (GOOD_Y.astype(float).astype(object), r"type float\. .* y\.astype\(int\)"),
    ((GOOD_Y > 0).astype(object), r"type bool\. .* use y\.astype\(bool\)"),
    (pd.Series(GOOD_Y, dtype=object), r"type int\. .* use y\.astype\(int\)"),
    (np.array([0, "a", 1.5] * 2, dtype=object), r"float, int, str\. .*astype\(str\)"),
    (np.array([b"a", b"b"] * 3, dtype=object), r"type bytes\. .* y\.astype\(str\)"),
    (np.eye(3)[GOOD_Y].astype(object), r"type float\. .* use y\.astype\(int\)"),
    ([pd.Timestamp(0)] * 6, r"type Timestamp\. .* numpy\.asarray\(y\)\.astype\(str"),
]


@pytest.mark.parametrize(("y", "message"), MISSING + OBJECTS)
@pytest.mark.parametrize("where", ["fit", "partial_fit", "score", "y_val"])
def test_missing_labels_and_objects_other_than_strings_are_named(where, y, message):
    model = small_fit(SGDSigmoidMLP, GOOD_X, GOOD_Y)
    before = state(model)
    call, validation = getattr(model, where.replace("y_val", "fit")), {}
    if where == "y_val":
        validation, y = {"X_val": GOOD_X, "y_val": y}, GOOD_Y
    with pytest.raises(ValueError, match=f"y .*{message}"):
        call(GOOD_X, y, **validation)
    assert_same_state(before, state(model))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([0, 1, None], "classes contains None: 1 label is missing, .* index 2"),
        (["a", nan], "classes contains NaN: 1 label is missing, .* index 1"),
        (np.arange(3).astype(object), r"type int\. .* use classes\.astype\(int\)"),
        (pd.Series([pd.NA, 1, 2]), r"classes contains pandas\.NA: 1 .* index 0"),
    ],
)
def test_classes_that_are_missing_or_objects_are_named(classes, message):
    with pytest.raises(ValueError, match=message):
        SGDSigmoidMLP().partial_fit(GOOD_X, GOOD_Y, classes=classes)


@pytest.mark.parametrize(
    "y",
    [
        np.array(list("abcabc"), dtype=object),
        pd.Series(list("abcabc")),
        pd.Series(list("abcabc"), dtype="category"),
        pd.Series(GOOD_Y, dtype="Int64"),
        pd.DataFrame({"y": pd.array(GOOD_Y, "Int64")}),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_strings_and_the_types_of_data_frames_are_valid_labels(y):
    assert len(small_fit(SGDSigmoidMLP, GOOD_X, y).partial_fit(GOOD_X, y).classes_) == 3


def labels_in_two_parts(first, second):
    """A sparse indicator of GOOD_Y with two entries in each place, which add up."""
    indptr = np.arange(0, 13, 2)
    return csr_matrix((np.tile([first, second], 6), np.repeat(GOOD_Y, 2), indptr))


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_duplicate_entries_of_sparse_labels_are_added_up(method):
    model = small_fit(SGDSigmoidMLP, GOOD_X, np.eye(3, dtype=int)[GOOD_Y])
    with pytest.raises(ValueError, match="binary indicator matrix"):
        getattr(model, method)(GOOD_X, labels_in_two_parts(1, 1))
    y = labels_in_two_parts(2, -1)
    same = small_fit(SGDSigmoidMLP, GOOD_X, y)
    assert_same_bits(same, model)
    assert y.nnz == 12  # not added up in place


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a"] * 6, "y must be numbers, got an array of dtype <U1"),
        (["1"] * 6, "y must be numbers"),
        (np.ones(6, "m8[s]"), "y must be numbers"),
        (np.ones((6, 2, 2)), "dim 3"),
        (GOOD_Y * 1j, "Complex data not supported"),
        (
            pd.DataFrame({"a": GOOD_Y > 0, "b": GOOD_Y * 1j}),
            "y: Complex data not supported",
        ),
    ],
)
def test_the_regressor_refuses_targets_that_are_not_numbers(y, message):
    with pytest.raises(ValueError, match=message):
        SGDSigmoidMLPRegressor().fit(GOOD_X, y)


# --- partial_fit --------------------------------------------------------------------


def test_the_first_partial_fit_needs_classes():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        SGDSigmoidMLP().partial_fit(GOOD_X, GOOD_Y)


@pytest.mark.parametrize(
    ("X", "y", "classes", "message"),
    [
        (GOOD_X, GOOD_Y + 1, None, r"y has the classes \[3\].*given by classes or by"),
        (GOOD_X, ["a", "b"] * 3, None, "y has the classes"),
        (GOOD_X, np.array(["NaT", "2020"] * 3, "M8[D]"), None, "got NaT"),
        (GOOD_X, GOOD_Y, [0, 1], r"classes=\[0 1\] differs from those of the first"),
        (GOOD_X, np.eye(3)[GOOD_Y], None, "y is a binary indicator matrix, but the"),
        (GOOD_X[:, :3], GOOD_Y, None, "X has 3 features, but .* expecting 4"),
    ],
)
def test_a_later_partial_fit_must_match_the_first(X, y, classes, message, iris):
    model = small_fit(SGDSigmoidMLP, *iris)
    before = state(model)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, y, classes=classes)
    assert_same_state(before, state(model))


def test_an_unknown_label_is_named_even_if_classes_have_weights(iris):
    model = small_fit(SGDSigmoidMLP, *iris, class_weight={0: 2.0})
    with pytest.raises(ValueError, match=r"y has the classes \[7\]"):
        model.partial_fit(GOOD_X, np.full(len(GOOD_X), 7))
    with pytest.raises(ValueError, match=r"y_val .*y has the classes \[7\]"):
        model.fit(*iris, X_val=GOOD_X, y_val=np.full(len(GOOD_X), 7))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("class_weight", [None, {2**60: 1.5}, "balanced"])
def test_unsigned_labels_are_the_same_as_signed_ones(class_weight):
    # numpy compares the two as floats, in which both labels are the same.
    y = np.array([2**60 - 1, 2**60])[GOOD_Y % 2]
    first = GOOD_Y.astype(np.int64) % 2 == 0
    model = SGDSigmoidMLP((3,), max_iter=2, random_state=0, class_weight=class_weight)
    other = copy.deepcopy(model)
    model.fit(GOOD_X, y, X_val=GOOD_X[first], y_val=y[first])
    other.fit(GOOD_X, y, X_val=GOOD_X[first], y_val=y[first].astype(np.uint64))
    if class_weight != "balanced":
        model.partial_fit(GOOD_X, y)
        other.partial_fit(GOOD_X, y.astype(np.uint64))
    assert_same_bits(model, other)
    assert model.validation_loss_curve_ == other.validation_loss_curve_


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("where", ["first", "classes", "later"])
def test_nat_is_not_a_label(where, method):
    times = np.array(["2020", "2021"], "M8[D]")[GOOD_Y % 2]
    with_nat = np.where(np.arange(len(times)) == 0, np.datetime64("NaT", "D"), times)
    model = SGDSigmoidMLP((3,), random_state=0)
    if where == "later":
        model.partial_fit(GOOD_X, times, classes=np.unique(times))
    arguments = [GOOD_X, times if where == "classes" else with_nat]
    if where == "classes" or (where == "first" and method == "partial_fit"):
        arguments.append(np.unique(with_nat))
        method = "partial_fit"
    name = "classes" if where == "classes" else "y"
    with pytest.raises(ValueError, match=f"{name} must be labels, got NaT"):
        getattr(model, method)(*arguments)


def with_index(form, index):
    X = getattr(csr_matrix(GOOD_X), f"to{form.removesuffix(' row')}")()
    if form == "coo":
        X.col[-1] = index
    elif form == "coo row":
        X.row[-1] = index
    elif form == "lil":
        X.rows[-1][-1] = index
    else:
        X.indices[-1] = index
    return X


@pytest.mark.parametrize("index", [-1, 50, 5 * 10**8])
@pytest.mark.parametrize("form", ["csr", "csc", "bsr", "coo", "coo row", "lil"])
@BOTH
def test_entries_outside_a_sparse_matrix_are_refused(Estimator, form, index, iris):
    X = with_index(form, index)
    model = small_fit(Estimator, *iris)
    before = state(model)
    for method in ("fit", "partial_fit", "predict", "score"):
        arguments = (X,) if method == "predict" else (X, GOOD_Y)
        with pytest.raises(ValueError, match=r"X is a sparse matrix .* outside"):
            getattr(model, method)(*arguments)
    assert_same_state(before, state(model))
    with pytest.raises(ValueError, match=r"y is a sparse matrix .* outside"):
        SGDSigmoidMLP().fit(GOOD_X, X)
    with pytest.raises(ValueError, match=r"y is a sparse matrix .* outside"):
        small_fit(SGDSigmoidMLP, GOOD_X, GOOD_X > 3).score(GOOD_X, X)


@pytest.mark.parametrize("method", ["fit", "predict"])
def test_a_sparse_array_of_one_dimension_is_named(method, iris):
    model = small_fit(SGDSigmoidMLP, *iris)
    row = coo_array(np.arange(4.0))
    if row.ndim == 2:
        pytest.skip("this scipy has no sparse arrays of one dimension")
    arguments = (row.tocsr(),) if method == "predict" else (row.tocsr(), [0])
    with pytest.raises(ValueError, match="X: Expected 2D"):
        getattr(model, method)(*arguments)


@pytest.mark.parametrize("indptr", [[0, 2, 1, 2, 2, 2, 2], [0] * 6 + [90], [1] * 7])
def test_a_sparse_matrix_with_a_decreasing_indptr_is_refused(indptr):
    X = csr_matrix(GOOD_X)
    X.indptr[:] = indptr
    with pytest.raises(ValueError, match=r"X is a sparse matrix .* indptr"):
        SGDSigmoidMLP().fit(X, GOOD_Y)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("coefs_", lambda c: [np.zeros((99, 5)), *c[1:]], r"coefs_ .*\(99, 5\)"),
        ("coefs_", lambda c: [c[0], c[1][:3]], r"coefs_ .*\(3, "),
        ("coefs_", lambda c: c[:1], "coefs_ must be arrays"),
        ("coefs_", lambda c: [], "coefs_ must be arrays"),
        ("coefs_", lambda c: [c[0].astype(np.float32), c[1]], "coefs_ .*got .*float32"),
        ("coefs_", lambda c: [a.astype(int) for a in c], "coefs_ .*int64"),
        ("coefs_", lambda c: [a.tolist() for a in c], "coefs_ must be arrays"),
        (
            "intercepts_",
            lambda b: [b[0][:, None], *b[1:]],
            "intercepts_ must be arrays",
        ),
        ("intercepts_", lambda b: [b[0][:2], *b[1:]], "hidden_layer_sizes"),
        ("_velocity", lambda v: ([v[0][0], v[0][1][:2]], v[1]), "momentum of coefs_"),
        ("_velocity", lambda v: (v[0], v[1][:1]), "momentum of intercepts_"),
        ("coefs_", lambda c: None, "coefs_ and intercepts_: "),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@BOTH
def test_arrays_that_do_not_fit_together_are_not_trained_on(
    Estimator, method, name, change, message, iris
):
    model = small_fit(Estimator, *iris, momentum=0.5, warm_start=True)
    setattr(model, name, change(getattr(model, name)))
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(model, method)(*iris)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("coefs_", lambda c: [a.tolist() for a in c], r"coefs_ must be arrays .* list"),
        ("coefs_", lambda c: [np.zeros((99, 5)), *c[1:]], r"coefs_ .*got .*\(99, 5\)"),
        ("coefs_", lambda c: c[:1], "coefs_ must be arrays"),
        ("coefs_", lambda c: [], "coefs_ must be arrays"),
        ("coefs_", lambda c: [c[0].astype(np.float32), c[1]], "coefs_ .*got .*float32"),
        ("coefs_", lambda c: [a.astype(int) for a in c], "coefs_ .*int64"),
        ("coefs_", lambda c: None, "coefs_ and intercepts_: "),
        ("coefs_", lambda c: [pd.DataFrame(a) for a in c], "coefs_ must be arrays"),
        ("intercepts_", lambda b: [a.tolist() for a in b], "intercepts_ must .* list"),
        ("intercepts_", lambda b: [b[0][:1], *b[1:]], "must be arrays of shapes"),
        ("intercepts_", lambda b: [b[0], b[1][:0]], "intercepts_ must be arrays"),
        ("intercepts_", lambda b: [b[0][:, None], b[1]], "intercepts_ must be arrays"),
        ("intercepts_", lambda b: 5, "coefs_ and intercepts_: "),
    ],
)
@pytest.mark.parametrize("method", ["predict", "score", "predict_proba", "trace"])
@BOTH
def test_arrays_that_do_not_fit_together_are_not_used_to_predict(
    Estimator, method, name, change, message, iris
):
    model = small_fit(Estimator, *iris)
    setattr(model, name, change(getattr(model, name)))
    model.set_params(hidden_layer_sizes=(99,))  # for the next fit
    arguments = iris if method == "score" else iris[:1]
    call = getattr(model, method, None)
    if method == "trace":
        call, arguments = partial(backprop_trace, model), iris
    if call is None:
        pytest.skip("no such method")
    with pytest.raises((ValueError, TypeError), match=message):
        call(*arguments)


@pytest.mark.parametrize(
    "method", ["predict", "score", "partial_fit", "warm fit", "trace", "gradient"]
)
@BOTH
def test_an_error_about_weights_of_an_unfitted_estimator_gives_the_recipe(
    Estimator, method, iris
):
    coefs, intercepts = [np.eye(4, 3)], [np.zeros(3)]
    model = Estimator(())
    model.coefs_, model.intercepts_ = coefs, intercepts
    call, arguments = getattr(model, method, None), iris
    if method == "predict":
        arguments = iris[:1]
    elif method == "warm fit":
        call = model.set_params(warm_start=True).fit
    elif method in ("trace", "gradient"):
        inspect = backprop_trace if method == "trace" else check_gradient
        call = partial(inspect, model)
    with pytest.raises(
        NotFittedError, match=r"coefs_ and .* set\. .* call partial_fit"
    ):
        call(*arguments)


def test_the_recipe_for_your_own_weights_works(iris):
    X, y = iris
    coefs, intercepts = [np.eye(4, 3)], [np.zeros(3)]
    model = SGDSigmoidMLP(()).partial_fit(X[:1], y[:1], [0, 1, 2], sample_weight=0)
    model.coefs_, model.intercepts_ = coefs, intercepts
    assert_array_equal(model.decision_function(X), X[:, :3])
    model = SGDSigmoidMLPRegressor((), target_range=(0, 4))
    model.partial_fit(X[:1], X[:1, :3], sample_weight=0)
    model.coefs_, model.intercepts_ = coefs, intercepts
    expected = (1 / (1 + np.exp(-X[:, :3])) - 0.1) / 0.8 * 4
    assert_allclose(model.predict(X), expected)
    # A cold fit ignores weights that were set.
    lone = SGDSigmoidMLP((5,), max_iter=2, random_state=0)
    lone.coefs_ = coefs
    assert_same_bits(fit(lone, X, y), small_fit(SGDSigmoidMLP, X, y))


@BOTH
def test_an_unused_velocity_need_not_match_the_weights(Estimator, iris):
    model = small_fit(Estimator, *iris, momentum=0.5).set_params(momentum=0)
    model.coefs_ = [coef.astype(np.float32) for coef in model.coefs_]
    model.intercepts_ = [b.astype(np.float32) for b in model.intercepts_]
    model.partial_fit(*iris)
    assert model.coefs_[0].dtype == np.float32


@pytest.mark.parametrize("unit", ["D", "s", "ns"])
def test_times_are_the_same_labels_in_any_unit_but_not_numbers(unit):
    times = np.array(["2020", "2021"], "M8[ns]")
    model = SGDSigmoidMLP((3,), max_iter=2, warm_start=True)
    model.partial_fit(GOOD_X, times[GOOD_Y % 2], classes=times)
    model.partial_fit(GOOD_X, times[GOOD_Y % 2], classes=times.astype(f"M8[{unit}]"))
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has"):
        model.fit(GOOD_X, times.astype(np.int64)[GOOD_Y % 2])


@BOTH
def test_weights_of_a_network_that_are_not_finite_are_named(Estimator, iris):
    model = small_fit(Estimator, *iris)
    model.coefs_[0][0, 0] = nan
    with pytest.raises(ValueError, match="coefs_ or intercepts_"):
        model.predict(iris[0])


@pytest.mark.parametrize("name", ["max_iter", "alpha", "batch_size", "random_state"])
def test_a_number_with_too_many_digits_to_show_is_refused(name, iris):
    with pytest.raises(ValueError, match=rf"^{name} must be .*too many digits"):
        SGDSigmoidMLP(**{name: 10**5000}).fit(*iris)


def test_a_missing_value_as_a_key_of_class_weight_is_named(iris):
    with pytest.raises(ValueError, match=r"class_weight has weights for .*NA"):
        SGDSigmoidMLP(class_weight={pd.NA: 1.0}).fit(*iris)


class BrokenPipe:
    """A standard output that raises from the n-th line on."""

    def __init__(self, n):
        self.n = n

    def write(self, text):
        self.n -= text.count("\n")
        if self.n <= 0:
            raise BrokenPipeError

    def flush(self):
        pass


@pytest.mark.parametrize(("method", "n"), [("fit", 1), ("fit", 13), ("partial_fit", 1)])
@BOTH
def test_an_error_while_printing_leaves_the_model_as_it_was(
    Estimator, method, n, iris, monkeypatch
):
    model = small_fit(Estimator, *iris)
    model.set_params(verbose=True, max_iter=50, tol=0.9)  # ends after 12 epochs
    before = state(model)
    monkeypatch.setattr(sys, "stdout", BrokenPipe(n))
    with pytest.raises(BrokenPipeError):
        getattr(model, method)(*iris)
    assert_same_state(before, state(model))


@pytest.mark.parametrize(
    ("fitted_on", "y", "message"),
    [
        (np.eye(3, dtype=int)[GOOD_Y], GOOD_Y, "y is one label a row, but the model"),
        (np.eye(3, dtype=int)[GOOD_Y], np.eye(2)[GOOD_Y % 2], "y has 2 columns, exp"),
        (np.eye(2, dtype=int)[GOOD_Y % 2], np.eye(3)[GOOD_Y], "y has 3 columns, exp"),
    ],
)
def test_a_multilabel_model_keeps_its_labels(fitted_on, y, message):
    model = small_fit(SGDSigmoidMLP, GOOD_X, fitted_on)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(GOOD_X, y)


def test_the_regressor_keeps_its_number_of_outputs():
    model = small_fit(SGDSigmoidMLPRegressor, GOOD_X, GOOD_X[:, :2])
    with pytest.raises(ValueError, match="y has 3 columns, expected 2"):
        model.partial_fit(GOOD_X, GOOD_X[:, :3])


def test_the_regressor_keeps_its_target_range(iris):
    model = small_fit(SGDSigmoidMLPRegressor, *iris)
    model.set_params(target_range=(-5, 5))
    with pytest.raises(
        ValueError, match=r"target_range=\(-5, 5\) differs from that of"
    ):
        model.partial_fit(*iris)
    model.set_params(target_range=(0, 2)).partial_fit(*iris)


def test_an_error_about_a_class_that_appears_later_says_what_to_do(iris):
    model = SGDSigmoidMLP((3,)).partial_fit(*iris, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"\[3\], .* fit a new estimator on all"):
        model.partial_fit(GOOD_X, GOOD_Y + 1)
    with pytest.raises(ValueError, match=r"differs .* fit a new estimator on all"):
        model.partial_fit(GOOD_X, GOOD_Y + 1, classes=[0, 1, 2, 3])


@pytest.mark.parametrize(
    "weights",
    [
        np.linspace(0.5, 1, 6),
        [0.1, 0.2, 0.3, 0.4, 0.5, 1.5],
        np.ones(6),
        np.ones(6, dtype=int),
        [1.0, 2.0, 2.0, 1.0, 1.0, 1.0],
        pd.Series(np.full(6, 0.5)),
    ],
)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("y", [GOOD_Y, list("abcabc"), np.eye(3)[GOOD_Y]], ids=type)
def test_weights_passed_as_classes_are_recognised(y, first, weights):
    model = SGDSigmoidMLP((3,), random_state=0)
    if not first:
        model.partial_fit(GOOD_X, y, np.arange(3) if np.ndim(y) > 1 else np.unique(y))
    with pytest.raises(
        ValueError, match=r"third argument is classes; .* sample_weight="
    ):
        model.partial_fit(GOOD_X, y, weights)


@pytest.mark.parametrize(
    "classes",
    [GOOD_Y, GOOD_Y.astype(float), [2.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0, 1, 2, 3, 4, 5]],
)
def test_as_many_classes_as_rows_are_accepted(classes):
    model = SGDSigmoidMLP((3,), random_state=0)
    for _ in range(2):
        model.partial_fit(GOOD_X, GOOD_Y, classes)
    assert_array_equal(model.classes_, np.unique(classes))


def test_as_many_wrong_classes_as_rows_are_not_mistaken_for_weights(iris):
    model = SGDSigmoidMLP((3,)).partial_fit(*iris, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"classes=\[0 1 3\] differs"):
        model.partial_fit(GOOD_X[:3], [0, 1, 3], classes=[0, 1, 3])


@pytest.mark.parametrize("classes", [3, [[0, 1, 2]], "ab"])
def test_classes_must_be_a_list(classes):
    with pytest.raises(ValueError, match="classes must be a list of labels"):
        SGDSigmoidMLP().partial_fit(GOOD_X, GOOD_Y, classes=classes)


def test_an_indicator_needs_one_class_for_each_column():
    y = np.eye(3, dtype=int)[GOOD_Y]
    for classes in ([], [0, 1]):
        with pytest.raises(ValueError, match=r"classes has \d labels, but y has 3 col"):
            SGDSigmoidMLP().partial_fit(GOOD_X, y, classes=classes)


def test_weights_that_float32_cannot_hold_are_named(iris):
    X = iris[0].astype(np.float32)
    with pytest.raises(
        ValueError, match=r"sample_weight .* has values from 1e\+39 to 1e\+39"
    ):
        SGDSigmoidMLP().partial_fit(X, iris[1], [0, 1, 2], np.full(150, 1e39))
    model = SGDSigmoidMLP(class_weight=dict.fromkeys([0, 1, 2], 1e39))
    with pytest.raises(ValueError, match=r"times class_weight.* has values from 1e"):
        model.partial_fit(X, iris[1], [0, 1, 2])


@pytest.mark.parametrize("early_stopping", [False, True])
def test_held_out_rows_without_a_finite_loss_and_score_are_named(early_stopping, iris):
    X, y = iris[0], iris[0][:, 0]
    model = small_fit(SGDSigmoidMLPRegressor, X, y, early_stopping=early_stopping)
    before = state(model)
    for dtype, scale in ((np.float64, 1e300), (np.float32, 1e30)):
        with pytest.raises(ValueError, match=r"^X_val, y_val or .* too large"):
            model.fit(X.astype(dtype), y, X_val=X, y_val=y * scale)
        assert_same_state(before, state(model))
    weights = np.where(np.arange(len(y)) == 0, 1.0, 1e-320)
    with pytest.raises(ValueError, match=r"sample_weight_val .* weights that are too"):
        model.fit(X, y, X_val=X, y_val=y, sample_weight_val=weights)


@BOTH
def test_a_failing_call_does_not_disturb_predictions_of_other_threads(Estimator, iris):
    model = small_fit(Estimator, *iris)
    expected, failures = model.predict(iris[0]), []
    model.set_params(tol=-1)

    def predict():
        while not done.is_set():
            try:
                assert_array_equal(model.predict(iris[0]), expected)
            except Exception as error:
                failures.append(error)

    done = threading.Event()
    threads = [threading.Thread(target=predict) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for _ in range(1000):
            with pytest.raises(ValueError, match="tol"):
                model.partial_fit(*iris)
    finally:
        done.set()
        sys.setswitchinterval(interval)
    for thread in threads:
        thread.join()
    assert not failures


@BOTH
def test_layers_cannot_change_between_calls_of_partial_fit(Estimator, iris):
    model = small_fit(Estimator, *iris).set_params(hidden_layer_sizes=(6,))
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(6,\) means layers of"):
        model.partial_fit(*iris)


# --- predict ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
def test_prediction_needs_a_fitted_model_and_its_features(method, iris):
    with pytest.raises(NotFittedError, match="SGDSigmoidMLP instance is not fitted"):
        getattr(SGDSigmoidMLP(), method)(iris[0])
    model = small_fit(SGDSigmoidMLP, *iris)
    with pytest.raises(ValueError, match="X has 3 features, but SGDSigmoidMLP is exp"):
        getattr(model, method)(iris[0][:, :3])
    with pytest.raises(ValueError, match="X contains NaN"):
        getattr(model, method)(X_with(nan))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@BOTH
def test_rows_too_large_to_predict_are_named(Estimator, dtype, iris):
    X = iris[0].astype(dtype)
    with pytest.warns(ConvergenceWarning):
        model = Estimator((), max_iter=2, random_state=0).fit(X, iris[1])
    model.coefs_[0][:] = 2
    X = X[:5]
    X[3] = np.finfo(dtype).max
    with pytest.raises(ValueError, match=r"X is too large in row 3.* float\d\d"):
        model.predict(X)


def test_a_range_with_predictions_that_are_not_finite_is_named(iris):
    X = iris[0]
    model = SGDSigmoidMLPRegressor()
    with pytest.raises(ValueError, match=r"y or target_range is too large.*float64"):
        model.fit(X, np.repeat([-1.7e308, 1.7e308], 75))
    with pytest.raises(ValueError, match=r"y or target_range is too large.*float32"):
        model.fit(X.astype(np.float32), np.linspace(0, 1e39, 150))
    assert not hasattr(model, "coefs_")


def test_more_neurons_than_can_be_addressed_are_named(iris):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=.* more than any memory"):
        SGDSigmoidMLP((10**18,)).fit(*iris)


def test_parameters_may_be_numbers_of_any_type(iris):
    settings = {"momentum": 0.5, "alpha": 0.25, "tol": 0.125, "power_t": 0.5}
    plain = small_fit(SGDSigmoidMLP, *iris, learning_rate="invscaling", **settings)
    for kind in (Fraction, np.longdouble, np.float16):
        same = {name: kind(value) for name, value in settings.items()}
        model = small_fit(SGDSigmoidMLP, *iris, learning_rate="invscaling", **same)
        assert_same_bits(model, plain)
    # A number that a float cannot tell from the limit is outside the range.
    for name, value in (("momentum", 1 - np.longdouble(1e-19)),):
        with pytest.raises(ValueError, match=name):
            SGDSigmoidMLP(**{name: value}).fit(*iris)


def test_weights_whose_mean_rounds_to_zero_leave_alpha_finite(iris):
    weights = np.where(np.arange(150) == 7, 5e-324, 0)
    model = SGDSigmoidMLP((5,), max_iter=1, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(*iris, sample_weight=weights)
    assert np.isfinite(model.coefs_[0]).all()


@pytest.mark.parametrize(
    ("y", "message"), [([1, 2], "sample_weight: Found"), (None, "y_true"), ({}, "y")]
)
@BOTH
def test_score_names_its_arguments(Estimator, y, message, iris):
    model = small_fit(Estimator, *iris)
    with pytest.raises(ValueError, match=message):
        model.score(iris[0], y)


def test_score_names_a_y_in_a_format_that_scikit_learn_cannot_index(iris):
    model = small_fit(SGDSigmoidMLP, *iris)
    with pytest.raises(ValueError, match="X or y or sample_weight"):
        model.score(iris[0], bsr_array(iris[1][:, np.newaxis]))


@BOTH
def test_score_refuses_weights_that_are_not_finite_numbers(Estimator, iris):
    model = small_fit(Estimator, *iris)
    for weights in (np.ones(150) * 1j, ["a"] * 150, np.full(150, nan)):
        with pytest.raises(ValueError, match="sample_weight must be finite numbers"):
            model.score(*iris, weights)


@pytest.mark.parametrize("largest", [1e-300, 5e306, 1e307, 1.7e308])
@BOTH
def test_a_score_is_the_same_with_weights_of_any_size(Estimator, largest, iris):
    model = small_fit(Estimator, *iris)
    weights = np.random.default_rng(0).random(150)
    assert_allclose(
        model.score(*iris, weights * largest), model.score(*iris, weights), rtol=1e-12
    )


def test_a_score_of_values_too_large_to_square_is_refused(iris):
    y = iris[0][:, 0] * 1e200
    with pytest.raises(ValueError, match="y is too large for R²"):
        small_fit(SGDSigmoidMLPRegressor, iris[0], y).score(iris[0], y)


# --- divergence ---------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@BOTH
def test_divergence_is_an_error_that_names_eta(Estimator, method, iris):
    model = small_fit(Estimator, *iris, batch_size=1)
    model.set_params(momentum=0.9999, learning_rate_init=1.7e308, max_iter=100)
    before = state(model)
    with pytest.raises(ValueError, match=r"diverged .*learning_rate_init=1.7e\+308"):
        getattr(model, method)(*iris)
    assert_same_state(before, state(model))
    assert np.isfinite(model.predict(iris[0])).all()


def test_divergence_because_of_weights_or_targets_names_them(iris):
    X, y = iris
    with pytest.raises(ValueError, match=r"diverged .*sample_weight"):
        SGDSigmoidMLP().partial_fit(X, y, [0, 1, 2], sample_weight=1e308)
    model = small_fit(SGDSigmoidMLPRegressor, X, y)
    with (
        pytest.warns(UserWarning, match=r"100 of 150 values \(66.7%\) outside"),
        pytest.raises(ValueError, match=r"diverged .*y far outside"),
    ):
        model.partial_fit(X, y * 1e300)
