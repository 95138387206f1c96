"""Submodules: their content ships in their place, and what cannot ship is said."""

import shutil
from pathlib import Path

import pytest
from attrs import evolve

from tests.effects.source_repository import (
    Repository,
    fingerprint,
    new_repository,
    tree_of,
    unpack,
)
from theseus.core.source import source
from theseus.effects.source.source import (
    committed_snapshot,
    committed_tree,
    dirty_snapshot,
    dirty_tree,
)

_LOCAL = ("-c", "protocol.file.allow=always")  # git refuses submodules from paths by default


def add_submodule(repository: Repository, origin: Repository, path: str) -> Repository:
    """Add *origin* to *repository* as a submodule with its own submodules, and commit."""
    repository.run(*_LOCAL, "submodule", "--quiet", "add", str(origin.top), path)
    repository.run(*_LOCAL, "submodule", "--quiet", "update", "--init", "--recursive")
    repository.commit()
    return Repository(repository.top / path, repository.git)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with a submodule at `lib/outer` that has one of its own at `inner`."""
    inner = new_repository(tmp_path / "inner")
    inner.write("deep.py", b"inner\n")
    inner.commit()
    outer = new_repository(tmp_path / "outer")
    outer.write("lib.py", b"outer\n")
    add_submodule(outer, inner, "inner")
    made = new_repository(tmp_path / "project")
    made.write("train.py")
    add_submodule(made, outer, "lib/outer")
    return made


def test_content_of_submodules_ships(repository: Repository, tmp_path: Path) -> None:
    """The archive holds the files of submodules, recursively, and hashes to the snapshot's tree."""
    with committed_tree(repository.top, repository.git) as taken:
        archive = taken.unwrap().archive(tmp_path / "x.tar.gz").unwrap()
    unpacked = unpack(archive.path, tmp_path / "unpacked")
    assert set(fingerprint(unpacked)) == {
        ".gitmodules",
        "lib/outer/.gitmodules",
        "lib/outer/inner/deep.py",
        "lib/outer/lib.py",
        "train.py",
    }
    assert tree_of(unpacked) == taken.unwrap().snapshot.tree


def test_snapshot_is_silent_and_leaves_all_alone(repository: Repository) -> None:
    """Clean submodules need no warning, clean and dirty agree, and nothing is written."""
    before = fingerprint(repository.top)
    clean = committed_snapshot(repository.top, repository.git).unwrap()
    assert clean.warnings == ()
    assert dirty_snapshot(repository.top, repository.git).unwrap() == evolve(clean, dirty=True)
    assert fingerprint(repository.top) == before


def test_changes_inside_a_submodule_warn(repository: Repository) -> None:
    """What a submodule has not committed ships neither way, and is said both ways."""
    clean = committed_snapshot(repository.top, repository.git).unwrap()
    (repository.top / "lib/outer/lib.py").write_bytes(b"changed\n")
    warned = evolve(clean, warnings=(source.SubmoduleChanges(1, "lib/outer"),))
    assert committed_snapshot(repository.top, repository.git).unwrap() == warned
    dirty = dirty_snapshot(repository.top, repository.git).unwrap()
    assert dirty == evolve(warned, dirty=True)


def test_new_commit_in_a_submodule(repository: Repository, tmp_path: Path) -> None:
    """A new commit inside a submodule is an uncommitted change, and ships dirty."""
    outer = Repository(repository.top / "lib/outer", repository.git)
    outer.write("lib.py", b"newer\n")
    outer.commit()
    clean = committed_snapshot(repository.top, repository.git).unwrap()
    assert clean.warnings == (source.UncommittedChanges(1, "lib/outer"),)
    with dirty_tree(repository.top, repository.git) as taken:
        archive = taken.unwrap().archive(tmp_path / "x.tar.gz").unwrap()
    unpacked = unpack(archive.path, tmp_path / "unpacked")
    assert (unpacked / "lib/outer/lib.py").read_bytes() == b"newer\n"
    assert taken.unwrap().snapshot.warnings == ()


def test_submodule_that_was_not_fetched(repository: Repository, tmp_path: Path) -> None:
    """A clone without its submodules is refused, clean and dirty, with the submodule's path."""
    repository.run("clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone", repository.git)
    missing = source.SubmoduleNotFetched("lib/outer")
    assert committed_snapshot(clone.top, clone.git).failure() == missing
    assert dirty_snapshot(clone.top, clone.git).failure() == missing


def test_submodule_inside_a_submodule_not_fetched(repository: Repository) -> None:
    """The path of a submodule that is missing inside another names both."""
    repository.run("-C", "lib/outer", "submodule", "--quiet", "deinit", "--force", "inner")
    failure = committed_snapshot(repository.top, repository.git).failure()
    assert failure == source.SubmoduleNotFetched("lib/outer/inner")


def test_commit_that_a_submodule_lacks(repository: Repository) -> None:
    """A submodule without the commit that is asked of it counts as not fetched."""
    unknown = "160000,1234567890123456789012345678901234567890,lib/outer"
    repository.run("update-index", "--cacheinfo", unknown)
    repository.run("commit", "--quiet", "--message", "points nowhere")
    failure = committed_snapshot(repository.top, repository.git).failure()
    assert failure == source.SubmoduleNotFetched("lib/outer")


def test_deleted_submodule(repository: Repository) -> None:
    """A submodule deleted from the work tree is gone from the dirty snapshot."""
    shutil.rmtree(repository.top / "lib")
    with dirty_tree(repository.top, repository.git) as taken:
        tree = taken.unwrap()
        listed = tree.store.read("ls-tree", "-r", "--name-only", tree.snapshot.tree).unwrap()
    assert listed.split() == [b".gitmodules", b"train.py"]


def test_embedded_repository_ships_its_commit(tmp_path: Path) -> None:
    """An untracked repository inside this one ships as committed, and its changes are said."""
    made = new_repository(tmp_path / "project")
    made.write("train.py")
    made.commit()
    inner = new_repository(made.top / "inner")
    inner.write("a.py", b"committed\n")
    inner.commit()
    inner.write("a.py", b"changed\n")
    with dirty_tree(made.top, made.git) as taken:
        tree = taken.unwrap()
        shipped = tree.store.read("cat-file", "-p", f"{tree.snapshot.tree}:inner/a.py").unwrap()
    assert shipped == b"committed\n"
    assert tree.snapshot.warnings == (source.SubmoduleChanges(1, "inner"),)
