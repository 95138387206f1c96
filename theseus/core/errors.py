"""Errors: what can be wrong between a command line and a plan, as frozen values.

Their text is that of error_text.py. Only the command line makes exit statuses.
"""

from typing import TYPE_CHECKING, TypeAlias

from theseus.core.request.request import BadFlag
from theseus.core.values import frozen

if TYPE_CHECKING:
    # a command that succeeds need not import what else could have gone wrong
    from theseus.core.plan.batch import TooManyRuns
    from theseus.core.plan.outcome import HostUnreachable, NothingToSend
    from theseus.core.plan.plan import NotAPlan, OtherVersion
    from theseus.core.request.run_words import AmbiguousRun, UnknownRun
    from theseus.core.solve.solve import NoFit
    from theseus.core.source.source import SourceError


@frozen
class Located:
    """A problem of a file with its place: *line* and *column* count from 1; 0 when unknown."""

    line: int
    column: int
    path: tuple[str | int, ...]
    message: str


@frozen
class BadFile:
    """The file *path* was read and is wrong in one or more places."""

    path: str
    problems: tuple[Located, ...]


@frozen
class Unreadable:
    """The file *path* could not be read or written; *kind* says what it is."""

    kind: str
    path: str
    reason: str
    advice: str


@frozen
class BadInput:
    """Flags or arguments that cannot be used."""

    problems: tuple[BadFlag, ...]


@frozen
class UnknownJob:
    """No registered job has *key*; *problems* are what kept other jobs from being found."""

    key: str
    nearest: tuple[str, ...]
    known: tuple[str, ...]
    problems: tuple[str, ...] = ()


@frozen
class BadJob:
    """The job's code could not be used."""

    key: str
    reason: str
    advice: str


@frozen
class SourceUnusable:
    """No source snapshot could be taken."""

    error: "SourceError"


@frozen
class PlanUnusable:
    """The file *path* holds no plan this theseus can perform."""

    path: str
    error: "NotAPlan | OtherVersion"


@frozen
class StalePlan:
    """The target has changed since the plan was made; *differences* say how."""

    host: str
    differences: tuple[str, ...]


@frozen
class GpusTaken:
    """The GPUs of the plan of *run* were taken before it could lease them on *host*."""

    run: str
    host: str
    message: str


@frozen
class StepFailed:
    """Step *number* (from 1) of the plan failed on *host* with *message*."""

    run: str
    host: str
    number: int
    command: str
    message: str


@frozen
class SubmissionUnknown:
    """The answer to the submission of *run* was lost."""

    run: str
    host: str
    reason: str
    run_dir: str


if TYPE_CHECKING:
    PlanError: TypeAlias = (
        BadFile
        | Unreadable
        | BadInput
        | UnknownJob
        | BadJob
        | SourceUnusable
        | PlanUnusable
        | NoFit
        | TooManyRuns
        | StalePlan
        | GpusTaken
        | HostUnreachable
        | NothingToSend
        | StepFailed
        | SubmissionUnknown
        | UnknownRun
        | AmbiguousRun
    )
else:
    PlanError = object
