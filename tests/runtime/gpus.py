"""Pretended GPUs of a host, and leases on them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from theseus.runtime.leasable import Leasable
from theseus.runtime.lease import Claim
from theseus.runtime.lease_directory import LeaseDirectory

MEMORY = 81559  # MiB
QUERY = "".join(f"{at}, GPU-{at}, NVIDIA H100 80GB HBM3, {MEMORY}, 4\n" for at in range(8))
ANSWERS = """\
#!/bin/sh
here=$(dirname "$0")
case "$*" in
  *--query-gpu=*) cat "$here/gpus" ;;
  *--query-compute-apps=*) cat "$here/held" 2>/dev/null ;;
  -L) : ;;
  *) exit 2 ;;
esac
"""
ALL = tuple(f"GPU-{at}" for at in range(8))
HOLD = """
import fcntl, os, sys, time
descriptor = os.open(sys.argv[1], os.O_RDONLY)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(600)
"""


def lease(directory: Path, chips: int, *gpus: str, queue: bool = False) -> dict[str, Any]:
    """The content of lease.json for *chips* of *gpus*, of all eight when none is named."""
    return {
        "run": "r1",
        "chip": None,
        "chips": chips,
        "gpus": list(gpus or ALL),
        "declared": 0,
        "queue": queue,
        "directory": str(directory),
    }


def claim(path: Path, chips: int, gpus: tuple[str, ...] = ALL, run: str = "r") -> Claim:
    """A claim of this process on *chips* of *gpus*, its files open."""
    directory = LeaseDirectory(path)
    wanted = Leasable(chips, gpus, "CUDA_VISIBLE_DEVICES")
    with directory.gate():
        files = {gpu: directory.made(name) for gpu, name in zip(gpus, wanted.names, strict=True)}
    opened = {gpu: os.open(file, os.O_RDONLY | os.O_NOFOLLOW) for gpu, file in files.items()}
    return Claim(directory, wanted, opened, {"user": "ada", "run": run})


def close(made: Claim) -> None:
    """End what the process that made the claim would hold."""
    for descriptor in made.open_files.values():
        os.close(descriptor)


@contextmanager
def held(file: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that holds a lock on *file*."""
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield process
        process.send_signal(signal.SIGKILL)


def signed(path: Path) -> dict[str, Any]:
    """What a lease file says of its holder."""
    said: dict[str, Any] = json.loads(path.read_text())
    return said
