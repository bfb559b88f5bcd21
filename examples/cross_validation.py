"""Cross-validate a pipeline, and clones of it with other layers, on four data sets."""

from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import SGDSigmoidMLP

pipeline = make_pipeline(StandardScaler(), SGDSigmoidMLP(max_iter=400, random_state=0))
print("accuracy in 5-fold cross-validation")
for layers in [(), (30,), (30, 30)]:
    candidate = clone(pipeline).set_params(sgdsigmoidmlp__hidden_layer_sizes=layers)
    for load in (load_iris, load_wine, load_breast_cancer, load_digits):
        X, y = load(return_X_y=True)
        scores = cross_val_score(candidate, X, y, cv=5, n_jobs=2)
        name = load.__name__.removeprefix("load_")
        print(f"layers {layers!s:9} {name:14} {scores.mean():.3f} ± {scores.std():.3f}")
