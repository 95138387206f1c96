"""Batches: many runs through one survey, one source snapshot and one upload to each host.

What a single submission does, `submission.py` does. Here each host's parts are performed over one
connection: the first alone, since it brings what all share, then several at once.
"""

import asyncio
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import assert_never

from attrs import evolve, frozen
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.array import Alone, Array, Part, array_steps, parts
from theseus.core.batch import Batch, Member, build_batch
from theseus.core.build import World
from theseus.core.codec import plan_json
from theseus.core.errors import PlanError, SourceUnusable
from theseus.core.inquiry import Inquiry
from theseus.core.inventory import Inventory
from theseus.core.outcome import Outcome
from theseus.core.source import SourceError, SourceSnapshot
from theseus.core.steps import Step
from theseus.core.submission import attempt_of
from theseus.core.submitted import judge, judge_array
from theseus.effects.config_secret import config_secret
from theseus.effects.exchange import ShellPerformer
from theseus.effects.noted import Judged, Performed, Warn, noted_batch
from theseus.effects.perform import perform
from theseus.effects.reach import aliases_of, shells
from theseus.effects.release import this_release
from theseus.effects.shells import OpenShell
from theseus.effects.source import SourceTree
from theseus.effects.submission import Order, TakeSource, archive_opener, assignment_of
from theseus.effects.supply import PlanSupply
from theseus.effects.survey import survey, worth_asking

AT_ONCE = 4  # exchanges with one host; sshd allows ten sessions on a connection by default
OnBatch = Callable[[Batch], None]
RunResult = Performed


@frozen
class OrderedRun:
    """One run of a batch: its *order*, and the overrides that set it apart."""

    point: tuple[str, ...]
    order: Order


@frozen
class BatchOrder:
    """The runs of the sweep *name*, all from one source and by one dispatch config."""

    id: str
    name: str
    runs: tuple[OrderedRun, ...]

    @property
    def first(self) -> Order:
        """The order of the first run, for what all of them share: config, source, where it is."""
        return self.runs[0].order

    def taking(self, take: TakeSource) -> "BatchOrder":
        """This batch, its source taken by *take*."""
        first, *others = self.runs
        return evolve(self, runs=(evolve(first, order=evolve(first.order, take=take)), *others))


def batch_from(ordered: BatchOrder, inventory: Inventory) -> Result[Batch, PlanError]:
    """The batch by a given *inventory*; nothing is contacted."""
    with ordered.first.take(ordered.first.start) as taken:
        return _planned(ordered, taken, inventory)


async def batch_now(ordered: BatchOrder) -> Result[Batch, PlanError]:
    """The batch by what the hosts say now; nothing is changed."""
    with ordered.first.take(ordered.first.start) as taken:
        if not is_successful(taken):
            return Failure(SourceUnusable(taken.failure()))
        async with shells(aliases_of(ordered.first.config)) as open_shell:
            return _planned(ordered, taken, await survey(open_shell, _worth_asking(ordered)))


async def submit_batch(
    ordered: BatchOrder, on_batch: OnBatch, warn: Warn = warnings.warn
) -> Result[tuple[RunResult, ...], PlanError]:
    """Plan the batch by what the hosts say now, show it, perform it: what became of each run."""
    first = ordered.first
    with first.take(first.start) as taken:
        if not is_successful(taken):
            return Failure(SourceUnusable(taken.failure()))
        async with shells(aliases_of(first.config)) as open_shell:
            inventory = await survey(open_shell, _worth_asking(ordered))
            planned = _planned(ordered, taken, inventory)
            if not is_successful(planned):
                return Failure(planned.failure())
            batch = planned.unwrap()
            on_batch(batch)
            act = partial(_perform, batch, open_shell, taken.unwrap())
            judged = await noted_batch(batch.plans, first.config_path, warn, act)
    return Success(tuple(judged[plan.run.id].result for plan in batch.plans))


def _worth_asking(ordered: BatchOrder) -> Mapping[str, Inquiry]:
    """Each host that is worth asking for any of the runs."""
    requests = {run.order.request: None for run in ordered.runs}
    asked = (worth_asking(ordered.first.config, request).items() for request in requests)
    return dict(chain.from_iterable(asked))


def _planned(
    ordered: BatchOrder, taken: Result[SourceTree, SourceError], inventory: Inventory
) -> Result[Batch, PlanError]:
    if not is_successful(taken):
        return Failure(SourceUnusable(taken.failure()))
    snapshot = taken.unwrap().snapshot
    world = World(ordered.first.config, inventory, snapshot, this_release())
    members = _members(ordered, snapshot)
    made: Result[Batch, PlanError] = members.bind(
        lambda found: build_batch(world, ordered.id, ordered.name, found)
    )
    return made


def _members(ordered: BatchOrder, snapshot: SourceSnapshot) -> Result[list[Member], PlanError]:
    members: list[Member] = []
    for run in ordered.runs:
        assignment = assignment_of(run.order, snapshot)
        if not is_successful(assignment):
            return Failure(assignment.failure())
        members.append(Member(run.point, run.order.request, assignment.unwrap()))
    return Success(members)


async def _perform(batch: Batch, open_shell: OpenShell, tree: SourceTree) -> Mapping[str, Judged]:
    """What became of each run, by its id."""
    by_host: dict[str, list[Part]] = {}
    for part in parts(batch):
        by_host.setdefault(part.host, []).append(part)
    with tempfile.TemporaryDirectory(prefix="theseus-") as scratch:
        opened = _once(archive_opener(tree.archive, Path(scratch)))
        performer = _Performer(open_shell, PlanSupply(b"", opened, config_secret))
        done = await asyncio.gather(*map(performer.on_host, by_host.values()))
    return dict(chain.from_iterable(done))


JudgedRuns = list[tuple[str, Judged]]


@frozen
class _Performer:
    """Performs the parts of a batch; *supply* is what they share, the plan's document aside."""

    open_shell: OpenShell
    supply: PlanSupply

    async def on_host(self, found: Sequence[Part]) -> JudgedRuns:
        """What became of each run of the parts *found*, which go to one host, by its id."""
        free = asyncio.Semaphore(AT_ONCE)

        async def in_turn(part: Part) -> JudgedRuns:
            async with free:
                return await self.part(part)

        first, *others = found
        done = [await self.part(first), *await asyncio.gather(*map(in_turn, others))]
        return list(chain.from_iterable(done))

    async def part(self, part: Part) -> JudgedRuns:
        """What became of each run of *part*, by its id."""
        match part:
            case Alone(plan):
                outcomes = await self.steps(plan.steps, plan_json(plan).encode())
                result: RunResult = outcomes.bind(partial(judge, plan))
                return [(plan.run.id, Judged(result, attempt_of(plan.steps, result)))]
            case Array(plans=plans):
                steps = array_steps(part)
                judged = (await self.steps(steps, b"")).map(partial(judge_array, part, steps))
                results = (judged.bind(itemgetter(index)) for index in range(len(plans)))
                return [
                    (plan.run.id, Judged(result, attempt_of(steps, result)))
                    for plan, result in zip(plans, results, strict=True)
                ]
            case _:
                assert_never(part)

    async def steps(
        self, steps: tuple[Step, ...], document: bytes
    ) -> Result[tuple[Outcome, ...], PlanError]:
        """What became of each of *steps*."""
        supply = evolve(self.supply, document=document)
        performance = await perform(steps, ShellPerformer(self.open_shell, supply))
        if performance.error is not None:
            return Failure(performance.error)
        return Success(performance.outcomes)


def _once(opened: Callable[[str], Awaitable[Path]]) -> Callable[[str], Awaitable[Path]]:
    """*opened*, but made once however many hosts lack the tree."""
    made: dict[str, asyncio.Future[Path]] = {}

    async def opened_once(tree: str) -> Path:
        if tree not in made:
            made[tree] = asyncio.ensure_future(opened(tree))
        return await made[tree]

    return opened_once
