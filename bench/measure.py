"""Measuring: things in turns, in one run, and the ratios between them.

A time by itself says nothing on a machine that does other things too; what counts is the ratio of
two that were measured one right after the other. Of many such pairs the median is what is judged;
the least is shown beside it, for whatever else happens can only add.
"""

import gc
import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TypeAlias

from attrs import frozen

Work: TypeAlias = Callable[[], object]
Clock: TypeAlias = Callable[[Work], float]
Timing: TypeAlias = Callable[[], float]
"""Does something once and gives the seconds it took."""
Times: TypeAlias = Sequence[float]
"""The seconds of something, round by round."""

HEAD = ("what", "measured", "beside", "ratio", "best", "limit", "", "load")


@frozen
class Row:
    """One line of the table: *what* took *measured*, which is *ratio* times *beside*.

    *best* is the least ratio where there are several. *limit* is the most that the ratio may be;
    None where a figure is only shown.
    """

    what: str
    measured: str
    beside: str
    ratio: float
    limit: float | None = None
    best: float | None = None

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


def child_seconds(work: Work) -> float:
    """How much CPU time the processes that *work* starts and awaits take."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def timed(work: Work, before: Work = lambda: None, clock: Clock = seconds) -> Timing:
    """The timing of *work* by *clock*; what is done *before* it is not measured."""

    def timing() -> float:
        before()
        return clock(work)

    return timing


@contextmanager
def looking_less_often() -> Iterator[None]:
    """Look for garbage as theseus.cli does, then as before."""
    before = gc.get_threshold()
    gc.set_threshold(200_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def in_turns(goes: int, *timings: Timing) -> tuple[Times, ...]:
    """The times of each of *timings*, which take turns for *goes* rounds."""
    rounds = [tuple(timing() for timing in timings) for _ in range(goes)]
    return tuple(zip(*rounds, strict=True))


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


def compared(what: str, taken: Times, beside: tuple[str, Times], limit: float | None = None) -> Row:
    """The row of times beside others that were taken in the same rounds, and have a name."""
    name, others = beside
    ratios = [one / other for one, other in zip(taken, others, strict=True)]
    text = f"{shown(median(others))} for {name}"
    best = min(ratios) if len(ratios) > 1 else None
    return Row(what, shown(median(taken)), text, median(ratios), limit, best)


def within(what: str, figure: float, most: float, unit: str = "") -> Row:
    """The row of a *figure* of which *most* is allowed."""
    measured = f"{figure:.3g} {unit}".rstrip()
    return Row(what, measured, f"{most:g} {unit}".rstrip() + " at most", figure / most, 1.0)


def shown(taken: float) -> str:
    """A time in words."""
    return f"{taken * 1000:.0f} ms" if taken < 10 else f"{taken:.1f} s"


def table(rows: Iterable[Row]) -> Iterator[str]:
    """The lines of *rows* as a table in Markdown, each as soon as it is measured.

    The last column is the load average of the machine at that moment.
    """
    yield _line(HEAD)
    yield _line(["---"] * len(HEAD))
    for row in rows:
        ratios = (row.ratio, row.best, row.limit)
        figures = ["" if ratio is None else f"{ratio:.3g}" for ratio in ratios]
        load = f"{os.getloadavg()[0]:.1f}"
        yield _line([row.what, row.measured, row.beside, *figures, row.verdict, load])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
