"""Again: what was asked for, read back out of a plan, to be planned anew.

The inverse of `run_files.py`: the same assignment in the same world gives the same plan. Variables
and groups that the config gives stay its business; what else the run had is kept.
"""

import json
from collections.abc import Mapping
from typing import Any

from attrs import evolve
from returns.result import Failure, Result, Success

from theseus.core.config.config import DispatchConfig
from theseus.core.config.secrets import EnvironmentSecret, Referenced
from theseus.core.plan.payload import DECODED_MARK, REFERENCE_MARK, Job
from theseus.core.plan.placed import Assignment
from theseus.core.plan.plan import NotAPlan, Plan, Run
from theseus.core.plan.steps import PutFile, PutSecrets, Submit, Text
from theseus.core.source.source import SourceSnapshot, SubmoduleChanges, UncommittedChanges
from theseus.core.text.shell import read_environment


def assignment_again(
    plan: Plan, run_id: str, config: DispatchConfig
) -> Result[Assignment, NotAPlan]:
    """The assignment of *plan* as a new run *run_id*, to be planned by *config*."""
    files = _files(plan)
    if "payload.json" not in files:
        return Failure(NotAPlan(("it has no payload.json",)))
    payload = json.loads(files["payload.json"])
    told = read_environment(files.get("job.env", ""))
    run, job = plan.run, payload["job"]
    return Success(
        Assignment(
            run=Run(run_id, run.name, run.project, run.group, run.job),
            job=Job(job["key"], job["module"], tuple(job["paths"])),
            config=_restored(payload["config"], _references(plan)),
            environment=_own_variables(plan, config, files.get("user.env", "")),
            uv_groups=_own_groups(plan, config, told.get("THESEUS_UV_GROUPS", "")),
            after=awaited_run(plan),
        )
    )


def source_again(plan: Plan) -> SourceSnapshot:
    """The source of *plan*, without warnings of files beside it: these are others by now."""
    beside = (UncommittedChanges, SubmoduleChanges)
    kept = (warning for warning in plan.source.warnings if not isinstance(warning, beside))
    return evolve(plan.source, warnings=tuple(kept))


def awaited_run(plan: Plan) -> str | None:
    """The id of the run that the run of *plan* waits for."""
    last = plan.steps[-1]
    if isinstance(last, Submit):
        path = last.after
    else:
        path = read_environment(_files(plan).get("job.env", "")).get("THESEUS_AFTER")
    return None if path is None else path.rpartition("/")[2]


def _files(plan: Plan) -> Mapping[str, str]:
    """The files of the run directory whose text stands in *plan*."""
    return {
        step.path.rpartition("/")[2]: step.content.text
        for step in plan.steps
        if isinstance(step, PutFile) and isinstance(step.content, Text)
    }


def _references(plan: Plan) -> Mapping[str, EnvironmentSecret]:
    return {
        secret.variable: secret.reference
        for step in plan.steps
        if isinstance(step, PutSecrets)
        for secret in step.secrets
        if isinstance(secret.reference, EnvironmentSecret)
    }


def _restored(value: Any, references: Mapping[str, EnvironmentSecret]) -> Any:  # noqa: ANN401  whatever JSON holds
    """*value* of a payload with its references in their places."""
    match value:
        case {"$secret": list() as parts, **rest} if not rest:
            return _referenced(parts, references, REFERENCE_MARK)
        case {"$decoded": list() as parts, **rest} if not rest:
            return _referenced(parts, references, DECODED_MARK)
        case Mapping():
            return {key: _restored(item, references) for key, item in value.items()}
        case list():
            return [_restored(item, references) for item in value]
        case _:
            return value


def _referenced(
    parts: list[Any], references: Mapping[str, EnvironmentSecret], mark: str
) -> Referenced:
    """The value that *parts* make; its text is for the performer to find out."""
    found = (part if isinstance(part, str) else references[part["variable"]] for part in parts)
    return Referenced("", tuple(found), decoded=mark == DECODED_MARK)


def _own_variables(plan: Plan, config: DispatchConfig, text: str) -> tuple[tuple[str, str], ...]:
    """The variables of the run that *config* does not give its host anyway."""
    given: dict[str, object] = {}
    if (host := config.hosts.get(plan.target.host)) is not None:
        cluster = config.clusters[host.cluster]
        given = {**cluster.env, **cluster.secrets, **host.env, **host.secrets}
    had = read_environment(text)
    return tuple((name, value) for name, value in had.items() if given.get(name) != value)


def _own_groups(plan: Plan, config: DispatchConfig, text: str) -> tuple[str, ...]:
    host = config.hosts.get(plan.target.host)
    given = () if host is None else host.uv_groups
    return tuple(group for group in text.split() if group not in given)
