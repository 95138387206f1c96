"""The shelf: where one shared environment lies.

An environment is built under a name that nobody else has, and is never changed once a link with
its key as the name points to it. Here: the lock under which that happens, the link, and removal.
Never here: what is installed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator


@dataclass(frozen=True)
class Shelf:
    """The place of one shared environment; *link* points to it once it is complete."""

    link: Path

    @property
    def unshareable(self) -> Path:
        """A file that says why no environment with this key can be shared."""
        return self.link.with_name(f"{self.link.name}.own")

    def complete(self) -> bool:
        """Whether the environment is there, and its Python on this node."""
        return os.access(self.link / "bin/python", os.X_OK)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among the runs that want this environment; the kernel ends it with the process."""
        self.link.parent.mkdir(parents=True, exist_ok=True)
        with self.link.with_name(f"{self.link.name}.lock").open("a") as lock:
            with suppress(OSError):  # where a file system has no locks the link decides
                _lock(lock.fileno())
            yield

    def build_directory(self) -> Path:
        """A new place to build it; what builds of this node left behind, which died, is removed."""
        node = os.uname().nodename
        used = os.path.realpath(self.link)
        for left in self.link.parent.glob(f"{self.link.name}.{node}.*"):
            if str(left.absolute()) != used:
                remove(left)
        return self.link.with_name(f"{self.link.name}.{node}.{os.getpid()}")

    def publish(self, built: Path) -> None:
        """Let all runs have the environment *built*, which nothing changes any more."""
        _make_read_only(built)
        if self.link.is_symlink() and not self.link.exists():
            self.link.unlink()  # somebody removed what it points to
        try:
            self.link.symlink_to(built.name)
        except FileExistsError:  # another was quicker, where there are no locks
            remove(built)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another run builds this environment: waiting for it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def remove(directory: Path) -> None:
    """Remove an environment, read-only directories too; what is in the way stays."""
    for path, _, _ in os.walk(directory):
        with suppress(OSError):
            Path(path).chmod(0o755)
    shutil.rmtree(directory, ignore_errors=True)


def _make_read_only(directory: Path) -> None:
    # Not the files: by hard links they are those of uv's cache.
    for path, _, _ in os.walk(directory):
        Path(path).chmod(0o555)


def say(text: str) -> None:
    """Print a line of theseus' own to the log."""
    print(f"theseus: {text}", flush=True)
