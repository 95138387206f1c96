"""Every error and warning about the source says what is wrong, where, and what to do."""

from typing import get_args

import pytest

from theseus.core.source import source
from theseus.core.source.source_text import explain, shown, warn

_ERRORS = [
    (source.GitMissing("git"), "git on PATH", "install git"),
    (source.GitFailed("git add", "fatal: no\nhint"), "`git add` failed", "fatal: no; hint"),
    (source.ObjectMissing("2" * 40), "2" * 40, "git sparse-checkout disable"),
    (source.NotARepository("/home/ada"), "/home/ada is not in a git repository", "git init"),
    (source.NoWorkTree("/srv/x.git"), "/srv/x.git is in a bare", "git worktree add"),
    (source.UnsafeRepository("/srv/x"), "at /srv/x belongs to", "--add safe.directory /srv/x"),
    (source.NoCommits("/srv/x"), "at /srv/x has no commits", "--dirty"),
    (source.LockMissing("a/pyproject.toml"), "a/pyproject.toml has no uv.lock", "run: uv lock"),
    (source.LockStale("uv.lock"), "uv.lock is out of date", "run: uv lock"),
    (source.NameNotText("/srv/\udcff"), "'/srv/\\udcff'", "rename it"),
    (source.DirectoryNotInTree("a/b"), "would start in a/b", "commit it"),
    (source.SubmoduleNotFetched("lib"), "submodule lib", "git submodule update --init --recursive"),
    (source.EmbeddedWithoutCommits("lib"), "directory lib", ".gitignore"),
    (source.UntrackedTooLarge("a", 60_000_000, 50_000_000), "a has 60.0 MB", ".gitignore"),
    (
        source.UntrackedTooMuch(3, 9_000_000, 5_000_000, "a"),
        "3 untracked files of 9.0 MB",
        "ignore",
    ),
    (source.SourceGone("1" * 40), "1" * 40, "make the plan again"),
    (source.ArchiveNotWritten("/tmp/x", "No space left"), "/tmp/x: No space left", "free space"),
]
_WARNINGS = [
    (source.UncommittedChanges(1, "a"), "1 uncommitted change not shipped (first: a)", "--dirty"),
    (source.UncommittedChanges(2, "a"), "2 uncommitted changes not shipped", "commit"),
    (source.SubmoduleChanges(1, "lib"), "1 submodule with uncommitted changes", "first: lib"),
    (source.LfsPointers(3, "a.bin"), "3 Git LFS files shipped as pointer", "first: a.bin"),
]


@pytest.mark.parametrize(("error", "what", "remedy"), _ERRORS)
def test_errors(error: source.SourceError, what: str, remedy: str) -> None:
    """The text of an error names the place and the remedy, on one line."""
    text = explain(error)
    assert what in text
    assert remedy in text
    assert "\n" not in text


@pytest.mark.parametrize(("warning", "what", "more"), _WARNINGS)
def test_warnings(warning: source.SourceWarning, what: str, more: str) -> None:
    """The text of a warning counts, names the first and says what to do."""
    text = warn(warning)
    assert what in text
    assert more in text


def test_all_are_covered() -> None:
    """No error and no warning is left out above."""
    assert {type(case[0]) for case in _ERRORS} == set(get_args(source.SourceError))
    assert {type(case[0]) for case in _WARNINGS} == set(get_args(source.SourceWarning))


@pytest.mark.parametrize("path", ["a\nb", "a\x1b[31m", "\udcff"])
def test_unprintable_paths_are_escaped(path: str) -> None:
    """What a terminal cannot show, or would obey, is escaped; the rest stands as it is."""
    assert shown(path).isprintable()
    assert shown("ä b") == "ä b"
