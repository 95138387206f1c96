"""Call: the keyword arguments of `dispatch` and `plan`, and the orders that they make.

To Python what cli/order.py is to the command line.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.base.hardware import HardwareRequest
from theseus.base.job import JobSpec
from theseus.core.config.config import DispatchConfig
from theseus.core.config.decode import expected, nearest
from theseus.core.errors import BadInput, PlanError
from theseus.core.request.request import AskedByFlags, BadFlag
from theseus.core.text.quantity import duration, memory
from theseus.effects.reading.job_fit import JobFile
from theseus.effects.reading.load import resolve_interpolations
from theseus.effects.reading.reading import (
    JobSearch,
    Names,
    asked_hardware,
    check_added,
    check_names,
    check_plain,
    find_job,
    here,
)
from theseus.effects.submit.orders import Order, Terms, numbered, source_taker


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


class Call(Request, Options):
    """All that `dispatch` and `plan` take."""


class ManyCall(Shared, Options):
    """All that `dispatch_many` takes, besides the job configs."""


_KINDS = (
    ("spec", JobSpec, "a JobSpec"),
    ("hardware", HardwareRequest, "a HardwareRequest"),
    ("dispatch_config", DispatchConfig, "a DispatchConfig, as load_dispatch_config gives it"),
)


def order_of(call: Call) -> Result[Order, PlanError]:
    """The order that *call* makes; TypeError for arguments that no function takes."""
    _refuse_unknown(call)
    return _terms(call).bind(lambda terms: _order(terms, call, call["spec"].name))


def orders_of(cfgs: Sequence[Mapping[Any, Any]], call: ManyCall) -> Result[list[Order], PlanError]:
    """One order for each job config, numbered."""
    calls: list[Call] = [{**call, "cfg": cfg} for cfg in cfgs]
    _refuse_unknown(calls[0])
    terms = _terms(calls[0])
    if not is_successful(terms):
        return Failure(terms.failure())
    orders: list[Order] = []
    for one, name in zip(calls, numbered(call["spec"].name, len(calls)), strict=True):
        ordered = _order(terms.unwrap(), one, name)
        if not is_successful(ordered):
            return Failure(ordered.failure())
        orders.append(ordered.unwrap())
    return Success(orders)


def _refuse_unknown(call: Call) -> None:
    """TypeError for keyword arguments that do not exist, are missing or of another kind."""
    known = (*Request.__required_keys__, *Options.__optional_keys__)
    unknown = [f"{name!r}{nearest(name, known)}" for name in call if name not in known]
    if unknown:
        raise TypeError(f"unexpected keyword argument {', '.join(unknown)}")
    missing = [repr(name) for name in Request.__annotations__ if name not in call]
    if missing:
        raise TypeError(f"missing keyword argument {', '.join(missing)}")
    for name, kind, what in _KINDS:
        if not isinstance(call.get(name), kind):
            raise TypeError(f"{name}: {expected(what, call.get(name))}")


def _terms(call: Call) -> Result[Terms, PlanError]:
    variables = tuple(f"{name}={value}" for name, value in call.get("env", {}).items())
    take = source_taker(dirty=call.get("dirty", False))
    terms: Result[Terms, PlanError] = Result.do(
        Terms(jobs, call["dispatch_config"], added, take)
        for _ in _lists(call)
        for jobs in _search(call)
        for added in check_added(variables, tuple(call.get("uv_groups", ())), call.get("after"))
    )
    return terms


def _order(terms: Terms, call: Call, name: str) -> Result[Order, PlanError]:
    """The order of the run that is called *name*."""
    names = Names(name, call["spec"].project, call["spec"].group)
    ordered: Result[Order, PlanError] = Result.do(
        terms.order(names, job, file.values, request)
        for file in _job_config(call["cfg"])
        for _ in check_names(names, "repository")
        for job in find_job(file, None, terms.jobs)
        for _ in asked_hardware(AskedByFlags(), file, ())
        for request in _request(call)
    )
    return ordered


def _search(call: Call) -> Result[JobSearch, PlanError]:
    start = Success(Path(call["start"])) if "start" in call else here()
    return start.map(lambda place: JobSearch(place, tuple(call.get("load", ()))))


def _lists(call: Call) -> Result[None, PlanError]:
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


def _request(call: Call) -> Result[HardwareRequest, PlanError]:
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
