"""Starting: what each command costs before it works, beside an interpreter that does nothing.

CPU time of the processes, for time on the wall says more about what else the machine does.
"""

import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Row, Work, compared, in_turns, process
from tests.cli.desk import Desk, new_desk
from theseus.cli import COMMANDS

NOTHING = (sys.executable, "-c", "pass")
PLAN = ("plan", "demo", "train.yaml", "--dry-run")
LIMITS: dict[Sequence[str], float] = {("--version",): 2.0, PLAN: 25.0}
ALL = (("--version",), ("--help",), PLAN, *((name, "--help") for name in COMMANDS))


def rows(goes: int, commands: Sequence[tuple[str, ...]] = ALL) -> Iterator[Row]:
    """The rows of *commands*."""
    with TemporaryDirectory() as folder:
        desk = new_desk(Path(folder) / "user")
        for words in commands:
            started = _started(desk, (sys.executable, "-m", "theseus.cli", *words))
            taken, beside = in_turns(goes, started, _started(desk, NOTHING), clock=child_seconds)
            reference = ("`python -c pass`", beside)
            yield compared(f"theseus {' '.join(words)}", taken, reference, LIMITS.get(words))


def child_seconds(work: Work) -> float:
    """How much CPU time the processes that *work* starts and awaits take."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _started(desk: Desk, words: Sequence[str]) -> Work:
    return process(words, desk.repository, desk.environment())
