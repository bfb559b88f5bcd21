"""
One step of backpropagation, explained
======================================

What does one example change in a network, and why? A trace shows every quantity of the
derivation for it: forward to the cost, back to the errors, and from there to each
gradient and the update.
"""

# %%
# A small network learns a little of the iris flowers: four inputs, four hidden neurons
# and three outputs, one for each species.

import numpy as np
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from skbackprop import SGDSigmoidMLP

iris = load_iris()
X, y = scale(iris.data), iris.target_names[iris.target]
model = SGDSigmoidMLP((4,), batch_size=1, learning_rate_init=1.0, random_state=0)
for _ in range(3):
    model.partial_fit(X, y, classes=np.unique(y))
print(f"accuracy after three epochs: {model.score(X, y):.2f}")

# %%
# It takes this flower, a versicolor, for a virginica:

flower = 70
for name, probability in zip(
    model.classes_, model.predict_proba(X[[flower]])[0], strict=True
):
    print(f"{name:10} {probability:.2f}")

# %%
# :func:`~skbackprop.inspection.backprop_trace` sends it through the network and back.
# As the last line of a cell, the trace shows itself as a page;
# ``trace.to_html("step.html")`` writes the same as a file. Read it from the top: the
# cost and how it changes with the outputs, then layer by layer from the last to the
# first.

from skbackprop.inspection import backprop_trace

trace = backprop_trace(model, X[flower], y[flower])
trace

# %%
# Every number of it is an array of the trace, in the shapes of the derivation: vectors
# are columns, the rows of a matrix belong to the neurons that its weights lead to.
# Lists begin with layer 1, but that of the activations with layer 0, the input.

print("errors δ of the outputs:", trace.delta[-1].ravel().round(4))
print("∇W of the last layer:", trace.grad_W[-1].round(4), sep="\n")

# %%
# Any weight has its own explanation, the chain rule in words and numbers. Here is one
# into a *hidden* neuron. It has no expected activation to be compared with; its share
# in the cost is the sum over the neurons that it feeds:

print(trace.explain(layer=1, j=2, k=3))

# %%
# As pictures: the activations on their way forward, and the errors on their way back.
# Orange weights are positive and blue ones negative, wide ones are large.

import matplotlib.pyplot as plt

from skbackprop.inspection import NetworkDisplay

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
NetworkDisplay.from_trace(trace, fill="activation", ax=ax)

# %%

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
NetworkDisplay.from_trace(trace, fill="error", ax=ax)
plt.show()

# %%
# The update is what training does, not a model of it. One ``partial_fit`` on the flower
# changes the weights by just that, and the cost of the flower falls:

before = [coef.copy() for coef in model.coefs_]
model.partial_fit(X[[flower]], y[[flower]])
for layer, (old, new) in enumerate(zip(before, model.coefs_, strict=True), start=1):
    difference = np.abs((new - old).T - trace.update_W[layer - 1]).max()
    print(f"layer {layer}: largest difference to the trace {difference:.0e}")
after = backprop_trace(model, X[flower], y[flower])
print(f"cost before {trace.cost:.4f}, after {after.cost:.4f}")

# %%
# And is the gradient that of the cost? Numerical derivatives, which know nothing of
# backpropagation, say so to all digits:

from skbackprop.inspection import check_gradient

check_gradient(model, X[:20], y[:20])
