"""What cannot be shipped: each refusal is a value that names the place."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.effects.source_repository import Repository, new_repository, surroundings
from theseus.core.source import source
from theseus.core.source.source_text import explain
from theseus.effects.source.git import Git
from theseus.effects.source.source import committed_snapshot, committed_tree, dirty_snapshot


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit of one file."""
    made = new_repository(tmp_path / "project")
    made.write("train.py")
    made.commit()
    return made


def committed(repository: Repository, directory: str = "") -> source.SourceError:
    """Why HEAD is refused."""
    return committed_snapshot(repository.top / directory, repository.git).failure()


def dirty(repository: Repository, directory: str = "") -> source.SourceError:
    """Why the work tree is refused."""
    return dirty_snapshot(repository.top / directory, repository.git).failure()


def test_not_a_repository(tmp_path: Path) -> None:
    """A directory outside any repository is refused, and so is one that does not exist."""
    git = Git(environment=surroundings(tmp_path))
    assert committed_snapshot(tmp_path, git).failure() == source.NotARepository(str(tmp_path))
    gone = committed_snapshot(tmp_path / "gone", git).failure()
    assert "No such file or directory" in explain(gone)


def test_bare_repository(tmp_path: Path) -> None:
    """A bare repository, and the inside of .git, hold no files to ship."""
    bare = new_repository(tmp_path / "bare", "--bare")
    assert dirty(bare) == source.NoWorkTree(str(bare.top))
    plain = new_repository(tmp_path / "plain")
    assert committed(plain, ".git") == source.NoWorkTree(str(plain.top / ".git"))


def test_no_commits(tmp_path: Path) -> None:
    """A repository without commits is refused unless it is taken dirty."""
    young = new_repository(tmp_path / "young")
    young.write("train.py")
    assert committed(young) == source.NoCommits(str(young.top))


def test_git_missing(repository: Repository, tmp_path: Path) -> None:
    """Without git there is no snapshot, whether it is a name or a path that is not there."""
    nowhere = Git(environment={"PATH": str(tmp_path)})
    assert committed_snapshot(repository.top, nowhere).failure() == source.GitMissing("git")
    other = Git(executable=str(tmp_path / "git"))
    assert dirty_snapshot(repository.top, other).failure() == source.GitMissing(
        str(tmp_path / "git")
    )


def test_somebody_elses_repository(repository: Repository) -> None:
    """A repository of another user is refused with git's own remedy."""
    if os.getuid() != 0:
        pytest.skip("only root can give a repository to somebody else")
    subprocess.run(["chown", "-R", "65534", repository.top], check=True)
    assert committed(repository) == source.UnsafeRepository(str(repository.top))


def test_broken_repository(repository: Repository) -> None:
    """A failure without a name of its own carries git's words."""
    repository.write(".git/config", b"[broken")
    failure = committed(repository)
    assert isinstance(failure, source.GitFailed)
    assert "bad config line" in failure.message


@pytest.mark.parametrize("directory", ["new", "ignored"])
def test_directory_not_in_tree(repository: Repository, directory: str) -> None:
    """Standing in a directory that is not shipped is refused: the job could not start there."""
    repository.write(".gitignore", b"ignored\n")
    repository.write(f"{directory}/train.py")
    assert committed(repository, directory) == source.DirectoryNotInTree(directory)


def test_ignored_directory_stays_out_of_dirty(repository: Repository) -> None:
    """An untracked directory is shipped dirty, an ignored one is not."""
    repository.write(".gitignore", b"ignored\n")
    repository.write("ignored/train.py")
    repository.write("new/train.py")
    assert dirty(repository, "ignored") == source.DirectoryNotInTree("ignored")
    found = dirty_snapshot(repository.top / "new", repository.git).unwrap()
    assert found.subdirectory == "new"


def test_name_that_is_no_text(repository: Repository) -> None:
    """A directory whose name is not UTF-8 is refused: no plan can hold its name."""
    directory = os.fsdecode(b"\xff")
    repository.write(f"{directory}/train.py")
    failure = dirty(repository, directory)
    assert failure == source.NameNotText(str(repository.top / directory))
    assert "\\udcff" in explain(failure)


def test_huge_untracked_file(repository: Repository) -> None:
    """An untracked file over the limit is refused before git reads it; ignored ones may be huge."""
    big = repository.write("data/big.bin")
    os.truncate(big, 50_000_001)
    expected = source.UntrackedTooLarge("data/big.bin", 50_000_001, 50_000_000)
    assert dirty(repository) == expected
    repository.run("add", "--intent-to-add", "data/big.bin")
    assert dirty(repository) == expected
    assert committed_snapshot(repository.top, repository.git).unwrap().uncommitted == 1
    repository.run("reset", "--quiet")
    repository.write(".gitignore", b"data\n")
    assert dirty_snapshot(repository.top, repository.git).unwrap().warnings == ()


def test_many_untracked_files(repository: Repository) -> None:
    """Untracked files that are too much together are refused with their sum."""
    for number in range(11):
        os.truncate(repository.write(f"data/{number}.bin"), 50_000_000)
    assert dirty(repository) == source.UntrackedTooMuch(11, 550_000_000, 500_000_000, "data/0.bin")


def test_embedded_repository_without_commits(repository: Repository) -> None:
    """An untracked repository without commits inside this one is refused by name."""
    new_repository(repository.top / "inner")
    assert dirty(repository) == source.EmbeddedWithoutCommits("inner")


def test_unwritable_destination(repository: Repository, tmp_path: Path) -> None:
    """An archive that cannot be written is an error with the place and the reason."""
    with committed_tree(repository.top, repository.git) as taken:
        failure = taken.unwrap().archive(tmp_path / "no" / "x.tar.gz").failure()
    assert failure == source.ArchiveNotWritten(
        str(tmp_path / "no" / "x.tar.gz"), "No such file or directory"
    )


def test_lost_object(repository: Repository, tmp_path: Path) -> None:
    """An object that is missing from the repository fails the archive, and leaves no part of it."""
    blob = repository.run("rev-parse", "HEAD:train.py").decode().strip()
    (repository.top / ".git/objects" / blob[:2] / blob[2:]).unlink()
    (tmp_path / "out").mkdir()
    with committed_tree(repository.top, repository.git) as taken:
        failure = taken.unwrap().archive(tmp_path / "out" / "x.tar.gz").failure()
    assert failure == source.ObjectMissing(blob)
    assert list((tmp_path / "out").iterdir()) == []
