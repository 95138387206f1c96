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
from theseus.core.config.decode import OrName, decode
from theseus.core.config.fields import Memory
from theseus.core.errors import PlanError
from theseus.core.inventory.inventory import (
    Gpu,
    HostSnapshot,
    Inventory,
    Lease,
    PlainSnapshot,
    Unreachable,
    WaitingRun,
)
from theseus.core.inventory.probes import Answer
from theseus.core.inventory.slurm_probes import slurm_snapshot
from theseus.core.plan.batch import Batch, Member, build_batch
from theseus.core.plan.build import World, build_plan
from theseus.core.plan.codec import converter
from theseus.core.plan.payload import Job
from theseus.core.plan.placed import Assignment, Release
from theseus.core.plan.plan import Plan, Run
from theseus.core.plan.steps import Packaged
from theseus.core.request.request import AskedByFlags
from theseus.core.request.sweep import sweep_points
from theseus.core.source.source import SourceSnapshot
from theseus.effects.reading.load import load_config
from theseus.effects.reading.reading import (
    Names,
    asked_hardware,
    check_after,
    check_environment,
    check_groups,
    check_names,
    read_job_config,
)

Decoded = TypeVar("Decoded")

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
BATCH_ID = "20260101-120000-sweeps"
SWEEP = "sweep-"  # how the name of a case of a sweep begins


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
    sweep: tuple[str, ...] = ()
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
    """Every case of one run."""
    return tuple(path for path in _folders() if not path.name.startswith(SWEEP))


def sweep_folders() -> tuple[Path, ...]:
    """Every case of a sweep."""
    return tuple(path for path in _folders() if path.name.startswith(SWEEP))


def _folders() -> list[Path]:
    return sorted(path.parent for path in CASES.glob("*/request.yaml"))


@frozen
class Read:
    """A case as it was read: what is known, and its one run."""

    world: World
    member: Member


def planned(folder: Path) -> Result[Plan, PlanError]:
    """The plan of a case, or what is wrong with it."""
    words, source = _words(folder)
    with chdir(folder), _variables(words.client):
        made: Result[Plan, PlanError] = _case(words, source).bind(
            lambda case: build_plan(case.world, case.member.request, case.member.assignment)
        )
    return made


def planned_sweep(folder: Path) -> Result[Batch, PlanError]:
    """The batch of a case, or what is wrong with it."""
    words, source = _words(folder)
    points = sweep_points(words.sweep).unwrap()
    with chdir(folder), _variables(words.client):
        cases = [
            _case(
                evolve(words, name=f"{words.name}-{index}", overrides=(*words.overrides, *point)),
                source,
            ).unwrap()
            for index, point in enumerate(points)
        ]
    members = [
        evolve(case.member, point=point, assignment=_numbered(case.member.assignment, index))
        for index, (case, point) in enumerate(zip(cases, points, strict=True))
    ]
    made: Result[Batch, PlanError] = build_batch(cases[0].world, BATCH_ID, words.name, members)
    return made


def _numbered(assignment: Assignment, index: int) -> Assignment:
    return evolve(assignment, run=evolve(assignment.run, id=f"20260101-120000-abcd{index:02}"))


def _words(folder: Path) -> tuple[Words, SourceSnapshot]:
    data = _data(folder / "request.yaml")
    source = {**converter().unstructure(SOURCE), **data.pop("source", {})}
    return _decoded(Words, data), converter().structure(source, SourceSnapshot)


def _case(words: Words, source: SourceSnapshot) -> Result[Read, PlanError]:
    """The case of the current directory."""
    read: Result[Read, PlanError] = Result.do(
        Read(
            World(config, inventory(Path.cwd()), source, RELEASE),
            Member(
                (),
                request,
                evolve(_assignment(names, file.values, environment, uv_groups), after=after),
            ),
        )
        for names in check_names(Names(words.name, words.project, words.group), source.repository)
        for environment in check_environment(words.env)
        for uv_groups in check_groups(words.uv_groups)
        for after in check_after(words.after)
        for file in read_job_config("train.yaml", words.overrides)
        for config in load_config("dispatch.yaml")
        for request in asked_hardware(words.flags, file, tuple(config.clusters))
    )
    return read


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
        cluster = _decoded(SlurmCluster, said)
        printed = (cluster.sinfo, cluster.scontrol, cluster.squeue, "slurm 22.05.8\n")
        return slurm_snapshot(tuple(Answer(0, text) for text in printed))
    host = _decoded(Host, said)
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


def _decoded(cls: type[Decoded], data: Mapping[str, Any]) -> Decoded:
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
