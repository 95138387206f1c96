"""Parcels: what is sent for a step that wants something, in a form that the far side takes.

Values and their words only: what perform.sh says that it takes, and what it is told that comes.
Where the pieces come from is for shipment.py and supply.py to say.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from theseus.core.plan.outcome import NothingToSend
from theseus.core.source.source import SourceError
from theseus.core.source.source_text import explain
from theseus.core.values import frozen

SMALL = 1_000_000  # bytes: half of what ssh sends before it waits for an answer
PIECE = 4 * 1024 * 1024  # each costs the far side a process or two


class SupplyError(Exception):
    """Something the plan names is not to be had here; *error* says what and what to do."""

    def __init__(self, error: NothingToSend) -> None:
        super().__init__(f"{error.what}; {error.advice}")
        self.error = error


@frozen
class Parcel:
    """What is sent: its *form*, as perform.sh is told, and its *pieces*, made when asked for.

    A form is a word, how it is kept; a commit and a tree follow where it comes as a pack.

    *size* is how much there is to do, in bytes of any kind, and *done* tells how much is done.
    Making a piece may block, and may raise SupplyError.
    """

    form: str
    pieces: Iterator[bytes]
    size: int
    done: Callable[[], int]

    @property
    def follows(self) -> bool:
        """Whether it goes without being asked for: little is lost if an earlier step has failed."""
        return self.size <= SMALL


Watch: TypeAlias = Callable[[Parcel], Parcel]
"""Gives the same parcel, and may look on while its pieces are taken."""


def unwatched(parcel: Parcel) -> Parcel:
    """*parcel*, of which nobody wants to know how far it has come."""
    return parcel


def bytes_parcel(content: bytes, form: str = "file") -> Parcel:
    """A parcel of *content*."""
    pieces = (content[start : start + PIECE] for start in range(0, len(content), PIECE))
    return Parcel(form, pieces, len(content), lambda: len(content))


def file_parcel(path: Path, form: str) -> Parcel:
    """A parcel of the content of the file at *path*."""
    done = 0

    def pieces() -> Iterator[bytes]:
        nonlocal done
        try:
            with path.open("rb") as file:
                while piece := file.read(PIECE):
                    done += len(piece)
                    yield piece
        except OSError as error:
            what = f"the archive {path} cannot be read: {error.strerror or error}"
            raise SupplyError(NothingToSend(what, "submit again")) from None

    return Parcel(form, pieces(), path.stat().st_size if path.exists() else 0, lambda: done)


def not_to_be_had(error: SourceError) -> SupplyError:
    """That a source cannot be sent, and why."""
    return SupplyError(NothingToSend(explain(error), "make the plan again where the source is"))
