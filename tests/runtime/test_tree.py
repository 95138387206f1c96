"""Tree hashes, against git's own."""

import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runtime.host import git
from theseus.runtime.tree import main, tree_hash

NAMES = st.binary(min_size=1, max_size=6).filter(
    lambda name: (
        not {b"/", b"\0"} & {bytes([byte]) for byte in name}
        and name not in (b".", b"..")
        and not name.lower().startswith((b".git", b"git~"))
    )
)
FILES = st.tuples(
    st.just("file"), st.binary(max_size=20), st.sampled_from([0o644, 0o755, 0o600, 0o654])
)
LINKS = st.tuples(st.just("link"), NAMES, st.just(0))
TREES = st.recursive(
    st.dictionaries(NAMES, FILES | LINKS, max_size=4),
    lambda children: st.dictionaries(NAMES, FILES | LINKS | children, max_size=4),
    max_leaves=8,
)


def build(directory: Path, tree: object) -> None:
    """Make *tree* on disk."""
    assert isinstance(tree, dict)
    directory.mkdir(exist_ok=True)
    for name, entry in tree.items():
        path = directory / os.fsdecode(name)
        match entry:
            case ("file", content, mode):
                path.write_bytes(content)
                path.chmod(mode)
            case ("link", target, _):
                path.symlink_to(os.fsdecode(target))
            case _:
                build(path, entry)


def git_hash(directory: Path, algorithm: str = "sha1") -> str:
    """What git says, without leaving anything in the directory."""
    with tempfile.TemporaryDirectory() as elsewhere:
        there = ("--git-dir", elsewhere, "--work-tree", str(directory))
        git(Path(elsewhere), "init", "-q", "--bare", f"--object-format={algorithm}", ".")
        git(directory, *there, "-c", "core.bare=false", "add", "-Af", ".")
        return git(directory, *there, "write-tree").strip()


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(tree=TREES)
def test_any_tree(tree: object) -> None:
    """Whatever the names, contents, modes and links: the hash is git's."""
    with tempfile.TemporaryDirectory() as directory:
        build(Path(directory), tree)
        assert tree_hash(Path(directory)) == git_hash(Path(directory))


ODD = {
    b"a": {b"x": ("file", b"1", 0o644)},
    b"a.b": ("file", b"2", 0o644),
    b"a-b": ("file", b"3", 0o755),
    b"a0": ("file", b"4", 0o644),
    b"\xff\xfe": ("file", b"5", 0o644),
    b"new\nline 'and' \"quotes\"": ("file", b"6", 0o644),
    b"dangling": ("link", b"no\xffwhere", 0),
    b"to-directory": ("link", b"a", 0),
    b"empty": {},
    b"deep": {b"er": {b"empty": {}}},
}


@pytest.mark.parametrize(("algorithm", "digits"), [("sha1", 40), ("sha256", 64)])
def test_an_odd_tree(tmp_path: Path, algorithm: str, digits: int) -> None:
    """Order, odd names, links and empty directories are as in git, under both its algorithms."""
    build(tmp_path / "t", ODD)
    assert tree_hash(tmp_path / "t", digits) == git_hash(tmp_path / "t", algorithm)


def test_an_empty_tree(tmp_path: Path) -> None:
    """Nothing has git's well-known hash."""
    assert tree_hash(tmp_path) == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_what_git_does_not_know(tmp_path: Path) -> None:
    """A socket or a pipe does not count."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket"))
        assert tree_hash(tmp_path) == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status tells whether the tree is the one expected, and one line says why not."""
    (tmp_path / "a").write_text("1")
    found = tree_hash(tmp_path)
    assert main(str(tmp_path), found) == 0
    assert main(str(tmp_path), "0" * 40) == 1
    assert capsys.readouterr().out == f"the source is tree {found}, not {'0' * 40}\n"
    assert main(str(tmp_path), "abc") == 1
    assert "no tree hash" in capsys.readouterr().out
