"""Payload: what bootstrap and the runtime are told, as files of the run directory.

`payload.json` describes the run to the runtime, `job.env` to bootstrap and the job, `job.argv`
holds the command that bootstrap ends in, `setup.sh` the config's own lines. All are data; the code
that reads them is shipped byte for byte.
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from theseus.base.hardware import Cluster
from theseus.core.json_text import json_text
from theseus.core.plan import Paths, Run
from theseus.core.secrets import JoinedSecret, Referenced, SecretReference
from theseus.core.shell import array_file, command_line, environment_file, path_word, word
from theseus.core.steps import Secret
from theseus.core.verdict import Allocation

PAYLOAD_VERSION = 1
REFERENCE_MARK = "$secret"  # the one key of a mapping that stands for a text with secrets in it


@frozen
class Job:
    """A registered job: its *key*, the *module* registering it (None: built in), import roots."""

    key: str
    module: str | None = None
    paths: tuple[str, ...] = ()


@frozen
class JobConfig:
    """A job config without what is theseus's own, its references taken out.

    *values* is plain data in which a value that holds a reference is `{"$secret": [part, …]}`.
    """

    values: Mapping[str, Any]
    secrets: tuple[Secret, ...]


def separate_secrets(config: Mapping[str, Any]) -> JobConfig:
    """Take the references out of a job config; variables are numbered in the order of the file."""
    secrets: list[Secret] = []

    def plain(value: object) -> object:
        match value:
            case Referenced(_, parts):
                return {
                    REFERENCE_MARK: [
                        part if isinstance(part, str) else named(part) for part in parts
                    ]
                }
            case Mapping():
                return {str(key): plain(item) for key, item in value.items()}
            case list() | tuple():
                return [plain(item) for item in value]
            case _:
                return value

    def named(reference: SecretReference) -> dict[str, str]:
        for known in secrets:
            if known.reference == reference:
                return {"variable": known.variable}
        secrets.append(Secret(f"THESEUS_SECRET_{len(secrets)}", reference))
        return {"variable": secrets[-1].variable}

    values = {key: plain(value) for key, value in config.items() if key not in {"job", "request"}}
    return JobConfig(values, tuple(secrets))


def payload_json(run: Run, job: Job, config: JobConfig, hardware: Mapping[str, Any]) -> str:
    """The text of payload.json."""
    payload = {
        "version": PAYLOAD_VERSION,
        "run": {"id": run.id, "name": run.name, "project": run.project, "group": run.group},
        "job": {"key": job.key, "module": job.module, "paths": list(job.paths)},
        "config": config.values,
        "hardware": hardware,
    }
    return json_text(payload)


def hardware_of(
    allocation: Allocation, host: str, cluster: Cluster, n_shards: int | None
) -> Mapping[str, Any]:
    """The `hardware` of payload.json; its chip is null where the runtime is to find out."""
    names = ("name", "root", "work", "log", "share", "data", "checkpoints", "results", "status")
    return {
        "chip": allocation.chip,
        "total_chips": allocation.total_chips,
        "nodes": allocation.nodes,
        "chips_per_node": allocation.chips_per_node,
        "n_shards": n_shards,
        "host": host,
        "cluster": {name: getattr(cluster, name) for name in names},
    }


@frozen
class Shipped:
    """What bootstrap finds on the host: the source archive, the runtime, the uv groups.

    *after* is the run directory of the run that it waits for.
    """

    tree: str
    archive: str
    subdirectory: str
    runtime: str
    uv_groups: tuple[str, ...]
    uv_cache: str | None
    after: str | None = None


def job_env(run: Run, paths: Paths, shipped: Shipped, environment: Mapping[str, str]) -> str:
    """The text of job.env: the job's *environment* and what theseus tells bootstrap."""
    names = {
        "THESEUS_RUN_ID": run.id,
        "THESEUS_NAME": run.name,
        "THESEUS_PROJECT": run.project,
        "THESEUS_GROUP": run.group,
        "THESEUS_TREE": shipped.tree,
        "THESEUS_SUBDIRECTORY": shipped.subdirectory,
        "THESEUS_UV_GROUPS": " ".join(shipped.uv_groups),
    }
    places = {
        "THESEUS_ARCHIVE": shipped.archive,
        "THESEUS_RUNTIME": shipped.runtime,
        "THESEUS_SHARE": paths.share,
        "THESEUS_TOOLS": f"{paths.share}/tools",
        "THESEUS_WORK_DIR": paths.work,
        "THESEUS_LOG": paths.log,
        "THESEUS_STATUS_DIR": paths.status,
        "THESEUS_DATA_DIR": paths.data,
        "THESEUS_CHECKPOINT_DIR": paths.checkpoints,
        "THESEUS_RESULTS_DIR": paths.results,
    }
    if shipped.uv_cache is not None and "UV_CACHE_DIR" not in environment:
        places["UV_CACHE_DIR"] = shipped.uv_cache
    if shipped.after is not None:
        places["THESEUS_AFTER"] = shipped.after
    return environment_file({**environment, **names}, places)


def job_argv(paths: Paths) -> str:
    """The text of job.argv: the runtime, told where the run directory is."""
    runtime = (word("python3"), word("-m"), word("theseus.runtime"))
    return array_file("job_argv", (*runtime, path_word(paths.run)))


def setup_lines(modules: tuple[str, ...], setup: tuple[str, ...]) -> str:
    """The text of setup.sh: modules first, then the config's lines as they stand."""
    loads = [f"module load {command_line(modules)}"] if modules else []
    return "".join(f"{line}\n" for line in (*loads, *setup))


def as_secret(variable: str, value: Referenced) -> Secret:
    """The secret that an `env` value with references in it is."""
    match value.parts:
        case (only,) if not isinstance(only, str):
            return Secret(variable, only)
        case parts:
            return Secret(variable, JoinedSecret(parts))
