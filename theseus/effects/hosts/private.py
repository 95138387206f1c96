"""Private directories: what theseus keeps for this user on this machine, shut to everyone else."""

import stat
from os import geteuid
from pathlib import Path

from platformdirs import user_state_path


def private_directory(path: Path) -> Path:
    """*path* as a directory of this user that is open to nobody else; PermissionError where not.

    One that exists and belongs to another, or is a link, is never used: it may be a trap.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = path.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != geteuid():
        raise PermissionError(f"{path} is no directory of yours: remove it")
    if stat.S_IMODE(state.st_mode) & 0o077:
        path.chmod(0o700)
    return path


def state_directory(name: str) -> Path:
    """The directory *name* of what theseus remembers between two commands."""
    private_directory(user_state_path("theseus"))
    return private_directory(user_state_path("theseus") / name)
