"""Lock files, looked at before anything is shipped, with a real uv."""

import os
import sys
from pathlib import Path

import pytest
from returns.result import Failure, Result, Success

from tests.effects.source_repository import Repository, surroundings
from theseus.core.source.source import LockMissing, LockStale, SourceError
from theseus.effects.source.git import Git
from theseus.effects.source.source import committed_tree, dirty_tree
from theseus.effects.submit.lock import lock_checked

pytestmark = pytest.mark.slow

PROJECT = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.9"\n{more}'
LOCK = """\
version = 1
revision = 3
requires-python = ">=3.9"

[[package]]
name = "x"
version = "1"
source = { virtual = "." }
"""
GROUP = '[dependency-groups]\ngpu = ["numpy"]\n'


@pytest.fixture(autouse=True)
def _uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """The uv of these tests is on PATH."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty repository."""
    made = Repository(tmp_path / "project", Git(environment=surroundings(tmp_path)))
    made.top.mkdir()
    made.run("init", "--quiet")
    return made


def project(repository: Repository, more: str = "", below: str = "", lock: str = LOCK) -> None:
    """Write a project, and its lock unless that is empty."""
    repository.write(f"{below}pyproject.toml", PROJECT.format(more=more).encode())
    if lock:
        repository.write(f"{below}uv.lock", lock.encode())


def checked(start: Path) -> Result[None, SourceError]:
    """What becomes of the committed source around *start*."""
    with lock_checked(committed_tree)(start) as taken:
        return taken.map(lambda _: None)


def test_a_lock_that_fits(repository: Repository) -> None:
    """A source whose lock is up to date is shipped, and nothing is written."""
    project(repository)
    repository.commit()
    assert checked(repository.top) == Success(None)
    assert repository.run("status", "--porcelain", "--ignored") == b""


def test_a_lock_out_of_date(repository: Repository) -> None:
    """A lock that lacks what pyproject.toml asks for is named."""
    project(repository, GROUP, "sub/")
    repository.write("sub/exp/a")
    repository.commit()
    assert checked(repository.top / "sub/exp") == Failure(LockStale("sub/uv.lock"))


def test_a_lock_that_is_not_shipped(repository: Repository) -> None:
    """What counts is the tree: a lock that was not committed is none, unless it is shipped, too."""
    project(repository, lock="")
    repository.commit()
    repository.write("uv.lock", LOCK.encode())
    assert checked(repository.top) == Failure(LockMissing("pyproject.toml"))
    with lock_checked(dirty_tree)(repository.top) as taken:
        assert isinstance(taken, Success)


def test_changes_that_are_not_shipped(repository: Repository) -> None:
    """Files that differ from those shipped tell nothing: the host will."""
    project(repository)
    repository.commit()
    project(repository, GROUP)
    assert checked(repository.top) == Success(None)


def test_no_project(repository: Repository) -> None:
    """Tool settings need no lock, and neither does a repository without Python."""
    repository.write("a")
    repository.commit()
    assert checked(repository.top) == Success(None)
    repository.write("pyproject.toml", b"[tool.ruff]\n")
    repository.commit()
    assert checked(repository.top) == Success(None)


def test_a_member_of_a_workspace(repository: Repository) -> None:
    """The lock of a workspace lies above its members; one below the project does not count."""
    repository.write("pyproject.toml", b'[tool.uv.workspace]\nmembers = ["member"]\n')
    repository.write("uv.lock", LOCK.encode())
    project(repository, lock="", below="member/")
    repository.write("member/exp/uv.lock")
    repository.commit()
    assert checked(repository.top / "member/exp") == Failure(LockStale("uv.lock"))


@pytest.mark.parametrize("says", ["exit 2", "kill -9 $$", "echo 'error: offline' >&2; exit 1"])
def test_a_uv_that_cannot_tell(
    repository: Repository, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where uv fails for another reason the source is shipped."""
    program = tmp_path / "bin/uv"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    project(repository, GROUP)
    repository.commit()
    assert checked(repository.top) == Success(None)


def test_no_uv(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without uv here, the lock is checked for being there alone."""
    project(repository, GROUP)
    repository.commit()
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert checked(repository.top) == Success(None)
