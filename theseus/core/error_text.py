"""Error text: what is wrong, where, and what to do next, in words."""

from typing import Final, assert_never

from theseus.core.config.decode import show_path
from theseus.core.errors import (
    BadFile,
    BadInput,
    BadJob,
    GpusTaken,
    Located,
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
from theseus.core.plan.plan import NotAPlan, OtherVersion
from theseus.core.plan.render import render_trace
from theseus.core.request.run_words import AmbiguousRun, UnknownRun
from theseus.core.solve.solve import NoFit
from theseus.core.solve.verdict import nobody_answered
from theseus.core.source import source_text

FIND_RUNS: Final = (
    "`theseus ps --all` lists those that are known here, `theseus ps --rescan` finds others"
)


def explain(error: PlanError) -> str:  # noqa: C901, PLR0911, PLR0912  one arm for each error, in one place
    """*error* in words."""
    match error:
        case BadFile(path, problems):
            return "\n".join(_located(path, problem) for problem in problems)
        case Unreadable(kind, path, reason, advice):
            return f"{kind} {path}: {reason}; {advice}"
        case BadInput(problems):
            return "\n".join(f"{problem.flag}: {problem.message}" for problem in problems)
        case UnknownJob():
            return _unknown_job(error)
        case BadJob(key, reason, advice):
            return f"job {key!r}: {reason}; {advice}"
        case SourceUnusable(reason):
            return source_text.explain(reason)
        case PlanUnusable(path, reason):
            return f"{path}: {_plan_unusable(reason)}"
        case NoFit(trace):
            found = "no host answers" if nobody_answered(trace) else "nothing fits"
            return f"{found}\n\n{render_trace(trace)}"
        case TooManyRuns(placed, total, trace):
            fit = f"{placed} of {total} runs fit now; for the next"
            return f"{fit}:\n\n{render_trace(trace)}"
        case StalePlan(host, differences):
            return (
                f"the plan is stale: {host} has changed since it was made: "
                f"{'; '.join(differences)}; plan again, or pass --force to perform it all the same"
            )
        case GpusTaken(run, host, message):
            return f"run {run} was not started on {host}: {message}"
        case HostUnreachable(host, reason, advice):
            return f"{host}: {reason}; {advice}"
        case NothingToSend(what, advice):
            return f"{what}; {advice}"
        case StepFailed(run, host, number, command, message):
            return f"run {run}: step {number} failed on {host}: {message}\n  {command}"
        case SubmissionUnknown(run, host, reason, run_dir):
            return (
                f"run {run}: its submission to {host} was not answered ({reason}); it may have "
                f"started: `theseus recover {run}` finds out (its directory there is {run_dir})"
            )
        case UnknownRun(word, nearest):
            return f"no run is called {word!r}{_meant(nearest) or ';'} {FIND_RUNS}"
        case AmbiguousRun(word, candidates):
            return f"several runs have {word!r} in their id: {_some(candidates)}; give more of it"
        case _:
            assert_never(error)


def _some(runs: tuple[str, ...]) -> str:
    shown, more = ", ".join(runs[:5]), len(runs) - 5
    return shown if more <= 0 else f"{shown} and {more} more"


def _meant(nearest: tuple[str, ...]) -> str:
    return f"; did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""


def _plan_unusable(error: NotAPlan | OtherVersion) -> str:
    match error:
        case OtherVersion(version, readable):
            return (
                f"a plan of schema version {version!r}; this theseus reads version {readable}: "
                "make the plan again"
            )
        case NotAPlan(problems):
            return f"not a plan: {'; '.join(problems[:5])}"
        case _:
            assert_never(error)


def _located(path: str, problem: Located) -> str:
    place = f"{path}:{problem.line}:{problem.column}" if problem.line else path
    keys = show_path(problem.path)
    return f"{place}: {keys}: {problem.message}" if keys else f"{place}: {problem.message}"


def _unknown_job(error: UnknownJob) -> str:
    if error.nearest:
        hint = f"did you mean {' or '.join(map(repr, error.nearest))}?"
    elif error.known:
        hint = f"known are {', '.join(error.known)}"
    else:
        hint = "none is registered here"
    problems = "".join(f"\n  {problem}" for problem in error.problems)
    return (
        f"no job is called {error.key!r}; {hint} (`theseus jobs` lists them; jobs of a project are "
        "found through [tool.theseus] jobs in its pyproject.toml, or --load MODULE)"
        f"{problems}"
    )
