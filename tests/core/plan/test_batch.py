"""Batches: each run is placed on what those before it left, and none is lost."""

from collections import Counter

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from tests.strategies import assignments, requests, worlds
from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import PlainHost
from theseus.core.inventory.inventory import PlainSnapshot
from theseus.core.plan.batch import Batch, Member, TooManyRuns, build_batch
from theseus.core.plan.build import World, build_plan
from theseus.core.plan.placed import Assignment


def members(assignment: Assignment, request: HardwareRequest, number: int) -> list[Member]:
    """That many runs alike."""
    made = []
    for index in range(number):
        run = evolve(assignment.run, id=f"20260101-120000-abcde{index}", name=f"scan-{index}")
        point = (f"seed={index}",)
        made.append(Member(point, request, evolve(assignment, run=run)))
    return made


@given(worlds(), assignments(), st.integers(1, 5), st.data())
def test_placed_one_after_the_other(
    world: World, assignment: Assignment, number: int, data: st.DataObject
) -> None:
    """The first run goes where it would go alone; no GPU is given twice, no cap is passed."""
    request = data.draw(requests())
    ordered = members(assignment, request, number)
    made = build_batch(world, "20260101-120000-zzzzzz", "scan", ordered)
    alone = build_plan(world, ordered[0].request, ordered[0].assignment)
    if not is_successful(made):
        refused: TooManyRuns = made.failure()
        assert refused.placed < refused.total == number
        assert (refused.placed == 0) == (not is_successful(alone))
        return
    batch: Batch = made.unwrap()
    assert batch.plans[0] == alone.unwrap()
    assert [plan.run.name for plan in batch.plans] == [f"scan-{at}" for at in range(number)]
    taken = Counter(
        (plan.target.host, uuid)
        for plan in batch.plans
        for uuid in plan.allocation.gpus[: plan.allocation.chips_per_node]
    )
    assert all(times == 1 for times in taken.values())
    for name, host in world.config.hosts.items():
        used = sum(each.allocation.total_chips for each in batch.plans if each.target.host == name)
        assert isinstance(host, PlainHost)
        assert host.chips is None or used <= sum(host.chips.values())


@given(worlds(), assignments(), st.data())
def test_more_runs_need_no_less(world: World, assignment: Assignment, data: st.DataObject) -> None:
    """A batch of which fewer fit than were ordered is one run shorter than what fits not."""
    ordered = members(assignment, data.draw(requests()), 6)
    made = build_batch(world, "b", "scan", ordered)
    if is_successful(made):
        return
    placed = made.failure().placed
    assert is_successful(build_batch(world, "b", "scan", ordered[:placed]))
    assert not is_successful(build_batch(world, "b", "scan", ordered[: placed + 1]))


@given(worlds(), assignments())
def test_memory_is_taken(world: World, assignment: Assignment) -> None:
    """Runs that ask for memory leave as much less on a host that was asked."""
    request = HardwareRequest(min_chips=0, mem=2**30)
    made = build_batch(world, "b", "scan", members(assignment, request, 4))
    if not is_successful(made):
        return
    for name, snapshot in world.inventory.hosts.items():
        runs = sum(plan.target.host == name for plan in made.unwrap().plans)
        if isinstance(snapshot, PlainSnapshot) and runs:
            assert runs * 2**30 <= snapshot.memory_available
