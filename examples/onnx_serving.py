"""Train a pipeline, write it as ONNX, and serve it in a process without scikit-learn.

The second process has onnxruntime and numpy. It cannot import scikit-learn, skbackprop
or what these need. Unlike a joblib file, an ONNX file holds no code.

Needs skl2onnx and onnxruntime: python -m pip install ".[onnx]"
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

try:
    import onnxruntime  # noqa: F401
    from skl2onnx import to_onnx

    import skbackprop.onnx  # noqa: F401  (registers the converters)
except ImportError as error:
    raise SystemExit(
        'This example needs an extra: python -m pip install ".[onnx]"'
    ) from error
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP

SERVE = """
import sys

class Blocker:
    blocked = {"sklearn", "skbackprop", "skl2onnx", "onnx", "scipy", "joblib"}

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.blocked:
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Blocker())
import numpy as np
import onnxruntime

try:
    import sklearn
except ImportError as error:
    print("in the server:", error)
folder, file = sys.argv[1:]
session = onnxruntime.InferenceSession(f"{folder}/{file}")
labels, probabilities = session.run(None, {"X": np.load(f"{folder}/X_{file}.npy")})
labels = labels.astype(str)  # from Python objects, which np.load refuses
np.savez(f"{folder}/served.npz", labels=labels, probabilities=probabilities)
"""

X, y = load_breast_cancer(return_X_y=True)
names = np.array(["malignant", "benign"])
X_train, X_test, y_train, y_test = train_test_split(X, names[y], random_state=0)
model = make_pipeline(StandardScaler(), SGDSigmoidMLP(random_state=0))
model.fit(X_train, y_train)

with tempfile.TemporaryDirectory() as folder:
    for dtype, limit in [(np.float32, 1e-6), (np.float64, 1e-12)]:
        rows = X_test.astype(dtype)
        # The graph has the type of these rows. The option is explained in the guide.
        onnx_model = to_onnx(model, rows[:1], options={"zipmap": False})
        file = f"{rows.dtype}.onnx"
        Path(folder, file).write_bytes(onnx_model.SerializeToString())
        np.save(f"{folder}/X_{file}.npy", rows)
        command = [sys.executable, "-c", SERVE, folder, file]
        subprocess.run(command, check=True)
        served = np.load(f"{folder}/served.npz")
        same = np.array_equal(served["labels"], model.predict(rows))
        off = np.abs(served["probabilities"] - model.predict_proba(rows)).max()
        size = Path(folder, file).stat().st_size / 1000
        print(
            f"{file}, {size:.1f} kB: labels the same: {same}, probabilities within "
            f"{off:.0e}, accuracy {(served['labels'] == y_test).mean():.3f}"
        )
        if not same or off > limit:
            raise SystemExit("the server's predictions differ from the model's")
