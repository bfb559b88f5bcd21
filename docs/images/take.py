"""Take the screenshots in this folder again, with headless Chromium.

    python -m sphinx -W docs docs/_build/html && python docs/images/take.py

README.md shows them.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from skbackprop import SGDSigmoidMLP
from skbackprop.inspection import backprop_trace

HERE = Path(__file__).parent
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
FIRST_PAGE = HERE.parent / "_build" / "html" / "index.html"


def take(page, picture, size):
    """Take a screenshot of a page, with few colours to keep the file small."""
    with tempfile.TemporaryDirectory() as profile:
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu"]
        command += ["--disable-quic", "--no-first-run", "--disable-sync"]
        command += ["--disable-background-networking", "--disable-component-update"]
        command += ["--hide-scrollbars", f"--user-data-dir={profile}"]
        command += [f"--window-size={size[0]},{size[1]}", f"--screenshot={picture}"]
        subprocess.run([*command, page.as_uri()], check=True, capture_output=True)
    image = Image.open(picture).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    image.save(picture, optimize=True)
    print(f"{picture.name}: {image.size}, {picture.stat().st_size / 1000:.0f} kB")


# The network of examples/plot_one_step.py.
iris = load_iris()
X, y = scale(iris.data), iris.target_names[iris.target]
model = SGDSigmoidMLP((4,), batch_size=1, learning_rate_init=1.0, random_state=0)
for _ in range(3):
    model.partial_fit(X, y, classes=np.unique(y))
with tempfile.TemporaryDirectory() as folder:
    page = Path(folder, "trace.html")
    backprop_trace(model, X[70], y[70]).to_html(page)
    take(page, HERE / "trace.png", (1000, 1010))
if FIRST_PAGE.exists():
    take(FIRST_PAGE, HERE / "first_page.png", (1200, 1000))
