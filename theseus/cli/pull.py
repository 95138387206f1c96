"""`theseus pull`: bring the results or checkpoints of a run here."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from returns.pipeline import is_successful
from returns.result import Result

from theseus.cli.invoke import DONE, FAILED, INTERRUPTED, UNREACHABLE, say
from theseus.cli.report import report
from theseus.cli.run_words import RunWord, find_run
from theseus.core.error_text import explain
from theseus.core.errors import PlanError
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.plan.plan import Plan
from theseus.core.text.quantity import count, show_memory
from theseus.effects.perform.reach import alias_of
from theseus.effects.runs.pull import Progress, Pulled, Wish, pull_from


def pull(
    run: RunWord,
    pattern: str | None = None,
    /,
    *,
    to: str | None = None,
    what: Literal["results", "checkpoints"] = "results",
) -> int:
    """Bring the results or checkpoints of a run here; started again, it goes on where it stopped.

    Files that are here already, with the same size and time of change, are left as they are.

    Parameters
    ----------
    run
        Run id, a part of one, or a name: the newest run of it.
    pattern
        Only these: a name, a directory, or one with `*`, `?`, `[…]` (default: all).
    to
        Directory to bring them to (default: NAME-RUN_ID/results, or …/checkpoints).
    what
        results or checkpoints.
    """
    planned: Result[Plan, PlanError] = find_run(run).bind(lambda entry: entry.plan)
    if not is_successful(planned):
        return report(planned.failure())
    plan = planned.unwrap()
    root = plan.paths.results if what == "results" else plan.paths.checkpoints
    destination = Path(f"{plan.run.name}-{plan.run.id}", what) if to is None else Path(to)
    wish = Wish(plan.target.host, root, destination.absolute(), pattern)
    try:
        with _progress() as progress:
            pulled = asyncio.run(pull_from(alias_of(plan.target), wish, progress))
    except KeyboardInterrupt:
        say("interrupted; the same command goes on where it stopped")
        return INTERRUPTED
    if isinstance(pulled, HostUnreachable):
        say(explain(pulled))
        return UNREACHABLE
    return _said(pulled, wish, destination)


def _said(pulled: Pulled, wish: Wish, destination: Path) -> int:
    """Say what came; the exit status for it."""
    if pulled.selected == 0:
        say(_nothing(pulled, wish))
        return DONE if wish.pattern is None else FAILED
    if pulled.came or not pulled.problems:
        say(_arrived(pulled, destination))
    for complaint in _complaints(pulled):
        say(complaint)
    return FAILED if pulled.problems else DONE


def _arrived(pulled: Pulled, destination: Path) -> str:
    if not pulled.came:
        return f"nothing new: {count(len(pulled.present), 'file')} in {destination} already"
    size = show_memory(sum(pulled.came.values()))
    before = f"; {len(pulled.present)} already there" if pulled.present else ""
    return f"{count(len(pulled.came), 'file')} of {size} came to {destination}{before}"


def _nothing(pulled: Pulled, wish: Wish) -> str:
    if pulled.listing is None or not pulled.listing.files:
        return f"there is nothing in {wish.root} on {wish.host}"
    among = count(len(pulled.listing.files), "file")
    return f"nothing in {wish.root} on {wish.host} is called {wish.pattern!r}, among {among}"


def _complaints(pulled: Pulled) -> Iterator[str]:
    for name, reason in sorted(pulled.problems.items()):
        yield f"{name!r} did not come: {reason}"
    for name in sorted(pulled.changed):
        yield f"{name!r} was written to while it came: pull again when the run has ended"
    for name in sorted(pulled.gone):
        yield f"{name!r} was removed there before it could come"
    if pulled.listing is None:
        return
    for name in pulled.listing.refused:
        yield f"{name!r} was refused: it leads out of the directory it would come to"
    if pulled.listing.links:
        yield f"{count(pulled.listing.links, 'symbolic link')} left out: only files are pulled"
    if not pulled.listing.whole:
        yield "some directories there cannot be read: what is in them was left out"


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from theseus.cli.bar import bar  # noqa: PLC0415  40 ms that are for a terminal alone

    with bar() as progress:
        yield progress
