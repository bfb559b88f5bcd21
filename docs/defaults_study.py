"""The study behind the defaults of both estimators; prints the tables of defaults.md.

    python docs/defaults_study.py [--seeds 5]

Every row is a 5-fold cross-validation of `make_pipeline(StandardScaler(), estimator)`,
repeated over seeds: mean score over seeds, lowest score of a seed, seconds a fit.
Folds are shuffled anew with each seed (stratified for classes), the same for all rows.
"""

import argparse
import warnings
from itertools import pairwise

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop._estimators import base
from skbackprop._training.initial_values import initial_parameters

CLASSES = {
    "iris": load_iris,
    "wine": load_wine,
    "breast_cancer": load_breast_cancer,
    "digits": load_digits,
}
NUMBERS = {"diabetes": load_diabetes}


def evaluate(estimator, load, seeds):
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = load(return_X_y=True)
    scores, seconds = [], []
    for seed in range(seeds):
        folds = KFold if load is load_diabetes else StratifiedKFold
        cv = folds(5, shuffle=True, random_state=seed)
        model = make_pipeline(StandardScaler(), estimator.set_params(random_state=seed))
        result = cross_validate(model, X, y, cv=cv)
        scores.append(result["test_score"].mean())
        seconds.append(result["fit_time"].mean())
    return f"{np.mean(scores):.3f} ({min(scores):.3f}), {np.median(seconds):.2f} s"


def table(title, sets, rows, seeds):
    print(f"\n### {title}\n\n| | {' | '.join(sets)} |\n|---|{'---|' * len(sets)}")
    for name, estimator in rows.items():
        cells = [evaluate(estimator, load, seeds) for load in sets.values()]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def classifiers(**grid):
    ((name, values),) = grid.items()
    return {f"`{name}={v!r}`": SGDSigmoidMLP(**{name: v}) for v in values}


def regressors(**grid):
    ((name, values),) = grid.items()
    return {f"`{name}={v!r}`": SGDSigmoidMLPRegressor(**{name: v}) for v in values}


STUDY = [
    (
        "The defaults and their peers",
        CLASSES,
        {"`SGDSigmoidMLP()`": SGDSigmoidMLP(), "`MLPClassifier()`": MLPClassifier()},
    ),
    (
        "The defaults and their peers, regression",
        NUMBERS,
        {
            "`SGDSigmoidMLPRegressor()`": SGDSigmoidMLPRegressor(),
            "`MLPRegressor()`": MLPRegressor(),
            "`MLPRegressor(max_iter=2000)`": MLPRegressor(max_iter=2000),
        },
    ),
    (
        "One η for every number of outputs",
        CLASSES,
        classifiers(learning_rate_init=[1.0, 3.0, 5.0, 10.0, "auto"]),
    ),
    (
        "Wide layers: η in proportion to the outputs only, and also to the width",
        CLASSES,
        {
            f"`({width},)`, {name}": SGDSigmoidMLP((width,), learning_rate_init=eta)
            for width in (30, 100, 500)
            for name, eta in (("η = 3", 3.0), ('η = "auto"', "auto"))
        },
    ),
    ("Rows of a batch", CLASSES, classifiers(batch_size=[10, 32, 100])),
    ("Stopping", CLASSES, classifiers(tol=[1e-4, 2e-5, 5e-6, 1e-6])),
    (
        "η of the regressor",
        NUMBERS,
        regressors(learning_rate_init=[0.02, 0.05, 0.1, 0.2, 0.5, 3.0]),
    ),
    ("Stopping of the regressor", NUMBERS, regressors(tol=[1e-4, 2e-5, 5e-6, 1e-6])),
]


def without_biases(units, dtype, random_state):
    coefs, intercepts = initial_parameters(units, dtype, random_state)
    return coefs, [0 * b for b in intercepts]


def uniform(units, dtype, random_state):
    """MLPClassifier's, for sigmoids."""
    coefs, intercepts = [], []
    for n_in, n_out in pairwise(units):
        bound = np.sqrt(2 / (n_in + n_out))
        shapes = ((n_in, n_out), n_out)
        W, b = (random_state.uniform(-bound, bound, shape) for shape in shapes)
        coefs.append(W.astype(dtype))
        intercepts.append(b.astype(dtype))
    return coefs, intercepts


INITIALISATIONS = {
    "normal, hidden biases too": initial_parameters,
    "normal, no biases": without_biases,
    "uniform": uniform,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    # One process, so that the seconds are those of an undisturbed fit.
    for title, sets, rows in STUDY:
        table(title, sets, rows, options.seeds)
    for name, function in INITIALISATIONS.items():
        # The one place where a study can put another initialisation in.
        base.initial_parameters = function
        title = f"Initial parameters: {name}"
        table(title, CLASSES, {"`SGDSigmoidMLP()`": SGDSigmoidMLP()}, options.seeds)
        regressor = {"`SGDSigmoidMLPRegressor()`": SGDSigmoidMLPRegressor()}
        table(title, NUMBERS, regressor, options.seeds)


if __name__ == "__main__":
    main()
