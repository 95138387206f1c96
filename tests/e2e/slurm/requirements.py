"""What a test cluster needs of this machine, and where it goes on loopback."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.slurm.site import PORTS, SEARCH_PATH

DAEMONS = ("munged", "slurmctld", "slurmd", "sshd", "sbatch")
ACCOUNTING_DAEMONS = ("mariadbd", "slurmdbd")
# below the ports that Linux gives to outgoing connections
FIRST_PORTS = range(20_000, 32_000, PORTS)


def missing(*, accounting: bool) -> str:
    """What keeps a cluster from running here, and what to do; nothing when it can run."""
    if os.geteuid() != 0:
        return "a SLURM cluster needs root here, for namespaces and made-up GPUs: run as root"
    wanted = DAEMONS + (ACCOUNTING_DAEMONS if accounting else ())
    absent = [name for name in wanted if shutil.which(name, path=SEARCH_PATH) is None]
    if absent:
        return f"a SLURM cluster needs {', '.join(absent)}: run tests/debian.sh as root on Debian"
    unshare = ["unshare", "--uts", "--mount", "--pid", "--fork", "--mount-proc", "true"]
    refused = subprocess.run(unshare, capture_output=True, text=True, check=False)
    if refused.returncode:
        said = refused.stderr.strip()
        return f"a SLURM cluster needs namespaces: give this container SYS_ADMIN ({said})"
    return ""


def free_user_id() -> int:
    """A user id that nobody has."""
    taken = {user.pw_uid for user in pwd.getpwall()}
    return next(number for number in range(20_000, 60_000) if number not in taken)


@contextmanager
def free_ports() -> Iterator[int]:
    """The first of `PORTS` free ports, which nobody else who asks here is given meanwhile."""
    for first in FIRST_PORTS:
        # unix(7): an abstract name ends with its socket, however its process ends
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                claim.bind(f"\0theseus-test-ports-{first}")
            except OSError:
                continue
            if all(_is_free(port) for port in range(first, first + PORTS)):
                yield first
                return
    raise RuntimeError(f"no {PORTS} free ports in a row in {FIRST_PORTS}")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
