"""
Stochastic, mini-batch and batch gradient descent
=================================================

An update averages the gradients of ``batch_size`` examples: one, some, or all. Which is
best depends on what is counted: passes over the data, updates, or seconds.
"""

# %%
# The same network learns the same digits three times from the same initial weights. Each
# way of averaging has a step size that suits it: the noise of single examples asks for a
# smaller one. ``tol=0`` and the number of epochs make all of them train for as long as
# the picture is wide.

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skbackprop import SGDSigmoidMLP
from skbackprop.inspection import LossCurveDisplay

X, y = load_digits(return_X_y=True)
X = scale(X)
warnings.simplefilter("ignore", ConvergenceWarning)  # stopped before it converges

runs = {
    "stochastic, 1": {"batch_size": 1, "learning_rate_init": 2.0, "max_iter": 60},
    "mini-batch, 32": {"batch_size": 32, "learning_rate_init": 10.0, "max_iter": 250},
    "batch, 1797": {"batch_size": "full", "learning_rate_init": 15.0, "max_iter": 1500},
}
networks, seconds = {}, {}
for name, settings in runs.items():
    network = SGDSigmoidMLP((30,), tol=0, n_iter_no_change=np.inf, random_state=0)
    network.set_params(**settings)
    start = time.perf_counter()
    networks[name] = network.fit(X, y)
    seconds[name] = time.perf_counter() - start
    print(
        f"{name:14} {network.n_iter_:5} epochs in {seconds[name]:.1f} s, "
        f"last loss {network.loss_:.5f}"
    )

# %%
# The three curves against three measures. The loss is that of the examples on their way
# through the epoch, each before the update that it is part of.

figure, axes = plt.subplots(1, 3, figsize=(10, 4), sharey=True, layout="constrained")
for name, network in networks.items():
    size = network.batch_size if network.batch_size != "full" else len(X)
    epochs = np.arange(1, network.n_iter_ + 1)
    updates = epochs * np.ceil(len(X) / size)
    elapsed = epochs * seconds[name] / network.n_iter_
    style = {"1": "-", "2": "--", "7": ":"}
    for ax, x in zip(axes, (epochs, updates, elapsed), strict=True):
        ax.loglog(x, network.loss_curve_, label=name)
for ax, label in zip(axes, ("epochs", "updates", "seconds of fit"), strict=True):
    ax.set_xlabel(label)
    ax.grid(alpha=0.3)
axes[0].set_ylabel("mean cost of an example")
axes[0].legend()
