"""A case: a folder of input files, and the plan or the error that they make.

Here: reading a case and planning it as the command line does. What stands for the world (the source
tree, this theseus, the run id) is fixed, so that a plan changes only when the planner does.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from attrs import evolve, field, frozen
from returns.result import Result

from theseus.base.chip import chip_named_by
from theseus.core.build import World, build_plan
from theseus.core.codec import converter
from theseus.core.decode import OrName, decode
from theseus.core.errors import PlanError
from theseus.core.fields import Memory
from theseus.core.inventory import (
    Gpu,
    HostSnapshot,
    Inventory,
    Lease,
    PlainSnapshot,
    Unreachable,
    WaitingRun,
)
from theseus.core.payload import Job
from theseus.core.placed import Assignment, Release
from theseus.core.plan import Plan, Run
from theseus.core.probes import Answer
from theseus.core.request import AskedByFlags
from theseus.core.slurm_probes import slurm_snapshot
from theseus.core.source import SourceSnapshot
from theseus.core.steps import Packaged
from theseus.effects.load import load_config
from theseus.effects.reading import (
    Names,
    asked_hardware,
    check_after,
    check_environment,
    check_groups,
    check_names,
    read_job_config,
)

Read = TypeVar("Read")

CASES = Path(__file__).parent
SOURCE = SourceSnapshot(
    tree="7ce5" * 10, commit="c0de" * 10, dirty=False, subdirectory="", repository="nanolm"
)
RELEASE = Release(
    "1.2.3",
    bootstrap=Packaged("bootstrap.sh", "b0" * 32),
    batch=Packaged("batch.sh", "ba" * 32),
    runtime=Packaged("runtime.zip", "a1" * 32),
)
RUN_ID = "20260101-120000-abcdef"
OTHER_RUN = "20251231-235959-k7f2qx"


@frozen
class Words:
    """request.yaml: what the command line says, and the *client*'s environment variables."""

    name: str = "my-run"
    project: str | None = None
    group: str | None = None
    flags: AskedByFlags = field(factory=AskedByFlags)
    overrides: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    uv_groups: tuple[str, ...] = ()
    after: str | None = None
    client: Mapping[str, str] = field(factory=dict)


@frozen
class Gpus:
    """GPUs of a host; *name* is the product name that the driver's tool says."""

    name: str
    count: int = 1
    busy: bool = False
    leased_by: str | None = None


@frozen
class Host:
    """A host of inventory.yaml: what it said, or why it said nothing.

    *waiting* runs wait there for some of its GPUs.
    """

    gpus: tuple[Annotated[Gpus, OrName()], ...] = ()
    cpus: int = 64
    memory: Memory = 512 * 2**30
    broken: str | None = None
    waiting: int = 0
    unreachable: str | None = None


@frozen
class SlurmCluster:
    """A SLURM cluster of inventory.yaml: what the commands of its probes printed."""

    sinfo: str
    scontrol: str
    squeue: str = ""


def case_folders() -> tuple[Path, ...]:
    """Every case there is."""
    return tuple(sorted(path.parent for path in CASES.glob("*/request.yaml")))


def planned(folder: Path) -> Result[Plan, PlanError]:
    """The plan of a case, or what is wrong with it."""
    data = _data(folder / "request.yaml")
    source = converter().structure(
        {**converter().unstructure(SOURCE), **data.pop("source", {})}, SourceSnapshot
    )
    words = _read(Words, data)
    with chdir(folder), _variables(words.client):
        made: Result[Plan, PlanError] = Result.do(
            plan
            for names in check_names(
                Names(words.name, words.project, words.group), source.repository
            )
            for environment in check_environment(words.env)
            for uv_groups in check_groups(words.uv_groups)
            for after in check_after(words.after)
            for file in read_job_config("train.yaml", words.overrides)
            for config in load_config("dispatch.yaml")
            for request in asked_hardware(words.flags, file, tuple(config.clusters))
            for plan in build_plan(
                World(config, inventory(folder), source, RELEASE),
                request,
                evolve(_assignment(names, file.values, environment, uv_groups), after=after),
            )
        )
    return made


def _assignment(
    names: Names,
    values: Mapping[str, Any],
    environment: tuple[tuple[str, str], ...],
    uv_groups: tuple[str, ...],
) -> Assignment:
    key = values["job"]
    job = Job(key) if key == "command" else Job(key, "nanolm.jobs", ("src", "."))
    run = Run(RUN_ID, names.name, names.project or "", names.group or "", key)
    return Assignment(run, job, values, environment, uv_groups)


def inventory(folder: Path) -> Inventory:
    """What the hosts of a case said."""
    path = folder / "inventory.yaml"
    hosts = _data(path) if path.exists() else {}
    return Inventory({name: _snapshot(said) for name, said in hosts.items()})


def _snapshot(said: Mapping[str, Any]) -> HostSnapshot:
    if "sinfo" in said:
        cluster = _read(SlurmCluster, said)
        printed = (cluster.sinfo, cluster.scontrol, cluster.squeue, "slurm 22.05.8\n")
        return slurm_snapshot(tuple(Answer(0, text) for text in printed))
    host = _read(Host, said)
    if host.unreachable is not None:
        return Unreachable(host.unreachable)
    named = [gpus for gpus in host.gpus for _ in range(gpus.count)]
    found = [(each, chip_named_by(each.name)) for each in named]
    gpus = tuple(
        Gpu(
            uuid=f"GPU-{at:04d}",
            name=each.name,
            chip=None if chip is None else chip.name,
            memory=0 if chip is None else chip.memory,
            busy=each.busy or each.leased_by is not None,
            lease=None if each.leased_by is None else Lease(each.leased_by, OTHER_RUN),
        )
        for at, (each, chip) in enumerate(found)
    )
    one = WaitingRun(Lease("bob", OTHER_RUN), tuple(gpu.uuid for gpu in gpus))
    return PlainSnapshot(
        gpus, host.cpus, host.memory, broken=host.broken, waiting=(one,) * host.waiting
    )


def _data(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text()) or {}


def _read(cls: type[Read], data: Mapping[str, Any]) -> Read:
    """*data* as a *cls*; a case that is written wrong is an error of the test."""
    decoded = decode(cls, data)
    return decoded.lash(_wrong).unwrap()


def _wrong(problems: object) -> Any:
    raise ValueError(problems)


@contextmanager
def _variables(variables: Mapping[str, str]) -> Iterator[None]:
    """The client's environment, for the `${oc.env:…}` of a case."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
