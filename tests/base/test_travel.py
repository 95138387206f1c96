"""What travels to the remote side runs on Python 3.9 with nothing but its standard library."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "theseus"
SOURCES = sorted(
    [
        *(PACKAGE / "base").rglob("*.py"),
        *(PACKAGE / "runtime").rglob("*.py"),
        PACKAGE / "registry.py",
    ]
)
MODULES = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in SOURCES]
RUNNABLE = "__main__"  # a module that is run, not imported


def old_python() -> str | None:
    """A Python 3.9, on the path or as pyenv keeps it."""
    kept = sorted(Path.home().glob(".pyenv/versions/3.9.*/bin/python"))
    for candidate in (shutil.which("python3.9"), *map(str, kept)):
        if candidate is not None:
            answer = subprocess.run([candidate, "-V"], capture_output=True, text=True, check=False)
            if answer.stdout.startswith("Python 3.9."):
                return candidate
    return None


@pytest.mark.parametrize("path", SOURCES, ids=MODULES)
def test_it_is_written_in_python_3_9(path: Path) -> None:
    """The grammar of 3.9 is enough, and annotations are not evaluated when a module is imported."""
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    futures = [
        node
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    assert futures or not any(isinstance(node, ast.AnnAssign | ast.arg) for node in ast.walk(tree))


@pytest.mark.parametrize("path", SOURCES, ids=MODULES)
def test_it_imports_the_standard_library_alone(path: Path) -> None:
    """Besides the standard library there are only the other modules that travel."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module or "")
    ours = {name for name in imported if name.partition(".")[0] == "theseus"}
    assert {name.partition(".")[0] for name in imported - ours} <= set(sys.stdlib_module_names)
    assert {".".join(name.split(".")[:2]) for name in ours} <= {
        "theseus.base",
        "theseus.runtime",
        "theseus.registry",
    }


@pytest.mark.skipif(old_python() is None, reason="there is no Python 3.9 here")
def test_it_is_imported_by_a_real_python_3_9() -> None:
    """A real 3.9, without this environment, imports every module and runs a job."""
    code = f"""
import importlib, sys
sys.path.insert(0, {str(PACKAGE.parent)!r})
for module in {[name for name in MODULES if not name.endswith(RUNNABLE)]!r}:
    importlib.import_module(module)
from dataclasses import dataclass
from theseus.registry import JOBS, job
@dataclass
class Settings:
    lr: float
    later: "int | None" = None
@job("a/b", config=Settings)
def train(cfg, spec):
    return cfg
print(JOBS["a/b"].run({{"lr": 1, "later": 2}}, None), "command" in JOBS, "a/b" in list(JOBS))
"""
    finished = subprocess.run(
        [old_python() or "", "-I", "-B", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stderr == ""
    assert finished.stdout == "Settings(lr=1.0, later=2) True True\n"
