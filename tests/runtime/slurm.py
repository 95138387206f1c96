"""A stand-in for the parts of SLURM that a run meets on its nodes.

Each made-up node is a session of its own on this machine; what SLURM does to a step is done to all
of a session: that is what makes these tests tell something without a cluster.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from attrs import frozen

from tests.runtime.host import ROOT, Site, Source, until

SRUN = """\
#!{python}
import os, signal, subprocess, sys, time
words = sys.argv[1:]
with open({words!r}, "w") as file:
    file.write("\\n".join(words))
while words[0].startswith("--"):
    words.pop(0)
count = int(os.environ["SLURM_JOB_NUM_NODES"])
steps, worst = {{}}, 0

def tell(number):
    for each in steps.values():
        subprocess.run(["pkill", "-" + str(number), "-s", str(each.pid)])

signal.signal(signal.SIGTERM, lambda *_: tell(15))
for index in range(count):
    names = {{"SLURM_PROCID": str(index), "SLURMD_NODENAME": "node%d" % index,
             "SLURM_STEP_NUM_NODES": str(count), "SLURM_STEP_NODELIST": "node[0-%d]" % (count - 1)}}
    steps[index] = subprocess.Popen(words, env={{**os.environ, **names}}, start_new_session=True)
while steps:
    time.sleep(0.02)
    for index, step in list(steps.items()):
        if step.poll() is not None:
            del steps[index]
            status = step.returncode % 256 if step.returncode >= 0 else 128 - step.returncode
            if status and not worst:
                tell(15)
            worst = max(worst, status)
sys.exit(worst)
"""
SQUEUE = '#!/bin/sh\ncat "$HOME/squeue.says"; exit "$(cat "$HOME/squeue.status")"\n'


@frozen
class Job:
    """A job of SLURM that runs batch.sh on the first of its nodes."""

    site: Site
    process: subprocess.Popen[bytes]

    def told(self) -> None:
        """Tell every process of the job to stop, as SLURM does, and its step with it."""
        self.process.terminate()
        for step in self._children():
            os.kill(step, signal.SIGTERM)

    def lost(self) -> None:
        """Let every process of the job vanish, as with its nodes."""
        for step in self._children():
            for session in _children(step):
                subprocess.run(["pkill", "-KILL", "-s", str(session)], check=False)
            os.kill(step, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def status(self) -> int:
        """The exit status of the batch script, once it has ended."""
        return self.process.wait(timeout=60)

    def _children(self) -> list[int]:
        return _children(self.process.pid)


def _children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], stdout=subprocess.PIPE, check=False)
    return [int(word) for word in found.stdout.split()]


def install(site: Site) -> None:
    """Put srun and squeue on the host's PATH."""
    words = str(site.home / "srun.words")
    site.tool("srun", SRUN.format(python=sys.executable, words=words))
    site.tool("squeue", SQUEUE)
    queue(site, "")


def queue(site: Site, says: str, status: int = 0) -> None:
    """Have squeue say this from now on."""
    (site.home / "squeue.status").write_text(str(status))
    (site.home / "squeue.says").write_text(says)


def lay(site: Site, source: Source) -> None:
    """Write the run directory of a run for SLURM."""
    install(site)
    site.lay(source)
    shutil.copy(ROOT / "theseus/sh/batch.sh", site.run_dir)


def apart(site: Site) -> None:
    """Give each node a work directory of its own, at what is one path on real nodes."""
    work = shlex.quote(str(site.home / "local-"))
    with (site.run_dir / "job.env").open("a") as file:
        file.write(f"THESEUS_WORK_DIR={work}$SLURMD_NODENAME/r1\n")


def start(
    site: Site, nodes: int = 2, job: int = 7, restarts: int = 0, left: float | None = 3600
) -> Job:
    """Start batch.sh as slurmd does; *left* seconds are left to the job, None when untold."""
    given = {
        "SLURM_JOB_ID": str(job),
        "SLURM_JOB_NUM_NODES": str(nodes),
        "SLURM_CPUS_PER_TASK": "4",
        "SLURMD_NODENAME": "node0",
        "SLURM_PROCID": "0",
    }
    if restarts:
        given["SLURM_RESTART_COUNT"] = str(restarts)
    if left is not None:
        given["SLURM_JOB_END_TIME"] = str(int(time.time() + left))
    with (site.home / "log").open("ab") as log:
        process = subprocess.Popen(
            ["bash", site.run_dir / "batch.sh", site.run_dir],
            cwd="/",
            env={**site.environment, **given},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Job(site, process)


def says(site: Site, *lines: str) -> None:
    """Wait until the log holds each of *lines*."""
    until(lambda: (site.home / "log").exists() and all(line in site.log for line in lines))


def words_of_srun(site: Site) -> list[str]:
    """The words that srun was started with last."""
    return Path(site.home / "srun.words").read_text().splitlines()
