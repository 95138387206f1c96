"""Snapshots of real repositories: what is taken, what is said, what is left alone."""

import os
from pathlib import Path

import pytest
from attrs import evolve
from returns.pipeline import is_successful

from tests.effects.source_repository import (
    LFS_POINTER,
    Repository,
    fingerprint,
    new_repository,
    surroundings,
)
from theseus.core.source import source
from theseus.core.source.source import SourceSnapshot
from theseus.effects.source.git import Git
from theseus.effects.source.source import (
    ADDING_TRIES,
    committed_snapshot,
    dirty_snapshot,
    dirty_tree,
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit of two files."""
    made = new_repository(tmp_path / "project")
    made.write("train.py", b"print(1)\n")
    made.write("sub/data.txt")
    made.commit()
    return made


def committed(repository: Repository, subdirectory: str = "") -> SourceSnapshot:
    """The snapshot of HEAD."""
    return committed_snapshot(repository.top / subdirectory, repository.git).unwrap()


def dirty(repository: Repository, subdirectory: str = "") -> SourceSnapshot:
    """The snapshot of the work tree."""
    return dirty_snapshot(repository.top / subdirectory, repository.git).unwrap()


def listing(repository: Repository) -> dict[bytes, bytes]:
    """What the work tree's snapshot holds: each path with its mode."""
    with dirty_tree(repository.top, repository.git) as taken:
        tree = taken.unwrap()
        listed = tree.store.read("ls-tree", "-r", "-z", tree.snapshot.tree).unwrap()
    lines = [line.partition(b"\t") for line in listed.split(b"\0") if line]
    return {path: head.split(b" ")[0] for head, _, path in lines}


def test_clean_commit(repository: Repository) -> None:
    """The snapshot of a clean repository is the tree of HEAD, without a warning."""
    head = repository.run("rev-parse", "HEAD").decode().strip()
    tree = repository.run("rev-parse", "HEAD^{tree}").decode().strip()
    assert committed(repository) == SourceSnapshot(
        tree=tree, commit=head, dirty=False, subdirectory="", repository="project"
    )


def test_subdirectory(repository: Repository) -> None:
    """Standing in a sub-directory ships the whole repository and remembers where one stood."""
    assert committed(repository, "sub") == evolve(committed(repository), subdirectory="sub")


def test_clean_dirty_snapshot_is_the_commit(repository: Repository) -> None:
    """Without changes, the work tree's snapshot is the same tree as the commit's."""
    assert dirty(repository) == evolve(committed(repository), dirty=True)


def test_uncommitted_changes_are_counted(repository: Repository) -> None:
    """Staged, unstaged, deleted and untracked paths are counted once each, ignored ones never."""
    clean = committed(repository)
    repository.write(".gitignore", b"*.log\n")
    repository.write("staged.py")
    repository.run("add", "staged.py")
    repository.write("train.py", b"print(2)\n")
    (repository.top / "sub/data.txt").unlink()
    repository.write("new/one.py")
    repository.write("new/two.py")
    repository.write("noise.log")
    found = committed(repository)
    assert (found.tree, found.uncommitted) == (clean.tree, 6)
    assert found.warnings == (source.UncommittedChanges(6, "staged.py"),)


def test_dirty_takes_what_git_sees(repository: Repository) -> None:
    """With dirty, all but ignored files is taken: staged, unstaged, untracked; the deleted go."""
    repository.write(".gitignore", b"*.log\n")
    repository.write("staged.py")
    repository.run("add", "staged.py")
    repository.write("intended.py")
    repository.run("add", "--intent-to-add", "intended.py")
    (repository.top / "sub/data.txt").unlink()
    repository.write("run.sh", mode=0o755)
    (repository.top / "link").symlink_to("train.py")
    repository.write("noise.log")
    assert listing(repository) == {
        b".gitignore": b"100644",
        b"intended.py": b"100644",
        b"link": b"120000",
        b"run.sh": b"100755",
        b"staged.py": b"100644",
        b"train.py": b"100644",
    }
    assert dirty(repository).uncommitted == 0


def test_dirty_equals_the_commit_that_follows(repository: Repository) -> None:
    """The tree of a dirty snapshot is the tree that committing everything gives."""
    for name in (b"a b", b'"quoted"', b"new\nline", b"\xff\xfe", b"tab\t", "日本".encode(), b":/"):
        repository.write(b"odd/" + name, name)
    repository.write("train.py", b"print(3)\n")
    found = dirty(repository)
    assert found.tree == repository.commit()


def test_dirty_without_commits(tmp_path: Path) -> None:
    """A repository without commits can be taken dirty, an empty one too."""
    made = new_repository(tmp_path / "young")
    empty = dirty(made)
    assert (empty.commit, empty.tree) == (None, "4b825dc642cb6eb9a060e54bf8d69288fbee4904")
    made.write("train.py")
    found = dirty(made)
    assert (found.commit, found.tree) == (None, made.commit())


def test_sha256_repository(tmp_path: Path) -> None:
    """A repository that hashes with SHA-256 is taken like any other."""
    made = new_repository(tmp_path / "long", "--object-format=sha256")
    made.write("train.py")
    assert dirty(made).tree == made.commit() == committed(made).tree


def test_change_in_the_same_instant(repository: Repository) -> None:
    """A change of the same size in the instant of the last `add` is not overlooked."""
    repository.run("config", "core.trustctime", "false")
    repository.run("config", "core.checkStat", "minimal")
    file = repository.write("racy.py", b"old")
    repository.run("add", "racy.py")
    instant = file.stat().st_mtime_ns
    file.write_bytes(b"new")
    os.utime(file, ns=(instant, instant))
    os.utime(repository.top / ".git/index", ns=(instant, instant))
    found = dirty(repository)
    assert found.tree == repository.commit()
    assert repository.run("show", "HEAD:racy.py") == b"new"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("update-index", "--split-index"),
        ("update-index", "--untracked-cache"),
        ("gc", "--quiet"),
    ],
    ids=["plain", "split index", "untracked cache", "packed"],
)
def test_git_directory_is_untouched(repository: Repository, words: tuple[str, ...]) -> None:
    """No snapshot changes, adds or removes a byte anywhere in the repository."""
    if words:
        repository.run(*words)
    repository.write("train.py", b"print(2)\n")
    repository.write("new.py")
    before = fingerprint(repository.top)
    committed(repository)
    dirty(repository)
    assert fingerprint(repository.top) == before


def test_hooks_and_monitors_stay_asleep(repository: Repository, tmp_path: Path) -> None:
    """Neither a hook nor a file-system monitor of the repository is started."""
    alarm = repository.write(
        ".git/hooks/post-index-change", f"#!/bin/sh\ntouch '{tmp_path}/rang'\n".encode(), 0o755
    )
    repository.run("config", "core.fsmonitor", str(alarm))
    (tmp_path / "rang").unlink(missing_ok=True)
    repository.write("new.py")
    committed(repository)
    dirty(repository)
    assert not (tmp_path / "rang").exists()


def test_callers_git_variables_are_scrubbed(repository: Repository, tmp_path: Path) -> None:
    """Taken from inside a git hook, the snapshot is still that of the directory asked for."""
    other = new_repository(tmp_path / "other")
    hook = {
        "GIT_DIR": str(other.top / ".git"),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_WORK_TREE": str(other.top),
        "GIT_OBJECT_DIRECTORY": str(tmp_path),
    }
    inside = Git(environment=surroundings(tmp_path / "home", **hook))
    repository.write("new.py")
    for take in (committed_snapshot, dirty_snapshot):
        assert take(repository.top, inside) == take(repository.top, repository.git)
    assert not (tmp_path / "index").exists()


def test_worktree_and_shared_objects(repository: Repository, tmp_path: Path) -> None:
    """A linked work tree, and a clone that borrows its objects, are taken like a plain one."""
    repository.run("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    repository.run("clone", "--quiet", "--shared", ".", str(tmp_path / "clone"))
    for name in ("side", "clone"):
        linked = Repository(tmp_path / name, repository.git)
        assert committed(linked).tree == committed(repository).tree
        linked.write("new.py", name.encode())
        assert dirty(linked).tree == linked.commit()


def test_name_of_a_linked_work_tree(repository: Repository, tmp_path: Path) -> None:
    """A linked work tree is called as its repository is, with files of its own or without."""
    repository.run("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    linked = Repository(tmp_path / "side", repository.git)
    assert committed(linked).repository == committed(repository).repository == repository.top.name
    assert dirty(linked).repository == repository.top.name
    repository.run("clone", "--quiet", "--bare", ".", str(tmp_path / "shared.git"))
    bare = Repository(tmp_path / "shared.git", repository.git)
    bare.run("worktree", "add", "--quiet", str(tmp_path / "main-tree"))
    assert committed(Repository(tmp_path / "main-tree", bare.git)).repository == "shared"


@pytest.mark.parametrize("name", ["a:b", '"quoted" \\n', "with\nnewline", "spa ce", "üml", "#hash"])
def test_odd_top_directory(tmp_path: Path, name: str) -> None:
    """Any text may stand in the name of the top directory, and in the names above it."""
    made = new_repository(tmp_path / name / name)
    made.write("sub/train.py")
    made.commit()
    made.write("new.py")
    assert committed(made, "sub").repository == name
    assert dirty(made, "sub").tree == made.commit()


def test_sparse_checkout(repository: Repository) -> None:
    """Files that a sparse checkout leaves out are shipped all the same."""
    repository.write("other/file.py")
    repository.commit()
    repository.run("sparse-checkout", "set", "sub")
    assert not (repository.top / "other").exists()
    repository.write("sub/new.py")
    assert set(listing(repository)) == {
        b"other/file.py",
        b"sub/data.txt",
        b"sub/new.py",
        b"train.py",
    }


PLAN = b"version: 1\ntheseus: 1.2.3\nrun:\n  id: 20261124-131501-k7f2qx\n"


def test_own_files_are_not_source(repository: Repository) -> None:
    """Saved plans that git was not told of are neither warned of nor shipped; tracked ones are."""
    before = committed(repository)
    repository.write("plan of *.yaml", PLAN, 0o600)
    repository.write(b"sub/\xff", PLAN, 0o600)
    assert committed(repository) == before
    assert dirty(repository).tree == before.tree
    repository.write("changed.py")
    assert committed(repository).warnings == (source.UncommittedChanges(1, "changed.py"),)
    assert set(listing(repository)) == {b"changed.py", b"sub/data.txt", b"train.py"}
    repository.run("add", "plan of *.yaml")
    assert committed(repository).uncommitted == 2
    assert b"plan of *.yaml" in listing(repository)


def test_own_files_in_a_sparse_checkout(repository: Repository) -> None:
    """They stay out of a sparse checkout, too, and what that leaves out is shipped."""
    repository.write("other/file.py")
    repository.commit()
    repository.run("sparse-checkout", "set", "sub")
    repository.write("sub/plan.yaml", PLAN, 0o600)
    assert set(listing(repository)) == {b"other/file.py", b"sub/data.txt", b"train.py"}


def test_what_others_may_read_is_no_plan(repository: Repository) -> None:
    """Files are opened only where their modes are those of plans; links are not followed."""
    repository.write("readable.yaml", PLAN)
    (repository.top / "link").symlink_to("/dev/zero")
    assert committed(repository).uncommitted == 2


def test_special_files_are_not_source(repository: Repository) -> None:
    """A named pipe in the work tree neither blocks the snapshot nor enters it."""
    os.mkfifo(repository.top / "pipe")
    assert dirty(repository).tree == committed(repository).tree


def test_lfs_pointers_warn(repository: Repository) -> None:
    """Git LFS pointers are counted; a file of the same pattern with content is none."""
    repository.write(".gitattributes", b"*.bin filter=lfs diff=lfs merge=lfs -text\n")
    repository.write("a.bin", LFS_POINTER)
    repository.write("b/c.bin", LFS_POINTER.replace(b"12345", b"6"))
    repository.write("content.bin", b"1" * 2000)
    repository.commit()
    assert committed(repository).warnings == (source.LfsPointers(2, "a.bin"),)


def test_lfs_without_pointers_is_silent(repository: Repository) -> None:
    """Attributes that name the LFS filter do not warn by themselves."""
    repository.write(".gitattributes", b"*.bin filter=lfs\n")
    repository.commit()
    assert committed(repository).warnings == ()


def test_filters_keep_their_store_out(repository: Repository) -> None:
    """A clean filter gets another LFS storage than the user's, which stays as it is."""
    repository.run("config", "filter.lfs.clean", "git config lfs.storage; cat")
    repository.write(".gitattributes", b"*.bin filter=lfs\n")
    repository.write("a.bin", b"content")
    with dirty_tree(repository.top, repository.git) as taken:
        tree = taken.unwrap()
        cleaned = tree.store.read("cat-file", "-p", f"{tree.snapshot.tree}:a.bin").unwrap()
    assert cleaned == f"{tree.store.directory}/lfs\ncontent".encode()


@pytest.mark.parametrize(
    ("times", "fails"), [(1, False), (ADDING_TRIES - 1, False), (ADDING_TRIES, True)]
)
def test_files_that_go_meanwhile(repository: Repository, times: int, *, fails: bool) -> None:
    """A file that git has seen and that is gone when it reads it is not there; not for ever."""
    gone = 'cat; for file in b-*; do rm -f "$file"; break; done'
    repository.run("config", "filter.gone.clean", gone)
    repository.write(".gitattributes", b"a filter=gone\n")
    for name in ("a", *(f"b-{number}" for number in range(times))):
        repository.write(name)
    taken = dirty_snapshot(repository.top, repository.git)
    assert is_successful(taken) != fails
    if fails:
        assert "No such file or directory" in str(taken.failure())
    else:
        assert listing(repository).keys().isdisjoint({b"b-0"})


def test_objects_that_are_missing_are_skipped(repository: Repository) -> None:
    """Looking for LFS pointers, an object that a partial clone lacks is passed over."""
    repository.write(".gitattributes", b"*.bin filter=lfs\n")
    repository.write("a.bin", LFS_POINTER)
    repository.commit()
    for path in ("a.bin", ".gitattributes"):
        name = repository.run("rev-parse", f"HEAD:{path}").decode().strip()
        (repository.top / ".git/objects" / name[:2] / name[2:]).unlink()
        assert committed(repository).warnings == ()
