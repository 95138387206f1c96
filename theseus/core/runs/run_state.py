"""Run state: how a run is, judged from what is known here and what was seen on its host.

One closed union and one function. *Could not ask* is never *gone*: a run is lost only when its host
answered, its process or job is not there, and it left no outcome on a second look.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, assert_never, get_args

from attrs import asdict

from theseus.core.runs.job_end import explain_end
from theseus.core.runs.sighting import End, InQueue, JobWord, NoJob, NotTold, Sighting
from theseus.core.submit import submission
from theseus.core.values import frozen

# A heartbeat comes every 30 s; one may be missed, and a busy file server shows it late.
FRESH: Final = 120


@frozen
class Rejected:
    """It was never submitted: nothing of it runs."""

    detail: str = ""


@frozen
class Unknown:
    """Whether it was submitted is not known yet; `theseus recover` finds out."""

    detail: str = ""


@frozen
class Queued:
    """It was submitted and has not begun; *detail* says what for it waits, in its host's words."""

    detail: str = ""


@frozen
class Running:
    """It runs."""

    detail: str = ""


@frozen
class Preempted:
    """It was told to stop before its end, and nobody has started it again."""

    detail: str = ""
    ended_at: str | None = None


@frozen
class Completed:
    """It ended with exit status 0."""

    detail: str = ""
    ended_at: str | None = None


@frozen
class Failed:
    """It ended with another *exit_status*, or None where it could not record one."""

    detail: str = ""
    ended_at: str | None = None
    exit_status: int | None = None


@frozen
class Cancelled:
    """Somebody ended it."""

    detail: str = ""
    ended_at: str | None = None


@frozen
class Lost:
    """Its process or job is gone and left no outcome."""

    detail: str = ""


@frozen
class Unreachable:
    """Its host, or SLURM there, could not be asked; *detail* says why."""

    detail: str = ""


RunState: TypeAlias = (
    Rejected
    | Unknown
    | Queued
    | Running
    | Preempted
    | Completed
    | Failed
    | Cancelled
    | Lost
    | Unreachable
)
STATE_NAMES: Final = tuple(each.__name__.lower() for each in get_args(RunState))
# slurm/src/common/slurm_protocol_defs.c, job_state_string
_WAITS: Final = frozenset(
    {
        *("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"),
        "RESV_DEL_HOLD",
    }
)
_RUNS: Final = frozenset(
    {
        *("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"),
        "RESIZING",
    }
)
_FAILS: Final = frozenset(
    {"FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL", "DEADLINE"}
)


def state_name(state: RunState) -> str:
    """What *state* is called.

    >>> state_name(Running())
    'running'
    """
    return type(state).__name__.lower()


def state_data(state: RunState) -> dict[str, Any]:
    """*state* as plain data.

    >>> state_data(Queued("Resources"))
    {'state': 'queued', 'detail': 'Resources'}
    """
    return {"state": state_name(state), **asdict(state)}


def read_state(data: Mapping[str, Any]) -> RunState:
    """The state in plain *data*."""
    kind = next(each for each in get_args(RunState) if each.__name__.lower() == data["state"])
    state: RunState = kind(**{key: value for key, value in data.items() if key != "state"})
    return state


def is_over(state: RunState) -> bool:
    """Whether nothing changes *state* any more, so that its host need not be asked again."""
    return isinstance(state, Rejected | Completed | Failed | Cancelled)


def is_resting(state: RunState) -> bool:
    """Whether nothing goes on any more, though the run may be started again or turn up again."""
    return is_over(state) or isinstance(state, Lost | Preempted)


def state_of(known: submission.Submission, seen: Sighting | Unreachable) -> RunState:
    """The state of a run of whose submission this is *known* here, and *seen* on its host."""
    if isinstance(known, submission.Rejected):
        return Rejected(known.reason)
    if isinstance(seen, Unreachable):
        return seen
    if seen.end is not None:
        return _ended(seen.end, seen)
    if seen.answer is None:
        return _unanswered(known, seen)
    return _by_process(seen) if seen.job is None else _by_job(seen.job, seen)


def _ended(end: End, seen: Sighting) -> RunState:
    match end.state, seen.job:
        case "completed", _:
            return Completed("", end.at)
        case "cancelled", _:
            return Cancelled(end.message, end.at)
        case "preempted", NotTold() as silent:
            return _not_told(silent)
        case "preempted", InQueue(_, state, _) as job if state in _WAITS | _RUNS:
            return _by_job(job, seen)  # SLURM starts it again
        case "preempted", InQueue(_, "CANCELLED", _):
            return Cancelled(end.message, end.at)  # which its runtime could not know
        case "preempted", InQueue(_, state, _) if state in _FAILS:
            return Preempted(f"{end.message}; SLURM says {state}", end.at)
        case "preempted", _:
            return Preempted(end.message, end.at)
        case _:
            return Failed(end.message, end.at, end.exit_status)


def _unanswered(
    known: submission.Sending | submission.Accepted | submission.Unanswered, seen: Sighting
) -> RunState:
    match known:
        case _ if isinstance(seen.job, NotTold):
            return _not_told(seen.job)
        case submission.Accepted() if not seen.place:
            return Unreachable("its share is not there: is its file system mounted?")
        case submission.Accepted() if not seen.there:
            return Lost("its run directory is gone")
        case submission.Accepted():
            return _heard(seen) or Unknown("its answer file is gone")
        case submission.Sending():
            return Unknown("its submission has not been answered")
        case submission.Unanswered(reason):
            return Unknown(reason)
        case _:
            assert_never(known)


def _by_job(word: JobWord, seen: Sighting) -> RunState:
    match word:
        case NotTold():
            return _heard(seen) or _not_told(word)
        case NoJob(accounted):
            asked = "" if accounted else ", and no accounting can be asked"
            return _heard(seen) or Lost(f"SLURM does not know its job any more{asked}")
        case InQueue(_, state, reason) if state in _WAITS:
            return Queued(reason.replace("None", ""))
        case InQueue(_, state, _) if state in _RUNS:
            return Running("" if state == "RUNNING" else f"SLURM says {state}")
        case InQueue(_, state, reason):
            return _job_over(state, explain_end(f"{state} {reason}"))
        case _:
            assert_never(word)


def _job_over(state: str, detail: str) -> RunState:
    """The state of a run that left no outcome, by the *state* in which its job ended."""
    match state:
        case "CANCELLED":
            return Cancelled(detail)
        case "PREEMPTED":
            return Preempted(detail)
        case _ if state in _FAILS:
            return Failed(detail)
        case _:
            return Lost(detail)


def _by_process(seen: Sighting) -> RunState:
    match seen.process:
        case "alive":
            return Queued("it waits there") if seen.said == "queued" else Running()
        case "gone":
            return _heard(seen) or Lost("its process is gone and left no outcome")
        case "rebooted":
            return _heard(seen) or Lost("its host was restarted")
        case "unknown" | None:
            return _heard(seen) or Unknown("its process cannot be looked at there")
        case _:
            assert_never(seen.process)


def _heard(seen: Sighting) -> Running | Queued | None:
    """That it runs or waits, by a heartbeat of just now."""
    if seen.silence is None or seen.silence > FRESH:
        return None
    match seen.said:
        case "running":
            return Running("known by its heartbeat")
        case "queued":
            return Queued("known by its heartbeat")
        case _:
            return None


def _not_told(word: NotTold) -> Unreachable:
    return Unreachable(f"SLURM does not answer there: {word.reason}")
