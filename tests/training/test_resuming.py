"""Training that stops and continues has the same bits as uninterrupted training."""

import multiprocessing
import subprocess
import sys
from itertools import product

import joblib
import numpy as np
import pytest
from helpers import ENGINES, fit, learnt, needs_numba, quietly
from networks import Reference
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import cross_validate
from threadpoolctl import threadpool_info, threadpool_limits

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

ESTIMATORS = [SGDSigmoidMLP, SGDSigmoidMLPRegressor]
SETTINGS = {
    "plain": {},
    "in order": {"shuffle": False},
    "momentum": {"momentum": 0.9, "nesterovs_momentum": False, "alpha": 0.1},
    "nesterov": {"momentum": 0.9, "alpha": 0.1, "learning_rate": "invscaling"},
    # The plateau comes at once, so η drops both before and after the stop.
    "adaptive": {"learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 1},
    "full": {"batch_size": "full", "momentum": 0.5},
    "one by one": {"batch_size": 1},
}
# The settings that are resumed in another process, which takes a second each.
RESUMED = ["plain", "nesterov", "adaptive"]


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_two_warm_fits_equal_one_longer_fit(Estimator, engine, settings, iris):
    model = Estimator((5,), random_state=3, engine=engine, **settings)
    long = fit(clone(model).set_params(max_iter=9), *iris)
    warm = fit(model.set_params(max_iter=4, warm_start=True), *iris)
    assert warm.n_iter_ == 4
    fit(warm.set_params(max_iter=5), *iris)
    # As in MLPClassifier, n_iter_ counts this fit; t_ and loss_curve_ include all.
    assert warm.n_iter_ == 5
    assert warm.t_ == long.t_ == 9 * 150
    assert warm.loss_curve_ == long.loss_curve_
    assert learnt(warm) == learnt(long)


def test_a_warm_fit_stops_where_the_longer_fit_stops(iris):
    model = SGDSigmoidMLP((5,), tol=2e-3, random_state=0)
    long = fit(clone(model), *iris)
    assert 20 < long.n_iter_ < 200
    warm = fit(clone(model).set_params(max_iter=20, warm_start=True), *iris)
    fit(warm.set_params(max_iter=200), *iris)
    assert warm.n_iter_ == long.n_iter_ - 20
    assert learnt(warm) == learnt(long.set_params(warm_start=True))


def test_a_cold_fit_forgets_all_previous_training(iris):
    model = fit(SGDSigmoidMLP((5,), max_iter=3, momentum=0.5, random_state=0), *iris)
    fresh = learnt(model)
    model.partial_fit(*iris)
    assert learnt(model) != fresh
    assert learnt(fit(model, *iris)) == fresh


CONTINUE_ELSEWHERE = """
import sys, warnings, joblib
folder, way, n_epochs = sys.argv[1:]
model, X, y = joblib.load(f"{folder}/saved.joblib")
warnings.simplefilter("ignore")
if way == "warm_start":
    model.set_params(warm_start=True, max_iter=int(n_epochs)).fit(X, y)
else:
    for _ in range(int(n_epochs)):
        model.partial_fit(X, y)
joblib.dump(model, f"{folder}/done.joblib")
"""


@pytest.mark.parametrize(
    ("way", "engine", "settings"),
    [
        *product(["warm_start", "partial_fit"], ["numpy"], RESUMED),
        pytest.param("warm_start", "numba", "one by one", marks=needs_numba),
    ],
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_saved_run_continues_in_another_process_to_the_same_bits(
    Estimator, way, engine, settings, tmp_path, iris
):
    model = Estimator((5,), random_state=3, engine=engine, **SETTINGS[settings])
    long = fit(clone(model).set_params(max_iter=9), *iris)
    saved = fit(model.set_params(max_iter=4), *iris)
    joblib.dump((saved, *iris), tmp_path / "saved.joblib")
    command = [sys.executable, "-c", CONTINUE_ELSEWHERE, tmp_path, way, "5"]
    subprocess.run(command, check=True)
    assert learnt(joblib.load(tmp_path / "done.joblib")) == learnt(long)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_a_seed_gives_the_same_bits_in_parallel(backend, iris):
    models = [
        Estimator((5,), max_iter=5, random_state=seed)
        for Estimator in ESTIMATORS
        for seed in range(3)
    ]
    serial = [learnt(fit(clone(model), *iris)) for model in models]
    # Outside the threads, because warning filters belong to the whole process.
    parallel = quietly(
        joblib.Parallel(n_jobs=2, backend=backend),
        (joblib.delayed(clone(model).fit)(*iris) for model in models),
    )
    assert [learnt(model) for model in parallel] == serial


@pytest.fixture(scope="module")
def wide():
    """Rows wide enough for BLAS to use several threads even in small batches."""
    rng = np.random.default_rng(0)
    return rng.random((1500, 784)), rng.integers(10, size=1500)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch_size", [1, 10, 32, 200, 1100, "full"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_number_of_BLAS_threads_makes_no_difference(
    Estimator, batch_size, dtype, wide
):
    X, y = wide[0].astype(dtype), wide[1]
    model = Estimator((60, 30), batch_size=batch_size, max_iter=2, random_state=0)
    model.set_params(early_stopping=True)
    states = set()
    for n_threads in (1, 2, 3, 8):
        with threadpool_limits(n_threads, "blas"):
            fitted = fit(clone(model), X, y)
            predicted = joblib.hash(fitted.predict(X))
            warm = fit(fitted.set_params(warm_start=True), X, y)
            states.add((predicted, learnt(warm), learnt(warm.partial_fit(X, y))))
    assert len(states) == 1


def test_any_number_of_workers_gives_the_same_held_out_scores(wide):
    """There are enough rows for several workers, even at the start of a warm start."""
    X, y = wide[0].astype(np.float32), wide[1].astype(float)
    model = SGDSigmoidMLPRegressor((20,), early_stopping=True, warm_start=True)
    model.set_params(max_iter=2, random_state=0)
    X_val, y_val = np.concatenate([X] * 3), np.concatenate([y] * 3)
    states = set()
    for n_threads in (1, 2, 8):
        with threadpool_limits(n_threads, "blas"):
            fitted = clone(model)
            for _ in range(2):
                fit(fitted, X, y, X_val=X_val, y_val=y_val)
            states.add((learnt(fitted), *fitted.validation_scores_))
    assert len(states) == 1


@pytest.mark.parametrize("n_rows", [1, 2, 11, 1500, 5000])
@pytest.mark.parametrize("hidden", [(), (60,), (301, 77)], ids=str)
def test_the_number_of_BLAS_threads_makes_no_difference_to_predictions(
    hidden, n_rows, wide
):
    model = fit(SGDSigmoidMLPRegressor(hidden, max_iter=1, random_state=0), *wide)
    X = np.resize(wide[0], (n_rows, 784))
    predictions = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads, "blas"):
            predictions.append(model.predict(X))
    assert_array_equal(*predictions)
    assert_allclose(predictions[0][-1], model.predict(X[-1:])[0], rtol=1e-12)


def test_worker_processes_find_the_same_bits_as_one_process(wide):
    model = SGDSigmoidMLPRegressor((60,), max_iter=2, random_state=0)
    settings = {"cv": 2, "return_estimator": True}
    serial, parallel = (
        quietly(cross_validate, model, *wide, n_jobs=n_jobs, **settings)
        for n_jobs in (1, 2)
    )
    assert_array_equal(serial["test_score"], parallel["test_score"])
    for a, b in zip(serial["estimator"], parallel["estimator"], strict=True):
        assert learnt(a) == learnt(b)


def test_a_forked_process_starts_its_own_threads(wide):
    X, y = wide
    model = SGDSigmoidMLP((60,), batch_size="full", max_iter=2, random_state=0)
    expected = learnt(fit(model, X, y))  # this starts a thread in this process
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        fits = [pool.apply_async(fit, (clone(model), X, y)) for _ in range(4)]
        assert [learnt(done.get(timeout=60)) for done in fits] == [expected] * 4


def test_a_fit_restores_the_threads_of_BLAS(wide):
    threads = [lib["num_threads"] for lib in threadpool_info()]
    fit(SGDSigmoidMLP((5,), max_iter=2), *wide)
    assert [lib["num_threads"] for lib in threadpool_info()] == threads


@pytest.mark.parametrize(
    ("change", "y", "message"),
    [
        ({"hidden_layer_sizes": (6,)}, [0, 1, 2], "hidden_layer_sizes=.* start again"),
        ({}, [0, 1, 1], r"same classes .* Previously got \[0 1 2\], `y` has \[0 1\]"),
        ({}, [0, 1, 3], r"Previously got \[0 1 2\], `y` has \[0 1 3\]"),
        ({}, np.eye(3, dtype=int), "indicator matrix, but the model"),
    ],
)
def test_a_warm_start_of_another_network_is_an_error(change, y, message, iris):
    model = fit(SGDSigmoidMLP((5,), max_iter=3, warm_start=True), *iris)
    before = learnt(model)
    model.set_params(**change)
    with pytest.raises(ValueError, match=message):
        model.fit(iris[0][::60], y)
    model.set_params(hidden_layer_sizes=(5,))
    assert learnt(model) == before


def test_a_warm_start_keeps_the_features(iris):
    model = fit(SGDSigmoidMLP((5,), max_iter=3, warm_start=True), *iris)
    with pytest.raises(ValueError, match=r"X has 3 features, but .* expecting 4"):
        model.fit(iris[0][:, :3], iris[1])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("schedule", "step_sizes"),
    [
        ({"learning_rate": "constant"}, [0.7] * 4),
        (
            {"learning_rate": "invscaling", "power_t": 0.3},
            [0.7 / (150 * k + 1) ** 0.3 for k in range(4)],
        ),
        # A tol so large that only the first epoch counts as an improvement.
        (
            {"learning_rate": "adaptive", "tol": 1e9, "n_iter_no_change": 1},
            [0.7, 0.7, 0.7, 0.14],
        ),
    ],
    ids=["constant", "invscaling", "adaptive"],
)
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_fit_equals_the_equations_with_velocity_penalty_and_schedule(
    momentum, nesterov, schedule, step_sizes, weighted, iris
):
    X, y = iris
    weights = np.random.default_rng(0).random(150) if weighted else None
    model = SGDSigmoidMLP(
        (5, 4),
        learning_rate_init=0.7,
        batch_size=32,
        momentum=momentum,
        nesterovs_momentum=nesterov,
        alpha=0.05,
        shuffle=False,
        random_state=0,
        **schedule,
    )
    start = fit(clone(model).set_params(learning_rate_init=1e-300, max_iter=1), X, y)

    start.W = [coef.T for coef in start.coefs_]
    start.b = [intercept[:, np.newaxis] for intercept in start.intercepts_]
    mean = 1.0 if weights is None else weights.mean()
    reference = Reference(start, 0.05 / mean, momentum, nesterov)
    w = None if weights is None else weights / mean
    losses = [
        reference.descend(X, np.eye(3)[y], eta, 32, w) / 150 for eta in step_sizes
    ]
    fit(model.set_params(max_iter=4), X, y, weights)
    assert_allclose(model.loss_curve_, losses, rtol=1e-10)
    W, b = reference.theta
    for coef, W_l in zip(model.coefs_, W, strict=True):
        assert_allclose(coef, W_l.T, rtol=1e-9, atol=1e-12)
    for intercept, b_l in zip(model.intercepts_, b, strict=True):
        assert_allclose(intercept, b_l[:, 0], rtol=1e-9, atol=1e-12)


def test_verbose_prints_a_line_for_each_epoch_like_MLPClassifier(capsys, iris):
    model = SGDSigmoidMLP((5,), max_iter=3, verbose=True, random_state=0)
    fit(model, *iris)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for k, (line, loss) in enumerate(zip(lines, model.loss_curve_, strict=True), 1):
        start, speed = line.rsplit(", ", 1)
        assert start == f"Iteration {k}, loss = {loss:.8f}"
        number, unit = speed.split()
        assert int(number) > 0
        assert unit == "examples/s"
    model.partial_fit(*iris)
    assert capsys.readouterr().out.startswith("Iteration 4, loss = ")
    fit(model.set_params(early_stopping=True), *iris)
    first = capsys.readouterr().out.splitlines()[0]
    assert f"validation score = {model.validation_scores_[0]:.6f}, " in first
    fit(model.set_params(verbose=False), *iris)
    assert capsys.readouterr().out == ""


def test_the_curve_of_a_stream_keeps_its_last_passes(iris, monkeypatch):
    monkeypatch.setattr("skbackprop._estimators.outcome.MOST_STREAM_LOSSES", 5)
    model, losses = SGDSigmoidMLP((3,), random_state=0), []
    for _ in range(8):
        losses.append(model.partial_fit(*iris, classes=[0, 1, 2]).loss_)
    assert model.loss_curve_ == losses[-5:]
    # A fit keeps all its epochs.
    assert len(fit(model.set_params(max_iter=7), *iris).loss_curve_) == 7
