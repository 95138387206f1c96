"""Real repositories for the tests of source snapshots, in directories of their own.

Git runs as a user without any configuration: HOME is empty and the identity is given.
"""

import hashlib
import os
import subprocess
from pathlib import Path

from attrs import frozen

from theseus.effects.source.git import Git

LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    b"size 12345\n"
)
# What `add` must not do when an unpacked archive is hashed again: change bytes.
_AS_IS = "* -text -ident -filter !working-tree-encoding\n"


def surroundings(home: Path, **more: str) -> dict[str, str]:
    """The environment of a user whose home directory is *home*."""
    identity = {
        f"GIT_{role}_{part}": "ada"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    return {"PATH": os.environ["PATH"], "HOME": str(home), **identity, **more}


@frozen
class Repository:
    """A work tree at *top* with git's own hand on it, and the *git* to take snapshots with."""

    top: Path
    git: Git

    def run(self, *words: str | bytes) -> bytes:
        """Run git as its user would, and return what it prints."""
        environment = dict(self.git.environment)
        done = subprocess.run(
            ["git", "-C", self.top, *words], env=environment, check=True, capture_output=True
        )
        return done.stdout

    def write(self, path: str | bytes, content: bytes = b"x\n", mode: int = 0o644) -> Path:
        """Write a file below the top, directories included."""
        file = self.top / os.fsdecode(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
        return file

    def commit(self) -> str:
        """Commit all there is and return the commit's tree."""
        self.run("add", "--all")
        self.run("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.run("rev-parse", "HEAD^{tree}").decode().strip()


def new_repository(top: Path, *options: str) -> Repository:
    """Make an empty repository at *top*; its user's home is beside it."""
    top.mkdir(parents=True, exist_ok=True)
    home = top.parent / "home"
    home.mkdir(exist_ok=True)
    made = Repository(top, Git(environment=surroundings(home)))
    made.run("init", "--quiet", "--initial-branch=main", *options)
    return made


def fingerprint(directory: Path) -> dict[str, str]:
    """The content of every file below *directory*, by path."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def unpack(archive: Path, destination: Path) -> Path:
    """Unpack *archive* as the far side would, and return *destination*."""
    destination.mkdir()
    subprocess.run(
        ["tar", "-xzpf", archive, "-C", destination, "--no-same-owner"],
        check=True,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
    )
    return destination


def tree_of(directory: Path, *options: str) -> str:
    """The git tree hash of *directory*, as git itself sees it; leaves nothing behind."""
    judge = new_repository(directory.parent / f"{directory.name}.judge", *options)
    (judge.top / ".git" / "info" / "attributes").write_text(_AS_IS)
    work_tree = f"--work-tree={directory}"
    judge.run("-c", "core.autocrlf=false", work_tree, "add", "--all", "--force")
    return judge.run("write-tree").decode().strip()
