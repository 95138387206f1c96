"""Planning: an order and its plan, by what is known already. Nothing is contacted here.

Apart from submission.py, so that a dry run need not import what waits for hosts.
"""

from pathlib import Path

from platformdirs import user_cache_path
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import DispatchConfig
from theseus.core.errors import PlanError, SourceUnusable
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.build import World, build_plan
from theseus.core.plan.placed import Assignment
from theseus.core.plan.plan import Plan, Run
from theseus.core.source.source import SourceError, SourceSnapshot
from theseus.core.values import frozen
from theseus.effects.perform.release import this_release
from theseus.effects.reading.reading import Names, check_names
from theseus.effects.source.kept import keep_archive
from theseus.effects.source.source import SourceTree
from theseus.effects.submit.orders import Order


@frozen
class Repeat:
    """An assignment that had a plan before, to be planned by *config* for the *source* of then."""

    config: DispatchConfig
    config_path: str
    request: HardwareRequest
    source: SourceSnapshot
    assignment: Assignment
    start: Path


def plan_from(order: Order, inventory: Inventory) -> Result[Plan, PlanError]:
    """The plan of *order* by a given *inventory*; nothing is contacted."""
    with order.take(order.start) as taken:
        return planned(order, taken, inventory)


def plan_and_archive(
    order: Order, inventory: Inventory, destination: Path
) -> Result[Plan, PlanError]:
    """The plan of *order* by *inventory*, and the archive of its source at *destination*."""
    with order.take(order.start) as taken:
        return planned(order, taken, inventory).bind(
            lambda plan: taken.unwrap().archive(destination).map(lambda _: plan).alt(SourceUnusable)
        )


def keep_source(order: Order) -> Result[None, PlanError]:
    """Keep the archive of a tree that no repository holds, for when its saved plan is applied."""
    with order.take(order.start) as taken:
        kept = taken.bind(
            lambda tree: (
                keep_archive(tree, archives()).map(lambda _: None)
                if tree.snapshot.dirty
                else Success(None)
            )
        )
        return kept.alt(SourceUnusable)


def archives() -> Path:
    """Where archives are kept for saved plans."""
    return user_cache_path("theseus") / "trees"


def planned(
    order: Order, taken: Result[SourceTree, SourceError], inventory: Inventory
) -> Result[Plan, PlanError]:
    """The plan of *order* by the source as it was *taken*, and an *inventory*."""
    if not is_successful(taken):
        return Failure(SourceUnusable(taken.failure()))
    snapshot = taken.unwrap().snapshot
    world = World(order.config, inventory, snapshot, this_release())
    return assignment_of(order, snapshot).bind(
        lambda assignment: build_plan(world, order.request, assignment)
    )


def planned_again(repeat: Repeat, inventory: Inventory) -> Result[Plan, PlanError]:
    """The plan of *repeat* by *inventory*."""
    world = World(repeat.config, inventory, repeat.source, this_release())
    made: Result[Plan, PlanError] = build_plan(world, repeat.request, repeat.assignment)
    return made


def assignment_of(order: Order, snapshot: SourceSnapshot) -> Result[Assignment, PlanError]:
    """What is to be run, once the repository has a name for the project."""
    return check_names(order.names, snapshot.repository).map(
        lambda names: _assignment(order, names)
    )


def _assignment(order: Order, names: Names) -> Assignment:
    run = Run(order.run_id, names.name, names.project or "", names.group or "", order.job.key)
    return Assignment(run, order.job, order.values, order.environment, order.uv_groups, order.after)
