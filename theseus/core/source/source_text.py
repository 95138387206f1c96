"""The texts about source snapshots: what is wrong, where, and what to do next.

Every error and warning of `source.py` gets its sentence here and nowhere else.
"""

from typing import assert_never

from theseus.core.source import source


def explain(error: source.SourceError) -> str:
    """Say what *error* is and what to do about it."""
    match error:
        case source.UntrackedTooLarge() | source.UntrackedTooMuch():
            return _explain_size(error)
        case source.ObjectMissing() | source.SourceGone() | source.ArchiveNotWritten():
            return _explain_archive(error)
        case source.LockMissing() | source.LockStale():
            return _explain_lock(error)
        case (
            source.NoCommits()
            | source.NameNotText()
            | source.DirectoryNotInTree()
            | source.SubmoduleNotFetched()
            | source.EmbeddedWithoutCommits()
        ):
            return _explain_content(error)
        case _:
            return _explain_git(error)


def warn(warning: source.SourceWarning) -> str:
    """Say what *warning* means for the run."""
    first = f"first: {shown(warning.first)}"
    match warning:
        case source.UncommittedChanges(count):
            return (
                f"{_count(count, 'uncommitted change')} not shipped ({first}); "
                "commit, or pass --dirty to include what is not committed"
            )
        case source.SubmoduleChanges(count):
            return (
                f"{_count(count, 'submodule')} with uncommitted changes that are not shipped, "
                f"also with --dirty ({first}); commit them inside the submodule"
            )
        case source.LfsPointers(count):
            return (
                f"{_count(count, 'Git LFS file')} shipped as pointer, without the content "
                f"({first}); fetch the content in the job, or put the data below the cluster's "
                "data directory"
            )
        case _:
            assert_never(warning)


def shown(path: str) -> str:
    r"""Return *path* as a terminal can show it: escaped where it holds what does not print.

    >>> shown("a\nb")
    "'a\\nb'"
    """
    return path if path.isprintable() else ascii(path)


def _explain_git(
    error: source.GitMissing
    | source.GitFailed
    | source.NotARepository
    | source.NoWorkTree
    | source.UnsafeRepository,
) -> str:
    match error:
        case source.GitMissing(executable):
            return f"there is no program {shown(executable)} on PATH; install git"
        case source.GitFailed(command, message):
            return f"`{shown(command)}` failed: {'; '.join(message.splitlines())}"
        case source.NotARepository(path):
            return (
                f"{shown(path)} is not in a git repository, and what is shipped is what git says; "
                "go to your project, or make one: git init && git add -A && git commit"
            )
        case source.NoWorkTree(path):
            return (
                f"{shown(path)} is in a bare repository or inside .git, where there are no files "
                "to ship; go to a work tree (git clone or git worktree add makes one)"
            )
        case source.UnsafeRepository(path):
            return (
                f"the git repository at {shown(path)} belongs to another user, and git refuses to "
                "read it; if you trust it: git config --global --add safe.directory "
                f"{shown(path)}"
            )
        case _:
            assert_never(error)


def _explain_content(
    error: source.NoCommits
    | source.NameNotText
    | source.DirectoryNotInTree
    | source.SubmoduleNotFetched
    | source.EmbeddedWithoutCommits,
) -> str:
    match error:
        case source.NoCommits(path):
            return (
                f"the git repository at {shown(path)} has no commits yet; "
                "commit, or pass --dirty to ship the files as they are"
            )
        case source.NameNotText(path):
            return f"the name of the directory {shown(path)} is not valid UTF-8; rename it"
        case source.DirectoryNotInTree(subdirectory):
            return (
                f"the job would start in {shown(subdirectory)}, but no file there is shipped "
                "(untracked, ignored or empty); commit it, pass --dirty to include untracked "
                "files, or go to another directory of the repository"
            )
        case source.SubmoduleNotFetched(path):
            return (
                f"the commit of the submodule {shown(path)} is not on this machine; "
                "fetch it: git submodule update --init --recursive"
            )
        case source.EmbeddedWithoutCommits(path):
            return (
                f"the untracked directory {shown(path)} is a git repository without commits, "
                "so it cannot be shipped; commit inside it, or list it in .gitignore"
            )
        case _:
            assert_never(error)


def _explain_lock(error: source.LockMissing | source.LockStale) -> str:
    match error:
        case source.LockMissing(path):
            return (
                f"{shown(path)} has no uv.lock that is shipped, so its environment would not be "
                "reproducible; run: uv lock && git add uv.lock && git commit"
            )
        case source.LockStale(path):
            return (
                f"{shown(path)} is out of date with pyproject.toml, so a host would install "
                "something else than you mean; run: uv lock && git commit -a"
            )
        case _:
            assert_never(error)


def _explain_size(error: source.UntrackedTooLarge | source.UntrackedTooMuch) -> str:
    match error:
        case source.UntrackedTooLarge(path, size, limit):
            return (
                f"the untracked file {shown(path)} has {_megabytes(size)}, "
                f"more than {_megabytes(limit)}; list it in .gitignore, or commit it"
            )
        case source.UntrackedTooMuch(count, size, limit, largest):
            return (
                f"{_count(count, 'untracked file')} of {_megabytes(size)} in all, more than "
                f"{_megabytes(limit)} (largest: {shown(largest)}); "
                "list what is not source in .gitignore, or commit it"
            )
        case _:
            assert_never(error)


def _explain_archive(
    error: source.ObjectMissing | source.SourceGone | source.ArchiveNotWritten,
) -> str:
    match error:
        case source.ObjectMissing(name):
            return (
                f"the repository lacks the object {name}, as a partial clone does outside its "
                "sparse checkout; get the rest: git sparse-checkout disable "
                "(and if this is no partial clone, look for damage: git fsck)"
            )
        case source.SourceGone(tree):
            return (
                f"the source tree {tree} of this plan is no longer in the repository, not among "
                "the kept archives, and the files have changed since; make the plan again"
            )
        case source.ArchiveNotWritten(path, reason):
            return (
                f"cannot write the source archive {shown(path)}: {reason}; "
                "free space there or make it writable"
            )
        case _:
            assert_never(error)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"
