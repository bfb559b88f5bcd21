"""The rooms of the package, and the direction of their imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skbackprop

PACKAGE = Path(skbackprop.__file__).parent
# In order: a room may import only rooms that are listed before it.
ROOMS = [
    *("_version", "_equations", "_array_libraries", "_engine", "_threads", "_training"),
    "_estimators",
    *("inspection", "dask", "onnx", "__init__"),
]
# Exceptions: a room, and the later rooms that must not import it.
CLOSED_TO = {
    "_equations": {"_engine", "_threads", "_training", "_estimators", "__init__"},
    "_array_libraries": {"_engine", "_threads"},
    "_engine": {"_threads"},
    "_threads": {"_training"},
    "inspection": {"dask", "onnx", "__init__"},
    "dask": {"onnx", "__init__"},
    "onnx": {"__init__"},
}
# Files that may import a room that is closed to theirs.
MAY_IMPORT = {"_engine/array_api.py": "_equations"}
# Packages that a room, or one file of it, may import besides the standard library.
LIBRARIES = {"numpy", "scipy", "sklearn", "joblib"}
OUTSIDE = {
    "_version": set(),
    "_equations": {"numpy"},
    "_array_libraries": {"numpy", "sklearn"},
    "_engine": {"numpy", "scipy"},
    "_engine/compiled.py": {"numpy", "numba", "llvmlite"},
    "_threads": {"threadpoolctl"},
    "inspection": {*LIBRARIES, "matplotlib"},
    "dask": {*LIBRARIES, "dask", "distributed"},
    "onnx": {*LIBRARIES, "skl2onnx"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """The modules that a file imports, as (module, name)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((module, alias.name) for alias in node.names)


def rooms_imported(path):
    """The rooms, other than its own, that a file imports from."""
    depth = len(path.relative_to(PACKAGE).parts)
    for module, name in imports(path):
        dots = len(module) - len(module.lstrip("."))
        if dots == depth:  # from the package itself, not from its own folder
            yield (module.lstrip(".") or name).split(".")[0]


def ids(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_a_room_imports_only_earlier_rooms(path):
    room = room_of(path)
    for other in rooms_imported(path):
        assert ROOMS.index(other) < ROOMS.index(room), other
        if MAY_IMPORT.get(ids(path)) != other:
            assert room not in CLOSED_TO.get(other, ()), other


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_a_room_imports_only_its_allowed_packages(path):
    outside = {module.split(".")[0] for module, _ in imports(path) if module[0] != "."}
    allowed = OUTSIDE.get(ids(path)) or OUTSIDE.get(room_of(path), LIBRARIES)
    assert outside <= allowed | set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_only_public_names_of_other_packages_are_used(path):
    for module, name in imports(path):
        if not module.startswith("."):
            parts = [*module.split("."), name]
            assert not any(part.startswith("_") for part in parts), (module, name)


def test_every_file_is_in_a_room():
    assert {room_of(path) for path in FILES} == {*ROOMS}


@pytest.mark.parametrize("name", skbackprop.__all__)
def test_saved_files_name_the_package_not_a_room(name):
    assert getattr(skbackprop, name).__module__ == "skbackprop"


def test_importing_the_package_imports_no_optional_dependency():
    code = (
        "import sys, skbackprop, skbackprop.inspection;"
        "print({'matplotlib', 'polars', 'hypothesis', 'torch', 'skl2onnx', 'onnx',"
        "'onnxruntime', 'dask', 'distributed', 'numba'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"
