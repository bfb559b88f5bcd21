"""The displays: what is drawn, and what happens without matplotlib."""

import subprocess
import sys
from itertools import pairwise

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
from skbackprop.inspection._drawing import CYCLE
from skbackprop.inspection._gradient_flow import LayerFlow
from skbackprop.inspection._layout import (
    DA_DZ,
    DC_DA,
    DZ_DW,
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
def test_a_display_draws_in_a_new_figure_or_in_given_axes(factory, model, iris):
    display = FACTORIES[factory](model, *iris)
    assert display.figure_ is display.ax_.figure
    figure, ax = plt.subplots()
    display = FACTORIES[factory](model, *iris, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert display.plot(ax=ax) is display
    figure.canvas.draw()


@pytest.mark.parametrize("factory", ["loss", "network"])
def test_axes_are_labelled(factory, model, iris):
    ax = FACTORIES[factory](model, *iris).ax_
    assert ax.get_xlabel()
    assert ax.get_ylabel() or factory == "network"  # which has no vertical scale
    assert ax.get_legend() is not None


def test_no_curve_has_a_colour_that_means_a_sign_or_a_factor():
    meanings = {POSITIVE, NEGATIVE, ZERO, DC_DA, DA_DZ, DZ_DW}
    assert len(set(CYCLE)) == 7
    assert meanings.isdisjoint(CYCLE)


def overlaps(artists):
    """Pairs of neighbouring artists that overlap."""
    boxes = [artist.get_window_extent() for artist in artists]
    return [pair for pair in pairwise(boxes) if pair[0].overlaps(pair[1])]


@pytest.mark.parametrize("factory", FACTORIES)
def test_bad_estimators_are_refused(factory, iris):
    if factory != "flow":
        with pytest.raises(NotFittedError):
            FACTORIES[factory](SGDSigmoidMLP(), *iris)
    with pytest.raises(TypeError, match=r"pipeline\[-1\]"):
        FACTORIES[factory](make_pipeline(SGDSigmoidMLP()), *iris)
    assert plt.get_fignums() == []


def curves(ax):
    """The points of each line, by its label."""
    return {line.get_label(): line.get_xydata() for line in ax.get_lines()}


def stars(ax):
    """The marked points of each line that has a star, by its label."""
    return {
        line.get_label(): line.get_xydata()[line.get_markevery()].tolist()
        for line in ax.get_lines()
        if line.get_marker() == "*"
    }


def test_the_loss_curve_is_that_of_the_estimator(model):
    ax = LossCurveDisplay.from_estimator(model).ax_
    best = int(np.argmin(model.loss_curve_)) + 1
    label = f"training (best {best})"
    drawn = curves(ax)
    assert drawn[label].tolist() == [
        [i + 1, loss] for i, loss in enumerate(model.loss_curve_)
    ]
    assert stars(ax) == {label: [[best, min(model.loss_curve_)]]}
    assert len(drawn) == 1


@pytest.mark.parametrize(
    ("scoring", "words"), [(None, "best by score"), ("loss", "best")]
)
def test_early_stopping_marks_the_epoch_whose_network_was_kept(scoring, words, iris):
    X, y = iris
    model = SGDSigmoidMLP((5,), early_stopping=True, scoring=scoring, random_state=0)
    fit(model, X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    # More than one epoch has the best score.
    assert scoring or np.sum(np.diff(model.validation_scores_) == 0) > 1
    ((label, point),) = stars(LossCurveDisplay.from_estimator(model).ax_).items()
    ((best, loss),) = point
    assert label == f"validation ({words} {best:.0f})"
    assert loss == model.validation_loss_curve_[int(best) - 1]
    kept = backprop_trace(model, X[1::2], y[1::2]).cost
    assert loss == pytest.approx(kept, rel=1e-12)


def test_a_watched_validation_set_marks_its_least_loss(iris):
    X, y = iris
    model = SGDSigmoidMLP((5,), tol=1e-3, random_state=0)
    fit(model, X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    marked = stars(LossCurveDisplay.from_estimator(model).ax_)
    best = int(np.argmin(model.validation_loss_curve_))
    assert marked == {
        f"validation (best {best + 1})": [
            [best + 1, model.validation_loss_curve_[best]]
        ]
    }


@pytest.mark.parametrize("validated_first", [True, False])
def test_validation_of_only_some_epochs_is_drawn_at_those_epochs(validated_first, iris):
    X, y = iris
    held_out = {"X_val": X[1::2], "y_val": y[1::2]}
    model = SGDSigmoidMLP((5,), tol=1e-3, warm_start=True, random_state=0)
    fit(model, X[::2], y[::2], **(held_out if validated_first else {}))
    n_first = model.n_iter_
    model.set_params(tol=1e-2)  # another number of epochs
    fit(model, X[::2], y[::2], **({} if validated_first else held_out))
    line = LossCurveDisplay.from_estimator(model).lines_[1]
    assert line.get_label().startswith("validation")
    x = line.get_xdata()
    assert x[0] == (1 if validated_first else n_first + 1)
    best = int(np.argmin(model.validation_loss_curve_))
    assert line.get_label() == f"validation (best {x[best]})"
    assert line.get_markevery() == [best]
    assert x[-1] == (n_first if validated_first else len(model.loss_curve_))


def test_several_networks_share_axes_and_differ_in_colour(model, stopped):
    networks = {"small": model, "stopped": stopped}
    ax = LossCurveDisplay.from_estimators(networks).ax_
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [name.split(":")[0] for name in names] == ["small"] + ["stopped"] * 2
    assert len({line.get_color() for line in ax.get_lines()}) == 2


def test_networks_without_names_are_numbered(model, stopped):
    display = LossCurveDisplay.from_estimators([model, stopped])
    assert [curve.name for curve in display.curves] == ["network 1", "network 2"]


def test_a_second_display_on_the_same_axes_continues_the_colours(model, stopped):
    ax = LossCurveDisplay.from_estimator(model, name="one").ax_
    LossCurveDisplay.from_estimator(stopped, name="two", ax=ax)
    LossCurveDisplay.from_curves({"three": [0.2, 0.1]}, ax=ax)
    assert len({line.get_color() for line in ax.get_lines()}) == 3


@pytest.mark.parametrize("log", [True, False])
def test_the_loss_has_a_logarithmic_scale_unless_told_otherwise(log, model):
    ax = LossCurveDisplay.from_estimator(model, log=log).ax_
    assert ax.get_yscale() == ("log" if log else "linear")


def test_the_legend_of_many_curves_is_beside_them():
    def legend_and_axes(n):
        losses = {f"η = {i}": [0.3, 0.2, 0.1] for i in range(n)}
        display = LossCurveDisplay.from_curves(losses)
        display.figure_.canvas.draw()
        legend = display.ax_.get_legend().get_window_extent()
        # The whole legend is in the figure.
        assert legend.x1 <= display.figure_.bbox.x1
        return legend, display.ax_.get_window_extent()

    legend, axes = legend_and_axes(4)
    assert legend.x1 < axes.x1
    legend, axes = legend_and_axes(5)
    assert legend.x0 > axes.x1


def test_one_epoch_is_a_point_with_one_tick(iris):
    X, y = iris
    model = SGDSigmoidMLP((5,), early_stopping=True, max_iter=1, random_state=0)
    fit(model, X, y)
    display = LossCurveDisplay.from_estimator(model)
    assert [line.get_marker() for line in display.lines_] == ["o", "*"]
    low, high = display.ax_.get_xlim()
    assert [tick for tick in display.ax_.get_xticks() if low < tick < high] == [1]


@pytest.mark.parametrize("share", [0.97, 0.7, 0.6, 0.2, 0.1, 1e-2, 1e-3, 1e-4, 1e-9])
def test_losses_have_enough_ticks_that_do_not_overlap(share):
    display = LossCurveDisplay.from_curves({"": [0.108, 0.108 * share]})
    display.figure_.canvas.draw()
    low, high = display.ax_.get_ylim()
    axis = display.ax_.yaxis
    labels = [
        tick.label1
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        if low <= tick.get_loc() <= high and tick.label1.get_text()
    ]
    labels.sort(key=lambda label: label.get_position()[1])
    assert len(labels) >= 3
    assert overlaps(labels) == []


def test_a_large_layer_shows_its_strongest_neurons_in_order():
    strength = np.array([3, 9, 9, 0, 9, 9, 9, 9, -9, 9, 9, 1, 9.0])  # all but 3 and 11
    one, many = layout(selection([np.ones(1), strength]), Names())
    assert one == [(0, "0", 0, 0.0)]
    assert [spot.neuron for spot in many] == [1, 2, 4, 5, 6, 7, 8, 9, 10, 12]
    assert [spot.x for spot in many] == [1] * 10
    assert [spot.y for spot in many] == (4.5 - np.arange(10)).tolist()


def test_neurons_have_names_shortened_to_fit_or_else_numbers():
    names = Names(["p", "a name of 18 lette", "a name of 19 letter"], None)
    columns = layout(selection([np.ones(n) for n in (3, 2, 1)]), names)
    assert [[spot.label for spot in spots] for spots in columns] == [
        ["p", "a name of 18 lette", "a name of…9 letter"],
        ["0", "1"],
        ["0"],
    ]


def test_lines_are_scaled_within_their_layer_and_the_largest_is_last():
    before, after = layout(selection([np.ones(11), np.ones(1)]), Names())
    values = np.zeros((1, 11))
    values[0, [2, 5, 10]] = [-3, 1, 4]  # the last input is not shown
    drawn = lines(before, after, values)
    assert len(drawn) == 10
    assert drawn[0] == (before[0], after[0], 0, ZERO)
    assert drawn[-2] == (before[5], after[0], 0.25, POSITIVE)
    assert drawn[-1] == (before[2], after[0], 0.75, NEGATIVE)
    assert all(line.share == 0 for line in lines(before, after, 0 * values))


def contrast(color, other):
    """The contrast ratio as WCAG defines it."""

    def luminance(color):
        rgb = np.array(to_rgb(color))
        linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
        return linear @ [0.2126, 0.7152, 0.0722]

    pair = luminance(color), luminance(other)
    return (max(pair) + 0.05) / (min(pair) + 0.05)


@pytest.mark.parametrize("ground", ["#ffffff", "#111111", "#1e1e1e", "#202124"])
@pytest.mark.parametrize("color", [POSITIVE, NEGATIVE])
def test_the_largest_line_meets_the_wcag_contrast_on_light_and_dark(color, ground):
    opacity = Line(None, None, 1.0, color).opacity
    line, page = np.array(to_rgb(color)), np.array(to_rgb(ground))
    assert contrast(opacity * line + (1 - opacity) * page, ground) > 3


def collections(ax):
    """The weights of each layer, as lines, and the neurons of each layer, as dots."""
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


def test_outputs_of_an_example_include_the_true_class_and_the_predicted_one():
    labels = np.repeat([f"{i:02}" for i in range(30)], 2)
    model = SGDSigmoidMLP((1,), random_state=0)
    model.partial_fit(np.eye(60), labels, classes=labels[::2])
    # Class 28 is true, 29 is predicted, and their weights are the smallest.
    model.coefs_[1][:] = np.where(np.arange(30) < 28, 1.0, 0.1)
    model.intercepts_[1][:] = np.where(np.arange(30) < 29, -5.0, 5.0)

    def shown(*example):
        texts = NetworkDisplay.from_estimator(model, *example).ax_.texts
        return {text.get_text() for text in texts[-10:]}

    assert shown().isdisjoint({"28", "29"})
    assert shown(np.eye(60)[3], "28") > {"28", "29"}


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


def test_errors_have_the_colours_of_their_signs_scaled_by_layer():
    fills = [None, np.array([-2e-6, 0.0, 1e-6]), np.array([0.5])]
    W = [np.ones((3, 1)), np.ones((1, 3))]
    display = NetworkDisplay(W, fills, "error").plot()
    display.figure_.canvas.draw()
    _, (_, early, late) = collections(display.ax_)
    half = np.add(to_rgba(POSITIVE), 1) / 2
    expected = [to_rgba(NEGATIVE), to_rgba("white"), half]
    np.testing.assert_allclose(early.get_facecolors(), expected, atol=0.01)
    np.testing.assert_allclose(late.get_facecolors(), [to_rgba(POSITIVE)], atol=0.01)
    captions = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert captions == ["input\n1", "hidden 1\n3\n|δ| ≤ 2e-06", "output\n1\n|δ| ≤ 0.5"]
    bar = display.figure_.axes[1]
    assert bar.get_ylim() == (-1, 1)
    assert "largest |δ| of its layer" in bar.get_ylabel()


def test_names_are_beside_inputs_and_outputs_and_numbers_in_hidden_neurons(iris):
    frame = pd.DataFrame(iris[0], columns=["p", "q", "r", "a name of more than 18"])
    model = SGDSigmoidMLP((5,), random_state=0)
    model.partial_fit(frame, np.array(["x", "y", "z"])[iris[1]], ["x", "y", "z"])
    ax = NetworkDisplay.from_estimator(model).ax_
    texts = [text.get_text() for text in ax.texts]
    assert texts[:5] == ["0", "1", "2", "3", "4"]
    assert texts[5:] == ["p", "q", "r", "a name of… than 18", "x", "y", "z"]
    _, (_, hidden, _) = collections(ax)
    places = [text.get_position() for text in ax.texts[:5]]
    assert places == [tuple(place) for place in hidden.get_offsets()]


@pytest.mark.parametrize("fill", ["activation", "error"])
def test_numbers_can_be_read_on_any_fill(fill):
    values = np.linspace(0 if fill == "activation" else -1, 1, 9)
    fills = [np.zeros(1), values, np.zeros(1)]
    W = [np.ones((9, 1)), np.ones((1, 9))]
    ax = NetworkDisplay(W, fills, fill).plot().ax_
    _, (_, hidden, _) = collections(ax)
    faces = hidden.get_facecolors()
    colors = [text.get_color() for text in ax.texts[:9]]
    assert all(map(lambda *pair: contrast(*pair) > 4.5, colors, faces[:, :3]))


@pytest.mark.parametrize("size", [None, (6.4, 4.8), (4, 3)])
@pytest.mark.parametrize("fill", ["activation", "error"])
@pytest.mark.parametrize("n_hidden", [1, 15])
def test_nothing_in_a_network_overlaps(n_hidden, fill, size, digits):
    X, y = digits
    model = SGDSigmoidMLP((12,) * n_hidden, random_state=0)
    model.partial_fit(X[:1], y[:1], classes=range(10))
    ax = None if size is None else plt.subplots(figsize=size, layout="constrained")[1]
    display = NetworkDisplay.from_estimator(model, X[3], y[3], fill=fill, ax=ax)
    display.figure_.canvas.draw()
    captions = display.ax_.get_xticklabels()
    assert [label.get_text().split("\n")[0] for label in captions] == [
        "input",
        *(f"hidden {i}" for i in range(1, n_hidden + 1)),
        "output",
    ]
    assert overlaps(captions) == []
    _, neurons = collections(display.ax_)
    diameter = np.sqrt(neurons[0].get_sizes()[0]) * display.figure_.dpi / 72
    assert diameter > 5
    per_unit = np.ptp(display.ax_.transData.transform([(0, 0), (1, 1)]), axis=0)
    assert np.all(per_unit > diameter)
    bars = [ax.get_window_extent() for ax in display.figure_.axes[1:]]
    names = [text.get_window_extent() for text in display.ax_.texts[-10:]]
    assert not any(bar.overlaps(name) for bar in bars for name in names)


def test_a_regressor_can_be_drawn(digits):
    X, _ = digits
    model = SGDSigmoidMLPRegressor((20,), random_state=0)
    model.partial_fit(X, X[:, :2] + np.arange(len(X))[:, np.newaxis])
    display = NetworkDisplay.from_estimator(model, X[:5], np.ones((5, 2)))
    captions = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert captions == ["input\n10 of 64\n0 to 0.82", "hidden 1\n10 of 20", "output\n2"]


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
    # As small as a textbook's initial weights; our own would keep the errors alive.
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


def test_errors_and_updates_have_their_own_axes(model, iris):
    display = GradientFlowDisplay.from_estimator(model, *iris)
    errors, updates = display.axes_
    assert "δ" in errors.get_ylabel()
    assert "cost" in errors.get_ylabel()
    assert "∇W" in updates.get_ylabel()
    assert "weight" in updates.get_ylabel()
    (medians, _), (sizes, _) = (ax.get_lines() for ax in display.axes_)
    layers = display.layers
    assert medians.get_ydata().tolist() == [layer.delta_median for layer in layers]
    assert sizes.get_ydata().tolist() == [layer.update for layer in layers]
    bars = [bar[:, 1].tolist() for bar in errors.collections[0].get_segments()]
    assert bars == [[layer.delta_low, layer.delta_high] for layer in layers]
    display.figure_.canvas.draw()
    assert overlaps(display.axes_) == []


def test_flows_of_several_networks_share_pairs_of_axes(model, wide, iris, digits):
    _, axes = plt.subplots(2, 2, sharex="col", sharey="row")
    for pair, network, data in zip(axes.T, (model, wide), (iris, digits), strict=True):
        display = GradientFlowDisplay.from_estimator(network, *data, ax=pair)
        assert display.ax_ is pair[0]
        assert display.axes_ == tuple(pair)
    lows, highs = zip(*(ax.get_ylim() for ax in axes[0]), strict=True)
    assert len(set(lows)) == len(set(highs)) == 1
    drawn = [ax.get_lines()[0].get_ydata() for ax in axes[0]]
    assert lows[0] < np.min(drawn) < np.max(drawn) < highs[0]


def test_a_flow_replaces_what_was_drawn_in_the_same_axes(model, iris):
    _, ax = plt.subplots()
    for _ in range(2):
        GradientFlowDisplay.from_estimator(model, *iris, ax=ax)
    assert len(ax.child_axes) == 2


def test_layers_of_a_deep_flow_can_be_told_apart(digits):
    X, y = digits
    model = SGDSigmoidMLP((300,) * 15, random_state=0)
    model.partial_fit(X[:20], y[:20], classes=range(10))
    display = GradientFlowDisplay.from_estimator(model, X[:20], y[:20])
    display.figure_.canvas.draw()
    _, updates = display.axes_
    labels = updates.get_xticklabels()
    assert labels[14].get_text().startswith("15\n300\n")
    assert overlaps([*updates.texts, *labels]) == []


@pytest.mark.parametrize("scale", [50, 1e4])
def test_saturation_is_shown(scale, model, iris):
    X, y = iris
    display = GradientFlowDisplay.from_estimator(model, scale * X, y)
    assert display.layers[0].saturated > 0.8
    errors, updates = display.axes_
    share = f"{display.layers[0].saturated:.0%}"
    assert updates.get_xticklabels()[0].get_text() == f"1\n5\n{share}"
    assert "saturated" in updates.get_xlabel()
    low, high = errors.get_ylim()
    assert low > 1e-25 * high


@pytest.mark.parametrize("sizes", [(1, 1), (0, 1), (1, 0), (0, 0)])
def test_a_triangle_marks_a_size_that_has_vanished(sizes):
    error, update = sizes
    first = LayerFlow(5, error, error, 1.0, update, saturated=0.5)
    display = GradientFlowDisplay([first, LayerFlow(3, 1.0, 1.0, 1.0, 1.0, 0.0)])
    axes = display.plot().axes_
    triangles = [ax.get_lines()[1].get_xdata().tolist() for ax in axes]
    assert triangles == [[] if size else [1] for size in sizes]
    assert ("▼" in axes[1].get_xlabel()) == (0 in sizes)


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


def test_without_matplotlib_everything_but_the_displays_works():
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
    assert 'python -m pip install ".[plot]"' in last
