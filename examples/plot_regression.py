"""
Regression, and the range of a sigmoid
======================================

A sigmoid outputs numbers between 0 and 1. ``SGDSigmoidMLPRegressor`` maps the targets
to activations, so that the ends of ``target_range`` become 0.1 and 0.9. It maps its
predictions back.
"""

# %%
# The target of the diabetes data measures the progression of the disease within a year,
# from 25 to 346. Targets need no scaling; inputs do.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.metrics import PredictionErrorDisplay
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLPRegressor

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = make_pipeline(StandardScaler(), SGDSigmoidMLPRegressor(random_state=0))
model.fit(X_train, y_train)
low, high = model[-1].target_range_.ravel()
print(f"R² on the test rows: {model.score(X_test, y_test):.2f}")
print(f"target_range_: {low:.0f} to {high:.0f}, from the training rows")

# %%
# Each point is a test row. On the dashed diagonal, the prediction is right. The points
# follow it with a wide scatter: these ten inputs explain only part of the disease.

figure, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
PredictionErrorDisplay.from_estimator(
    model, X_test, y_test, kind="actual_vs_predicted", ax=ax
)
ax.set_title("Measured against predicted progression")

# %%
# A sigmoid never reaches 0 or 1. So predictions go at most an eighth of the range
# beyond its ends, whatever the input. One input is enough to see this: the body mass
# index, from far below to far above the data. Dotted lines mark the limits of what each
# network can predict.

import warnings

# sphinx_gallery_thumbnail_number = 2
bmi = StandardScaler().fit_transform(X[:, [2]])
grid = np.linspace(-6, 8, 300).reshape(-1, 1)
figure, ax = plt.subplots(figsize=(7.5, 4.8), layout="constrained")
ax.scatter(bmi, y, s=8, color="gray", alpha=0.6, label="patients")
for target_range, color in [
    ((100, 200), "#0072B2"),
    ("auto", "#E69F00"),
    ((0, 500), "#009E73"),
]:
    network = SGDSigmoidMLPRegressor(
        (20,), target_range=target_range, learning_rate_init=1.0, random_state=0
    )
    with warnings.catch_warnings():
        # fit warns that y has values which the narrow range cannot reach.
        warnings.simplefilter("ignore", UserWarning)
        network.fit(bmi, y)
    low, high = network.target_range_.ravel()
    margin = (high - low) / 8
    ax.plot(
        grid, network.predict(grid), color=color, linewidth=2, label=str(target_range)
    )
    for end in (low - margin, high + margin):
        ax.axhline(end, color=color, linestyle=":", linewidth=1)
ax.set(xlabel="body mass index, in standard deviations", ylabel="disease progression")
ax.legend(title="target_range")
ax.set_title("Three target ranges: each curve stays between its dotted lines")
plt.show()

# %%
# The narrow range is too narrow: its curve sticks to both ends, and ``fit`` warns that
# many targets cannot be reached. The automatic range suits these rows. The wide range
# leaves room for larger values than the training rows have.
