"""What git's output means: bytes in, values out, nothing else.

Only `-z` formats are read: paths in them are raw bytes, whatever characters they hold.
"""

from collections.abc import Iterable, Iterator, Mapping

from theseus.core.values import frozen

LINK_MODE = b"160000"  # a gitlink: the commit of a submodule
# git-status(1), porcelain v2: how many fields stand before the path, by the kind of line.
_FIELDS = {b"1 ": 8, b"u ": 10, b"? ": 1}
_LFS_HEAD = b"version https://git-lfs.github.com/spec/v1\n"
_LFS_LARGEST = 1024  # git-lfs spec: pointer files are less than 1024 bytes


@frozen
class Entry:
    """One line of a tree: *mode* as octal digits, object *hash*, *path* from the top."""

    mode: bytes
    hash: bytes
    path: bytes


@frozen
class Change:
    """One line of a status: its two-letter *code*, the *submodule* field and the *path*."""

    code: bytes
    submodule: bytes
    path: bytes

    @property
    def untracked(self) -> bool:
        """True for what no commit and no index holds; `add --intent-to-add` changes nothing."""
        return self.code in {b"??", b".A"}

    @property
    def unknown(self) -> bool:
        """True for what git was never told of."""
        return self.code == b"??"

    @property
    def inside_submodule(self) -> bool:
        """True for a submodule whose own files differ from its commit."""
        return self.submodule.startswith(b"S") and self.submodule[2:] != b".."

    @property
    def of_repository(self) -> bool:
        """True for what a commit in the repository itself would take up."""
        return not (self.inside_submodule and self.code == b".M" and self.submodule[1:2] == b".")


def entries(listing: bytes) -> tuple[Entry, ...]:
    """Read `git ls-tree -r -z`."""
    return tuple(_entry(line) for line in listing.split(b"\0") if line)


def content_size(listing: bytes) -> int:
    """The size of all files together, from `git ls-tree -r -l -z`."""
    lines = (line.partition(b"\t")[0].split() for line in listing.split(b"\0") if line)
    return sum(int(size) for *_, size in lines if size.isdigit())


def index_lines(listed: Iterable[Entry]) -> bytes:
    """Write *listed* as `git update-index -z --index-info` reads it."""
    return b"".join(b"%s %s\t%s\0" % (entry.mode, entry.hash, entry.path) for entry in listed)


def changes(status: bytes) -> tuple[Change, ...]:
    """Read `git status --porcelain=v2 -z --no-renames`."""
    return tuple(_change(line) for line in status.split(b"\0") if line[:2] in _FIELDS)


def blobs(batch: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Read `git cat-file --batch`: each object's hash and content; missing ones are left out."""
    start = 0
    while start < len(batch):
        end = batch.index(b"\n", start)
        head = batch[start:end].split(b" ")
        start = end + 1
        if head[-1] != b"missing":
            size = int(head[-1])
            yield head[0], batch[start : start + size]
            start += size + 1


def pointer_sized(check: bytes) -> frozenset[bytes]:
    """Read `git cat-file --batch-check`: the hashes of what is small enough to be a pointer."""
    lines = (line.split(b" ") for line in check.splitlines())
    return frozenset(
        line[0] for line in lines if line[-1] != b"missing" and int(line[-1]) < _LFS_LARGEST
    )


def pointers(contents: Mapping[bytes, bytes]) -> frozenset[bytes]:
    """Return the hashes of *contents* that are Git LFS pointers."""
    return frozenset(name for name, content in contents.items() if content.startswith(_LFS_HEAD))


def _entry(line: bytes) -> Entry:
    head, _, path = line.partition(b"\t")
    mode, _, name = head.split(b" ")
    return Entry(mode, name, path)


def _change(line: bytes) -> Change:
    words = line.split(b" ", _FIELDS[line[:2]])
    if line.startswith(b"?"):
        return Change(b"??", b"N...", words[1])
    return Change(words[1], words[2], words[-1])
