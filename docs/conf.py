"""Configuration of the documentation. Build it with warnings as errors:

python -m sphinx -W --keep-going docs docs/_build/html
"""

import re

from docutils import nodes

import skbackprop

project = "skbackprop"
author = "the skbackprop developers"
copyright = author
version = release = skbackprop.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
]
exclude_patterns = ["_build", "benchmarks"]

myst_enable_extensions = ["dollarmath"]

html_theme = "furo"
html_title = f"skbackprop {release}"

# `name` in a docstring is a Python object: a link where it is documented.
default_role = "py:obj"
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
# The pages of optional modules are built without their extras.
autodoc_mock_imports = ["skl2onnx"]
# The members are documented by autodoc, below the class.
numpydoc_show_class_members = False


def tidy_docstring(app, what, name, obj, options, lines):
    """Make the docstrings of the estimators plain reStructuredText.

    Those inherited from scikit-learn refer to its own pages, which nothing here
    resolves: only the text of such a reference is kept.
    """
    text = "\n".join(lines)
    text = re.sub(r":(?:ref|term):`([^`<]+?)(?:\s*<[^`>]+>)?`", r"\1", text)
    lines[:] = text.split("\n")


def trim_code_blocks(app, doctree):
    """Drop the blank line that ends an example: doctest needs it, a reader does not."""
    for block in doctree.findall(nodes.literal_block):
        block.rawsource = block.astext().rstrip()
        block.children = []
        block += nodes.Text(block.rawsource)


def setup(app):
    app.connect("doctree-read", trim_code_blocks)
    app.connect("autodoc-process-docstring", tidy_docstring)
