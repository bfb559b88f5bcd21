"""Tuned against tuned: SGDSigmoidMLP and MLPClassifier searched over equal grids.

``python docs/benchmarks/tuned.py`` prints the table of "Coming from MLPClassifier".

The cross-validation is nested, so no row is used both to choose and to judge. In each
of 5 outer folds, GridSearchCV (5 inner folds) searches 16 candidates on each side, and
its winner is judged by its accuracy on the outer fold. The grids differ only in the
step size, because the costs differ: that of MLPClassifier is the log-loss, and ours has
the factor 1/n_L, so for ours η is searched as a multiple of n_L. Both searches of a
fold run one after the other in this process, on the same rows, and their times are
added up.
"""

import time
import warnings

import blas  # before numpy
import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP

DATA = {"digits": load_digits, "breast_cancer": load_breast_cancer, "wine": load_wine}
SHARED = {"hidden_layer_sizes": [(30,), (100,)], "batch_size": [32, 200]}
OURS = [0.1, 0.3, 1.0, 3.0]  # times n_L
THEIRS = [0.01, 0.03, 0.1, 0.3]


def search(model, step_sizes, seed):
    """A grid search over `model` behind a StandardScaler."""
    name = type(model).__name__.lower()
    grid = {f"{name}__{key}": values for key, values in SHARED.items()}
    grid[f"{name}__learning_rate_init"] = step_sizes
    inner = StratifiedKFold(5, shuffle=True, random_state=seed)
    return GridSearchCV(make_pipeline(StandardScaler(), model), grid, cv=inner)


def sides(n_classes, seed):
    """The searches of both sides, by name."""
    n_outputs = n_classes if n_classes > 2 else 1
    ours = SGDSigmoidMLP(random_state=seed)
    theirs = MLPClassifier(solver="sgd", activation="logistic", random_state=seed)
    return {
        "ours": search(ours, [c * n_outputs for c in OURS], seed),
        "theirs": search(theirs, THEIRS, seed),
    }


def main():
    """Print accuracies with their standard errors, and the times of the searches."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.filterwarnings("ignore", message="Got `batch_size`|batch_size=")
    print(f"scikit-learn {sklearn.__version__}, numpy {np.__version__}")
    print(blas.summary())
    print("| data | SGDSigmoidMLP | MLPClassifier | search time, s | ratio |")
    print("|---|---|---|---|---|")
    for name, load in DATA.items():
        X, y = load(return_X_y=True)
        scores = {"ours": [], "theirs": []}
        seconds = {"ours": 0.0, "theirs": 0.0}
        outer = StratifiedKFold(5, shuffle=True, random_state=0)
        for fold, (train, test) in enumerate(outer.split(X, y)):
            for side, model in sides(len(np.unique(y)), fold).items():
                start = time.perf_counter()
                model.fit(X[train], y[train])
                seconds[side] += time.perf_counter() - start
                scores[side].append(model.score(X[test], y[test]))
                print(f"  {name} {side}: {model.best_params_}", flush=True)
        cells = [
            f"{np.mean(s):.3f} ± {np.std(s, ddof=1) / np.sqrt(len(s)):.3f}"
            for s in scores.values()
        ]
        ours, theirs = seconds.values()
        times = f"{ours:.0f} / {theirs:.0f}"
        row = [name, *cells, times, f"{ours / theirs:.2f}"]
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
