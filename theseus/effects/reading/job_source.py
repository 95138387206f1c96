"""The jobs a module declares, read from its text.

Here: finding a module's file and the literal keys in it. Never here: importing that module, or any
other the project has.
"""

import ast
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

from theseus.core.values import frozen

_REGISTRY = "theseus.registry"


@frozen
class Declared:
    """A job as the text of a module declares it."""

    key: str
    has_config: bool


@frozen
class Declarations:
    """What a text declares; not *complete* when it registers jobs the text does not name."""

    jobs: tuple[Declared, ...]
    complete: bool


def located(module: str, roots: Iterable[Path]) -> tuple[Path, Path] | None:
    """The first of *roots* that holds *module*, and the module's file; None when none does."""
    beneath = Path(*module.split("."))
    for root in roots:
        for file in (root / beneath / "__init__.py", (root / beneath).with_suffix(".py")):
            if file.is_file():
                return root, file
    return None


def declarations(file: Path) -> Declarations:
    """The jobs that a source file declares; SyntaxError or OSError when it cannot be read.

    A file that declares none is not complete: importing it may import those that do.
    """
    with tokenize.open(file) as text:
        tree = ast.parse(text.read(), str(file))
    names = frozenset(_decorator_names(tree))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    marks = [call for call in calls if _dotted(call.func) in names]
    found = tuple(_declared(call) for call in marks)
    jobs = tuple(declared for declared in found if declared is not None)
    return Declarations(jobs, complete=bool(jobs) and len(jobs) == len(found))


def _decorator_names(tree: ast.AST) -> Iterator[str]:
    """What the decorator is called in a module, by its imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name == _REGISTRY:
                    yield f"{name.asname or _REGISTRY}.job"
        elif isinstance(node, ast.ImportFrom):
            yield from _imported_names(node)


def _imported_names(node: ast.ImportFrom) -> Iterator[str]:
    for name in node.names:
        if node.module == _REGISTRY and name.name == "job":
            yield name.asname or "job"
        elif node.module == "theseus" and name.name == "registry":
            yield f"{name.asname or 'registry'}.job"


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
        case _:
            return ""


def _declared(call: ast.Call) -> Declared | None:
    """The job of one `job(...)`; None when its key is computed."""
    match call.args:
        case [ast.Constant(value=str(key))]:
            configs = [word.value for word in call.keywords if word.arg == "config"]
            nothing = [node for node in configs if isinstance(node, ast.Constant)]
            return Declared(key, has_config=len(configs) > len(nothing))
        case _:
            return None
