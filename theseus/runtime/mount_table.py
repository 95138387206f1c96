"""What is mounted on this node, whether it answers, and how it is taken away.

Here: reading Linux's table of mounts, and the programs that unmount. Never here: what JuiceFS is,
or who may unmount what. A mount that hangs must not hang the one who asks: what touches it is a
process of its own, under a deadline.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

ANSWER_SECONDS = 10.0
UNMOUNT_SECONDS = 30.0
TABLE = Path("/proc/self/mountinfo")


@dataclass(frozen=True)
class Mounted:
    """A mount: the *kind* of file system, its *source*, and the *user* of a FUSE mount."""

    kind: str
    source: str
    user: Optional[int]


class HangsError(Exception):
    """A mount does not answer."""


def mount_point(path: str) -> str:
    """*path* as the table has it, its last part untouched when something is mounted there."""
    given = Path(path).absolute()
    at = given.parent.resolve() / given.name
    return str(at if mounted_at(str(at)) else at.resolve())


def mounted_at(point: str) -> Optional[Mounted]:
    """What is mounted at *point*, the topmost; None when nothing is."""
    found = None
    for line in os.fsdecode(TABLE.read_bytes()).split("\n")[:-1]:
        # proc(5): id, parent, device, root, mount point, options, optional fields, "-", kind, …
        before, _, after = line.partition(" - ")
        if _unescaped(before.split(" ")[4]) == point:
            kind, source, options = after.split(" ")[:3]
            user = re.search(r"\buser_id=(\d+)", options)
            found = Mounted(kind, _unescaped(source), int(user.group(1)) if user else None)
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal.group(1), 8)), text)


def complaint(point: str, seconds: float = ANSWER_SECONDS) -> Optional[str]:
    """What the system says of *point*; None when all is well, HangsError when it says nothing."""
    process = subprocess.Popen(
        ["ls", "-d", "--", f"{point}/."],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C"},
    )
    try:
        said = process.communicate(timeout=seconds)[1].decode(errors="replace").strip()
    except subprocess.TimeoutExpired:
        process.kill()  # and not awaited: what hangs in a file system may not even die
        raise HangsError from None
    return None if process.returncode == 0 else said.rpartition(": ")[2]


def unmount(point: str) -> Optional[str]:
    """Unmount *point*; why not, when it was not to be."""
    return _run([*_command(), point])


def detach(point: str) -> Optional[str]:
    """Take *point* away even if it is in use: whoever has a file open there may finish with it."""
    return _run([*_command(), "-z" if "fusermount" in _command()[0] else "-l", point])


def _command() -> List[str]:
    if os.geteuid() == 0:
        return ["umount", "--no-canonicalize"]
    return [shutil.which("fusermount3") or "fusermount", "-u"]


def _run(argv: List[str]) -> Optional[str]:
    try:
        done = subprocess.run(argv, capture_output=True, timeout=UNMOUNT_SECONDS, check=False)
    except FileNotFoundError:
        return f"there is no {argv[0]} on this node: install fuse3"
    except subprocess.TimeoutExpired:
        return f"{argv[0]} took more than {UNMOUNT_SECONDS:.0f} seconds"
    return None if done.returncode == 0 else done.stderr.decode(errors="replace").strip()
