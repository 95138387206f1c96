"""Archives for saved plans: a plan names its tree by hash, and the archive is found or made again.

A tree of plain commits lies in the repository. A dirty tree, or one with submodules filled in, is
in nobody's repository: it is kept here when its plan is saved, else taken again and compared.
"""

from pathlib import Path

from returns.pipeline import is_successful
from returns.result import Failure, Result

from theseus.core.source.source import ArchiveNotWritten, SourceError, SourceGone, SourceSnapshot
from theseus.effects.source.archive import Archive, copy_archive, write_archive
from theseus.effects.source.content import shipped_content
from theseus.effects.source.git import SYSTEM_GIT, Git
from theseus.effects.source.place import Place, locate
from theseus.effects.source.source import SourceTree, dirty_tree
from theseus.effects.source.store import temporary_store


def keep_archive(tree: SourceTree, cache: Path) -> Result[Archive, SourceError]:
    """Put the archive of *tree* into the directory *cache*, where `open_archive` finds it."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return Failure(ArchiveNotWritten(str(cache), error.strerror or str(error)))
    return tree.archive(kept_path(tree.snapshot.tree, cache))


def kept_path(tree: str, cache: Path) -> Path:
    """Return where the archive of the hash *tree* lies in *cache*."""
    return cache / f"{tree}.tar.gz"


def open_archive(
    snapshot: SourceSnapshot, start: Path, destination: Path, cache: Path, git: Git = SYSTEM_GIT
) -> Result[Archive, SourceError]:
    """Write the archive of *snapshot* to *destination*.

    It comes from *cache*, else out of the repository around *start*: the tree itself, or taken
    again as *snapshot* was. Where that gives another hash, the answer is `SourceGone`.
    """
    kept = kept_path(snapshot.tree, cache)
    if kept.exists():
        return copy_archive(kept, destination)
    if snapshot.dirty:
        return _work_tree_again(snapshot, start, destination, git)
    return locate(start, git).bind(lambda place: _commit_again(snapshot, place, destination, git))


def _work_tree_again(
    snapshot: SourceSnapshot, start: Path, destination: Path, git: Git
) -> Result[Archive, SourceError]:
    with dirty_tree(start, git) as taken:
        return taken.bind(
            lambda tree: (
                tree.archive(destination)
                if tree.snapshot.tree == snapshot.tree
                else Failure(SourceGone(snapshot.tree))
            )
        )


def _commit_again(
    snapshot: SourceSnapshot, place: Place, destination: Path, git: Git
) -> Result[Archive, SourceError]:
    """Write the tree where the repository has it, else the snapshot's commit with submodules.

    HEAD is not asked: it may have moved since.
    """
    with temporary_store(git, place.objects) as store:
        store.speak(snapshot.tree)
        if not is_successful(store.read("cat-file", "-e", snapshot.tree)):
            content = shipped_content(store, place.top, snapshot.commit or snapshot.tree)
            if content.map(lambda found: found.tree).value_or("") != snapshot.tree:
                return Failure(SourceGone(snapshot.tree))
        return write_archive(store, snapshot.tree, destination)
