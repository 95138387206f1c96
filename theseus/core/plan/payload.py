"""Payload: what bootstrap and the runtime are told, as files of the run directory.

`payload.json` describes the run to the runtime, `job.env` to bootstrap and the job, `job.argv`
holds the command that bootstrap ends in. `user.env`, `modules` and `setup.sh` are the user's own,
and hold for the job and what is made for it. All are data; the code that reads them is shipped byte
for byte.
"""

from collections.abc import Mapping
from typing import Any

from attrs import field

from theseus.base.hardware import Cluster
from theseus.core.config.secrets import JoinedSecret, Referenced, Secret, SecretReference
from theseus.core.plan.plan import Paths, Run
from theseus.core.solve.verdict import Allocation
from theseus.core.text.json_text import json_text
from theseus.core.text.shell import array_file, environment_file, path_word, word
from theseus.core.values import frozen

PAYLOAD_VERSION = 1
# the one key of a mapping that stands for a text with secrets in it, or for what such a text spells
REFERENCE_MARK, DECODED_MARK = "$secret", "$decoded"


@frozen
class Job:
    """A registered job: its *key*, the *module* registering it (None: built in), import roots."""

    key: str
    module: str | None = None
    paths: tuple[str, ...] = ()


@frozen
class JobConfig:
    """A job config without what is theseus's own, its references taken out.

    *values* is plain data in which a value that holds a reference is `{"$secret": [part, …]}`, or
    `{"$decoded": [part, …]}` where the number that the text spells is meant.
    """

    values: Mapping[str, Any]
    secrets: tuple[Secret, ...]


def separate_secrets(config: Mapping[str, Any]) -> JobConfig:
    """Take the references out of a job config; variables are numbered in the order of the file."""
    secrets: list[Secret] = []

    def plain(value: object) -> object:
        match value:
            case Referenced(_, parts, decoded):
                mark = DECODED_MARK if decoded else REFERENCE_MARK
                return {mark: [part if isinstance(part, str) else named(part) for part in parts]}
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

    *after* is the run directory of the run that it waits for, *mount* the places of a mount.
    """

    tree: str
    archive: str
    subdirectory: str
    runtime: str
    uv_groups: tuple[str, ...]
    uv_cache: str | None
    after: str | None = None
    mount: Mapping[str, str] = field(factory=dict)


def job_env(run: Run, paths: Paths, shipped: Shipped, variables: Mapping[str, str]) -> str:
    """The text of job.env: what theseus tells bootstrap and the job, with more *variables*."""
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
        **shipped.mount,
    }
    if shipped.uv_cache is not None:
        places["UV_CACHE_DIR"] = shipped.uv_cache
    if shipped.after is not None:
        places["THESEUS_AFTER"] = shipped.after
    return environment_file({**variables, **names}, places)


def job_argv(paths: Paths) -> str:
    """The text of job.argv: the runtime, told where the run directory is."""
    runtime = (word("python3"), word("-m"), word("theseus.runtime"))
    return array_file("job_argv", (*runtime, path_word(paths.run)))


def modules_file(modules: tuple[str, ...]) -> str:
    """The text of `modules`: what bootstrap loads before `setup`."""
    return array_file("theseus_modules", map(word, modules))


def setup_lines(setup: tuple[str, ...]) -> str:
    """The text of setup.sh: the config's lines as they stand."""
    return "".join(f"{line}\n" for line in setup)


def as_secret(variable: str, value: Referenced) -> Secret:
    """The secret that an `env` value with references in it is."""
    match value.parts:
        case (only,) if not isinstance(only, str):
            return Secret(variable, only)
        case parts:
            return Secret(variable, JoinedSecret(parts))
