"""Job fit: whether a job config is one that its job takes, as far as that can be told here.

A config class is asked where it can be imported. What it says is a problem of the file, and holds
nothing that came from the environment.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from returns.result import Failure, Result, Success

from theseus.base.command import KEY, command_argv
from theseus.base.scalar import Scalar
from theseus.core.config.decode import Problem, expected, show_path, show_value, value_at
from theseus.core.config.secrets import Referenced, written
from theseus.core.errors import BadFile, BadJob, PlanError
from theseus.core.values import frozen
from theseus.effects.reading.jobs import Catalogue, Entry
from theseus.effects.reading.load import located
from theseus.registry import Job, JobImportError, check_config

_PLACES = re.compile(r"(?:\[\d+\])+$")


@frozen
class JobFile:
    """A job config from a file: its *path* and *text* for messages, its resolved *values*."""

    path: str
    text: str
    values: Mapping[str, Any]


def check_fit(file: JobFile, catalogue: Catalogue, entry: Entry) -> Result[None, PlanError]:
    """Refuse a config that the job's config class refuses, where that class can be had here."""
    if entry.key == KEY:
        return _checked_command(file)
    if not entry.has_config:
        return Success(None)
    try:
        job = catalogue.load(entry.key)
    except JobImportError as error:
        if error.lacks is not None:
            # what the project needs is installed on the host, not necessarily here
            return Success(None)
        return Failure(BadJob(entry.key, str(error), "correct the module"))
    problems = _class_problems(job, file.values)
    return Failure(_bad_config(file, problems)) if problems else Success(None)


def _class_problems(job: Job, values: Mapping[str, Any]) -> list[str]:
    """What the class of *job* has against *values*, without what comes from the environment.

    A class words its problems as it likes. So it is asked again, with `${oc.env:NAME}` itself in
    place of each such value: what it says then, and what stands before `, got`, holds nothing else.
    """
    found = _objections(job, _plain(values, lambda value: value.value))
    again = _objections(job, _plain(values, written)) if found else []
    harmless = {said.partition(", got ")[0]: said for said in again}
    return [_worded(said, harmless, values) for said in found]


def _worded(said: str, harmless: Mapping[str, str], values: Mapping[str, Any]) -> str:
    """What was *said*, as far as it is *harmless*."""
    stem, got, _ = said.partition(", got ")
    path = _placed(said).path
    at = value_at(values, path)
    if isinstance(at, Referenced):
        if got and stem in harmless:
            return f"{stem}, got {show_value(at)}"
        return f"{show_path(path)}: {expected('another value', at)}"
    hidden = "refused, for a reason that is not shown: it may hold what is in the environment"
    return harmless.get(stem, hidden)


def _objections(job: Job, values: dict[str, Any]) -> list[str]:
    if job.config is None:
        return []
    return check_config(job.config, values) or _refusal(job, values)


def _refusal(job: Job, values: dict[str, Any]) -> list[str]:
    """What the config class itself has against *values*, as its checks word it."""
    try:
        job.configure(values)
    except (ValueError, TypeError) as error:
        return [str(error)]
    except Exception as error:  # noqa: BLE001  a config class may raise anything
        refused = f"{job.module}.{job.config.__qualname__}" if job.config else job.title
        return [f"{refused} refuses it: {type(error).__name__}: {error}"]
    return []


def _checked_command(file: JobFile) -> Result[None, PlanError]:
    try:
        command_argv(_plain(file.values, written))
    except ValueError as error:
        return Failure(_bad_config(file, [str(error)]))
    return Success(None)


def _bad_config(file: JobFile, problems: list[str]) -> BadFile:
    return located(file.path, file.text, tuple(_placed(problem) for problem in problems))


def _placed(text: str) -> Problem:
    """The problem in *text*, which begins with `key.path: ` when it is about one."""
    path, colon, message = text.partition(": ")
    keys = tuple(_keys(path))
    if colon and str(keys[0]).isidentifier():
        return Problem(keys, message)
    return Problem((), text)


def _keys(path: str) -> Iterator[str | int]:
    """The keys of a path as the config class has it, `layers[2].width`."""
    for part in path.split("."):
        name = _PLACES.sub("", part)
        yield name
        yield from map(int, re.findall(r"\d+", part[len(name) :]))


def _plain(values: Mapping[str, Any], show: Callable[[Referenced], Scalar]) -> dict[str, Any]:
    """*values* as plain data, each reference as *show* has it."""

    def other(value: object) -> object:
        return show(value) if isinstance(value, Referenced) else str(value)

    plain: dict[str, Any] = json.loads(json.dumps(values, default=other))
    return plain
