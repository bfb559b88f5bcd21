"""Training on other libraries' arrays gives the network of numpy's."""

import numpy as np
import pytest
from array_libraries import find_library, is_in, largest_deviation, numpy_of, there
from helpers import fit, parameters, quietly
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone
from sklearn.metrics import accuracy_score

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop._engine import array_api

EQUAL = ("n_iter_", "t_", "batch_size_", "n_outputs_", "n_layers_", "early_stopping_")
CLOSE = (
    *("learning_rate_init_", "tol_", "loss_", "best_loss_", "loss_curve_"),
    *("validation_scores_", "validation_loss_curve_", "best_validation_score_"),
)


def fitted_on(library, model, *args, **kwargs):
    """A clone that is fitted on these numpy arrays in another library."""
    args = [there(library, arg) for arg in args]
    kwargs = {name: there(library, arg) for name, arg in kwargs.items()}
    return quietly(clone(model).fit, *args, **kwargs)


def assert_same_training(got, expected, library, tolerance=1e-10):
    """A network in the library equals one in numpy, and so does its history."""
    assert largest_deviation(parameters(got), parameters(expected)) <= tolerance
    assert all(is_in(library, array) for array in parameters(got))
    dtypes = [array.dtype for array in parameters(expected)]
    assert [array.dtype for array in numpy_of(parameters(got))] == dtypes
    for name in EQUAL:
        assert getattr(got, name, None) == getattr(expected, name, None), name
    for name in CLOSE:
        ours, theirs = getattr(got, name, None), getattr(expected, name, None)
        assert (ours is None) == (theirs is None), name
        if ours is not None:
            assert_allclose(ours, theirs, rtol=tolerance, err_msg=name)


def assert_equals_numpy(library, model, *args, tolerance=1e-10, **kwargs):
    """Fit twice, in the library and in numpy; return the fitted estimators."""
    got = fitted_on(library, model, *args, **kwargs)
    expected = quietly(clone(model).fit, *args, **kwargs)
    assert_same_training(got, expected, library, tolerance)
    return got, expected


def balanced_of_numpy(estimator, X, y, sample_weight=None):
    """A user's scorer, which gets numpy arrays."""
    assert type(X) is type(y) is np.ndarray
    assert sample_weight is None or type(sample_weight) is np.ndarray
    return accuracy_score(y, estimator.predict(X), sample_weight=sample_weight)


MODES = {
    "mini-batches": {"batch_size": 20},
    "rows in order": {"batch_size": 20, "shuffle": False},
    "defaults": {},
    "momentum": {"batch_size": 20, "momentum": 0.9, "nesterovs_momentum": False},
    "nesterov": {"batch_size": 20, "momentum": 0.9},
    "alpha": {"batch_size": 20, "momentum": 0.5, "alpha": 0.05},
    "invscaling": {"batch_size": 20, "learning_rate": "invscaling"},
    "adaptive": {
        **{"batch_size": 20, "learning_rate": "adaptive"},
        **{"tol": 0.01, "n_iter_no_change": 1},
    },
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3},
    "last rows held out": {"early_stopping": True, "shuffle": False},
    "no hidden layer": {"hidden_layer_sizes": ()},
}
REGRESSOR_MODES = {
    "scoring by name": {"early_stopping": True, "scoring": "neg_mean_absolute_error"},
}
CLASSIFIER_MODES = {
    "class weights": {"class_weight": {0: 0.5, 2: 3.0}},
    "balanced": {"class_weight": "balanced", "early_stopping": True},
    "scoring by name": {"early_stopping": True, "scoring": "balanced_accuracy"},
    "scoring by loss": {"early_stopping": True, "scoring": "loss"},
    "scoring by callable": {"early_stopping": True, "scoring": balanced_of_numpy},
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_fifty_epochs_of_full_batches_equal_those_in_numpy(
    Estimator, weighted, rows, library
):
    X, y, weights = rows
    model = Estimator((5, 4), batch_size="full", max_iter=50, random_state=0)
    weights = {"sample_weight": weights} if weighted else {}
    got, _ = assert_equals_numpy(library, model, X, y, **weights)
    assert got.n_iter_ == 50


@pytest.mark.parametrize("mode", [*MODES, *CLASSIFIER_MODES])
def test_every_mode_of_the_classifier_equals_numpy(mode, rows, library):
    X, y, weights = rows
    model = SGDSigmoidMLP((5,), max_iter=10, random_state=0)
    model.set_params(**{**MODES, **CLASSIFIER_MODES}[mode])
    assert_equals_numpy(library, model, X, y, sample_weight=weights)


@pytest.mark.parametrize("mode", [*MODES, *REGRESSOR_MODES])
def test_every_mode_of_the_regressor_equals_numpy(mode, rows, library):
    X, _, weights = rows
    model = SGDSigmoidMLPRegressor((5,), max_iter=10, random_state=0)
    model.set_params(**{**MODES, **REGRESSOR_MODES}[mode])
    assert_equals_numpy(library, model, X[:, 1:], X[:, 0], sample_weight=weights)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("scoring", [None, "accuracy"])
def test_given_rows_are_held_out_as_in_numpy(scoring, early_stopping, rows, library):
    X, y, weights = rows
    given = {"X_val": X[:20], "y_val": y[:20], "sample_weight_val": weights[:20]}
    model = SGDSigmoidMLP((5,), batch_size=20, max_iter=10, random_state=0)
    model.set_params(early_stopping=early_stopping, scoring=scoring)
    assert_equals_numpy(library, model, X[20:], y[20:], **given)


@pytest.mark.parametrize("batch_size", ["full", 20])
@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_float32_stays_float32(Estimator, batch_size, rows, library):
    X, y, _ = rows
    model = Estimator((5,), batch_size=batch_size, max_iter=20, random_state=0)
    model.set_params(momentum=0.5, alpha=0.01)
    got, expected = assert_equals_numpy(
        library, model, X.astype(np.float32), y, tolerance=1e-5
    )
    assert {array.dtype for array in parameters(got)} == {library.xp.float32}
    predicted = got.predict(there(library, X.astype(np.float32)))
    expected = expected.predict(X.astype(np.float32))
    assert numpy_of(predicted).dtype == expected.dtype
    assert_allclose(numpy_of(predicted), expected, rtol=1e-5)


@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_a_network_of_one_dtype_learns_rows_of_the_other(Estimator, rows, library):
    X, y, _ = rows
    got = Estimator((5,), batch_size=10, random_state=0, early_stopping=False)
    expected = clone(got)
    classes = {"classes": [0, 1, 2]} if Estimator is SGDSigmoidMLP else {}
    for dtype in (np.float32, np.float64):
        expected.partial_fit(X.astype(dtype), y, **classes)
        got.partial_fit(there(library, X.astype(dtype)), there(library, y), **classes)
    assert_same_training(got, expected, library, tolerance=1e-5)
    assert {array.dtype for array in parameters(got)} == {library.xp.float32}


@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_a_device_without_float64_has_float32_throughout(Estimator, rows):
    """Such as Apple's MPS. The target range is rounded, and stays the same."""
    library = find_library("array_api_strict", "no_float64")
    X, y, weights = rows
    ranged = {} if Estimator is SGDSigmoidMLP else {"target_range": (-0.1, 2.3)}
    model = Estimator((5,), max_iter=5, warm_start=True, random_state=0, **ranged)
    X = X.astype(np.float32)
    got, expected = clone(model), clone(model)
    for _ in range(2):
        quietly(expected.fit, X, y, weights)
        quietly(got.fit, there(library, X), y, weights)
        quietly(got.partial_fit, there(library, X), y)
        quietly(expected.partial_fit, X, y)
    assert_same_training(got, expected, library, tolerance=1e-4)
    predicted = numpy_of(got.predict(there(library, X)))
    assert_allclose(predicted, expected.predict(X), rtol=1e-4)
    moved = expected.move_to(library.xp, library.device)
    assert {array.dtype for array in parameters(moved)} == {library.xp.float32}


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_inputs_that_are_not_floats_become_float64(dtype, rows, library):
    X, y, _ = rows
    model = SGDSigmoidMLP((3,), max_iter=3, random_state=0)
    got, _ = assert_equals_numpy(library, model, (3 * X + 9).astype(dtype) % 7 > 2, y)
    assert got.coefs_[0].dtype == library.xp.float64


# --- targets --------------------------------------------------------------------------


LABELS = {
    "three classes": lambda y: y,
    "two classes": lambda y: y % 2,
    "other integers": lambda y: np.array([-5, 70, 3], dtype=np.int32)[y],
    "bytes": lambda y: np.array([7, 1, 200], dtype=np.uint8)[y],
    "floats": lambda y: np.array([0.0, 2.0, -1.0], dtype=np.float32)[y],
    "booleans": lambda y: y > 0,
    "one class": np.zeros_like,
    "column": lambda y: y[:, np.newaxis],
    "labels": lambda y: np.column_stack([y == 0, y > 0, y == 1]).astype(int),
    "one label": lambda y: np.column_stack([y == 0, y < 9]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_every_kind_equal_numpy(kind, rows, library):
    X, y, _ = rows
    y = LABELS[kind](y)
    model = SGDSigmoidMLP((5,), batch_size=20, max_iter=5, random_state=0)
    got, expected = assert_equals_numpy(library, model, X, y)
    assert is_in(library, got.classes_)
    assert_array_equal(numpy_of(got.classes_), expected.classes_, strict=True)
    predicted = got.predict(there(library, X))
    assert is_in(library, predicted)
    assert_array_equal(numpy_of(predicted), expected.predict(X), strict=True)


@pytest.mark.parametrize("kind", ["integers", "strings", "objects", "list", "CSR"])
def test_targets_outside_the_library_can_be_learnt(kind, rows, library):
    """`classes_` is where `y` is, and predictions are where `X` is, if they can be."""
    X, y, _ = rows
    names = np.array(["a", "bc", "d"])
    y = {
        "integers": y,
        "strings": names[y],
        "objects": names.astype(object)[y],
        "list": y.tolist(),
        "CSR": csr_matrix(np.eye(3, dtype=int)[y]),
    }[kind]
    model = SGDSigmoidMLP((5,), max_iter=5, early_stopping=True, random_state=0)
    expected = quietly(clone(model).fit, X, y)
    got = quietly(clone(model).fit, there(library, X), y)
    assert_same_training(got, expected, library)
    assert_array_equal(got.classes_, expected.classes_, strict=True)
    predicted = got.predict(there(library, X))
    assert is_in(library, predicted) == (kind not in ("strings", "objects"))
    assert_array_equal(numpy_of(predicted), expected.predict(X), strict=True)


@pytest.mark.parametrize("kind", [csr_matrix, csr_array])
def test_sparse_inputs_are_computed_by_numpy_whatever_the_targets(kind, rows, library):
    X, y, weights = rows
    X = kind(np.where(X > 0, X, 0.0))
    model = SGDSigmoidMLP((5,), max_iter=5, random_state=0)
    expected = fit(clone(model), X, y, weights)
    got = fit(clone(model), X, there(library, y), there(library, weights))
    for ours, theirs in zip(parameters(got), parameters(expected), strict=True):
        assert_array_equal(ours, theirs, strict=True)
    assert is_in(library, got.classes_)
    assert got.score(X, there(library, y)) == expected.score(X, y)


TARGETS = {
    "numbers": lambda X: X[:, 0],
    "float32": lambda X: X[:, 0].astype(np.float32),
    "integers": lambda X: (10 * X[:, 0]).astype(int),
    "one column": lambda X: X[:, :1],
    "two columns": lambda X: X[:, :2] * (1, 100) + (0, 1e6),
    "constant": lambda X: np.full(len(X), 3.0),
}


@pytest.mark.parametrize("settings", [{}, {"target_range": (-2, 9)}], ids=str)
@pytest.mark.parametrize("kind", TARGETS)
def test_numbers_of_every_kind_equal_numpy(kind, settings, rows, library):
    X, y = rows[0][:, 1:], TARGETS[kind](rows[0])
    model = SGDSigmoidMLPRegressor((5,), batch_size=20, max_iter=5, random_state=0)
    got, expected = assert_equals_numpy(library, model.set_params(**settings), X, y)
    assert is_in(library, got.target_range_)
    assert_array_equal(numpy_of(got.target_range_), expected.target_range_, strict=True)
    predicted = got.predict(there(library, X))
    assert is_in(library, predicted)
    assert_allclose(
        numpy_of(predicted), expected.predict(X), rtol=1e-10, atol=1e-12, strict=True
    )


# --- continuing -----------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}], ids=str)
@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_a_warm_start_equals_numpy(Estimator, settings, rows, library):
    X, y, _ = rows
    model = Estimator((5,), batch_size=20, max_iter=4, momentum=0.9, random_state=0)
    model.set_params(warm_start=True, **settings)
    got, expected = assert_equals_numpy(library, model, X, y)
    quietly(got.fit, there(library, X), there(library, y))
    quietly(expected.fit, X, y)
    assert_same_training(got, expected, library)


def test_a_warm_start_equals_one_longer_fit_to_the_bit(rows, library):
    X, y, _ = (there(library, part) for part in rows)
    model = SGDSigmoidMLP((5,), batch_size=20, momentum=0.9, random_state=0, tol=0)
    long = quietly(clone(model).set_params(max_iter=6).fit, X, y)
    short = model.set_params(max_iter=3, warm_start=True)
    quietly(quietly(short.fit, X, y).fit, X, y)
    for ours, theirs in zip(parameters(short), parameters(long), strict=True):
        assert_array_equal(numpy_of(ours), numpy_of(theirs))
    assert short.loss_curve_ == long.loss_curve_


@pytest.mark.parametrize("classes", ["list", "array", "numpy"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_a_stream_of_labels_equals_numpy(weighted, classes, rows, library):
    X, y, weights = rows
    y = np.sort(y)  # not every class in every part
    given = {"list": [0, 1, 2], "numpy": np.arange(3)}
    given = given.get(classes, there(library, np.arange(3)))
    got = SGDSigmoidMLP((5,), batch_size=10, momentum=0.9, random_state=0)
    expected = clone(got)
    for part in np.array_split(np.arange(len(y)), 4):
        arguments = [X[part], y[part], None, weights[part] if weighted else None]
        first = not hasattr(got, "t_")
        expected.partial_fit(*arguments[:2], [0, 1, 2], arguments[3])
        arguments = [there(library, argument) for argument in arguments]
        arguments[2] = given if first else None
        got.partial_fit(*arguments)
    assert_same_training(got, expected, library)
    assert is_in(library, got.classes_)
    assert_array_equal(numpy_of(got.classes_), [0, 1, 2])


def test_a_stream_of_one_class_equals_numpy(rows, library):
    X, y = rows[0], np.full(50, 3)
    got, expected = (SGDSigmoidMLP((5,), random_state=0) for _ in range(2))
    got.partial_fit(there(library, X), there(library, y), classes=[3])
    expected.partial_fit(X, y, classes=[3])
    assert_same_training(got, expected, library)
    for name in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        output = getattr(got, name)(there(library, X))
        wanted = getattr(expected, name)(X)
        assert is_in(library, output)
        assert_allclose(numpy_of(output), wanted, rtol=1e-10, strict=True)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_stream_of_numbers_equals_numpy(n_outputs, rows, library):
    X, Y, weights = rows[0][:, 2:], rows[0][:, :n_outputs], rows[2]
    got = SGDSigmoidMLPRegressor((5,), target_range=(-3, 3), random_state=0)
    got.set_params(batch_size=10, momentum=0.9)
    expected = clone(got)
    for part in np.array_split(np.arange(50), 3):
        arguments = X[part], Y[part], weights[part]
        quietly(expected.partial_fit, *arguments)
        quietly(got.partial_fit, *(there(library, part) for part in arguments))
    assert_same_training(got, expected, library)


def test_rows_without_weight_leave_a_stream_as_it_is(rows, library):
    X, y, _ = (there(library, part) for part in rows)
    model = SGDSigmoidMLP((5,), random_state=0).partial_fit(X, y, [0, 1, 2])
    before = dict(vars(model))
    model.partial_fit(X, y, sample_weight=there(library, np.zeros(50)))
    assert all(vars(model)[name] is value for name, value in before.items())


# --- memory ---------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [1, 7, 20])
@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_a_full_batch_in_chunks_makes_the_same_network(
    Estimator, n_rows, rows, library, monkeypatch
):
    X, y, weights = (there(library, part) for part in rows)
    model = Estimator((5,), batch_size="full", max_iter=5, momentum=0.9, alpha=0.1)
    model.set_params(random_state=0, early_stopping=True, validation_fraction=0.2)
    whole = quietly(clone(model).fit, X, y, weights)
    n_outputs = whole.n_outputs_
    bytes_of_a_row = 8 * (2 * 4 + 5 * (5 + n_outputs))
    monkeypatch.setattr(array_api, "CHUNK_BYTES", n_rows * bytes_of_a_row)
    assert array_api.chunk_rows(whole.coefs_, library.xp) == n_rows
    chunked = quietly(clone(model).fit, X, y, weights)
    assert largest_deviation(parameters(chunked), parameters(whole)) <= 1e-12
    for name in ("loss_curve_", "validation_scores_", "validation_loss_curve_"):
        assert_allclose(getattr(chunked, name), getattr(whole, name), rtol=1e-12)
    assert_allclose(
        numpy_of(chunked.predict(X)), numpy_of(whole.predict(X)), rtol=1e-12
    )


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_training_does_not_change_its_arguments(Estimator, shuffle, rows, library):
    given = [there(library, part) for part in rows]
    before = [numpy_of(part).copy() for part in given]
    model = Estimator((5,), max_iter=3, batch_size=20, shuffle=shuffle, momentum=0.9)
    model.set_params(early_stopping=True, random_state=0, warm_start=True)
    for _ in range(2):
        quietly(model.fit, *given)
        quietly(model.partial_fit, *given[:2], sample_weight=given[2])
    model.score(*given)
    for old, new in zip(before, given, strict=True):
        assert_array_equal(numpy_of(new), old)


@pytest.mark.parametrize("part", ["coefs_", "intercepts_", "target_range_", "classes_"])
def test_further_training_does_not_change_earlier_attributes(part, rows, library):
    X, y, _ = (there(library, part) for part in rows)
    Estimator = SGDSigmoidMLPRegressor if part == "target_range_" else SGDSigmoidMLP
    model = Estimator((5,), max_iter=2, momentum=0.9, random_state=0, warm_start=True)
    earlier = getattr(quietly(model.fit, X, y), part)
    earlier = earlier if isinstance(earlier, list) else [earlier]
    before = [array.copy() for array in numpy_of(earlier)]
    quietly(model.fit, X, y)
    for old, new in zip(before, numpy_of(earlier), strict=True):
        assert_array_equal(new, old)


@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_tensors_that_require_gradients_can_be_learnt(Estimator, rows):
    """torch would otherwise record every update of the training."""
    torch = find_library("torch", "cpu").xp
    X, y, weights = (torch.asarray(part, dtype=torch.float64) for part in rows)
    leaves = [part.clone().requires_grad_() for part in (X, y, weights)]
    model = Estimator((5,), max_iter=3, batch_size=20, momentum=0.5, random_state=0)
    expected = quietly(clone(model).fit, X, y, weights)
    got = quietly(clone(model).fit, *leaves)
    assert not any(array.requires_grad for array in parameters(got))
    assert largest_deviation(parameters(got), parameters(expected)) == 0
    assert all(leaf.requires_grad and leaf.grad is None for leaf in leaves)
    got.coefs_ = [coef.requires_grad_() for coef in got.coefs_]
    got.intercepts_ = [intercept.requires_grad_() for intercept in got.intercepts_]
    quietly(got.partial_fit, leaves[0], leaves[1])
    assert not any(array.requires_grad for array in parameters(got))
    predicted = got.predict(leaves[0])
    assert not predicted.requires_grad
    assert_array_equal(numpy_of(predicted), numpy_of(got.predict(X)))
    assert got.score(*leaves) == got.score(X, y, weights)


# --- transfers ------------------------------------------------------------------------


def test_an_epoch_sends_the_order_of_its_rows_and_reads_one_number(rows):
    """Whatever the number of its updates: a device that waits for Python is slow."""
    torch = find_library("torch", "cpu")
    dispatch = pytest.importorskip("torch.utils._python_dispatch")

    class Counter(dispatch.TorchDispatchMode):
        """Counts the operations of PyTorch by name."""

        def __init__(self):
            super().__init__()
            self.counts = {"aten.lift_fresh": 0, "aten._local_scalar_dense": 0}

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            name = str(function).removesuffix(".default")
            if name in self.counts:
                self.counts[name] += 1
            return function(*args, **(kwargs or {}))

    def counted(max_iter, **settings):
        model = SGDSigmoidMLP((5,), max_iter=max_iter, random_state=0, **settings)
        model.set_params(tol=0, n_iter_no_change=np.inf, momentum=0.5)
        with Counter() as counter:
            quietly(model.fit, *(there(torch, part) for part in rows))
        return counter.counts

    for batch_size, shuffle, sent in ((5, True, 1), (5, False, 0), ("full", True, 0)):
        settings = {"batch_size": batch_size, "shuffle": shuffle}
        few, many = counted(10, **settings), counted(30, **settings)
        # The look for what to warn of at the end may need one or two more.
        more = {name: many[name] - few[name] for name in few}
        assert more["aten.lift_fresh"] == pytest.approx(20 * sent, abs=2)
        assert more["aten._local_scalar_dense"] == pytest.approx(20, abs=2)
