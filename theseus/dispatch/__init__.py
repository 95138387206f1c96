"""Dispatch from Python: `dispatch()` submits, `plan()` only plans, as the command line does.

result = dispatch(cfg=cfg, spec=JobSpec(name="my-run"), hardware=HardwareRequest(min_chips=8),
                  dispatch_config=load_dispatch_config("~/.theseus.yaml"))
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Unpack

from attrs import evolve, field
from returns.pipeline import is_successful
from returns.result import Failure, Result

from theseus.core.config.config import DispatchConfig
from theseus.core.error_text import explain
from theseus.core.errors import BadFile, PlanError, Unreadable
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.plan import Plan
from theseus.core.submit.submitted import Submitted
from theseus.core.values import frozen
from theseus.dispatch.call import (
    Call,
    ManyCall,
    Options,
    Request,
    Shared,
    order_of,
    orders_of,
)
from theseus.effects.perform.perform import Performance, Performer, perform
from theseus.effects.reading.load import load_config
from theseus.effects.submit import planning, submission
from theseus.effects.submit.batches import submit_batch
from theseus.effects.submit.lock import lock_checked
from theseus.effects.submit.orders import BatchOrder, OrderedRun
from theseus.effects.submit.run_ids import new_run_id

__all__ = [
    "ConfigError",
    "DispatchResult",
    "Options",
    "Performance",
    "Performer",
    "Request",
    "Shared",
    "dispatch",
    "dispatch_async",
    "dispatch_many",
    "dispatch_many_async",
    "load_dispatch_config",
    "perform",
    "plan",
    "plan_async",
]


Given = TypeVar("Given")


class ConfigError(ValueError):
    """A dispatch config cannot be used; the text lists every problem, *error* holds them."""

    def __init__(self, error: BadFile | Unreadable) -> None:
        super().__init__(explain(error))
        self.error = error


@frozen
class DispatchResult:
    """What became of a dispatch: *ok*, or *error* in words; *reason* is the error as a value."""

    ok: bool
    run_id: str
    host: str | None = None
    log_path: str | None = None
    error: str | None = None
    reason: PlanError | None = field(default=None, repr=False)
    plan: Plan | None = field(default=None, repr=False)


def load_dispatch_config(path: str | Path = "~/.theseus.yaml") -> DispatchConfig:
    """The dispatch config at *path*; ConfigError lists all that is wrong with it."""
    loaded = load_config(str(path))
    if is_successful(loaded):
        return loaded.unwrap()
    raise ConfigError(loaded.failure())


def plan(inventory: Inventory | None = None, **call: Unpack[Call]) -> Result[Plan, PlanError]:
    """The plan that `dispatch` would perform; hosts are asked unless an *inventory* is given."""
    return _run(lambda: plan_async(inventory, **call), "plan_async")


async def plan_async(
    inventory: Inventory | None = None, **call: Unpack[Call]
) -> Result[Plan, PlanError]:
    """`plan` for callers that have an event loop."""
    ordered = await asyncio.to_thread(order_of, call)
    if not is_successful(ordered):
        return Failure(ordered.failure())
    if inventory is not None:
        return await asyncio.to_thread(planning.plan_from, ordered.unwrap(), inventory)
    order = ordered.unwrap()
    return await submission.plan_now(evolve(order, take=lock_checked(order.take)))


def dispatch(**call: Unpack[Call]) -> DispatchResult:
    """Submit the job of *cfg* to the first host of *dispatch_config* that *hardware* fits on."""
    return _run(lambda: dispatch_async(**call), "dispatch_async")


async def dispatch_async(**call: Unpack[Call]) -> DispatchResult:
    """`dispatch` for callers that have an event loop."""
    ordered = await asyncio.to_thread(order_of, call)
    if not is_successful(ordered):
        return _refused("", ordered.failure())
    order = ordered.unwrap()
    checked = evolve(order, take=lock_checked(order.take))
    submitted = await submission.submit(checked, lambda _: None)
    if not is_successful(submitted):
        return _refused(order.run_id, submitted.failure())
    return _accepted(submitted.unwrap())


def dispatch_many(
    cfgs: Sequence[Mapping[Any, Any]], **call: Unpack[ManyCall]
) -> list[DispatchResult]:
    """Submit a run for each of *cfgs*, named after *spec* and its number, in one batch.

    Where the batch as a whole is refused, every result says so; nothing was sent then.
    """
    return _run(lambda: dispatch_many_async(cfgs, **call), "dispatch_many_async")


async def dispatch_many_async(
    cfgs: Sequence[Mapping[Any, Any]], **call: Unpack[ManyCall]
) -> list[DispatchResult]:
    """`dispatch_many` for callers that have an event loop."""
    if isinstance(cfgs, Mapping) or not cfgs:
        raise TypeError("cfgs: expected a list of job configs, with one at least")
    ordered = await asyncio.to_thread(orders_of, cfgs, call)
    if not is_successful(ordered):
        return [_refused("", ordered.failure())] * len(cfgs)
    orders = ordered.unwrap()
    batch = BatchOrder(
        new_run_id(), call["spec"].name, tuple(OrderedRun((), order) for order in orders)
    )
    submitted = await submit_batch(batch, lambda _: None)
    if not is_successful(submitted):
        return [_refused(order.run_id, submitted.failure()) for order in orders]
    return [
        _accepted(result.unwrap())
        if is_successful(result)
        else _refused(order.run_id, result.failure())
        for order, result in zip(orders, submitted.unwrap(), strict=True)
    ]


def _run(awaited: Callable[[], Coroutine[Any, Any, Given]], instead: str) -> Given:
    """What *awaited* gives, in a loop of its own; where one runs already, *instead* is named."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(awaited())
    raise RuntimeError(f"an event loop runs here, as in a notebook: await {instead}(...)")


def _refused(run_id: str, error: PlanError) -> DispatchResult:
    return DispatchResult(ok=False, run_id=run_id, error=explain(error), reason=error)


def _accepted(submitted: Submitted) -> DispatchResult:
    made = submitted.plan
    return DispatchResult(
        ok=True,
        run_id=made.run.id,
        host=made.target.host,
        log_path=made.paths.log,
        plan=made,
    )
