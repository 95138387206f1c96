"""Dispatch from Python: `dispatch()` submits, `plan()` only plans, as the command line does.

result = dispatch(cfg=cfg, spec=JobSpec(name="my-run"), hardware=HardwareRequest(min_chips=8),
                  dispatch_config=load_dispatch_config("~/.theseus.yaml"))
"""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from attrs import evolve, field
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.base.hardware import HardwareRequest
from theseus.base.job import JobSpec
from theseus.core.config import DispatchConfig
from theseus.core.decode import expected, nearest
from theseus.core.errors import BadFile, BadInput, PlanError, Unreadable, explain
from theseus.core.inventory import Inventory
from theseus.core.plan import Plan
from theseus.core.quantity import duration, memory
from theseus.core.request import AskedByFlags, BadFlag
from theseus.core.submitted import Submitted
from theseus.core.values import frozen
from theseus.effects import planning, submission
from theseus.effects.batch_planning import BatchOrder, OrderedRun
from theseus.effects.batches import submit_batch
from theseus.effects.job_fit import JobFile
from theseus.effects.load import load_config, resolve_interpolations
from theseus.effects.lock import lock_checked
from theseus.effects.perform import Performance, Performer, perform
from theseus.effects.planning import Order
from theseus.effects.reading import (
    JobSearch,
    Names,
    asked_hardware,
    check_after,
    check_environment,
    check_groups,
    check_names,
    check_plain,
    find_job,
    here,
)
from theseus.effects.run_ids import new_run_id
from theseus.effects.source import committed_tree, dirty_tree

__all__ = [
    "ConfigError",
    "DispatchResult",
    "Options",
    "Performance",
    "Performer",
    "dispatch",
    "dispatch_async",
    "dispatch_many",
    "dispatch_many_async",
    "load_dispatch_config",
    "perform",
    "plan",
    "plan_async",
]


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


class Shared(TypedDict):
    """What a run is called, the hardware for it, and where it may go."""

    spec: JobSpec
    hardware: HardwareRequest
    dispatch_config: DispatchConfig


class Request(Shared):
    """What is to be run, and the hardware for it.

    *cfg* is the job config (with the key `job`), a mapping or what `OmegaConf.load` gives.
    """

    cfg: Mapping[Any, Any]


class Options(TypedDict, total=False):
    """What may be added: each stands for the flag of its name.

    *dirty* ships uncommitted changes too; *mem* (`"128G"`) and *time* (`"12h"`) go over those of
    the hardware request; *start* is a directory of the repository, the current one otherwise.
    """

    dirty: bool
    mem: str | None
    time: str | None
    env: Mapping[str, str]
    uv_groups: Sequence[str]
    load: Sequence[str]
    after: str | None
    start: str | Path


class _Call(Request, Options):
    """All that `dispatch` and `plan` take."""


class _Shared(Shared, Options):
    """All that `dispatch_many` takes, besides the job configs."""


def load_dispatch_config(path: str | Path = "~/.theseus.yaml") -> DispatchConfig:
    """The dispatch config at *path*; ConfigError lists all that is wrong with it."""
    loaded = load_config(str(path))
    if is_successful(loaded):
        return loaded.unwrap()
    raise ConfigError(loaded.failure())


def plan(inventory: Inventory | None = None, **call: Unpack[_Call]) -> Result[Plan, PlanError]:
    """The plan that `dispatch` would perform; hosts are asked unless an *inventory* is given."""
    return asyncio.run(plan_async(inventory, **call))


async def plan_async(
    inventory: Inventory | None = None, **call: Unpack[_Call]
) -> Result[Plan, PlanError]:
    """`plan` for callers that have an event loop."""
    _refuse_unknown(call)
    ordered = await asyncio.to_thread(_order, call)
    if not is_successful(ordered):
        return Failure(ordered.failure())
    if inventory is not None:
        return await asyncio.to_thread(planning.plan_from, ordered.unwrap(), inventory)
    order = ordered.unwrap()
    return await submission.plan_now(evolve(order, take=lock_checked(order.take)))


def dispatch(**call: Unpack[_Call]) -> DispatchResult:
    """Submit the job of *cfg* to the first host of *dispatch_config* that *hardware* fits on."""
    return asyncio.run(dispatch_async(**call))


async def dispatch_async(**call: Unpack[_Call]) -> DispatchResult:
    """`dispatch` for callers that have an event loop."""
    _refuse_unknown(call)
    ordered = await asyncio.to_thread(_order, call)
    if not is_successful(ordered):
        return _refused("", ordered.failure())
    order = ordered.unwrap()
    checked = evolve(order, take=lock_checked(order.take))
    submitted = await submission.submit(checked, lambda _: None)
    if not is_successful(submitted):
        return _refused(order.run_id, submitted.failure())
    return _accepted(submitted.unwrap())


def dispatch_many(
    cfgs: Sequence[Mapping[Any, Any]], **call: Unpack[_Shared]
) -> list[DispatchResult]:
    """Submit a run for each of *cfgs*, named after *spec* and its number, in one batch.

    Where the batch as a whole is refused, every result says so; nothing was sent then.
    """
    return asyncio.run(dispatch_many_async(cfgs, **call))


async def dispatch_many_async(
    cfgs: Sequence[Mapping[Any, Any]], **call: Unpack[_Shared]
) -> list[DispatchResult]:
    """`dispatch_many` for callers that have an event loop."""
    if isinstance(cfgs, Mapping) or not cfgs:
        raise TypeError("cfgs: expected a list of job configs, with one at least")
    ordered = await asyncio.to_thread(_orders, cfgs, call)
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


def _orders(cfgs: Sequence[Mapping[Any, Any]], call: _Shared) -> Result[list[Order], PlanError]:
    """One order for each job config, numbered."""
    orders: list[Order] = []
    width = len(str(len(cfgs) - 1))
    for index, cfg in enumerate(cfgs):
        spec = dataclasses.replace(call["spec"], name=f"{call['spec'].name}-{index:0{width}}")
        one: _Call = {**call, "cfg": cfg, "spec": spec}
        _refuse_unknown(one)
        ordered = _order(one)
        if not is_successful(ordered):
            return Failure(ordered.failure())
        orders.append(ordered.unwrap())
    return Success(orders)


def _refuse_unknown(call: _Call) -> None:
    """TypeError for keyword arguments that do not exist, or are missing, as Python has it."""
    known = (*Request.__required_keys__, *Options.__optional_keys__)
    unknown = [f"{name!r}{nearest(name, known)}" for name in call if name not in known]
    if unknown:
        raise TypeError(f"unexpected keyword argument {', '.join(unknown)}")
    missing = [repr(name) for name in Request.__annotations__ if name not in call]
    if missing:
        raise TypeError(f"missing keyword argument {', '.join(missing)}")


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


def _order(call: _Call) -> Result[Order, PlanError]:
    listed = _lists(call)
    if not is_successful(listed):
        return Failure(listed.failure())
    spec = call["spec"]
    names = Names(spec.name, spec.project, spec.group)
    variables = tuple(f"{name}={value}" for name, value in call.get("env", {}).items())
    ordered: Result[Order, PlanError] = Result.do(
        Order(
            run_id=new_run_id(),
            names=names,
            job=job,
            values=file.values,
            config=call["dispatch_config"],
            request=request,
            start=search.start,
            take=dirty_tree if call.get("dirty") else committed_tree,
            environment=environment,
            uv_groups=uv_groups,
            after=after,
        )
        for search in _search(call)
        for file in _job_config(call["cfg"])
        for _ in asked_hardware(AskedByFlags(), file, ())
        for request in _request(call)
        for _ in check_names(names, "repository")
        for environment in check_environment(variables)
        for uv_groups in check_groups(tuple(call.get("uv_groups", ())))
        for after in check_after(call.get("after"))
        for job in find_job(file, None, search)
    )
    return ordered


def _search(call: _Call) -> Result[JobSearch, PlanError]:
    start = Success(Path(call["start"])) if "start" in call else here()
    return start.map(lambda place: JobSearch(place, tuple(call.get("load", ()))))


def _lists(call: _Call) -> Result[None, PlanError]:
    """Refuse one text where several are expected: its letters would be taken for them."""
    problems = tuple(
        BadFlag(name, expected("a list of texts", given))
        for name, given in (("uv_groups", call.get("uv_groups")), ("load", call.get("load")))
        if isinstance(given, (str, bytes))
    )
    return Failure(BadInput(problems)) if problems else Success(None)


def _job_config(cfg: Mapping[Any, Any]) -> Result[JobFile, PlanError]:
    """*cfg* as plain data; interpolations of OmegaConf's are resolved as those of a file are."""
    if not isinstance(cfg, Mapping):
        return Failure(BadInput((BadFlag("cfg", expected("a mapping", cfg)),)))
    if not type(cfg).__module__.startswith("omegaconf."):
        return check_plain(JobFile("cfg", "", dict(cfg)))
    from omegaconf import OmegaConf  # noqa: PLC0415  the caller has imported it already

    # resolved here, not by OmegaConf: what comes from the environment must stay a reference
    written: Any = OmegaConf.to_container(cfg, resolve=False)
    resolved: Result[dict[str, Any], PlanError] = resolve_interpolations("cfg", "", written)
    return resolved.bind(lambda values: check_plain(JobFile("cfg", "", values)))


def _request(call: _Call) -> Result[HardwareRequest, PlanError]:
    hardware, config = call["hardware"], call["dispatch_config"]
    problems = [
        BadFlag("hardware", f"no cluster is called {name!r}")
        for name in (*hardware.preferred_clusters, *hardware.forbidden_clusters)
        if name not in config.clusters
    ]
    mem = _quantity(call.get("mem"), hardware.mem, memory)
    time = _quantity(call.get("time"), hardware.time, duration)
    for flag, parsed in (("mem", mem), ("time", time)):
        if not is_successful(parsed):
            problems.append(BadFlag(flag, parsed.failure()))
    if problems:
        return Failure(BadInput(tuple(problems)))
    return Success(dataclasses.replace(hardware, mem=mem.unwrap(), time=time.unwrap()))


def _quantity(
    text: str | None, otherwise: int | None, parse: Callable[[str], Result[int, str]]
) -> Result[int | None, str]:
    if text is None:
        return Success(otherwise)
    if not isinstance(text, str):
        return Failure(expected("text such as '128G' or '12h'", text))
    return parse(text).map(lambda amount: amount)
