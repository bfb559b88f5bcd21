"""
XOR, and how a decision boundary grows
======================================

The exclusive or is true if one of its two inputs is true, but not both. No straight
line separates the two answers, so a single layer of neurons cannot learn it. Two hidden
neurons can.
"""

# %%
# There are only four rows to learn. ``batch_size="full"`` averages their gradients in
# each update, so each epoch is one update.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import DecisionBoundaryDisplay

from skbackprop import SGDSigmoidMLP
from skbackprop.inspection import LossCurveDisplay, NetworkDisplay

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([0, 1, 1, 0])

single = SGDSigmoidMLP(
    (), batch_size="full", learning_rate_init=5.0, tol=1e-7, random_state=0
)
with warnings.catch_warnings():
    # fit warns that this is no better than a constant prediction.
    warnings.simplefilter("ignore", ConvergenceWarning)
    single.fit(X, y)
print("without a hidden layer:", single.predict_proba(X)[:, 1].round(2))

# %%
# That is the best it can do: ½ for every row. Now two hidden neurons. Each call of
# ``partial_fit`` is one epoch, so the boundary can be drawn as it grows. The colour is
# the activation of the output neuron, which estimates the probability of "true". The
# black line is where it is ½.

network = SGDSigmoidMLP((2,), batch_size="full", learning_rate_init=5.0, random_state=0)
epochs = [1, 100, 160, 220, 260, 700]
losses = []
figure, axes = plt.subplots(
    2, 3, figsize=(8, 5.8), sharex=True, sharey=True, layout="constrained"
)
panels = dict(zip(epochs, axes.flat, strict=True))
for epoch in range(1, epochs[-1] + 1):
    network.partial_fit(X, y, classes=[0, 1])
    losses.append(network.loss_)
    if epoch not in panels:
        continue
    ax = panels[epoch]
    display = DecisionBoundaryDisplay.from_estimator(
        network,
        X,
        response_method="predict_proba",
        plot_method="contourf",
        levels=np.linspace(0, 1, 11),
        cmap="PuOr_r",
        vmin=0,
        vmax=1,
        eps=0.5,
        grid_resolution=200,
        ax=ax,
    )
    ax.contour(display.xx0, display.xx1, display.response, levels=[0.5], colors="k")
    ax.scatter(X[:, 0], X[:, 1], c=y, cmap="PuOr_r", s=90, edgecolors="k", zorder=2)
    right = (network.predict(X) == y).sum()
    ax.set_title(f"epoch {epoch}: {right} of 4 right", fontsize=11)
    ax.set(xticks=[0, 1], yticks=[0, 1], xlabel="first input", ylabel="second input")
    ax.label_outer()
figure.colorbar(display.surface_, ax=axes, label="activation of the output neuron")
figure.suptitle("The decision boundary of a 2-2-1 network that learns XOR")

# %%
# At first the whole plane has nearly one colour: the output is about ½ everywhere. Then
# one hidden neuron cuts off a corner, and the other cuts off the opposite corner. In
# the end a band is left between two lines.
#
# The loss tells the same story. For a hundred epochs it stays at ⅛, the cost of the
# answer ½ to everything, and the network looks as if it had converged. Then the hidden
# neurons begin to differ, and the loss falls. The dotted lines are the epochs above.

display = LossCurveDisplay.from_curves({"2-2-1": losses})
for epoch in epochs:
    display.ax_.axvline(epoch, color="gray", linestyle=":", linewidth=1)
display.ax_.set_title("Loss of the 2-2-1 network: a plateau, then a fall")

# %%
# The weights show what the network has found. Both hidden neurons look at the sum of
# the inputs. One is on if the sum is above about 0.4, that is, if any input is 1. The
# other is on only above 1.5, that is, if both are. The output neuron answers "any, but
# not both". The fills are the activations for the row (0, 1).

figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
NetworkDisplay.from_estimator(network, [0, 1], 1, ax=ax)
figure.suptitle("The trained network, with its activations for the row (0, 1)")
for layer, (coef, intercept) in enumerate(
    zip(network.coefs_, network.intercepts_, strict=True), start=1
):
    for j in range(len(intercept)):
        print(f"layer {layer}, neuron {j}: weights {coef[:, j].round(1)}", end=", ")
        print(f"bias {intercept[j]:.1f}")
plt.show()

# %%
# Not every start leads there. With another ``random_state``, the same descent ends at a
# point where one row is right and the other three get ⅔, their average. More hidden
# neurons make this rare.

stuck = SGDSigmoidMLP(
    (2,),
    batch_size="full",
    learning_rate_init=5.0,
    tol=1e-9,
    max_iter=3000,
    random_state=1,
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # the loss still crawls
    stuck.fit(X, y)
print("random_state=1 after 3000 epochs:", stuck.predict_proba(X)[:, 1].round(2))
