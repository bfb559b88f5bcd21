"""
Learning from a stream
======================

``partial_fit`` makes one pass over the rows it is given. No chunk is kept, and the
network can predict at any time.
"""

# %%
# The stream delivers images in chunks of 50. No scaler can be fitted first, so the
# pixels are divided by their known range. At first there are only the digits from 0 to
# 7. After 300 chunks, 8 and 9 appear too.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skbackprop import SGDSigmoidMLP

X, y = load_digits(return_X_y=True)
X_stream, X_test, y_stream, y_test = train_test_split(X / 16, y, random_state=0)


def stream(n_chunks, rows=50, seed=0):
    """Chunks as a sensor or a database would deliver them."""
    rng = np.random.default_rng(seed)
    for n in range(n_chunks):
        available = np.flatnonzero(y_stream < (8 if n < 300 else 10))
        chosen = rng.choice(available, size=rows)
        yield X_stream[chosen], y_stream[chosen]


# %%
# Each chunk is first predicted and then learnt. The prediction is an honest test,
# because the network has not seen the chunk. The first call has to name all classes
# that can ever occur, even those that appear later.

networks = {
    f"batch_size={size}": SGDSigmoidMLP(
        (30,), batch_size=size, learning_rate_init=eta, random_state=0
    )
    for size, eta in [(1, 2.0), (10, 10.0), (50, 20.0)]
}
accuracy = {name: [] for name in networks}
for images, labels in stream(600):
    for name, network in networks.items():
        if hasattr(network, "coefs_"):
            accuracy[name].append(network.score(images, labels))
        network.partial_fit(images, labels, classes=np.arange(10))
for name, network in networks.items():
    print(f"{name:13} {network.t_} examples seen, ", end="")
    print(f"accuracy on test images {network.score(X_test, y_test):.3f}")

# %%
# The accuracy on the next chunk, averaged over ten chunks:

figure, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
for (name, scores), line in zip(accuracy.items(), ("-", "--", ":"), strict=True):
    averages = np.convolve(scores, np.ones(10) / 10, mode="valid")
    seen = 50 * np.arange(11, len(scores) + 2)
    ax.plot(seen, averages, line, label=name)
ax.axvline(50 * 300, color="gray", linewidth=1)
ax.annotate("8 and 9 appear", (50 * 300, 0.05), (6, 0), textcoords="offset points")
ax.set(xlabel="examples seen", ylabel="accuracy on the next chunk", ylim=(0, 1.02))
ax.grid(alpha=0.3)
ax.legend(loc="lower right")
ax.set_title("Accuracy on the next chunk; two new digits appear at 15,000")
plt.show()

# %%
# The smaller the batch, the more the network learns from each image. When the new
# digits appear, it gets all of them wrong at first, and the curves drop. Then it learns
# them, and forgets no old digit, because the old ones keep coming.
