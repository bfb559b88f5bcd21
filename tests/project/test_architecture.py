"""The rooms of the package, and which way imports point."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skbackprop

PACKAGE = Path(skbackprop.__file__).parent
MAY_IMPORT = {
    "__init__": {"_estimators", "_version"},
    "_version": set(),
    "_equations": set(),
    "_arguments": set(),
    "_blas": set(),
    "_flat": set(),
    "_interrupts": set(),
    "_machine": set(),
    "_pace": set(),
    "_sigmoid": set(),
    "_decision": {"_machine", "_sigmoid"},
    "_passes": {"_blas", "_flat", "_sigmoid"},
    "_shards": {"_flat", "_machine", "_passes", "_sigmoid"},
    "_all_threads": {"_blas", "_flat", "_machine", "_pace", "_passes"},
    "_halves": {"_blas", "_flat", "_machine", "_passes"},
    "_engine": {
        *("_all_threads", "_flat", "_halves", "_machine", "_passes", "_shards"),
    },
    "_initialisation": set(),
    "_parameters": set(),
    "_persistence": {"_version", "_warnings"},
    "_targets": set(),
    "_threads": {"_machine"},
    "_warnings": set(),
    "_weights": set(),
    "_examples": {"_targets"},
    "_held_out": {"_decision", "_engine", "_examples"},
    "_training": {"_engine", "_examples", "_held_out", "_interrupts"},
    "_verbose": {"_engine", "_training"},
    "_callbacks": {"_engine", "_training"},
    "_base": {
        *("_arguments", "_callbacks", "_decision", "_engine", "_examples"),
        *("_held_out", "_initialisation", "_interrupts", "_machine", "_parameters"),
        *("_passes", "_persistence", "_targets", "_threads", "_training", "_verbose"),
        *("_warnings", "_weights"),
    },
    "_estimators": {
        *("_arguments", "_base", "_held_out", "_parameters", "_targets", "_warnings"),
        "_weights",
    },
    "onnx": {"_estimators", "_targets"},
    # What a person looks at sees everything; nothing sees it.
    "inspection.__init__": {
        *("inspection._gradient_check", "inspection._gradient_flow"),
        *("inspection._loss_curve", "inspection._network", "inspection._trace"),
    },
    "inspection._reading": {"_base"},
    "inspection._selection": set(),
    "inspection._drawing": set(),
    "inspection._quantities": {"_equations"},
    "inspection._explain": {"inspection._quantities", "inspection._selection"},
    "inspection._svg": {"inspection._quantities", "inspection._selection"},
    "inspection._html": {
        *("inspection._explain", "inspection._quantities", "inspection._selection"),
        "inspection._svg",
    },
    "inspection._trace": {
        *("inspection._explain", "inspection._html", "inspection._quantities"),
        "inspection._reading",
    },
    # The gradient that trains is read off one update, as fit makes it.
    "inspection._gradient_check": {
        *("_base", "_equations", "_machine", "_parameters", "_threads", "_training"),
        *("inspection._quantities", "inspection._reading"),
    },
    "inspection._loss_curve": {"inspection._drawing", "inspection._reading"},
    "inspection._gradient_flow": {
        *("inspection._drawing", "inspection._quantities", "inspection._trace"),
    },
    "inspection._network": {
        *("inspection._drawing", "inspection._quantities", "inspection._reading"),
        *("inspection._selection", "inspection._trace"),
    },
    "_dask_waiting": {"_training"},
    "_dask_rows": {"_base", "_dask_waiting", "_estimators", "_examples"},
    "_dask_engine": {
        *("_dask_rows", "_dask_waiting", "_engine", "_examples", "_machine"),
        *("_threads", "_training"),
    },
    "dask": {
        *("_base", "_dask_engine", "_dask_rows", "_dask_waiting", "_engine"),
        *("_estimators", "_examples", "_persistence", "_weights"),
    },
}
# The fast network knows numbers, not scikit-learn.
ENGINE_ROOMS = {
    *("_all_threads", "_blas", "_decision", "_engine", "_flat", "_halves", "_machine"),
    *("_pace", "_passes", "_shards", "_sigmoid"),
}
OUTSIDE = {
    "_equations": {"numpy", "typing"},
    **{room: {"numpy", "scipy", *sys.stdlib_module_names} for room in ENGINE_ROOMS},
}
# What an extra of pyproject.toml brings; imported where it is used.
EXTRAS = {
    "inspection._drawing": {"matplotlib"},
    "inspection._network": {"matplotlib"},
    "onnx": {"skl2onnx"},
    "dask": {"dask", "distributed"},
    "_dask_engine": {"distributed"},
    "_dask_rows": {"dask", "distributed"},
    "_dask_waiting": {"distributed"},
}
# threadpoolctl comes with scikit-learn.
RUN_TIME = {"numpy", "scipy", "sklearn", "joblib", "threadpoolctl"}


def imports(path):
    """(module, name) of every import in a file; relative ones begin with a dot."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((module, alias.name) for alias in node.names)


FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    """The module's name within the package, as in MAY_IMPORT."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def within_package(path, module, name):
    """The same of a relative import: each dot after the first is a folder up."""
    below = module.lstrip(".")
    folder = path.relative_to(PACKAGE).parent.parts
    folder = folder[: len(folder) - (len(module) - len(below) - 1)]
    return ".".join([*folder, below or name])


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_one_way(path):
    found = list(imports(path))
    inside = {within_package(path, *found) for found in found if found[0][0] == "."}
    assert inside <= MAY_IMPORT[name_of(path)]
    outside = {module.split(".")[0] for module, _ in found if module[0] != "."}
    allowed = RUN_TIME | set(sys.stdlib_module_names)
    extra = EXTRAS.get(name_of(path), set())
    assert outside <= OUTSIDE.get(name_of(path), allowed | extra)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_public_names_of_other_packages_are_used(path):
    for module, name in imports(path):
        if not module.startswith("."):
            parts = [*module.split("."), name]
            assert not any(part.startswith("_") for part in parts), (module, name)


def test_importing_the_package_imports_no_optional_dependency():
    code = (
        "import sys, skbackprop, skbackprop.inspection;"
        "print({'matplotlib', 'polars', 'hypothesis', 'torch', 'skl2onnx', 'onnx',"
        "'onnxruntime', 'dask', 'distributed'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"
