"""Build: from everything that is known to the plan of a run.

The last pure station: config, request, inventory and source snapshot meet here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen
from returns.result import Result

from theseus.base.hardware import Cluster, HardwareRequest
from theseus.core.config import ClusterConfig, DispatchConfig, Host, PlainHost
from theseus.core.inventory import Inventory
from theseus.core.payload import (
    Job,
    JobConfig,
    Shipped,
    as_secret,
    hardware_of,
    job_argv,
    job_env,
    payload_json,
    separate_secrets,
    setup_lines,
)
from theseus.core.plan import SCHEMA_VERSION, Paths, Plan, Run, Target
from theseus.core.secrets import Referenced
from theseus.core.solve import Choice, NoFit, solve
from theseus.core.source import SourceSnapshot
from theseus.core.source_text import warn
from theseus.core.steps import (
    ClaimRun,
    EnsureFile,
    EnsureTree,
    Launch,
    MakeDir,
    Packaged,
    PlanDocument,
    PutFile,
    PutSecrets,
    Secret,
    Step,
    Text,
)

PRIVATE_DIR = 0o700
PRIVATE_FILE = 0o600


@frozen
class Release:
    """The theseus that plans: its *version* and the hashes of the files it ships."""

    version: str
    bootstrap: Packaged
    runtime: Packaged


@frozen
class Assignment:
    """What is to be run: the run's names, the job, its config, and what flags add to it."""

    run: Run
    job: Job
    config: Mapping[str, Any]
    environment: tuple[tuple[str, str], ...] = ()
    uv_groups: tuple[str, ...] = ()


@frozen
class World:
    """What the effects have read: config, inventory, source tree, and this very release."""

    config: DispatchConfig
    inventory: Inventory
    source: SourceSnapshot
    release: Release


def build_plan(
    world: World, request: HardwareRequest, assignment: Assignment
) -> Result[Plan, NoFit]:
    """The plan of *assignment* on the first host of *world* that *request* fits on."""
    return solve(world.config, request, world.inventory).map(
        lambda choice: _plan(world, request, assignment, choice)
    )


def cluster_of(name: str, config: ClusterConfig) -> Cluster:
    """The cluster a job is told about: every path filled in."""
    names = ("log", "share", "data", "checkpoints", "results", "status")
    given = {key: path for key in names if (path := getattr(config, key)) is not None}
    return Cluster(name, root=config.root, work=config.work, **given)


def paths_of(run: Run, cluster: Cluster) -> Paths:
    """The places of *run* on *cluster*."""
    place = f"{run.project}/{run.group}/{run.name}/{run.id}"
    return Paths(
        share=cluster.share,
        run=f"{cluster.share}/runs/{run.id}",
        work=f"{cluster.work}/{place}",
        log=f"{cluster.log}/{run.project}-{run.group}-{run.name}-{run.id}.log",
        status=f"{cluster.status}/{place}",
        data=cluster.data,
        checkpoints=f"{cluster.checkpoints}/{place}",
        results=f"{cluster.results}/{place}",
    )


def _plan(world: World, request: HardwareRequest, assignment: Assignment, choice: Choice) -> Plan:
    host = world.config.hosts[choice.host]
    cluster = cluster_of(host.cluster, world.config.clusters[host.cluster])
    paths = paths_of(assignment.run, cluster)
    site = _Site(choice, host, world.config.clusters[host.cluster], cluster, paths)
    return Plan(
        version=SCHEMA_VERSION,
        theseus=world.release.version,
        run=assignment.run,
        target=_target(choice, host),
        allocation=choice.allocation,
        request=request,
        source=world.source,
        paths=paths,
        trace=choice.trace,
        notes=tuple(_notes(world, request)),
        steps=tuple(_steps(world, request, assignment, site)),
    )


@frozen
class _Site:
    """The chosen host with all that belongs to it."""

    choice: Choice
    host: Host
    settings: ClusterConfig
    cluster: Cluster
    paths: Paths


def _target(choice: Choice, host: Host) -> Target:
    return Target(
        host=choice.host,
        type="plain" if isinstance(host, PlainHost) else "slurm",
        cluster=host.cluster,
        partition=choice.partition,
        ssh=host.ssh,
        transport=host.transport,
    )


def _notes(world: World, request: HardwareRequest) -> Iterator[str]:
    yield from (warn(warning) for warning in world.source.warnings)
    if request.time is not None:
        yield "a plain host enforces no time limit: --time has no effect there"


def _steps(
    world: World, request: HardwareRequest, assignment: Assignment, site: _Site
) -> Iterator[Step]:
    name, paths = site.choice.host, site.paths
    shipped = _shipped(world, assignment, site)
    config = separate_secrets(assignment.config)
    for path in _directories(paths):
        yield MakeDir(name, path, PRIVATE_DIR)
    yield ClaimRun(name, paths.run)
    yield EnsureFile(name, shipped.runtime, PRIVATE_FILE, world.release.runtime)
    yield EnsureTree(name, shipped.archive, shipped.tree)
    yield PutFile(name, f"{paths.run}/bootstrap.sh", PRIVATE_DIR, world.release.bootstrap)
    for file, text in _texts(request, assignment, site, shipped, config):
        yield PutFile(name, f"{paths.run}/{file}", PRIVATE_FILE, Text(text))
    yield PutFile(name, f"{paths.run}/plan.json", PRIVATE_FILE, PlanDocument())
    if secrets := (*config.secrets, *_secrets(assignment, site)):
        yield PutSecrets(name, f"{paths.run}/secrets.env", secrets)
    yield Launch(name, paths.run, paths.log)


def _directories(paths: Paths) -> tuple[str, ...]:
    share = paths.share
    return (
        share,
        f"{share}/trees",
        f"{share}/runtimes",
        f"{share}/runs",
        paths.log.rpartition("/")[0],
    )


def _shipped(world: World, assignment: Assignment, site: _Site) -> Shipped:
    share = site.paths.share
    return Shipped(
        tree=world.source.tree,
        archive=f"{share}/trees/{world.source.tree}.tar.gz",
        subdirectory=world.source.subdirectory,
        runtime=f"{share}/runtimes/{world.release.runtime.sha256}.zip",
        uv_groups=tuple(dict.fromkeys((*site.host.uv_groups, *assignment.uv_groups))),
        uv_cache=site.settings.uv_cache,
    )


def _texts(
    request: HardwareRequest,
    assignment: Assignment,
    site: _Site,
    shipped: Shipped,
    config: JobConfig,
) -> Iterator[tuple[str, str]]:
    hardware = hardware_of(site.choice.allocation, site.choice.host, site.cluster, request.n_shards)
    yield "job.argv", job_argv(site.paths)
    yield "job.env", job_env(assignment.run, site.paths, shipped, _environment(assignment, site))
    yield "payload.json", payload_json(assignment.run, assignment.job, config, hardware)
    if setup := setup_lines(site.host.modules, site.host.setup):
        yield "setup.sh", setup


def _assigned(assignment: Assignment, site: _Site) -> Mapping[str, str | Referenced]:
    """The job's variables: cluster below host below command line."""
    return {**site.settings.env, **site.host.env, **dict(assignment.environment)}


def _environment(assignment: Assignment, site: _Site) -> Mapping[str, str]:
    plain = {
        name: value for name, value in _assigned(assignment, site).items() if isinstance(value, str)
    }
    return {**_pinned(site.choice), **plain}


def _pinned(choice: Choice) -> Mapping[str, str]:
    """Which GPUs the job may see: as many of the free ones as it asked for, none in CPU mode."""
    if choice.allocation.total_chips == 0:
        return {"CUDA_VISIBLE_DEVICES": ""}
    taken = choice.allocation.gpus[: choice.allocation.chips_per_node]
    return {"CUDA_VISIBLE_DEVICES": ",".join(taken)} if taken else {}


def _secrets(assignment: Assignment, site: _Site) -> Iterator[Secret]:
    for name, value in sorted(_assigned(assignment, site).items()):
        if isinstance(value, Referenced):
            yield as_secret(name, value)
    for name, reference in sorted({**site.settings.secrets, **site.host.secrets}.items()):
        yield Secret(name, reference)
