"""Taking the source snapshot: asking git what the source is, and making its archive.

Only git is started. The user's index, work tree, refs and objects stay as they are: whatever has
to be written lands in a temporary store, which lives as long as the `with` block around a tree.

    with dirty_tree(Path.cwd()) as taken:
        taken.bind(lambda tree: tree.archive(destination))
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.source.source import (
    DirectoryNotInTree,
    NoCommits,
    SourceError,
    SourceSnapshot,
    SourceWarning,
    SubmoduleChanges,
    UncommittedChanges,
    UntrackedTooLarge,
    UntrackedTooMuch,
)
from theseus.core.values import frozen
from theseus.effects.source import git_output
from theseus.effects.source.archive import Archive, write_archive
from theseus.effects.source.content import Content, lfs_pointers, shipped_content
from theseus.effects.source.git import SYSTEM_GIT, Git, is_of_the_moment, read
from theseus.effects.source.git_output import Change
from theseus.effects.source.own_files import own_among
from theseus.effects.source.place import Place, locate, repository_name
from theseus.effects.source.store import Store, temporary_store

LARGEST_UNTRACKED_FILE = 50_000_000
LARGEST_UNTRACKED_TOTAL = 500_000_000
ADDING_TRIES = 5


@frozen
class SourceTree:
    """A *snapshot* together with the *store* that holds its objects."""

    snapshot: SourceSnapshot
    store: Store

    def archive(self, destination: Path) -> Result[Archive, SourceError]:
        """Write the archive of the snapshot to *destination*, as a gzipped tar."""
        return write_archive(self.store, self.snapshot.tree, destination)


_Take = Callable[[Place, Store], Result[SourceTree, SourceError]]
_Taken = Result[SourceTree, SourceError]


def committed_tree(start: Path, git: Git = SYSTEM_GIT) -> AbstractContextManager[_Taken]:
    """Take HEAD of the repository around *start*, submodules filled in."""
    return _taken(start, git, _take_commit)


def dirty_tree(start: Path, git: Git = SYSTEM_GIT) -> AbstractContextManager[_Taken]:
    """Take the work tree around *start*: all but what is ignored, committed or not."""
    return _taken(start, git, _take_work_tree)


def committed_snapshot(start: Path, git: Git = SYSTEM_GIT) -> Result[SourceSnapshot, SourceError]:
    """Return the snapshot of `committed_tree`, without anything to archive it from."""
    with committed_tree(start, git) as taken:
        return taken.map(lambda tree: tree.snapshot)


def dirty_snapshot(start: Path, git: Git = SYSTEM_GIT) -> Result[SourceSnapshot, SourceError]:
    """Return the snapshot of `dirty_tree`, without anything to archive it from."""
    with dirty_tree(start, git) as taken:
        return taken.map(lambda tree: tree.snapshot)


@contextmanager
def _taken(start: Path, git: Git, take: _Take) -> Iterator[_Taken]:
    located = locate(start, git)
    if not is_successful(located):
        yield Failure(located.failure())
        return
    place = located.unwrap()
    with temporary_store(git, place.objects) as store:
        yield take(place, store)


def _take_commit(place: Place, store: Store) -> _Taken:
    head = place.head
    if head is None:
        return Failure(NoCommits(str(place.top)))
    return Result.do(
        SourceTree(snapshot, store)
        for found in _changes(store.git, place)
        for changes in Success(_without(own_among(place.top, found), found))
        for content in _standing(place, shipped_content(store, place.top, head.tree))
        for pointers in lfs_pointers(store, content.entries)
        for snapshot in Success(
            SourceSnapshot(
                tree=content.tree,
                commit=head.commit,
                dirty=False,
                subdirectory=place.subdirectory,
                repository=repository_name(place.top),
                uncommitted=len(_of_repository(changes)),
                warnings=(*_uncommitted(changes), *_submodules(changes), *pointers),
            )
        )
    )


def _take_work_tree(place: Place, store: Store) -> _Taken:
    return Result.do(
        SourceTree(snapshot, store)
        for changes in _changes(store.git, place)
        for own in Success(own_among(place.top, changes))
        for _ in _small_enough(place.top, _without(own, changes))
        for tree in _collected(place, store, own)
        for content in _standing(place, shipped_content(store, place.top, tree))
        for left in _left_in_submodules(place, store, content)
        for pointers in lfs_pointers(store, content.entries)
        for snapshot in Success(
            SourceSnapshot(
                tree=content.tree,
                commit=place.head.commit if place.head else None,
                dirty=True,
                subdirectory=place.subdirectory,
                repository=repository_name(place.top),
                warnings=(*_submodules(left), *pointers),
            )
        )
    )


def _changes(git: Git, place: Place) -> Result[tuple[Change, ...], SourceError]:
    """Return all that differs from HEAD, or that git does not know, in the work tree."""
    return read(
        git,
        place.top,
        *("status", "--porcelain=v2", "-z", "--no-renames"),
        *("--untracked-files=all", "--ignore-submodules=none"),
    ).map(git_output.changes)


def _standing(place: Place, content: Result[Content, SourceError]) -> Result[Content, SourceError]:
    """Refuse *content* without the directory in which the job would start."""
    return content.bind(
        lambda found: (
            Success(found)
            if found.holds(place.subdirectory)
            else Failure(DirectoryNotInTree(place.subdirectory))
        )
    )


def _without(some: tuple[Change, ...], changes: tuple[Change, ...]) -> tuple[Change, ...]:
    return tuple(change for change in changes if change not in some) if some else changes


def _collected(
    place: Place, store: Store, left_out: tuple[Change, ...]
) -> Result[str, SourceError]:
    """Return the tree of all but what is *left_out*, by way of a copy of the user's index."""
    return (
        read(store.git, place.top, "rev-parse", "--git-path", "index")
        .map(lambda path: _copied(place.top / os.fsdecode(path.removesuffix(b"\n")), store.index))
        .bind(lambda _: _added(place, store))
        .bind(lambda _: _forgotten(place, store, left_out))
        .bind(lambda _: read(store.collecting, place.top, "write-tree"))
        .map(lambda tree: tree.decode("ascii").strip())
    )


def _added(place: Place, store: Store) -> Result[bytes, SourceError]:
    """Add all there is; again where a file that was listed is gone, as editors have it."""
    words = (
        *("-c", "add.ignoreErrors=false"),  # an unreadable file is an error, not left out
        *("-c", "core.splitIndex=false"),  # a split index would write into the user's .git
        *("-c", f"lfs.storage={store.directory / 'lfs'}"),  # and so would the LFS filter
        *("add", "--all"),
    )
    for _ in range(ADDING_TRIES - 1):
        added = read(store.collecting, place.top, *words)
        if is_successful(added) or not is_of_the_moment(added.failure()):
            return added
    return read(store.collecting, place.top, *words)


def _forgotten(
    place: Place, store: Store, left_out: tuple[Change, ...]
) -> Result[bytes, SourceError]:
    """Take what is *left_out* out of the copy of the index again.

    A pathspec would have `add` mind the paths outside of a sparse checkout.
    """
    if not left_out:
        return Success(b"")
    paths = b"".join(change.path + b"\0" for change in left_out)
    words = ("update-index", "--force-remove", "-z", "--stdin")
    return read(store.collecting, place.top, *words, feed=paths)


def _copied(index: Path, destination: Path) -> None:
    """Copy the user's *index* where there is one.

    With its time of change: git trusts an entry only when its file is older than the index, so a
    younger copy would hide a change made in the same instant (git's racy-git.txt).
    """
    with suppress(FileNotFoundError):
        shutil.copy2(index, destination)


def _left_in_submodules(
    place: Place, store: Store, content: Content
) -> Result[tuple[Change, ...], SourceError]:
    """Return what submodules hold beyond their commits; asked only where there are any."""
    return _changes(store.collecting, place) if content.linked else Success(())


def _small_enough(top: Path, changes: tuple[Change, ...]) -> Result[None, SourceError]:
    """Refuse untracked files that are hardly source: `add` would read them all."""
    untracked = [os.fsdecode(change.path) for change in changes if change.untracked]
    sizes = {path: _size(top / path) for path in untracked if not path.endswith("/")}
    if not sizes:
        return Success(None)
    largest = max(sizes, key=lambda path: sizes[path])
    total = sum(sizes.values())
    if sizes[largest] > LARGEST_UNTRACKED_FILE:
        return Failure(UntrackedTooLarge(largest, sizes[largest], LARGEST_UNTRACKED_FILE))
    if total > LARGEST_UNTRACKED_TOTAL:
        return Failure(UntrackedTooMuch(len(sizes), total, LARGEST_UNTRACKED_TOTAL, largest))
    return Success(None)


def _size(path: Path) -> int:
    """Return the size of *path*, 0 when it is gone by now."""
    with suppress(FileNotFoundError):
        return path.lstat().st_size
    return 0


def _of_repository(changes: tuple[Change, ...]) -> list[Change]:
    return [change for change in changes if change.of_repository]


def _uncommitted(changes: tuple[Change, ...]) -> tuple[SourceWarning, ...]:
    found = _of_repository(changes)
    return (UncommittedChanges(len(found), os.fsdecode(found[0].path)),) if found else ()


def _submodules(changes: tuple[Change, ...]) -> tuple[SourceWarning, ...]:
    found = [change for change in changes if change.inside_submodule]
    return (SubmoduleChanges(len(found), os.fsdecode(found[0].path)),) if found else ()
