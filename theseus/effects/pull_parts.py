"""Pull parts: what has come of a file, beside where it will lie, until it is whole."""

import os
from pathlib import Path
from typing import Self

from theseus.core.pull import PARTS, RemoteFile
from theseus.core.values import frozen


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
