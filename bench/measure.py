"""Measuring: two things in turns, in one run, and the ratio between them.

A time by itself says nothing on a machine that does other things too; only ratios are kept. The
least of several goes counts, for whatever else happens can only add.
"""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

Work = Callable[[], object]


@frozen
class Row:
    """One line of the table: *what* took *measured*, which is *ratio* times *beside*.

    *limit* is the most that the ratio may be; None where a figure is only shown.
    """

    what: str
    measured: str
    beside: str
    ratio: float
    limit: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the limit holds."""
        if self.limit is None:
            return ""
        return "holds" if self.ratio <= self.limit else "missed"


def seconds(work: Work) -> float:
    """How long *work* takes, by the clock on the wall."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cpu_seconds(work: Work) -> float:
    """How much CPU time of this process *work* takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def in_turns(
    goes: int,
    *works: Work,
    clock: Callable[[Work], float] = seconds,
    before: Work = lambda: None,
) -> tuple[float, ...]:
    """The least time of each of *works*, which take turns for *goes* rounds.

    What is done *before* each of them is not measured.
    """

    def timed(work: Work) -> float:
        before()
        return clock(work)

    rounds = [tuple(timed(work) for work in works) for _ in range(goes)]
    return tuple(min(times) for times in zip(*rounds, strict=True))


def process(
    words: Sequence[str], directory: Path, environment: Mapping[str, str] | None = None
) -> Work:
    """Running *words* in *directory* to a successful end."""

    def run() -> None:
        done = subprocess.run(
            words,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{words[:4]}: {done.returncode}: {done.stderr.decode()}")

    return run


def compared(what: str, taken: float, beside: tuple[str, float], limit: float | None = None) -> Row:
    """The row of a time beside another one, which has a name."""
    name, reference = beside
    text = f"{reference * 1000:.0f} ms for {name}"
    return Row(what, f"{taken * 1000:.0f} ms", text, taken / reference, limit)


def table(rows: Sequence[Row]) -> str:
    """*rows* as a table in Markdown."""
    lines = ["| what | measured | beside | ratio | limit | |", "|---|---|---|---|---|---|"]
    for row in rows:
        limit = "" if row.limit is None else f"{row.limit:g}"
        cells = (row.what, row.measured, row.beside, f"{row.ratio:.2f}", limit, row.verdict)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
