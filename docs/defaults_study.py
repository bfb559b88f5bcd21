"""The study behind the defaults: many data sets, our estimators and their peers.

    python -m pip install ".[study]"
    python docs/defaults_study.py choose      # or: confirm, alternatives, depth, seeds

Every figure is the mean of a cross-validation (3 folds; 5 in `seeds`) with nothing
set, except in `depth`, which uses one split. Inputs are scaled by a `StandardScaler`,
except text. The regression peers need a scaled `y` and get one. The score is the
accuracy, the area under the ROC curve for imbalanced sets, or R² for numbers. `choose`
and `confirm` write `docs/defaults_study.json`, from which `docs/defaults_page.py` makes
the tables and the picture of `docs/defaults.md`.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
from defaults_sets import CHOOSE, CONFIRM, DataSet
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, RidgeCV, SGDClassifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop._estimators import base
from skbackprop._training.initial_values import initial_parameters

RESULTS = Path(__file__).with_suffix(".json")


def sgd(**parameters):
    """Settings that make a peer like ours; its η was found on the choosing sets."""
    return {"solver": "sgd", "activation": "logistic", **parameters}


def of_scaled_y(estimator):
    return TransformedTargetRegressor(estimator, transformer=StandardScaler())


PEERS = {
    "classes": {
        "Adam": MLPClassifier(random_state=0),
        "sgd": MLPClassifier(**sgd(learning_rate_init=0.1), random_state=0),
        "linear": LogisticRegression(max_iter=1000),
    },
    "numbers": {
        "Adam": of_scaled_y(MLPRegressor(random_state=0)),
        "sgd": of_scaled_y(
            MLPRegressor(**sgd(learning_rate_init=0.01), random_state=0)
        ),
        "linear": RidgeCV(np.logspace(-3, 3, 7)),
    },
}
PEERS["imbalanced"] = PEERS["classes"]
PEERS["text"] = {**PEERS["classes"], "linear": SGDClassifier(random_state=0)}


def ours(kind: str, seed: int = 0, **parameters):
    """Our estimator for this kind of targets."""
    estimator = SGDSigmoidMLPRegressor if kind == "numbers" else SGDSigmoidMLP
    return estimator(random_state=seed, **parameters)


def evaluate(data: DataSet, estimator, n_folds: int = 3, seed: int = 0) -> dict:
    """Find the mean score, the mean seconds of a fit, and how many fits warned."""
    X, y = data.load()
    folds = KFold if data.kind == "numbers" else StratifiedKFold
    score = {"numbers": "r2", "imbalanced": "roc_auc"}.get(data.kind, "accuracy")
    scorer = get_scorer(score)
    scores, seconds, warned = [], [], 0
    for train, test in folds(n_folds, shuffle=True, random_state=seed).split(X, y):
        model = clone(estimator)
        if data.kind != "text":
            model = make_pipeline(StandardScaler(), model)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            began = time.perf_counter()
            try:
                model.fit(X[train], y[train])
                scores.append(scorer(model, X[test], y[test]))
            except ValueError:  # the peer's weights are no longer finite
                scores.append(-1.0)
            seconds.append(time.perf_counter() - began)
        warned += bool(found)
    return {
        "score": float(np.mean(scores)),
        "seconds": float(np.mean(seconds)),
        "warned": warned,
    }


def many(jobs: list[tuple]) -> list:
    return Parallel()(delayed(evaluate)(*job) for job in jobs)


def part(name: str, sets: list[DataSet], again: bool) -> None:
    """Evaluate our estimators and their peers on a part of the sets; save that."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known = {} if again else results.get(name, {})
    jobs = [
        (data, who, estimator)
        for data in sets
        for who, estimator in {"ours": ours(data.kind), **PEERS[data.kind]}.items()
        if who == "ours" or who not in known.get(data.name, {})
    ]
    found = many([(data, estimator) for data, _, estimator in jobs])
    new: dict = {}
    for data in sets:
        new[data.name] = {"kind": data.kind, **known.get(data.name, {})}
    for (data, who, _), result in zip(jobs, found, strict=True):
        new[data.name][who] = result
    results[name] = new
    RESULTS.write_text(json.dumps(results, indent=1))
    for data in sets:
        row = new[data.name]
        cells = [
            f"{who} {row[who]['score']:.3f} ({row[who]['seconds']:.2f} s)"
            for who in ("ours", "Adam", "sgd", "linear")
        ]
        print(f"{data.name:30} {'  '.join(cells)}  warned {row['ours']['warned']}")
    print_summary(new)


def gaps(rows: dict, kinds: tuple[str, ...], to: Callable) -> np.ndarray:
    """Our scores minus those of a peer, limited to differences of 1."""
    found = [row for row in rows.values() if row["kind"] in kinds]
    return np.array([max(-1, min(1, r["ours"]["score"] - to(r))) for r in found])


CLASSES, NUMBERS = ("classes", "imbalanced", "text"), ("numbers",)
TO = {
    "Adam": lambda row: row["Adam"]["score"],
    "sgd": lambda row: row["sgd"]["score"],
    "the better of both": lambda row: max(row["Adam"]["score"], row["sgd"]["score"]),
    "the worse of both": lambda row: min(row["Adam"]["score"], row["sgd"]["score"]),
    "the better of linear and sgd": lambda row: max(
        row["linear"]["score"], row["sgd"]["score"]
    ),
}


def print_summary(rows: dict) -> None:
    for kinds in (CLASSES, NUMBERS):
        for who, to in TO.items():
            gap = gaps(rows, kinds, to)
            print(
                f"{kinds[0]:8} to {who:30} mean {gap.mean():+.4f}, "
                f"more than 0.02 behind: {np.mean(gap < -0.02):.0%} of {len(gap)}"
            )
    for who in ("ours", "Adam", "sgd", "linear"):
        total = sum(row[who]["seconds"] for row in rows.values())
        print(f"seconds of a fit, all sets: {who} {total:.1f}")


ALTERNATIVES = {
    "the defaults": {},
    "n_iter_no_change=10": {"n_iter_no_change": 10},
    "tol=5e-6": {"tol": 5e-6},
    "batch_size=8": {"batch_size": 8},
    "batch_size=32": {"batch_size": 32},
    "early_stopping=False": {"early_stopping": False},
    "early_stopping=True": {"early_stopping": True},
}


def without_centre(units, dtype, random_state, output_deviation):
    """1/√n_in in every layer and N(0, 1) for the hidden biases."""
    coefs, intercepts = [], []
    for n_in, n_out in pairwise(units):
        coefs.append(random_state.normal(0, 1 / np.sqrt(n_in), (n_in, n_out)))
        intercepts.append(random_state.normal(0, 1, n_out))
    intercepts[-1][:] = 0
    return [W.astype(dtype) for W in coefs], [b.astype(dtype) for b in intercepts]


def wide_first_layer(units, dtype, random_state, output_deviation):
    """2/√n_in in the first layer without biases, 4/√n_in in all others."""
    coefs, intercepts = initial_parameters(units, dtype, random_state, 4.0)
    return [2 * coefs[0], *coefs[1:]], [0 * intercepts[0], *intercepts[1:]]


INITIAL = {
    "initial values 1/√n_in everywhere": without_centre,
    "initial values 2/√n_in, 4/√n_in": wide_first_layer,
}


@contextmanager
def starting_from(function):
    """Use other initial values, in the one place where a study can replace them."""
    base.initial_parameters = function
    try:
        yield
    finally:
        base.initial_parameters = initial_parameters


def of_initial_values(function, data: DataSet) -> dict:
    with starting_from(function):
        return evaluate(data, ours(data.kind))


def alternatives() -> None:
    """Print the mean change of the score on the choosing sets for each alternative."""
    # Text takes too long, and with outliers the score is a matter of chance.
    sets = [data for data in CHOOSE if data.kind != "text" and "out" not in data.name]
    rows = {
        name: many([(data, ours(data.kind, **parameters)) for data in sets])
        for name, parameters in ALTERNATIVES.items()
    }
    for name, function in INITIAL.items():
        rows[name] = Parallel()(
            delayed(of_initial_values)(function, data) for data in sets
        )
    reference = np.array([result["score"] for result in rows["the defaults"]])
    numbers = np.array([data.kind == "numbers" for data in sets])
    for name, results in rows.items():
        change = np.array([result["score"] for result in results]) - reference
        worse = change < -0.02
        seconds = np.array([result["seconds"] for result in results])
        cells = [
            f"{change[of].mean():+.4f}, {worse[of].mean():.0%}, "
            f"{seconds[of].sum():.1f} s"
            for of in (~numbers, numbers)
        ]
        print(f"| `{name}` | {' | '.join(cells)} |", flush=True)


def depth() -> None:
    """Digits with one to six hidden layers."""
    X, y = load_digits(return_X_y=True)
    split = train_test_split(scale(X), y, train_size=1300, random_state=0)
    X_train, X_test, y_train, y_test = split
    warnings.simplefilter("ignore")
    for name, function in {"now": initial_parameters, **INITIAL}.items():
        with starting_from(function):
            scores = [
                SGDSigmoidMLP((30,) * layers, random_state=0)
                .fit(X_train, y_train)
                .score(X_test, y_test)
                for layers in range(1, 7)
            ]
        print(f"| {name} | {' | '.join(f'{s:.3f}' for s in scores)} |", flush=True)


def seeds() -> None:
    """Print the mean and the worst seed of the first five sets: 5 folds, 5 seeds."""
    first = ("iris", "wine", "breast_cancer", "digits", "diabetes")
    for data in (data for data in CHOOSE if data.name in first):
        jobs = [(data, ours(data.kind, seed), 5, seed) for seed in range(5)]
        found = [result["score"] for result in many(jobs)]
        print(f"| {data.name} | {np.mean(found):.3f} ({min(found):.3f}) |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tables = {
        "choose": lambda again: part("choose", CHOOSE, again),
        "confirm": lambda again: part("confirm", CONFIRM, again),
        "alternatives": lambda _: alternatives(),
        "depth": lambda _: depth(),
        "seeds": lambda _: seeds(),
    }
    parser.add_argument("table", choices=tables)
    parser.add_argument("--again", action="store_true", help="repeat the peers too")
    options = parser.parse_args()
    # Two fits at a time, each on one thread, including those of the peers.
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        tables[options.table](options.again)


if __name__ == "__main__":
    main()
