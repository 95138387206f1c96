"""Outlook: the source and the hosts, looked at at the same time.

Connecting is mostly waiting, and so is git. Meanwhile what plans and performs is imported, which
takes as long as a near host. Only where there is a source are the hosts' answers waited for.
Nothing is decided and nothing is sent here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
)
from importlib import import_module
from itertools import chain
from typing import Any

from attrs import evolve
from returns.pipeline import is_successful
from returns.result import Failure, Result

from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.inquiry import Inquiry, worth_asking
from theseus.core.plan.plan import Target
from theseus.core.plan.shelf import Offer
from theseus.core.source.source import SourceError
from theseus.core.values import frozen
from theseus.effects.hosts.shells import OpenShell
from theseus.effects.inventory.survey import Surveyed, survey
from theseus.effects.perform.parcel import Parcel, not_to_be_had
from theseus.effects.perform.reach import (
    Aliases,
    aliases_of,
    lasting_shells,
    let_transports_go_first,
)
from theseus.effects.perform.shipment import Shipment, make_ready
from theseus.effects.perform.supply import ParcelOf
from theseus.effects.source.source import SourceTree
from theseus.effects.submit.orders import BatchOrder, Order

# in pieces of some ten milliseconds; the last is what acts on an outlook
_PREPARED = (
    "theseus.core.solve.slurm",
    "theseus.core.plan.build",
    "cattrs",
    "theseus.core.plan.codec",
    "theseus.effects.ledger.ledger",
    "theseus.effects.submit.submission",
)
Taken = Result[SourceTree, SourceError]
Take = Callable[[], AbstractContextManager[Taken]]


@frozen
class Seen:
    """The source as it was *taken*, and what the *hosts* said."""

    taken: Taken
    hosts: Surveyed


@frozen
class Outlook:
    """The source, the hosts and shells on them; looking at both has begun."""

    open_shell: OpenShell
    taking: "asyncio.Task[Taken]"
    asking: "asyncio.Task[Surveyed]"
    preparing: "asyncio.Task[None]"
    shipment: "asyncio.Task[Result[Shipment, SourceError]]"

    async def seen(self) -> Seen:
        """What there is to be seen, and what acts on it imported."""
        taken = await self.taking
        known = await self.asking if is_successful(taken) else Surveyed(Inventory(), {})
        await self.preparing
        return Seen(taken, known)

    def parcels(self, target: Target) -> ParcelOf:
        """What gives the source to *target*, in a form that its nodes can unpack."""

        async def parcel_of(_: str, offer: Offer) -> Parcel:
            # the nodes of a cluster unpack it, and whether they have zstd nobody knows here
            known = offer if target.type == "plain" else evolve(offer, zstd=False)
            ready = await self.shipment
            if not is_successful(ready):
                raise not_to_be_had(ready.failure())
            return await asyncio.to_thread(ready.unwrap().parcel, known)

        return parcel_of


@asynccontextmanager
async def looked(
    take: Take, aliases: Aliases, inquiries: Mapping[str, Inquiry]
) -> AsyncIterator[Outlook]:
    """What *take* and the answers to *inquiries* give; it lasts as long as the context."""
    with ExitStack() as held:
        taking = asyncio.create_task(asyncio.to_thread(held.enter_context, take()))
        making = asyncio.create_task(_ready(taking))
        async with _awaited(making), lasting_shells(aliases) as open_shell:
            asking = asyncio.create_task(survey(open_shell, inquiries))
            preparing = asyncio.create_task(asyncio.to_thread(_prepare))
            async with _cancelled(asking), _awaited(preparing):
                yield Outlook(open_shell, taking, asking, preparing, making)


def looking(order: Order) -> AbstractAsyncContextManager[Outlook]:
    """Look at the source of *order*, and at the hosts that are worth asking."""
    inquiries = worth_asking(order.config, order.request)
    return looked(lambda: order.take(order.start), aliases_of(order.config), inquiries)


def looking_for_all(ordered: BatchOrder) -> AbstractAsyncContextManager[Outlook]:
    """Look at the source of a batch, and at the hosts that are worth asking for any of its runs."""
    first = ordered.first
    requests = {run.order.request: None for run in ordered.runs}
    inquiries = dict(
        chain.from_iterable(worth_asking(first.config, each).items() for each in requests)
    )
    return looked(lambda: first.take(first.start), aliases_of(first.config), inquiries)


def _prepare() -> None:
    """Import what plans and performs, and have what it needs in any case: 25 ms more."""
    for module in _PREPARED:
        let_transports_go_first()
        import_module(module)
    import_module("theseus.core.plan.codec").converter()
    import_module("theseus.effects.perform.release").this_release()


async def _ready(taking: "asyncio.Task[Taken]") -> Result[Shipment, SourceError]:
    taken = await taking
    if not is_successful(taken):
        return Failure(taken.failure())
    tree = taken.unwrap()
    return await asyncio.to_thread(make_ready, tree.store, tree.snapshot.tree)


@asynccontextmanager
async def _awaited(task: "asyncio.Task[Any]") -> AsyncIterator[None]:
    """Let *task*, whose thread cannot be stopped, end before what it works on is gone."""
    try:
        yield
    finally:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # whoever waited for the source has it


@asynccontextmanager
async def _cancelled(task: "asyncio.Task[Any]") -> AsyncIterator[None]:
    """Cancel *task* where nobody has waited for it."""
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
