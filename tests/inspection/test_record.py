"""`record_training`: the recorded networks are those that `fit` makes."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.pipeline import make_pipeline
from tracing import TARGETS, Page, X

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop.inspection import record_training

PARAMETERS = {"max_iter": 7, "n_iter_no_change": np.inf, "random_state": 0}


def network(target="three classes", **parameters):
    Estimator = SGDSigmoidMLPRegressor if "numbers" in target else SGDSigmoidMLP
    return Estimator((5,), **{**PARAMETERS, **parameters})


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("every", ["epoch", "update"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"batch_size": 1},
        {"batch_size": 8},
        {"batch_size": "full"},
        {"momentum": 0.9, "alpha": 0.1},
        {"learning_rate": "invscaling", "shuffle": False},
        {"learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("target", ["two classes", "three classes", "numbers"])
def test_the_last_network_is_that_of_fit(target, parameters, every):
    model, y = network(target, **parameters), TARGETS[target]
    record = record_training(model, X, y, every=every)
    fitted = model.set_params(early_stopping=False).fit(X, y)
    for W, b, coef, intercept in zip(
        record.W[-1], record.b[-1], fitted.coefs_, fitted.intercepts_, strict=True
    ):
        assert_array_equal(W.T, coef)
        assert_array_equal(b.ravel(), intercept)
    assert record.epochs[-1] == fitted.n_iter_
    assert record[-1].eta == pytest.approx(
        fitted.learning_rate_init_
        if "learning_rate" not in parameters
        else record[-1].eta
    )


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling"])
def test_the_traces_have_the_updates_that_were_made(learning_rate):
    model = network(batch_size="full", learning_rate=learning_rate)
    record = record_training(model, X, TARGETS["three classes"], every="update")
    assert record.updates == list(range(8))
    for i in range(7):
        trace = record[i]
        for at in range(2):
            real = record.W[i + 1][at] - record.W[i][at]
            assert_allclose(trace.update_W[at], real, rtol=0, atol=1e-12)
            real = record.b[i + 1][at] - record.b[i][at]
            assert_allclose(trace.update_b[at], real, rtol=0, atol=1e-12)


def test_every_update_or_every_epoch_is_kept():
    model, y = network(batch_size=8), TARGETS["three classes"]
    record = record_training(model, X, y)
    assert record.updates == [0, 4, 8, 12, 16, 20, 24, 28]
    assert record.epochs == list(range(8))
    record = record_training(model, X, y, every="update")
    assert record.updates == list(range(29))


@pytest.mark.parametrize("most", [2, 3, 5, 50])
@pytest.mark.parametrize("n_epochs", [1, 6, 100])
def test_at_most_max_moments_are_kept_evenly_spaced(most, n_epochs):
    model = network(batch_size="full", max_iter=n_epochs)
    record = record_training(model, X, TARGETS["three classes"], max_moments=most)
    assert len(record) <= most
    assert len(record) >= min(most, n_epochs + 1) / 2
    assert record.updates[0] == 0
    assert record.updates[-1] == n_epochs
    assert len(set(np.diff(record.updates[:-1]))) <= 1


def test_the_costs_are_those_of_the_rows():
    model, y = network(), TARGETS["three classes"]
    record = record_training(model, X, y)
    assert_allclose(record.costs, [record[i].cost for i in range(len(record))])
    assert record.costs[-1] < record.costs[0]


def test_the_estimator_is_not_changed_and_sparse_rows_give_the_same_record():
    model, y = network(), TARGETS["three classes"]
    dense = record_training(model, X, y)
    assert not hasattr(model, "coefs_")
    sparse = record_training(model, csr_matrix(X), y)
    assert_allclose(sparse.W[-1][0], dense.W[-1][0], rtol=1e-10)


def test_the_page_has_the_weights_of_every_moment(tmp_path):
    model = network(batch_size="full", max_iter=3)
    record = record_training(model, X, TARGETS["three classes"])
    record.to_html(tmp_path / "record.html", example=2)
    html = (tmp_path / "record.html").read_text(encoding="utf-8")
    page = Page(html)
    assert page.loads == []
    assert not re.search(r"url\(|@import|https?:", html)
    for j, k in np.ndindex(5, 4):
        found = [v for key, v in page.numbers if key == ("w", 1, j, k)]
        assert found == [W[0][j, k] for W in record.W]
    shown = {value for _, value in page.texts}
    assert shown.issuperset(record.costs)
    assert page.labels == set(page.ids)
    assert len(page.ids) == 4
    assert "example 2" in html


def test_the_page_is_complete_without_its_script():
    record = record_training(network(max_iter=3), X, TARGETS["three classes"])
    page = Page(re.sub("<script>.*?</script>", "", record._repr_html_(), flags=re.S))
    assert len(page.ids) == 4
    assert page.labels == set(page.ids)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fitted_network_is_recorded_from_the_beginning():
    model, y = network(batch_size="full"), TARGETS["three classes"]
    fresh = record_training(model, X, y)
    model.fit(X, y)
    again = record_training(model, X, y)
    assert_array_equal(again.W[0][0], fresh.W[0][0])
    assert_array_equal(again.W[-1][0], fresh.W[-1][0])
    assert_array_equal(again.W[-1][0].T, model.coefs_[0])


def test_a_large_network_has_a_small_page_that_says_what_is_left_out():
    wide = SGDSigmoidMLP((100,), **{**PARAMETERS, "max_iter": 40})
    record = record_training(wide, X, TARGETS["three classes"])
    html = record._repr_html_()
    assert len(html) < 1_500_000
    shown = html.count('<section class="skb-view">')
    assert shown < len(record) == 41
    assert f"{shown} of 41 recorded moments" in html


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"every": "batch"}, ValueError, "every must be"),
        ({"every": 2}, ValueError, "every must be"),
        ({"max_moments": 1}, ValueError, "max_moments must be"),
        ({"max_moments": 2.5}, ValueError, "max_moments must be"),
    ],
)
def test_an_invalid_option_is_named(options, error, message):
    with pytest.raises(error, match=message):
        record_training(network(), X, TARGETS["three classes"], **options)


def test_a_pipeline_and_an_example_that_does_not_exist_are_refused():
    y = TARGETS["three classes"]
    with pytest.raises(TypeError, match=r"pipeline\[-1\]"):
        record_training(make_pipeline(network()), X, y)
    with pytest.raises(IndexError, match="example must be between 0 and 29"):
        record_training(network(), X, y).to_html("nowhere.html", example=30)
