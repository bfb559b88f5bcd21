"""
What η does: too small, right, too large
========================================

The step size η scales each update. Too small, training takes for ever; too large, the
first few steps throw the neurons so far out that they answer to nothing any more. They
are saturated, and a loss that no longer moves looks like one that has converged.
"""

# %%
# Three networks with two hidden layers, equal but for η.

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
warnings.simplefilter("ignore", ConvergenceWarning)  # two of them do not, on purpose

networks = {}
for what, eta in [("too small", 0.1), ("right", 10.0), ("too large", 300.0)]:
    network = SGDSigmoidMLP(
        (30, 30), learning_rate_init=eta, max_iter=60, tol=0, random_state=0
    )
    networks[f"η = {eta:g}, {what}"] = network.fit(X_train, y_train)
for name, network in networks.items():
    print(f"{name:20} accuracy on new images {network.score(X_test, y_test):.2f}")

# %%
# From the loss alone the two bad ones look alike: both stay where they are.

LossCurveDisplay.from_estimators(networks)

# %%
# What reaches each layer tells them apart. Circles are the errors δ on their way back
# from the last layer, on the right, to the first; squares are what an update adds to
# the weights. Below each layer stands the part of its activations that is saturated,
# below 0.01 or above 0.99. Mind the scales.

figure, axes = plt.subplots(3, 1, figsize=(7, 12), layout="constrained")
for ax, (name, network) in zip(axes, networks.items(), strict=True):
    GradientFlowDisplay.from_estimator(network, X_train[:300], y_train[:300], ax=ax)
    ax.set_title(name)
plt.show()

# %%
# *Too small*: nothing is saturated and the errors are large, but an update moves the
# weights by almost nothing. A larger η, or patience, helps.
#
# *Right*: the outputs are close to 0 and 1 because that is the answer. The errors are
# small where the network is right and large where it is not, which the long bars show.
#
# *Too large*: every output is saturated, and hardly one of the errors is left. The
# network says the same to every image, and cannot learn any more: the slope of its
# sigmoids lets nothing through. Only a fresh start with a smaller η helps. ``fit``
# gives a ``ConvergenceWarning`` for this.
