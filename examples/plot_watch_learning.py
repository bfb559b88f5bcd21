"""
Watch a network learn
=====================

``record_training`` keeps copies of a network at chosen moments of its training. The
page of such a record has a slider. Move it, and see the weights grow, the activations
move to where they should be, and the loss fall.
"""

# %% This network learns XOR with three hidden neurons and one update per epoch. Choose
# a moment on the track, or use the arrow keys. Look at the four outputs: at first they
# are all alike, near the mean of the targets. The weights have to grow apart before the
# loss can fall.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from skbackprop import SGDSigmoidMLP
from skbackprop.inspection import NetworkDisplay, record_training

X_xor, y_xor = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
network = SGDSigmoidMLP((3,), learning_rate_init=10.0, max_iter=300, random_state=0)
xor = record_training(network, X_xor, y_xor, max_moments=24)
xor

# %%
# Each moment is a trace, so you can do with it all that a trace offers: pictures,
# explanations, pages. The activations below are those of the row (1, 1), whose target
# is 0. At the start the output is undecided. In the end neuron 1 is switched on by this
# row too, and its negative weight takes back what neuron 0 contributes.

figure, axes = plt.subplots(1, 3, figsize=(10, 3.8), layout="constrained")
for ax, moment in zip(axes, (0, len(xor) // 2, -1), strict=True):
    NetworkDisplay.from_trace(xor.trace(moment, [3]), ax=ax)
    ax.set_title(f"after {xor.updates[moment]} updates: C = {xor.costs[moment]:.2g}")
figure.suptitle("XOR: the row (1, 1) at three moments of training")

# %%
# The next network learns the iris flowers in batches of 16. With ``every="update"``,
# the record has all 20 updates of the first two epochs. Setosa stands apart from the
# others and is learnt within these epochs. Versicolor and virginica overlap and need
# more of them.

iris = load_iris()
X, y = scale(iris.data), iris.target_names[iris.target]
network = SGDSigmoidMLP((4,), max_iter=2, random_state=0)
flowers = record_training(network, X, y, every="update")
flowers

# %%
# The update from one moment to the next is that of the derivation: −η times the average
# gradient of a batch. Here the batch is the whole data set, and the two agree to the
# last digits.

network = SGDSigmoidMLP((4,), batch_size="full", max_iter=5, random_state=0)
record = record_training(network, X, y)
made = record.W[1][0] - record.W[0][0]
print(np.abs(made - record[0].update_W[0]).max() < 1e-14)

# %%
# Any weight can be explained at any moment. In a notebook, the factors are in colour.

record[0].explain(layer=2, j=1, k=0)
