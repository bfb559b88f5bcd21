"""Learn from a stream of chunks by partial_fit; no chunk is kept."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skbackprop import SGDSigmoidMLP

X, y = load_digits(return_X_y=True)
# A stream has no scaler to fit first: divide by the known range of the pixels.
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)


def stream(n_chunks, rows=100, seed=0):
    """Chunks as a sensor or a database would deliver them."""
    rng = np.random.default_rng(seed)
    for _ in range(n_chunks):
        chosen = rng.integers(len(X_train), size=rows)
        yield X_train[chosen], y_train[chosen]


model = SGDSigmoidMLP(learning_rate_init=10.0, batch_size=10, random_state=0)
for n, (X_chunk, y_chunk) in enumerate(stream(500), start=1):
    model.partial_fit(X_chunk, y_chunk, classes=np.arange(10))
    if n % 100 == 0:
        accuracy = model.score(X_test, y_test)
        print(f"{model.t_:6} examples seen, accuracy on the test images {accuracy:.3f}")
