"""Report: errors as text on standard error and as exit statuses."""

from theseus.cli.invoke import (
    BAD_INPUT,
    FAILED,
    NOTHING_FITS,
    UNKNOWN,
    UNREACHABLE,
    say,
)
from theseus.core.error_text import explain
from theseus.core.errors import (
    BadFile,
    BadInput,
    BadJob,
    GpusTaken,
    PlanError,
    PlanUnusable,
    SourceUnusable,
    StalePlan,
    StepFailed,
    SubmissionUnknown,
    UnknownJob,
    Unreadable,
)
from theseus.core.plan.batch import TooManyRuns
from theseus.core.plan.outcome import HostUnreachable, NothingToSend
from theseus.core.request.run_words import AmbiguousRun, UnknownRun
from theseus.core.solve.solve import NoFit
from theseus.core.solve.verdict import nobody_answered


def report(error: PlanError) -> int:
    """Say what is wrong, each problem on a line; the exit status for it."""
    text = explain(error)
    for problem in text.splitlines() if isinstance(error, BadFile | BadInput) else [text]:
        say(problem)
    return exit_status(error)


def exit_status(error: PlanError) -> int:
    """0 done, 1 failed, 2 bad input, 3 nothing fits, 4 host unreachable, 5 submission unknown."""
    match error:
        case NoFit(trace):
            return UNREACHABLE if nobody_answered(trace) else NOTHING_FITS
        case StalePlan() | GpusTaken() | TooManyRuns():
            return NOTHING_FITS
        case HostUnreachable():
            return UNREACHABLE
        case SubmissionUnknown():
            return UNKNOWN
        case StepFailed() | NothingToSend():
            return FAILED
        case BadFile() | Unreadable() | BadInput() | UnknownJob() | BadJob():
            return BAD_INPUT
        case SourceUnusable() | PlanUnusable() | UnknownRun() | AmbiguousRun():
            return BAD_INPUT
