"""A temporary bare repository that borrows its objects, so that the user's stays untouched.

New objects land here; old ones are read through `objects/info/alternates`. Its own configuration
and attributes let exactly the bytes of a tree out, whatever the user or the tree configures.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from returns.result import Result

from theseus.core.source.source import SourceError
from theseus.core.values import frozen
from theseus.effects.source.git import Git, read

# gitattributes(5): info/attributes has the highest precedence. `-working-tree-encoding` is an
# error to git, so that one is taken back with `!`.
_ATTRIBUTES = "* -export-ignore -export-subst -text -ident -filter !working-tree-encoding\n"
_SHA1_DIGITS = 40
# 2000-01-01: zip files, and so wheels, know no time before 1980.
_DATE = "946684800 +0000"
_IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "theseus"), ("EMAIL", "theseus"), ("DATE", _DATE))
}


@frozen
class Store:
    """A bare repository at *directory*; *git* is the user's."""

    git: Git
    directory: Path

    @property
    def objects(self) -> Path:
        """Where new objects land."""
        return self.directory / "objects"

    @property
    def index(self) -> Path:
        """Where the copy of the user's index stands."""
        return self.directory / "index"

    @property
    def secluded(self) -> Git:
        """Git as it runs on this repository: without any configuration of user or system."""
        return self.git.having(
            {
                **_IDENTITY,
                "GIT_DIR": str(self.directory),
                "GIT_INDEX_FILE": str(self.directory / "inlined"),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_ATTR_NOSYSTEM": "1",
                "HOME": str(self.directory),
                "XDG_CONFIG_HOME": str(self.directory),
            }
        )

    @property
    def collecting(self) -> Git:
        """Git as it runs on the user's work tree, with its index and new objects in here."""
        return self.git.having(
            {"GIT_INDEX_FILE": str(self.index), "GIT_OBJECT_DIRECTORY": str(self.objects)}
        )

    def borrow(self, objects: Path) -> None:
        """Let the objects in the directory *objects* be read here."""
        with (self.objects / "info" / "alternates").open("ab") as alternates:
            alternates.write(_quoted(os.fsencode(objects)) + b"\n")

    def speak(self, name: str) -> None:
        """Use the hash function of the hash *name*."""
        (self.directory / "config").write_text(_configuration(name), encoding="ascii")

    def read(self, *words: str, feed: bytes = b"") -> Result[bytes, SourceError]:
        """Run git on this repository."""
        return read(self.secluded, self.directory, *words, feed=feed)


@contextmanager
def temporary_store(git: Git, objects: Path) -> Iterator[Store]:
    """Make a store that borrows from *objects*, and remove it in the end."""
    with TemporaryDirectory(prefix="theseus-") as directory:
        store = Store(git, Path(directory))
        for name in ("objects/info", "refs", "info"):
            (store.directory / name).mkdir(parents=True)
        (store.directory / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
        (store.directory / "info" / "attributes").write_text(_ATTRIBUTES, encoding="ascii")
        store.borrow(objects)
        yield store


def _configuration(name: str) -> str:
    if len(name) == _SHA1_DIGITS:
        return "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
    return (
        "[core]\n\trepositoryformatversion = 1\n\tbare = true\n"
        "[extensions]\n\tobjectformat = sha256\n"
    )


def _quoted(path: bytes) -> bytes:
    """Quote *path* as git's `unquote_c_style` reads it.

    gitrepository-layout(5) says nothing of it, but a line that begins with a quote is unquoted as
    in GIT_ALTERNATE_OBJECT_DIRECTORIES, see git(1).
    """
    return b'"%s"' % b"".join(_byte(byte) for byte in path)


def _byte(byte: int) -> bytes:
    plain = 0x20 <= byte < 0x7F and byte not in b'"\\'
    return bytes([byte]) if plain else b"\\%03o" % byte
