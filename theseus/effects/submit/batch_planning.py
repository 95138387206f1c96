"""Batch planning: many orders and their plans, by what is known already. Nothing is contacted here.

To batches.py what planning.py is to submission.py.
"""

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.errors import PlanError, SourceUnusable
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.batch import Batch, Member, build_batch
from theseus.core.plan.build import World
from theseus.core.source.source import SourceError, SourceSnapshot
from theseus.effects.perform.release import this_release
from theseus.effects.source.source import SourceTree
from theseus.effects.submit.orders import BatchOrder
from theseus.effects.submit.planning import assignment_of


def batch_from(ordered: BatchOrder, inventory: Inventory) -> Result[Batch, PlanError]:
    """The batch by a given *inventory*; nothing is contacted."""
    with ordered.first.take(ordered.first.start) as taken:
        return planned_batch(ordered, taken, inventory)


def planned_batch(
    ordered: BatchOrder, taken: Result[SourceTree, SourceError], inventory: Inventory
) -> Result[Batch, PlanError]:
    """The batch by the source as it was *taken*, and an *inventory*."""
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
