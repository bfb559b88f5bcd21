"""The values of "auto": they follow from the data and are chosen once."""

import numpy as np
import pytest
from helpers import assert_same_bits, assert_same_parameters, fit, parameters
from numpy.testing import assert_allclose
from scipy.sparse import random as random_sparse
from sklearn.base import clone
from sklearn.preprocessing import normalize

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop._estimators.call import Call

ESTIMATORS = [SGDSigmoidMLP, SGDSigmoidMLPRegressor]
FIT = Call(continues=False, is_pass=False)
# Four bits and their parity have a long plateau at the loss of a constant prediction.
BITS = 2.0 * (np.arange(16)[:, np.newaxis] >> np.arange(4) & 1) - 1
PARITY = (BITS.prod(axis=1) > 0).astype(int)


def rows(n, n_features=4, seed=0):
    """Inputs with exactly unit variance, and two classes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_features))
    X /= np.sqrt((X**2).mean(axis=0))
    return X, np.arange(n) % 2


@pytest.mark.parametrize(
    ("model", "batch_size", "early_stopping", "factor"),
    [
        (SGDSigmoidMLP(), "full", False, 1.0),
        (SGDSigmoidMLP(), 32, False, 1.0),
        (SGDSigmoidMLP(), 64, False, 1.0),
        (SGDSigmoidMLP(), 8, False, 0.5),
        (SGDSigmoidMLP(), 2, False, 0.25),
        (SGDSigmoidMLP(), "auto", False, 0.5**0.5),
        (SGDSigmoidMLP(), "auto", True, 0.5**0.5),
        (SGDSigmoidMLPRegressor(), 32, False, 1.0),
        (SGDSigmoidMLPRegressor(), "auto", False, 0.5**0.5),
        (SGDSigmoidMLPRegressor(), 32, True, 1.0),
        (SGDSigmoidMLPRegressor(), "auto", True, 0.5),
        (SGDSigmoidMLP(500), 32, False, 0.2),
        (SGDSigmoidMLP((20, 200)), 32, False, 0.5),
        (SGDSigmoidMLP(momentum=0.9), 32, False, 0.1),
    ],
)
def test_auto_eta_depends_on_network_batch_and_estimator(
    model, batch_size, early_stopping, factor
):
    X, y = rows(150, n_features=10)  # the mean squared norm is 10
    model = model.set_params(batch_size=batch_size, max_iter=1)
    fit(model.set_params(early_stopping=early_stopping, random_state=0), X, y)
    expected = factor * model._pace(early_stopping).eta
    if early_stopping:  # the remaining rows have another norm
        norm = (X**2).sum(axis=1)
        expected *= (10 / min(10, model._mean_squared_norm)) ** 0.5
        assert_allclose(model._mean_squared_norm, norm.mean(), rtol=0.1)
    assert_allclose(model.learning_rate_init_, expected, rtol=1e-12)


@pytest.mark.parametrize(("scale", "factor"), [(2, 1), (1, 2.5**0.5), (0.1, 10**0.5)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_auto_eta_grows_with_the_outputs_and_as_inputs_shrink(n_classes, scale, factor):
    X, _ = rows(150)  # the mean squared norm is 4
    model = SGDSigmoidMLP((5,), batch_size=32, max_iter=1)
    fit(model, scale * X, np.arange(150) % n_classes)
    assert_allclose(model.learning_rate_init_, factor * model.n_outputs_)


def test_sparse_rows_of_unit_norm_get_larger_steps():
    X = random_sparse(200, 1000, density=0.05, format="csr", random_state=0)
    y = np.arange(200) % 2
    model = SGDSigmoidMLP((5,), batch_size=32, max_iter=1)
    assert_allclose(fit(model, normalize(X), y).learning_rate_init_, 10**0.5)
    assert_allclose(fit(model, X, y).learning_rate_init_, 1)  # ‖x‖² is 17


@pytest.mark.parametrize(
    ("Estimator", "early_stopping", "n_rows", "batch_size"),
    [
        (SGDSigmoidMLP, False, 1, 1),
        (SGDSigmoidMLP, False, 32, 32),
        (SGDSigmoidMLP, False, 33, 16),
        (SGDSigmoidMLP, False, 1699, 16),
        (SGDSigmoidMLP, False, 2000, 20),
        (SGDSigmoidMLP, False, 5000, 32),
        (SGDSigmoidMLPRegressor, False, 1000, 16),
        (SGDSigmoidMLPRegressor, True, 30, 27),
        (SGDSigmoidMLPRegressor, True, 100, 8),
        (SGDSigmoidMLPRegressor, True, 1000, 9),
        (SGDSigmoidMLPRegressor, True, 5000, 32),
    ],
)
def test_an_auto_batch_is_a_hundredth_of_the_rows_within_limits(
    Estimator, early_stopping, n_rows, batch_size
):
    X, y = rows(n_rows)
    settings = {"early_stopping": early_stopping, "max_iter": 2, "random_state": 0}
    auto = fit(Estimator((3,), learning_rate_init=0.5, **settings), X, y)
    named = Estimator((3,), learning_rate_init=0.5, batch_size=batch_size, **settings)
    assert_same_bits(auto, fit(named, X, y))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(("n_rows", "batch_size"), [(12, "auto"), (100, "full")])
def test_with_auto_values_a_weight_of_2_equals_a_repeated_row(
    n_rows, batch_size, Estimator
):
    X, y = rows(n_rows)
    X *= np.linspace(0.1, 1, n_rows)[:, np.newaxis]
    y = y if Estimator is SGDSigmoidMLP else X[:, 0]
    weights = np.arange(n_rows) % 3 + 1
    model = Estimator((5,), batch_size=batch_size, max_iter=30, random_state=0)
    weighted = fit(clone(model), X, y, weights)
    repeated = fit(model, X.repeat(weights, axis=0), y.repeat(weights))
    assert_allclose(weighted.learning_rate_init_, repeated.learning_rate_init_)
    assert_allclose(weighted._constant_loss, repeated._constant_loss)
    for a, b in zip(parameters(weighted), parameters(repeated), strict=True):
        assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def plan(model, X, y, **arguments):
    """The plan by which the model would train next."""
    fit(model.set_params(max_iter=1, random_state=0), X, y, **arguments)
    return model._plan(len(X), FIT)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_auto_tol_is_a_fraction_of_the_loss_of_a_constant(n_classes):
    X, _ = rows(300)
    share = 1 / n_classes
    constant = 0.5 * share * (1 - share)
    found = plan(SGDSigmoidMLP((3,)), X, np.arange(300) % n_classes)
    assert_allclose(found.tol, 1e-5 * constant)
    assert_allclose(found.must_beat, 0.98 * constant)
    assert found.score_tol == 1e-5


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("spread", [1.0, 0.1])
def test_auto_tol_shrinks_with_the_spread_of_y(spread, n_outputs):
    X, y = rows(300)
    y = 2.0 * y - 1
    y = y if n_outputs == 1 else np.tile(y[:, np.newaxis], n_outputs)
    model = SGDSigmoidMLPRegressor((3,), target_range=(-1, 1), early_stopping=False)
    found = plan(model, X, spread * y)
    # target_range spans 0.8 in activations, so these differ from their mean by 0.4.
    assert_allclose(found.tol, 1e-5 * 0.5 * (0.4 * spread) ** 2)


def test_auto_tol_takes_account_of_weights():
    X, y = rows(300)
    found = plan(SGDSigmoidMLP((3,)), X, y, sample_weight=np.where(y, 9.0, 1.0))
    assert_allclose(found.tol, 1e-5 * 0.5 * 0.9 * 0.1)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_auto_tol_of_a_constant_y_is_not_zero_and_training_stops(Estimator):
    X, _ = rows(20)
    model = Estimator((3,), random_state=0, n_iter_no_change=2, max_iter=5000)
    assert fit(model, X, np.ones(20)).n_iter_ < 5000
    found = plan(model, X, np.ones(20))
    assert_allclose(found.tol, 1e-5 / 8)
    assert found.must_beat == np.inf


def test_a_numeric_tol_applies_to_the_loss_and_to_the_score():
    found = plan(SGDSigmoidMLP((3,), tol=1e-3), *rows(20))
    assert (found.tol, found.score_tol, found.must_beat) == (1e-3, 1e-3, np.inf)


@pytest.mark.parametrize("seed", range(3))
def test_training_waits_on_a_plateau_unless_tol_is_a_number(seed):
    model = SGDSigmoidMLP((10,), max_iter=3000, random_state=seed)
    waits = fit(clone(model), BITS, PARITY)
    assert waits.score(BITS, PARITY) == 1
    # On the plateau, it fell by less than this for more epochs than allowed.
    best = np.minimum.accumulate([np.inf, *waits.loss_curve_])
    stuck = np.array(waits.loss_curve_) > best[:-1] - 1.25e-5
    assert "x" * 21 in "".join("x" if s else " " for s in stuck)
    assert fit(model.set_params(tol=1.25e-5), BITS, PARITY).n_iter_ < 200
    assert model.loss_ > 0.98 / 8


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_numeric_tol_stops_after_n_iter_no_change_small_falls(Estimator, iris):
    model = Estimator((5,), tol=1e-4, n_iter_no_change=3, random_state=0)
    fit(model.set_params(max_iter=500), *iris)
    best = np.minimum.accumulate([np.inf, *model.loss_curve_])
    stuck = np.array(model.loss_curve_) > best[:-1] - 1e-4
    assert model.n_iter_ < 500
    assert stuck[-4:].all()
    assert "xxxx" not in "".join("x" if s else " " for s in stuck[:-1])


@pytest.mark.parametrize(
    ("n_rows", "stops_early"), [(499, False), (500, True), (800, True)]
)
def test_auto_early_stopping_is_on_from_500_rows(n_rows, stops_early):
    X, _ = rows(n_rows)
    model = fit(SGDSigmoidMLPRegressor((3,), max_iter=2), X, X[:, 0])
    assert (model.validation_scores_ is not None) == stops_early
    assert (model.best_validation_score_ is not None) == stops_early
    assert model.t_ == 2 * (n_rows - stops_early * n_rows // 10)


def test_a_classifier_stops_early_only_on_request_and_auto_depends_on_the_rows():
    X, y = rows(1000)
    model = fit(SGDSigmoidMLP((3,), max_iter=1), X, y)
    assert model.validation_scores_ is None
    model.set_params(early_stopping="auto")
    assert fit(model, X[:499], y[:499]).validation_scores_ is None
    assert len(fit(model, X, y).validation_scores_) == 1


@pytest.mark.parametrize(("first", "then"), [(600, 100), (100, 600)])
def test_a_warm_start_keeps_the_choice_whether_to_stop_early(first, then):
    X, _ = rows(600)
    y = X[:, 0]
    model = SGDSigmoidMLPRegressor((3,), max_iter=1, warm_start=True, random_state=0)
    fit(model, X[:first], y[:first])
    stops_early = first == 600
    fit(model, X[:then], y[:then])
    assert (model.validation_scores_ is not None) == stops_early
    assert model.t_ == (540 + 90 if stops_early else 700)
    # A cold fit chooses again.
    fit(model.set_params(warm_start=False), X[:then], y[:then])
    assert (model.validation_scores_ is not None) == (then == 600)


def test_a_pass_ignores_auto_early_stopping():
    X, _ = rows(600)
    model = SGDSigmoidMLPRegressor((3,), random_state=0).partial_fit(X, X[:, 0])
    assert model.t_ == 600
    assert model.validation_scores_ is None


def test_all_chunks_of_a_stream_have_the_same_eta():
    X, y = rows(400)
    model = SGDSigmoidMLP((3,), random_state=0)
    etas = []
    for chunk, scale in enumerate([1, 0.1, 3, 1]):
        part = slice(100 * chunk, 100 * chunk + 100)
        model.partial_fit(scale * X[part], y[part], classes=[0, 1])
        etas.append(model.learning_rate_init_)
    norm = (X[:100] ** 2).sum(axis=1).mean()
    assert_allclose(etas, (10 / norm * 0.5) ** 0.5, rtol=1e-12)
    assert len(set(etas)) == 1


@pytest.mark.parametrize("sparse", [False, True])
def test_a_first_chunk_without_weight_does_not_affect_eta(sparse):
    X, y = rows(100)
    unknown = random_sparse(100, 4, random_state=0, format="csr") if sparse else 9 * X
    model = SGDSigmoidMLP((3,), random_state=0)
    model.partial_fit(unknown, y, classes=[0, 1], sample_weight=0)
    model.partial_fit(X, y)
    alone = SGDSigmoidMLP((3,), random_state=0).partial_fit(X, y, classes=[0, 1])
    assert model.learning_rate_init_ == alone.learning_rate_init_
    assert_same_parameters(model, alone)


def test_rows_of_zeros_do_not_affect_eta():
    X, y = rows(100)
    model = SGDSigmoidMLP((3,)).partial_fit(0 * X, y, classes=[0, 1])
    model.partial_fit(X, y)
    assert_allclose(model.learning_rate_init_, (10 / 4 * 0.5) ** 0.5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("early_stopping", ["auto", False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_with_auto_values_warm_starts_equal_one_long_fit_to_the_bit(
    Estimator, early_stopping, momentum
):
    X, y = rows(600)
    y = np.tanh(X[:, 0] - X[:, 1])
    y = y > 0 if Estimator is SGDSigmoidMLP else y
    model = Estimator((5,), early_stopping=early_stopping, random_state=0)
    model.set_params(momentum=momentum, scoring="loss")
    whole = fit(clone(model).set_params(max_iter=5), X, y)
    if whole.validation_scores_:  # or a warm start would continue from another epoch
        assert [np.argmax(whole.validation_scores_[:n]) for n in (2, 5)] == [1, 4]
    fit(model.set_params(max_iter=2, warm_start=True), X, y)
    fit(model.set_params(max_iter=3), X, y)
    assert_same_bits(model, whole)
    assert model.validation_scores_ == whole.validation_scores_


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_warm_start_keeps_the_measurements_of_the_first_fit(Estimator):
    X, y = rows(200)
    model = Estimator((5,), warm_start=True, max_iter=1, random_state=0)
    fit(model, X, y)
    eta, constant = model.learning_rate_init_, model._constant_loss
    fit(model, 0.1 * X, np.where(np.arange(200) < 190, 0, 1))
    assert (model.learning_rate_init_, model._constant_loss) == (eta, constant)


def test_passes_after_an_early_stopped_fit_keep_its_eta_and_batch():
    X, _ = rows(600)
    y = X[:, 0]
    model = fit(SGDSigmoidMLPRegressor((5,), max_iter=2, random_state=0), X, y)
    eta, batch_size = model.learning_rate_init_, model.batch_size_
    model.partial_fit(X, y)
    assert (model.learning_rate_init_, model.batch_size_) == (eta, batch_size)
    fresh = SGDSigmoidMLPRegressor((5,), random_state=0).partial_fit(X, y)
    assert fresh.learning_rate_init_ < eta / 5
