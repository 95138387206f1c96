"""Job configs to start from: the fields and defaults of a job's config class, as a YAML file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from returns.result import Failure, Result, Success

from theseus.base.command import KEY
from theseus.core.errors import BadInput, BadJob, PlanError, UnknownJob, Unreadable
from theseus.effects.jobs import discover
from theseus.effects.overrides import apply_overrides
from theseus.effects.reading import load_problems
from theseus.registry import Job, JobImportError, config_defaults

UNSET = "???"  # as OmegaConf marks a value that must be given


def write_job_config(
    key: str, output: str, overrides: tuple[str, ...], where: tuple[Path, Sequence[str]]
) -> Result[bool, PlanError]:
    """Write the job config of *key* to *output*; whether something in it is to be filled in."""
    return (
        _job(key, *where)
        .bind(lambda job: apply_overrides(_values(job), overrides))
        .bind(lambda values: _write(values, output))
    )


def _job(key: str, start: Path, load: Sequence[str]) -> Result[Job, PlanError]:
    catalogue = discover(start, load)
    if refused := load_problems(catalogue):
        return Failure(BadInput(refused))
    if catalogue.find(key) is None:
        problems = tuple(str(problem) for problem in catalogue.problems)
        return Failure(UnknownJob(key, catalogue.nearest(key), catalogue.keys(), problems))
    try:
        return Success(catalogue.load(key))
    except JobImportError as error:
        advice = "install what the project needs where theseus runs, or write the config by hand"
        return Failure(BadJob(key, str(error), advice))


def _values(job: Job) -> dict[str, Any]:
    own: dict[str, Any] = {} if job.config is None else dict(config_defaults(job.config))
    if job.key == KEY:
        own = {"command": ["echo", "hello"]}
    return {"job": job.key, "request": {"chip": None, "min_chips": 1}, **own}


def _write(values: dict[str, Any], output: str) -> Result[bool, PlanError]:
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    try:
        with Path(output).expanduser().open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Failure(Unreadable("job config", output, reason, "name another file"))
    return Success(UNSET in text)
