"""Many submissions at once by many processes: none lost, none doubled, the login node is spared."""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.faults.verdict import DOCUMENT
from tests.e2e.slurm.cluster_desk import ClusterDesk
from tests.e2e.slurm.site import LOGIN

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]

PROCESSES, EACH = 8, 25
BUDGET, MINUTE = 7, 60.0  # one less than there are processes: the last has to wait its turn


def connections(at: ClusterDesk) -> int:
    """How often anybody has connected to sshd, let in or not."""
    log = at.cluster.site.folder / "log" / f"{LOGIN}-sshd.out"
    return log.read_text().count("Connection from ")


def burst(at: ClusterDesk) -> "subprocess.Popen[str]":
    """A process that submits EACH runs at once."""
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("burst.py")), "crowd", str(EACH)],
        cwd=at.desk.repository,
        env=at.desk.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def watched(at: ClusterDesk, clients: "list[subprocess.Popen[str]]") -> list[float]:
    """When each connection was made until all *clients* have ended, as sshd's log grows."""
    before, made = connections(at), list[float]()
    while any(client.poll() is None for client in clients):
        made += [time.monotonic()] * (connections(at) - before - len(made))
        time.sleep(0.05)
    return made


def most_in_a_minute(made: list[float]) -> int:
    """How many of the connections that were *made* fall into one minute, at most."""
    near = MINUTE - 1  # the log is read a moment after the connection was counted
    return max(sum(0 <= other - first < near for other in made) for first in made)


def documented() -> list[int]:
    """The numbers of doc/reliability.md: submissions, lost, doubled, connections, in a minute."""
    lines = DOCUMENT.read_text().splitlines()
    (row,) = (line for line in lines if line.startswith(f"| {PROCESSES} processes |"))
    return [int(word) for word in row.split("|")[2:7]]


def test_crowd(at: ClusterDesk) -> None:
    """Two hundred submissions by eight processes are two hundred jobs, within the budget."""
    at.configure({"sbatch": ["--hold"], "connections_per_minute": BUDGET})
    at.job("true")
    clients = [burst(at) for _ in range(PROCESSES)]
    made = watched(at, clients)
    said = [client.communicate() for client in clients]
    assert [client.returncode for client in clients] == [0] * PROCESSES, said
    results = [each for out, _ in said for each in json.loads(out)]
    assert Counter(each["error"] for each in results) == {None: PROCESSES * EACH}
    runs = [each["run"] for each in results]
    jobs = Counter(job.name.rpartition("-")[0][-15:] + job.name[-7:] for job in at.cluster.jobs())
    assert set(jobs) <= set(runs)
    lost = sum(not jobs[run] for run in runs)
    doubled = sum(jobs[run] > 1 for run in runs)
    figures = [len(set(runs)), lost, doubled, len(made), most_in_a_minute(made)]
    sys.stdout.write(f"submissions, lost, doubled, connections, in a minute: {figures}\n")
    assert figures == documented()
    assert figures[-1] <= BUDGET
    shown = at.theseus("ps", "--json")
    states = Counter(row["state"] for row in json.loads(shown.out))
    assert states == {"queued": PROCESSES * EACH}
