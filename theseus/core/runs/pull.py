"""Pull: which files of a run come back, what is asked of the host for each, and how it answers.

A name that comes from a host is never trusted: one that leads out of the directory it is pulled
into, by `..` or from the root, is refused. The words are those of `sh/pull.sh`.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from hashlib import sha256

from theseus.core.text.shell import word
from theseus.core.values import frozen

PARTS = (
    ".theseus-pull"  # where files lie until they are whole, in the directory they are pulled into
)


@frozen
class RemoteFile:
    """A file below the directory that is pulled: its *name* there, *size*, time of change *mtime*.

    *mtime* is in seconds, as text, with all the digits that the host has.
    """

    name: str
    size: int
    mtime: str

    @property
    def mtime_ns(self) -> int:
        """Its time of change in nanoseconds."""
        seconds, _, fraction = self.mtime.partition(".")
        return int(seconds) * 10**9 + int(fraction.ljust(9, "0")[:9])

    @property
    def part(self) -> str:
        """The name of what there is of it until it is whole: another for each of its states."""
        identity = f"{self.size} {self.mtime} {self.name}"
        return sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:32]


@frozen
class Listing:
    """What lies below a directory: *files*, how many symbolic *links*, names that are *refused*.

    It is *whole* unless the host could not read some of it.
    """

    files: tuple[RemoteFile, ...]
    links: int
    refused: tuple[str, ...]
    whole: bool


def read_listing(records: Sequence[bytes]) -> Listing:
    """The listing that the NUL-ended *records* of pull.sh tell of, the last of them its end."""
    *entries, end = records
    files, links, refused = [], 0, []
    for entry in entries:
        kind, size, mtime, name = entry.decode("utf-8", "surrogateescape").split(" ", 3)
        if kind == "l":
            links += 1
        elif is_inside(name):
            files.append(RemoteFile(name, int(size), mtime))
        else:
            refused.append(name)
    files.sort(key=lambda file: file.name)
    return Listing(tuple(files), links, tuple(refused), whole=end == b"end 0")


def is_inside(name: str) -> bool:
    """Whether a file called *name* lies in the directory it is named in, and is not one of ours.

    >>> is_inside("plots/loss.png"), is_inside("../.ssh/config"), is_inside("/etc/passwd")
    (True, False, False)
    """
    parts = name.split("/")
    return not {"", ".", ".."} & set(parts) and parts[0] != PARTS


def selected(files: Sequence[RemoteFile], pattern: str | None) -> tuple[RemoteFile, ...]:
    """Those of *files* that *pattern* means: a name, a directory, or one with `*`, `?`, `[…]`.

    `*` stands for anything, `/` too; without a `/` it may be the last part of a name.
    """
    if pattern is None:
        return tuple(files)
    return tuple(file for file in files if _means(pattern.rstrip("/"), file.name))


def _means(pattern: str, name: str) -> bool:
    if fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}/*"):
        return True
    return "/" not in pattern and fnmatchcase(name.rpartition("/")[2], pattern)


def request_line(file: RemoteFile, offset: int) -> bytes:
    """The line that asks for *file* from *offset* on: a complete group, whatever its name holds."""
    line = f"{{ send {offset} {file.size} {file.mtime} {word(file.name)}; }}\n"
    return line.encode("utf-8", "surrogateescape")


@frozen
class Stamp:
    """What a file is now: the same file with another *size* and *mtime*."""

    size: int
    mtime: str


def read_stamp(text: str) -> Stamp | None:
    """The stamp that pull.sh printed as *text*; None for a file that is gone.

    >>> read_stamp("17 1700000000.5000000000").size
    17
    """
    size, _, mtime = text.partition(" ")
    return Stamp(int(size), mtime) if size.isdecimal() and mtime else None
