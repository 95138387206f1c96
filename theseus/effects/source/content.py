"""What a tree really holds once it is an archive: submodules filled in.

A git archive leaves a submodule as an empty folder, so its place is taken by the tree of its
commit, read from the submodule's own object store. All reading happens in the temporary store.
"""

import os
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from returns.iterables import Fold
from returns.result import Failure, Result, Success

from theseus.core.source.source import (
    GitMissing,
    LfsPointers,
    SourceError,
    SubmoduleNotFetched,
    UnsafeRepository,
)
from theseus.core.values import frozen
from theseus.effects.source import git_output
from theseus.effects.source.git import read
from theseus.effects.source.git_output import LINK_MODE, Entry
from theseus.effects.source.store import Store


@frozen
class Content:
    """The *entries* of *tree*, all of them files; *linked* when some came from submodules."""

    tree: str
    entries: tuple[Entry, ...]
    linked: bool

    def holds(self, directory: str) -> bool:
        """Tell whether some entry lies below *directory*; the top always counts."""
        below = os.fsencode(directory) + b"/"
        return not directory or any(entry.path.startswith(below) for entry in self.entries)


def shipped_content(store: Store, top: Path, tree: str) -> Result[Content, SourceError]:
    """Return what ships for *tree* of the repository at *top*: its hash may be another then."""
    store.speak(tree)
    return _listed(store, tree).bind(
        lambda listed: _filled_in(store, top, Content(tree, listed, linked=False))
    )


def lfs_pointers(
    store: Store, entries: tuple[Entry, ...]
) -> Result[tuple[LfsPointers, ...], SourceError]:
    """Return a warning when *entries* hold Git LFS pointers.

    Files are only looked into where some `.gitattributes` names the LFS filter.
    """
    rules = [entry for entry in entries if entry.path.rpartition(b"/")[2] == b".gitattributes"]
    return _contents(store, rules).bind(
        lambda found: (
            _pointers(store, entries)
            if any(b"filter=lfs" in content for content in found.values())
            else Success(())
        )
    )


def _filled_in(store: Store, top: Path, content: Content) -> Result[Content, SourceError]:
    """Return *content* as it is without submodules, else written anew with theirs."""
    if all(entry.mode != LINK_MODE for entry in content.entries):
        return Success(content)
    return Result.do(
        Content(tree, entries, linked=True)
        for entries in _inlined(store, top, content.entries, b"")
        for tree in _written(store, entries)
    )


def _inlined(
    store: Store, top: Path, listed: tuple[Entry, ...], prefix: bytes
) -> Result[tuple[Entry, ...], SourceError]:
    """Return *listed* below *prefix*, with the entries of its submodules in their places."""
    own = tuple(
        Entry(entry.mode, entry.hash, prefix + entry.path)
        for entry in listed
        if entry.mode != LINK_MODE
    )
    filled = [_submodule(store, top, entry, prefix) for entry in listed if entry.mode == LINK_MODE]
    return Fold.collect(filled, Success(())).map(
        lambda groups: own + tuple(chain.from_iterable(groups))
    )


def _submodule(
    store: Store, top: Path, link: Entry, prefix: bytes
) -> Result[tuple[Entry, ...], SourceError]:
    """Return the entries of the commit that *link* names."""
    path = prefix + link.path
    directory = top / os.fsdecode(link.path)
    missing = SubmoduleNotFetched(os.fsdecode(path))
    # Without a .git of its own, git would answer for the repository around it.
    if not (directory / ".git").exists():
        return Failure(missing)
    return (
        read(store.git, directory, "rev-parse", "--git-path", "objects")
        .map(lambda objects: store.borrow(directory / os.fsdecode(objects.removesuffix(b"\n"))))
        .bind(lambda _: _listed(store, link.hash.decode("ascii")))
        .lash(lambda error: Failure(_fetch_failure(error, missing)))
        .bind(lambda listed: _inlined(store, directory, listed, path + b"/"))
    )


def _fetch_failure(error: SourceError, missing: SubmoduleNotFetched) -> SourceError:
    return error if isinstance(error, GitMissing | UnsafeRepository) else missing


def _listed(store: Store, tree: str) -> Result[tuple[Entry, ...], SourceError]:
    return store.read("ls-tree", "-r", "-z", "--full-tree", tree).map(git_output.entries)


def _written(store: Store, entries: tuple[Entry, ...]) -> Result[str, SourceError]:
    """Write *entries* as a tree into the store."""
    return (
        store.read("update-index", "-z", "--index-info", feed=git_output.index_lines(entries))
        .bind(lambda _: store.read("write-tree"))
        .map(lambda tree: tree.decode("ascii").strip())
    )


def _pointers(
    store: Store, entries: tuple[Entry, ...]
) -> Result[tuple[LfsPointers, ...], SourceError]:
    return Result.do(
        _pointer_warning([entry for entry in entries if entry.hash in pointers])
        for check in store.read("cat-file", "--batch-check", feed=_hash_lines(entries))
        for small in Success(git_output.pointer_sized(check))
        for contents in _contents(store, [entry for entry in entries if entry.hash in small])
        for pointers in Success(git_output.pointers(contents))
    )


def _pointer_warning(pointers: list[Entry]) -> tuple[LfsPointers, ...]:
    return (LfsPointers(len(pointers), os.fsdecode(pointers[0].path)),) if pointers else ()


def _contents(store: Store, entries: list[Entry]) -> Result[dict[bytes, bytes], SourceError]:
    """Return the content of each of *entries* by its hash."""
    if not entries:
        return Success({})
    return store.read("cat-file", "--batch", feed=_hash_lines(entries)).map(
        lambda batch: dict(git_output.blobs(batch))
    )


def _hash_lines(entries: Iterable[Entry]) -> bytes:
    return b"".join(entry.hash + b"\n" for entry in entries)
