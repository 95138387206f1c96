"""Batch: many runs that are submitted together, each placed on what those before it left.

A batch is its plans, and each plan is whole by itself. How many of them go to SLURM at once is for
`array.py` to say.
"""

from collections.abc import Sequence

from attrs import evolve
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.base.hardware import HardwareRequest
from theseus.core.plan.build import World, plan_on
from theseus.core.plan.placed import Assignment
from theseus.core.plan.plan import Plan
from theseus.core.solve.occupied import config_after, inventory_after
from theseus.core.solve.solve import Choice, NoFit, solve
from theseus.core.solve.verdict import TraceLine
from theseus.core.values import frozen


@frozen
class Batch:
    """The sweep *name*, with its own *id*: the plans of its runs, and what sets each apart."""

    id: str
    name: str
    points: tuple[tuple[str, ...], ...]
    plans: tuple[Plan, ...]


@frozen
class Member:
    """One run of a batch: the overrides of its *point*, the hardware it asks for, what it is."""

    point: tuple[str, ...]
    request: HardwareRequest
    assignment: Assignment


@frozen
class TooManyRuns:
    """Of *total* runs only the first *placed* fit; *trace* is why the next one does not."""

    placed: int
    total: int
    trace: tuple[TraceLine, ...]


def build_batch(
    world: World, batch_id: str, name: str, members: Sequence[Member]
) -> Result[Batch, TooManyRuns]:
    """The batch of all *members*, each placed on what those before it left of *world*."""
    plans: list[Plan] = []
    left, queue = world, _Queue()
    for member in members:
        found = queue.choice(left, member.request)
        if not is_successful(found):
            return Failure(TooManyRuns(len(plans), len(members), found.failure().trace))
        choice = found.unwrap()
        plans.append(plan_on(choice, world, member.request, member.assignment))
        left = _after(left, choice)
    points = tuple(member.point for member in members)
    return Success(Batch(batch_id, name, points, tuple(plans)))


class _Queue:
    """Remembers where a request has to wait: nothing becomes free while a batch is planned."""

    def __init__(self) -> None:
        self._waiting: tuple[HardwareRequest, Choice] | None = None

    def choice(self, left: World, request: HardwareRequest) -> Result[Choice, NoFit]:
        """Where *request* goes, by what is *left*."""
        if self._waiting is not None and self._waiting[0] == request:
            return Success(self._waiting[1])
        found = solve(left.config, request, left.inventory)
        if is_successful(found) and found.unwrap().allocation.waits:
            self._waiting = request, found.unwrap()
        return found


def _after(world: World, choice: Choice) -> World:
    if choice.allocation.waits:
        return world
    return evolve(
        world,
        config=config_after(world.config, world.inventory, choice),
        inventory=inventory_after(world.inventory, choice),
    )
