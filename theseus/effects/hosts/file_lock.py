"""File locks: one process at a time, on this machine, and freed by the kernel when it dies."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_PAUSE = 0.02  # seconds between two tries: waiting in the kernel could not be given up


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[int]:
    """The file *path*, made when it is missing, locked and open; its descriptor."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while not _taken(descriptor):  # noqa: ASYNC110  another process frees it, and sets no event
            await asyncio.sleep(_PAUSE)
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
