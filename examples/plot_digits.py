"""
Digits, end to end
==================

From images to a tested and saved model, the usual way with scikit-learn: look at the
data, split, search, test, look at the mistakes, save.
"""

# %%
# The data are 1797 images of handwritten digits. Each is a row of 64 numbers from 0 to
# 16, the 8 × 8 pixels. A quarter is set aside for the test at the end.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)


def show(axes, images, titles):
    for ax, image, title in zip(axes.flat, images, titles, strict=False):
        ax.imshow(image.reshape(8, 8), cmap="gray_r")
        ax.set_title(title, fontsize=10)
        ax.set(xticks=[], yticks=[])


figure, axes = plt.subplots(2, 8, figsize=(8, 2.9), layout="constrained")
show(axes, X_train, y_train)
figure.suptitle("Sixteen of the training images, with their labels")

# %%
# The network is the last step of a pipeline. The scaler before it learns the mean and
# the deviation of each pixel from the training rows only, also within each fold of the
# search.
#
# The two parameters most worth a search are the step size η, ``learning_rate_init``,
# and the sizes of the hidden layers. The cost is an average over the ten output
# neurons, so an η of 10 here corresponds to 1 in a textbook that sums over them.

from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP

network = SGDSigmoidMLP(max_iter=400, random_state=0)
pipeline = make_pipeline(StandardScaler(), network)
grid = {
    "sgdsigmoidmlp__learning_rate_init": [3.0, 10.0, 30.0],
    "sgdsigmoidmlp__hidden_layer_sizes": [(30,), (100,)],
}
search = GridSearchCV(pipeline, grid, cv=3).fit(X_train, y_train)
results = search.cv_results_
for eta, layers, score in zip(
    results["param_sgdsigmoidmlp__learning_rate_init"],
    results["param_sgdsigmoidmlp__hidden_layer_sizes"],
    results["mean_test_score"],
    strict=True,
):
    print(f"η = {eta:4}, hidden layers {layers!s:6}: accuracy {score:.3f}")

# %%
# With a hundred hidden neurons, an η of 30 is too large. The search has fitted the best
# candidate to all training rows. This is its accuracy on images that neither the
# training nor the search has seen:

print(f"accuracy on the test images: {search.score(X_test, y_test):.3f}")

# %%
# The network is the last step of the best pipeline. Its loss falls quickly at first,
# then slowly, until it no longer improves:

from skbackprop.inspection import LossCurveDisplay

network = search.best_estimator_[-1]
display = LossCurveDisplay.from_estimator(network)
display.ax_.set_title(f"Loss: {network.n_iter_} epochs, then no improvement")

# %%
# Which digits does it confuse? A row is a true digit, a column a prediction. Everything
# off the diagonal is a mistake.

from sklearn.metrics import ConfusionMatrixDisplay

figure, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
ConfusionMatrixDisplay.from_estimator(
    search, X_test, y_test, cmap="Blues", colorbar=False, ax=ax
)
ax.set_title("Confusion matrix of the test images")

# %%
# These are the mistakes. Above each image are the true digit, the network's answer and
# the probability that it gave to this answer. Many are hard for a person too.

predicted = search.predict(X_test)
confidence = search.predict_proba(X_test).max(axis=1)
wrong = predicted != y_test
figure, axes = plt.subplots(2, 6, figsize=(8, 3.8), layout="constrained")
figure.suptitle("Mistakes on the test images")
for ax in axes.flat:
    ax.axis("off")
show(
    axes,
    X_test[wrong],
    [
        f"{true}, not {answer} ({sure:.0%})"
        for true, answer, sure in zip(
            y_test[wrong], predicted[wrong], confidence[wrong], strict=True
        )
    ],
)
plt.show()

# %%
# The whole pipeline, scaler included, is saved as one file. It predicts the same after
# loading, even in another process. Such a file runs code when it is loaded: load only
# files that you trust.

import tempfile
from pathlib import Path

import joblib

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder, "digits.joblib")
    joblib.dump(search.best_estimator_, file)
    loaded = joblib.load(file)
    print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")
print("the same predictions:", (loaded.predict(X_test) == predicted).all())
