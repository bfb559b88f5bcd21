"""What is saved comes back, to the bit; what is damaged says so."""

import copy
import importlib.util
import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_allclose, assert_array_equal
from saving import FORMATS, OUR_TYPES
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skbackprop
from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

TESTS = Path(__file__).parent
GOLDEN = TESTS / "golden"
GOLDEN_FILES = sorted(path for path in GOLDEN.glob("*/*") if path.suffix[1:] in FORMATS)


def golden_script():
    spec = importlib.util.spec_from_file_location("write", GOLDEN / "write.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WRITE = golden_script()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # five epochs are too few
    MODELS = {kind: (model, X) for kind, model, X in WRITE.models()}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("format_name", FORMATS)
def test_a_loaded_model_is_the_same_to_the_bit(format_name, kind):
    saved, (model, X) = FORMATS[format_name], MODELS[kind]
    loaded = saved.load(saved.dump(model))
    assert type(loaded) is type(model)
    assert joblib.hash(vars(loaded)) == joblib.hash(vars(model))
    for name, output in WRITE.outputs(model, X).items():
        assert_array_equal(getattr(loaded, name)(X), output, strict=True)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("format_name", FORMATS)
def test_a_loaded_model_goes_on_training_to_the_same_bits(format_name, kind, iris):
    saved, (model, X) = FORMATS[format_name], MODELS[kind]
    y = model.predict(X)
    loaded = saved.load(saved.dump(model)).partial_fit(X, y)
    went_on = copy.deepcopy(model).partial_fit(X, y)
    assert joblib.hash(vars(loaded)) == joblib.hash(vars(went_on))


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("kind", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_an_unfitted_model_comes_back_too(kind, format_name):
    saved, model = FORMATS[format_name], kind((3, 2), momentum=0.3)
    assert vars(saved.load(saved.dump(model))) == vars(model)


@pytest.mark.parametrize("labels", ["text", "objects", "numbers", "bytes", "dates"])
def test_every_kind_of_label_has_a_checksum(labels, iris):
    classes = {
        "text": np.array(["", "ä", "ab"]),
        "objects": np.array(["", "\ud800", "ab"], dtype=object),
        "numbers": np.array([-1.5, 0.0, 2.0]),
        "bytes": np.array([b"a", b"bc", b"d"]),
        "dates": np.array(["2020-01-01", "2021-01-01", "2022-01-01"], "datetime64[D]"),
    }[labels]
    model = SGDSigmoidMLP((3,), max_iter=100, tol=0.1, random_state=0).fit(*iris)
    model.classes_ = classes
    assert_array_equal(pickle.loads(pickle.dumps(model)).classes_, classes)
    state = model.__getstate__()
    state["classes_"] = classes[::-1].copy()
    with pytest.raises(ValueError, match="damaged"):
        SGDSigmoidMLP.__new__(SGDSigmoidMLP).__setstate__(state)


@pytest.mark.parametrize("n_epochs", [1, 500])
# Protocol 2 is Python 2's and writes bytes as text: half as much again.
@pytest.mark.parametrize("format_name", sorted({*FORMATS} - {"pickle2"}))
def test_a_file_is_20_kB_larger_than_the_parameters(format_name, n_epochs, digits):
    X, y = digits[0][:30], digits[1][:30]
    model = SGDSigmoidMLP((50,), max_iter=n_epochs, tol=0, random_state=0)
    model.set_params(n_iter_no_change=np.inf)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y, X_val=X, y_val=y)
    assert len(model.validation_scores_) == n_epochs
    parameters = sum(p.nbytes for p in (*model.coefs_, *model.intercepts_))
    assert len(FORMATS[format_name].dump(model)) <= parameters + 20_000


def test_names_of_features_and_lists_for_arrays_are_saved_too(iris):
    X = pd.DataFrame(iris[0], columns=[*"abcd"])
    model = SGDSigmoidMLP((3,), max_iter=100, tol=0.1, random_state=0).fit(X, iris[1])
    model.coefs_ = [coef.tolist() for coef in model.coefs_]
    for saved in FORMATS.values():
        loaded = saved.load(saved.dump(model))
        assert_array_equal(loaded.feature_names_in_, [*"abcd"])
        assert loaded.coefs_ == model.coefs_


def test_skops_has_to_trust_our_own_type_only():
    for model, _ in MODELS.values():
        data = skops.io.dumps(make_pipeline(StandardScaler(), model))
        (name,) = skops.io.get_untrusted_types(data=data)
        assert name in OUR_TYPES


LOAD_ALL = """
import sys
from pathlib import Path
from saving import FORMATS
# skops imports all of scikit-learn, which looks for dask.
before = set(sys.modules)
for path in Path(sys.argv[1]).iterdir():
    FORMATS[path.name].load(path.read_bytes())
extras = {"matplotlib", "dask", "distributed", "onnx", "skl2onnx", "onnxruntime"}
print(len(FORMATS), extras & (set(sys.modules) - before))
"""


def test_loading_imports_no_other_extra(tmp_path):
    for format_name, saved in FORMATS.items():
        (tmp_path / format_name).write_bytes(saved.dump(MODELS["binary"][0]))
    command = [sys.executable, "-c", LOAD_ALL, tmp_path]
    output = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=TESTS
    )
    assert output.stdout.strip() == f"{len(FORMATS)} set()"


def test_a_memory_mapped_model_is_read_when_it_is_needed(tmp_path):
    model, X = MODELS["many_classes"]
    joblib.dump(model, tmp_path / "model")
    loaded = joblib.load(tmp_path / "model", mmap_mode="r")
    assert isinstance(loaded.coefs_[0], np.memmap)
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X), strict=True)
    again = pickle.loads(pickle.dumps(loaded))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X), strict=True)


# ---- versions


# What numpy 1 has pickled with protocol 5.
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
def test_a_file_of_the_same_major_version_does_not_warn(version):
    model, X = MODELS["binary"]
    state = {**model.__getstate__(), "_skbackprop_version": version}
    loaded = SGDSigmoidMLP.__new__(SGDSigmoidMLP)
    loaded.__setstate__(state)
    assert_array_equal(loaded.predict(X), model.predict(X))


def test_a_state_without_version_and_checksum_is_taken_as_it_is():
    model, _ = MODELS["binary"]
    loaded = SGDSigmoidMLP.__new__(SGDSigmoidMLP)
    loaded.__setstate__(dict(vars(model)))
    assert vars(loaded) == vars(model)


# ---- damage

DAMAGED = """
import faulthandler, json, random, resource, signal, sys, warnings
from collections import Counter
from pathlib import Path
import numpy as np
from saving import FORMATS

faulthandler.enable()
# A damaged length asks for more memory than there is; never for all there is.
resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
folder, n = Path(sys.argv[1]), int(sys.argv[2])
X = np.load(folder / "X.npy")
methods = ("predict", "predict_proba", "decision_function")


def outcome(load, data, expected):
    try:
        model = load(data)
        with np.errstate(all="ignore"):
            outputs = [getattr(model, name)(X) for name in methods]
    except Warning:
        return "warns"
    except Exception:
        return "error"
    pairs = list(zip(outputs, expected, strict=True))
    if any(a.shape != b.shape or a.dtype.kind != b.dtype.kind for a, b in pairs):
        return "other shape"
    return "same" if all(np.array_equal(a, b) for a, b in pairs) else "silent"


warnings.simplefilter("error")
random.seed(0)
for name, saved in FORMATS.items():
    data = (folder / name).read_bytes()
    good = saved.load(data)
    expected = [getattr(good, method)(X) for method in methods]
    outcomes = Counter()
    for i in range(n):
        damaged = bytearray(data)
        if i % 5 == 0:
            del damaged[random.randrange(len(data)) :]
        else:
            damaged[random.randrange(len(data))] ^= 1 << random.randrange(8)
        signal.alarm(20)  # ends the process
        outcomes[outcome(saved.load, bytes(damaged), expected)] += 1
        signal.alarm(0)
    print(json.dumps([name, outcomes]))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of a process")
def test_no_damage_to_a_file_goes_unseen(tmp_path, iris):
    n = 500
    model = SGDSigmoidMLP((30,), max_iter=5, tol=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(*iris)
    np.save(tmp_path / "X.npy", iris[0])
    for format_name, saved in FORMATS.items():
        (tmp_path / format_name).write_bytes(saved.dump(model))
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
        assert "silent" not in found
        assert found["error"] > n / 4


@pytest.mark.parametrize("part", ["velocity", "random stream", "count"])
def test_damage_to_what_training_goes_on_from_is_seen(part, iris):
    model = SGDSigmoidMLP((5,), momentum=0.9, max_iter=2, tol=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(*iris)
    state = pickle.loads(pickle.dumps(model.__getstate__()))
    if part == "velocity":
        state["_velocity"][0][0][0, 0] *= 2
    elif part == "random stream":
        state["_random_state"]["state"]["key"][7] += 1
    else:
        state["t_"] += 1
    with pytest.raises(ValueError, match="damaged"):
        SGDSigmoidMLP().__setstate__(state)
