"""
What hidden neurons look for
============================

A neuron of the first layer has a weight for each pixel. Put back in the places of the
pixels, the weights are a picture of what the neuron answers to.
"""

# %%
# The pixels are divided by their largest value, 16, and not each by its own deviation,
# so that weights of different pixels can be compared.

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
# At the start the weights are random. ``partial_fit`` with a step of next to nothing
# draws them and leaves them as they are.

settings = {"hidden_layer_sizes": (24,), "batch_size": 10, "random_state": 0}
fresh = SGDSigmoidMLP(learning_rate_init=1e-9, **settings)
fresh.partial_fit(X_train, y_train, classes=range(10))
show_weights(fresh, "24 hidden neurons before training")

# %%
# After training they look for strokes, for their ends and for gaps between them: ink
# where a weight is positive (orange) raises the activation of the neuron, ink where it
# is negative (purple) lowers it. The weights are ten times as large now. Those of the
# outermost columns are nearly as they were: these pixels are hardly ever inked, and the
# gradient of a weight, ``δ a``, is zero where its input is.

# sphinx_gallery_thumbnail_number = 2
trained = SGDSigmoidMLP(max_iter=400, **settings).fit(X_train, y_train)
print(f"accuracy on the test images: {trained.score(X_test, y_test):.3f}")
show_weights(trained, "after training")

# %%
# What does a neuron do with what it sees? Its weights to the ten output neurons say for
# which digits it speaks, and against which. Here are the four neurons with the largest.

speaks = trained.coefs_[1]
strongest = np.argsort(-np.abs(speaks).max(axis=1))[:4]
limit = np.abs(trained.coefs_[0]).max()
figure, axes = plt.subplots(2, 4, figsize=(8, 4.2), layout="constrained")
for (above, below), j in zip(axes.T, strongest, strict=True):
    pixels = trained.coefs_[0][:, j].reshape(8, 8)
    above.imshow(pixels, cmap="PuOr_r", vmin=-limit, vmax=limit)
    above.set(xticks=[], yticks=[], title=f"neuron {j}")
    colors = np.where(speaks[j] > 0, "#D55E00", "#1480CC")
    below.bar(range(10), speaks[j], color=colors)
    below.axhline(0, color="black", linewidth=0.8)
    below.set(xticks=range(10), xlabel="digit", ylabel="weight to its neuron")
    below.set_ylim(-1.1 * np.abs(speaks).max(), 1.1 * np.abs(speaks).max())
    below.label_outer()
plt.show()
