"""Save a model with joblib, plain and compressed; load it in new processes.

A joblib file runs code when it is loaded: load only files that you trust.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP

PREDICT = """
import sys, joblib, numpy as np
folder, file, mmap_mode = sys.argv[1:]
model = joblib.load(f"{folder}/{file}", mmap_mode=mmap_mode or None)
X = np.load(f"{folder}/X.npy")
np.save(f"{folder}/probabilities.npy", model.predict_proba(X))
"""

X, y = load_breast_cancer(return_X_y=True)
model = make_pipeline(StandardScaler(), SGDSigmoidMLP(random_state=0))
expected = model.fit(X, y).predict_proba(X)

with tempfile.TemporaryDirectory() as folder:
    np.save(f"{folder}/X.npy", X)
    for file, compress, mmap_mode in [
        ("plain.joblib", 0, ""),
        ("plain.joblib", 0, "r"),
        ("compressed.joblib.gz", 3, ""),
    ]:
        joblib.dump(model, f"{folder}/{file}", compress=compress)
        command = [sys.executable, "-c", PREDICT, folder, file, mmap_mode]
        subprocess.run(command, check=True)
        loaded = np.load(f"{folder}/probabilities.npy")
        size = Path(folder, file).stat().st_size / 1000
        same = np.array_equal(loaded, expected)
        how = f"mmap_mode={mmap_mode!r}" if mmap_mode else "read whole"
        print(f"{file:21} {size:5.1f} kB, {how:13}: the same bits: {same}")
