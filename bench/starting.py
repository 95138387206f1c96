"""Starting: what each command costs before it works, beside an interpreter that does nothing.

CPU time of the processes, for time on the wall says more about what else the machine does.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Row, Timing, child_seconds, compared, in_turns, process, timed
from tests.cli.desk import Desk, new_desk
from tests.cli.test_start_up import MINIMAL
from theseus.cli import COMMANDS

VERSION, HELP = ("--version",), ("--help",)
PLAN = ("plan", "demo", "train.yaml", "--dry-run")
LIMITS: dict[Sequence[str], float] = {VERSION: 2.0, HELP: 1.2, PLAN: 25.0}
ALL = (VERSION, HELP, PLAN, *((name, "--help") for name in COMMANDS))


def rows(goes: int, commands: Sequence[tuple[str, ...]] = ALL) -> Iterator[Row]:
    """The rows of *commands*; those without a limit are measured three times."""
    with TemporaryDirectory() as folder:
        desk = new_desk(Path(folder) / "user")
        minimal = desk.write(str(desk.place / "minimal.py"), MINIMAL)
        nothing = _started(desk, "-c", "pass")
        least = _started(desk, str(minimal), "--help")
        for words in commands:
            theseus = _started(desk, "-m", "theseus.cli", *words)
            name, beside = ("`python -c pass`", nothing)
            if words == HELP:
                name, beside = ("`--help` of a minimal cyclopts application", least)
            limit = LIMITS.get(words)
            taken, others = in_turns(min(goes, 3) if limit is None else goes, theseus, beside)
            yield compared(f"`theseus {' '.join(words)}`, CPU", taken, (name, others), limit)


def _started(desk: Desk, *words: str) -> Timing:
    started = process([sys.executable, *words], desk.repository, desk.environment())
    return timed(started, clock=child_seconds)
