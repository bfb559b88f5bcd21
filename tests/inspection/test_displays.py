"""The displays: what is drawn, and what happens without matplotlib."""

import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from helpers import fit
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb, to_rgba
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop.inspection import (
    GradientFlowDisplay,
    LossCurveDisplay,
    NetworkDisplay,
    backprop_trace,
)
from skbackprop.inspection._layout import (
    NEGATIVE,
    POSITIVE,
    ZERO,
    Line,
    layout,
    lines,
    selection,
)
from skbackprop.inspection._quantities import Names

matplotlib.use("Agg")
FACTORIES = {
    "loss": lambda model, X, y, **options: LossCurveDisplay.from_estimator(
        model, **options
    ),
    "network": NetworkDisplay.from_estimator,
    "flow": GradientFlowDisplay.from_estimator,
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model(iris):
    return fit(SGDSigmoidMLP((5,), tol=1e-3, random_state=0), *iris)


@pytest.fixture(scope="module")
def wide(digits):
    return fit(SGDSigmoidMLP((30,), tol=1e-2, random_state=0), *digits)


@pytest.fixture(scope="module")
def stopped(digits):
    model = SGDSigmoidMLP((20,), early_stopping=True, tol=1e-3, random_state=0)
    return fit(model, *digits)


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_display_draws_in_a_figure_of_its_own_or_where_it_is_told(
    factory, model, iris
):
    display = FACTORIES[factory](model, *iris)
    assert display.figure_ is display.ax_.figure
    figure, ax = plt.subplots()
    display = FACTORIES[factory](model, *iris, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert display.plot(ax=ax) is display
    figure.canvas.draw()


@pytest.mark.parametrize("factory", FACTORIES)
def test_axes_are_labelled(factory, model, iris):
    ax = FACTORIES[factory](model, *iris).ax_
    assert ax.get_xlabel()
    assert ax.get_ylabel() or factory == "network"  # which has no height to measure
    assert ax.get_legend() is not None


@pytest.mark.parametrize("factory", FACTORIES)
def test_bad_estimators_are_refused(factory, iris):
    if factory != "flow":
        with pytest.raises(NotFittedError):
            FACTORIES[factory](SGDSigmoidMLP(), *iris)
    with pytest.raises(TypeError, match=r"pipeline\[-1\]"):
        FACTORIES[factory](make_pipeline(SGDSigmoidMLP()), *iris)
    assert plt.get_fignums() == []


def curves(ax):
    """What each line of the legend has drawn: label to (x, y)."""
    return {line.get_label(): line.get_xydata() for line in ax.get_lines()}


def test_the_loss_curve_is_that_of_the_estimator(model):
    drawn = curves(LossCurveDisplay.from_estimator(model).ax_)
    n = len(model.loss_curve_)
    assert drawn["training"].tolist() == [
        [i + 1, loss] for i, loss in enumerate(model.loss_curve_)
    ]
    best = int(np.argmin(model.loss_curve_)) + 1
    assert drawn[f"best epoch, {best}"].tolist() == [[best, min(model.loss_curve_)]]
    assert len(drawn) == 2
    assert n > 1


def test_early_stopping_marks_the_epoch_whose_network_was_kept(stopped):
    drawn = curves(LossCurveDisplay.from_estimator(stopped).ax_)
    best = int(np.argmax(stopped.validation_scores_))
    point = [[best + 1, stopped.validation_loss_curve_[best]]]
    assert drawn[f"best epoch, {best + 1}"].tolist() == point
    assert drawn["validation"][:, 1].tolist() == stopped.validation_loss_curve_


def test_a_watched_validation_set_marks_its_least_loss(iris):
    X, y = iris
    model = SGDSigmoidMLP((5,), tol=1e-3, random_state=0)
    fit(model, X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    drawn = curves(LossCurveDisplay.from_estimator(model).ax_)
    best = int(np.argmin(model.validation_loss_curve_)) + 1
    assert f"best epoch, {best}" in drawn


@pytest.mark.parametrize("validated_first", [True, False])
def test_validation_of_some_epochs_only_is_drawn_where_it_was(validated_first, iris):
    X, y = iris
    held_out = {"X_val": X[1::2], "y_val": y[1::2]}
    model = SGDSigmoidMLP((5,), tol=1e-3, warm_start=True, random_state=0)
    fit(model, X[::2], y[::2], **(held_out if validated_first else {}))
    n_first = model.n_iter_
    model.set_params(tol=1e-2)  # another number of epochs
    fit(model, X[::2], y[::2], **({} if validated_first else held_out))
    x = curves(LossCurveDisplay.from_estimator(model).ax_)["validation"][:, 0]
    assert x[0] == (1 if validated_first else n_first + 1)
    assert x[-1] == (n_first if validated_first else len(model.loss_curve_))


def test_several_networks_share_axes_and_differ_in_colour(model, stopped):
    networks = {"small": model, "stopped": stopped}
    ax = LossCurveDisplay.from_estimators(networks).ax_
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [name.split(":")[0] for name in names] == ["small"] * 2 + ["stopped"] * 3
    assert len({line.get_color() for line in ax.get_lines()}) == 2


def test_networks_without_names_are_numbered(model, stopped):
    display = LossCurveDisplay.from_estimators([model, stopped])
    assert [curve.name for curve in display.curves] == ["network 1", "network 2"]


def test_a_second_display_on_the_same_axes_goes_on_with_the_colours(model, stopped):
    ax = LossCurveDisplay.from_estimator(model, name="one").ax_
    LossCurveDisplay.from_estimator(stopped, name="two", ax=ax)
    LossCurveDisplay.from_curves({"three": [0.2, 0.1]}, ax=ax)
    assert len({line.get_color() for line in ax.get_lines()}) == 3


@pytest.mark.parametrize("log", [True, False])
def test_the_loss_has_a_logarithmic_scale_unless_told_otherwise(log, model):
    ax = LossCurveDisplay.from_estimator(model, log=log).ax_
    assert ax.get_yscale() == ("log" if log else "linear")


def test_one_epoch_is_a_point(iris):
    model = SGDSigmoidMLP((5,), random_state=0).partial_fit(*iris, [0, 1, 2])
    display = LossCurveDisplay.from_estimator(model)
    assert display.lines_[0].get_marker() == "o"


def test_a_large_layer_is_laid_out_by_its_strongest_neurons_in_their_order():
    strength = np.array([3, 9, 9, 0, 9, 9, 9, 9, -9, 9, 9, 1, 9.0])  # all but 3 and 11
    one, many = layout(selection([np.ones(1), strength]), Names())
    assert one == [(0, "0", 0, 0.0)]
    assert [spot.neuron for spot in many] == [1, 2, 4, 5, 6, 7, 8, 9, 10, 12]
    assert [spot.x for spot in many] == [1] * 10
    assert [spot.y for spot in many] == (4.5 - np.arange(10)).tolist()


def test_neurons_are_called_by_their_names_as_far_as_there_is_room_or_by_numbers():
    names = Names(["p", "a name of 18 lette", "a name of 19 letter"], None)
    columns = layout(selection([np.ones(n) for n in (3, 2, 1)]), names)
    assert [[spot.label for spot in spots] for spots in columns] == [
        ["p", "a name of 18 lette", "a name of 19 lett…"],
        ["0", "1"],
        ["0"],
    ]


def test_lines_are_scaled_within_their_layer_and_the_largest_comes_last():
    before, after = layout(selection([np.ones(11), np.ones(1)]), Names())
    values = np.zeros((1, 11))
    values[0, [2, 5, 10]] = [-3, 1, 4]  # the last input is not shown
    drawn = lines(before, after, values)
    assert len(drawn) == 10
    assert drawn[0] == (before[0], after[0], 0, ZERO)
    assert drawn[-2] == (before[5], after[0], 0.25, POSITIVE)
    assert drawn[-1] == (before[2], after[0], 0.75, NEGATIVE)
    assert all(line.share == 0 for line in lines(before, after, 0 * values))


@pytest.mark.parametrize("ground", ["#ffffff", "#111111", "#1e1e1e", "#202124"])
@pytest.mark.parametrize("color", [POSITIVE, NEGATIVE])
def test_the_largest_line_has_the_contrast_of_wcag_on_light_and_dark(color, ground):
    def luminance(rgb):
        linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
        return linear @ [0.2126, 0.7152, 0.0722]

    opacity = Line(None, None, 1.0, color).opacity
    line, page = np.array(to_rgb(color)), np.array(to_rgb(ground))
    pair = luminance(opacity * line + (1 - opacity) * page), luminance(page)
    assert (max(pair) + 0.05) / (min(pair) + 0.05) > 3


def collections(ax):
    """The weights of each layer as lines, and the neurons of each as dots."""
    weights = [c for c in ax.collections if isinstance(c, LineCollection)]
    return weights, [c for c in ax.collections if c not in weights]


def test_neurons_are_dots_and_weights_are_lines(model):
    weights, neurons = collections(NetworkDisplay.from_estimator(model).ax_)
    assert [len(c.get_segments()) for c in weights] == [20, 15]
    assert [len(c.get_offsets()) for c in neurons] == [4, 5, 3]


def test_lines_have_the_colour_of_the_sign_and_the_width_of_the_size():
    W = np.array([[2.0, -1.0, 0.0]])
    (weights,), _ = collections(NetworkDisplay([W]).plot().ax_)
    widths, colors = weights.get_linewidths(), weights.get_colors()
    # Sorted by size: 0, −1, 2.
    assert np.all(np.diff(widths) > 0)
    assert np.all(np.diff(colors[:, 3]) > 0)
    for color, expected in zip(colors, [ZERO, NEGATIVE, POSITIVE], strict=True):
        assert color[:3].tolist() == list(to_rgb(expected))
    # The line of the largest begins at input 0, the uppermost.
    heights = [segment[0][1] for segment in weights.get_segments()]
    assert heights == [-1.0, 0.0, 1.0]


def test_layers_of_more_than_10_neurons_show_the_strongest(wide):
    display = NetworkDisplay.from_estimator(wide)
    weights, neurons = collections(display.ax_)
    assert [len(c.get_segments()) for c in weights] == [100, 100]
    assert [len(c.get_offsets()) for c in neurons] == [10, 10, 10]
    captions = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert captions == ["input\n10 of 64", "hidden 1\n10 of 30", "output\n10"]
    W = np.zeros((1, 100))
    W[0, [7, 42]] = 1.0
    texts = [text.get_text() for text in NetworkDisplay([W]).plot().ax_.texts]
    assert {"7", "42"} <= set(texts)


@pytest.mark.parametrize("fill", ["activation", "error"])
def test_dots_are_filled_with_the_quantities_of_an_example(fill, model, iris):
    X, y = iris
    display = NetworkDisplay.from_estimator(model, X[3], y[3], fill=fill)
    trace = backprop_trace(model, X[3], y[3])
    _, (_, hidden, output) = collections(display.ax_)
    expected = trace.a[1:] if fill == "activation" else trace.delta
    assert hidden.get_array().tolist() == expected[0].ravel().tolist()
    assert output.get_array().tolist() == expected[1].ravel().tolist()
    bar = display.figure_.axes[1]
    assert fill in bar.get_ylabel()


def test_errors_have_the_colours_of_their_signs():
    fills = [None, np.array([-2.0, 0.0, 2.0])]
    display = NetworkDisplay([np.ones((3, 1))], fills, "error").plot()
    display.figure_.canvas.draw()
    _, (_, dots) = collections(display.ax_)
    expected = [to_rgba(color) for color in (NEGATIVE, "white", POSITIVE)]
    np.testing.assert_allclose(dots.get_facecolors(), expected, atol=0.01)


def test_names_stand_beside_inputs_and_outputs(iris):
    frame = pd.DataFrame(iris[0], columns=["p", "q", "r", "a name of more than 18"])
    model = SGDSigmoidMLP((5,), random_state=0)
    model.partial_fit(frame, np.array(["x", "y", "z"])[iris[1]], ["x", "y", "z"])
    texts = [t.get_text() for t in NetworkDisplay.from_estimator(model).ax_.texts]
    assert texts == ["p", "q", "r", "a name of more th…", "x", "y", "z"]


def test_a_deep_network_and_a_regressor_can_be_drawn(digits):
    X, _ = digits
    model = SGDSigmoidMLPRegressor((20,) * 9, random_state=0)
    model.partial_fit(X, X[:, :2] + np.arange(len(X))[:, np.newaxis])
    display = NetworkDisplay.from_estimator(model, X[:5], np.ones((5, 2)))
    captions = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert captions[1:] == [*(f"{i}\n10/20" for i in range(1, 10)), "out\n2"]
    display.figure_.canvas.draw()


@pytest.mark.parametrize("fill", ["activations", None, 1])
def test_fill_is_checked(fill, model, iris):
    with pytest.raises(ValueError, match='fill must be "activation" or "error"'):
        NetworkDisplay.from_estimator(model, *iris, fill=fill)
    with pytest.raises(ValueError, match="fill must be"):
        NetworkDisplay.from_estimator(model, fill=fill)


def test_an_example_needs_its_target(model, iris):
    with pytest.raises(ValueError, match="y is None"):
        NetworkDisplay.from_estimator(model, iris[0])


def test_errors_vanish_towards_the_first_layer(digits):
    X, y = digits[0][:100], digits[1][:100]
    model = SGDSigmoidMLP((20,) * 6, random_state=0)
    model.partial_fit(X, y, range(10), sample_weight=0)
    # As small as a textbook's initial weights; those that are drawn keep errors alive.
    for coef, intercept in zip(model.coefs_[1:], model.intercepts_[1:], strict=True):
        coef /= 4
        intercept /= 4
    layers = GradientFlowDisplay.from_estimator(model, X, y).layers
    medians = [layer.delta_median for layer in layers]
    assert medians == sorted(medians)
    assert medians[-1] > 1e3 * medians[0]
    assert all(layer.saturated < 0.05 for layer in layers)


def test_the_flow_has_the_sizes_of_the_trace(model, iris):
    trace = backprop_trace(model, *iris)
    layers = GradientFlowDisplay.from_trace(trace).layers
    for at, layer in enumerate(layers):
        assert layer.delta_median == np.median(np.abs(trace.delta[at]))
        assert layer.update**2 == pytest.approx(np.mean(trace.update_W[at] ** 2))
        outside = (trace.a[at + 1] < 0.01) | (trace.a[at + 1] > 0.99)
        assert layer.saturated == outside.mean()


@pytest.mark.parametrize("scale", [50, 1e4])
def test_saturation_is_seen(scale, model, iris):
    X, y = iris
    display = GradientFlowDisplay.from_estimator(model, scale * X, y)
    assert display.layers[0].saturated > 0.8
    assert "sat." in display.ax_.get_xticklabels()[0].get_text()
    low, high = display.ax_.get_ylim()
    assert low > 1e-25 * high
    display.figure_.canvas.draw()


def run_without_matplotlib(code):
    blocked = "import sys; sys.modules['matplotlib'] = None\n"
    command = [sys.executable, "-W", "error", "-c", blocked + code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


TRAINED = """
from skbackprop import SGDSigmoidMLP
from skbackprop.inspection import *
X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
model = SGDSigmoidMLP((3,), random_state=0).partial_fit(X, y, [0, 1])
"""


def test_without_matplotlib_all_but_the_displays_works():
    code = TRAINED + (
        "trace = backprop_trace(model, X[1], y[1])\n"
        "trace.explain(1, 0, 0), trace._repr_html_()\n"
        "print(check_gradient(model, X, y).passed)"
    )
    result = run_without_matplotlib(code)
    assert (result.returncode, result.stdout) == (0, "True\n"), result.stderr


@pytest.mark.parametrize(
    "call",
    [
        "LossCurveDisplay.from_estimator(model)",
        "NetworkDisplay.from_estimator(model)",
        "GradientFlowDisplay.from_estimator(model, X, y)",
    ],
)
def test_without_matplotlib_a_display_names_the_extra(call):
    result = run_without_matplotlib(TRAINED + call)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    name = call.partition(".")[0]
    assert last.startswith(f"ImportError: {name} needs matplotlib")
    assert 'pip install "skbackprop[plot]"' in last
