"""
Regression, and the range of a sigmoid
======================================

A sigmoid outputs numbers between 0 and 1. ``SGDSigmoidMLPRegressor`` maps the targets
to activations, ``target_range`` to 0.1 and 0.9, and predictions back.
"""

# %%
# The target of the diabetes data measures how the disease went on within a year; it
# goes from 25 to 346. Targets need no scaling, inputs do.

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
# Predicted against measured values. Much of the disease is not in these ten inputs.

figure, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
PredictionErrorDisplay.from_estimator(
    model, X_test, y_test, kind="actual_vs_predicted", ax=ax
)

# %%
# The activations 0 and 1 are never reached, so predictions stay within an eighth of the
# range beyond its ends, whatever the input. To see it, one input is enough: the body
# mass index, from far below to far above what the data have. Dotted lines are the ends
# of what each network can say. The narrow range is too narrow: the curve sticks to its
# ends, and a warning from ``fit`` says that many targets cannot be reached. The
# automatic one suits these rows; a wider one leaves room for patients that are yet to
# come.

import warnings

# sphinx_gallery_thumbnail_number = 2
bmi = StandardScaler().fit_transform(X[:, [2]])
grid = np.linspace(-6, 8, 300).reshape(-1, 1)
figure, ax = plt.subplots(figsize=(7.5, 4.8), layout="constrained")
ax.scatter(bmi, y, s=8, color="gray", alpha=0.6, label="patients")
for target_range, color in [
    ((100, 200), "#1480CC"),
    ("auto", "#D55E00"),
    ((0, 500), "#009E73"),
]:
    network = SGDSigmoidMLPRegressor(
        (20,), target_range=target_range, learning_rate_init=1.0, random_state=0
    )
    with warnings.catch_warnings():
        # It says that y has values which the narrow range cannot reach.
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
plt.show()
