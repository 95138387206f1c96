"""The verdict on cases: what every fault has to come to, whatever it was."""

import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from attrs import frozen

from tests.cli.desk import Finished
from tests.e2e.faults.bench import Bench, Case

DOCUMENT = Path(__file__).parents[3] / "doc" / "reliability.md"
DONE, FAILED, UNREACHABLE, UNKNOWN, KILLED = 0, 1, 4, 5, -9
SUBMITTED = frozenset({"queued", "running", "completed"})
NOT_SUBMITTED = frozenset({"unknown", "rejected"})
Jobs: TypeAlias = Callable[[Case], int]
Act: TypeAlias = Callable[[Bench, Case], object]


@frozen
class Figures:
    """How many faults were *tried*, and how many runs were *lost* or *doubled* by them."""

    tried: int
    lost: int
    doubled: int


def figures(name: str, cases: Sequence[Case], jobs: Jobs) -> Figures:
    """The figures of *cases* that are over, printed; *jobs* is how many there are of each."""
    counts = [jobs(case) for case in cases]
    made = Figures(len(cases), counts.count(0), sum(count > 1 for count in counts))
    text = f"{name}: {made.tried} faults, {made.lost} runs lost, {made.doubled} doubled\n"
    sys.stdout.write(text)
    return made


def documented(name: str) -> Figures:
    """What doc/reliability.md says of *name*."""
    (row,) = (line for line in DOCUMENT.read_text().splitlines() if line.startswith(f"| {name} |"))
    return Figures(*(int(word) for word in row.split("|")[2:5]))


def by_all(workers: Sequence[Bench], cases: Sequence[Case], act: Act) -> None:
    """Have *workers* do *act* with the *cases*, all at once; the first problem is raised."""
    rest, problems = iter(cases), list[BaseException]()

    def work(bench: Bench) -> None:
        try:
            for case in rest:
                act(bench, case)
        except BaseException as problem:  # noqa: BLE001  it is raised below, where the test sees it
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(bench,)) for bench in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


def check_client(case: Case, finished: Finished, jobs: int) -> None:
    """Its client was killed, or says what holds: that nothing runs only where nothing does."""
    assert case.struck, case
    if case.fault.kind == "kill":
        assert finished.status == KILLED, (case, finished)
        return
    assert finished.status in {FAILED, UNREACHABLE, UNKNOWN}, (case, finished)
    assert finished.status == UNKNOWN or not jobs, (case, finished)


def check_state(case: Case, state: str, jobs: int) -> None:
    """`ps` says that it was submitted only where it was, that it was not only where it was not."""
    assert state in (SUBMITTED if jobs else NOT_SUBMITTED), (case, state)


def recover(bench: Bench, case: Case, jobs: int) -> None:
    """`recover` finds out which it is; where no run was ever sent it may say that it cannot."""
    finished = bench.starter.theseus("recover", case.run_id)
    share = bench.desk.home / "work" / case.run_id[-6:] / ".dispatch" / "runs"
    expected = DONE if jobs else FAILED if share.exists() else UNKNOWN
    assert finished.status == expected, (case, finished)


def apply_again(bench: Bench, case: Case, jobs: int) -> None:
    """The same plan once more starts the run, or says that it was submitted before."""
    finished = bench.again(case)
    assert finished.status == DONE, (case, finished)
    assert ("was submitted before" in finished.err) is (jobs == 1), (case, finished)
