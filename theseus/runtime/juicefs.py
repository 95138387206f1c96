"""JuiceFS: which program, how it is started, and what its complaints mean.

Here: everything that knows the command line and the words of juicefs. Never here: who shares the
mount. The password goes to it in META_PASSWORD, and nowhere else.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Optional

DEVICE = Path("/dev/fuse")
KIND = "fuse.juicefs"
PLACES = ("~/.local/bin", "~/bin", "/usr/local/bin")
END_SECONDS = 10.0
# 2026/11/24 17:24:18.064393 juicefs[25563] <FATAL>: WRONGPASS … [main@main.go:31]
# redis: 2026/11/24 17:24:18 pool.go:617: redis: connection pool: failed to dial …
_DECORATION = re.compile(r"^.*?<[A-Z]+>: |^.*? \w+\.go:\d+: |\x1b\[[0-9;]*m| \[\S*\.go:\d+\]$")


class JuicefsError(Exception):
    """JuiceFS cannot be mounted; the text says why and what to do."""


@dataclass(frozen=True)
class Volume:
    """What is to be mounted at *point*, and the *options* it is mounted with."""

    url: str
    point: str
    options: Mapping[str, str]

    @classmethod
    def of(cls, environment: Mapping[str, str], point: str) -> Volume:
        """The volume that *environment* tells of."""
        names = {
            "--cache-size": "THESEUS_MOUNT_CACHE_SIZE",
            "--cache-dir": "THESEUS_MOUNT_CACHE_DIR",
            "--all-squash": "THESEUS_MOUNT_SQUASH",
        }
        given = {option: environment.get(name, "") for option, name in names.items()}
        options = {option: value for option, value in given.items() if value}
        return cls(environment["THESEUS_MOUNT"], point, options)

    def argv(self, program: str) -> List[str]:
        """The command that serves it until it is unmounted."""
        options = (word for pair in self.options.items() for word in pair)
        return [program, "mount", "--no-usage-report", *options, self.url, self.point]


def program_on_path(environment: Mapping[str, str]) -> str:
    """The juicefs of this node."""
    home = [str(Path(place).expanduser()) for place in PLACES]
    search = os.pathsep.join([environment.get("PATH", os.defpath), *home])
    found = shutil.which("juicefs", path=search)
    if found is None:
        raise JuicefsError(
            "there is no juicefs on this node: load it in the host's `setup`, install it, or pin"
            " a release with `juicefs` in the cluster"
        )
    return found


def check_node(point: str) -> None:
    """Whether something can be mounted at *point*, which is made when it is missing."""
    if not DEVICE.exists():
        raise JuicefsError(
            f"there is no {DEVICE} on this node, so nothing can be mounted: have its administrator"
            " load the kernel module fuse; a container wants --device /dev/fuse"
        )
    try:
        Path(point).mkdir(parents=True, exist_ok=True)
        with os.scandir(point) as entries:
            first = next(entries, None)
    except OSError as error:
        raise JuicefsError(
            f"{point} cannot be a mount point ({error.strerror}): make it an empty directory of"
            " yours, or choose another `root`"
        ) from None
    if first is not None:
        raise JuicefsError(
            f"{point} is not empty (it holds {first.name!r}), and JuiceFS would hide what lies"
            " there: move it away, or choose another `root`"
        )


def daemon_environment(environment: Mapping[str, str]) -> Dict[str, str]:
    """What juicefs is told: all that theseus's own variables are not, META_PASSWORD included."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("THESEUS_") and name != "PYTHONPATH"
    }


def start(argv: List[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start juicefs in a session of its own, so that it outlives the run; its words go to *log*."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return subprocess.Popen(
            argv,
            cwd="/",
            env=daemon_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
        )
    except OSError as error:
        raise JuicefsError(f"{argv[0]} cannot be started: {error.strerror}") from None
    finally:
        os.close(descriptor)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a juicefs that did not come up, and what it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=END_SECONDS)
            return


def refusal(url: str, log: Path) -> str:
    """Why juicefs did not come up, by what it said last, and what to do."""
    said = last_words(log)
    advice = {
        r"WRONGPASS|NOAUTH|invalid.*password|AUTH": (
            f"Redis at {url} refuses the password: correct it in `mount` of this cluster"
        ),
        r"not formatted": (
            f"there is no volume at {url}: make one (juicefs format), or correct `mount`"
        ),
        r"fusermount": "there is no fusermount on this node: have fuse3 installed",
        r"dial|refused|timeout|timed out|no such host|unreachable|EOF|reset by peer": (
            f"Redis at {url} does not answer from this node: is it up, and `mount` right?"
        ),
    }
    for pattern, text in advice.items():
        if re.search(pattern, said):
            return f"{text} ({said})"
    return f"juicefs did not mount {url} ({said})"


def last_words(log: Path) -> str:
    """The last error in *log*, or else its last line."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    lines = [line for line in lines if line.strip()]
    wrong = [line for line in lines if re.search(r"<(FATAL|ERROR)>|failed|error", line)]
    words: Optional[str] = (wrong or lines or ["it said nothing"])[-1]
    return _DECORATION.sub("", words or "").strip()
