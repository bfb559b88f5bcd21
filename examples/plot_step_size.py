"""
What η does: too small, right, too large
========================================

The step size η scales each update. If it is too small, training takes for ever. If it
is too large, the first few steps throw the neurons so far out that they respond to
nothing any more. They are saturated, and a loss that no longer moves looks like one
that has converged.
"""

# %%
# Three networks with two hidden layers differ in η alone.

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from skbackprop import SGDSigmoidMLP
from skbackprop.inspection import GradientFlowDisplay, LossCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(scale(X), y, random_state=0)
warnings.simplefilter("ignore", ConvergenceWarning)  # two do not converge

networks = {}
for what, eta in [("too small", 0.1), ("right", 10.0), ("too large", 300.0)]:
    network = SGDSigmoidMLP(
        (30, 30), learning_rate_init=eta, max_iter=60, tol=0, random_state=0
    )
    networks[f"η = {eta:g}, {what}"] = network.fit(X_train, y_train)
for name, network in networks.items():
    print(f"{name:20} accuracy on new images {network.score(X_test, y_test):.2f}")

# %%
# The loss alone does not tell the two bad ones apart: both stay where they are.

display = LossCurveDisplay.from_estimators(networks)
display.ax_.set_title("Loss of three networks: two of them stall")

# %%
# What reaches each layer tells them apart. Above are the errors δ, on their way back
# from the last layer (on the right) to the first. Below is what an update adds to the
# weights. The label of each layer shows what share of its activations is saturated:
# below 0.01 or above 0.99. The scales are the same in all three columns.

figure, axes = plt.subplots(
    2, 3, figsize=(10, 5), sharex="col", sharey="row", layout="constrained"
)
for pair, (name, network) in zip(axes.T, networks.items(), strict=True):
    GradientFlowDisplay.from_estimator(network, X_train[:300], y_train[:300], ax=pair)
    pair[0].set_title(name)
for ax in axes.flat:
    ax.label_outer()
figure.suptitle("Errors (above) and updates (below) for three step sizes")
plt.show()

# %%
# *Too small*: nothing is saturated and the errors are large, but an update moves the
# weights by almost nothing. A larger η, or patience, helps.
#
# *Right*: the outputs are close to 0 and 1 because that is the right answer. Errors are
# small where the network is right and large where it is wrong, so the bars are long.
#
# *Too large*: every output is saturated, and hardly any error is left. The network
# gives every image the same answer and cannot learn any more, because the slopes of its
# sigmoids let nothing through. Only a fresh start with a smaller η helps. ``fit`` gives
# a ``ConvergenceWarning`` that says so.
