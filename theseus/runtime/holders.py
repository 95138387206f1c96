"""Who on this node holds a mount: the counting, under a lock.

Here: a directory for each mount point, on the node's own disk and private to the user; its lock is
what makes runs take turns, and its one file says who holds the mount and which daemon serves it.
Never here: mounting. A run that was killed holds nothing: holders are processes, told from later
ones of the same number by their start.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

# /run/user goes when the user logs out, and /dev/shm may: both while runs go on.
PLACE = Path("/tmp")  # noqa: S108  what is there is checked before it is used
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/mnt")


class HoldersError(Exception):
    """The directory for the counting cannot be trusted; the text says why and what to do."""


@dataclass(frozen=True)
class Process:
    """A process of this node, told from later ones of the same number by its *start*."""

    pid: int
    start: str

    @property
    def alive(self) -> bool:
        """Whether it is still there."""
        return _start(self.pid) == self.start


def process_of(pid: int) -> Process:
    """The process that has the number *pid* now; ProcessLookupError when none has."""
    start = _start(pid)
    if start is None:
        raise ProcessLookupError(pid)
    return Process(pid, start)


def _start(pid: int) -> Optional[str]:
    try:
        text = Path("/proc", str(pid), "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # proc(5): the name in parentheses may hold spaces; the state is field 3, the start field 22
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


@dataclass
class Holders:
    """The *holders* of a mount, and the *daemon* that serves *url* there, if theseus started it.

    Another daemon is *wanted* where this one will end with the job that started it.
    """

    directory: Path
    holders: List[Process] = field(default_factory=list)
    daemon: Optional[Process] = None
    url: str = ""
    wanted: bool = False

    @property
    def log(self) -> Path:
        """Where the daemon's output goes."""
        return self.directory / "juicefs.log"

    def save(self) -> None:
        """Write down what is so now; nothing is left where nobody holds and no daemon runs."""
        file = self.directory / "holders.json"
        if not self.holders and self.daemon is None:
            for path in (file, self.log):
                with suppress(FileNotFoundError):
                    path.unlink()
            with suppress(OSError):  # whatever else lies there
                self.directory.rmdir()
            return
        document = {
            "holders": [vars(each) for each in self.holders],
            "daemon": None if self.daemon is None else vars(self.daemon),
            "url": self.url,
            "wanted": self.wanted,
        }
        new = file.with_suffix(".new")
        new.write_text(json.dumps(document), encoding="utf-8")
        new.replace(file)


def directory_of(point: str) -> Path:
    """Where the holders of the mount at *point* are counted.

    A mount is there for one boot of one machine, and in one of its namespaces: so is its counting,
    wherever else the same directory can be seen.
    """
    namespace = str(_NAMESPACE.readlink())
    words = (_BOOT_ID.read_text(encoding="ascii"), namespace, point)
    key = hashlib.sha256(os.fsencode("\0".join(words))).hexdigest()[:16]
    return PLACE / f"theseus-mount-{os.geteuid()}-{key}"


@contextmanager
def locked(point: str) -> Iterator[Holders]:
    """The living holders of the mount at *point*, while no other run on this node changes them."""
    directory = directory_of(point)
    descriptor = _lock(directory)
    try:
        yield _read(directory)
    finally:
        os.close(descriptor)


def _lock(directory: Path) -> int:
    while True:
        _make_private(directory)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), directory.lstat()):
                return descriptor
        os.close(descriptor)  # the last holder has removed it meanwhile


def _make_private(directory: Path) -> None:
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    with suppress(FileNotFoundError):
        found = directory.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if not private or found.st_uid != os.geteuid():
            raise HoldersError(
                f"{directory} is not a directory of yours alone: find out who made it, remove it,"
                " and submit again"
            )


def _read(directory: Path) -> Holders:
    try:
        document = json.loads((directory / "holders.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # nobody holds it, or it was cut short by a full disk
        return Holders(directory)
    daemon = None if document["daemon"] is None else _alive(document["daemon"])
    holders = [each for each in map(_alive, document["holders"]) if each is not None]
    return Holders(directory, holders, daemon, document["url"], document["wanted"])


def _alive(words: Dict[str, Any]) -> Optional[Process]:
    process = Process(words["pid"], words["start"])
    return process if process.alive else None
