"""Typical scikit-learn work, with real processes and real files."""

import os
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import assert_same_bits
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

EXAMPLES = Path(__file__).parents[2] / "examples"

# A large tol ends a fit soon, with a warning.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def pipeline(**settings):
    settings = {"tol": 1e-3, "max_iter": 500, "random_state": 0, **settings}
    return make_pipeline(StandardScaler(), SGDSigmoidMLP(**settings))


def test_a_grid_search_in_two_processes_equals_one_in_one(digits):
    X, y = digits[0][:600], digits[1][:600]
    grid = {
        "sgdsigmoidmlp__learning_rate_init": [3.0, 10.0],
        "sgdsigmoidmlp__hidden_layer_sizes": [(20,), (50,)],
    }
    serial, parallel = (
        GridSearchCV(pipeline(), grid, cv=3, n_jobs=n_jobs).fit(X, y)
        for n_jobs in (1, 2)
    )
    assert serial.best_params_ == parallel.best_params_
    for key, values in serial.cv_results_.items():
        if "time" not in key:
            assert_array_equal(values, parallel.cv_results_[key], err_msg=key)
    assert_same_bits(serial.best_estimator_[-1], parallel.best_estimator_[-1])


def test_cross_validation_reaches_the_accuracy_of_the_study(iris):
    assert cross_val_score(pipeline(tol=2e-4), *iris, cv=5).mean() >= 0.942
    X, y = load_diabetes(return_X_y=True)
    regressor = make_pipeline(StandardScaler(), SGDSigmoidMLPRegressor(random_state=0))
    assert cross_val_score(regressor, X, y, cv=5).mean() >= 0.45


def test_a_clone_is_unfitted_and_trains_to_the_same_bits(iris):
    model = pipeline().fit(*iris)
    copy = clone(model)
    assert not hasattr(copy[-1], "coefs_")
    assert_array_equal(
        copy.fit(*iris).predict_proba(iris[0]), model.predict_proba(iris[0])
    )


def test_a_stream_of_chunks_is_learnt(digits):
    X, y = digits
    model = SGDSigmoidMLP(learning_rate_init=10.0, batch_size=10, random_state=0)
    rng = np.random.default_rng(0)
    for _ in range(150):
        rows = rng.integers(1300, size=100)
        model.partial_fit(X[rows], y[rows], classes=range(10))
    assert model.score(X[1300:], y[1300:]) > 0.85
    assert model.t_ == 15000


PREDICT_ELSEWHERE = """
import sys, joblib, numpy as np
folder, file, mmap_mode = sys.argv[1:]
model = joblib.load(f"{folder}/{file}", mmap_mode=mmap_mode or None)
if mmap_mode:
    assert all(isinstance(coef, np.memmap) for coef in model[-1].coefs_)
X = np.load(f"{folder}/X.npy")
np.save(f"{folder}/p.npy", model.predict_proba(X))
"""


@pytest.mark.parametrize(
    ("file", "compress", "mmap_mode"),
    [("m.joblib", 0, ""), ("m.joblib", 0, "r"), ("m.joblib.gz", 3, "")],
)
def test_a_saved_model_predicts_the_same_bits_in_a_new_process(
    file, compress, mmap_mode, tmp_path, digits
):
    X, y = digits
    model = pipeline(momentum=0.5, tol=0.01).fit(X, y)
    np.save(tmp_path / "X.npy", X)
    joblib.dump(model, tmp_path / file, compress=compress)
    command = [sys.executable, "-c", PREDICT_ELSEWHERE, tmp_path, file, mmap_mode]
    subprocess.run(command, check=True)
    assert_array_equal(np.load(tmp_path / "p.npy"), model.predict_proba(X))


def test_a_model_on_a_read_only_memory_map_can_be_trained_further(tmp_path, iris):
    model = pipeline().fit(*iris)
    joblib.dump(model, tmp_path / "m.joblib")
    mapped = joblib.load(tmp_path / "m.joblib", mmap_mode="r")
    X = model[0].transform(iris[0])
    for network in (mapped[-1], model[-1]):
        network.partial_fit(X, iris[1])
    assert_array_equal(mapped.predict_proba(iris[0]), model.predict_proba(iris[0]))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_data_frames_give_their_feature_names(make):
    X, y = load_wine(return_X_y=True, as_frame=True)
    X = (X - X.mean()) / X.std()
    frame = make({name: X[name].to_numpy() for name in X.columns})
    model = SGDSigmoidMLP((5,), tol=1e-3, random_state=0).fit(frame, y)
    assert_array_equal(model.feature_names_in_, X.columns)
    plain = clone(model).fit(X.to_numpy(), y)
    assert_array_equal(model.predict_proba(frame), plain.predict_proba(X.to_numpy()))
    renamed = make({f"{name}_": X[name].to_numpy() for name in X.columns})
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(renamed)


# The examples that draw, plot_*.py, run when the documentation is built.
SCRIPTS = sorted(set(EXAMPLES.glob("*.py")) - set(EXAMPLES.glob("plot_*.py")))


@pytest.mark.slow  # but CI runs it
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_example_runs(path, tmp_path):
    if path.stem == "dask_grid_search" and not hasattr(joblib, "parallel_config"):
        pytest.skip("needs joblib 1.3")
    environment = {**os.environ, "PYTHONWARNINGS": "error::UserWarning"}
    command = [sys.executable, str(path)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    if path.stem == "digits_grid_search":
        accuracy = re.search(r"on the test images: ([\d.]+)", done.stdout)[1]
        assert float(accuracy) >= 0.97
        assert "predicts the same: True" in done.stdout
        assert (tmp_path / "digits_model.joblib").exists()
        assert (tmp_path / "digits_loss_curve.png").exists()
