"""The rooms of the package, and which way imports point."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skbackprop

PACKAGE = Path(skbackprop.__file__).parent
MAY_IMPORT = {
    "__init__": {"_estimators"},
    "_equations": set(),
    "_engine": set(),
    "_initialisation": set(),
    "_parameters": set(),
    "_targets": set(),
    "_threads": {"_engine"},
    "_warnings": set(),
    "_weights": set(),
    "_examples": {"_targets"},
    "_held_out": {"_engine", "_examples"},
    "_training": {"_engine", "_examples", "_held_out"},
    "_verbose": {"_engine", "_training"},
    "_callbacks": {"_engine", "_training"},
    "_base": {
        *("_callbacks", "_engine", "_examples", "_held_out", "_initialisation"),
        *("_parameters", "_targets", "_threads", "_training", "_verbose", "_warnings"),
        "_weights",
    },
    "_estimators": {
        *("_base", "_held_out", "_parameters", "_targets", "_warnings", "_weights"),
    },
    "_dask_waiting": {"_training"},
    "_dask_rows": {"_base", "_dask_waiting", "_estimators", "_examples"},
    "_dask_engine": {
        *("_dask_rows", "_dask_waiting", "_engine", "_examples", "_threads"),
        "_training",
    },
    "dask": {
        *("_base", "_dask_engine", "_dask_rows", "_dask_waiting", "_engine"),
        *("_estimators", "_examples", "_weights"),
    },
}
OUTSIDE = {
    "_equations": {"numpy", "typing"},
    "_engine": {
        *("numpy", "scipy", "collections", "functools", "itertools", "typing"),
    },
}
# threadpoolctl comes with scikit-learn.
RUN_TIME = {"numpy", "scipy", "sklearn", "joblib", "threadpoolctl"}
# Optional dependencies, and the only modules that may import them.
EXTRAS = {
    name: {"dask", "distributed"}
    for name in ("dask", "_dask_engine", "_dask_rows", "_dask_waiting")
}


def imports(path):
    """(module, name) of every import in a file; relative ones begin with a dot."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((module, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda p: p.stem)
def test_imports_point_one_way(path):
    found = list(imports(path))
    inside = {module[1:] for module, _ in found if module.startswith(".")}
    assert inside <= MAY_IMPORT[path.stem]
    outside = {module.split(".")[0] for module, _ in found if module[0] != "."}
    allowed = RUN_TIME | set(sys.stdlib_module_names) | EXTRAS.get(path.stem, set())
    assert outside <= OUTSIDE.get(path.stem, allowed)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda p: p.stem)
def test_only_public_names_of_other_packages_are_used(path):
    for module, name in imports(path):
        if not module.startswith("."):
            parts = [*module.split("."), name]
            assert not any(part.startswith("_") for part in parts), (module, name)


def test_importing_the_package_imports_no_optional_dependency():
    code = (
        "import sys, skbackprop;"
        "print({'matplotlib', 'polars', 'hypothesis', 'torch', 'dask', 'distributed'}"
        " & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"
