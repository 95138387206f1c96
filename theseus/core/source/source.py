"""The source snapshot as a value: which tree is shipped, and what was said while it was taken.

Only frozen values live here. Git is asked in `effects/source/source.py`; texts for people are made
in `source_text.py`. Paths are text relative to the repository unless a field says otherwise; bytes
that are no UTF-8 stand in them as surrogates.
"""

import re
from typing import Any, TypeAlias

from attrs import Attribute, field

from theseus.core.values import frozen

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def _git_hash(_: object, attribute: "Attribute[Any]", value: str | None) -> None:
    """Refuse what is no SHA-1 or SHA-256 in lower-case hexadecimal; None passes."""
    if value is not None and not _HASH.fullmatch(value):
        raise ValueError(f"{attribute.name}: expected a git hash (40 or 64 digits), got {value!r}")


def _inside(_: object, attribute: "Attribute[Any]", value: str) -> None:
    """Refuse a directory that is absolute or climbs out of the repository."""
    if value and any(part in {"", ".", ".."} for part in value.split("/")):
        raise ValueError(f"{attribute.name}: expected a plain relative path, got {value!r}")


@frozen
class UncommittedChanges:
    """*count* changed or untracked paths, *first* among them, are not in the snapshot."""

    count: int
    first: str


@frozen
class SubmoduleChanges:
    """*count* submodules, *first* among them, hold changes that their commits do not."""

    count: int
    first: str


@frozen
class LfsPointers:
    """*count* files, *first* among them, are Git LFS pointers; the job gets the pointers."""

    count: int
    first: str


SourceWarning: TypeAlias = UncommittedChanges | SubmoduleChanges | LfsPointers


@frozen
class SourceSnapshot:
    """The source of one run: the git *tree* (hash) that is shipped, and where it came from.

    *tree* holds the content of submodules in place of their links, so it differs from `HEAD^{tree}`
    where there are any. *commit* is HEAD, None in a repository without commits; *dirty* says that
    the work tree was taken, not the commit. *subdirectory* is where the user stands, "" at the top.
    *repository* is the name of its top directory. *uncommitted* counts the changed and untracked
    paths that *tree* leaves out.
    """

    tree: str = field(validator=_git_hash)
    commit: str | None = field(validator=_git_hash)
    dirty: bool
    subdirectory: str = field(validator=_inside)
    repository: str
    uncommitted: int = 0
    warnings: tuple[SourceWarning, ...] = ()


@frozen
class GitMissing:
    """There is no program *executable*."""

    executable: str


@frozen
class GitFailed:
    """Git's *command* ended with a failure that has no name here; *message* is what it printed."""

    command: str
    message: str


@frozen
class ObjectMissing:
    """The repository lacks the object *hash*, which the tree needs."""

    hash: str


@frozen
class NotARepository:
    """The directory *path* (absolute) lies in no git repository."""

    path: str


@frozen
class NoWorkTree:
    """The directory *path* (absolute) lies in a bare repository or inside `.git`."""

    path: str


@frozen
class UnsafeRepository:
    """The repository around *path* (absolute) belongs to somebody else, and git refuses it."""

    path: str


@frozen
class NoCommits:
    """The repository at *path* (absolute) has no commit to take."""

    path: str


@frozen
class NameNotText:
    """The name of the directory *path* (absolute) is not valid UTF-8."""

    path: str


@frozen
class DirectoryNotInTree:
    """The *subdirectory* where the user stands holds no file of the tree."""

    subdirectory: str


@frozen
class LockMissing:
    """The project of the pyproject.toml at *path*, in the tree, has no uv.lock that is shipped."""

    path: str


@frozen
class LockStale:
    """The uv.lock at *path*, in the tree, does not fit its pyproject.toml."""

    path: str


@frozen
class SubmoduleNotFetched:
    """The commit of the submodule at *path* is not on this machine."""

    path: str


@frozen
class EmbeddedWithoutCommits:
    """The untracked directory *path* is a git repository of its own, without a commit."""

    path: str


@frozen
class UntrackedTooLarge:
    """The untracked file *path* has *size* bytes, over the *limit* for one file."""

    path: str
    size: int
    limit: int


@frozen
class UntrackedTooMuch:
    """All *count* untracked files have *size* bytes, over the *limit*; *largest* is a path."""

    count: int
    size: int
    limit: int
    largest: str


@frozen
class SourceGone:
    """The *tree* of a saved plan can be made no more."""

    tree: str


@frozen
class ArchiveNotWritten:
    """The archive at *path* (absolute) could not be written; *reason* is the system's."""

    path: str
    reason: str


SourceError: TypeAlias = (
    GitMissing
    | GitFailed
    | ObjectMissing
    | NotARepository
    | NoWorkTree
    | UnsafeRepository
    | NoCommits
    | NameNotText
    | DirectoryNotInTree
    | LockMissing
    | LockStale
    | SubmoduleNotFetched
    | EmbeddedWithoutCommits
    | UntrackedTooLarge
    | UntrackedTooMuch
    | SourceGone
    | ArchiveNotWritten
)
