"""Run files: what the run directory of a placed assignment holds.

Text that stands in the plan, and references to secrets. Which steps bring them there is for
`build.py` to say.
"""

from collections.abc import Iterator, Mapping

from theseus.core.config import PlainHost
from theseus.core.mount import mount_places, mount_secrets, mount_texts
from theseus.core.payload import (
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
from theseus.core.placed import Placed
from theseus.core.secrets import Referenced, SecretReference
from theseus.core.steps import Secret


def job_config(placed: Placed) -> JobConfig:
    """The job's own config, its references taken out."""
    return separate_secrets(placed.assignment.config)


def run_files(placed: Placed) -> Iterator[tuple[str, str]]:
    """The files whose text stands in the plan, by name."""
    assignment, choice = placed.assignment, placed.choice
    hardware = hardware_of(choice.allocation, choice.host, placed.cluster, placed.request.n_shards)
    yield "job.argv", job_argv(placed.paths)
    yield "job.env", job_env(assignment.run, placed.paths, _shipped(placed), _environment(placed))
    yield (
        "payload.json",
        payload_json(assignment.run, assignment.job, job_config(placed), hardware),
    )
    if setup := setup_lines(placed.host.modules, placed.host.setup):
        yield "setup.sh", setup


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


def _environment(placed: Placed) -> Mapping[str, str]:
    plain = {name: value for name, value in _assigned(placed).items() if isinstance(value, str)}
    time = placed.choice.allocation.time
    limit = {} if time is None else {"THESEUS_TIME_LIMIT": str(time)}
    return {**_pinned(placed), **plain, **limit, **mount_texts(placed.settings)}


def _pinned(placed: Placed) -> Mapping[str, str]:
    """Which GPUs the job may see: as many of the free ones as it asked for, none in CPU mode.

    On SLURM there are no *gpus* here: the scheduler pins the job.
    """
    allocation = placed.choice.allocation
    if allocation.total_chips == 0:
        return {"CUDA_VISIBLE_DEVICES": ""}
    taken = allocation.gpus[: allocation.chips_per_node]
    return {"CUDA_VISIBLE_DEVICES": ",".join(taken)} if taken else {}


def _secret_variables(placed: Placed) -> Iterator[Secret]:
    for name, value in sorted(_assigned(placed).items(), key=lambda pair: pair[0]):
        match value:
            case str():
                continue
            case Referenced():
                yield as_secret(name, value)
            case _:
                yield Secret(name, value)
