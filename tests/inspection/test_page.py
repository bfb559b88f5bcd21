"""The page of a trace: its equations are true, its numbers those of the update."""

import re
from itertools import pairwise

import numpy as np
import pytest
from helpers import fit
from numpy.testing import assert_allclose
from tracing import (
    HIDDEN,
    ONE_OR_ALL,
    SMALL,
    TARGETS,
    Page,
    X,
    factors,
    key,
    named_trace,
    page_of,
    parameters,
    real_update,
    shown,
    text,
    trace_of,
    trained,
)

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop.inspection import backprop_trace
from skbackprop.inspection._chain_rule import NUDGE
from skbackprop.inspection._layout import NEGATIVE, POSITIVE, ZERO
from skbackprop.inspection._notation import short
from skbackprop.inspection._outputs import Outputs


def assert_equations_are_true(page):
    """With all digits, and with the digits that a reader sees."""
    for equation in page.equations:
        first, *others = equation.exactly()
        # Only ∂z/∂w = a has a symbol on one side and a number on the other.
        assert others or "∂z/∂" in equation.text
        sizes = [abs(float(number.get("value"))) for number in equation.numbers]
        for other in others:
            assert abs(other - first) <= 1e-12 * max(1, *sizes), equation.text
        first, *others = equation.as_shown()
        for other in others:
            size = max(first.size, other.size)
            assert abs(other.value - first.value) <= 2e-3 * size, equation.text


@pytest.mark.parametrize("rows", [[3], range(4), range(30)], ids=["one", "4", "30"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("target", TARGETS)
def test_every_equation_of_the_page_is_true(target, hidden, rows):
    assert_equations_are_true(page_of(target, hidden, rows))


@ONE_OR_ALL
@pytest.mark.parametrize("hidden", [(), (5, 3)], ids=str)
@pytest.mark.parametrize("target", ["two classes", "three classes", "numbers"])
def test_the_equations_of_a_saturated_network_are_true(target, hidden, rows):
    model = trained(target, hidden)
    for coef in model.coefs_:
        coef *= 20
    trace = backprop_trace(model, X[rows], TARGETS[target][rows])
    assert min(slopes.min() for slopes in trace.sigma_prime) < 1e-6
    assert_equations_are_true(Page(trace._repr_html_()))


@ONE_OR_ALL
@pytest.mark.parametrize(
    ("centre", "scale"), [(-5, 1), (-1000, 3), (1e6, 1), (-1e9, 1e3), (0, 1e-6)]
)
def test_the_equations_of_a_regressor_are_true_for_any_targets(centre, scale, rows):
    y = centre + scale * TARGETS["numbers"]
    model = SGDSigmoidMLPRegressor((3,), random_state=0).partial_fit(X, y)
    page = Page(backprop_trace(model, X[rows], y[rows])._repr_html_())
    assert_equations_are_true(page)


@ONE_OR_ALL
def test_the_equations_of_tiny_gradients_are_true(rows):
    model = SGDSigmoidMLP((20,), batch_size=1, learning_rate_init=1, random_state=0)
    model.set_params(max_iter=1000, n_iter_no_change=np.inf, early_stopping=False)
    trace = backprop_trace(fit(model, X, y := TARGETS["two classes"]), X[rows], y[rows])
    assert max(np.abs(grad).max() for grad in trace.grad_W) < 0.01
    assert_equations_are_true(Page(trace._repr_html_()))


def results(page):
    """The last number of every equation."""
    return [float(equation.numbers[-1].get("value")) for equation in page.equations]


def first_numbers(page):
    return [float(equation.numbers[0].get("value")) for equation in page.equations]


@pytest.mark.parametrize("target", ["two classes", "three classes"])
def test_each_section_has_the_equations_of_every_neuron_of_an_example(target):
    trace = trace_of(target, (5, 3))
    after_update = trace.after_update()
    parts = Page(trace._repr_html_()).sections()
    pick, forward, cost, backward, update, after = parts.values()
    assert results(forward) == [
        value
        for z, a in zip(trace.z, trace.a[1:], strict=True)
        for values in (z, a)
        for value in values[:, 0]
    ]
    assert results(cost) == [*(trace.a[-1] - trace.y)[:, 0], trace.cost]
    assert results(backward) == [
        values[j, 0]
        for at in (2, 1, 0)
        for j in range(len(trace.z[at]))
        for values in (trace.dC_da[at], trace.sigma_prime[at], trace.delta[at])
    ]
    new = [at.value for at in parameters(after_update)]
    assert first_numbers(update) == new
    assert results(after) == [trace.cost, after_update.cost]
    expected = []
    for at, value in zip(parameters(trace), new, strict=True):
        dC_da, da_dz, dz_dw = factors(at, 0)
        expected += [dz_dw, dC_da * da_dz * dz_dw, value, at.nudge() / NUDGE]
        if at.k is None:  # the last parameter of a neuron
            expected += [dC_da, da_dz, dC_da * da_dz]
    assert_allclose(results(pick), expected, rtol=1e-13)


def test_each_section_has_the_equations_of_the_average_of_a_batch():
    trace = trace_of("three classes", (5,), range(3))
    after_update = trace.after_update()
    average, *examples = Page(trace._repr_html_()).views()
    pick, cost, gradient, update, after = average.sections().values()
    new = [at.value for at in parameters(after_update)]
    expected = []
    for at, value in zip(parameters(trace), new, strict=True):
        products = [np.prod(factors(at, i)) for i in range(3)]
        expected += [*products, np.mean(products), value, at.nudge() / NUDGE]
    assert_allclose(results(pick), expected, rtol=1e-12)
    assert results(cost) == [trace.cost]
    assert gradient.equations == []
    assert first_numbers(update) == new
    assert results(after) == [trace.cost, after_update.cost]
    # The examples have what one alone has, except for the update.
    for i, example in enumerate(examples):
        alone = Page(trace.example(i)._repr_html_())
        sections = zip(
            list(example.sections().values())[1:],
            list(alone.sections().values())[1:4],
            strict=True,
        )
        for one, other in sections:
            assert results(one) == results(other)


@pytest.mark.parametrize(
    ("target", "cost", "sensitivity"),
    [
        ("two classes", "½ (a_j − y_j)²", "a_j − y_j"),
        (
            "three classes",
            "1/3 Σ_j ½ (a_j − y_j)², the mean over the 3 outputs",
            "1/3 (a_j − y_j)",
        ),
    ],
)
def test_the_laws_of_an_example_are_those_of_the_derivation(target, cost, sensitivity):
    assert page_of(target).texts("skb-law") == [
        "z_j = Σ_k w_jk a_k + b_j, where a_k are activations of the previous layer\n"
        "a_j = σ(z_j) = 1 / (1 + e^−z_j)",
        f"C = {cost}",
        "δ = ∂C/∂z = ∂C/∂a · ∂a/∂z\n"
        "∂C/∂w = δ · ∂z/∂w, where ∂z/∂w = a_k of the previous layer; ∂C/∂b = δ · 1",
        f"∂C/∂a_j = {sensitivity}",
        "∂C/∂a_j = Σ_q w^2_qj δ^2_q, over the neurons q of layer 2: "
        "down column j of W^2",
        "w ← w − η · ∂C/∂w\nb ← b − η · ∂C/∂b",
    ]


def test_the_laws_of_a_batch_are_averages():
    average, *_ = page_of("three classes", (5,), range(7)).views()
    assert average.texts("skb-law") == [
        "∇W = 1/7 Σ_i δ_i a_i^T, ∇b = 1/7 Σ_i δ_i",
        "w ← w − η · ∂C/∂w\nb ← b − η · ∂C/∂b",
    ]


@pytest.mark.parametrize(
    ("target", "law"), [("two classes", "a − y"), ("three classes", "1/3 (a − y)")]
)
def test_the_chain_rule_begins_with_the_laws_of_its_layer(target, law):
    hidden, *_, output = page_of(target).texts("skb-shared")
    assert hidden.startswith("∂C/∂a = Σ_q w^2_q,0 δ^2_q = ")
    assert output.startswith(f"∂C/∂a = {law} = ")
    for part in (hidden, output):
        assert "\n∂a/∂z = a (1 − a) = " in part
        assert "\nδ = ∂C/∂a · ∂a/∂z = " in part


def test_of_a_long_sum_the_largest_terms_are_shown():
    trace = trace_of("three classes", (5, 8))
    rules = Page(trace._repr_html_()).all("skb-shared")[:5]
    for j, rule in enumerate(rules):
        sensitivity = Page(rule).equations[0]
        weights = {
            float(number.get("value"))
            for number in sensitivity.numbers
            if number.get("title") == "weight w"
        }
        terms = np.abs(trace.W[1][:, j] * trace.delta[1][:, 0])
        assert weights == set(trace.W[1][np.argsort(-terms)[:5], j])
        assert "3 more" in sensitivity.text


@ONE_OR_ALL
def test_numbers_are_shown_to_four_digits(rows):
    for number in page_of("numbers", (5,), rows).root.iter("data"):
        assert_allclose(shown(number), float(number.get("value")), rtol=5e-4)


@ONE_OR_ALL
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("target", ["two classes", "three classes", "numbers"])
def test_the_page_has_the_real_update(target, hidden, rows):
    model, y = trained(target, hidden), TARGETS[target]
    page = Page(backprop_trace(model, X[rows], y[rows])._repr_html_())
    real_W, real_b = real_update(model, X[rows], y[rows])
    eta, seen = model.learning_rate_init_, 0
    for (quantity, layer, j, k), value in page.numbers:
        if quantity not in ("new_w", "new_b"):
            continue
        seen += 1
        if k is None:
            old, real = model.intercepts_[layer - 1][j], real_b[layer - 1][j, 0]
        else:
            old, real = model.coefs_[layer - 1][k, j], real_W[layer - 1][j, k]
        assert abs(value - old - real) <= 1e-12
        gradient = page.value(quantity.replace("new", "grad"), layer, j, k)
        assert abs(-eta * gradient - real) <= 1e-12
    units = [4, *hidden, len(model.intercepts_[-1])]
    if max(units) <= 10:
        assert seen == sum(n_out * (n_in + 1) for n_in, n_out in pairwise(units))


def test_the_title_of_a_number_says_what_and_where_it_is():
    trace = trace_of(*SMALL)
    after = trace.after_update()
    meanings = {
        "activation a": [after.a[-1], *trace.a],
        "expected activation y": [trace.y],
        "cost C": [[trace.cost], [after.cost]],
        "pre-activation z": trace.z,
        "slope of the sigmoid ∂a/∂z": trace.sigma_prime,
        "sensitivity of the cost to the activation ∂C/∂a": trace.dC_da,
        "error δ = ∂C/∂z": trace.delta,
        "weight w": trace.W,
        "bias b": trace.b,
        "gradient ∂C/∂w": trace.grad_W,
        "gradient ∂C/∂b": trace.grad_b,
        "weight after the update, w − η ∂C/∂w": after.W,
        "bias after the update, b − η ∂C/∂b": after.b,
    }
    found = set()
    page = Page(trace._repr_html_())
    for number in page.root.iter("data"):
        if "title" not in number.attrib:
            continue
        value, title = float(number.get("value")), number.get("title")
        if "class" not in number.attrib:  # in an equation
            assert value in np.hstack([np.ravel(values) for values in meanings[title]])
        else:
            _, layer, j, k = key(number)
            where = f"neuron {j}" if k is None else f"{k} → {j}"
            title = title.removesuffix(f", layer {layer}, {where}: {value}")
            # Of activations, only the table of the outputs has titles with a place.
            of_layer = meanings[title][-1 if "activation" in title else layer - 1]
            assert value == of_layer[j, k or 0]
        found.add(title)
    assert found == set(meanings)


def test_the_gradient_is_framed_by_the_activations_and_errors_it_is_made_of():
    trace = trace_of(*SMALL)
    _, _, _, backward, *_ = Page(trace._repr_html_()).sections().values()
    # Errors and gradients take turns.
    tables = list(backward.root.iter("table"))[1::2]
    for table, at in zip(tables, (2, 1, 0), strict=True):
        sources = [shown(number) for number in table.find("thead").iter("data")]
        assert sources == [float(f"{a:.4g}") for a in trace.a[at][:, 0]]
        for row, delta in zip(table.find("tbody"), trace.delta[at][:, 0], strict=True):
            head = text(row.find("th"))
            assert head.endswith(f"δ = {short(delta)}")


def test_tables_of_the_outputs_name_the_true_and_the_predicted_class():
    _, _, cost, backward, *_ = page_of("three classes").sections().values()
    for part in (cost, backward):
        names = [text(row.find("th")) for row in part.root.find(".//tbody")]
        assert names == ["0 <c>predicted", "1 atrue class", "2 b"]


@ONE_OR_ALL
@pytest.mark.parametrize("target", ["three classes", "numbers"])
def test_the_picture_has_the_activations_and_errors_of_the_trace(target, rows):
    trace = trace_of(target, (5, 3), rows)
    picture = Page(Page(trace._repr_html_()).all("skb-pic")[0])
    a, delta = (
        [value for layer in layers for value in layer.mean(axis=1)]
        for layers in (trace.a, trace.delta)
    )
    assert picture.texts("skb-a") == [short(value, 3) for value in a]
    assert picture.texts("skb-d") == [f"δ {short(value, 2)}" for value in delta]
    assert picture.texts("skb-j") == [str(j) for n in trace.units for j in range(n)]
    expected = [f"y {short(value, 2)}" for value in trace.y.mean(axis=1)]
    words = picture.texts("skb-l")
    assert [word for word in words if word.startswith("y ")] == expected


CLASSES, LABELS = (
    Outputs(["p", "q", "r", "s"], several=several) for several in (False, True)
)


@pytest.mark.parametrize(
    ("outputs", "a", "y", "roles"),
    [
        (CLASSES, [0.1, 0.8, 0.3, 0], 1, {1: "true class, predicted"}),
        (CLASSES, [0.1, 0.8, 0.3, 0], 2, {1: "predicted", 2: "true class"}),
        (CLASSES, [0.1, 0.2, 0.3, 0], 0, {0: "true class", 2: "predicted"}),
        (
            LABELS,
            [0.9, 0.1, 0.8, 0],
            [0, 1],
            {0: "true label, predicted", 1: "true label", 2: "predicted"},
        ),
        (LABELS, [0.1, 0.1, 0.6, 0], [], {2: "predicted"}),
        (Outputs(["p", "q"]), [0.9], 0, {}),
        (Outputs(), [0.9, 0.1], 0, {}),
    ],
)
def test_the_true_and_the_predicted_outputs_have_these_roles(outputs, a, y, roles):
    expected = np.zeros(len(a))
    expected[y] = 1
    assert outputs.roles(np.array(a), expected) == roles


def test_only_the_labels_that_are_most_wrong_have_roles():
    y = np.ones(8)
    y[3] = 0
    a = np.array([0.9, 0.2, 0.3, 0.95, 0.1, 0.8, 0.7, 0.99])
    roles = Outputs([str(j) for j in range(8)], several=True).roles(a, y)
    assert set(roles) == {1, 2, 3, 4, 6}


@pytest.mark.parametrize(
    ("target", "reading"),
    [("three classes", "target a, prediction <c>"), ("labels", None)],
)
def test_the_page_begins_with_the_cost_and_the_reading_of_the_example(target, reading):
    trace = trace_of(target)
    costs = [short(one.cost) for one in (trace, trace.after_update())]
    model = trained(target)
    if reading is None:
        names = [
            ", ".join(np.arange(3)[row > 0].astype(str)) or "no label"
            for row in (TARGETS[target][3], model.predict(X[[3]])[0])
        ]
        assert names[0] != names[1]
        reading = f"target {names[0]}, prediction {names[1]}"
    assert Page(trace._repr_html_()).texts("skb-chip") == [
        "4 → 5 → 3",
        f"C = {costs[0]} → {costs[1]}",
        f"step size η = {short(trace.eta)}",
        reading,
    ]


def test_the_page_of_a_batch_begins_with_the_mean_cost():
    trace = trace_of("three classes", (5,), range(30))
    costs = [short(np.mean(one.costs)) for one in (trace, trace.after_update())]
    assert Page(trace._repr_html_()).texts("skb-chip") == [
        "4 → 5 → 3",
        f"mean cost C = {costs[0]} → {costs[1]}",
        f"step size η = {short(trace.eta)}",
    ]


@pytest.mark.parametrize(
    ("eta", "words"),
    [(0.5, "less wrong"), (1e4, "too long"), (1e-30, "changed nothing")],
)
def test_the_page_says_what_the_step_did_to_the_cost(eta, words):
    model = trained("two classes").set_params(learning_rate_init=eta)
    trace = backprop_trace(model, X, TARGETS["two classes"])
    before, after = trace.cost, trace.after_update().cost
    assert np.sign(before - after) == {"less wrong": 1, "too long": -1}.get(words, 0)
    change = f"C = {short(before)} → {short(after)}. "
    paragraphs = map(text, Page(trace._repr_html_()).root.iter("p"))
    (verdict,) = (words for words in paragraphs if words.startswith(change))
    assert words in verdict


def test_a_batch_offers_its_examples_with_their_own_products():
    trace = trace_of("three classes", (5,), range(3))
    average, *examples = Page(trace._repr_html_()).views()
    assert len(examples) == 3
    for i, page in enumerate(examples):
        one = trace_of("three classes", (5,), [i])
        assert page.value("grad_w", 1, 2, 1) == one.grad_W[0][2, 1]
        assert "new_w" not in {key[0] for key, _ in page.numbers}
        assert not any("η" in equation.text for equation in page.equations)
        assert one.reading in text(page.root)
    assert not {"delta", "z"} & {key[0] for key, _ in average.numbers}


def test_a_large_batch_offers_the_examples_that_cost_most():
    trace = trace_of("numbers", (5,), range(30))
    html = trace._repr_html_()
    offered = [int(i) for i in re.findall(r">Example (\d+)</label>", html)]
    assert 2 <= len(offered) < 30
    assert set(offered) == set(np.argsort(-trace.costs)[: len(offered)])
    assert f"{len(offered)} of 30 examples" in html


def test_two_pages_in_a_notebook_do_not_interfere():
    trace = trace_of("numbers")
    first, second = (Page(trace._repr_html_()) for _ in range(2))
    assert set(first.values("id")).isdisjoint(second.values("id"))


def test_the_page_is_self_contained_and_escapes_names():
    html = named_trace()._repr_html_()
    page = Page(html)
    tags = {element.tag for element in page.root.iter()}
    assert not tags & {"script", "link", "img", "iframe", "object"}
    assert not re.search(r"url\(|@import|https?:|src=|href", html)
    assert "<c>" not in html
    assert "&lt;c&gt;" in html
    assert "<p>x" not in html
    assert "q & r" not in html


def test_the_file_is_a_whole_document(tmp_path):
    trace_of("three classes").to_html(str(tmp_path / "trace.html"))
    text = (tmp_path / "trace.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "Backpropagation of one example" in text


def test_the_page_has_the_colours_of_the_signs():
    x = X[3] * [1, 1, 1, 0]  # no gradient from the last input
    trace = backprop_trace(trained("three classes"), x, "b")
    html = trace._repr_html_()
    gradients = np.concatenate([grad.ravel() for grad in trace.grad_W])
    strokes = re.findall(r'<polyline .*?stroke="(#\w+)"', html)
    assert len(strokes) == len(gradients)
    for color, sign in ((POSITIVE, 1), (NEGATIVE, -1), (ZERO, 0)):
        assert strokes.count(color) == (np.sign(gradients) == sign).sum() > 0
    cells = re.findall(
        r'background:(#\w{6})(\w\w)"><label [^>]*><data class="grad_w".*?value="(\S+)"',
        html,
    )
    assert {(color, np.sign(float(value))) for color, _, value in cells} == {
        (POSITIVE, 1),
        (NEGATIVE, -1),
        (ZERO, 0),
    }
    assert ">−0<" not in html


def test_the_picture_shortens_long_names_in_their_middle():
    trace = named_trace(["p", "q", "r", "component number 1 of 4"])
    words = Page(trace._repr_html_()).texts("skb-l")
    assert "component…r 1 of 4" in words
    assert words[words.index("b") + 1 :][:2] == ["y 1", "true class"]


def wide_network(hidden, n_inputs, n_classes):
    rng = np.random.default_rng(0)
    model, y = SGDSigmoidMLP(hidden, random_state=0), np.arange(3 * n_classes)
    rows = rng.normal(size=(len(y), n_inputs))
    return model.partial_fit(rows, y % n_classes, np.arange(n_classes)), rows


def large_trace(n_classes=30):
    """A trace whose true class is neither predicted nor among the largest errors."""
    big, rows = wide_network((300, 200), 784, n_classes)
    big.intercepts_[-1][:20] += 5
    big.intercepts_[-1][25] += 4.8
    return backprop_trace(big, rows[0], 25)


@pytest.mark.parametrize(
    ("hidden", "n_inputs"), [((10,) * 14, 10), ((300, 200), 784)], ids=["deep", "wide"]
)
def test_a_batch_of_a_large_network_has_a_page_of_less_than_2_megabytes(
    hidden, n_inputs
):
    model, rows = wide_network(hidden, n_inputs, 10)
    html = backprop_trace(model, rows, np.arange(30) % 10)._repr_html_()
    assert len(html.encode()) < 1_600_000


def test_a_large_network_has_a_small_page():
    html = large_trace()._repr_html_()
    assert len(html) < 800_000
    assert "of 300 neurons of layer 1" in html
    assert "of 784 inputs" in html


def test_picture_and_tables_show_the_same_neurons_including_the_true_class():
    trace = large_trace()
    errors = np.abs(trace.dC_da[-1][:, 0])
    assert (errors > errors[25]).sum() > 10
    page = Page(trace._repr_html_())
    columns = []
    for layer in (1, 2, 3):
        keys = [key for key, _ in page.numbers if key[:2] == ("w", layer)]
        sources = dict.fromkeys(key[3] for key in keys)
        if layer == 1:
            columns.append(list(sources))
        else:
            assert columns[-1] == list(sources)
        columns.append(list(dict.fromkeys(key[2] for key in keys)))
    drawn = [int(j) for j in page.texts("skb-j")]
    assert drawn == [j for column in columns for j in column]
    assert 25 in columns[-1]
    assert int(trace.a[-1].argmax()) in columns[-1]
    assert f"⋮ {300 - len(columns[1])} more" in page.texts("skb-l")


def test_a_target_of_a_regressor_is_shown_in_its_own_units():
    y = 1000 + 50 * TARGETS["numbers"]
    model = SGDSigmoidMLPRegressor((5,), random_state=0).partial_fit(X, y)
    trace = backprop_trace(model, X[3], y[3])
    _, _, cost, *_ = Page(trace._repr_html_()).sections().values()
    encoded, predicted = cost.equations[-2:]
    assert encoded.text.startswith("y_0 = ½ + ")
    assert f"for the target {short(y[3])}\n" in text(cost.root)
    assert predicted.text.startswith("prediction = ")
    expected = [trace.y[0, 0], model.predict(X[[3]])[0]]
    assert_allclose(results(cost)[-2:], expected, rtol=1e-12)
