"""The archive of a tree: the same tree gives the same bytes.

Neither clock, time zone, umask, locale nor anybody's git configuration reaches it: `git archive`
runs on the temporary store, on a commit with fixed identity and date (of a bare tree it would
stamp the present), and the compressed stream carries no time and no name.
"""

import hashlib
import os
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from returns.result import Failure, Result, Success

from theseus.core.source.source import ArchiveNotWritten, SourceError
from theseus.core.values import frozen
from theseus.effects.source.git import Finished, command_line, environment, named, text
from theseus.effects.source.store import Store

_FAST = 1  # level 1 keeps up with git archive; level 6 takes twice as long for a tenth less
_GZIP = zlib.MAX_WBITS | 16
_CHUNK = 1 << 18


class ArchiveBroken(Exception):  # noqa: N818 - the error is the value it carries
    """Git could not write an archive to its end; *error* says why."""

    def __init__(self, error: SourceError) -> None:
        super().__init__(str(error))
        self.error = error


@frozen
class Archive:
    """A finished archive: its *path*, *size* in bytes and *sha256*."""

    path: Path
    size: int
    sha256: str


def write_archive(store: Store, tree: str, destination: Path) -> Result[Archive, SourceError]:
    """Write the gzipped tar of *tree* to *destination*, which appears only when it is whole."""
    return plain_commit(store, tree).bind(lambda commit: _landed(store, commit, destination))


def plain_commit(store: Store, tree: str, *parent: str) -> Result[str, SourceError]:
    """A commit of *tree* with nothing of its own: the same for everybody."""
    return store.read("commit-tree", tree, *parent, "-m", tree).map(
        lambda commit: commit.decode("ascii").strip()
    )


def copy_archive(origin: Path, destination: Path) -> Result[Archive, SourceError]:
    """Copy the archive at *origin* to *destination*, which appears only when it is whole."""
    try:
        with origin.open("rb") as source, _part(destination) as part:
            while chunk := source.read(_CHUNK):
                part.write(chunk)
            return Success(part.land(destination))
    except OSError as error:
        return Failure(_not_written(destination, error))


def tar_chunks(store: Store, commit: str) -> Iterator[bytes]:
    """The tar of *commit*, chunk by chunk; ArchiveBroken when git fails before its end."""
    words = ("-c", "tar.umask=0022", "archive", "--format=tar", commit)
    with tempfile.TemporaryFile() as complaint:
        with subprocess.Popen(
            command_line(store.secluded, store.directory, words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaint,
            env=environment(store.secluded),
        ) as git:
            while chunk := cast("IO[bytes]", git.stdout).read(_CHUNK):
                yield chunk
        if git.returncode != 0:
            complaint.seek(0)
            done = Finished("git archive", git.returncode, b"", text(complaint.read()))
            raise ArchiveBroken(named(done, store.directory))


def gzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """*chunks* as a gzip stream, with neither name nor time in it."""
    squeeze = zlib.compressobj(_FAST, zlib.DEFLATED, _GZIP)
    yield from map(squeeze.compress, chunks)
    yield squeeze.flush()


def _landed(store: Store, commit: str, destination: Path) -> Result[Archive, SourceError]:
    try:
        with _part(destination) as part:
            for chunk in gzipped(tar_chunks(store, commit)):
                part.write(chunk)
            return Success(part.land(destination))
    except ArchiveBroken as broken:
        return Failure(broken.error)
    except OSError as error:
        return Failure(_not_written(destination, error))


def _not_written(destination: Path, error: OSError) -> ArchiveNotWritten:
    return ArchiveNotWritten(str(destination), error.strerror or str(error))


class _Part:
    """A file under another name that becomes an archive when it is whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = 0
        self._digest = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Append *chunk*."""
        self._file.write(chunk)
        self._size += len(chunk)
        self._digest.update(chunk)

    def land(self, destination: Path) -> Archive:
        """Take the name *destination*."""
        self._file.flush()
        Path(self._file.name).replace(destination)
        return Archive(destination, self._size, self._digest.hexdigest())


@contextmanager
def _part(destination: Path) -> Iterator[_Part]:
    """Open a part beside *destination*; what has not landed in the end is removed."""
    handle, name = tempfile.mkstemp(prefix=".part-", dir=destination.parent)
    os.close(handle)
    try:
        with Path(name).open("wb") as file:
            yield _Part(file)
    finally:
        Path(name).unlink(missing_ok=True)
