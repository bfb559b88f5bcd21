"""
XOR, and how a decision boundary grows
======================================

The exclusive or is true where one of its two inputs is, but not both. No straight line
separates the two answers, so that a single layer of neurons cannot learn it. Two hidden
neurons can.
"""

# %%
# All there is to learn are four rows. ``batch_size="full"`` averages their gradients in
# each update, and one update is an epoch.

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
    # It says that this is no better than a constant prediction.
    warnings.simplefilter("ignore", ConvergenceWarning)
    single.fit(X, y)
print("without a hidden layer:", single.predict_proba(X)[:, 1].round(2))

# %%
# That is the best it can do: ½ for every row. With two hidden neurons and one epoch for
# each call of ``partial_fit``, the boundary can be drawn as it grows. The colour is the
# activation of the output neuron, which estimates the probability of "true"; the line
# is where it is ½.

network = SGDSigmoidMLP((2,), batch_size="full", learning_rate_init=5.0, random_state=0)
epochs = [1, 100, 160, 220, 260, 700]
losses = []
figure, axes = plt.subplots(2, 3, figsize=(8, 5.8), layout="constrained")
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

# %%
# For a hundred epochs the loss stands still at ⅛, the cost of saying ½ to everything:
# the network looks as if it had converged. Then the hidden neurons begin to differ, and
# it falls. The dotted lines are the epochs above.

display = LossCurveDisplay.from_curves({"2-2-1": losses})
for epoch in epochs:
    display.ax_.axvline(epoch, color="gray", linestyle=":", linewidth=1)

# %%
# What the network has found can be read from its weights. Both hidden neurons look at
# the sum of the inputs: one is on where it is above 0.4 or so, that is where any input
# is 1, the other only above 1.5, where both are. The output neuron says "any, but not
# both". The fills are the activations for the row (0, 1).

figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
NetworkDisplay.from_estimator(network, [0, 1], 1, ax=ax)
for layer, (coef, intercept) in enumerate(
    zip(network.coefs_, network.intercepts_, strict=True), start=1
):
    for j in range(len(intercept)):
        print(f"layer {layer}, neuron {j}: weights {coef[:, j].round(1)}", end=", ")
        print(f"bias {intercept[j]:.1f}")
plt.show()

# %%
# Not every start leads there. With another ``random_state``, the same descent settles
# where one row is right and the other three get ⅔, their average. More hidden neurons
# make that rare.

stuck = SGDSigmoidMLP(
    (2,),
    batch_size="full",
    learning_rate_init=5.0,
    tol=1e-9,
    max_iter=3000,
    random_state=1,
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # it still crawls
    stuck.fit(X, y)
print("random_state=1 after 3000 epochs:", stuck.predict_proba(X)[:, 1].round(2))
