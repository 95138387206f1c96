"""Byte stream: what a shell prints, read up to a mark or by an exact number of bytes."""

import re
from collections.abc import Callable

from theseus.effects.hosts.shells import Shell


class StreamEnded(Exception):  # noqa: N818 - not an error of the program: the far side is gone
    """The far side is gone before all of what was read for had come."""


class ByteStream:
    """The standard output of *shell*."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._buffer = b""

    async def until(self, mark: re.Pattern[bytes]) -> re.Match[bytes]:
        """Skip what comes before *mark*, which holds no more than a line, and read it."""
        while (found := mark.search(self._buffer)) is None:
            await self._more()
        self._buffer = self._buffer[found.end() :]
        return found

    async def records(self, last: bytes) -> list[bytes]:
        """Records that each end with NUL, up to the one that begins with *last*."""
        records: list[bytes] = []
        while not records or not records[-1].startswith(last):
            while b"\0" not in self._buffer:
                await self._more()
            *whole, self._buffer = self._buffer.split(b"\0")
            ends = (at for at, each in enumerate(whole, 1) if each.startswith(last))
            end = next(ends, len(whole))
            records += whole[:end]
            self._buffer = b"\0".join((*whole[end:], self._buffer))
        return records

    async def copy(self, size: int, write: Callable[[bytes], object]) -> None:
        """Hand exactly *size* bytes to *write*, as they come."""
        while size:
            if not self._buffer:
                await self._more()
            taken, self._buffer = self._buffer[:size], self._buffer[size:]
            size -= len(taken)
            write(taken)

    async def _more(self) -> None:
        data = await self._shell.output()
        if not data:
            raise StreamEnded
        self._buffer += data
