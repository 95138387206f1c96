"""`theseus wait`: stay until runs have ended."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Annotated

from returns.iterables import Fold
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.cli.flags import Whole
from theseus.cli.invoke import DONE, INTERRUPTED, TIMED_OUT, UNKNOWN, say
from theseus.cli.report import report
from theseus.cli.run_words import find_runs
from theseus.core.errors import BadInput, PlanError
from theseus.core.request.request import BadFlag
from theseus.core.runs.ended import RunEnd
from theseus.core.runs.run_state import RunState, Unknown
from theseus.effects.ledger.ledger import Ledger
from theseus.effects.runs.live import KnownRun
from theseus.effects.runs.notify import notify
from theseus.effects.runs.wait import wait_for


def wait(run: str, /, *more: str, timeout: Annotated[int | None, Whole] = None) -> int:
    """Stay until all runs have ended. The exit status is that of the first that did not complete.

    Their hosts are asked every 15 seconds, less often as time goes by.

    Parameters
    ----------
    run
        Run id, a part of one, or a name: the newest run of it, or all runs of a sweep.
    more
        More runs.
    timeout
        Seconds after which to leave with status 124, whatever goes on then.
    """
    asked: Result[tuple[Ledger, tuple[KnownRun, ...]], PlanError] = Result.do(
        (ledger, runs)
        for _ in _positive(timeout)
        for ledger in Ledger.open()
        for runs in _known((run, *more))
    )
    if not is_successful(asked):
        return report(asked.failure())
    ledger, runs = asked.unwrap()
    ends = _Ends()
    try:
        asyncio.run(_within(timeout, wait_for(ledger, runs, ends.add)))
    except TimeoutError:
        say(f"after {timeout} s not known to have ended: {', '.join(ends.missing(runs))}")
        return TIMED_OUT
    except KeyboardInterrupt:
        say(f"interrupted; not ended, and going on: {', '.join(ends.missing(runs))}")
        return INTERRUPTED
    return ends.status


async def _within(seconds: int | None, work: Awaitable[None]) -> None:
    async with asyncio.timeout(seconds):
        await work


class _Ends:
    """The runs that have ended so far, and the exit status that follows from them."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.status = DONE

    def missing(self, runs: Sequence[KnownRun]) -> list[str]:
        """Those *runs* that have not ended, by id and name."""
        left = [known.entry for known in runs if known.entry.run_id not in self.seen]
        return [f"{entry.run_id} ({entry.name})" for entry in left]

    def add(self, known: KnownRun, state: RunState) -> None:
        """Say that a run has ended, and notify whom the config names."""
        self.seen.add(known.entry.run_id)
        if isinstance(state, Unknown):
            run = f"{known.entry.run_id} ({known.entry.name})"
            say(f"run {run}: {state.detail}: it is not waited for")
            self.status = self.status or UNKNOWN
            return
        end = RunEnd.of(known.plan, state)
        self.status = self.status or end.exit_status
        say(end.text())
        notify(known.entry.config, end, say)


def _known(words: tuple[str, ...]) -> Result[tuple[KnownRun, ...], PlanError]:
    return find_runs(words).bind(
        lambda entries: Fold.collect([KnownRun.of(entry) for entry in entries], Success(()))
    )


def _positive(timeout: int | None) -> Result[None, PlanError]:
    if timeout is not None and timeout < 0:
        return Failure(BadInput((BadFlag("--timeout", f"expected 0 or more, got {timeout}"),)))
    return Success(None)
