"""Lock: whether a source can have its environment on a host, asked before it is shipped.

A host refuses a project without a lock file, and fails on one that is out of date; here that takes
a moment, there it may take a night in a queue. Here: looking at what is shipped, and asking uv.
Nothing is written. Where it cannot be told, the host will.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.source.source import LockMissing, LockStale, SourceError
from theseus.core.values import frozen
from theseus.effects.source.source import SourceTree
from theseus.effects.submit.orders import TakeSource

SECONDS = 20  # for uv; a lock that is up to date takes it a tenth of one
_PROJECT = re.compile(rb"^\s*\[\s*project\s*\]", re.MULTILINE)  # as sh/bootstrap.sh has it
_STALE = "needs to be updated"
# not even an interpreter is fetched for this
_MANNERS = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


@frozen
class _Shipped:
    """A file of the tree: its *path* in it, and its *content*."""

    path: str
    content: bytes


def lock_checked(take: TakeSource) -> TakeSource:
    """*take*, which refuses a source whose lock file is missing or out of date."""

    @contextmanager
    def taken(start: Path) -> Iterator[Result[SourceTree, SourceError]]:
        with take(start) as found:
            yield found.bind(lambda tree: _checked(tree, start))

    return taken


def _checked(tree: SourceTree, start: Path) -> Result[SourceTree, SourceError]:
    project: _Shipped | None = None
    for directory in _upwards(tree.snapshot.subdirectory):
        lock = _shipped(tree, directory, "uv.lock")
        project = project or _project(tree, directory, lock)
        if project is not None and lock is not None:
            return _fresh(tree, start, project, lock)
    return Success(tree) if project is None else Failure(LockMissing(project.path))


def _upwards(subdirectory: str) -> tuple[str, ...]:
    """*subdirectory* and every directory above it to the top, each ending in a slash."""
    parts = subdirectory.split("/") if subdirectory else []
    return tuple("".join(f"{part}/" for part in parts[:n]) for n in range(len(parts), -1, -1))


def _project(tree: SourceTree, directory: str, lock: _Shipped | None) -> _Shipped | None:
    """The pyproject.toml in *directory* if it is a project; one with a *lock* beside it is."""
    found = _shipped(tree, directory, "pyproject.toml")
    is_project = found is not None and (lock is not None or _PROJECT.search(found.content))
    return found if is_project else None


def _shipped(tree: SourceTree, directory: str, name: str) -> _Shipped | None:
    path = f"{directory}{name}"
    read = tree.store.read("cat-file", "blob", f"{tree.snapshot.tree}:{path}")
    return _Shipped(path, read.unwrap()) if is_successful(read) else None


def _fresh(
    tree: SourceTree, start: Path, project: _Shipped, lock: _Shipped
) -> Result[SourceTree, SourceError]:
    """Ask uv, where the files that are shipped are the ones that lie here."""
    depth = len(_upwards(tree.snapshot.subdirectory)) - 1
    top = [start.resolve(), *start.resolve().parents][depth]
    uv = shutil.which("uv")
    if uv is None or not all(_lies_here(top, each) for each in (project, lock)):
        return Success(tree)
    if _STALE in _asked(uv, (top / project.path).parent):
        return Failure(LockStale(lock.path))
    return Success(tree)


def _lies_here(top: Path, shipped: _Shipped) -> bool:
    try:
        return (top / shipped.path).read_bytes() == shipped.content
    except OSError:
        return False


def _asked(uv: str, project: Path) -> str:
    """What uv says of the lock of *project*; nothing where it could not be asked."""
    try:
        done = subprocess.run(
            [uv, "lock", "--check"],
            cwd=project,
            env={**os.environ, **_MANNERS},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode == 0 else done.stderr.decode("utf-8", "replace")
