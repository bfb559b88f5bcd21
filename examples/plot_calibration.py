"""
Probabilities: squared error against log-loss
=============================================

Is something that a network calls 80 % likely true in 80 % of the cases? Squared error and
log-loss are both proper scores: on average each is least where the network says the
probability. Here both train the same network on the same rows.
"""

# %%
# The classes of these data overlap, and a tenth of the labels is wrong, so nobody can be sure of anything.
# ``MLPClassifier`` minimises the log-loss; it has sigmoid hidden neurons here, as many.

import matplotlib.pyplot as plt
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP

X, y = make_classification(
    20_000, n_informative=5, flip_y=0.1, class_sep=0.6, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=4_000, random_state=0
)
models = {
    "squared error, SGDSigmoidMLP": SGDSigmoidMLP(
        (20,), early_stopping=True, random_state=0
    ),
    "log-loss, MLPClassifier": MLPClassifier(
        (20,), activation="logistic", early_stopping=True, max_iter=500, random_state=0
    ),
}
for name, model in models.items():
    models[name] = make_pipeline(StandardScaler(), model).fit(X_train, y_train)

# %%
# Above, each point is a group of test rows with similar predictions: on the diagonal, what
# is predicted happens as often as it is predicted. Below, how often each probability is
# given.

figure, (above, below) = plt.subplots(
    2,
    1,
    figsize=(6, 7),
    sharex=True,
    height_ratios=[3, 1],
    layout="constrained",
)
for (name, model), marker, color in zip(
    models.items(), "os", ("#0072B2", "#D55E00"), strict=True
):
    CalibrationDisplay.from_estimator(
        model, X_test, y_test, n_bins=10, name=name, marker=marker, color=color, ax=above
    )
    p = model.predict_proba(X_test)[:, 1]
    below.hist(p, bins=40, range=(0, 1), histtype="step", color=color, label=name)
    print(f"{name}:")
    print(f"    accuracy {accuracy_score(y_test, p > 0.5):.3f}", end=", ")
    print(f"Brier score {brier_score_loss(y_test, p):.4f}", end=", ")
    print(f"log-loss {log_loss(y_test, p):.4f}")
above.set(xlabel="", ylabel="part of them that is true")
below.set(xlabel="predicted probability", ylabel="test rows")
