"""Submission: one request through survey, planning and performing.

The only place where those three meet. Source tree and hosts are asked at the same time, and a small
archive is made meanwhile; nothing is started for a directory that cannot be shipped.
"""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from platformdirs import user_cache_path
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.base.hardware import HardwareRequest
from theseus.core.build import World, build_plan
from theseus.core.codec import plan_json
from theseus.core.config import DispatchConfig
from theseus.core.errors import PlanError, SourceUnusable
from theseus.core.freshness import check_fresh
from theseus.core.inquiry import inquiry_of_target
from theseus.core.inventory import Inventory
from theseus.core.outcome import NothingToSend
from theseus.core.payload import Job
from theseus.core.placed import Assignment
from theseus.core.plan import Plan, Run
from theseus.core.secrets import ConfigSecret
from theseus.core.shell import path_word
from theseus.core.source import SourceError
from theseus.core.submitted import Submitted, judge
from theseus.effects import exchange
from theseus.effects.exchange import ShellPerformer
from theseus.effects.kept import keep_archive, open_archive
from theseus.effects.outlook import Outlook, looked
from theseus.effects.parcel import Offer, Parcel, SupplyError, file_parcel, not_to_be_had
from theseus.effects.perform import perform
from theseus.effects.reach import alias_of, aliases_of, lasting_shells
from theseus.effects.reading import Names, check_names
from theseus.effects.release import this_release
from theseus.effects.shells import OpenShell, ShellUnavailable
from theseus.effects.source import SourceTree
from theseus.effects.supply import ParcelOf, PlanSupply
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


def plan_from(order: Order, inventory: Inventory) -> Result[Plan, PlanError]:
    """The plan of *order* by a given *inventory*; nothing is contacted."""
    with order.take(order.start) as taken:
        return _planned(order, taken, inventory)


async def plan_now(order: Order) -> Result[Plan, PlanError]:
    """The plan of *order* by what the hosts say now; nothing is changed."""
    async with _looked(order) as outlook:
        return _planned(order, outlook.taken, outlook.inventory)


def plan_and_archive(
    order: Order, inventory: Inventory, destination: Path
) -> Result[Plan, PlanError]:
    """The plan of *order* by *inventory*, and the archive of its source at *destination*."""
    with order.take(order.start) as taken:
        return _planned(order, taken, inventory).bind(
            lambda plan: taken.unwrap().archive(destination).map(lambda _: plan).alt(SourceUnusable)
        )


async def submit(order: Order, on_plan: OnPlan) -> Result[Submitted, PlanError]:
    """Plan *order* by what the hosts say now, show the plan to *on_plan*, and perform it."""
    async with _looked(order) as outlook:
        planned = _planned(order, outlook.taken, outlook.inventory)
        if not is_successful(planned):
            return Failure(planned.failure())
        on_plan(planned.unwrap())
        return await _perform(planned.unwrap(), outlook.open_shell, outlook.parcel)


async def apply(plan: Plan, start: Path) -> Result[Submitted, PlanError]:
    """Perform a saved *plan*, if its target can still give the allocation."""
    async with lasting_shells(alias_of(plan.target)) as open_shell:
        if await _was_submitted(plan, open_shell):
            return await _perform_saved(plan, open_shell, start)
        inquiry = inquiry_of_target(plan.target)
        inventory = await survey(open_shell, {plan.target.host: inquiry})
        fresh: Result[Plan, PlanError] = check_fresh(plan, inventory.of(plan.target.host))
        if not is_successful(fresh):
            return Failure(fresh.failure())
        return await _perform_saved(plan, open_shell, start)


async def _was_submitted(plan: Plan, open_shell: OpenShell) -> bool:
    """Whether the run has an answer: what it uses by now must not make its own plan stale."""
    look = ("sh", "-c", f"test -s {path_word(plan.paths.run)}/answer")
    try:
        async with open_shell(plan.target.host) as shell:
            answers = await exchange.ask(shell, [look])
    except ShellUnavailable:
        return False  # the survey that follows says what is wrong with the host
    return not isinstance(answers, exchange.Lost) and answers[0].status == 0


async def apply_unchecked(plan: Plan, start: Path) -> Result[Submitted, PlanError]:
    """Perform a saved *plan* whatever its target says now."""
    async with lasting_shells(alias_of(plan.target)) as open_shell:
        return await _perform_saved(plan, open_shell, start)


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


def _looked(order: Order) -> AbstractAsyncContextManager[Outlook]:
    inquiries = worth_asking(order.config, order.request)
    return looked(lambda: order.take(order.start), aliases_of(order.config), inquiries)


def _planned(
    order: Order, taken: Result[SourceTree, SourceError], inventory: Inventory
) -> Result[Plan, PlanError]:
    if not is_successful(taken):
        return Failure(SourceUnusable(taken.failure()))
    snapshot = taken.unwrap().snapshot
    world = World(order.config, inventory, snapshot, this_release())
    return check_names(order.names, snapshot.repository).bind(
        lambda names: build_plan(world, order.request, _assignment(order, names))
    )


def _assignment(order: Order, names: Names) -> Assignment:
    run = Run(order.run_id, names.name, names.project or "", names.group or "", order.job.key)
    return Assignment(run, order.job, order.values, order.environment, order.uv_groups, order.after)


async def _perform(
    plan: Plan, open_shell: OpenShell, parcel_of: ParcelOf
) -> Result[Submitted, PlanError]:
    async def kept_there(tree: str, offer: Offer) -> Parcel:
        # the nodes of a cluster unpack it, and whether they have zstd nobody knows here
        known = offer if plan.target.type == "plain" else evolve(offer, zstd=False)
        return await parcel_of(tree, known)

    supply = PlanSupply(plan_json(plan).encode(), kept_there, _config_secret)
    performance = await perform(plan.steps, ShellPerformer(open_shell, supply))
    if performance.error is not None:
        return Failure(performance.error)
    verdict: Result[Submitted, PlanError] = judge(plan, performance.outcomes)
    return verdict


async def _perform_saved(
    plan: Plan, open_shell: OpenShell, start: Path
) -> Result[Submitted, PlanError]:
    with tempfile.TemporaryDirectory(prefix="theseus-") as scratch:
        archive = Path(scratch) / f"{plan.source.tree}.tar.gz"

        async def parcel_of(_: str, __: Offer) -> Parcel:
            made = await asyncio.to_thread(open_archive, plan.source, start, archive, _cache())
            if not is_successful(made):
                raise not_to_be_had(made.failure())
            return file_parcel(archive, "gzip")

        return await _perform(plan, open_shell, parcel_of)


def _config_secret(reference: ConfigSecret) -> str:
    raise SupplyError(
        NothingToSend(
            f"{reference.key} in {reference.path}", "passwords of mounts are not used yet"
        )
    )
