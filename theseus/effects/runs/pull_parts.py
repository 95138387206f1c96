"""Pull parts: what has come of a file, beside where it will lie, until it is whole."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Self

from theseus.core.runs.pull import PARTS, RemoteFile
from theseus.core.values import frozen
from theseus.effects.hosts.file_lock import locked

SILENCE = 1.0  # seconds that nobody minds
_TRIES, _PAUSE = 20, 0.02
_LOG = logging.getLogger(__name__)  # on standard error, where the program says nothing else


@asynccontextmanager
async def alone(destination: Path) -> AsyncIterator[None]:
    """Be the one pull into *destination*: two would write to the same parts, and remove them.

    Who waits for longer than a second is told once.
    """
    waiting = f"theseus: waiting for another pull into {destination} to end"
    told = asyncio.get_running_loop().call_later(SILENCE, _LOG.warning, waiting)
    async with AsyncExitStack() as held:
        try:
            for _ in range(_TRIES):
                if await _is_locked(destination, held):
                    break
                await asyncio.sleep(_PAUSE)
        finally:
            told.cancel()
        yield


async def _is_locked(destination: Path, held: AsyncExitStack) -> bool:
    """Whether it is locked now, or cannot be; not if a holder has just removed the lock."""
    try:
        lock = _lock(destination)
        return _lies_at(lock, await held.enter_async_context(locked(lock)))
    except (FileNotFoundError, FileExistsError):
        return False
    except OSError:  # no locks on this file system, or no right to write, which each file will say
        return True


def _lock(destination: Path) -> Path:
    parts = destination / PARTS
    parts.mkdir(parents=True, exist_ok=True)
    return parts / "lock"


def _lies_at(path: Path, descriptor: int) -> bool:
    return os.path.samestat(os.fstat(descriptor), path.lstat())


@frozen
class Part:
    """What there is here of *file* until it is whole, at *path*: its first *offset* bytes."""

    file: RemoteFile
    path: Path
    target: Path
    offset: int

    @classmethod
    def of(cls, destination: Path, file: RemoteFile) -> "Part":
        """What there is of *file*, which is to lie below *destination*."""
        parts = destination / PARTS
        parts.mkdir(parents=True, exist_ok=True)
        target = destination / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        path = parts / file.part
        path.touch()
        return cls(file, path, target, min(path.stat().st_size, file.size))

    def settle(self) -> None:
        """Put the whole file in its place, at once."""
        os.utime(self.path, ns=(self.file.mtime_ns, self.file.mtime_ns))
        self.path.replace(self.target)


class Writing:
    """Appends to a part; the first problem of this disk is kept, and the rest goes nowhere."""

    def __init__(self, part: Part, problems: dict[str, str]) -> None:
        self._part = part
        self._problems = problems

    def __enter__(self) -> Self:
        self._stream = self._part.path.open("r+b", buffering=0)
        self._stream.truncate(self._part.offset)
        self._stream.seek(self._part.offset)
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def write(self, data: bytes) -> None:
        """Append *data*."""
        if self._part.file.name not in self._problems:
            try:
                view = memoryview(data)
                while view:
                    view = view[self._stream.write(view) :]
            except OSError as error:
                self._problems[self._part.file.name] = error.strerror or str(error)
