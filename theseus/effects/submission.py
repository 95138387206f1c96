"""Submission: one request through survey, planning and performing.

The only place where those three meet. The order in which the world is asked: source tree first
(nothing is contacted for a directory that cannot be shipped), then hosts.
"""

import asyncio
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen
from platformdirs import user_cache_path
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.base.hardware import HardwareRequest
from theseus.core.build import World, build_plan
from theseus.core.codec import plan_json
from theseus.core.config import DispatchConfig
from theseus.core.errors import PlanError, SourceUnusable
from theseus.core.freshness import check_fresh
from theseus.core.inquiry import inquiry_of_plan
from theseus.core.inventory import Inventory
from theseus.core.outcome import NothingToSend
from theseus.core.payload import Job
from theseus.core.placed import Assignment
from theseus.core.plan import Plan, Run
from theseus.core.shell import path_word
from theseus.core.source import SourceError, SourceSnapshot
from theseus.core.source_text import explain
from theseus.core.submitted import Submitted, judge
from theseus.effects import exchange
from theseus.effects.config_secret import config_secret
from theseus.effects.exchange import ShellPerformer
from theseus.effects.kept import keep_archive, open_archive
from theseus.effects.noted import Warn, noted
from theseus.effects.perform import perform
from theseus.effects.reach import alias_of, aliases_of, shells
from theseus.effects.reading import Names, check_names
from theseus.effects.release import this_release
from theseus.effects.shells import OpenShell, ShellUnavailable
from theseus.effects.source import SourceTree
from theseus.effects.supply import PlanSupply, SupplyError
from theseus.effects.survey import survey, worth_asking

TakeSource = Callable[[Path], AbstractContextManager[Result[SourceTree, SourceError]]]
OnPlan = Callable[[Plan], None]


@frozen
class Order:
    """What a user wants, read and checked; *take* is how the source around *start* is taken."""

    run_id: str
    names: Names
    job: Job
    values: Mapping[str, Any]
    config: DispatchConfig
    request: HardwareRequest
    start: Path
    take: TakeSource
    environment: tuple[tuple[str, str], ...] = ()
    uv_groups: tuple[str, ...] = ()
    after: str | None = None
    config_path: str | None = None


def plan_from(order: Order, inventory: Inventory) -> Result[Plan, PlanError]:
    """The plan of *order* by a given *inventory*; nothing is contacted."""
    with order.take(order.start) as taken:
        return _planned(order, taken, inventory)


async def plan_now(order: Order) -> Result[Plan, PlanError]:
    """The plan of *order* by what the hosts say now; nothing is changed."""
    with order.take(order.start) as taken:
        if not is_successful(taken):
            return Failure(SourceUnusable(taken.failure()))
        async with shells(aliases_of(order.config)) as open_shell:
            return _planned(order, taken, await _surveyed(order, open_shell))


def plan_and_archive(
    order: Order, inventory: Inventory, destination: Path
) -> Result[Plan, PlanError]:
    """The plan of *order* by *inventory*, and the archive of its source at *destination*."""
    with order.take(order.start) as taken:
        return _planned(order, taken, inventory).bind(
            lambda plan: taken.unwrap().archive(destination).map(lambda _: plan).alt(SourceUnusable)
        )


async def submit(
    order: Order, on_plan: OnPlan, warn: Warn = warnings.warn
) -> Result[Submitted, PlanError]:
    """Plan *order* by what the hosts say now, show the plan to *on_plan*, and perform it."""
    with order.take(order.start) as taken:
        if not is_successful(taken):
            return Failure(SourceUnusable(taken.failure()))
        tree = taken.unwrap()
        async with shells(aliases_of(order.config)) as open_shell:
            planned = _planned(order, taken, await _surveyed(order, open_shell))
            if not is_successful(planned):
                return Failure(planned.failure())
            made = planned.unwrap()
            on_plan(made)
            act = partial(_perform, made, open_shell, tree.archive)
            return await noted(made, order.config_path, warn, act)


@frozen
class Repeat:
    """An assignment that had a plan before, to be planned by *config* for the *source* of then."""

    config: DispatchConfig
    config_path: str
    request: HardwareRequest
    source: SourceSnapshot
    assignment: Assignment
    start: Path


async def resubmit(
    repeat: Repeat, on_plan: OnPlan, warn: Warn = warnings.warn
) -> Result[Submitted, PlanError]:
    """Plan *repeat* by what the hosts say now, show the plan to *on_plan*, and perform it."""
    async with shells(aliases_of(repeat.config)) as open_shell:
        inventory = await survey(open_shell, worth_asking(repeat.config, repeat.request))
        world = World(repeat.config, inventory, repeat.source, this_release())
        planned: Result[Plan, PlanError] = build_plan(world, repeat.request, repeat.assignment)
        if not is_successful(planned):
            return Failure(planned.failure())
        made = planned.unwrap()
        on_plan(made)
        act = partial(_perform, made, open_shell, _archive_of(made, repeat.start))
        return await noted(made, repeat.config_path, warn, act)


async def apply(
    plan: Plan, start: Path, warn: Warn = warnings.warn
) -> Result[Submitted, PlanError]:
    """Perform a saved *plan*, if its target can still give the allocation."""
    async with shells(alias_of(plan.target)) as open_shell:
        act = partial(_perform, plan, open_shell, _archive_of(plan, start))
        if await _was_submitted(plan, open_shell):
            return await noted(plan, None, warn, act)
        inquiry = inquiry_of_plan(plan)
        inventory = await survey(open_shell, {plan.target.host: inquiry})
        fresh: Result[Plan, PlanError] = check_fresh(plan, inventory.of(plan.target.host))
        if not is_successful(fresh):
            return Failure(fresh.failure())
        return await noted(plan, None, warn, act)


async def _was_submitted(plan: Plan, open_shell: OpenShell) -> bool:
    """Whether the run has an answer: what it uses by now must not make its own plan stale."""
    look = ("sh", "-c", f"test -s {path_word(plan.paths.run)}/answer")
    try:
        async with open_shell(plan.target.host) as shell:
            answers = await exchange.ask(shell, [look])
    except ShellUnavailable:
        return False  # the survey that follows says what is wrong with the host
    return not isinstance(answers, exchange.Lost) and answers[0].status == 0


async def apply_unchecked(
    plan: Plan, start: Path, warn: Warn = warnings.warn
) -> Result[Submitted, PlanError]:
    """Perform a saved *plan* whatever its target says now."""
    async with shells(alias_of(plan.target)) as open_shell:
        act = partial(_perform, plan, open_shell, _archive_of(plan, start))
        return await noted(plan, None, warn, act)


def keep_source(order: Order) -> Result[None, PlanError]:
    """Keep the archive of a tree that no repository holds, for when its saved plan is applied."""
    with order.take(order.start) as taken:
        kept = taken.bind(
            lambda tree: (
                keep_archive(tree, _cache()).map(lambda _: None)
                if tree.snapshot.dirty
                else Success(None)
            )
        )
        return kept.alt(SourceUnusable)


def _cache() -> Path:
    return user_cache_path("theseus") / "trees"


async def _surveyed(order: Order, open_shell: OpenShell) -> Inventory:
    return await survey(open_shell, worth_asking(order.config, order.request))


def _planned(
    order: Order, taken: Result[SourceTree, SourceError], inventory: Inventory
) -> Result[Plan, PlanError]:
    if not is_successful(taken):
        return Failure(SourceUnusable(taken.failure()))
    snapshot = taken.unwrap().snapshot
    world = World(order.config, inventory, snapshot, this_release())
    return assignment_of(order, snapshot).bind(
        lambda assignment: build_plan(world, order.request, assignment)
    )


def assignment_of(order: Order, snapshot: SourceSnapshot) -> Result[Assignment, PlanError]:
    """What is to be run, once the repository has a name for the project."""
    return check_names(order.names, snapshot.repository).map(
        lambda names: _assignment(order, names)
    )


def _assignment(order: Order, names: Names) -> Assignment:
    run = Run(order.run_id, names.name, names.project or "", names.group or "", order.job.key)
    return Assignment(run, order.job, order.values, order.environment, order.uv_groups, order.after)


def _archive_of(plan: Plan, start: Path) -> Callable[[Path], Result[object, SourceError]]:
    return lambda destination: open_archive(plan.source, start, destination, _cache())


async def _perform(
    plan: Plan, open_shell: OpenShell, archive: Callable[[Path], Result[object, SourceError]]
) -> Result[Submitted, PlanError]:
    with tempfile.TemporaryDirectory(prefix="theseus-") as scratch:
        supply = PlanSupply(
            plan_json(plan).encode(), archive_opener(archive, Path(scratch)), config_secret
        )
        performance = await perform(plan.steps, ShellPerformer(open_shell, supply))
    if performance.error is not None:
        return Failure(performance.error)
    verdict: Result[Submitted, PlanError] = judge(plan, performance.outcomes)
    return verdict


def archive_opener(
    archive: Callable[[Path], Result[object, SourceError]], scratch: Path
) -> Callable[[str], Awaitable[Path]]:
    """What makes the *archive* of a tree in *scratch* when a host lacks it."""

    async def opened(tree: str) -> Path:
        made = await asyncio.to_thread(archive, scratch / f"{tree}.tar.gz")
        if not is_successful(made):
            raise SupplyError(
                NothingToSend(explain(made.failure()), "make the plan again where the source is")
            )
        return scratch / f"{tree}.tar.gz"

    return opened
