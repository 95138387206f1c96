"""The source snapshot's values refuse what cannot be."""

import pytest

from theseus.core.source.source import SourceSnapshot


def snapshot(tree: str = "a" * 40, commit: str | None = None, subdirectory: str = "") -> None:
    """Build a snapshot."""
    SourceSnapshot(
        tree=tree, commit=commit, dirty=True, subdirectory=subdirectory, repository="project"
    )


@pytest.mark.parametrize("tree", ["a" * 40, "0" * 64])
def test_hashes(tree: str) -> None:
    """A tree and a commit are SHA-1 or SHA-256 hashes."""
    snapshot(tree, commit=tree)


@pytest.mark.parametrize("text", ["", "a" * 41, "A" * 40, "a" * 40 + "\n", "HEAD"])
def test_no_hashes(text: str) -> None:
    """Anything else is refused, in both places."""
    with pytest.raises(ValueError, match="tree: expected a git hash"):
        snapshot(text)
    with pytest.raises(ValueError, match="commit: expected a git hash"):
        snapshot(commit=text)


@pytest.mark.parametrize("subdirectory", ["", "a", "a b/c\n", "..a/.b"])
def test_subdirectory(subdirectory: str) -> None:
    """A sub-directory is empty or a plain relative path."""
    snapshot(subdirectory=subdirectory)


@pytest.mark.parametrize("subdirectory", ["/a", "a/", "a//b", ".", "a/../b"])
def test_subdirectory_that_leaves(subdirectory: str) -> None:
    """A sub-directory that is absolute or climbs is refused."""
    with pytest.raises(ValueError, match="subdirectory: expected a plain relative path"):
        snapshot(subdirectory=subdirectory)
