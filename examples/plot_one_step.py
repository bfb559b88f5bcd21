"""
One step of backpropagation, explained
======================================

What does one example change in a network, and why? A trace shows every quantity of the
derivation for it: forward to the cost, back to the errors, and on to each gradient and
update.
"""

# %%
# A small network learns the iris flowers for three epochs. It has four inputs, four
# hidden neurons and three outputs, one for each species.

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
# It mistakes this flower, a versicolor, for a virginica:

flower = 70
for name, probability in zip(
    model.classes_, model.predict_proba(X[[flower]])[0], strict=True
):
    print(f"{name:10} {probability:.2f}")

# %%
# :func:`~skbackprop.inspection.backprop_trace` sends it through the network and back.
# As the last line of a cell, the trace is displayed as a page;
# ``trace.to_html("step.html")`` writes the page to a file. Read it from the top:
# forward to the cost, then back through the layers, then the update.

from skbackprop.inspection import backprop_trace

trace = backprop_trace(model, X[flower], y[flower])
trace

# %%
# Every number on the page is also in an array of the trace, in the shapes of the
# derivation. Vectors are columns. Row j of a weight matrix holds the weights into
# neuron j. Lists begin with layer 1; only the list of activations begins with layer 0,
# the input.

print("errors δ of the outputs:", trace.delta[-1].ravel().round(4))
print("∇W of the last layer:", trace.grad_W[-1].round(4), sep="\n")

# %%
# ``explain`` puts the chain rule for one weight into words and numbers. This weight
# leads into a *hidden* neuron. There is no expected activation for it; its effect on
# the cost is a sum over the neurons that it feeds:

print(trace.explain(layer=1, j=2, k=3))

# %%
# Here is the same in pictures. Each line is a weight: orange is positive, violet is
# negative, and wide lines are large weights. First the activations, on their way
# forward; the scale on the right goes with the fills:

import matplotlib.pyplot as plt

from skbackprop.inspection import NetworkDisplay

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
NetworkDisplay.from_trace(trace, fill="activation", ax=ax)
figure.suptitle("Activations, on their way forward")

# %%
# Then the errors, on their way back. The sign of an error says where the
# pre-activation should go: a positive δ means down, a negative δ means up.

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
NetworkDisplay.from_trace(trace, fill="error", ax=ax)
figure.suptitle("Errors, on their way back")
plt.show()

# %%
# The update is the one that training makes. One ``partial_fit`` on the flower changes
# the weights by exactly these amounts, and the cost of the flower falls:

before = [coef.copy() for coef in model.coefs_]
model.partial_fit(X[[flower]], y[[flower]])
for layer, (old, new) in enumerate(zip(before, model.coefs_, strict=True), start=1):
    difference = np.abs((new - old).T - trace.update_W[layer - 1]).max()
    print(f"layer {layer}: largest difference from the trace {difference:.0e}")
after = backprop_trace(model, X[flower], y[flower])
print(f"cost before {trace.cost:.4f}, after {after.cost:.4f}")

# %%
# Is the gradient right? Numerical derivatives, which know nothing of backpropagation,
# agree with it to rounding:

from skbackprop.inspection import check_gradient

check_gradient(model, X[:20], y[:20])
