"""A packed file, written by the command line and started on this machine as a person would."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.cli.desk import DEADLINE, Desk, Finished

SRUN = """\
#!/bin/bash
echo "$*" >>"$HOME/srun.words"
while [[ $1 == --* ]]; do shift; done
export SLURM_STEP_ID=0
export SLURM_STEP_NUM_NODES=$SLURM_JOB_NUM_NODES SLURM_STEP_NODELIST=$SLURM_JOB_NODELIST
for ((index = 0; index < SLURM_JOB_NUM_NODES; index++)); do
  SLURM_PROCID=$index SLURM_NODEID=$index SLURMD_NODENAME=node$index env "$@" &
  tasks+=("$!")
done
worst=0
for task in "${tasks[@]}"; do
  wait "$task" || worst=$?
done
exit "$worst"
"""


@frozen
class PackedFile:
    """A packed file at *path*, on the far side of which *desk* is the home."""

    desk: Desk
    path: Path

    def start(self, *words: str, **variables: str) -> "subprocess.Popen[bytes]":
        """Start it with *words*, in the home directory; *variables* are set there."""
        return subprocess.Popen(
            ["bash", str(self.path), *words],
            cwd=self.desk.home,
            env={**self.desk.environment(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *words: str, **variables: str) -> Finished:
        """What it says, and its exit status."""
        with self.start(*words, **variables) as process:
            out, _ = process.communicate(timeout=DEADLINE)
        return Finished(process.returncode, out.decode(), "")

    def batch(self, job: int, nodes: int, *words: str, **variables: str) -> Finished:
        """The same as SLURM does it for a *job*, on so many *nodes*: of a copy of the file."""
        spool = self.desk.place / f"spool/job{job:05}/slurm_script"
        spool.parent.mkdir(parents=True, exist_ok=True)
        spool.write_bytes(self.path.read_bytes())
        told = {
            "SLURM_JOB_ID": str(job),
            "SLURM_JOB_NUM_NODES": str(nodes),
            "SLURM_JOB_NODELIST": f"node[0-{nodes - 1}]" if nodes > 1 else "node0",
            "SLURM_PROCID": "0",
            "SLURM_NODEID": "0",
            "SLURMD_NODENAME": "node0",
        }
        return PackedFile(self.desk, spool).run(*words, **{**told, **variables})

    def run_dir(self, share: str = "work/.dispatch") -> Path:
        """The run directory beneath *share*, itself relative to the home."""
        (found,) = (self.desk.home / share / "runs").iterdir()
        return found

    def outcome(self, share: str = "work/.dispatch") -> dict[str, Any]:
        """How the run ended."""
        outcome: dict[str, Any] = json.loads((self.run_dir(share) / "outcome.json").read_text())
        return outcome


def until(holds: Callable[[], bool]) -> None:
    """Wait until it *holds*."""
    for _ in range(DEADLINE * 20):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never held")


def metadata(root: Path) -> Mapping[str, Any]:
    """What metadata.json beneath *root* says."""
    (path,) = root.glob("status/*/*/*/*/metadata.json")
    said: dict[str, Any] = json.loads(path.read_text())
    return said
