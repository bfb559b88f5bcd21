"""Callbacks of scikit-learn 1.9: what they receive, and what they can do."""

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import fit, learnt
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

callback = pytest.importorskip("sklearn.callback")
ESTIMATORS = [SGDSigmoidMLP, SGDSigmoidMLPRegressor]


class Recorder:
    """Records the tasks, and the estimator after each epoch."""

    def __init__(self, stop_after=None, raises=None, at="end"):
        self.events, self.estimators = [], []
        self.stop_after, self.raises, self.at = stop_after, raises, at

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.events.append(f"{context.task_name} begins")
        if self.at == context.task_name and self.raises is not None:
            raise self.raises

    def on_fit_task_end(
        self, estimator, context, *, X=None, metadata=None, fitted_estimator=None
    ):
        self.events.append(f"{context.task_name} ends")
        if self.at == f"end of {context.task_name}":
            raise self.raises
        self.X, self.metadata = X, metadata
        if context.task_name == "epoch":
            self.estimators.append(fitted_estimator)
            if self.at == "end" and len(self.estimators) == 3 and self.raises:
                raise self.raises
        return len(self.estimators) == self.stop_after


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_fit_is_a_task_with_a_task_for_each_epoch(Estimator, iris):
    recorder = Recorder()
    fit(Estimator((5,), max_iter=2).set_callbacks(recorder), *iris)
    epoch = ["epoch begins", "epoch ends"]
    tasks = ["fit begins", *epoch, *epoch, "fit ends"]
    assert recorder.events == ["setup", *tasks, "teardown"]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_estimator_of_an_epoch_equals_one_fitted_for_that_many_epochs(
    Estimator, early_stopping, iris
):
    recorder = Recorder()
    model = Estimator((5,), max_iter=4, momentum=0.5, random_state=0)
    model.set_params(early_stopping=early_stopping)
    fit(clone(model).set_callbacks(recorder), *iris)
    for k, estimator in enumerate(recorder.estimators, 1):
        assert estimator.n_iter_ == len(estimator.loss_curve_) == k
        assert np.isfinite(estimator.score(*iris))
        short = clone(model).set_params(max_iter=k)
        assert learnt(estimator) == learnt(fit(short, *iris))


def test_a_saved_estimator_of_an_epoch_continues_to_the_same_bits(tmp_path, iris):
    class Checkpoint(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "epoch" and context.task_id == 2:
                joblib.dump(fitted_estimator, tmp_path / "m.joblib")

    model = SGDSigmoidMLP((5,), max_iter=7, momentum=0.5, random_state=0)
    whole = fit(clone(model).set_callbacks(Checkpoint()), *iris)
    loaded = joblib.load(tmp_path / "m.joblib").set_params(warm_start=True, max_iter=4)
    assert learnt(fit(loaded, *iris)) == learnt(whole)


def test_the_estimator_of_the_whole_fit_can_be_saved(tmp_path, iris):
    class Saver(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "fit":
                joblib.dump(fitted_estimator, tmp_path / "m.joblib")

    model = SGDSigmoidMLP((5,), max_iter=3, random_state=0).set_callbacks(Saver())
    fit(model, *iris)
    assert learnt(joblib.load(tmp_path / "m.joblib")) == learnt(model)


def test_callbacks_do_not_change_the_training(iris):
    model = SGDSigmoidMLP((5,), max_iter=5, random_state=0)
    watched = fit(clone(model).set_callbacks(Recorder()), *iris)
    assert learnt(watched) == learnt(fit(model, *iris))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_callback_can_stop_training_without_a_warning(Estimator, iris):
    model = Estimator((5,), random_state=0)
    stopped = clone(model).set_callbacks(Recorder(stop_after=3)).fit(*iris)
    assert stopped.n_iter_ == 3
    assert learnt(stopped) == learnt(fit(model.set_params(max_iter=3), *iris))


def test_callbacks_receive_the_original_data(iris):
    X, y = pd.DataFrame(iris[0], columns=list("abcd")), iris[1]
    weights = np.ones(150)
    recorder = Recorder()
    model = SGDSigmoidMLP((5,), max_iter=2).set_callbacks(recorder)
    fit(model, X, y)
    assert recorder.X is X
    assert recorder.metadata is None
    fit(model, X, y, weights)
    assert recorder.metadata["sample_weight"] is weights


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_scoring_monitor_logs_a_score_each_epoch(Estimator, weighted, iris):
    X, y = pd.DataFrame(iris[0], columns=list("abcd")), iris[1]
    w = np.random.default_rng(0).random(150) if weighted else None
    name = "accuracy" if Estimator is SGDSigmoidMLP else "r2"
    monitor = callback.ScoringMonitor(scoring=name)
    model = Estimator((5,), max_iter=4, random_state=0)
    fit(clone(model).set_callbacks(monitor), X, y, w)
    log = monitor.get_logs().data
    logged = [row[name] for row in log if row["task_name"] == "epoch"]
    expected = [
        fit(clone(model).set_params(max_iter=k), X, y, w).score(X, y, w)
        for k in range(1, 5)
    ]
    assert_allclose(logged, expected, rtol=1e-12)
    assert_allclose([row[name] for row in log if row["task_name"] == "fit"], logged[-1])


def test_the_scoring_monitor_sees_every_fit_of_a_parallel_search(iris):
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = SGDSigmoidMLP((5,), max_iter=3, random_state=0).set_callbacks(monitor)
    grid = {"learning_rate_init": [1.0, 3.0]}
    fit(GridSearchCV(model, grid, cv=2, n_jobs=2), *iris)
    epochs = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(epochs) == (2 * 2 + 1) * 3


@pytest.mark.parametrize("nested", ["alone", "pipeline", "search"])
def test_the_progress_bar_shows_epochs(nested, capsys, iris):
    pytest.importorskip("rich")
    model = SGDSigmoidMLP((5,), max_iter=3, random_state=0)
    if nested != "alone":
        model = make_pipeline(StandardScaler(), model)
    if nested == "search":
        grid = {"sgdsigmoidmlp__learning_rate_init": [1.0, 3.0]}
        model = GridSearchCV(model, grid, cv=2)
    model.set_callbacks(callback.ProgressBar(max_propagation_depth=None))
    fit(model, *iris)
    lines = capsys.readouterr().out.splitlines()
    ours = [line for line in lines if "SGDSigmoidMLP - fit" in line]
    # With the search: two candidates in two folds, and the refit.
    assert len(ours) == {"alone": 1, "pipeline": 1, "search": 5}[nested]
    assert all("100%" in line for line in ours)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_interrupt_in_a_callback_ends_training_with_a_warning(Estimator, iris):
    recorder = Recorder(raises=KeyboardInterrupt())
    model = Estimator((5,), random_state=0)
    with pytest.warns(UserWarning, match="interrupted.*3 whole epochs"):
        stopped = clone(model).set_callbacks(recorder).fit(*iris)
    assert recorder.events[-2:] == ["fit ends", "teardown"]
    assert learnt(stopped) == learnt(fit(model.set_params(max_iter=3), *iris))


@pytest.mark.parametrize("task", ["fit", "epoch"])
def test_an_interrupt_before_the_first_epoch_leaves_a_network_that_predicts(task, iris):
    recorder = Recorder(raises=KeyboardInterrupt(), at=task)
    model = SGDSigmoidMLP((5,), random_state=0)
    watched = clone(model).set_callbacks(recorder)
    with pytest.warns(UserWarning, match="interrupted.*initial weights"):
        watched.fit(*iris)
    assert watched.n_iter_ == 0
    assert watched.loss_ is None
    assert np.isfinite(watched.predict_proba(iris[0])).all()
    # It continues as if it had not been interrupted.
    watched.set_callbacks().set_params(warm_start=True)
    assert learnt(fit(watched, *iris)) == learnt(fit(model, *iris))


def test_an_interrupt_before_the_first_epoch_keeps_the_previous_network(iris):
    model = fit(SGDSigmoidMLP((5,), max_iter=3, random_state=0), *iris)
    before = learnt(model)
    model.set_callbacks(Recorder(raises=KeyboardInterrupt(), at="epoch"))
    with pytest.warns(UserWarning, match="as it was before this call"):
        model.fit(*iris)
    assert learnt(model) == before


@pytest.mark.parametrize("at", ["fit", "epoch", "end", "end of fit"])
def test_an_error_in_a_callback_is_raised_and_leaves_the_previous_state(at, iris):
    model = fit(SGDSigmoidMLP((5,), max_iter=3, random_state=0), *iris)
    before, recorder = learnt(model), Recorder(raises=RuntimeError("mine"), at=at)
    model.set_params(max_iter=5)
    model.set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="mine"):
        fit(model, *iris)
    assert learnt(model) == before
    assert recorder.events[-1] == "teardown"
    assert_array_equal(model.set_callbacks().predict(iris[0]).shape, (150,))
