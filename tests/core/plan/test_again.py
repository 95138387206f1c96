"""Again: the assignment read back out of a plan gives that very plan, and a new id a new one."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from tests.cases.case import CASES, planned
from tests.strategies import assignments, requests, worlds
from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import DispatchConfig
from theseus.core.config.secrets import EnvironmentSecret, Referenced
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.again import assignment_again, awaited_run, source_again
from theseus.core.plan.build import World, build_plan
from theseus.core.plan.codec import plan_json
from theseus.core.plan.payload import Job
from theseus.core.plan.placed import Assignment
from theseus.core.plan.plan import NotAPlan, Plan, Run
from theseus.core.plan.steps import PutFile
from theseus.core.source.source import LfsPointers, SubmoduleChanges, UncommittedChanges

OLD, NEW = "20260101-000000-zzzzzz", "20270101-000000-zzzzzz"


def rebuilt(plan: Plan, world: World, run_id: str) -> Plan:
    """The plan of what *plan* was asked for, in the same world."""
    again = assignment_again(plan, run_id, world.config).unwrap()
    return build_plan(world, plan.request, again).unwrap()


@st.composite
def plans_in_worlds(draw: st.DrawFn) -> tuple[Plan, World]:
    """A plan and the world it was made in."""
    world, assignment = draw(worlds()), draw(assignments())
    made = build_plan(world, draw(requests(tuple(world.config.clusters))), assignment)
    if is_successful(made):
        return made.unwrap(), world
    unasked = evolve(world, inventory=Inventory())
    return build_plan(unasked, HardwareRequest(min_chips=0), assignment).unwrap(), unasked


@given(plans_in_worlds())
def test_warnings_of_the_tree_alone(made: tuple[Plan, World]) -> None:
    """What a tree lacks is warned of again; what was beside it then is no matter now."""
    plan, _ = made
    pointers = LfsPointers(2, "weights.bin")
    warnings = (UncommittedChanges(1, "a"), pointers, SubmoduleChanges(1, "b"))
    again = source_again(evolve(plan, source=evolve(plan.source, warnings=warnings)))
    assert again == evolve(plan.source, warnings=(pointers,))


@given(plans_in_worlds())
def test_the_same_plan(made: tuple[Plan, World]) -> None:
    """In the same world the same inputs give the same plan, byte for byte."""
    plan, world = made
    assert plan_json(rebuilt(plan, world, plan.run.id)) == plan_json(plan)


@given(plans_in_worlds())
def test_a_new_id(made: tuple[Plan, World]) -> None:
    """A new run id changes the run id, wherever it stands, and nothing else."""
    plan, world = made
    text = plan_json(rebuilt(plan, world, NEW))
    assert text == plan_json(plan).replace(plan.run.id, NEW)


@given(plans_in_worlds())
def test_references(made: tuple[Plan, World]) -> None:
    """A reference stays one, as text or as what the text spells, and its value is not needed."""
    _, world = made
    token = EnvironmentSecret("TOKEN")
    values = {"a": [Referenced("x", ("t ", token))], "b": Referenced("5", (token,), decoded=True)}
    assignment = Assignment(Run(OLD, "n", "p", "g", "command"), Job("command"), values)
    unasked = evolve(world, inventory=Inventory())
    plan = build_plan(unasked, HardwareRequest(min_chips=0), assignment).unwrap()
    assert plan_json(rebuilt(plan, unasked, OLD)) == plan_json(plan)


@pytest.mark.parametrize("case", ["after-on-plain", "after-on-slurm"])
def test_what_it_waited_for(case: str) -> None:
    """The run that it waited for is kept."""
    plan = planned(CASES / case).unwrap()
    again = assignment_again(plan, NEW, DispatchConfig({}, {})).unwrap()
    assert again.after is not None
    assert again.after in plan_json(plan)
    assert awaited_run(plan) == again.after


def test_waiting_for_none() -> None:
    """A run that was told of no other waits for none."""
    assert awaited_run(planned(CASES / "slurm-one").unwrap()) is None


@given(plans_in_worlds())
def test_a_host_that_is_gone(made: tuple[Plan, World]) -> None:
    """Where the config has no such host any more, all variables are the run's own."""
    plan, _ = made
    again = assignment_again(plan, NEW, DispatchConfig({}, {})).unwrap()
    assert isinstance(again, Assignment)


def test_no_payload() -> None:
    """A plan that tells the runtime nothing cannot be planned again."""
    plan = planned(CASES / "after-on-plain").unwrap()
    bare = evolve(plan, steps=tuple(step for step in plan.steps if not isinstance(step, PutFile)))
    found = assignment_again(bare, NEW, DispatchConfig({}, {}))
    assert found.failure() == NotAPlan(("it has no payload.json",))
