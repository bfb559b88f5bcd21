"""
Stochastic, mini-batch and batch gradient descent
=================================================

An update averages the gradients of ``batch_size`` examples: one, some, or all. Which is
best depends on what is counted: passes over the data, updates, or seconds.
"""

# %%
# The same network learns the same digits three times from the same initial weights.
# Each way of averaging has its own step size, the best of a few that were tried: the
# noise of single examples asks for a smaller one. ``tol=0`` keeps ``fit`` from stopping
# by itself.

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skbackprop import SGDSigmoidMLP

X, y = load_digits(return_X_y=True)
X = scale(X)
warnings.simplefilter("ignore", ConvergenceWarning)  # stopped before it converges

runs = {
    "stochastic, 1": {"batch_size": 1, "learning_rate_init": 4.0, "max_iter": 60},
    "mini-batch, 32": {"batch_size": 32, "learning_rate_init": 20.0, "max_iter": 250},
    "batch, 1797": {"batch_size": "full", "learning_rate_init": 40.0, "max_iter": 1500},
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
# The same three curves against three measures. The loss of an epoch is measured on its
# way, on each example before the update that it is part of.

styles = dict(zip(runs, ("-", "--", ":"), strict=True))
figure, axes = plt.subplots(1, 3, figsize=(10, 4), sharey=True, layout="constrained")
for name, network in networks.items():
    size = network.batch_size if network.batch_size != "full" else len(X)
    epochs = np.arange(1, network.n_iter_ + 1)
    updates = epochs * np.ceil(len(X) / size)
    elapsed = epochs * seconds[name] / network.n_iter_
    for ax, x in zip(axes, (epochs, updates, elapsed), strict=True):
        ax.loglog(x, network.loss_curve_, styles[name], linewidth=2, label=name)
for ax, label in zip(axes, ("epochs", "updates", "seconds of fit"), strict=True):
    ax.set_xlabel(label)
    ax.grid(alpha=0.3)
axes[0].set_ylabel("mean cost of an example")
axes[0].legend()
plt.show()

# %%
# *For each pass over the data*, single examples win: they make 1797 updates of it, the
# whole batch makes one. *For each update* it is the other way round, because an average
# over more examples points more nearly downhill and allows for a larger step. *For each
# second* the mini-batch has most of both: the matrices of 32 examples keep the
# processor busy, where single ones are mostly overhead, and the updates are still many.
# Single examples catch up with it here in the end; the whole batch is ten times behind.
# On other data and machines it may differ, but the compromise is rarely far from the
# best, so that ``batch_size="auto"`` is at most 32.
