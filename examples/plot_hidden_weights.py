"""
What hidden neurons look for
============================

A neuron of the first layer has a weight for each pixel. Arranged like the pixels, the
weights form a picture of what the neuron responds to.
"""

# %%
# All pixels are divided by the largest value, 16, rather than each by its own standard
# deviation. So weights of different pixels can be compared.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skbackprop import SGDSigmoidMLP

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)


def show_weights(network, title):
    weights = network.coefs_[0].T
    limit = np.abs(weights).max()
    figure, axes = plt.subplots(3, 8, figsize=(8, 3.2), layout="constrained")
    for ax, neuron in zip(axes.flat, weights, strict=True):
        image = ax.imshow(neuron.reshape(8, 8), cmap="PuOr_r", vmin=-limit, vmax=limit)
        ax.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=axes, label="weight")
    figure.suptitle(title)


# %%
# At the start the weights are random. ``partial_fit`` with a tiny step draws them and
# leaves them practically unchanged. None of the pictures shows a pattern.

settings = {"hidden_layer_sizes": (24,), "batch_size": 10, "random_state": 0}
fresh = SGDSigmoidMLP(learning_rate_init=1e-9, **settings)
fresh.partial_fit(X_train, y_train, classes=range(10))
show_weights(fresh, "Pixel weights of 24 hidden neurons before training")

# %%
# After training the neurons look for strokes, for their ends and for the gaps between
# them. Ink where a weight is positive (orange) raises the activation of the neuron. Ink
# where it is negative (purple) lowers it.
#
# The weights are ten times as large now, as the scale on the right shows. Those of the
# outermost columns have hardly changed: these pixels rarely have ink, and the gradient
# of a weight, ``δ a``, is zero when its input ``a`` is zero.

trained = SGDSigmoidMLP(max_iter=400, **settings).fit(X_train, y_train)
print(f"accuracy on the test images: {trained.score(X_test, y_test):.3f}")
show_weights(trained, "Pixel weights of 24 hidden neurons after training")

# %%
# What does a neuron do with what it sees? Its weights to the ten output neurons show
# which digits it supports, and which it opposes. These four neurons have the largest
# such weights.

# sphinx_gallery_thumbnail_number = 3
outgoing = trained.coefs_[1]
strongest = np.argsort(-np.abs(outgoing).max(axis=1))[:4]
limit = np.abs(trained.coefs_[0]).max()
figure, axes = plt.subplots(
    2, 4, figsize=(8, 4.2), sharex="row", sharey="row", layout="constrained"
)
for (above, below), j in zip(axes.T, strongest, strict=True):
    pixels = trained.coefs_[0][:, j].reshape(8, 8)
    above.imshow(pixels, cmap="PuOr_r", vmin=-limit, vmax=limit)
    above.set(xticks=[], yticks=[], title=f"neuron {j}")
    colors = np.where(outgoing[j] > 0, "#D55E00", "#8B6BE8")
    below.bar(range(10), outgoing[j], color=colors)
    below.axhline(0, color="black", linewidth=0.8)
    below.set(xticks=range(10), xlabel="digit", ylabel="weight to its neuron")
    below.label_outer()
figure.suptitle("Four neurons: weights from the pixels, and weights to the digits")
plt.show()

# %%
# Read each column from the top. Where the picture is orange, ink switches the neuron
# on. An orange bar below it is a digit that then becomes more probable; a violet bar is
# one that becomes less probable.
