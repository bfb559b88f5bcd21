"""The page of a trace: what is clicked shows the chain rule of that parameter."""

import math
import re
from collections import defaultdict

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tracing import (
    SMALL,
    TARGETS,
    Page,
    X,
    factors,
    key,
    named_trace,
    page_of,
    parameters,
    place,
    text,
    trace_of,
    trained,
)

from skbackprop.inspection import backprop_trace
from skbackprop.inspection._chain_rule import Parameter
from skbackprop.inspection._layout import DA_DZ, DC_DA, DZ_DW
from skbackprop.inspection._notation import short
from skbackprop.inspection._page.scripts import SAME_WEIGHT


def buttons(page):
    """The radio buttons of each name."""
    groups = defaultdict(list)
    for button in page.root.iter("input"):
        assert button.get("type") == "radio"
        groups[button.get("name")].append(button)
    return groups


@pytest.mark.parametrize("rows", [[3], range(3)], ids=["one", "batch"])
def test_every_label_leads_to_a_button_of_its_own(rows):
    page = page_of("numbers", (5, 3), rows)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert set(page.values("for")) == set(ids)
    assert set(ids) == {b.get("id") for group in buttons(page).values() for b in group}
    choices = [place(id) for id in ids if "-v" not in id]
    expected = [
        (at.layer, at.j, at.k) for at in parameters(trace_of("numbers", (5, 3), rows))
    ]
    assert choices == expected * (4 if len(rows) > 1 else 1)


def test_the_output_weight_with_the_largest_gradient_is_chosen_at_first():
    model = trained("three classes")
    model.coefs_[-1] *= 20  # so hidden weights have larger gradients
    trace = backprop_trace(model, X[:3], TARGETS["three classes"][:3])
    tabs, *views = buttons(Page(trace._repr_html_())).values()
    for group, of in zip(views, [trace, *map(trace.example, range(3))], strict=True):
        hidden, output = (np.abs(grad) for grad in of.grad_W)
        assert hidden.max() > output.max()
        (first,) = (place(b.get("id")) for b in group if "checked" in b.attrib)
        assert first == (2, *np.unravel_index(output.argmax(), output.shape))
    assert ["checked" in tab.attrib for tab in tabs] == [True, False, False, False]


def test_what_is_clicked_says_which_weight_or_bias_it_chooses():
    trace = trace_of(*SMALL)
    page = Page(trace._repr_html_())
    lines = 0
    for label in page.root.iter("label"):
        layer, j, k = place(label.get("for"))
        at = Parameter(trace, layer, j, k)
        numbers = [key(n)[1:] for n in label.iter("data") if "class" in n.attrib]
        assert set(numbers) <= {(layer, j, k)}
        if "title" not in label.attrib:
            continue
        lines += 1
        what = f"bias of neuron {j}" if k is None else f"weight {k} → {j}"
        assert label.get("title") == (
            f"{what} of layer {layer}: {at.letter} = {short(at.value)}, "
            f"∂C/∂{at.letter} = {short(at.gradient)}"
        )
    assert lines == 5 * 5 + 6 * 3 + 4 * 3


def test_a_row_head_and_an_error_choose_the_bias_of_their_neuron():
    trace = trace_of(*SMALL)
    page = Page(trace._repr_html_())
    for row in page.root.findall(".//tbody/tr"):
        (layer, j, k), *others = (place(of.get("for")) for of in row.iter("label"))
        assert text(row).split()[0].startswith(str(j))
        assert k is None
        # The table of the outputs has nothing else to choose.
        assert {other[:2] for other in others} or {(3, j)} == {(layer, j)}
    errors = [
        (place(label.get("for")), float(number.get("value")))
        for label in page.root.iter("label")
        for number in label.iter("data")
        if number.get("title") == "error δ = ∂C/∂z"
    ]
    assert errors == [
        ((layer, j, None), delta)
        for layer in (3, 2, 1)
        for j, delta in enumerate(trace.delta[layer - 1][:, 0])
    ]


def in_percent(label):
    """The sizes in the style of a label, as fractions of the picture's size."""
    sizes = re.findall(r"(\w+):([\d.]+)%", label.get("style"))
    return {name: float(size) / 100 for name, size in sizes}


def test_what_is_clicked_lies_over_what_is_drawn():
    page = page_of(*SMALL)
    (svg,) = page.root.iter("svg")
    width, height = map(int, svg.get("viewBox").split()[2:])
    strips = page.all("skb-hit")
    for line, strip in zip(svg.iter("polyline"), strips, strict=True):
        _, start, end, _ = (
            np.array(point.split(","), float) for point in line.get("points").split()
        )
        at = in_percent(strip)
        corner = np.array([at["left"] * width, at["top"] * height])
        assert_allclose(corner, start, atol=0.1)
        angle = float(re.search(r"rotate\((.*?)rad\)", strip.get("style"))[1])
        way = at["width"] * width * np.array([math.cos(angle), math.sin(angle)])
        assert_allclose(corner + way, end, atol=0.2)
    discs = page.all("skb-disc")
    neurons = list(svg.iter("circle"))[4:]  # inputs have no bias
    for neuron, disc in zip(neurons, discs, strict=True):
        at = in_percent(disc)
        radius = at["width"] * width / 2
        middle = at["left"] * width + radius, at["top"] * height + radius
        assert_allclose(
            middle, [float(neuron.get(of)) for of in ("cx", "cy")], atol=0.1
        )


def coloured(element):
    """The numbers and the words in the colours of ∂C/∂a, ∂a/∂z and ∂z/∂w."""
    numbers, words = [], []
    for factor in ("dC-da", "da-dz", "dz-dw"):
        spans = Page(element).all(f"skb-{factor}")
        of_factor = [number for span in spans for number in span.iter("data")]
        numbers.append([float(number.get("value")) for number in of_factor])
        words.append({text(span) for span in spans if span.find("data") is None})
    return numbers, words


def test_the_button_of_a_parameter_is_followed_by_its_chain_rule_in_three_colours():
    trace = trace_of(*SMALL)
    for group in Page(trace._repr_html_()).all("skb-group"):
        *choices, shared = group
        for button, name, rule in zip(*[iter(choices)] * 3, strict=True):
            # The style sheet shows what follows the button that is checked.
            kinds = [e.get("class") for e in (button, name, rule, shared)]
            assert kinds == ["skb-r", "skb-name", "skb-rule", "skb-shared"]
            layer, j, k = place(button.get("id"))
            at = Parameter(trace, layer, j, k)
            which = f"{j}" if k is None else f"{j},{k}"
            start = f"{at.letter}^{layer}_{which} = {short(at.value)}, "
            assert text(name).strip() == start + button.get("aria-label")
            numbers, words = coloured(rule)
            assert numbers == [[factor] for factor in factors(at, 0)]
            assert words == [{"∂C/∂a"}, {"∂a/∂z"}, {f"∂z/∂{at.letter}"}]
        numbers, words = coloured(shared)
        assert numbers == [*([factor] for factor in factors(at, 0)[:2]), []]
        assert words == [{"∂C/∂a"}, {"∂a/∂z"}, set()]


def test_the_chain_rule_of_a_batch_has_the_factors_of_each_example():
    trace = trace_of("three classes", (5,), range(3))
    average, *_ = Page(trace._repr_html_()).views()
    for at, rule in zip(parameters(trace), average.all("skb-rule"), strict=True):
        numbers, words = coloured(rule)
        of_examples = [factors(at, i) for i in range(3)]
        assert numbers == [list(of) for of in zip(*of_examples, strict=True)]
        assert words == [{"∂C/∂a"}, {"∂a/∂z"}, {f"∂z/∂{at.letter}"}]
        for i in range(3):
            assert f"example {i}: ∂C_{i}/∂{at.letter} = " in text(rule)


@pytest.mark.parametrize(
    ("where", "label"),
    [
        ("1-2-1", 'the weight from input 1 ("q & r") to neuron 2 of layer 1 (hidden)'),
        ("1-2-b", "the bias of neuron 2 of layer 1 (hidden)"),
        (
            "2-0-4",
            'the weight from neuron 4 of layer 1 to neuron 0 ("<c>") of layer 2 '
            "(output)",
        ),
        ("2-0-b", 'the bias of neuron 0 ("<c>") of layer 2 (output)'),
    ],
)
def test_a_screen_reader_hears_from_where_to_where_a_weight_leads(where, label):
    page = Page(named_trace()._repr_html_())
    (button,) = (b for b in page.root.iter("input") if b.get("id").endswith(where))
    assert button.get("aria-label") == label


def luminance(color):
    """As WCAG defines it, of a colour such as #1B7837."""
    parts = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize(
    ("factor", "color"), [("dC-da", DC_DA), ("da-dz", DA_DZ), ("dz-dw", DZ_DW)]
)
def test_a_factor_is_white_on_its_colour_and_can_be_read(factor, color):
    style = page_of(*SMALL).styles()[f".skb .skb-{factor}"]
    assert style["background"] == color
    assert style["color"] == "#fff"
    assert 1.05 / (luminance(color) + 0.05) >= 4.5


def test_the_style_sheet_shows_what_is_chosen_and_hides_the_rest():
    page = page_of("three classes", (5,), range(3))
    styles = page.styles()
    button = ".skb .skb-r:checked"
    for hidden, chosen in (
        (".skb .skb-name", f"{button} + .skb-name"),
        (".skb .skb-rule", f"{button} + .skb-name + .skb-rule"),
        (".skb .skb-shared", f"{button} ~ .skb-shared"),
    ):
        assert styles[hidden]["display"] == "none"
        assert styles[chosen]["display"] == "block"
    (views,) = page.all("skb-views")
    kinds = [child.get("class", child.tag) for child in views]
    assert kinds == ["input"] * 4 + ["skb-tabs"] + ["skb-view"] * 4
    assert styles[".skb .skb-view"]["display"] == "none"
    for i in range(1, 5):
        button = f".skb .skb-views > input:nth-of-type({i}):checked"
        view = f"{button} ~ section.skb-view:nth-of-type({i})"
        assert styles[view]["display"] == "block"
        tab = f"{button} ~ .skb-tabs label:nth-of-type({i})"
        assert "inset" in styles[tab]["box-shadow"]
    tabs = ["Average of 3", "Example 0", "Example 1", "Example 2"]
    assert [text(label) for label in page.all("skb-tabs")[0]] == tabs
    assert [button.get("aria-label") for button in views.findall("input")] == tabs
    for choice in page.values("id"):
        if "-v" not in choice:
            mark = styles[f".skb:has(#{choice}:checked) [for={choice}]"]
            assert mark["box-shadow"] == "0 0 0 2px"
            assert float(mark["--skb-chosen"]) > 0.5
    for kind in ("skb-hit", "skb-disc"):
        assert styles[f".skb label.{kind}"]["opacity"] == "var(--skb-chosen, 0)"


@pytest.mark.parametrize("rows", [[3], range(3)], ids=["one", "batch"])
def test_the_file_of_a_batch_keeps_the_chosen_weight_across_examples(rows, tmp_path):
    trace = trace_of("numbers", (5,), rows)
    trace.to_html(tmp_path / "trace.html")
    scripts = (tmp_path / "trace.html").read_text(encoding="utf-8").count("<script>")
    assert scripts == (len(rows) > 1)
    assert "<script" not in trace._repr_html_()
    # The script compares what follows the page's and the view's key.
    begins = int(re.search(r"slice\((\d)\)", SAME_WEIGHT)[1])
    buttons = page_of("numbers", (5,), rows).root.iter("input")
    ids = [button.get("id").split("-") for button in buttons]
    for where in (["1", "4", "3"], ["2", "0", "b"]):
        assert sum(id[begins:] == where for id in ids) == (4 if scripts else 0)
