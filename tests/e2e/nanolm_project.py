"""The example project as a user's own repository, and what its environment is built from."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from tests.cli.desk import Desk

UV = Path(sys.executable).with_name("uv")
NANOLM = Path(__file__).resolve().parents[2] / "examples" / "nanolm"
_BUILT = shutil.ignore_patterns(".venv", "__pycache__")


def commit_nanolm(desk: Desk) -> None:
    """Make the example project what lies in the repository of *desk*."""
    shutil.copytree(NANOLM, desk.repository, ignore=_BUILT, dirs_exist_ok=True)
    desk.commit()


def filled_uv_cache(folder: Path) -> Path:
    """A cache in *folder* with all of nanolm's environment; without it skips, and fails in CI."""
    if not UV.exists():
        _without("uv is not installed beside this Python")
    project, cache = folder / "nanolm", folder / "cache"
    shutil.copytree(NANOLM, project, ignore=_BUILT)
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") or "python3"
    options = ["--frozen", "--quiet", "--python", python, "--cache-dir", str(cache)]
    command = [str(UV), "sync", *options]
    filled = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    if filled.returncode != 0:
        _without(f"the packages of nanolm are not to be had here: {filled.stderr}")
    return cache


def _without(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)  # what this machine lacks to build an environment


def hand_over(folder: Path, user: str) -> None:
    """Give *folder* to *user*, as root may, with a way into it."""
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", user, str(folder)], check=True)
    for directory in (folder, *folder.parents):
        if os.access(directory, os.W_OK) and directory.stat().st_mode & 0o001 == 0:
            directory.chmod(directory.stat().st_mode | 0o011)
