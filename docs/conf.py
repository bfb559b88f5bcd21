"""Configuration of the documentation. Build it with warnings as errors:

python -m sphinx -W --keep-going docs docs/_build/html
"""

import inspect
import re
import sys
from pathlib import Path

from docutils import nodes

import skbackprop

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "skbackprop"
author = "the skbackprop developers"
copyright = author
version = release = skbackprop.__version__

extensions = [
    "live",
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "benchmarks", "defaults_*.md"]
# Nothing is fetched when the pages are built, nor when they are read.
html_math_renderer = "mathml"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
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

# Every script plot_*.py is executed; the others in examples/ are for the command line.
# examples/index.rst gives each its section.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"^(?!plot_)",
    "copyfile_regex": r"index\.rst",
    "minigallery_sort_order": "gallery_order.place",
    "backreferences_dir": "auto_examples/backreferences",
    "doc_module": ("skbackprop",),
    "reference_url": {"skbackprop": None},
    "abort_on_example_error": True,
    # A figure is shown as a picture; the repr of its legend would say nothing.
    "ignore_repr_types": r"matplotlib|Display",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
}


def tidy_docstring(app, what, name, obj, options, lines):
    """Make the docstrings of the estimators plain reStructuredText.

    Those inherited from scikit-learn refer to its own pages, which nothing here
    resolves: only the text of such a reference is kept.
    """
    text = "\n".join(lines)
    text = re.sub(r":(?:ref|term):`([^`<]+?)(?:\s*<[^`>]+>)?`", r"\1", text)
    lines[:] = text.split("\n")


def signature_of_init(app, what, name, obj, options, signature, return_annotation):
    """Show the parameters of a class: autodoc would take those of `__new__`."""
    if what == "class" and signature == "(*args, **kwargs)":
        parameters = inspect.signature(obj).parameters.values()
        plain = [p.replace(annotation=p.empty) for p in parameters]
        signature = str(inspect.Signature(plain))
    return signature, return_annotation


def trim_code_blocks(app, doctree):
    """Drop the blank line after an example: doctest needs it, a reader does not."""
    for block in doctree.findall(nodes.literal_block):
        block.rawsource = block.astext().rstrip()
        block.children = []
        block += nodes.Text(block.rawsource)


def setup(app):
    app.connect("doctree-read", trim_code_blocks)
    app.connect("autodoc-process-docstring", tidy_docstring)
    app.connect("autodoc-process-signature", signature_of_init)
