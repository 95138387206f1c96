"""Job configs to start from: the fields and defaults of a job's config class, as a YAML file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from returns.result import Failure, Result, Success

from theseus.base.command import KEY
from theseus.core.errors import BadInput, BadJob, PlanError, UnknownJob
from theseus.effects.reading.jobs import discover
from theseus.effects.reading.output_file import OutputFile
from theseus.effects.reading.overrides import apply_overrides
from theseus.effects.reading.reading import load_problems
from theseus.effects.reading.yaml_text import JobLoader
from theseus.registry import Job, JobImportError, config_defaults

UNSET = "???"  # as OmegaConf marks a value that must be given


def write_job_config(
    key: str, output: str, overrides: tuple[str, ...], where: tuple[Path, Sequence[str]]
) -> Result[bool, PlanError]:
    """Write the job config of *key* to *output*; whether something in it is to be filled in."""
    return (
        _job(key, *where)
        .bind(lambda job: apply_overrides(_values(job), overrides))
        .bind(lambda values: save_job_config(key, values, output))
    )


def save_job_config(key: str, values: dict[str, Any], output: str) -> Result[bool, PlanError]:
    """Write *values* to *output* as `JobLoader` reads them back."""
    return _text(key, values).bind(lambda text: _write(text, output))


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


class _Dumper(yaml.SafeDumper):
    """Quotes what `JobLoader`, or any other reader of YAML, would take for more than text."""

    yaml_implicit_resolvers = {  # noqa: RUF012  PyYAML declares it so
        first: [
            *JobLoader.yaml_implicit_resolvers.get(first, ()),
            *yaml.SafeDumper.yaml_implicit_resolvers.get(first, ()),
        ]
        for first in {
            **yaml.SafeDumper.yaml_implicit_resolvers,
            **JobLoader.yaml_implicit_resolvers,
        }
    }


def _text(key: str, values: dict[str, Any]) -> Result[str, PlanError]:
    try:
        text: str = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    except yaml.representer.RepresenterError as error:
        reason = f"its default {error.args[-1]!r} is nothing that YAML can hold"
        return Failure(BadJob(key, reason, "override it, or write the config by hand"))
    return Success(text)


def _write(text: str, output: str) -> Result[bool, PlanError]:
    file = OutputFile("job config", output, "name another file")
    return file.write_new(text.encode()).map(lambda _: UNSET in text)
