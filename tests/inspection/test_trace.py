"""`backprop_trace`: its numbers and words against the update of training."""

import copy
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from helpers import state
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tracing import HIDDEN, TARGETS, Page, X, real_update, shown, text, trained

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop import _equations as eq
from skbackprop.inspection import backprop_trace
from skbackprop.inspection._layout import DA_DZ, DC_DA, DZ_DW


@pytest.mark.parametrize("rows", [[3], range(30)], ids=["one", "batch"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("target", TARGETS)
def test_the_update_is_that_of_the_fast_implementation(target, hidden, rows):
    model, y = trained(target, hidden), TARGETS[target]
    trace = backprop_trace(model, X[rows], y[rows])
    real_W, real_b = real_update(model, X[rows], y[rows])
    for at in range(len(hidden) + 1):
        assert_allclose(trace.update_W[at], real_W[at], rtol=0, atol=1e-12)
        assert_allclose(trace.update_b[at], real_b[at], rtol=0, atol=1e-12)


@pytest.mark.parametrize("rows", [[3], range(30)], ids=["one", "batch"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_cost_is_the_loss_of_the_next_partial_fit(target, rows):
    model, y = trained(target), TARGETS[target]
    trace = backprop_trace(model, X[rows], y[rows])
    after = copy.deepcopy(model).partial_fit(X[rows], y[rows])
    assert_allclose(trace.cost, after.loss_, rtol=1e-12)
    assert_allclose(trace.costs.mean(), trace.cost, rtol=1e-12)


def test_shapes_and_relations_are_those_of_the_derivation():
    model = trained("three classes", (5, 6))
    trace = backprop_trace(model, X[:7], TARGETS["three classes"][:7])
    assert trace.units == [4, 5, 6, 3]
    assert trace.n_examples == 7
    for at, (n_in, n_out) in enumerate([(4, 5), (5, 6), (6, 3)]):
        for quantity in (trace.z, trace.sigma_prime, trace.dC_da, trace.delta):
            assert quantity[at].shape == (n_out, 7)
        assert trace.a[at + 1].shape == (n_out, 7)
        assert trace.grad_W[at].shape == trace.W[at].shape == (n_out, n_in)
        assert trace.grad_b[at].shape == trace.b[at].shape == (n_out, 1)
        assert_array_equal(trace.a[at + 1], eq.sigmoid(trace.z[at]))
        product = trace.dC_da[at] * trace.sigma_prime[at]
        assert_allclose(trace.delta[at], product, rtol=1e-14)
    assert_array_equal(trace.a[0], X[:7].T)


def test_the_last_layer_of_a_trace_is_the_prediction():
    model = trained("three classes")
    trace = backprop_trace(model, X, TARGETS["three classes"])
    assert_allclose(trace.z[-1].T, model.decision_function(X), rtol=1e-12)


@pytest.mark.parametrize(
    ("target", "y", "expected"),
    [
        ("two classes", 1, [1]),
        ("three classes", "b", [0, 0, 1]),  # sorted: "<c>", "a", "b"
        ("labels", [1, 0, 1], [1, 0, 1]),
    ],
)
def test_one_example_may_be_one_dimensional(target, y, expected):
    model = trained(target)
    trace = backprop_trace(model, X[3], y)
    assert trace.y.ravel().tolist() == expected
    again = backprop_trace(model, X[[3]], [y])
    assert_array_equal(trace.grad_W[0], again.grad_W[0])


def test_numbers_are_encoded_as_the_regressor_encodes_them():
    model = trained("pairs of numbers")
    low, high = model.target_range_
    assert_allclose(backprop_trace(model, X[0], low).y.ravel(), 0.1, rtol=1e-12)
    assert_allclose(backprop_trace(model, X[0], high).y.ravel(), 0.9, rtol=1e-12)
    single = trained("numbers")
    y = single.target_range_[0, 0]
    assert_allclose(backprop_trace(single, X[0], y).y.ravel(), 0.1, rtol=1e-12)


def test_a_row_of_a_data_frame_keeps_its_names():
    frame = pd.DataFrame(X, columns=["p", "q", "r", "s"])
    model = SGDSigmoidMLP((5,), random_state=0)
    model.partial_fit(frame, TARGETS["three classes"], ["a", "b", "<c>"])
    trace = backprop_trace(model, frame.iloc[3], "b")
    assert trace.names.inputs == ["p", "q", "r", "s"]
    assert trace.names.outputs == ["<c>", "a", "b"]
    assert_array_equal(trace.a[0][:, 0], X[3])


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("two classes", ["class 1"]),
        ("three classes", ["<c>", "a", "b"]),
        ("labels", ["0", "1", "2"]),
        ("numbers", None),
    ],
)
def test_output_neurons_are_named_after_what_they_stand_for(target, names):
    trace = backprop_trace(trained(target), X, TARGETS[target])
    assert trace.names.outputs == names
    assert trace.names.inputs is None


def test_sparse_rows_have_the_same_trace():
    model, y = trained("numbers"), TARGETS["numbers"]
    dense, sparse = (backprop_trace(model, form, y) for form in (X, csr_matrix(X)))
    assert_allclose(sparse.grad_W[0], dense.grad_W[0], rtol=1e-12)


def test_float32_stays_float32():
    model = trained("three classes", dtype=np.float32)
    trace = backprop_trace(model, X, TARGETS["three classes"])
    for name in ("W", "b", "z", "a", "sigma_prime", "dC_da", "delta", "grad_W"):
        assert {v.dtype for v in getattr(trace, name)} == {np.dtype(np.float32)}, name
    for name in ("grad_b", "update_W", "update_b"):
        assert {v.dtype for v in getattr(trace, name)} == {np.dtype(np.float32)}, name
    assert "np." not in trace.explain(1, 0, 0)


def test_the_estimator_is_not_changed():
    model = trained("three classes")
    given = X.copy()
    before = pickle.dumps(model)
    trace = backprop_trace(model, given, TARGETS["three classes"])
    trace._repr_html_()
    assert pickle.dumps(model) == before
    assert_array_equal(given, X)


def number_after(label, text):
    """The last number in the line that begins with the label."""
    line = next(line for line in text.splitlines() if line.startswith(label))
    return number(line.rsplit("= ", 1)[1])


def number(text):
    assert "-" not in text  # the minus sign is −
    return float(text.replace("−", "-"))


@pytest.mark.parametrize("rows", [[3], range(30)], ids=["one", "batch"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("target", ["two classes", "three classes", "numbers"])
def test_explain_has_the_real_update_of_every_parameter(target, hidden, rows):
    model, y = trained(target, hidden), TARGETS[target]
    trace = backprop_trace(model, X[rows], y[rows])
    real_W, real_b = real_update(model, X[rows], y[rows])
    eta = model.learning_rate_init_
    for layer in range(1, len(hidden) + 2):
        n_out, n_in = trace.W[layer - 1].shape
        for j in range(n_out):
            for k in [*range(n_in), None]:
                text = trace.explain(layer, j, k, digits=17)
                real = real_b[layer - 1][j, 0] if k is None else real_W[layer - 1][j, k]
                letter = "b" if k is None else "w"
                assert abs(number_after("update", text) - real) <= 1e-12
                gradient = number_after(f"∂C/∂{letter} = ", text.split("\n\n", 2)[2])
                assert abs(-eta * gradient - real) <= 1e-12
                nudge = number_after("nudge", text)
                assert_allclose(nudge, gradient, rtol=0.01, atol=1e-5)


@pytest.mark.parametrize("rows", [[3], range(30)], ids=["one", "batch"])
@pytest.mark.parametrize("k", [2, None], ids=["weight", "bias"])
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_a_nudge_is_the_difference_of_two_costs(layer, k, rows):
    model, y = trained("three classes", (5, 3)), TARGETS["three classes"][rows]
    trace = backprop_trace(model, X[rows], y)
    nudge = number_after("nudge", trace.explain(layer, 1, k, digits=17))
    if k is None:
        model.intercepts_[layer - 1][1] += 1e-4
    else:
        model.coefs_[layer - 1][k, 1] += 1e-4
    change = backprop_trace(model, X[rows], y).cost - trace.cost
    assert_allclose(nudge, change / 1e-4, rtol=0, atol=1e-11)


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_the_factors_of_the_chain_rule_multiply_to_the_derivative(layer):
    model = trained("three classes", (5, 3))
    text = backprop_trace(model, X[3], "b").explain(layer, 1, 2, digits=17)
    factors = [number_after(name, text) for name in ("∂C/∂a", "∂a/∂z", "∂z/∂w")]
    derivative = number_after("∂C/∂w = ", text.split("\n\n", 2)[2])
    assert_allclose(np.prod(factors), derivative, rtol=1e-12)
    assert_allclose(np.prod(factors[:2]), number_after("δ = ", text), rtol=1e-12)


@pytest.mark.parametrize(("hidden", "n_terms"), [((5, 3), 3), ((5, 25), 11)])
def test_a_hidden_neuron_sums_over_the_errors_of_the_next_layer(hidden, n_terms):
    model = trained("three classes", hidden)
    text = backprop_trace(model, X[3], "b").explain(1, 1, 2, digits=17)
    terms = re.findall(r"^    (?:q = \d+: .* = |the other .*: )(\S+)$", text, re.M)
    assert len(terms) == n_terms
    total = number_after("∂C/∂a = Σ", text)
    assert_allclose(sum(map(number, terms)), total, rtol=1e-12)


def test_a_batch_shows_its_largest_examples_and_the_average():
    trace = backprop_trace(trained("numbers"), X, TARGETS["numbers"])
    text = trace.explain(1, 1, 2, digits=17)
    products = trace.delta[0][1] * trace.a[0][2]
    largest = sorted(np.argsort(-np.abs(products))[:10].tolist())
    assert [int(i) for i in re.findall(r"^    i = (\d+)", text, re.M)] == largest
    terms = re.findall(r"^    (?:i = \d+: .* = |the other .*: )(\S+)$", text, re.M)
    assert len(terms) == 11
    derivative = number_after("∂C/∂w = 1/30", text)
    assert_allclose(sum(map(number, terms)) / 30, derivative, rtol=1e-11)


def test_explain_has_four_digits_unless_more_are_asked_for():
    trace = backprop_trace(trained("three classes"), X[3], "b")
    step = trace.update_W[0][1, 2]
    for digits, options in ((4, {}), (9, {"digits": 9})):
        shown = number_after("update", trace.explain(1, 1, 2, **options))
        assert shown == float(f"{step:.{digits}g}") != step


@pytest.mark.parametrize("digits", [0, 18, 4.0, None])
def test_an_invalid_number_of_digits_is_named(digits):
    trace = backprop_trace(trained("three classes"), X[3], "b")
    with pytest.raises(ValueError, match="digits must be an integer from 1 to 17"):
        trace.explain(1, 1, 2, digits=digits)


def test_a_notebook_shows_an_explanation_in_the_colours_of_the_factors():
    trace = backprop_trace(trained("three classes"), X[3], "b")
    page = Page(trace.explain(1, 1, 2)._repr_html_())
    assert {element.tag for element in page.root.iter()}.isdisjoint({"script", "input"})
    factors = trace.dC_da[0][1], trace.sigma_prime[0][1], trace.a[0][2]
    kinds = zip(
        ("dC-da", "da-dz", "dz-dw"), (DC_DA, DA_DZ, DZ_DW), factors, strict=True
    )
    for kind, color, factor in kinds:
        assert page.styles()[f".skb .skb-{kind}"]["background"] == color
        numbers = [s.find("data") for s in page.all(f"skb-{kind}") if len(s)]
        assert {float(number.get("value")) for number in numbers} == set(factor)
    assert text(page.root).strip().startswith("w^1_1,2 = ")
    # ∂C/∂a, ∂a/∂z and δ of the neuron; ∂z/∂w, ∂C/∂w, the new w and ΔC/h.
    assert len(page.equations) == 7


def n_digits(number):
    return len(re.sub(r"e.*|\D", "", number).lstrip("0"))


@pytest.mark.parametrize("rows", [[3], range(30)], ids=["one", "batch"])
@pytest.mark.parametrize("digits", [1, 4, 9, 17])
def test_a_notebook_shows_the_digits_that_are_asked_for(digits, rows):
    trace = backprop_trace(trained("numbers"), X[rows], TARGETS["numbers"][rows])
    page = Page(trace.explain(2, 0, 1, digits=digits)._repr_html_())
    counts = [n_digits(number.text) for number in page.root.iter("data")]
    differs = [n for n in counts if n not in (digits, 1, 2)]  # 1 and 30 are whole
    # Only the two sides of a − y may need more.
    assert len(differs) <= 2
    assert all(digits < n <= 17 for n in differs)
    assert counts.count(digits) > 10
    for number in page.root.iter("data"):
        assert_allclose(
            shown(number), float(number.get("value")), rtol=10.0**-digits * 5
        )


@pytest.mark.parametrize("digits", [4, 9])
def test_a_small_difference_has_the_digits_that_it_needs(digits):
    model = trained("numbers")
    trace = backprop_trace(model, X[3], model.predict(X[[3]])[0] + 1e-6)
    words = trace.explain(2, 0, 1, digits=digits)
    difference, *_ = Page(words._repr_html_()).equations
    first, second = difference.as_shown()
    tolerance = 2 * 10.0 ** (1 - digits)
    assert_allclose(first.value, second.value, rtol=tolerance)
    first, second = re.search(r"([\d.]+) − ([\d.]+) =", words).groups()
    assert_allclose(float(first) - float(second), trace.dC_da[1], rtol=tolerance)


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda words: pickle.loads(pickle.dumps(words))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_of_an_explanation_is_shown_like_it(copied):
    words = backprop_trace(trained("three classes"), X[3], "b").explain(1, 1, 2)
    other = copied(words)
    assert other == words
    assert other._repr_html_() == words._repr_html_()


def one_neuron(a, y, x=1.0):
    """The trace of an input x, and of a neuron with an activation very close to a."""
    model = SGDSigmoidMLP(()).partial_fit([[0.0], [1.0]], [0, 1], [0, 1])
    model.coefs_[0][:] = 0
    model.intercepts_[0][:] = np.log(a / (1 - a))
    return backprop_trace(model, [x], y)


@pytest.mark.parametrize(
    ("y", "x", "words"),
    [
        (0, 1.0, "Raising it would raise the cost, so descent moves it down."),
        (1, 1.0, "Raising it would lower the cost, so descent moves it up."),
        (0, -1.0, "Raising it would lower the cost, so descent moves it up."),
        (0, 0.0, "To first order, changing it does not change the cost, so it stays."),
    ],
)
def test_explain_says_which_way_a_weight_is_moved_and_why(y, x, words):
    trace = one_neuron(0.3, y, x)
    assert words in trace.explain(1, 0, 0)
    change = trace.after_update().W[0][0, 0] - trace.W[0][0, 0]
    assert np.sign(change) == {"down.": -1, "up.": 1}.get(words.split()[-1], 0)


@pytest.mark.parametrize(
    ("y", "words"), [(0, "should be 0: too high."), (1, "should be 1: too low.")]
)
def test_explain_says_whether_an_output_is_too_high(y, words):
    assert f"The activation is 0.3 and {words}" in one_neuron(0.3, y).explain(1, 0, 0)


@pytest.mark.parametrize(
    ("a", "saturated"),
    [(0.0099, True), (0.0101, False), (0.5, False), (0.9899, False), (0.9901, True)],
)
def test_explain_says_whether_a_neuron_is_saturated(a, saturated):
    words = one_neuron(a, 1).explain(1, 0, None)
    assert ("here the neuron is saturated" in words) == saturated


def test_a_network_with_one_class_can_be_traced():
    y = ["only"] * 30
    model = SGDSigmoidMLP((5,), random_state=0).partial_fit(X, y, ["only"])
    trace = backprop_trace(model, X[3], "only")
    assert trace.y == 0
    assert trace.reading == "target only, prediction only"
    assert trace.roles == {}
    assert "should be 0: too high" in trace.explain(2, 0, 0)
    assert "target only, prediction only" in Page(trace._repr_html_()).texts("skb-chip")


@pytest.mark.parametrize(
    ("target", "read"),
    [
        ("two classes", str),
        ("three classes", str),
        ("labels", lambda row: ", ".join(map(str, row.nonzero()[0])) or "no label"),
        ("numbers", lambda y: f"{y:#.4g}".replace("-", "−")),
    ],
)
def test_activations_are_read_as_the_estimator_reads_them(target, read):
    model, Y = trained(target), TARGETS[target]
    for x, y, predicted in zip(X, Y, model.predict(X), strict=True):
        trace = backprop_trace(model, x, y)
        assert trace.outputs.reading(trace.y[:, 0]) == read(y)
        assert trace.outputs.reading(trace.a[-1][:, 0]) == read(predicted)


@pytest.mark.parametrize(
    ("indices", "name"),
    [
        *(((0, 0, 0), "layer"), ((3, 0, 0), "layer"), ((-1, 0, 0), "layer")),
        *(((1, 5, 0), "j"), ((1, -1, 0), "j"), ((2, 3, 0), "j")),
        *(((1, 0, 4), "k"), ((2, 0, 5), "k"), ((1, 0, -1), "k")),
    ],
)
def test_an_index_outside_the_network_is_named(indices, name):
    trace = backprop_trace(trained("three classes"), X[3], "b")
    with pytest.raises(IndexError, match=f"^{name} must be between"):
        trace.explain(*indices)


@pytest.mark.parametrize("value", ["1", 1.0, True, None])
def test_an_index_that_is_not_an_integer_is_named(value):
    trace = backprop_trace(trained("three classes"), X[3], "b")
    with pytest.raises(TypeError, match="layer must be an integer"):
        trace.explain(value, 0, 0)
    with pytest.raises(TypeError, match="j must be an integer"):
        trace.explain(1, value, 0)


@pytest.mark.parametrize("Estimator", [SGDSigmoidMLP, SGDSigmoidMLPRegressor])
def test_a_fresh_network_is_traced_with_the_weights_fit_would_draw(Estimator):
    stream = np.random.RandomState(3)
    model, y = Estimator((5,), random_state=stream), TARGETS["two classes"]
    before = state(model)
    trace = backprop_trace(model, X, y)
    assert state(model) == before
    # The first call draws the same weights and begins with the same cost.
    model.set_params(random_state=3, batch_size="full").partial_fit(
        X, y, **({"classes": np.unique(y)} if Estimator is SGDSigmoidMLP else {})
    )
    assert_allclose(trace.cost, model.loss_)
    assert trace.eta == model.learning_rate_init_
    for coef, W, update in zip(model.coefs_, trace.W, trace.update_W, strict=True):
        assert_allclose(coef.T, W + update)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize(("eta", "expected"), [(0.25, 0.25), ("auto", None)])
def test_the_eta_of_a_trace_is_that_of_the_next_call(eta, expected, momentum):
    y = TARGETS["two classes"]
    model = SGDSigmoidMLP((5,), momentum=momentum, random_state=0)
    model.partial_fit(X, y, np.unique(y)).set_params(learning_rate_init=eta)
    expected = expected or model.learning_rate_init_
    assert backprop_trace(model, X, y).eta == expected
    assert model.partial_fit(X, y).learning_rate_init_ == expected


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (make_pipeline(StandardScaler(), SGDSigmoidMLP()), r"pipeline\[-1\]"),
        (GridSearchCV(SGDSigmoidMLP(), {}), "best_estimator_"),
        (LogisticRegression(), "got LogisticRegression"),
        (SGDSigmoidMLP, "instance"),
        (None, "got NoneType"),
    ],
    ids=["pipeline", "search", "other", "class", "none"],
)
def test_the_error_for_other_estimators_says_what_to_pass(estimator, message):
    with pytest.raises(TypeError, match=message):
        backprop_trace(estimator, X, TARGETS["two classes"])


@pytest.mark.parametrize(
    ("bad_X", "bad_y", "message"),
    [
        (X[:, :3], TARGETS["three classes"], "3 features"),
        (X[3, :3], "b", "3 features"),
        (X, TARGETS["three classes"][:5], "inconsistent numbers"),
        (X[3], "z", "classes"),
        (X[3], [0, 1], "indicator"),
        (np.full((1, 4), np.nan), ["a"], "NaN"),
    ],
)
def test_data_that_do_not_fit_are_refused(bad_X, bad_y, message):
    with pytest.raises(ValueError, match=message):
        backprop_trace(trained("three classes"), bad_X, bad_y)
