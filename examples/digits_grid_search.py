"""Search η and the layer sizes on the digits, save the winner, load it elsewhere.

    python examples/digits_grid_search.py

Needs nothing beyond the package; with matplotlib it also draws the loss curve.
"""

import subprocess
import sys
import time
from pathlib import Path

import joblib
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP

MODEL_FILE = Path("digits_model.joblib")
PICTURE_FILE = Path("digits_loss_curve.png")
GRID = {
    # The cost is an average over ten outputs: 10 here corresponds to 1 for a sum.
    "sgdsigmoidmlp__learning_rate_init": [2.5, 5.0, 10.0, 20.0],
    "sgdsigmoidmlp__hidden_layer_sizes": [(50,), (100,)],
}
PREDICT_ELSEWHERE = """
import sys, joblib
from sklearn.datasets import load_digits
model = joblib.load(sys.argv[1])
print(*model.predict(load_digits().data))
"""


def main():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=0
    )
    print(f"digits: {len(X_train)} images to learn from, {len(X_test)} to test on")

    network = SGDSigmoidMLP(batch_size=10, max_iter=300, random_state=0)
    pipeline = make_pipeline(StandardScaler(), network)
    search = GridSearchCV(pipeline, GRID, cv=5, n_jobs=2)
    start = time.perf_counter()
    search.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    candidates = len(search.cv_results_["params"])
    print(f"searched {candidates} candidates in 5 folds each: {seconds:.1f} s")
    best = search.best_estimator_[-1]
    print(f"best learning_rate_init: {best.learning_rate_init}")
    print(f"best hidden_layer_sizes: {best.hidden_layer_sizes}")
    print(f"accuracy in cross-validation: {search.best_score_:.3f}")
    print(f"accuracy on the test images: {search.score(X_test, y_test):.3f}")

    joblib.dump(search.best_estimator_, MODEL_FILE)
    print(f"saved {MODEL_FILE} ({MODEL_FILE.stat().st_size / 1000:.0f} kB)")
    command = [sys.executable, "-c", PREDICT_ELSEWHERE, MODEL_FILE]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    same = list(map(int, output.split())) == search.predict(X).tolist()
    print(f"a new process that loads it predicts the same: {same}")
    draw_loss_curve(best)


def draw_loss_curve(network):
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        print("no picture of the loss curve: matplotlib is not installed")
        return
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    axes.semilogy(range(1, network.n_iter_ + 1), network.loss_curve_)
    axes.set(
        title="SGDSigmoidMLP on the digits",
        xlabel="epoch",
        ylabel="mean cost of an example",
    )
    axes.grid(alpha=0.3)
    figure.savefig(PICTURE_FILE, dpi=120)
    print(f"drew {PICTURE_FILE}")


if __name__ == "__main__":
    main()
