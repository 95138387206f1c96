"""`python -m theseus.runtime.pinned_uv TOOLS LINK`: the uv of this runtime, one for all runs.

Here: installing it in the directory TOOLS unless it is there, its hash checked, and making LINK
point to it. Never here: finding another uv, or using one.
"""

from __future__ import annotations

import fcntl
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Sequence

REQUIREMENTS = "sh/uv-requirements.txt"


def pinned_uv(tools: Path) -> Path:
    """The uv in *tools*, installed there when it is missing; CalledProcessError when pip fails."""
    requirements = (pkgutil.get_data("theseus", REQUIREMENTS) or b"").decode()
    found = re.search(r"^uv==([0-9.]+)", requirements, re.MULTILINE)
    if found is None:
        raise ValueError(f"{REQUIREMENTS} pins no uv")
    home = tools / f"uv-{found.group(1)}"
    if not (home / "bin/uv").exists():
        tools.mkdir(parents=True, exist_ok=True)
        with (tools / "lock").open("a") as lock:
            _lock(lock.fileno())
            if not (home / "bin/uv").exists():
                print(f"theseus: no uv on this host: installing {home}", flush=True)
                _install(requirements, home)
    return home / "bin/uv"


def _lock(descriptor: int) -> None:
    # Where a file system has no locks the rename decides.
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _install(requirements: str, home: Path) -> None:
    made = Path(tempfile.mkdtemp(prefix=f"{home.name}.new-", dir=str(home.parent)))
    try:
        pinned = made / "requirements.txt"
        pinned.write_text(requirements, encoding="utf-8")
        _run(sys.executable, "-m", "venv", str(made))
        pip = (str(made / "bin/python"), "-m", "pip", "--disable-pip-version-check", "--no-input")
        hashed = ("--require-hashes", "--only-binary", ":all:", "-r", str(pinned))
        _run(*pip, "install", "--quiet", *hashed)
        _run(str(made / "bin/uv"), "--version")
        _settle(made, home)
    finally:
        shutil.rmtree(made, ignore_errors=True)  # settled, it is not there any more


def _run(*argv: str) -> None:
    # Not with the PYTHONPATH on which this runtime is.
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(argv, check=True, env=bare)


def _settle(made: Path, home: Path) -> None:
    made.chmod(0o755)
    try:
        made.rename(home)
    except OSError:
        if not (home / "bin/uv").exists():  # else another was quicker
            raise


def main(words: Sequence[str]) -> int:
    """TOOLS LINK; what went wrong is printed, with exit status 1."""
    tools, link = Path(words[0]), Path(words[1])
    try:
        uv = pinned_uv(tools)
        link.unlink(missing_ok=True)
        link.symlink_to(uv)
    except subprocess.CalledProcessError:
        return 1  # it said why itself
    except (OSError, ValueError) as error:
        print(f"error: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
