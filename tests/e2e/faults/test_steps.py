"""Every step of a submission is broken in every way, and then the command is run again.

Each run is submitted exactly once in the end, and what is said of it in between is never wrong.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.cli.desk import Finished, new_desk
from tests.e2e.faults.bench import Bench, Case, Fault, benches
from tests.e2e.faults.scheduler import Scheduler, scheduler_of
from tests.e2e.faults.verdict import (
    Jobs,
    apply_again,
    by_all,
    check_client,
    check_state,
    documented,
    figures,
    recover,
)

pytestmark = pytest.mark.slow
# to the host all but the last steps of both are the same: what one does not try, the other does
PLAIN = (("before", "cut"), ("during", "kill"), ("deaf", "cut"))
SLURM = (("before", "kill"), ("half", "kill"), ("after", "cut"))
ALL = (
    ("during", "fall"),
    ("after", "fall"),
    *product(("before", "half", "during", "after", "deaf"), ("kill", "cut")),
)
DECISIVE = {"ClaimRun", "Launch", "Submit"}
REST = 0.5  # seconds in which a host ends what it was at when its client went away
MOST_COMMANDS = 60


def faults(steps: list[dict[str, Any]], usual: tuple[tuple[str, str], ...]) -> Iterator[Fault]:
    """The *usual* faults at every one of *steps*, and all there are at those that decide."""
    for number, step in enumerate(steps):
        for phase, kind in ALL if step["step"] in DECISIVE else usual:
            yield Fault(number, phase, kind)


def broken_and_mended(workers: tuple[Bench, ...], cases: list[Case], jobs: Jobs) -> None:
    """Break every case, look, and run it again: one is told what holds, and it is there once."""
    clients: dict[Case, Finished] = {}
    by_all(workers, cases, lambda bench, case: clients.update({case: bench.begin(case).finished()}))
    time.sleep(REST)
    before = {case: jobs(case) for case in cases}
    states = workers[0].states()
    for case in cases:
        check_client(case, clients[case], before[case])
        check_state(case, states[case.run_id], before[case])
    for case in cases:
        aged(case, workers[0])
    asked = set(cases[::2])  # the others are not looked for before they are run again

    def mend(bench: Bench, case: Case) -> None:
        if case in asked:
            recover(bench, case, before[case])
        apply_again(bench, case, before[case])

    by_all(workers, cases, mend)


def started_by(bench: Bench) -> Jobs:
    """How often each was started on this machine."""
    return lambda case: bench.started()[case.run_id]


def submitted_to(scheduler: Scheduler) -> Jobs:
    """How many jobs each has there."""
    return lambda case: len(scheduler.jobs(case.run_id))


def test_plain(tmp_path: Path) -> None:
    """On a plain host: every fault at every step leaves one run, which completes."""
    with benches(new_desk(tmp_path / "user")) as workers:
        first = workers[0]
        cases = [first.case(fault) for fault in faults(first.steps, PLAIN)]
        broken_and_mended(workers, cases, started_by(first))
        time.sleep(REST)
        assert figures("plain", cases, started_by(first)) == documented("plain")
        assert Counter(first.states().values()) == {"completed": len(cases)}


def test_slurm(tmp_path: Path) -> None:
    """In SLURM: every fault at every step leaves one job, which is queued."""
    desk = new_desk(tmp_path / "user")
    scheduler = scheduler_of(desk)
    with benches(desk) as workers:
        first = workers[0]
        cases = [first.case(fault) for fault in faults(first.steps, SLURM)]
        broken_and_mended(workers, cases, submitted_to(scheduler))
        assert figures("slurm", cases, submitted_to(scheduler)) == documented("slurm")
        assert Counter(first.states().values()) == {"queued": len(cases)}


# claiming is the same for both
@pytest.mark.parametrize(("kind", "decisive"), [("plain", DECISIVE), ("slurm", {"Submit"})])
def test_every_command(kind: str, decisive: set[str], tmp_path: Path) -> None:
    """A host that dies before any one of the commands of a decisive step has it once in the end."""
    desk = new_desk(tmp_path / "user")
    scheduler = scheduler_of(desk) if kind == "slurm" else None
    with benches(desk) as workers:
        first = workers[0]
        jobs = started_by(first) if scheduler is None else submitted_to(scheduler)
        numbers = (number for number, step in enumerate(first.steps) if step["step"] in decisive)
        cases = [case for number in numbers for case in struck_cases(first, number)]
        time.sleep(REST)
        for case in cases:
            aged(case, first)
        by_all(workers, cases, lambda bench, case: apply_again(bench, case, jobs(case)))
        time.sleep(REST)
        made, least = figures(f"{kind} commands", cases, jobs), documented(f"{kind} commands")
        assert made.tried >= least.tried, "how many there are differs with the version of bash"
        assert (made.lost, made.doubled) == (least.lost, least.doubled)


def struck_cases(bench: Bench, step: int) -> list[Case]:
    """Cases of a shell that is killed before its first command for *step*, its second, ..."""
    cases: list[Case] = []
    for command in range(1, MOST_COMMANDS):
        case = bench.case(Fault(step, str(command), "fall"))
        bench.begin(case).finished()
        if not case.struck:
            return cases
        cases.append(case)
    raise AssertionError(f"step {step} has more than {MOST_COMMANDS} commands")


def aged(case: Case, bench: Bench) -> None:
    """What the host has of *case* is two minutes old: nobody can be at it any more."""
    run_dir = bench.desk.home / "work" / case.run_id[-6:] / ".dispatch" / "runs" / case.run_id
    then = time.time() - 120
    if (run_dir / "launched").exists():
        os.utime(run_dir / "launched", (then, then))
