"""Repositories to ship, made up: text that compresses to about half, the same every time."""

import random
import subprocess
from pathlib import Path

from attrs import frozen

LINE = 32  # bytes of chance in a line of a file
IDENTITY = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")


@frozen
class Size:
    """How many *files* a repository has, and *size* bytes in all of them together."""

    files: int
    size: int


SMALL = Size(100, 800_000)
MANY = Size(5_000, 45_000_000)
LARGE = Size(1_000, 500_000_000)
TINY = Size(10, 50_000)


def git(directory: Path, *words: str) -> None:
    """Run git in *directory*."""
    subprocess.run(["git", *IDENTITY, *words], cwd=directory, check=True, capture_output=True)


def make_repository(top: Path, size: Size) -> None:
    """Make a repository of *size* at *top*, committed and packed as after a clone."""
    top.mkdir(parents=True, exist_ok=True)
    chance = random.Random(20)  # noqa: S311  nothing secret is made of it
    lines = size.size // size.files // (2 * LINE + 1) + 1
    for number in range(size.files):
        file = top / f"part{number % 20}" / f"file{number}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(f"{chance.randbytes(LINE).hex()}\n" for _ in range(lines)))
    git(top, "init", "--quiet")
    commit(top)
    git(top, "-c", "pack.window=0", "repack", "-adq")


def change_one_line(top: Path, mark: str) -> None:
    """Commit one line more in one file of the repository at *top*."""
    with (top / "part0" / "file0.txt").open("a") as file:
        file.write(f"{mark}\n")
    commit(top)


def commit(top: Path) -> None:
    """Commit all there is at *top*."""
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "bench")
