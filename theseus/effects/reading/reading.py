"""Reading: from the words of a command line to checked values.

Files are read here, jobs are found, names are checked; everything wrong is said before any host is
asked.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.base.hardware import HardwareRequest
from theseus.base.job import valid_name
from theseus.core.config.decode import (
    UNSENDABLE,
    Problem,
    can_be_sent,
    expected,
    show_path,
)
from theseus.core.config.fields import group_problem, variable_problem
from theseus.core.config.secrets import Referenced, written
from theseus.core.errors import BadInput, PlanError, UnknownJob, Unreadable
from theseus.core.plan.payload import DECODED_MARK, REFERENCE_MARK, Job
from theseus.core.request.after import run_id_problem
from theseus.core.request.request import AskedByFlags, BadFlag, BadKey, resolve_request
from theseus.core.source.source_text import shown
from theseus.core.values import frozen
from theseus.effects.reading.interpolation import holds_interpolation
from theseus.effects.reading.job_fit import JobFile, check_fit
from theseus.effects.reading.jobs import Catalogue, discover
from theseus.effects.reading.load import load_job_text, located, resolve_interpolations
from theseus.effects.reading.overrides import apply_overrides

LONGEST_PLACE = (
    200  # bytes of project, group and name together: the log's file name holds all three
)


@frozen
class Names:
    """What the run is called; *project* and *group* as far as they were given."""

    name: str
    project: str | None = None
    group: str | None = None


def here() -> Result[Path, PlanError]:
    """The current directory, unless it is gone."""
    try:
        return Success(Path.cwd())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Failure(Unreadable("current directory", ".", reason, "change to one that exists"))


def read_job_config(path: str, overrides: tuple[str, ...]) -> Result[JobFile, PlanError]:
    """The job config at *path* with *overrides* applied and every `${…}` resolved."""
    loaded = load_job_text(path)
    if not is_successful(loaded):
        return Failure(loaded.failure())
    text, data = loaded.unwrap()
    changed = apply_overrides(data, overrides)
    if not is_successful(changed):
        return Failure(changed.failure())
    values = changed.unwrap()
    if not (holds_interpolation(text) or any(map(holds_interpolation, overrides))):
        return check_plain(JobFile(path, text, values))
    resolved: Result[dict[str, Any], PlanError] = resolve_interpolations(path, text, values)
    return resolved.bind(lambda found: check_plain(JobFile(path, text, found)))


def check_plain(file: JobFile) -> Result[JobFile, PlanError]:
    """*file* itself, if it can travel: nothing but text, numbers, true, false, lists, mappings."""
    problems = tuple(_not_plain(file.values, ()))
    return Failure(located(file.path, file.text, problems)) if problems else Success(file)


def _not_plain(value: object, path: tuple[str | int, ...]) -> Iterator[Problem]:
    match value:
        case None | bool() | int() | float() | str() | Referenced():
            return
        case Mapping() if set(value) in ({REFERENCE_MARK}, {DECODED_MARK}):
            yield Problem(path, f"a mapping with the one key {next(iter(value))} is theseus's own")
        case Mapping():
            for key, item in value.items():
                yield from _not_plain(item, (*path, str(key)))
        case list() | tuple():
            for at, item in enumerate(value):
                yield from _not_plain(item, (*path, at))
        case _:
            yield Problem(path, expected("text, a number, true or false, a list or mapping", value))


@frozen
class JobSearch:
    """Where jobs are looked for: around *start*, and in the modules *load*; once, when needed."""

    start: Path
    load: tuple[str, ...] = ()

    @cached_property
    def catalogue(self) -> Catalogue:
        """The jobs that are there."""
        return discover(self.start, self.load)


def find_job(file: JobFile, key: str | None, search: JobSearch) -> Result[Job, PlanError]:
    """The job that *key*, or else the file's `job:`, names; its config is checked by its class."""
    named = file.values.get("job") if key is None else key
    if isinstance(named, Referenced):
        message = (
            f"{written(named)} is no key: which job runs stands in the plan, and nothing from the "
            "environment does; write the key, or give it by --job"
        )
        return Failure(located(file.path, file.text, (Problem(("job",), message),)))
    if not isinstance(named, str) or not named:
        problem = Problem(
            ("job",), "expected the key of a job, as in `job: command` (or --job KEY)"
        )
        return Failure(located(file.path, file.text, (problem,)))
    catalogue = search.catalogue
    if refused := load_problems(catalogue):
        return Failure(BadInput(refused))
    entry = catalogue.find(named)
    if entry is None:
        return Failure(_unknown(named, catalogue))
    found = Job(entry.key, entry.module, entry.paths)
    return check_fit(file, catalogue, entry).map(lambda _: found)


def load_problems(catalogue: Catalogue) -> tuple[BadFlag, ...]:
    """What is wrong with the modules that `--load` names; problems elsewhere are in no way."""
    return tuple(
        BadFlag(problem.where, problem.what)
        for problem in catalogue.problems
        if problem.where.startswith("--load ")
    )


def check_names(names: Names, repository: str) -> Result[Names, PlanError]:
    """*names* filled in: *repository* as project and `default` as group where none is given."""
    full = Names(
        names.name,
        repository if names.project is None else names.project,
        "default" if names.group is None else names.group,
    )
    given = (("NAME", full.name), ("--project", full.project), ("--group", full.group))
    problems = [
        BadFlag(flag, f"{text!r} {problem}")
        for flag, text in given
        if (problem := valid_name(text or "")) is not None
    ]
    if not problems and sum(len((text or "").encode()) for _, text in given) > LONGEST_PLACE:
        message = f"project, group and name together are longer than {LONGEST_PLACE} bytes"
        problems.append(BadFlag("NAME", message))
    return Failure(BadInput(tuple(problems))) if problems else Success(full)


def asked_hardware(
    flags: AskedByFlags, file: JobFile, clusters: tuple[str, ...]
) -> Result[HardwareRequest, PlanError]:
    """The request that the flags and the job config make."""
    resolved = resolve_request(flags, file.values, clusters)
    if is_successful(resolved):
        return Success(resolved.unwrap())
    problems = resolved.failure()
    in_flags = tuple(problem for problem in problems if isinstance(problem, BadFlag))
    in_file = tuple(each.problem for each in problems if isinstance(each, BadKey))
    if not in_flags:
        return Failure(located(file.path, file.text, in_file))
    said = (*in_flags, *(_as_flag(file, problem) for problem in in_file))
    return Failure(BadInput(said))


def check_environment(words: tuple[str, ...]) -> Result[tuple[tuple[str, str], ...], PlanError]:
    """The variables that `--env K=V` words set."""
    problems: list[BadFlag] = []
    pairs: list[tuple[str, str]] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            # what stands there may be a secret typed in the wrong place: it is not repeated
            problems.append(BadFlag("--env", "expected NAME=VALUE"))
        elif (problem := variable_problem(name)) is not None:
            problems.append(BadFlag("--env", f"{shown(name)}: {problem}"))
        elif not can_be_sent(value):
            problems.append(BadFlag("--env", f"{name}: holds {UNSENDABLE}"))
        pairs.append((name, value))
    return Failure(BadInput(tuple(problems))) if problems else Success(tuple(pairs))


def check_groups(names: tuple[str, ...]) -> Result[tuple[str, ...], PlanError]:
    """The dependency groups that `--uv-group` words name."""
    problems = tuple(
        BadFlag("--uv-group", f"{name!r}: {problem}")
        for name in names
        if (problem := group_problem(name)) is not None
    )
    return Failure(BadInput(problems)) if problems else Success(names)


def check_after(run_id: str | None) -> Result[str | None, PlanError]:
    """The run that `--after` names."""
    problem = None if run_id is None else run_id_problem(run_id)
    if problem is None:
        return Success(run_id)
    return Failure(BadInput((BadFlag("--after", problem),)))


@frozen
class Added:
    """What flags add to a run: variables, dependency groups, and the run that goes before."""

    environment: tuple[tuple[str, str], ...]
    uv_groups: tuple[str, ...]
    after: str | None


def check_added(
    env: tuple[str, ...], uv_groups: tuple[str, ...], after: str | None
) -> Result[Added, PlanError]:
    """What `--env`, `--uv-group` and `--after` add."""
    added: Result[Added, PlanError] = Result.do(
        Added(environment, groups, awaited)
        for environment in check_environment(env)
        for groups in check_groups(uv_groups)
        for awaited in check_after(after)
    )
    return added


def _as_flag(file: JobFile, problem: Problem) -> BadFlag:
    (place,) = located(file.path, file.text, (problem,)).problems
    where = f"{file.path}:{place.line}:{place.column}"
    return BadFlag(where, f"{show_path(problem.path)}: {problem.message}")


def _unknown(key: str, catalogue: Catalogue) -> UnknownJob:
    problems = tuple(str(problem) for problem in catalogue.problems)
    return UnknownJob(key, catalogue.nearest(key), catalogue.keys(), problems)
