"""The documentation has every public name, and each has an example that runs."""

import ast
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

import skbackprop
import skbackprop.inspection

ROOT = Path(__file__).parents[2]
SCRIPTS = [
    *(ROOT / "docs").glob("*/*.py"),
    *(ROOT / "docs").glob("defaults_*.py"),
]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PUBLIC = {
    name: getattr(module, name)
    for module in (skbackprop, skbackprop.inspection)
    for name in module.__all__
}
# Of a class's methods, those that are ours and not inherited from scikit-learn.
METHODS = {
    f"{name}.{method}": function
    for name, value in PUBLIC.items()
    if inspect.isclass(value)
    for method, function in inspect.getmembers(value, callable)
    if not method.startswith("_") and function.__module__.startswith("skbackprop")
}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_a_page_that_the_api_lists(name):
    page = (ROOT / "docs" / "api" / f"{name}.md").read_text(encoding="utf-8")
    assert re.search(rf"auto(class|function):: {name}$", page, re.MULTILINE)
    overview = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert re.search(rf"^   {name}$", overview, re.MULTILINE)


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_every_public_name_has_an_example_or_says_where_it_is(name):
    text = inspect.getdoc({**PUBLIC, **METHODS}[name])
    examples = text.partition("Examples\n--------\n")[2]
    elsewhere = re.match(r"See `(\w+)`", examples)
    assert ">>> " in (inspect.getdoc(PUBLIC[elsewhere[1]]) if elsewhere else examples)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_gallery_has_a_place_for_the_example(path):
    gallery = (ROOT / "examples" / "index.rst").read_text(encoding="utf-8")
    assert f"../examples/{path.name}" in gallery


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_of_the_documentation_imports_only_what_exists(path):
    """No other test runs these scripts, because they take minutes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("skbackprop"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                assert hasattr(module, alias.name) or importlib.util.find_spec(
                    f"{node.module}.{alias.name}"
                )


def test_the_code_of_the_readme_prints_what_it_says(tmp_path, monkeypatch, capsys):
    """It has no prompts, so that it can be copied and pasted."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    expected = re.findall(r"print\(.*\)  # (.*)", code)
    assert capsys.readouterr().out.splitlines() == expected != []
    assert (tmp_path / "trace.html").exists()
