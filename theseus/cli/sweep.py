"""Sweeps: what `plan` and `submit` do for many runs at once."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.cli.flags import List
from theseus.cli.invoke import DONE, say
from theseus.cli.refused import refused
from theseus.core.errors import BadInput, PlanError
from theseus.core.inventory.inventory import Inventory
from theseus.core.request.request import BadFlag
from theseus.core.request.sweep import listed_points, sweep_points
from theseus.core.text.json_text import json_text
from theseus.core.text.quantity import count
from theseus.effects.reading.load import read_text
from theseus.effects.submit.orders import BatchOrder

if TYPE_CHECKING:
    from theseus.core.plan.batch import Batch
    from theseus.effects.submit.batches import RunResult

Points = Sequence[tuple[str, ...]]


@Parameter(name="*")
@dataclass(frozen=True)
class Sweep:
    """Many runs of one job config.

    Parameters
    ----------
    sweep
        Values for a key of the job config, as KEY=1,2,3 or KEY=range(8); every combination is a run
        (repeat for more keys).
    runs
        File with the overrides of one run on each line.
    """

    sweep: Annotated[tuple[str, ...], List] = ()
    runs: str | None = None

    @property
    def wanted(self) -> bool:
        """Whether more than the one run is asked for."""
        return bool(self.sweep) or self.runs is not None


# a plan for one run, and a dry run above all, does without what a sweep needs: it is imported where
# it is used
def read_points(sweep: Sweep) -> Result[Points, PlanError]:
    """The overrides of each run: those of the file, each with every combination of the axes."""
    swept = sweep_points(sweep.sweep)
    if not is_successful(swept):
        return Failure(BadInput(swept.failure()))
    if sweep.runs is None:
        return Success(swept.unwrap())
    listed = _listed(sweep.runs)
    return listed.map(lambda lines: [(*line, *point) for line in lines for point in swept.unwrap()])


def _listed(path: str) -> Result[Points, PlanError]:
    read: Result[str, PlanError] = read_text("file of runs", path, "check --runs")
    return read.bind(lambda text: listed_points(path, text).alt(BadInput))


def refuse(flags: dict[str, bool]) -> Result[None, PlanError]:
    """That the flags given, of those a single run has, mean nothing for a sweep."""
    message = "is for one run, and this is a sweep"
    problems = tuple(BadFlag(flag, message) for flag, given in flags.items() if given)
    return Failure(BadInput(problems)) if problems else Success(None)


def show_batch(ordered: BatchOrder, known: Inventory | None, *, json: bool) -> int:
    """Show where each run would go, by what is *known* or by what the hosts say now."""
    from theseus.core.plan.codec import plan_data  # noqa: PLC0415  it imports cattrs, which plans that are only shown do without
    from theseus.core.plan.render_batch import render_batch  # noqa: PLC0415  for sweeps alone
    from theseus.effects.submit.batch_planning import batch_from  # noqa: PLC0415  for sweeps alone

    made = _planned_now(ordered) if known is None else batch_from(ordered, known)
    if not is_successful(made):
        return refused(made.failure())
    batch = made.unwrap()
    if json:
        plans = [plan_data(plan) for plan in batch.plans]
        sys.stdout.write(json_text({"id": batch.id, "name": batch.name, "plans": plans}))
    else:
        sys.stdout.write(f"{render_batch(batch)}\n")
    return DONE


def _planned_now(ordered: BatchOrder) -> Result["Batch", PlanError]:
    import asyncio  # noqa: PLC0415  a dry run waits for nothing

    from theseus.effects.submit.batches import batch_now  # noqa: PLC0415  a dry run asks no hosts, and starts sooner

    return asyncio.run(batch_now(ordered))


def start_batch(ordered: BatchOrder, *, json: bool) -> int:
    """Submit every run; the exit status is that of the worst."""
    import asyncio  # noqa: PLC0415  a dry run waits for nothing

    from theseus.cli.start import description  # noqa: PLC0415  for sweeps alone
    from theseus.cli.uploading import uploading  # noqa: PLC0415  for sweeps alone
    from theseus.effects.submit.batches import submit_batch  # noqa: PLC0415  a dry run reaches no hosts, and starts sooner
    from theseus.effects.submit.lock import lock_checked  # noqa: PLC0415  a dry run does not look at the lock, and starts sooner

    checked = ordered.taking(lock_checked(ordered.first.take))
    submitted = asyncio.run(submit_batch(checked, _announce, say, uploading))
    if not is_successful(submitted):
        return refused(submitted.failure())
    results = submitted.unwrap()
    started = [result.unwrap() for result in results if is_successful(result)]
    say(f"{len(started)} of {count(len(results), 'run')} of {ordered.name} submitted")
    if json:
        sys.stdout.write(json_text([description(each) for each in started]))
    return max((_report(result) for result in _failures(results)), default=DONE)


def _announce(batch: "Batch") -> None:
    for note in dict.fromkeys(note for plan in batch.plans for note in plan.notes):
        say(note)
    goes = Counter(plan.target.host for plan in batch.plans)
    where = ", ".join(f"{number} to {host}" for host, number in goes.items())
    say(f"sweep {batch.name} has {count(len(batch.plans), 'run')}: {where}")


def _failures(results: "Sequence[RunResult]") -> Sequence[PlanError]:
    """What went wrong, alike errors of many runs once."""
    from theseus.core.error_text import explain  # noqa: PLC0415  for sweeps alone

    errors = (result.failure() for result in results if not is_successful(result))
    return list({explain(error).partition(": ")[2]: error for error in errors}.values())


def _report(error: PlanError) -> int:
    from theseus.cli.report import exit_status  # noqa: PLC0415  for sweeps alone
    from theseus.core.error_text import explain  # noqa: PLC0415  for sweeps alone

    say(explain(error))
    return exit_status(error)
