"""Output files: what a command writes where its user says, and what is said where it cannot."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from returns.result import Failure, Result, Success

from theseus.core.errors import PlanError, Unreadable
from theseus.core.values import frozen
from theseus.effects.reading.whole_file import write_new, write_whole

Value = TypeVar("Value")


@frozen
class OutputFile:
    """A file at *path*, as the user wrote it: *kind* says what it is, *advice* what else to do."""

    kind: str
    path: str
    advice: str

    def place(self) -> Result[Path, PlanError]:
        """Where it is to lie, unless it cannot: asked before anything else is done."""
        return self._attempted(self._place)

    def write(self, content: bytes, mode: int) -> Result[None, PlanError]:
        """Put *content* there in one go, with *mode* less the umask."""
        return self._attempted(lambda: write_whole(self._place(), content, mode))

    def write_new(self, content: bytes) -> Result[None, PlanError]:
        """Put *content* there, where nothing is yet."""
        return self._attempted(lambda: write_new(self._place(), content))

    def _place(self) -> Path:
        target = Path(self.path).expanduser()
        _check(target.parent)
        place = target.resolve(strict=False)
        if place.is_dir():
            raise IsADirectoryError(None, "is a directory")
        if place.is_file() or not place.exists():
            _check(place.parent, to_write=True)
        return target

    def _attempted(self, act: Callable[[], Value]) -> Result[Value, PlanError]:
        try:
            return Success(act())
        except OSError as error:
            reason = error.strerror or str(error)
        except (RuntimeError, ValueError) as error:
            # `~name` of a user that does not exist, a link to itself, or a NUL in the path
            reason = str(error)
        return Failure(Unreadable(self.kind, self.path, reason.lower().rstrip("."), self.advice))


def _check(directory: Path, *, to_write: bool = False) -> None:
    if not directory.is_dir():
        raise NotADirectoryError(None, f"{directory} is no directory")
    if to_write and not os.access(directory, os.W_OK | os.X_OK):
        raise PermissionError(None, "permission denied")
