"""Output files: what a command writes where its user says, and what is said where it cannot."""

from collections.abc import Callable
from pathlib import Path

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.errors import PlanError, Unreadable
from theseus.core.values import frozen
from theseus.effects.reading.whole_file import write_new, write_whole


@frozen
class OutputFile:
    """A file at *path*, as the user wrote it: *kind* says what it is, *advice* what else to do."""

    kind: str
    path: str
    advice: str

    def place(self) -> Result[Path, PlanError]:
        """Where it is to lie, unless that can be no file: asked before anything else is done."""
        try:
            target = Path(self.path).expanduser()
        except RuntimeError as error:  # `~name` of a user that does not exist
            return Failure(self.unwritable(str(error)))
        if not target.parent.is_dir():
            return Failure(self.unwritable(f"{target.parent} is no directory"))
        return Failure(self.unwritable("is a directory")) if target.is_dir() else Success(target)

    def write(self, content: bytes, mode: int) -> Result[None, PlanError]:
        """Put *content* there in one go, with *mode* less the umask."""
        return self._written(lambda target: write_whole(target, content, mode))

    def write_new(self, content: bytes) -> Result[None, PlanError]:
        """Put *content* there, where nothing is yet."""
        return self._written(lambda target: write_new(target, content))

    def unwritable(self, reason: str) -> Unreadable:
        """That it cannot be written, and why."""
        return Unreadable(self.kind, self.path, reason.lower().rstrip("."), self.advice)

    def _written(self, write: Callable[[Path], None]) -> Result[None, PlanError]:
        target = self.place()
        if not is_successful(target):
            return Failure(target.failure())
        try:
            write(target.unwrap())
        except OSError as error:
            return Failure(self.unwritable(error.strerror or str(error)))
        return Success(None)
