"""Batches: many runs through one survey, one source snapshot and one upload to each host.

What a single submission does, `submission.py` does. Here each host's parts are performed over one
connection: the first alone, since it brings what all share, then several at once.
"""

import asyncio
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import assert_never

from attrs import evolve
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.config.secrets import SecretReference
from theseus.core.errors import PlanError
from theseus.core.plan.array import Alone, Array, Part, array_steps, parts
from theseus.core.plan.batch import Batch
from theseus.core.plan.codec import plan_json
from theseus.core.plan.outcome import Outcome
from theseus.core.plan.plan import Target
from theseus.core.plan.shelf import Shelf
from theseus.core.plan.steps import Step
from theseus.core.submit.submission import attempt_of
from theseus.core.submit.submitted import judge, judge_array
from theseus.core.values import frozen
from theseus.effects.hosts.shells import OpenShell
from theseus.effects.perform.config_secret import config_secret
from theseus.effects.perform.parcel import Watch, unwatched
from theseus.effects.perform.perform import perform
from theseus.effects.perform.shell_performer import ShellPerformer
from theseus.effects.perform.supply import PlanSupply
from theseus.effects.submit.batch_planning import planned_batch
from theseus.effects.submit.noted import Judged, Performed, Warn, noted_batch
from theseus.effects.submit.orders import BatchOrder
from theseus.effects.submit.outlook import Outlook, looking_for_all

AT_ONCE = 4  # exchanges with one host; sshd allows ten sessions on a connection by default
OnBatch = Callable[[Batch], None]
RunResult = Performed


async def batch_now(ordered: BatchOrder) -> Result[Batch, PlanError]:
    """The batch by what the hosts say now; nothing is changed."""
    async with looking_for_all(ordered) as outlook:
        seen = await outlook.seen()
        return planned_batch(ordered, seen.taken, seen.hosts.inventory)


async def submit_batch(
    ordered: BatchOrder,
    on_batch: OnBatch,
    warn: Warn = warnings.warn,
    watch: Watch = unwatched,
) -> Result[tuple[RunResult, ...], PlanError]:
    """Plan the batch by what the hosts say now, show it, perform it: what became of each run."""
    async with looking_for_all(ordered) as outlook:
        seen = await outlook.seen()
        planned = planned_batch(ordered, seen.taken, seen.hosts.inventory)
        if not is_successful(planned):
            return Failure(planned.failure())
        batch = planned.unwrap()
        on_batch(batch)
        act = partial(_perform, batch, outlook, seen.hosts.shelves, watch)
        judged = await noted_batch(batch.plans, ordered.first.config_path, warn, act)
    return Success(tuple(judged[plan.run.id].result for plan in batch.plans))


async def _perform(
    batch: Batch, outlook: Outlook, shelves: Mapping[str, Shelf], watch: Watch
) -> Mapping[str, Judged]:
    """What became of each run, by its id."""
    by_target: dict[Target, list[Part]] = {}
    for part in parts(batch):
        by_target.setdefault(part.target, []).append(part)
    known: dict[SecretReference, str] = {}
    performed = []
    for target, found in by_target.items():
        parcel_of = outlook.parcels(target)
        supply = PlanSupply(b"", parcel_of, config_secret, known=known, watch=watch)
        shelf = shelves.get(target.host)
        performed.append(_Performer(outlook.open_shell, supply, shelf).all_of(found))
    return dict(chain.from_iterable(await asyncio.gather(*performed)))


JudgedRuns = list[tuple[str, Judged]]


@frozen
class _Performer:
    """Performs the parts that go to one host.

    *supply* is what they share, the plan's document aside; *shelf* is what lies there already.
    """

    open_shell: OpenShell
    supply: PlanSupply
    shelf: Shelf | None

    async def all_of(self, found: Sequence[Part]) -> JudgedRuns:
        """What became of each run of the parts *found*, by its id."""
        free = asyncio.Semaphore(AT_ONCE)

        async def in_turn(part: Part) -> JudgedRuns:
            async with free:
                return await after_first.part(part)

        first, *others = found
        brought = first.plan.steps if isinstance(first, Alone) else first.plans[0].steps
        shelf = None if self.shelf is None else self.shelf.after(brought)
        after_first = evolve(self, shelf=shelf)
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
        performance = await perform(steps, ShellPerformer(self.open_shell, supply, self.shelf))
        if performance.error is not None:
            return Failure(performance.error)
        return Success(performance.outcomes)
