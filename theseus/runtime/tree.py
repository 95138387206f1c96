"""The git tree hash of a directory, without git.

Here: hashing what is on disk as git would. Never here: reading a repository.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

_CHUNK = 2**20
_ALGORITHMS = {40: "sha1", 64: "sha256"}  # by the digits of the hash
_NewHash = Callable[[], Any]  # Any: hashlib has no public type for what it returns
_Entry = Tuple[bytes, bytes, bytes]  # mode, name, digest


def tree_hash(directory: Path, digits: int = 40) -> str:
    """The hash `git write-tree` gives for *directory*: SHA-1 for 40 *digits*, SHA-256 for 64.

    As in git, names are bytes, empty directories do not count, and of a file's mode only whether
    its owner may run it does.
    """
    algorithm = _ALGORITHMS[digits]

    def new_hash() -> Any:  # noqa: ANN401 - hashlib has no public type for what it returns
        return hashlib.new(algorithm, usedforsecurity=False)

    digest = _tree(os.fsencode(directory), new_hash)
    return (digest or _object(b"tree", b"", new_hash)).hex()


def _tree(directory: bytes, new_hash: _NewHash) -> Optional[bytes]:
    with os.scandir(directory) as found:
        entries = [entry for each in found for entry in _entries(each, new_hash)]
    if not entries:
        return None
    entries.sort(key=_order)
    body = b"".join(b"%s %s\0%s" % entry for entry in entries)
    return _object(b"tree", body, new_hash)


def _order(entry: _Entry) -> bytes:
    # git compares the names of directories as if they ended in a slash.
    mode, name, _ = entry
    return name + b"/" if mode == b"40000" else name


def _entries(found: os.DirEntry[bytes], new_hash: _NewHash) -> List[_Entry]:
    mode = found.stat(follow_symlinks=False).st_mode
    if stat.S_ISDIR(mode):
        digest = _tree(found.path, new_hash)
        return [] if digest is None else [(b"40000", found.name, digest)]
    if stat.S_ISLNK(mode):
        target = os.readlink(found.path)  # noqa: PTH115 - a Path cannot hold bytes
        return [(b"120000", found.name, _object(b"blob", target, new_hash))]
    if stat.S_ISREG(mode):
        kind = b"100755" if mode & stat.S_IXUSR else b"100644"
        return [(kind, found.name, _file(found.path, new_hash))]
    return []  # git knows no sockets, pipes or devices


def _object(kind: bytes, content: bytes, new_hash: _NewHash) -> bytes:
    result = new_hash()
    result.update(b"%s %d\0%s" % (kind, len(content), content))
    digest: bytes = result.digest()
    return digest


def _file(path: bytes, new_hash: _NewHash) -> bytes:
    result = new_hash()
    with open(path, "rb") as stream:  # noqa: PTH123 - a Path cannot hold bytes
        result.update(b"blob %d\0" % os.fstat(stream.fileno()).st_size)
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            result.update(chunk)
    digest: bytes = result.digest()
    return digest


def main(directory: str, expected: str) -> int:
    """Print whether *directory* has the hash *expected*; the exit status is 0 when it has."""
    if len(expected) not in _ALGORITHMS:
        print(f"{expected!r} is no tree hash: it has 40 or 64 digits")
        return 1
    found = tree_hash(Path(directory), len(expected))
    if found != expected:
        print(f"the source is tree {found}, not {expected}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
