"""The core is pure: it reaches nothing outside its arguments, and its values do not change.

Contracts between modules are import-linter's; these tests see what those cannot: names that need
no import, and what is taken from a module that is allowed.
"""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "theseus" / "core"
MODULES = tuple(sorted(CORE.rglob("*.py")))
NAMES = [str(module.relative_to(CORE).with_suffix("")) for module in MODULES]
ALLOWED = {
    *("base64", "bisect", "collections", "difflib", "fnmatch", "functools", "hashlib", "itertools"),
    *("json", "math", "operator"),
    *("re", "types", "typing", "urllib.parse"),
    *("attrs", "cattrs", "returns", "theseus.base", "theseus.core"),
}
FORBIDDEN = {
    *("open", "print", "input", "eval", "exec", "compile", "breakpoint", "__import__", "globals"),
    *("locals", "vars", "setattr", "delattr", "Path", "memoryview", "help", "exit", "quit"),
}
# pure functions and constants beside others that run a tool
OF_DETECT = {
    *("NVIDIA_LIST", "NVIDIA_PROCESSES", "NVIDIA_QUERY", "ROCM_QUERY", "Device"),
    *("busy", "parse_held"),
    *("parse_mig", "parse_nvidia_query", "parse_rocm_query", "divided", "visible"),
}
OF_HARDWARE = {"Cluster", "ClusterMachine", "HardwareRequest", "HardwareResult"}


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The modules that are imported, each with the name that is taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports"
            yield from ((node.module or "", alias.name) for alias in node.names)


def is_allowed(module: str) -> bool:
    """Whether *module* is, or lies in, one of the allowed ones."""
    parts = module.split(".")
    return any(".".join(parts[:length]) in ALLOWED for length in range(1, len(parts) + 1))


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_imports(path: Path) -> None:
    """A module of the core imports what is pure: shlex in shell.py alone, no tool runner ever."""
    for module, name in imports(ast.parse(path.read_text())):
        if module == "shlex":
            assert path.name == "shell.py"
        else:
            assert is_allowed(module), module
        if module == "theseus.base.detect":
            assert name in OF_DETECT
        if module == "theseus.base.hardware":
            assert name in OF_HARDWARE


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_names(path: Path) -> None:
    """A module of the core uses no built-in that reads, writes, prints or runs code."""
    tree = ast.parse(path.read_text())
    # decode.py has a type of this name: a path of keys; values.py makes classes
    own = {"decode.py": {"Path"}, "config_checks.py": {"Path"}, "values.py": {"setattr"}}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not used & FORBIDDEN - own.get(path.name, set())
    taken = {(module, name) for module, name in imports(tree) if name == "Path"}
    assert taken <= {("theseus.core.config.decode", "Path")}


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_no_state(path: Path) -> None:
    """A module of the core declares nothing `global` or `nonlocal`."""
    tree = ast.parse(path.read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global | ast.Nonlocal)]


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("__init__")])
def test_values_are_frozen(name: str) -> None:
    """Every class of the core that holds values is frozen."""
    module = importlib.import_module(f"theseus.core.{name.replace('/', '.')}")
    for each in vars(module).values():
        if isinstance(each, type) and each.__module__ == module.__name__ and attrs.has(each):
            assert each.__setattr__ is not object.__setattr__, each
            assert attrs.fields(each) is not None
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                each.__setattr__(object.__new__(each), "anything", 1)


def test_contracts() -> None:
    """The layers of the package hold, as import-linter checks them."""
    linter = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout


def test_values_share_their_methods() -> None:
    """Every class of values is made by values.py, which alone asks attrs."""
    others = [path for path in (ROOT / "theseus").rglob("*.py") if path.stem != "values"]
    made = [
        path.name
        for path in others
        if ("attrs", "frozen") in set(imports(ast.parse(path.read_text())))
    ]
    assert made == []


def test_fields_of_values() -> None:
    """No field is shown or compared in a way of its own, which values.py would not see."""
    calls = [
        node
        for path in (ROOT / "theseus").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "field"
    ]
    assert calls
    for call in calls:
        given = {word.arg: word.value for word in call.keywords}
        assert not given.keys() & {"hash", "order", "cmp"}
        assert all(isinstance(given[key], ast.Constant) for key in given.keys() & {"repr", "eq"})
