"""Data frames of pandas and of polars: feature names are kept and checked.

Needs pandas and polars: python -m pip install pandas polars
"""

try:
    import pandas  # noqa: F401
    import polars as pl
except ImportError as error:
    raise SystemExit(
        "This example needs pandas and polars: python -m pip install pandas polars"
    ) from error
from sklearn.datasets import load_wine

from skbackprop import SGDSigmoidMLP

X, y = load_wine(return_X_y=True, as_frame=True)
X = (X - X.mean()) / X.std()
model = SGDSigmoidMLP(random_state=0).fit(X, y)
print("features:", *model.feature_names_in_[:3], "...")
print(f"accuracy on the pandas frame: {model.score(X, y):.3f}")

frame = pl.DataFrame({name: X[name].to_numpy() for name in X.columns})
print(f"accuracy on the polars frame: {model.score(frame, y):.3f}")

try:
    model.predict(X.rename(columns={"alcohol": "ethanol"}))
except ValueError as error:
    print("a renamed column:", *str(error).split("\n")[:3])
