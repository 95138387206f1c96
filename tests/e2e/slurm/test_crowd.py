"""Many submissions at once by many processes: none lost, none doubled, the login node is spared."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.slurm.cluster_desk import ClusterDesk
from tests.e2e.slurm.site import LOGIN

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]

PROCESSES, EACH = 8, 25
BUDGET = 20  # new connections a minute to one host


def connections(at: ClusterDesk) -> int:
    """How often sshd has let somebody in."""
    log = at.cluster.site.folder / "log" / f"{LOGIN}-sshd.out"
    return log.read_text().count("Accepted publickey")


def test_crowd(at: ClusterDesk) -> None:
    """Two hundred submissions by eight processes are two hundred jobs, by one connection each."""
    at.configure({"sbatch": ["--hold"]})
    at.job("true")
    before = connections(at)
    words = [sys.executable, str(Path(__file__).with_name("burst.py")), str(EACH)]
    clients = [
        subprocess.Popen(
            words,
            cwd=at.desk.repository,
            env=at.desk.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]
    said = [client.communicate() for client in clients]
    assert [client.returncode for client in clients] == [0] * PROCESSES, said
    results = [each for out, _ in said for each in json.loads(out)]
    assert Counter(each["error"] for each in results) == {None: PROCESSES * EACH}
    assert connections(at) - before <= BUDGET
    runs = sorted(each["run"] for each in results)
    jobs = (job.name.rpartition("-")[0][-15:] + job.name[-7:] for job in at.cluster.jobs())
    assert sorted(jobs) == runs
    shown = at.theseus("ps", "--json")
    states = Counter(row["state"] for row in json.loads(shown.out))
    assert states == {"queued": PROCESSES * EACH}
