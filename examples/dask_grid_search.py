"""Search η and the layer sizes on a Dask cluster.

    python examples/dask_grid_search.py [scheduler]

Without an argument, it starts a cluster of two processes on this machine. Given the
address of a scheduler, such as tcp://host:8786, it uses the workers of that scheduler.
The script and the workers need the extra `dask`, python -m pip install ".[dask]", and
joblib 1.3 or newer.
"""

import sys
import time

import joblib
from distributed import Client, LocalCluster
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP

GRID = {
    "sgdsigmoidmlp__learning_rate_init": [5.0, 10.0, 20.0],
    "sgdsigmoidmlp__hidden_layer_sizes": [(30,), (60,)],
}


def search_on(client):
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=0
    )
    network = SGDSigmoidMLP(batch_size=10, random_state=0)
    search = GridSearchCV(make_pipeline(StandardScaler(), network), GRID, cv=3)
    start = time.perf_counter()
    with joblib.parallel_config(backend="dask", client=client):
        search.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    candidates = len(search.cv_results_["params"])
    workers = len(client.nthreads())
    print(f"{candidates} candidates in 3 folds, {workers} workers: {seconds:.1f} s")
    best = search.best_estimator_[-1]
    print(f"best learning_rate_init: {best.learning_rate_init}")
    print(f"best hidden_layer_sizes: {best.hidden_layer_sizes}")
    print(f"accuracy in cross-validation: {search.best_score_:.3f}")
    print(f"accuracy on the test images: {search.score(X_test, y_test):.3f}")


def main():
    if len(sys.argv) > 1:
        with Client(sys.argv[1]) as client:
            search_on(client)
        return
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        search_on(client)


if __name__ == "__main__":
    main()
