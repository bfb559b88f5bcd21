"""
Digits, end to end
==================

From images to a tested and saved model, the usual way with scikit-learn: look at the
data, split, search, test, look at the mistakes, save.
"""

# %%
# The data are 1797 images of handwritten digits, 8 × 8 pixels from 0 to 16, each a row
# of 64 numbers. A quarter is put aside for the test at the end.

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


figure, axes = plt.subplots(2, 8, figsize=(8, 2.6), layout="constrained")
show(axes, X_train, y_train)

# %%
# The network is the last step of a pipeline. The scaler before it learns the mean and
# the deviation of each pixel from the training rows only, in each fold of the search
# too.
#
# The two parameters most worth a search are the step size η, ``learning_rate_init``,
# and the sizes of the hidden layers. The cost is an average over the ten output
# neurons, so an η of 10 here is the 1 of a textbook that sums over them.

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
# With a hundred hidden neurons, an η of 30 is too large. The best candidate has been
# fitted to all training rows. Its accuracy on images that neither the training nor the
# search has seen:

print(f"accuracy on the test images: {search.score(X_test, y_test):.3f}")

# %%
# The network is a step of the best pipeline. Its loss fell until it improved no more:

from skbackprop.inspection import LossCurveDisplay

network = search.best_estimator_[-1]
display = LossCurveDisplay.from_estimator(network)
display.ax_.set_title(f"{network.n_iter_} epochs, then no improvement")

# %%
# Which digits are taken for which? A row is a true digit, a column a prediction.

from sklearn.metrics import ConfusionMatrixDisplay

figure, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
ConfusionMatrixDisplay.from_estimator(
    search, X_test, y_test, cmap="Blues", colorbar=False, ax=ax
)

# %%
# The mistakes themselves, with the probability that the network gave to its answer.
# Many are hard for a person too.

predicted = search.predict(X_test)
confidence = search.predict_proba(X_test).max(axis=1)
wrong = predicted != y_test
figure, axes = plt.subplots(2, 6, figsize=(8, 3.4), layout="constrained")
for ax in axes.flat:
    ax.axis("off")
show(
    axes,
    X_test[wrong],
    [
        f"a {true}? says {said}, {sure:.0%}"
        for true, said, sure in zip(
            y_test[wrong], predicted[wrong], confidence[wrong], strict=True
        )
    ],
)
plt.show()

# %%
# The whole pipeline is saved as one file, scaler and all, and predicts the same when it
# is loaded, in another process too. Such a file runs code when it is loaded: load only
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
