"""Build: from everything that is known to the plan of a run.

The last pure station: config, request, inventory and source snapshot meet here.
"""

from collections.abc import Iterator

from returns.result import Result

from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import DispatchConfig, Host, PlainHost, SlurmHost
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.modes import PRIVATE_DIR, PRIVATE_FILE
from theseus.core.plan.placed import Assignment, Placed, Release
from theseus.core.plan.plan import SCHEMA_VERSION, Paths, Plan, Target
from theseus.core.plan.run_files import leases_of, run_files, run_secrets
from theseus.core.plan.sbatch import BATCH_SCRIPT, sbatch_argv
from theseus.core.plan.steps import (
    BuildEnvironment,
    ClaimRun,
    EnsureFile,
    EnsureTree,
    Launch,
    MakeDir,
    PlanDocument,
    PutFile,
    PutSecrets,
    Step,
    Submit,
    Text,
)
from theseus.core.solve.solve import Choice, NoFit, solve
from theseus.core.source.source import SourceSnapshot
from theseus.core.source.source_text import warn
from theseus.core.values import frozen


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
        lambda choice: plan_on(choice, world, request, assignment)
    )


def plan_on(choice: Choice, world: World, request: HardwareRequest, assignment: Assignment) -> Plan:
    """The plan of *assignment* on the host of *choice*."""
    host = world.config.hosts[choice.host]
    placed = Placed(
        assignment=assignment,
        request=request,
        source=world.source,
        release=world.release,
        choice=choice,
        host=host,
        settings=world.config.clusters[host.cluster],
    )
    return _plan(placed)


def _plan(placed: Placed) -> Plan:
    return Plan(
        version=SCHEMA_VERSION,
        theseus=placed.release.version,
        run=placed.assignment.run,
        target=_target(placed.choice, placed.host),
        allocation=placed.choice.allocation,
        request=placed.request,
        source=placed.source,
        paths=placed.paths,
        trace=placed.choice.trace,
        notes=tuple(_notes(placed)),
        steps=tuple(_steps(placed)),
    )


def _target(choice: Choice, host: Host) -> Target:
    return Target(
        host=choice.host,
        type="plain" if isinstance(host, PlainHost) else "slurm",
        cluster=host.cluster,
        partition=choice.partition,
        ssh=host.ssh,
        transport=host.transport,
        connections_per_minute=host.connections_per_minute,
    )


def _notes(placed: Placed) -> Iterator[str]:
    yield from (warn(warning) for warning in placed.source.warnings)
    yield from placed.choice.notes
    if (after := placed.assignment.after) is not None:
        yield f"it starts when run {after} has completed"
    if isinstance(placed.host, PlainHost):
        yield from _turn(placed)


def _turn(placed: Placed) -> Iterator[str]:
    if placed.choice.allocation.waits:
        yield f"too few of its GPUs are free on {placed.choice.host}: it waits there for its turn"
    elif placed.request.queue and placed.request.min_chips:
        yield f"should its GPUs on {placed.choice.host} be taken by then, it waits for its turn"


def _steps(placed: Placed) -> Iterator[Step]:
    name, paths, release = placed.choice.host, placed.paths, placed.release
    for path in _directories(paths):
        yield MakeDir(name, path, PRIVATE_DIR)
    yield ClaimRun(name, paths.run)
    yield EnsureFile(name, placed.runtime, PRIVATE_FILE, release.runtime)
    yield EnsureTree(name, placed.archive, placed.source.tree)
    yield PutFile(name, f"{paths.run}/bootstrap.sh", PRIVATE_DIR, release.bootstrap)
    if isinstance(placed.host, SlurmHost):
        yield PutFile(name, f"{paths.run}/{BATCH_SCRIPT}", PRIVATE_DIR, release.batch)
    for file, text in run_files(placed):
        yield PutFile(name, f"{paths.run}/{file}", PRIVATE_FILE, Text(text))
    yield PutFile(name, f"{paths.run}/plan.json", PRIVATE_FILE, PlanDocument())
    if secrets := run_secrets(placed):
        yield PutSecrets(name, f"{paths.run}/secrets.env", secrets)
    if isinstance(placed.host, SlurmHost):
        if placed.host.env_on == "login":
            yield BuildEnvironment(name, paths.run)
        yield Submit(name, paths.run, sbatch_argv(placed, placed.host), placed.after)
    else:
        yield Launch(name, paths.run, paths.log, leases_of(placed))


def _directories(paths: Paths) -> tuple[str, ...]:
    share = paths.share
    return (
        share,
        f"{share}/trees",
        f"{share}/runtimes",
        f"{share}/runs",
        paths.log.rpartition("/")[0],
    )
