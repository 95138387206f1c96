"""Run files: what the run directory of a placed assignment holds.

Text that stands in the plan, and references to secrets. Which steps bring them there is for
`build.py` to say.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from theseus.core.config.config import PlainHost
from theseus.core.config.mount import mount_places, mount_secrets, mount_texts
from theseus.core.config.secrets import Referenced, Secret, SecretReference
from theseus.core.plan.payload import (
    JobConfig,
    Shipped,
    as_secret,
    hardware_of,
    job_argv,
    job_env,
    modules_file,
    payload_json,
    separate_secrets,
    setup_lines,
)
from theseus.core.plan.placed import Placed
from theseus.core.text.json_text import json_text
from theseus.core.text.shell import environment_file


def job_config(placed: Placed) -> JobConfig:
    """The job's own config, its references taken out."""
    return separate_secrets(placed.assignment.config)


def run_files(placed: Placed) -> Iterator[tuple[str, str]]:
    """The files whose text stands in the plan, by name."""
    assignment, choice = placed.assignment, placed.choice
    hardware = hardware_of(choice.allocation, choice.host, placed.cluster, placed.request.n_shards)
    yield "job.argv", job_argv(placed.paths)
    if (lease := _lease(placed)) is not None:
        yield "lease.json", json_text(lease)
    yield "job.env", job_env(assignment.run, placed.paths, _shipped(placed), _decided(placed))
    yield (
        "payload.json",
        payload_json(assignment.run, assignment.job, job_config(placed), hardware),
    )
    if variables := _plain_variables(placed):
        yield "user.env", environment_file(variables, {})
    if placed.host.modules:
        yield "modules", modules_file(placed.host.modules)
    if placed.host.setup:
        yield "setup.sh", setup_lines(placed.host.setup)


def run_secrets(placed: Placed) -> tuple[Secret, ...]:
    """What secrets.env will hold: references of the job config, of the mount, then of variables."""
    mount = mount_secrets(placed.settings)
    return (*job_config(placed).secrets, *mount, *_secret_variables(placed))


def _shipped(placed: Placed) -> Shipped:
    groups = (*placed.host.uv_groups, *placed.assignment.uv_groups)
    return Shipped(
        tree=placed.source.tree,
        archive=placed.archive,
        subdirectory=placed.source.subdirectory,
        runtime=placed.runtime,
        uv_groups=tuple(dict.fromkeys(groups)),
        uv_cache=placed.settings.uv_cache,
        # SLURM knows dependencies: there it is an option of sbatch
        after=placed.after if isinstance(placed.host, PlainHost) else None,
        mount=mount_places(placed.settings),
    )


def _assigned(placed: Placed) -> Mapping[str, str | Referenced | SecretReference]:
    """The job's variables: cluster below host below command line; in each, secrets over env."""
    return {
        **placed.settings.env,
        **placed.settings.secrets,
        **placed.host.env,
        **placed.host.secrets,
        **dict(placed.assignment.environment),
    }


def _plain_variables(placed: Placed) -> Mapping[str, str]:
    return {name: value for name, value in _assigned(placed).items() if isinstance(value, str)}


def _decided(placed: Placed) -> Mapping[str, str]:
    """Variables that follow from the allocation."""
    time = placed.choice.allocation.time
    limit = {} if time is None else {"THESEUS_TIME_LIMIT": str(time)}
    # which GPUs a job may see is known when they are leased, on SLURM when the job starts
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if placed.choice.allocation.total_chips == 0 else {}
    return {**hidden, **limit, **mount_texts(placed.settings)}


def leases_of(placed: Placed) -> str | None:
    """The directory in which the run leases GPUs; None when it needs none of a plain host."""
    host = placed.host
    needs = isinstance(host, PlainHost) and placed.choice.allocation.total_chips > 0
    return host.leases if isinstance(host, PlainHost) and needs else None


def _lease(placed: Placed) -> Mapping[str, Any] | None:
    """What is to be leased: some of *gpus*, or of as many as the config has *declared*."""
    allocation, directory = placed.choice.allocation, leases_of(placed)
    if directory is None:
        return None
    return {
        "run": placed.assignment.run.id,
        "chip": allocation.chip,
        "chips": allocation.chips_per_node,
        "gpus": list(allocation.gpus),
        "declared": _declared(placed.host.chips or {}, allocation.chip),
        "queue": placed.request.queue,
        "directory": directory,
    }


def _declared(chips: Mapping[str, int], kind: str | None) -> int:
    counts = (number for chip, number in chips.items() if kind in {None, chip} and chip != "cpu")
    return max(counts, default=0)


def _secret_variables(placed: Placed) -> Iterator[Secret]:
    for name, value in sorted(_assigned(placed).items(), key=lambda pair: pair[0]):
        match value:
            case str():
                continue
            case Referenced():
                yield as_secret(name, value)
            case _:
                yield Secret(name, value)
