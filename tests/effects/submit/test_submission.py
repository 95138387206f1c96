"""Submissions: the source first, then hosts, then the plan; what fails leaves nothing started."""

import asyncio
from pathlib import Path

import pytest
from attrs import evolve
from returns.result import Failure, Success

from tests.cli.desk import Desk, new_desk
from theseus.base.hardware import HardwareRequest
from theseus.core.errors import SourceUnusable, StepFailed
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.outcome import HostUnreachable, NothingToSend
from theseus.core.plan.payload import Job
from theseus.core.plan.plan import Plan
from theseus.core.source.source import NotARepository
from theseus.core.submit.submitted import Submitted
from theseus.dispatch import load_dispatch_config
from theseus.effects.reading.plan_files import load_plan, save_plan
from theseus.effects.reading.reading import Names
from theseus.effects.source.source import committed_tree, dirty_tree
from theseus.effects.submit.orders import Order
from theseus.effects.submit.planning import keep_source, plan_from
from theseus.effects.submit.submission import apply, apply_unchecked, plan_now, submit


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A user's desk; this process runs as that user."""
    made = new_desk(tmp_path / "user")
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def order(desk: Desk) -> Order:
    """An order of a short command on this machine."""
    return Order(
        run_id="20261124-120000-aaaaaa",
        names=Names("demo"),
        job=Job("command"),
        values={"job": "command", "command": ["echo", "hello"]},
        config=load_dispatch_config(desk.home / ".theseus.yaml"),
        request=HardwareRequest(min_chips=0),
        start=desk.repository,
        take=committed_tree,
    )


def test_same_order_same_plan(order: Order) -> None:
    """A plan depends on its order, the source and the inventory, and on nothing else."""
    first = plan_from(order, Inventory()).unwrap()
    assert plan_from(order, Inventory()).unwrap() == first
    assert first.run.project == "project"
    assert asyncio.run(plan_now(order)).unwrap().steps == first.steps


@pytest.mark.slow
def test_submit_shows_the_plan_first(order: Order, desk: Desk) -> None:
    """The plan is shown before anything is done, and is the one that is performed."""
    shown: list[Plan] = []

    def on_plan(plan: Plan) -> None:
        assert not (desk.home / "work").exists()
        shown.append(plan)

    done = asyncio.run(submit(order, on_plan)).unwrap()
    assert isinstance(done, Submitted)
    assert [done.plan] == shown
    saved = load_plan(str(desk.home / "work/.dispatch/runs" / order.run_id / "plan.json"))
    assert saved.unwrap() == done.plan
    again = asyncio.run(submit(order, shown.append)).unwrap()
    assert (again.again, again.answer) == (True, done.answer), "the same run id is the same run"


def test_source_comes_first(order: Order, desk: Desk) -> None:
    """A directory that cannot be shipped is refused before a host is asked."""
    elsewhere = evolve(order, start=desk.home)
    for refused in (
        asyncio.run(submit(elsewhere, lambda _: pytest.fail("it was planned"))),
        asyncio.run(plan_now(elsewhere)),
        plan_from(elsewhere, Inventory()),
        keep_source(elsewhere),
    ):
        assert refused == Failure(SourceUnusable(NotARepository(str(desk.home))))
    assert not (desk.home / "work").exists()


def test_unreachable_target(order: Order, desk: Desk) -> None:
    """A plan for a host that cannot be reached is not performed, checked or not."""
    plan = plan_from(order, Inventory()).unwrap()
    away = evolve(plan, target=evolve(plan.target, transport="auto", ssh="nowhere.invalid"))
    for perform in (apply, apply_unchecked):
        refused = asyncio.run(perform(away, desk.repository)).failure()
        assert isinstance(refused, HostUnreachable)
        assert refused.host == "box"


def test_source_that_is_gone(order: Order, desk: Desk) -> None:
    """A plan whose tree is nowhere any more starts nothing, and says to plan again."""
    plan = plan_from(order, Inventory()).unwrap()
    gone = evolve(plan, source=evolve(plan.source, tree="1" * 40, commit="2" * 40))
    refused = asyncio.run(apply(gone, desk.repository)).failure()
    assert isinstance(refused, NothingToSend | StepFailed)
    assert not list((desk.home / "work/.dispatch/runs").glob("*/answer"))


def test_only_dirty_trees_are_kept(order: Order, desk: Desk) -> None:
    """What no repository holds is kept for its saved plan; a commit needs no keeping."""
    cache = desk.home / ".cache" / "theseus" / "trees"
    assert keep_source(order) == Success(None)
    assert not cache.exists()
    desk.write("new.txt", "x\n")
    dirty = evolve(order, take=dirty_tree)
    plan = plan_from(dirty, Inventory()).unwrap()
    assert keep_source(dirty) == Success(None)
    assert [path.name for path in cache.iterdir()] == [f"{plan.source.tree}.tar.gz"]
    assert save_plan(plan, str(desk.place / "p.json")) == Success(None)
