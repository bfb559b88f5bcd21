"""
Probabilities: squared error against log-loss
=============================================

If a network calls something 80 % likely, is it true in 80 % of the cases? Squared error
and log-loss are both proper scores: on average, each is smallest when the output equals
the true probability. Here both train the same network on the same rows.
"""

# %%
# A tenth of these labels is drawn at random, so nobody can be sure of them.
# ``MLPClassifier`` minimises the log-loss. It has the same sigmoid hidden neurons here,
# and a step size at which both learn equally well in a hundred epochs.

import warnings

import matplotlib.pyplot as plt
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP

X, y = make_classification(
    30_000, n_informative=5, flip_y=0.1, class_sep=0.6, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=10_000, random_state=0
)
models = {
    "squared error (SGDSigmoidMLP)": SGDSigmoidMLP((20,), max_iter=100, random_state=0),
    "log-loss (MLPClassifier)": MLPClassifier(
        (20,),
        activation="logistic",
        learning_rate_init=0.01,
        max_iter=100,
        random_state=0,
    ),
}
warnings.simplefilter("ignore", ConvergenceWarning)  # a hundred epochs, no more
for name, model in models.items():
    models[name] = make_pipeline(StandardScaler(), model).fit(X_train, y_train)

# %%
# Above, each point is a group of test rows with similar predictions. On the diagonal,
# things happen as often as predicted. Below is how often each probability is
# predicted.

figure, (above, below) = plt.subplots(
    2,
    1,
    figsize=(6, 7),
    sharex=True,
    height_ratios=[3, 1],
    layout="constrained",
)
styles = [{"marker": "o", "color": "#0072B2"}, {"marker": "s", "color": "#E69F00"}]
for (name, model), style in zip(models.items(), styles, strict=True):
    CalibrationDisplay.from_estimator(
        model,
        X_test,
        y_test,
        n_bins=10,
        name=name,
        ax=above,
        **style,
    )
    p = model.predict_proba(X_test)[:, 1]
    below.hist(p, bins=40, range=(0, 1), histtype="step", color=style["color"])
    print(f"{name}:")
    print(f"    accuracy {accuracy_score(y_test, p > 0.5):.3f}", end=", ")
    print(f"Brier score {brier_score_loss(y_test, p):.4f}", end=", ")
    print(f"log-loss {log_loss(y_test, p):.4f}")
above.set(xlabel="", ylabel="fraction that is true")
below.set(xlabel="predicted probability", ylabel="test rows")
figure.suptitle("How often predictions come true, and how often each is made (below)")
plt.show()

# %%
# Both are right equally often, and equally good by the Brier score, the mean squared
# error of the probabilities. But the network trained on the squared error is more
# confident. It predicts more probabilities close to 0 and 1 (below), and at both ends
# the truth is less extreme than its predictions (above). A confident mistake costs it
# at most ½, while the log-loss has no limit. So the other network has the better
# log-loss.
#
# If probabilities matter, compare models by a score that suits your use of them, or
# calibrate: :class:`sklearn.calibration.CalibratedClassifierCV` takes this network like
# any other classifier.
