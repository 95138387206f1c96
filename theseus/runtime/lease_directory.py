"""The directory in which runs of all users of a host hold locks on its GPUs, a file for each GPU.

Anybody may write there, so nothing in it is believed and nothing of it is executed: a file is only
ever locked, and what it says of its holder is only ever shown. The kernel lets go of a lock when
the last process that has the file open ends, however it ends. Here: what may be opened, and locks.
Never here: which GPUs there are, or which of them a run gets.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pwd
import stat
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional

from theseus.base.lease import LEASE_SUFFIX

GATE_SECONDS = 60.0  # it is held for milliseconds; only a process that is stopped keeps it longer
_LOOK_SECONDS = 0.01
_MOST_BYTES = 65536
# a device, a pipe or a link in the place of a file is neither waited for nor followed
_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class LeaseError(Exception):
    """The directory cannot be used; the text says why and what to do."""


class LeaseDirectory:
    """The directory at *path*, made when it is missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        before = os.umask(0)
        try:
            path.mkdir(0o1777)
        except FileExistsError:
            pass
        except OSError as error:
            raise self._unusable(f"cannot be made ({error.strerror})") from error
        finally:
            os.umask(before)

    @contextmanager
    def gate(self, seconds: float = GATE_SECONDS) -> Iterator[None]:
        """Be alone among all who look for locks here, for as long as it takes to look."""
        descriptor = self._opened()
        try:
            self._lock_within(descriptor, seconds)
            yield
        finally:
            os.close(descriptor)

    def path_of(self, name: str) -> Path:
        """Where the file lies that is locked for the GPU *name*."""
        return self.path / f"{name}{LEASE_SUFFIX}"

    def made(self, name: str) -> Path:
        """The file that is locked for the GPU *name*, made when it is missing; behind the gate."""
        path = self.path_of(name)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFELY, 0o600)
        except FileExistsError:
            return path
        except OSError as error:
            raise self._unusable(f"takes no file ({error.strerror})") from error
        os.fchmod(descriptor, 0o666)
        os.close(descriptor)
        return path

    def _opened(self) -> int:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | _SAFELY)
        except OSError as error:
            raise self._unusable(f"cannot be opened ({error.strerror})") from error
        mode = os.fstat(descriptor).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            os.close(descriptor)
            raise self._unusable("lets anybody remove the files of others (it has no sticky bit)")
        return descriptor

    def _lock_within(self, descriptor: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not locked(descriptor):
            if time.monotonic() >= deadline:
                raise self._unusable("is locked by a process that does not let go of it")
            time.sleep(_LOOK_SECONDS)

    def _unusable(self, reason: str) -> LeaseError:
        return LeaseError(
            f"GPUs cannot be leased: {self.path}{_owner_of(self.path)} {reason}: have it removed,"
            " or made anew with mode 1777, or name another by `leases` of this host"
        )


def locked(descriptor: int) -> bool:
    """Lock an open file, unless another has; whether it is locked now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
            raise
        return False
    return True


def unlock(descriptor: int) -> None:
    """Let go of the lock on an open file."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def is_file_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one at *path*, a plain file with no other name."""
    try:
        opened, there = os.fstat(descriptor), path.lstat()
    except OSError:
        return False
    same = (opened.st_dev, opened.st_ino) == (there.st_dev, there.st_ino)
    return same and stat.S_ISREG(opened.st_mode) and opened.st_nlink == 1


def sign(path: Path, said: Mapping[str, Any]) -> None:
    """Write into the file at *path* who has locked it, for others to see."""
    try:
        own = os.open(path, os.O_WRONLY | _SAFELY)
    except OSError:
        return
    try:
        if is_file_at(own, path):
            os.ftruncate(own, 0)
            os.write(own, json.dumps(said).encode())
    except OSError:
        pass  # a full disk: the lock holds all the same
    finally:
        os.close(own)


def said_in(path: Path) -> Dict[str, Any]:
    """What a file here says; nothing when it says nothing that can be understood."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _SAFELY)
    except OSError:
        return {}
    try:
        value = json.loads(os.read(descriptor, _MOST_BYTES)) if is_file_at(descriptor, path) else {}
    except (OSError, ValueError, RecursionError):
        return {}
    finally:
        os.close(descriptor)
    return value if isinstance(value, dict) else {}


def holder_in(path: Path) -> str:
    """Who has locked the file at *path*, in words."""
    said = said_in(path)
    user, run = (_shown(said.get(key)) for key in ("user", "run"))
    if user is None:
        return "another process"
    return user if run is None else f"{user} (run {run})"


def user_name() -> str:
    """The name of the user whose process this is, or the number where there is no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _shown(value: object) -> Optional[str]:
    """A text that somebody else wrote, as it may stand in a log."""
    if not isinstance(value, str):
        return None
    return "".join(letter for letter in value[:64] if letter.isprintable()) or None


def _owner_of(path: Path) -> str:
    try:
        return f", which belongs to {path.owner()},"
    except (OSError, KeyError):
        return ""
