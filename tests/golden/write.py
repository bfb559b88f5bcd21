"""Write the golden files of this version: `python tests/golden/write.py`.

Run it once for each release, in an environment with the oldest supported versions
(`.ci/oldest.txt`): all later versions can read what they write. The files stay for
ever; tests/estimators/test_persistence.py loads them all.
"""

import sys
import warnings
from pathlib import Path

import numpy as np

import skbackprop
from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

HERE = Path(__file__).parent
# Of pickle's protocols, only 4, the default of Python 3.11.
KEPT = ("pickle4", "cloudpickle", "joblib", "skops")
sys.path.insert(0, str(HERE.parent))
from saving import FORMATS  # noqa: E402, found only on the changed path


def models():
    """Small fitted models of every kind, and the inputs that they saw."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)).astype(np.float32)
    sums = X.sum(axis=1)
    few = {"max_iter": 5, "random_state": 0}
    binary = SGDSigmoidMLP((4,), momentum=0.5, **few)
    yield "binary", binary.fit(X, sums > 0), X
    many = SGDSigmoidMLP((4, 3), early_stopping=True, class_weight={"b": 2.0}, **few)
    X = X.astype(np.float64)
    letters = np.array(["a", "b", "c"])[np.digitize(sums, [-1, 1])]
    yield "many_classes", many.fit(X, letters), X
    labels = SGDSigmoidMLP((), **few)
    yield "labels", labels.fit(X, (X > 0).astype(int)), X
    numbers = SGDSigmoidMLPRegressor(4, target_range=(-9, 9), **few)
    yield "numbers", numbers.fit(X, np.column_stack([sums, -X[:, 0]])), X


def outputs(model, X):
    """The model's outputs for these rows, by the names of its methods."""
    names = ("predict", "predict_proba", "decision_function")
    return {name: getattr(model, name)(X) for name in names if hasattr(model, name)}


def main():
    folder = HERE / skbackprop.__version__
    folder.mkdir(exist_ok=True)
    for kind, model, X in models():
        np.savez(folder / f"{kind}.npz", X=X[:10], **outputs(model, X[:10]))
        for format_name in KEPT:
            data = FORMATS[format_name].dump(model)
            (folder / f"{kind}.{format_name}").write_bytes(data)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # five epochs are too few
    main()
