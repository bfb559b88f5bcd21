"""A saved model is loaded to the bit; a damaged file raises an error."""

import copy
import importlib.util
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from helpers import ENGINES, NUMBA, fit, parameters, quietly, state
from numpy.testing import assert_allclose, assert_array_equal
from saving import FORMATS, OUR_TYPES
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skbackprop
from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop._estimators import persistence as _persistence

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "golden"
GOLDEN_FILES = sorted(path for path in GOLDEN.glob("*/*") if path.suffix[1:] in FORMATS)


def golden_script():
    spec = importlib.util.spec_from_file_location("write", GOLDEN / "write.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WRITE = golden_script()
MODELS = {kind: (model, X) for kind, model, X in quietly(list, WRITE.models())}


def with_engine(engine, kind):
    """One of MODELS and its X; for numba it is trained a little more, row by row."""
    model, X = MODELS[kind]
    if engine == "numba":
        model = copy.deepcopy(model).set_params(engine="numba", batch_size=1)
        model.partial_fit(X, model.predict(X))
    return model, X


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("format_name", FORMATS)
def test_a_loaded_model_is_the_same_to_the_bit(format_name, engine, kind):
    saved, (model, X) = FORMATS[format_name], with_engine(engine, kind)
    loaded = saved.load(saved.dump(model))
    assert type(loaded) is type(model)
    assert state(loaded) == state(model)
    for name, output in WRITE.outputs(model, X).items():
        assert_array_equal(getattr(loaded, name)(X), output, strict=True)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("format_name", FORMATS)
def test_a_loaded_model_continues_training_to_the_same_bits(format_name, engine, kind):
    saved, (model, X) = FORMATS[format_name], with_engine(engine, kind)
    y = model.predict(X)
    loaded = saved.load(saved.dump(model)).partial_fit(X, y)
    continued = copy.deepcopy(model).partial_fit(X, y)
    assert state(loaded) == state(continued)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("kind", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_an_unfitted_model_is_loaded_unchanged(kind, format_name):
    saved, model = FORMATS[format_name], kind((3, 2), momentum=0.3)
    assert vars(saved.load(saved.dump(model))) == vars(model)


@pytest.mark.parametrize("format_name", FORMATS)
def test_labels_in_another_byte_order_are_loaded(format_name, iris):
    saved = FORMATS[format_name]
    X, y = iris
    for labels in (y.astype(">i4"), y.astype(">f8"), y.astype(">U1")):
        model = fit(SGDSigmoidMLP((3,), max_iter=5, random_state=0), X, labels)
        loaded = saved.load(saved.dump(model))
        assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(
    "class_weight",
    [{False: 1.0, True: 2.0}, {np.False_: 1, np.True_: 2}, {"a": 0.5}, {}, "balanced"],
    ids=str,
)
def test_class_weights_are_loaded_unchanged(class_weight, format_name):
    saved = FORMATS[format_name]
    model = SGDSigmoidMLP(class_weight=class_weight)
    loaded = saved.load(saved.dump(model))
    assert loaded.class_weight == class_weight
    assert vars(loaded) == vars(model)


@pytest.mark.parametrize("labels", ["text", "objects", "numbers", "bytes", "dates"])
def test_every_kind_of_label_has_a_checksum(labels, iris):
    classes = {
        "text": np.array(["", "ä", "ab"]),
        "objects": np.array(["", "\ud800", "ab"], dtype=object),
        "numbers": np.array([-1.5, 0.0, 2.0]),
        "bytes": np.array([b"a", b"bc", b"d"]),
        "dates": np.array(["2020-01-01", "2021-01-01", "2022-01-01"], "datetime64[D]"),
    }[labels]
    model = fit(SGDSigmoidMLP((3,), max_iter=5, random_state=0), *iris)
    model.classes_ = classes
    assert_array_equal(pickle.loads(pickle.dumps(model)).classes_, classes)
    saved = model.__getstate__()
    saved["classes_"] = classes[::-1].copy()
    with pytest.raises(ValueError, match="damaged"):
        SGDSigmoidMLP.__new__(SGDSigmoidMLP).__setstate__(saved)


@pytest.mark.parametrize("n_epochs", [1, 500])
# Not protocol 2, Python 2's: it writes bytes as text, which is half as large again.
@pytest.mark.parametrize("format_name", sorted({*FORMATS} - {"pickle2"}))
def test_a_file_is_at_most_20_kB_larger_than_the_parameters(
    format_name, n_epochs, digits
):
    X, y = digits[0][:30], digits[1][:30]
    model = SGDSigmoidMLP((50,), max_iter=n_epochs, tol=0, random_state=0)
    model.set_params(n_iter_no_change=np.inf)
    fit(model, X, y, X_val=X, y_val=y)
    assert len(model.validation_scores_) == n_epochs
    size = sum(p.nbytes for p in parameters(model))
    assert len(FORMATS[format_name].dump(model)) <= size + 20_000


def test_feature_names_and_lists_instead_of_arrays_are_saved(iris):
    X = pd.DataFrame(iris[0], columns=[*"abcd"])
    model = fit(SGDSigmoidMLP((3,), max_iter=5, random_state=0), X, iris[1])
    model.coefs_ = [coef.tolist() for coef in model.coefs_]
    for saved in FORMATS.values():
        loaded = saved.load(saved.dump(model))
        assert_array_equal(loaded.feature_names_in_, [*"abcd"])
        assert loaded.coefs_ == model.coefs_


def test_skops_needs_to_trust_only_our_own_type():
    for model, _ in MODELS.values():
        data = skops.io.dumps(make_pipeline(StandardScaler(), model))
        (name,) = skops.io.get_untrusted_types(data=data)
        assert name in OUR_TYPES


LOAD = {
    "pickle": "import pickle; pickle.load(open(path, 'rb'))",
    "joblib": "import joblib; joblib.load(path)",
    "cloudpickle": "import cloudpickle; cloudpickle.load(open(path, 'rb'))",
    # skops imports all of scikit-learn, which looks for dask.
    "skops": """
import skops.io
before = {*sys.modules}
skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
""",
}
EXTRAS = {
    *("matplotlib", "dask", "distributed", "onnx", "skl2onnx", "onnxruntime", "numba"),
}


@pytest.mark.parametrize("name", LOAD)
def test_loading_imports_no_optional_dependency(name, tmp_path):
    path, engine = tmp_path / "model", "numba" if NUMBA else "numpy"
    model, _ = with_engine(engine, "binary")
    path.write_bytes(FORMATS.get(name, FORMATS["pickle5"]).dump(model))
    code = f"import sys; path = sys.argv[1]; before = set()\n{LOAD[name]}"
    code += "\nprint(*{*sys.modules} - before)"
    command = [sys.executable, "-c", code, path]
    imported = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "skbackprop" in imported.stdout
    assert not EXTRAS & {*imported.stdout.split()}


def test_a_memory_mapped_model_stays_mapped(tmp_path):
    model, X = MODELS["many_classes"]
    joblib.dump(model, tmp_path / "model")
    loaded = joblib.load(tmp_path / "model", mmap_mode="r")
    assert isinstance(loaded.coefs_[0], np.memmap)
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X), strict=True)


def test_a_copy_of_a_memory_mapped_model_is_checked_like_any_other(tmp_path):
    model, X = MODELS["many_classes"]
    joblib.dump(model, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    data = pickle.dumps(mapped)
    for copied in (pickle.loads(data), copy.deepcopy(mapped)):
        assert b"memmap" not in pickle.dumps(vars(copied))
        assert_array_equal(copied.predict_proba(X), model.predict_proba(X), strict=True)
    weights = model.coefs_[0].tobytes(order="A")
    damaged = bytearray(data)
    damaged[data.index(weights) + 7] ^= 1
    with pytest.raises(ValueError, match="damaged"):
        pickle.loads(damaged)


def test_a_file_cannot_choose_which_function_further_training_calls():
    model, X = MODELS["many_classes"]
    forged = copy.deepcopy(model)
    forged._random_state["bit_generator"] = "seed"
    np.random.seed(5)  # noqa: NPY002, a forged call would change this stream
    stream = np.random.get_state()[1].copy()  # noqa: NPY002
    with pytest.raises(ValueError, match="random_state has the bit generator 'seed'"):
        forged.partial_fit(X, model.predict(X))
    assert_array_equal(np.random.get_state()[1], stream)  # noqa: NPY002


# ---- versions


# For what numpy 1 pickled with protocol 5.
@pytest.mark.filterwarnings("ignore:numpy.core:DeprecationWarning")
@pytest.mark.parametrize(
    "path", GOLDEN_FILES, ids=lambda p: f"{p.parent.name}-{p.name}"
)
def test_a_file_of_an_earlier_version_predicts_the_same(path):
    loaded = FORMATS[path.suffix[1:]].load(path.read_bytes())
    with np.load(path.with_suffix(".npz")) as arrays:
        expected = dict(arrays)
    X = expected.pop("X")
    assert len(expected) in (1, 3)
    for name, output in expected.items():
        got = getattr(loaded, name)(X)
        assert got.dtype == output.dtype
        if output.dtype.kind == "f":
            tolerance = 1e-12 if output.dtype == np.float64 else 1e-6
            assert_allclose(got, output, rtol=tolerance)
        else:
            assert_array_equal(got, output)


def test_every_release_has_golden_files_of_every_kind_and_format():
    versions = {path.parent.name for path in GOLDEN_FILES}
    assert versions
    if "dev" not in skbackprop.__version__:
        assert skbackprop.__version__ in versions
    for version in versions:
        files = {path.name for path in (GOLDEN / version).iterdir()}
        assert len(files) == len(MODELS) * (len(WRITE.KEPT) + 1)


def test_a_file_of_a_newer_major_version_warns():
    model, X = MODELS["binary"]
    version = skbackprop.__version__
    newer = "9" + version[1:]
    data = pickle.dumps(model).replace(version.encode(), newer.encode())
    with pytest.warns(UserWarning, match=rf"saved by skbackprop {newer} .* older"):
        loaded = pickle.loads(data)
    assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("version", ["0.0.1", "0.99.1", "0.2.0rc1"])
def test_a_file_of_the_same_major_version_does_not_warn(version, monkeypatch):
    model, X = MODELS["binary"]
    with monkeypatch.context() as patch:
        patch.setattr(_persistence, "__version__", version)
        data = pickle.dumps(model)
    loaded = pickle.loads(data)
    assert_array_equal(loaded.predict(X), model.predict(X))


def test_a_state_without_version_and_checksum_is_loaded_as_it_is():
    model, _ = MODELS["binary"]
    loaded = SGDSigmoidMLP.__new__(SGDSigmoidMLP)
    loaded.__setstate__(dict(vars(model)))
    assert vars(loaded) == vars(model)


class SavesLess(SGDSigmoidMLP):
    """A user's subclass that does not save everything."""

    def __getstate__(self):
        return {**super().__getstate__(), "random_state": None}


def test_a_subclass_may_save_what_it_likes():
    model, X = MODELS["binary"]
    own = SavesLess.__new__(SavesLess)
    own.__dict__.update(vars(model))
    loaded = pickle.loads(pickle.dumps(own))
    assert loaded.random_state is None
    assert_array_equal(loaded.predict(X), model.predict(X), strict=True)


# ---- damage

DAMAGED = """
import faulthandler, json, random, resource, signal, sys, warnings
from collections import Counter
from pathlib import Path
import numpy as np
from saving import FORMATS

np.set_printoptions(floatmode="unique", threshold=sys.maxsize)
faulthandler.enable()
# A damaged length may ask for more memory than there is; this limits it.
resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
folder, n = Path(sys.argv[1]), int(sys.argv[2])


def outcome(load, data, good):
    try:
        model = load(data)
    except Exception:
        return "error"
    if not hasattr(model, "predict"):
        return "no model"
    return "same" if all(repr(vars(model).get(k)) == v for k, v in good) else "silent"


warnings.simplefilter("error")
random.seed(0)
for name, saved in FORMATS.items():
    both = [path.read_bytes() for path in sorted(folder.glob(f"{name}-*"))]
    loaded = [vars(saved.load(data)).items() for data in both]
    outcomes = Counter()
    for i in range(n):
        data, good = both[i % 2], [(k, repr(v)) for k, v in loaded[i % 2]]
        damaged = bytearray(data)
        if i % 5 == 0:
            del damaged[random.randrange(len(data)) :]
        else:
            damaged[random.randrange(len(data))] ^= 1 << random.randrange(8)
        signal.alarm(120)  # ends the process
        outcomes[outcome(saved.load, bytes(damaged), good)] += 1
        signal.alarm(0)
    print(json.dumps([name, outcomes]))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs process limits")
def test_damage_to_a_file_is_always_detected(tmp_path, iris):
    n = 200
    for Estimator in (SGDSigmoidMLP, SGDSigmoidMLPRegressor):
        model = Estimator((10,), momentum=0.9, max_iter=5, tol=1, random_state=0)
        quietly(model.fit, *iris)
        for name, saved in FORMATS.items():
            path = tmp_path / f"{name}-{Estimator.__name__}"
            path.write_bytes(saved.dump(model))
    output = subprocess.run(
        [sys.executable, "-c", DAMAGED, tmp_path, str(n)],
        capture_output=True,
        text=True,
        check=False,
        cwd=TESTS,
    )
    assert output.returncode == 0, output.stderr
    outcomes = dict(json.loads(line) for line in output.stdout.splitlines())
    print(outcomes)
    assert set(outcomes) == set(FORMATS)
    for found in outcomes.values():
        assert sum(found.values()) == n
        # "same" is, for instance, a flipped bit in the dates of a zip file.
        assert found.keys() <= {"error", "no model", "same"}
        assert found["error"] > 0.9 * n


@pytest.mark.parametrize(
    "part", ["velocity", "random stream", "count", "parameter", "loss", "name"]
)
def test_damage_to_any_part_is_detected(part, iris):
    model = SGDSigmoidMLP((5,), momentum=0.9, max_iter=2, tol=1, random_state=0)
    quietly(model.fit, *iris)
    saved = pickle.loads(pickle.dumps(model.__getstate__()))
    if part == "velocity":
        saved["_velocity"][0][0][0, 0] *= 2
    elif part == "random stream":
        saved["_random_state"]["state"]["key"][7] += 1
    elif part == "count":
        saved["t_"] += 1
    elif part == "parameter":
        saved["hidden_layer_sizes"] = (6,)
    elif part == "loss":
        saved["loss_curve_"][0] += 1e-16
    else:
        saved["random_stata"] = saved.pop("random_state")
    with pytest.raises(ValueError, match="damaged"):
        SGDSigmoidMLP().__setstate__(saved)


@pytest.mark.parametrize(
    "path", sorted(GOLDEN.glob("*/*.pickle4")), ids=lambda path: path.stem
)
def test_a_file_saved_before_a_parameter_existed_gets_its_default(path):
    model = pickle.loads(path.read_bytes())
    assert model.get_params() == {**type(model)().get_params(), **model.get_params()}
    assert repr(model)
    X = np.random.RandomState(0).normal(size=(60, model.n_features_in_))
    y = model.predict(X)
    if hasattr(model, "classes_") and y.ndim == 1:
        y = np.resize(model.classes_, 60)
    quietly(model.set_params(warm_start=True, max_iter=2).fit, X, y)
    quietly(model.set_params(learning_rate_init="auto").partial_fit, X, y)
