"""SLURM fails in every way it has, at the worst moment; then the command is run again.

Each run is one job in the end, and nobody who could not know says that there is none.
"""

import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from attrs import frozen

from tests.cli.desk import Finished, new_desk
from tests.e2e.faults.bench import Bench, Case, Fault, benches
from tests.e2e.faults.scheduler import Scheduler, scheduler_of
from tests.e2e.faults.verdict import documented, figures

pytestmark = pytest.mark.slow
SBATCH = ("refuse", "time-out", "lose-answer", "say-nothing", "killed-before", "killed-after")
SQUEUE = ("", "fail")
SACCT = ("", "off")
HANGS = "hang-4"  # seconds; the client is killed in the first


@frozen
class Site:
    """A *bench* whose host has a *scheduler* that fails as it is told."""

    bench: Bench
    scheduler: Scheduler

    def case(self, sbatch: str, phase: str = "before", kind: str = "cut") -> Case:
        """A case whose sbatch does as told; it is only broken where it is begun on the bench."""
        made = self.bench.case(Fault(len(self.bench.steps) - 1, phase, kind))
        self.scheduler.have_run(made.run_id, sbatch)
        return made

    def mend(self, case: Case) -> None:
        """Have everything work from now on."""
        self.scheduler.have_run(case.run_id, "")
        for program in ("squeue", "sacct"):
            self.scheduler.have(program, "")

    def recover(self, case: Case) -> Finished:
        """What `recover` says."""
        return self.bench.starter.theseus("recover", case.run_id)

    def jobs(self, case: Case) -> int:
        """How many jobs it has."""
        return len(self.scheduler.jobs(case.run_id))

    def state(self, case: Case) -> str:
        """What `ps` says of it."""
        return self.bench.states()[case.run_id]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site where everything works."""
    desk = new_desk(tmp_path / "user")
    scheduler = scheduler_of(desk)
    with benches(desk, 1) as (bench,):
        yield Site(bench, scheduler)


def test_sbatch(site: Site) -> None:
    """Whatever sbatch does, with squeue and accounting or without, there is one job in the end."""
    cases = []
    for sbatch, squeue, sacct in product(SBATCH, SQUEUE, SACCT):
        case = site.case(sbatch)
        first = site.bench.again(case)
        jobs = site.jobs(case)
        assert first.status == 5 or (first.status == 1 and not jobs), (sbatch, first)
        site.scheduler.have("squeue", squeue)
        site.scheduler.have("sacct", sacct)
        asked = site.recover(case)
        allowed = {5} if squeue == "fail" and first.status == 5 else {1 - jobs}
        assert asked.status in allowed, (sbatch, squeue, sacct, asked)
        site.mend(case)
        assert site.bench.again(case).status == 0
        assert site.bench.again(case).status == 0
        cases.append(case)
    assert figures("sbatch, squeue, sacct", cases, site.jobs) == documented("sbatch, squeue, sacct")
    assert set(site.bench.states().values()) == {"queued"}


@pytest.mark.parametrize("command", ["recover", "apply"])
def test_sbatch_is_at_it(site: Site, command: str) -> None:
    """While sbatch waits for SLURM, with its client killed, nobody says that there is no job."""
    case = site.case(HANGS, "during", "kill")
    assert site.bench.begin(case).finished().status == -9
    act: Callable[[Case], Finished] = {"recover": site.recover, "apply": site.bench.again}[command]
    finished = act(case)
    assert finished.status in {0, 5}, finished
    assert site.state(case) in {"unknown", "queued"}
    until = time.monotonic() + 30
    while not site.jobs(case):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert site.recover(case).status == 0
    assert site.bench.again(case).status == 0
    assert (site.jobs(case), site.scheduler.calls(case.run_id)) == (1, 1)
    assert site.state(case) == "queued"


def test_states(site: Site) -> None:
    """A job that squeue has forgotten is judged by accounting, and without it not by guessing."""
    case = site.case("")
    assert site.bench.again(case).status == 0
    (job,) = site.scheduler.jobs(case.run_id)
    seen = {}
    for state, squeue, sacct in (
        ("RUNNING", "", ""),
        ("RUNNING", "fail", ""),
        ("RUNNING", "fail", "off"),
        ("PENDING", "", "off"),
        ("NODE_FAIL", "forget", "off"),
        ("NODE_FAIL", "forget", "fail"),
        ("NODE_FAIL", "forget", ""),
    ):
        site.scheduler.end(job, state)
        site.scheduler.have("squeue", squeue)
        site.scheduler.have("sacct", sacct)
        seen[state, squeue, sacct] = site.state(case)
    assert list(seen.values()) == [
        "running",
        "unreachable",
        "unreachable",
        "queued",
        "lost",
        "lost",
        "failed",
    ]
