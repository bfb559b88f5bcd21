"""Train by full-batch gradient descent on a GPU.

    python examples/gpu_full_batch.py

Needs PyTorch. Without a GPU, PyTorch computes on the CPU.
"""

import os

os.environ["SCIPY_ARRAY_API"] = "1"  # before scipy and scikit-learn are imported

import time

import numpy as np
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP

try:
    import torch
except ImportError:
    torch = None

COPIES = 20  # of each image, each with noise of its own


def main():
    if torch is None:
        print("This example needs PyTorch. Install it: python -m pip install torch")
        return
    device = find_device()
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, stratify=y, random_state=0
    )
    scaler = StandardScaler().fit(X_train)
    Z_train, Z_test = (
        torch.asarray(scaler.transform(rows), dtype=torch.float32, device=device)
        for rows in (X_train, X_test)
    )
    torch.manual_seed(0)
    Z_train = Z_train.repeat(COPIES, 1)
    Z_train += 0.3 * torch.randn_like(Z_train)
    y_train = np.tile(y_train, COPIES)  # labels may stay in numpy

    network = SGDSigmoidMLP(
        (30,),
        batch_size="full",
        learning_rate_init=20.0,  # twice what "auto" chooses
        max_iter=300,
        n_iter_no_change=np.inf,  # exactly 300 epochs, each of one update
        random_state=0,
    )
    with sklearn.config_context(array_api_dispatch=True):
        # The first call is slower, because it starts the GPU. So it is not timed.
        clone(network).partial_fit(Z_train, y_train, classes=np.unique(y))
        start = time.perf_counter()
        network.fit(Z_train, y_train)
        seconds = time.perf_counter() - start
        score = network.score(Z_test, y_test)
    print(f"{len(Z_train):,} images, {network.n_iter_} epochs: {seconds:.1f} s")
    print(f"examples per second: {len(Z_train) * network.n_iter_ / seconds:,.0f}")
    print(f"loss: {network.loss_:.4f}")
    print(f"accuracy on the test images: {score:.3f}")

    on_cpu = network.move_to(np)
    same = on_cpu.predict(Z_test.cpu().numpy())
    print(f"a copy in numpy has the accuracy {np.mean(same == y_test):.3f}")


def find_device():
    """The GPU, or else the CPU."""
    if torch.cuda.is_available():
        print(f"PyTorch computes on {torch.cuda.get_device_name()}.")
        return "cuda"
    if torch.backends.mps.is_available():
        print("PyTorch computes on the GPU of this Mac.")
        return "mps"
    print("There is no GPU that PyTorch can use: it computes on the CPU.")
    return "cpu"


if __name__ == "__main__":
    main()
