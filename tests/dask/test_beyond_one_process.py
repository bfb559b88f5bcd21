"""Searches on a cluster, and data that do not fit into memory."""

import joblib
import numpy as np
import pytest
from helpers import assert_same_bits
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

ESTIMATORS = [SGDSigmoidMLP, SGDSigmoidMLPRegressor]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_search_on_a_cluster_finds_the_same_bits(Estimator, iris, client):
    grid = {
        "learning_rate_init": [0.3, 3.0],
        "hidden_layer_sizes": [(), (5,)],
        "batch_size": [10, "full"],
    }
    search = GridSearchCV(Estimator(max_iter=5, random_state=0), grid, cv=2)
    search.fit(*iris)
    expected = search.cv_results_
    # joblib 1.2 has only parallel_backend.
    on = getattr(joblib, "parallel_config", joblib.parallel_backend)
    with on("dask"):
        search.fit(*iris)
    assert search.n_jobs is None
    for key, values in search.cv_results_.items():
        if "time" not in key:
            assert_array_equal(values, expected[key])


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_dask_ml_passes_the_blocks_of_an_array_to_partial_fit(Estimator, iris, client):
    da = pytest.importorskip("dask.array")
    wrappers = pytest.importorskip("dask_ml.wrappers")
    X, y = iris
    classes = {"classes": [0, 1, 2]} if Estimator is SGDSigmoidMLP else {}
    # The first block of a stream does not show the whole range.
    settings = {} if classes else {"target_range": (0.0, 2.0)}
    model = Estimator((5,), random_state=0, **settings)
    blocks = da.from_array(X, chunks=(50, -1)), da.from_array(y, chunks=50)
    wrapped = wrappers.Incremental(model, shuffle_blocks=False)
    wrapped.fit(*blocks, **classes)
    predicted = wrapped.predict(blocks[0]).compute()
    for rows in (slice(0, 50), slice(50, 100), slice(100, 150)):
        model.partial_fit(X[rows], y[rows], **classes)
    assert_same_bits(wrapped.estimator_, model)
    assert_allclose(predicted, model.predict(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_memory_map_trains_like_any_other_array(iris, tmp_path):
    X, y = iris
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    model = SGDSigmoidMLP((5,), max_iter=3, random_state=0)
    from_file = SGDSigmoidMLP((5,), max_iter=3, random_state=0).fit(mapped, y)
    assert_same_bits(from_file, model.fit(X, y))
    assert_array_equal(from_file.predict(mapped), model.predict(X))


def test_a_stream_of_parquet_files_trains_like_its_rows(iris, tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    dataset = pytest.importorskip("pyarrow.dataset")
    X, y = iris
    names = ["a", "b", "c", "d"]
    columns = dict(zip(names, X.T, strict=True)) | {"label": y}
    for k in range(3):
        rows = {name: column[k::3] for name, column in columns.items()}
        parquet.write_table(pa.table(rows), tmp_path / f"{k}.parquet")

    model = SGDSigmoidMLP((5,), batch_size=10, random_state=0)
    files = dataset.dataset(tmp_path)
    for batch in files.to_batches(batch_size=40):
        rows = np.column_stack([batch[name].to_numpy() for name in names])
        model.partial_fit(rows, batch["label"].to_numpy(), classes=[0, 1, 2])

    expected = SGDSigmoidMLP((5,), batch_size=10, random_state=0)
    for k in range(3):
        for start in (0, 40):
            rows = np.arange(k, 150, 3)[start : start + 40]
            expected.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert_same_bits(model, expected)
