"""Submission: one request through survey, planning and performing.

The only place where those three meet. Source tree and hosts are asked at the same time, and a small
archive is made meanwhile; nothing is started for a directory that cannot be shipped.
"""

import asyncio
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from returns.pipeline import is_successful
from returns.result import Failure, Result

from theseus.core.errors import PlanError
from theseus.core.plan.codec import plan_json
from theseus.core.plan.inquiry import inquiry_of_plan, worth_asking
from theseus.core.plan.plan import Plan
from theseus.core.plan.shelf import Offer, Shelf
from theseus.core.submit.freshness import check_fresh
from theseus.core.submit.submitted import Submitted, judge
from theseus.core.text.shell import path_word
from theseus.effects.hosts.shells import OpenShell, ShellUnavailable
from theseus.effects.inventory.survey import shelf_of, survey
from theseus.effects.perform import exchange
from theseus.effects.perform.config_secret import config_secret
from theseus.effects.perform.parcel import Parcel, file_parcel, not_to_be_had
from theseus.effects.perform.perform import Performance, perform
from theseus.effects.perform.reach import alias_of, aliases_of, lasting_shells
from theseus.effects.perform.shell_performer import ShellPerformer
from theseus.effects.perform.supply import ParcelOf, PlanSupply
from theseus.effects.source.kept import open_archive
from theseus.effects.submit.noted import noted
from theseus.effects.submit.orders import Order
from theseus.effects.submit.outlook import Outlook, looking
from theseus.effects.submit.planning import Repeat, archives, planned, planned_again
from theseus.effects.submit.witness import UNATTENDED, Witness

OnPlan = Callable[[Plan], None]


async def plan_now(order: Order) -> Result[Plan, PlanError]:
    """The plan of *order* by what the hosts say now; nothing is changed."""
    async with looking(order) as outlook:
        seen = await outlook.seen()
        return planned(order, seen.taken, seen.hosts.inventory)


async def submit(
    order: Order, on_plan: OnPlan, witness: Witness = UNATTENDED
) -> Result[Submitted, PlanError]:
    """Plan *order* by what the hosts say now, show the plan to *on_plan*, and perform it."""
    async with looking(order) as outlook:
        return await submit_seen(order, outlook, on_plan, witness)


async def submit_seen(
    order: Order, outlook: Outlook, on_plan: OnPlan, witness: Witness = UNATTENDED
) -> Result[Submitted, PlanError]:
    """Plan *order* by what is seen in *outlook*, show the plan to *on_plan*, and perform it."""
    seen = await outlook.seen()
    found = planned(order, seen.taken, seen.hosts.inventory)
    if not is_successful(found):
        return Failure(found.failure())
    plan = found.unwrap()
    on_plan(plan)
    shelf = seen.hosts.shelves.get(plan.target.host)
    act = partial(_perform, plan, outlook.open_shell, shelf, outlook.parcels(plan.target), witness)
    return await noted(plan, order.config_path, witness.warn, act)


async def resubmit(
    repeat: Repeat, on_plan: OnPlan, witness: Witness = UNATTENDED
) -> Result[Submitted, PlanError]:
    """Plan *repeat* by what the hosts say now, show the plan to *on_plan*, and perform it."""
    async with lasting_shells(aliases_of(repeat.config)) as open_shell:
        hosts = await survey(open_shell, worth_asking(repeat.config, repeat.request))
        found = planned_again(repeat, hosts.inventory)
        if not is_successful(found):
            return Failure(found.failure())
        plan = found.unwrap()
        on_plan(plan)
        shelf = hosts.shelves.get(plan.target.host)
        act = partial(_perform_saved, plan, open_shell, shelf, repeat.start, witness)
        return await noted(plan, repeat.config_path, witness.warn, act)


async def apply(
    plan: Plan, start: Path, witness: Witness = UNATTENDED
) -> Result[Submitted, PlanError]:
    """Perform a saved *plan*, if its target can still give the allocation."""
    async with lasting_shells(alias_of(plan.target)) as open_shell:
        if await _was_submitted(plan, open_shell):
            act = partial(_perform_saved, plan, open_shell, None, start, witness)
            return await noted(plan, None, witness.warn, act)
        host = plan.target.host
        said = await survey(open_shell, {host: inquiry_of_plan(plan)})
        fresh: Result[Plan, PlanError] = check_fresh(plan, said.inventory.of(host))
        if not is_successful(fresh):
            return Failure(fresh.failure())
        act = partial(_perform_saved, plan, open_shell, said.shelves.get(host), start, witness)
        return await noted(plan, None, witness.warn, act)


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
    plan: Plan, start: Path, witness: Witness = UNATTENDED
) -> Result[Submitted, PlanError]:
    """Perform a saved *plan* whatever its target says now."""
    async with lasting_shells(alias_of(plan.target)) as open_shell:
        shelf = await shelf_of(open_shell, plan.target.host, plan.paths.share)
        act = partial(_perform_saved, plan, open_shell, shelf, start, witness)
        return await noted(plan, None, witness.warn, act)


async def _perform(
    plan: Plan, open_shell: OpenShell, shelf: Shelf | None, parcel_of: ParcelOf, witness: Witness
) -> Result[Submitted, PlanError]:
    supply = PlanSupply(plan_json(plan).encode(), parcel_of, config_secret, watch=witness.watch)
    with witness.around(plan, ShellPerformer(open_shell, supply, shelf)) as performer:
        return judged(plan, await perform(plan.steps, performer))


def judged(plan: Plan, performance: Performance) -> Result[Submitted, PlanError]:
    """What *performance* means for the run of *plan*."""
    if performance.error is not None:
        return Failure(performance.error)
    verdict: Result[Submitted, PlanError] = judge(plan, performance.outcomes)
    return verdict


async def _perform_saved(
    plan: Plan, open_shell: OpenShell, shelf: Shelf | None, start: Path, witness: Witness
) -> Result[Submitted, PlanError]:
    with tempfile.TemporaryDirectory(prefix="theseus-") as scratch:
        archive = Path(scratch) / f"{plan.source.tree}.tar.gz"

        async def parcel_of(_: str, __: Offer) -> Parcel:
            made = await asyncio.to_thread(open_archive, plan.source, start, archive, archives())
            if not is_successful(made):
                raise not_to_be_had(made.failure())
            return file_parcel(archive, "gzip")

        return await _perform(plan, open_shell, shelf, parcel_of, witness)
