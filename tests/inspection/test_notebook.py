"""Everything a person looks at, in a notebook executed by a real kernel."""

import nbclient
import nbformat

CELLS = """\
# %% Train
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale
from skbackprop import SGDSigmoidMLP
from skbackprop.inspection import *
X, y = load_iris(return_X_y=True)
X = scale(X)
model = SGDSigmoidMLP((5,), tol=1e-3, random_state=0).fit(X, y)
model
# %% Trace
trace = backprop_trace(model, X[70], y[70])
trace
# %% Explain
print(trace.explain(2, 1, 0))
# %%
trace.explain(2, 1, 0)
# %% Record
record_training(model, X, y)
# %% Check
check_gradient(model, X, y)
# %% Draw
%matplotlib inline
LossCurveDisplay.from_estimator(model)
# %%
NetworkDisplay.from_trace(trace)
# %%
GradientFlowDisplay.from_estimator(model, X, y);
# %% Go on, while the progress is printed
model.set_params(verbose=True).partial_fit(X, y);
"""


def test_a_notebook_runs_and_shows_everything(tmp_path):
    sources = [cell for cell in CELLS.split("# %%") if cell]
    cells = [nbformat.v4.new_code_cell(f"# {source}") for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=120, resources=resources).execute()
    shown = [
        {kind for output in cell.outputs for kind in output.get("data", ["stream"])}
        for cell in notebook.cells
    ]
    estimator, trace, words, coloured, record, check, loss, network, flow, progress = (
        shown
    )
    assert "text/html" in estimator & trace & coloured & record
    assert words == progress == {"stream"}
    assert check == {"text/plain"}
    assert all("image/png" in kinds for kinds in (loss, network, flow))
    page = notebook.cells[1].outputs[0].data["text/html"]
    assert "Backpropagation of one example" in page
    assert "<script" not in page
    page = notebook.cells[4].outputs[0].data["text/html"]
    assert "A network learns" in page
    assert "Gradient check: passed." in notebook.cells[5].outputs[0].data["text/plain"]
