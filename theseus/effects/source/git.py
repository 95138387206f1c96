"""Running git, and nothing but git.

A call is a list of words and some bytes in; bytes or a `SourceError` out. The caller's `GIT_*`
variables never reach git (a hook would redirect every command to its own index), no hook and no
file-system monitor is started, nothing is fetched, nobody is prompted. What git's output *means*
is read in `git_output.py`.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, field
from returns.result import Failure, Result, Success

from theseus.core.source.source import (
    EmbeddedWithoutCommits,
    GitFailed,
    GitMissing,
    NotARepository,
    ObjectMissing,
    SourceError,
    UnsafeRepository,
)
from theseus.core.values import frozen

# These say where git and its configuration lie, not what a command works on.
_KEPT = frozenset(
    {"GIT_EXEC_PATH", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"}
)
_FIXED = {
    "LC_ALL": "C",  # messages are matched below
    "GIT_OPTIONAL_LOCKS": "0",  # git(1): no optional sub-operations, so status writes no index
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",  # git(1): no missing objects from the promisor remote on demand
}
_SETTINGS = ("--no-pager", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
_EMBEDDED = re.compile(r"error: '(.+?)/?' does not have a commit checked out", re.DOTALL)

# what it says of a file that it has listed, and that another program removes or cuts short then
_GONE = re.compile(r"No such file or directory|short read while indexing")
_MISSING = re.compile(r"(?:invalid object|cannot read|unable to read)\b.*?\b([0-9a-f]{40,64})\b")


@frozen
class Git:
    """A git program: its *executable*, the *environment* around it, and variables on top."""

    executable: str = "git"
    environment: Mapping[str, str] = field(default=os.environ, repr=False)
    variables: Mapping[str, str] = field(factory=dict)

    def having(self, variables: Mapping[str, str]) -> "Git":
        """Return this git with more *variables*, which the scrubbing leaves alone."""
        return evolve(self, variables={**self.variables, **variables})


@frozen
class Finished:
    """A finished git: its *command* (the words after `git`), exit *status* and what it printed."""

    command: str
    status: int
    output: bytes
    complaint: str


SYSTEM_GIT = Git()


def call(
    git: Git, directory: Path, *words: str, feed: bytes = b""
) -> Result[Finished, SourceError]:
    """Run git in *directory* with *feed* as its input; any exit status is a success."""
    try:
        done = subprocess.run(
            command_line(git, directory, words),
            input=feed,
            capture_output=True,
            env=environment(git),
            check=False,
        )
    except OSError:
        return Failure(GitMissing(git.executable))
    command = " ".join(("git", *words))
    return Success(Finished(command, done.returncode, done.stdout, text(done.stderr)))


def read(git: Git, directory: Path, *words: str, feed: bytes = b"") -> Result[bytes, SourceError]:
    """Run git in *directory* and return its output; a non-zero exit status is a failure."""
    return call(git, directory, *words, feed=feed).bind(
        lambda done: Success(done.output) if done.status == 0 else Failure(named(done, directory))
    )


def command_line(git: Git, directory: Path, words: tuple[str, ...]) -> list[str]:
    """Return the whole argv for *words* in *directory*."""
    return [git.executable, "-C", str(directory), *_SETTINGS, *words]


def environment(git: Git) -> dict[str, str]:
    """Return the environment in which *git* runs."""
    around = {
        name: value
        for name, value in git.environment.items()
        if name in _KEPT or not name.startswith("GIT_")
    }
    return {**around, **_FIXED, **git.variables}


def named(done: Finished, directory: Path) -> SourceError:
    """Return the error that a failed git in *directory* stands for."""
    if "not a git repository" in done.complaint:
        return NotARepository(str(directory))
    if "dubious ownership" in done.complaint or "unsafe repository" in done.complaint:
        return UnsafeRepository(str(directory))
    if embedded := _EMBEDDED.search(done.complaint):
        return EmbeddedWithoutCommits(embedded[1])
    if missing := _MISSING.search(done.complaint):
        return ObjectMissing(missing[1])
    return GitFailed(done.command, done.complaint.strip() or f"exit status {done.status}")


def is_of_the_moment(error: SourceError) -> bool:
    """Whether *error* is of a file that changed while git was at it, and trying again may help."""
    return isinstance(error, GitFailed) and _GONE.search(error.message) is not None


def text(raw: bytes) -> str:
    """Return *raw* as text to show."""
    return raw.decode("utf-8", "backslashreplace")
