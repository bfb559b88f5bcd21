"""`record_training`: the recorded networks are those that `fit` makes."""

import copy
import pickle
import re
import signal

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.pipeline import make_pipeline
from tracing import TARGETS, Page, X, text

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop._engine.network import Engine
from skbackprop.inspection import record_training
from skbackprop.inspection._notation import short

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


@pytest.mark.parametrize("every", ["epoch", "update"])
def test_ctrl_c_ends_the_record_with_the_last_whole_epoch(every, ctrl_c, monkeypatch):
    model, y = network(batch_size=8), TARGETS["three classes"]
    whole = record_training(model, X, y, every=every)
    descend, calls = Engine.descend, iter(range(100))

    def interrupted(*args):
        if next(calls) == 10:  # the third update of the third epoch
            signal.raise_signal(signal.SIGINT)
        return descend(*args)

    monkeypatch.setattr(Engine, "descend", interrupted)
    with pytest.warns(UserWarning, match="ends with the last whole epoch"):
        record = record_training(model, X, y, every=every)
    assert record.epochs[-1] == 2
    n = len(record)
    assert record.updates == whole.updates[:n]
    for weights, expected in zip(record.W, whole.W[:n], strict=True):
        for W, W_whole in zip(weights, expected, strict=True):
            assert_array_equal(W, W_whole)


@pytest.mark.parametrize(
    ("target", "n_rows", "early_stopping"),
    [("three classes", 30, True), ("numbers", 600, "auto")],
)
def test_early_stopping_is_off_so_that_all_rows_are_learnt(
    target, n_rows, early_stopping
):
    rows, y = np.resize(X, (n_rows, 4)), np.resize(TARGETS[target], n_rows)
    model = network(target, early_stopping=early_stopping, batch_size="full")
    record = record_training(model, rows, y)
    assert record.n_examples == n_rows
    assert record.updates == list(range(8))
    real = record.W[1][0] - record.W[0][0]
    assert_allclose(record[0].update_W[0], real, rtol=0, atol=1e-12)


def test_a_network_with_one_class_is_recorded():
    record = record_training(network(), X, ["only"] * 30)
    assert record[-1].y.tolist() == [[0] * 30]
    outputs = record._repr_html_().count("target only, prediction only")
    assert outputs == 8 * len(record)


def test_a_network_for_a_cluster_is_recorded_here():
    pytest.importorskip("distributed")
    from skbackprop.dask import DaskSGDSigmoidMLP

    model, y = DaskSGDSigmoidMLP((5,), **PARAMETERS), TARGETS["three classes"]
    remote, local = (record_training(of, X, y) for of in (model, network()))
    assert_array_equal(remote.W[-1][0], local.W[-1][0])


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda record: pickle.loads(pickle.dumps(record))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_of_a_record_equals_it(copied):
    record = record_training(network(), X, TARGETS["three classes"])
    record.costs  # noqa: B018, cached
    other = copied(record)
    assert repr(other) == repr(record)
    assert other.costs == record.costs
    assert_array_equal(other[3].grad_W[0], record[3].grad_W[0])


@pytest.fixture(scope="module")
def record():
    """Four moments, not evenly spaced in cost."""
    model = network(batch_size="full", max_iter=3)
    return record_training(model, X, TARGETS["three classes"])


@pytest.fixture(scope="module")
def page(record, tmp_path_factory):
    """Its page, as a file, with example 2 in the picture."""
    path = tmp_path_factory.mktemp("record") / "record.html"
    record.to_html(path, example=2)
    return path.read_text(encoding="utf-8")


def test_the_page_has_the_weights_of_every_moment(record, page):
    assert not re.search(r"url\(|@import|https?:|src=|href", page)
    views = Page(page).views()
    for moment, view in enumerate(views):
        for j, k in np.ndindex(5, 4):
            assert view.value("w", 1, j, k) == record.W[moment][0][j, k]
        for j in range(3):
            assert view.value("b", 2, j) == record.b[moment][1][j, 0]
        cost = f"After {moment} update{'' if moment == 1 else 's'} "
        assert text(view.root).strip().startswith(cost)
        assert record.costs[moment] in map(float, view.values("value"))
    assert len(views) == len(record) == 4


def test_every_moment_has_a_tick_and_a_button_of_its_own(page):
    page = Page(page)
    (views,) = page.all("skb-views")
    ticks = page.all("skb-track")[0]
    buttons = views.findall("input")
    assert [tick.get("for") for tick in ticks] == [b.get("id") for b in buttons]
    names = [
        "after 0 updates (0 epochs)",
        "after 1 update (1 epoch)",
        "after 2 updates (2 epochs)",
        "after 3 updates (3 epochs)",
    ]
    assert [button.get("aria-label") for button in buttons] == names
    assert [tick.get("title") for tick in ticks] == names
    assert ["checked" in button.attrib for button in buttons] == [True] + 3 * [False]
    assert len({button.get("name") for button in buttons}) == 1


def test_the_outputs_are_those_of_the_moment_and_of_each_example(record, page):
    examples = [0, 4, 8, 12, 17, 21, 25, 29]
    for moment, view in enumerate(Page(page).views()):
        trace = record.trace(moment, examples)
        assert "8 of 30 examples" in text(view.root)
        rows = view.root.find(".//table/tbody")
        for i, row in enumerate(rows):
            one = trace.example(i)
            values = [float(number.get("value")) for number in row.iter("data")]
            pairs = np.column_stack([one.a[-1], one.y]).ravel()
            assert_allclose(values, [*pairs, one.cost], rtol=1e-14)
            head = text(row[0])
            assert head == f"example {examples[i]}{one.reading}"
        assert len(rows) == 8


def test_the_picture_is_that_of_the_moment_and_of_the_example(record, page):
    for moment, view in enumerate(Page(page).views()):
        trace = record.trace(moment, [2])
        a, delta = (np.concatenate(of)[:, 0] for of in (trace.a, trace.delta))
        assert view.texts("skb-a") == [short(value, 3) for value in a]
        assert view.texts("skb-d") == [f"δ {short(value, 2)}" for value in delta]
        assert "with example 2:" in text(view.root)


def line_widths(view):
    """The widths of the connections, sorted."""
    lines = view.all("skb-pic")[0].iter("polyline")
    return sorted(float(line.get("stroke-width")) for line in lines)


def test_the_widths_of_lines_have_one_scale_for_all_moments(record, page):
    largest = [max(np.abs(W[at]).max() for W in record.W) for at in (0, 1)]
    for W, view in zip(record.W, Page(page).views(), strict=True):
        shares = [
            np.abs(of).ravel() / most for of, most in zip(W, largest, strict=True)
        ]
        expected = np.sort(0.8 + 4.2 * np.concatenate(shares))
        assert_allclose(line_widths(view), expected, atol=0.0051)


def points(curve):
    return np.array([point.split(",") for point in curve.get("points").split()], float)


def test_the_loss_curve_grows_to_the_costs_of_all_moments(record, page):
    for moment, view in enumerate(Page(page).views()):
        curve = Page(view.all("skb-curve")[0])
        whole, so_far = map(points, curve.root.iter("polyline"))
        # Straight lines: from epochs to the right, from costs upwards.
        epochs = np.polyfit(record.epochs, whole[:, 0], 1)
        costs = np.polyfit(record.costs, whole[:, 1], 1)
        assert epochs[0] > 0 > costs[0]
        assert_allclose(np.polyval(epochs, record.epochs), whole[:, 0], atol=0.1)
        assert_allclose(np.polyval(costs, record.costs), whole[:, 1], atol=0.1)
        (frame,) = curve.root.iter("path")
        left, top, floor = map(
            float, re.findall(r"M(\d+),(\d+)V(\d+)", frame.get("d"))[0]
        )
        # The axes begin at epoch 0 and at cost 0; the largest cost is at the top.
        assert_allclose([whole[0, 0], np.polyval(costs, 0)], [left, floor], atol=0.2)
        assert whole[:, 1].min() == top
        assert_array_equal(so_far, whole[: moment + 1])
        (now,) = curve.root.iter("circle")
        assert [float(now.get("cx")), float(now.get("cy"))] == so_far[-1].tolist()
        (picture,) = curve.root.iter("svg")
        assert f"now {record.costs[moment]:.4g}" in picture.get("aria-label")


def test_a_wide_network_shows_the_same_neurons_at_all_moments():
    model = SGDSigmoidMLP((30,), **{**PARAMETERS, "learning_rate_init": 10})
    record = record_training(model, X, TARGETS["three classes"], max_moments=4)
    page = Page(record._repr_html_())
    neurons = [view.texts("skb-j") for view in page.views()]
    assert len(neurons) == len(record)
    assert all(shown == neurons[0] for shown in neurons)
    assert 4 + 3 < len(neurons[0]) < 4 + 30 + 3
    # At the beginning, others mattered most.
    first, last = (
        Page(record.trace(at, [0])._repr_html_()).texts("skb-j") for at in (0, -1)
    )
    assert first != last
    tables = {key[2] for key, _ in page.numbers if key[:2] == ("w", 1)}
    assert [str(j) for j in sorted(tables)] == neurons[0][4:-3]


def test_the_page_has_one_script_for_what_it_contains_and_is_complete_without(page):
    (script,) = Page(page).root.iter("script")
    selectors = re.findall(r"\.(skb-[\w-]+)", script.text)
    assert selectors == ["skb-track"]
    (classes,) = re.findall(r'className = "(.*?)"', script.text)
    assert f".skb .{classes}" in Page(page).styles()
    without = Page(re.sub("<script>.*?</script>", "", page, flags=re.S))
    assert len(without.all("skb-track")) == 1
    assert len(without.views()) == 4


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fitted_network_is_recorded_from_the_beginning():
    model, y = network(batch_size="full"), TARGETS["three classes"]
    fresh = record_training(model, X, y)
    model.fit(X, y)
    again = record_training(model, X, y)
    assert_array_equal(again.W[0][0], fresh.W[0][0])
    assert_array_equal(again.W[-1][0], fresh.W[-1][0])
    assert_array_equal(again.W[-1][0].T, model.coefs_[0])


@pytest.mark.parametrize(
    ("hidden", "n_epochs"), [((5,), 49), ((100,), 40)], ids=["small", "wide"]
)
def test_a_page_of_a_megabyte_says_which_moments_are_left_out(hidden, n_epochs, iris):
    model = SGDSigmoidMLP(hidden, **{**PARAMETERS, "max_iter": n_epochs})
    record = record_training(model, *iris)
    html = record._repr_html_()
    assert len(html.encode()) < 1_050_000
    shown = html.count('<section class="skb-view">')
    assert shown < len(record) == n_epochs + 1
    assert f"{shown} of {n_epochs + 1} recorded moments" in html
    # The first and the last are among them.
    assert "After 0 updates" in html
    assert f"After {record.updates[-1]} updates" in html


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


def test_a_pipeline_is_refused():
    with pytest.raises(TypeError, match=r"pipeline\[-1\]"):
        record_training(make_pipeline(network()), X, TARGETS["three classes"])


@pytest.mark.parametrize(
    ("moment", "error", "message"),
    [
        (1.5, TypeError, "moment must be an integer, got 1.5"),
        (True, TypeError, "moment must be an integer, got True"),
        (slice(2), TypeError, "moment must be an integer"),
        (99, IndexError, "moment must be between -4 and 3 for 4 moments, got 99"),
        (-5, IndexError, "moment must be between -4 and 3 for 4 moments, got -5"),
    ],
)
def test_a_moment_that_does_not_exist_is_refused(record, moment, error, message):
    with pytest.raises(error, match=message):
        record[moment]


@pytest.mark.parametrize(
    ("example", "error", "message"),
    [
        (True, TypeError, "example must be an integer, got True"),
        (1.0, TypeError, "example must be an integer, got 1.0"),
        (30, IndexError, "example must be between 0 and 29 for 30 rows, got 30"),
        (-1, IndexError, "example must be between 0 and 29 for 30 rows, got -1"),
    ],
)
def test_an_example_that_does_not_exist_is_refused(record, example, error, message):
    with pytest.raises(error, match=message):
        record.to_html("nowhere.html", example=example)
