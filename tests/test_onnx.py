"""Converted networks: onnxruntime's outputs against those of the network itself."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import onnx
import onnxruntime
import pytest
from helpers import quietly
from numpy.testing import assert_allclose, assert_array_equal
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import skbackprop.onnx  # noqa: F401
from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
FLOATS = [np.float32, np.float64]
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-12}


def served(model, X, **options):
    """The outputs of the converted model for `X`."""
    onnx_model = to_onnx(model, X[:1], options=options or None)
    one_thread = onnxruntime.SessionOptions()
    one_thread.intra_op_num_threads = 1  # starting others takes longer than running
    session = onnxruntime.InferenceSession(onnx_model.SerializeToString(), one_thread)
    return session.run(None, {"X": X})


def assert_served_correctly(model, X):
    """Labels are equal, and errors within the tolerance; return the largest error.

    The error of a regressor is relative to the width of target_range, or to y if that
    is larger, because float32 has no more digits.
    """
    dtype = np.float64 if X.dtype == np.float64 else np.float32
    wanted = model.predict(X)
    if not hasattr(model, "predict_proba"):
        (y,) = served(model, X)
        assert y.dtype == dtype
        wanted = wanted.reshape(len(X), -1)
        assert y.shape == wanted.shape
        low, high = target_range(model)
        error = np.abs(y - wanted) / np.maximum(high - low, np.abs(wanted))
    else:
        labels, p = served(model, X, zipmap=False)
        assert_array_equal(labels, wanted, strict=wanted.dtype == np.int64)
        assert p.dtype == dtype
        wanted_p = model.predict_proba(X)
        assert p.shape == wanted_p.shape
        error = np.abs(p - wanted_p)
    assert error.max() <= TOLERANCE[dtype]  # and not NaN
    return error.max()


def target_range(model):
    """The target_range of a regressor, alone, in a pipeline or in a search."""
    model = getattr(model, "best_estimator_", model)
    return (model[-1] if isinstance(model, Pipeline) else model).target_range_


def network(coefs, intercepts, classes=None, target_range=None, multilabel=False):
    """An estimator with these parameters."""
    dtype, n_features, n_outputs = coefs[0].dtype, *coefs[0].shape[:1], len(coefs[-1].T)
    hidden = tuple(coef.shape[1] for coef in coefs[:-1])
    X = np.zeros((1, n_features), dtype)
    if target_range is not None:
        model = SGDSigmoidMLPRegressor(hidden, target_range=target_range)
        model.partial_fit(X, np.mean(target_range, axis=0, keepdims=True))
    elif multilabel:
        model = SGDSigmoidMLP(hidden).partial_fit(X, np.ones((1, n_outputs), int))
    else:
        model = SGDSigmoidMLP(hidden).partial_fit(X, classes[:1], classes)
    model.coefs_, model.intercepts_ = coefs, intercepts
    return model


def random_network(seed, dtype):
    """Up to 20 features, 3 hidden layers of 30, 8 outputs; pre-activations up to 25."""
    rng = np.random.default_rng(seed)
    hidden = rng.integers(1, 31, size=rng.integers(0, 4))
    kinds = ["one class", "two classes", "classes", "labels", "numbers"]
    kind = rng.choice(kinds, p=[0.05, 0.2, 0.3, 0.2, 0.25])
    n_outputs = 1 if kind.endswith(("one class", "two classes")) else rng.integers(2, 9)
    gain = 10 ** rng.uniform(-1, 0.5)
    units = [rng.integers(1, 21), *hidden, n_outputs]
    coefs = [
        (rng.normal(size=(n_in, n_out)) * gain * 2 / np.sqrt(n_in)).astype(dtype)
        for n_in, n_out in pairwise(units)
    ]
    intercepts = [(rng.normal(size=n) * gain).astype(dtype) for n in units[1:]]
    X = rng.normal(size=(20, units[0])).astype(dtype)
    n_classes = {"one class": 1, "two classes": 2, "classes": max(n_outputs, 3)}
    if kind == "classes" and n_outputs == 2:
        kind = "two classes"
        coefs[-1], intercepts[-1] = coefs[-1][:, :1], intercepts[-1][:1]
    if kind == "numbers":
        centre, width = 10 * rng.normal(size=n_outputs), rng.lognormal(size=n_outputs)
        return network(
            coefs, intercepts, target_range=(centre - width, centre + width)
        ), X
    if kind == "labels":
        return network(coefs, intercepts, multilabel=True), X
    return network(coefs, intercepts, classes=np.arange(n_classes[kind]) - 1), X


# 1,000 networks: a usual run takes the first 100, pytest -m slow the rest.
HUNDREDS = [
    pytest.param(first, marks=pytest.mark.slow if first else [])
    for first in range(0, 1000, 100)
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("first", HUNDREDS)
def test_random_networks_are_served_correctly(first, dtype):
    errors = [
        assert_served_correctly(*random_network(seed, dtype))
        for seed in range(first, first + 100)
    ]
    assert max(errors) > 0  # or they were all trivial
    print(f"\nlargest error of 100 networks: {max(errors):.2g}")


@pytest.mark.parametrize("dtype", FLOATS, ids=["input 32", "input 64"])
@pytest.mark.parametrize("fit_dtype", FLOATS, ids=["fit 32", "fit 64"])
@pytest.mark.parametrize("scaled", [False, True], ids=["alone", "in a pipeline"])
@pytest.mark.parametrize("load", [load_digits, load_breast_cancer, load_diabetes])
def test_models_of_real_data_are_served_correctly(load, scaled, fit_dtype, dtype):
    X, y = load(return_X_y=True)
    kind = SGDSigmoidMLPRegressor if load is load_diabetes else SGDSigmoidMLP
    model = kind((30,), max_iter=20, random_state=0)
    if scaled:
        model = make_pipeline(StandardScaler(), model)
    else:
        X = (X - X.mean(axis=0)) / X.std(axis=0).clip(1e-9)
    X = X.astype(fit_dtype)
    assert_served_correctly(model.fit(X, y), X.astype(dtype))


LABELS = {
    "one string": ["a"],
    "one number": [3],
    "two strings": ["no", "yes"],
    "two strings as objects": np.array(["no", "yes"], dtype=object),
    "three strings, not ASCII": ["ä", "∂", "x"],
    "a negative and a large number": [-5, 2**40],
    "unsigned numbers": np.array([0, 1, 200], dtype=np.uint8),
    "four numbers": [-1, 0, 7, 9],
    "booleans": [False, True],
    "whole floats": [1.0, 2.0, 5.0],
}


@pytest.mark.parametrize("dtype", [*FLOATS, np.int64, np.bool_])
@pytest.mark.parametrize("hidden", [(), (4,), (4, 3)])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_all_kinds_of_labels_and_inputs_are_served(labels, hidden, dtype, iris):
    X = iris[0].astype(dtype)
    y = np.asarray(labels)[np.arange(150) % len(labels)]
    model = SGDSigmoidMLP(hidden, max_iter=2, random_state=0).fit(X, y)
    assert_served_correctly(model, X)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("hidden", [(), (4,)])
def test_multilabel_models_are_served(hidden, dtype, iris):
    X, y = iris[0].astype(dtype), np.column_stack([iris[1] > 0, iris[1] < 2])
    model = SGDSigmoidMLP(hidden, max_iter=5, random_state=0).fit(X, y)
    assert len(np.unique(model.predict(X), axis=0)) > 1
    assert_served_correctly(model, X)
    labels, *columns = served(model, X, zipmap="columns")
    assert_array_equal(labels, model.predict(X))
    assert_allclose(np.column_stack(columns), model.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("target_range", ["auto", (-5, 300), ([-1, 0], [1, 1e6])])
def test_regressors_map_back_by_their_target_range(target_range, dtype, iris):
    X, y = iris[0].astype(dtype), iris[0][:, :2] * [1, 1e5] + [0, 3e5]
    if np.ndim(target_range) == 1:
        y = y[:, 1] / 1e4  # one output
    model = SGDSigmoidMLPRegressor((), target_range=target_range, max_iter=5)
    quietly(model.set_params(random_state=0).fit, X, y)  # some y cannot be reached
    assert_served_correctly(model, X)


# Rows with all activations 0, some, or one; pre-activations that are equal, and 0.
EXTREME = np.array(
    [
        [-1000, -1000, -1001],
        [-2000, -5000, -1e4],
        [-1e4, 0, 1e4],
        [1e4, 1e4, 1e4],
        [1e30, -1e30, -1e30],
        [0, 0, 0],
        [-0.0, 0, -0.0],
        [-90, -104, -90],
        [-745, -746, -747],
        [17, 40, 100],
        [-1e-30, 1e-30, 0],
    ]
)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kind", ["one class", "two classes", "classes", "labels"])
def test_saturated_networks_ties_and_zeros_are_served_correctly(kind, dtype):
    """Without a hidden layer and with an identity as weights, z equals X."""
    n = {"one class": 1, "two classes": 1}.get(kind, 3)
    coefs, intercepts = [np.eye(3, n, dtype=dtype)], [np.zeros(n, dtype=dtype)]
    classes = np.arange({"two classes": 2}.get(kind, n))
    model = network(coefs, intercepts, classes, multilabel=kind == "labels")
    X = EXTREME.astype(dtype)
    assert_array_equal(model.decision_function(X).reshape(len(X), -1), X[:, :n])
    assert_served_correctly(model, X)
    # Probabilities are defined even if all activations round to 0.
    _, p = served(model, X, zipmap=False)
    if kind != "labels":
        assert_allclose(p.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("dtype", FLOATS)
def test_saturated_hidden_neurons_are_served_correctly(dtype):
    rng = np.random.default_rng(0)
    coefs = [
        rng.integers(-1, 2, size=shape).astype(dtype) * 60
        for shape in [(4, 10), (10, 10), (10, 4)]
    ]
    coefs[-1] += rng.normal(size=(10, 4)).astype(dtype)  # so that classes do not tie
    intercepts = [rng.integers(-1, 2, size=n).astype(dtype) * 30 for n in (10, 10, 4)]
    model = network(coefs, intercepts, classes=np.arange(4))
    X = rng.integers(-9, 10, size=(100, 4)).astype(dtype)
    assert np.abs(model.decision_function(X)).max() > 100
    assert len(np.unique(model.predict(X))) > 1
    assert_served_correctly(model, X)


def test_labels_come_from_z_even_if_probabilities_are_equal():
    coefs, intercepts = [np.eye(3)], [np.zeros(3)]
    model = network(coefs, intercepts, classes=np.array(["a", "b", "c"]))
    X = np.array([[40.0, 50.0, 45.0]])
    labels, p = served(model, X, zipmap=False)
    assert p[0, 0] == p[0, 1] == p[0, 2]
    assert labels == model.predict(X) == ["b"]


def test_a_search_and_its_best_estimator_are_served_correctly(iris):
    X, y = iris
    model = SGDSigmoidMLP((5,), random_state=0)
    grid = {"max_iter": [3, 20]}
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert_served_correctly(search, X)
    assert_served_correctly(search.best_estimator_, X)
    assert_served_correctly(make_pipeline(StandardScaler(), search).fit(X, y), X)
    of_pipelines = GridSearchCV(
        make_pipeline(StandardScaler(), model), {"sgdsigmoidmlp__max_iter": [3, 20]}
    ).fit(X, y)
    assert_served_correctly(of_pipelines, X)
    assert_served_correctly(of_pipelines.best_estimator_, X)
    randomized = RandomizedSearchCV(model, grid, n_iter=2, cv=3).fit(X, y)
    assert_served_correctly(randomized.best_estimator_, X)
    regressor = SGDSigmoidMLPRegressor((5,), random_state=0)
    assert_served_correctly(GridSearchCV(regressor, grid, cv=3).fit(X, X[:, 0]), X)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "before",
    [
        MinMaxScaler(),
        PCA(2),
        ColumnTransformer([("s", StandardScaler(), [0, 2]), ("k", "passthrough", [1])]),
    ],
    ids=lambda before: type(before).__name__,
)
def test_other_steps_may_come_before_the_network(before, dtype, iris):
    X, y = iris[0].astype(dtype), iris[1]
    model = make_pipeline(before, SGDSigmoidMLP((5,), max_iter=20, random_state=0))
    assert_served_correctly(model.fit(X, y), X)


NETWORK = SGDSigmoidMLP((5,), max_iter=20, random_state=0)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "around",
    [
        CalibratedClassifierCV(NETWORK, method="sigmoid", cv=3),
        StackingClassifier([("network", NETWORK), ("l", LogisticRegression())], cv=3),
        BaggingClassifier(NETWORK, n_estimators=3, random_state=0),
        OneVsRestClassifier(NETWORK),
    ],
    ids=lambda around: type(around).__name__,
)
def test_the_network_may_be_inside_an_ensemble(around, n_classes, iris):
    X, y = iris[0], np.minimum(iris[1], n_classes - 1)
    assert_served_correctly(around.fit(X, y), X)


@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_raw_scores_are_the_decision_function(n_classes, iris):
    X, y = iris[0], np.minimum(iris[1], n_classes - 1)
    model = SGDSigmoidMLP((5,), max_iter=5, random_state=0).fit(X, y)
    labels, scores = served(model, X, zipmap=False, raw_scores=True)
    assert_array_equal(labels, model.predict(X))
    z = model.decision_function(X)
    wanted = np.column_stack([-z, z]) if n_classes == 2 else z.reshape(len(X), -1)
    assert_allclose(scores, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("classes", [["a", "b", "c"], [-1, 5, 8]])
def test_zipmap_gives_a_dict_or_a_column_for_each_class(classes, iris):
    X, y = iris[0].astype(np.float32), np.array(classes)[iris[1]]
    model = SGDSigmoidMLP((5,), max_iter=5, random_state=0).fit(X, y)
    wanted = model.predict_proba(X)
    for options in ({}, {"zipmap": True}):  # it is the default, as for all classifiers
        labels, rows = served(model, X, **options)
        assert_array_equal(labels, model.predict(X))
        assert list(rows[0]) == classes
        assert_allclose([[*row.values()] for row in rows], wanted, atol=1e-6)
    labels, *columns = served(model, X, zipmap="columns")
    assert_allclose(np.column_stack(columns), wanted, atol=1e-6)
    _, _, names = served(model, X, zipmap=False, output_class_labels=True)
    assert names.tolist() == classes
    labels, _ = served(model, X, zipmap=False, nocl=True)
    assert_array_equal(np.array(classes)[labels], model.predict(X))


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_float32_graph_contains_no_float64_and_each_layer_once(kind, iris):
    X, y = iris
    if kind == "classes":
        model = SGDSigmoidMLP((5, 4), max_iter=2, random_state=0).fit(X, y)
    else:
        model = SGDSigmoidMLPRegressor((5, 4), max_iter=2, random_state=0).fit(X, y)
    onnx_model = to_onnx(model, X[:1].astype(np.float32))
    onnx.checker.check_model(onnx_model, full_check=True)
    shapes = onnx.shape_inference.infer_shapes(onnx_model).graph.value_info
    types = [value.type.tensor_type.elem_type for value in shapes]
    types += [array.data_type for array in onnx_model.graph.initializer]
    assert onnx.TensorProto.DOUBLE not in types
    nodes = [node.op_type for node in onnx_model.graph.node]
    assert nodes.count("MatMul") == 3


@pytest.mark.parametrize("opset", [12, 15, 18, 21])
@pytest.mark.parametrize("dtype", FLOATS)
def test_older_operator_sets_give_the_same_outputs(opset, dtype, iris):
    X, y = iris[0].astype(dtype), iris[1]
    for kind in (SGDSigmoidMLP, SGDSigmoidMLPRegressor):
        model = kind((5,), max_iter=5, random_state=0).fit(X, y)
        onnx_model = to_onnx(model, X[:1], target_opset=opset)
        versions = {entry.domain: entry.version for entry in onnx_model.opset_import}
        assert versions[""] <= opset
        options = {"zipmap": False} if kind is SGDSigmoidMLP else None
        onnx_model = to_onnx(model, X[:1], target_opset=opset, options=options)
        session = onnxruntime.InferenceSession(onnx_model.SerializeToString())
        output = session.run(None, {"X": X})[-1]
        wanted = model.predict_proba(X) if options else model.predict(X)[:, np.newaxis]
        assert_allclose(output, wanted, rtol=0, atol=2 * TOLERANCE[dtype])


@pytest.mark.parametrize(
    ("kind", "n_columns", "shapes"),
    [
        (SGDSigmoidMLP, 0, {"label": [None], "probabilities": [None, 3]}),
        (SGDSigmoidMLP, 4, {"label": [None, 4], "probabilities": [None, 4]}),
        (SGDSigmoidMLPRegressor, 0, {"variable": [None, 1]}),
        (SGDSigmoidMLPRegressor, 4, {"variable": [None, 4]}),
    ],
)
def test_the_graph_declares_names_and_shapes(kind, n_columns, shapes, iris):
    X, y = iris
    if n_columns:
        y = np.eye(3, n_columns, dtype=int)[y]
    model = kind((5,), max_iter=5, random_state=0).fit(X, y)
    options = {"zipmap": False} if kind is SGDSigmoidMLP else None
    graph = to_onnx(model, X[:1], options=options).graph
    declared = {
        output.name: [
            dim.dim_value if dim.HasField("dim_value") else None
            for dim in output.type.tensor_type.shape.dim
        ]
        for output in graph.output
    }
    assert declared == shapes


def test_any_number_of_rows_is_served(iris):
    X, y = iris
    model = SGDSigmoidMLP((5,), max_iter=5, random_state=0).fit(X, y)
    onnx_model = to_onnx(model, X[:1], options={"zipmap": False})
    session = onnxruntime.InferenceSession(onnx_model.SerializeToString())
    for n_rows in (0, 1, 150):
        labels, p = session.run(None, {"X": X[:n_rows]})
        assert labels.shape == (n_rows,)
        assert p.shape == (n_rows, 3)


def test_another_number_of_features_is_an_error(iris):
    model = SGDSigmoidMLP((5,), max_iter=5, random_state=0).fit(*iris)
    with pytest.raises(ValueError, match=r"has 3 features, but SGD.* expecting 4"):
        to_onnx(model, initial_types=[("X", FloatTensorType([None, 3]))])
    unknown = to_onnx(model, initial_types=[("X", FloatTensorType([None, None]))])
    onnx.checker.check_model(unknown)


@pytest.mark.parametrize(
    "labels",
    [
        [0.5, 1.5],
        np.array([b"a", b"b"]),
        np.array([0, 2**64 - 1], dtype=np.uint64),
    ],
    ids=["fractions", "bytes", "too large"],
)
def test_labels_that_onnx_cannot_represent_are_an_error(labels, iris):
    X, y = iris[0], np.asarray(labels)[np.minimum(iris[1], 1)]
    model = network([np.ones((4, 1))], [np.zeros(1)], classes=[0, 1])
    model.classes_ = np.unique(y)
    with pytest.raises(
        ValueError, match=r"classes_ must be strings or 64-bit integers"
    ):
        to_onnx(model, X[:1], options={"zipmap": False})


@pytest.mark.parametrize("kind", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_an_unfitted_network_is_an_error(kind):
    options = {"zipmap": False} if kind is SGDSigmoidMLP else None
    with pytest.raises(NotFittedError):
        to_onnx(kind(), np.zeros((1, 4)), options=options)


def test_without_skl2onnx_the_error_names_the_extra():
    code = "import sys; sys.modules['skl2onnx'] = None; import skbackprop.onnx"
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    assert output.returncode != 0
    assert 'python -m pip install ".[onnx]"' in output.stderr.splitlines()[-1]
