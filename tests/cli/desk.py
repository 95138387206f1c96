"""A desk: the home, the repository and the terminal of one user, all in a directory of its own.

The command line runs in a real process, as a user starts it, with nothing of the tester's
environment but PATH.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import field, frozen

LOCAL_CONFIG = """\
clusters:
  hpc:
    root: ~/root
    work: ~/work
hosts:
  box:
    type: plain
    cluster: hpc
    transport: local
"""
ECHO_JOB = """\
job: command
request:
  min_chips: 0
command: [echo, hello]
"""
DEADLINE = 120  # seconds; a command that takes longer hangs


@frozen
class Finished:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str


@frozen
class Desk:
    """A *home* and a *repository* below *place*; commands run in the *current* directory."""

    place: Path
    variables: Mapping[str, str] = field(factory=dict)
    current: str = "project"

    @property
    def home(self) -> Path:
        """The user's home directory."""
        return self.place / "home"

    @property
    def repository(self) -> Path:
        """The repository with the user's code."""
        return self.place / "project"

    def environment(self) -> dict[str, str]:
        """The environment of every command: a fresh user's."""
        return {
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "TMPDIR": str(self.place / "tmp"),
            "TERM": "dumb",
            "LC_ALL": "C.UTF-8",
            **{f"GIT_{role}_NAME": "ada" for role in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{role}_EMAIL": "ada@example.org" for role in ("AUTHOR", "COMMITTER")},
            **self.variables,
        }

    def start(self, *words: str | bytes) -> "subprocess.Popen[bytes]":
        """Start theseus with *words* in the repository."""
        return subprocess.Popen(
            command(*words),
            cwd=self.place / self.current,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def theseus(self, *words: str | bytes) -> Finished:
        """Run theseus with *words* in the repository to its end."""
        with self.start(*words) as process:
            try:
                out, err = process.communicate(timeout=DEADLINE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        shown = (data.decode("utf-8", "surrogateescape") for data in (out, err))
        return Finished(process.returncode, *shown)

    def git(self, *words: str) -> str:
        """Run git in the repository."""
        done = subprocess.run(
            ["git", "-c", "init.defaultBranch=main", *words],
            cwd=self.repository,
            env=self.environment(),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def write(self, path: str, content: str | bytes, mode: int = 0o644) -> Path:
        """Write a file; a relative *path* lies in the repository."""
        file = self.repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(mode)
        return file

    def program(self, name: str, text: str) -> Path:
        """Put an executable script on the PATH, before all others."""
        return self.write(str(self.home / "bin" / name), f"#!/bin/sh\n{text}\n", 0o755)

    def commit(self) -> None:
        """Commit all there is."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")

    def shown(self, text: str) -> str:
        """*text* with this desk's own paths replaced by names."""
        return text.replace(str(self.repository), "PROJECT").replace(str(self.place), "PLACE")


def command(*words: str | bytes) -> list[str | bytes]:
    """The words that start theseus in this very environment."""
    return [sys.executable, "-m", "theseus.cli", *words]


def new_desk(place: Path) -> Desk:
    """A desk in *place* with a committed repository: a dispatch config for this machine, a job."""
    desk = Desk(place)
    for directory in (desk.home, desk.repository, place / "tmp"):
        directory.mkdir(parents=True)
    desk.write(str(desk.home / ".theseus.yaml"), LOCAL_CONFIG)
    desk.git("init", "--quiet")
    desk.write("train.yaml", ECHO_JOB)
    desk.commit()
    return desk


def traces(directory: Path) -> dict[str, tuple[int, ...]]:
    """Everything below *directory*: kind and mode, and of files size and time of change too."""
    found: dict[str, tuple[int, ...]] = {}
    for path in directory.rglob("*"):
        if ".local" in path.parts:
            continue  # when hosts were connected to is counted there, whoever asked
        state = path.lstat()
        # a directory's time tells of scratch files too, which are gone again; and git renews the
        # time of an object that it is asked to write and finds there already
        timeless = path.is_dir() or "objects" in path.parts
        found[str(path)] = (
            state.st_mode,
            *(() if timeless else (state.st_size, state.st_mtime_ns)),
        )
    return found


def unchanged(desk: Desk, act: Callable[[], Finished]) -> Finished:
    """What *act* gives, which may write nothing anywhere a user of *desk* writes."""
    before = traces(desk.place)
    finished = act()
    after = traces(desk.place)
    assert after == before, sorted(set(after.items()) ^ set(before.items()))
    return finished
