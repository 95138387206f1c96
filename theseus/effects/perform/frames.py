"""Frames: reading what perform.sh says, out of streams that may hold anything around them.

Bytes go in, values come out; no stream and no clock may be touched here. The token is random for
each dialogue, so that neither banners nor a step's own output can pass for a frame.
"""

import re

from theseus.core.values import frozen

START = -1  # the index under which perform.sh says that it was read to its end
KEPT = 4096  # bytes of standard error kept for a step
LONGEST_HEADER = 128
# what follows the token: compiling an expression with the token inside costs more than finding it
_HEADER = re.compile(rb" (-?\d{1,9}) ([a-z]+|\d{1,3}) (\d{1,12})\n")
_MARKER = re.compile(rb" (-?\d{1,9})\n")


@frozen
class Frame:
    """The answer to step *index*: *status* is a number, or `skipped`, `want`, `answered`."""

    index: int
    status: str
    output: bytes


class FrameReader:
    """Finds frames in standard output, fed piece by piece."""

    def __init__(self, token: str) -> None:
        self._opening = b"\n" + token.encode()
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take *data* and give the frames that are complete now."""
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        found = _after(self._opening, _HEADER, self._buffer)
        if found is None:
            del self._buffer[:-LONGEST_HEADER]
            return None
        index, status, length = found.groups()
        end = found.end() + int(length)
        if len(self._buffer) < end:
            return None
        frame = Frame(int(index), status.decode(), bytes(self._buffer[found.end() : end]))
        del self._buffer[:end]
        return frame


class ErrorReader:
    """Cuts standard error at its markers and keeps the tail of what each step said."""

    def __init__(self, token: str) -> None:
        self._opening = b"\n" + token.encode()
        self._buffer = bytearray()
        self._said: dict[int, bytes] = {}

    def feed(self, data: bytes) -> None:
        """Take *data*."""
        self._buffer += data
        while found := _after(self._opening, _MARKER, self._buffer):
            index = int(found[1])
            end = found.start() - len(self._opening)
            self._said[index] = (self._said.get(index, b"") + self._buffer[:end])[-KEPT:]
            del self._buffer[: found.end()]
        del self._buffer[: -(KEPT + LONGEST_HEADER)]

    def marked(self, index: int) -> bool:
        """Whether the marker of step *index* has arrived."""
        return index in self._said

    def said(self, index: int) -> str:
        """What step *index* printed, its tail; the rest of the stream where no marker came."""
        text = self._said.get(index, bytes(self._buffer[-KEPT:]))
        return text.decode("utf-8", "replace").strip()


def _after(opening: bytes, pattern: re.Pattern[bytes], buffer: bytearray) -> re.Match[bytes] | None:
    """The first match of *pattern* in *buffer* that *opening* stands right before."""
    at = buffer.find(opening)
    while at >= 0 and (found := pattern.match(buffer, at + len(opening))) is None:
        at = buffer.find(opening, at + 1)
    return found if at >= 0 else None
