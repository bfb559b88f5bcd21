"""The page of a trace: its equations are true, its numbers those of the update."""

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from tracing import HIDDEN, TARGETS, Page, X, real_update, sides, trained

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop.inspection import backprop_trace
from skbackprop.inspection._layout import NEGATIVE, POSITIVE, ZERO


def page_of(model, X, y):
    return Page(backprop_trace(model, X, y)._repr_html_())


@pytest.mark.parametrize("rows", [[3], range(4), range(30)], ids=["one", "4", "30"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("target", TARGETS)
def test_every_equation_of_the_page_is_true(target, hidden, rows):
    page = page_of(trained(target, hidden), X[rows], TARGETS[target][rows])
    for equation in page.equations:
        first, *others = sides(equation)
        # Only ∂z/∂w = a has a symbol on one side and a number on the other.
        assert others or "∂z/∂" in equation
        largest = max(map(abs, map(float, re.findall(r"\d[\d.]*", equation))))
        for other in others:
            assert abs(other - first) <= 1e-12 * max(1, largest), equation


@pytest.mark.parametrize("rows", [[3], range(30)], ids=["one", "batch"])
def test_numbers_are_shown_to_four_digits(rows):
    page = page_of(trained("numbers"), X[rows], TARGETS["numbers"][rows])
    for shown, value in page.texts:
        assert "-" not in shown
        assert_allclose(float(shown.replace("−", "-")), value, rtol=5e-4)


@pytest.mark.parametrize("rows", [[3], range(30)], ids=["one", "batch"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("target", ["two classes", "three classes", "numbers"])
def test_the_page_has_the_real_update(target, hidden, rows):
    model, y = trained(target, hidden), TARGETS[target]
    page = page_of(model, X[rows], y[rows])
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


def test_one_example_shows_everything_its_update_is_computed_from():
    trace = backprop_trace(trained("three classes", (5, 3)), X[3], "b")
    page = Page(trace._repr_html_())
    for layer in (1, 2, 3):
        for (j, k), w in np.ndenumerate(trace.W[layer - 1]):
            assert page.value("w", layer, j, k) == w
        for j, b in enumerate(trace.b[layer - 1][:, 0]):
            assert page.value("b", layer, j) == b
    shown = {value for _, value in page.texts}
    for quantities in (trace.z, trace.a, trace.sigma_prime, trace.dC_da, trace.delta):
        assert shown.issuperset(np.concatenate(quantities).ravel().tolist())
    assert shown.issuperset([trace.cost, trace.after_update().cost, trace.eta])


def test_a_batch_offers_its_examples_with_their_own_products():
    model, y = trained("three classes", (5,)), TARGETS["three classes"]
    html = backprop_trace(model, X[:3], y[:3])._repr_html_()
    average, *examples = html.split('<section class="skb-view">')[1:]
    assert len(examples) == 3
    for i, part in enumerate(examples):
        one = backprop_trace(model, X[i], y[i])
        page = Page(part[: part.rindex("</section>")])
        assert page.value("grad_w", 1, 2, 1) == one.grad_W[0][2, 1]
        assert "new_w" not in {key[0] for key, _ in page.numbers}
        assert not any("η" in equation for equation in page.equations)
    page = Page(average[: average.rindex("</section>")])
    assert not {"delta", "z"} & {key[0] for key, _ in page.numbers}


def test_a_large_batch_offers_the_examples_that_cost_most():
    trace = backprop_trace(trained("numbers"), X, TARGETS["numbers"])
    html = trace._repr_html_()
    offered = [int(i) for i in re.findall(r">Example (\d+)</label>", html)]
    assert 2 <= len(offered) < 30
    assert set(offered) == set(np.argsort(-trace.costs)[: len(offered)])
    assert f"{len(offered)} of 30 examples" in html


@pytest.mark.parametrize("rows", [[3], range(3)], ids=["one", "batch"])
def test_every_weight_and_bias_can_be_chosen(rows):
    page = page_of(trained("numbers", (5, 3)), X[rows], TARGETS["numbers"][rows])
    assert len(page.ids) == len(set(page.ids))
    assert page.labels <= set(page.ids)
    places = ["-1-4-3", "-1-0-b", "-2-2-4", "-2-1-b", "-3-0-2", "-3-0-b"]
    for place in places:
        assert sum(id.endswith(place) for id in page.ids) == (4 if len(rows) > 1 else 1)


def test_two_pages_in_a_notebook_do_not_interfere():
    trace = backprop_trace(trained("numbers"), X[3], TARGETS["numbers"][3])
    first, second = (Page(trace._repr_html_()) for _ in range(2))
    assert set(first.ids).isdisjoint(second.ids)


def test_the_page_is_self_contained_and_escapes_names():
    frame = pd.DataFrame(X, columns=["<p>x", "q & r", "s", "t"])
    model = SGDSigmoidMLP((5,), random_state=0)
    model.partial_fit(frame, TARGETS["three classes"], ["a", "b", "<c>"])
    html = backprop_trace(model, frame[:1], ["b"])._repr_html_()
    page = Page(html)
    assert not page.tags & {"script", "link", "img", "iframe", "object"}
    assert page.loads == []
    assert not re.search(r"url\(|@import|https?:", html)
    assert "<c>" not in html
    assert "&lt;c&gt;" in html
    assert "<p>x" not in html
    assert "q & r" not in html


def test_the_file_is_a_whole_document(tmp_path):
    trace = backprop_trace(trained("three classes"), X[3], "b")
    trace.to_html(str(tmp_path / "trace.html"))
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
    frame = pd.DataFrame(X, columns=["p", "q", "r", "component number 1 of 4"])
    model = SGDSigmoidMLP((5,), random_state=0)
    model.partial_fit(frame, TARGETS["three classes"], ["a", "b", "<c>"])
    html = backprop_trace(model, frame[:1], ["b"])._repr_html_()
    words = re.findall(r"<text .*?>(.*?)</text>", html)
    assert "component…r 1 of 4" in words
    assert words[words.index("b") + 1 :][:2] == ["y 1", "true class"]


def large_trace(n_classes=30):
    """A trace whose true class is neither predicted nor among the largest errors."""
    rng = np.random.default_rng(0)
    big = SGDSigmoidMLP((300, 200), random_state=0)
    y = np.arange(3 * n_classes) % n_classes
    big.partial_fit(rng.normal(size=(len(y), 784)), y, np.unique(y))
    big.intercepts_[-1][:20] += 5
    big.intercepts_[-1][25] += 4.8
    return backprop_trace(big, rng.normal(size=784), 25)


def test_a_large_network_has_a_small_page():
    html = large_trace()._repr_html_()
    assert len(html) < 800_000
    assert "of 300 neurons of layer 1" in html
    assert "of 784 inputs" in html


def test_picture_and_tables_show_the_same_neurons_including_the_true_class():
    trace = large_trace()
    errors = np.abs(trace.dC_da[-1][:, 0])
    assert (errors > errors[25]).sum() > 10
    html = trace._repr_html_()
    drawn = re.findall(r'class="skb-j">(\d+)<', html)
    page = Page(html)
    columns = []
    for layer in (1, 2, 3):
        keys = [key for key, _ in page.numbers if key[:2] == ("w", layer)]
        sources = dict.fromkeys(key[3] for key in keys)
        if layer == 1:
            columns.append(list(sources))
        else:
            assert columns[-1] == list(sources)
        columns.append(list(dict.fromkeys(key[2] for key in keys)))
    assert [int(j) for j in drawn] == [j for column in columns for j in column]
    assert 25 in columns[-1]
    assert int(trace.a[-1].argmax()) in columns[-1]


def test_a_target_of_a_regressor_is_shown_in_its_own_units():
    y = 1000 + 50 * TARGETS["numbers"]
    model = SGDSigmoidMLPRegressor((5,), random_state=0).partial_fit(X, y)
    page = page_of(model, X[3], y[3])
    shown = np.array([value for _, value in page.texts])
    for number in (y[3], model.predict(X[[3]])[0]):
        assert np.isclose(shown, number, rtol=1e-12).any()


@pytest.mark.parametrize(("eta", "words"), [(0.5, "less wrong"), (1e4, "too long")])
def test_the_page_says_whether_the_step_lowered_the_cost(eta, words):
    model = trained("two classes").set_params(learning_rate_init=eta)
    trace = backprop_trace(model, X, TARGETS["two classes"])
    assert (trace.after_update().cost < trace.cost) == (words == "less wrong")
    assert words in trace._repr_html_()
