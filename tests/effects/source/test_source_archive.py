"""Archives: exactly the bytes of the tree, the same for everybody, found again for saved plans."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.effects.source_repository import (
    Repository,
    new_repository,
    surroundings,
    tree_of,
    unpack,
)
from theseus.core.source.source import SourceGone, SourceSnapshot
from theseus.effects.source.archive import Archive
from theseus.effects.source.git import Git
from theseus.effects.source.kept import keep_archive, open_archive
from theseus.effects.source.source import committed_tree, dirty_tree
from theseus.runtime.tree import tree_hash


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit of one file."""
    made = new_repository(tmp_path / "project")
    made.write("train.py", b"print(1)\n")
    made.commit()
    return made


def committed_archive(repository: Repository, destination: Path) -> tuple[SourceSnapshot, Archive]:
    """The snapshot of HEAD and its archive."""
    with committed_tree(repository.top, repository.git) as taken:
        tree = taken.unwrap()
        return tree.snapshot, tree.archive(destination).unwrap()


def dirty_archive(repository: Repository, destination: Path) -> tuple[SourceSnapshot, Archive]:
    """The snapshot of the work tree and its archive."""
    with dirty_tree(repository.top, repository.git) as taken:
        tree = taken.unwrap()
        return tree.snapshot, tree.archive(destination).unwrap()


def test_archive_is_described(repository: Repository, tmp_path: Path) -> None:
    """The archive's size and sha256 are those of the file, and nothing else lies beside it."""
    (tmp_path / "out").mkdir()
    _, archive = committed_archive(repository, tmp_path / "out" / "x.tar.gz")
    content = archive.path.read_bytes()
    assert archive == Archive(
        tmp_path / "out" / "x.tar.gz", len(content), hashlib.sha256(content).hexdigest()
    )
    assert list((tmp_path / "out").iterdir()) == [archive.path]


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Run with another umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_same_tree_same_bytes(repository: Repository, tmp_path: Path) -> None:
    """Neither time zone, umask, locale, configuration nor commit changes the archive's bytes."""
    _, first = committed_archive(repository, tmp_path / "first.tar.gz")
    repository.commit()
    home = tmp_path / "other home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f"[core]\n\tautocrlf = true\n\tattributesFile = {home}/attributes\n"
        "[tar]\n\tumask = 0\n[i18n]\n\tcommitEncoding = latin1\n[user]\n\tname = Else\n"
    )
    (home / "attributes").write_text("* export-ignore\n")
    elsewhere = surroundings(home, TZ="Asia/Tokyo", LANG="de_DE.UTF-8", LANGUAGE="de")
    other = evolve(repository, git=Git(environment=elsewhere))
    with umask(0o077):
        _, second = committed_archive(other, tmp_path / "second.tar.gz")
    assert second.sha256 == first.sha256


def test_attributes_change_no_byte(repository: Repository, tmp_path: Path) -> None:
    """No attribute drops a file, fills in a keyword, or converts an end of line or an encoding."""
    repository.write("hidden.txt")
    repository.write("version.txt", b"$Format:%H$ $Id$\n")
    repository.write("dos.txt", b"a\r\nb\n")
    repository.write("wide.txt", "ä\n".encode())
    repository.commit()
    files = ("hidden.txt", "version.txt", "dos.txt", "wide.txt", "train.py")
    expected = {name: (repository.top / name).read_bytes() for name in files}
    repository.write(
        ".gitattributes",
        b"hidden.txt export-ignore\nversion.txt export-subst ident\n"
        b"dos.txt -text\n* eol=crlf filter=upper\nwide.txt working-tree-encoding=UTF-16\n",
    )
    repository.run("add", ".gitattributes")
    repository.run("commit", "--quiet", "--message", "attributes")
    snapshot, archive = committed_archive(repository, tmp_path / "x.tar.gz")
    unpacked = unpack(archive.path, tmp_path / "unpacked")
    assert {name: (unpacked / name).read_bytes() for name in files} == expected
    assert tree_of(unpacked) == tree_hash(unpacked) == snapshot.tree


def test_long_names_and_links(repository: Repository, tmp_path: Path) -> None:
    """Names and link targets beyond the limits of old tar formats arrive whole."""
    deep = "/".join(["d" * 60] * 5) + "/" + "f" * 200
    repository.write(deep, b"deep")
    (repository.top / "link").symlink_to("t" * 300)
    snapshot, archive = dirty_archive(repository, tmp_path / "x.tar.gz")
    unpacked = unpack(archive.path, tmp_path / "unpacked")
    assert tree_of(unpacked) == tree_hash(unpacked) == snapshot.tree


def test_sha256_repository(tmp_path: Path) -> None:
    """The archive of a repository that hashes with SHA-256 hashes to its tree."""
    made = new_repository(tmp_path / "long", "--object-format=sha256")
    made.write("train.py")
    snapshot, archive = dirty_archive(made, tmp_path / "x.tar.gz")
    unpacked = unpack(archive.path, tmp_path / "unpacked")
    assert tree_of(unpacked, "--object-format=sha256") == snapshot.tree
    assert tree_hash(unpacked, 64) == snapshot.tree


def test_empty_tree(tmp_path: Path) -> None:
    """A repository with nothing in it has an archive with nothing in it."""
    made = new_repository(tmp_path / "empty")
    snapshot, archive = dirty_archive(made, tmp_path / "x.tar.gz")
    assert tree_hash(unpack(archive.path, tmp_path / "unpacked")) == snapshot.tree


def test_committed_tree_is_found_in_the_repository(repository: Repository, tmp_path: Path) -> None:
    """A saved plan's commit is archived again after HEAD has moved on, to the same bytes."""
    snapshot, first = committed_archive(repository, tmp_path / "first.tar.gz")
    repository.write("train.py", b"print(2)\n")
    repository.commit()
    again = open_archive(
        snapshot, repository.top, tmp_path / "again.tar.gz", tmp_path / "cache", repository.git
    )
    assert again.unwrap().sha256 == first.sha256


def test_commit_with_submodule_is_made_again(repository: Repository, tmp_path: Path) -> None:
    """A saved plan's tree with submodules, which no repository holds, is made from its commit."""
    inner = new_repository(repository.top / "inner")
    inner.write("a.py")
    inner.commit()
    repository.commit()
    snapshot, first = committed_archive(repository, tmp_path / "first.tar.gz")
    repository.write("train.py", b"print(2)\n")
    repository.commit()
    again = open_archive(
        snapshot, repository.top, tmp_path / "again.tar.gz", tmp_path / "cache", repository.git
    )
    assert again.unwrap().sha256 == first.sha256


def test_commit_that_is_gone(repository: Repository, tmp_path: Path) -> None:
    """A saved plan whose commit the repository does not have is refused with the tree's hash."""
    foreign = SourceSnapshot(
        tree="1" * 40, commit="2" * 40, dirty=False, subdirectory="", repository="project"
    )
    found = open_archive(
        foreign, repository.top, tmp_path / "x.tar.gz", tmp_path / "cache", repository.git
    )
    assert found.failure() == SourceGone("1" * 40)


def test_dirty_tree_is_taken_again(repository: Repository, tmp_path: Path) -> None:
    """A saved dirty plan is archived from the work tree for as long as that has not changed."""
    repository.write("new.py")
    snapshot, first = dirty_archive(repository, tmp_path / "first.tar.gz")
    places = (repository.top, tmp_path / "again.tar.gz", tmp_path / "cache")
    assert open_archive(snapshot, *places, repository.git).unwrap().sha256 == first.sha256
    repository.write("new.py", b"changed")
    gone = open_archive(snapshot, *places, repository.git)
    assert gone.failure() == SourceGone(snapshot.tree)


def test_kept_archive_outlives_the_work_tree(repository: Repository, tmp_path: Path) -> None:
    """An archive that was kept is found when the work tree, or the repository, is gone."""
    repository.write("new.py")
    with dirty_tree(repository.top, repository.git) as taken:
        tree = taken.unwrap()
        kept = keep_archive(tree, tmp_path / "cache" / "trees").unwrap()
    found = open_archive(
        tree.snapshot, tmp_path, tmp_path / "x.tar.gz", tmp_path / "cache" / "trees"
    ).unwrap()
    assert found == evolve(kept, path=tmp_path / "x.tar.gz")
    assert found.path.read_bytes() == kept.path.read_bytes()


def test_cache_that_cannot_be_made(repository: Repository, tmp_path: Path) -> None:
    """A cache below a file, and a kept archive with nowhere to go, are errors with a reason."""
    file = repository.write("file")
    with committed_tree(repository.top, repository.git) as taken:
        tree = taken.unwrap()
        assert "Not a directory" in str(keep_archive(tree, file / "cache").failure())
        keep_archive(tree, tmp_path).unwrap()
    lost = open_archive(tree.snapshot, tmp_path, tmp_path / "no" / "x.tar.gz", tmp_path)
    assert "No such file" in str(lost.failure())


# Whatever a name may hold on Linux; git itself refuses .git in any spelling.
_names = st.binary(min_size=1, max_size=12).filter(
    lambda name: (
        not (b"/" in name or b"\0" in name or name in {b".", b".."} or b"git" in name.lower())
    )
)
_paths = st.lists(_names, min_size=1, max_size=3).map(b"/".join)
_files = st.tuples(st.binary(max_size=200), st.booleans())
_links = st.binary(min_size=1, max_size=40).filter(lambda target: b"\0" not in target)
_work_trees = st.dictionaries(_paths, _files | _links, min_size=1, max_size=6).filter(
    lambda files: (
        not any(one != other and other.startswith(one + b"/") for one in files for other in files)
    )
)


def put(path: Path, content: tuple[bytes, bool] | bytes) -> None:
    """Make the file or link *path*."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        os.symlink(content, os.fsencode(path))  # noqa: PTH211 - a Path would tidy the target up
        return
    path.write_bytes(content[0])
    path.chmod(0o755 if content[1] else 0o644)


def arrived(path: Path) -> tuple[bytes, bool] | bytes:
    """What lies at *path*, in the form `put` takes."""
    if path.is_symlink():
        return os.readlink(os.fsencode(path))  # noqa: PTH115 - a Path would tidy the target up
    return path.read_bytes(), bool(path.stat().st_mode & 0o100)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_work_trees)
def test_any_work_tree_arrives(files: dict[bytes, tuple[bytes, bool] | bytes]) -> None:
    """Any names, bytes, modes and links arrive byte for byte, under the hash of the snapshot."""
    with TemporaryDirectory() as directory:
        made = new_repository(Path(directory) / "project")
        for path, content in files.items():
            put(made.top / os.fsdecode(path), content)
        snapshot, archive = dirty_archive(made, Path(directory) / "x.tar.gz")
        unpacked = unpack(archive.path, Path(directory) / "unpacked")
        assert {path: arrived(unpacked / os.fsdecode(path)) for path in files} == files
        assert tree_of(unpacked) == tree_hash(unpacked) == snapshot.tree
