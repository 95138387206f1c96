"""Repositories to ship, made up: text that compresses to about half, the same every time."""

import random
import subprocess
from pathlib import Path

from attrs import frozen

LINE = 32  # bytes of chance in a line of a file
IDENTITY = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
# objects go straight to one pack, as after a clone, and little time is spent on making them small
PACKED = ("-c", "core.bigFileThreshold=1", "-c", "core.compression=1")


@frozen
class Size:
    """How many *files* a repository has, and *size* bytes in all of them together."""

    files: int
    size: int

    def __str__(self) -> str:
        return f"{self.files} files, {self.size / 1e6:.3g} MB"


SMALL = Size(100, 800_000)
MANY = Size(5_000, 45_000_000)
LARGE = Size(1_000, 500_000_000)


def git(directory: Path, *words: str) -> None:
    """Run git in *directory*."""
    subprocess.run(["git", *IDENTITY, *words], cwd=directory, check=True, capture_output=True)


def make_repository(top: Path, size: Size) -> None:
    """Make a repository of *size* at *top*, committed."""
    top.mkdir(parents=True, exist_ok=True)
    chance = random.Random(20)  # noqa: S311  nothing secret is made of it
    part = size.size // size.files * LINE // (2 * LINE + 1)
    for number in range(size.files):
        file = top / f"part{number % 20}" / f"file{number}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(chance.randbytes(part).hex("\n", LINE))
    git(top, "init", "--quiet")
    git(top, *PACKED, "add", "--all")
    git(top, "commit", "--quiet", "--message", "bench")


def change_one_line(top: Path, mark: str) -> None:
    """Commit one line more in one file of the repository at *top*."""
    with (top / "part0" / "file0.txt").open("a") as file:
        file.write(f"\n{mark}")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "bench")
