"""
Stochastic, mini-batch and batch gradient descent
=================================================

An update averages the gradients of ``batch_size`` examples: one, some, or all. Which is
best depends on what you count: passes over the data, updates, or seconds.
"""

# %%
# The same network learns the same digits three times from the same initial weights.
# Each way of averaging has its own step size, the best of a few that were tried. Single
# examples are noisy and need a smaller one. ``tol=0`` keeps ``fit`` from stopping by
# itself.

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
# Here are the three loss curves, each against three measures. The loss of an epoch is
# measured during the epoch, on each example before the update that uses it.

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
figure.suptitle("Cost against epochs, updates and seconds, for three batch sizes")
plt.show()

# %%
# *Per pass over the data* (left), single examples win: a pass makes 1797 updates, while
# the whole batch makes one.
#
# *Per update* (middle), it is the other way round. An average over more examples points
# more nearly downhill and allows a larger step.
#
# *Per second* (right), the mini-batch has most of both advantages. The matrices of 32
# examples keep the processor busy, while single examples are mostly overhead, and there
# are still many updates. Single examples catch up in the end. The whole batch is ten
# times slower.
#
# Other data and machines may differ, but the compromise is rarely far from the best. So
# ``batch_size="auto"`` is at most 32.
