"""Waiting: why a run that was submitted has not begun, and what to do about it.

Words alone: SLURM's reason codes in plain language, and when it expects the run to start. What is
asked of SLURM, and when, is not known here.
"""

import re
from typing import Final

from theseus.core.text.quantity import count
from theseus.core.values import frozen

AFTER: Final = "AFTER"  # what follow.sh says of a run on a plain host that waits for another


@frozen
class Waiting:
    """A run that has not begun: *reason* is SLURM's code, or the run it waits for.

    *seconds* is how long SLURM expects that to last, None where it has no idea.
    """

    state: str
    reason: str
    seconds: int | None = None


_LESS: Final = "ask for less of it, or cancel it and look at `theseus hosts` for another place"
_NEVER: Final = "it will never start so: cancel it, and submit it with "
# squeue(1), "JOB REASON CODES"; the first whose pattern is found counts
_MEANINGS: Final = (
    (r"None|$", "SLURM has not looked at it yet", "look again in a minute"),
    (
        r"Priority",
        "others are before it in the queue",
        "wait; a shorter --time may let it in between them",
    ),
    (r"Resources", "what it needs is not free yet", f"wait, or {_LESS}"),
    (
        r"DependencyNeverSatisfied",
        "the run it waits for did not complete",
        "it will never start: cancel it",
    ),
    (r"Dependency", "the run it waits for has not completed", "wait"),
    (r"BeginTime", "its time to begin has not come", "wait; SLURM has a requeued run rest so"),
    (
        r"JobHeldUser",
        "it is held",
        "let it go with `scontrol release` and its job's number, there",
    ),
    (r"JobHeldAdmin", "an administrator holds it", "ask them why"),
    (
        r"JobHoldMaxRequeue|.*requeued held",
        "it could not be started, again and again, and is held",
        "look at its log, then `scontrol release` its job, or cancel it",
    ),
    (r"PartitionTimeLimit", "its partition allows less time", f"{_NEVER}less --time"),
    (r"PartitionNodeLimit", "its partition allows fewer nodes", f"{_NEVER}fewer --nodes"),
    (
        r"PartitionDown|PartitionInactive",
        "its partition is closed",
        "wait for its administrators, or cancel it and choose another",
    ),
    (
        r"ReqNodeNotAvail|Nodes required",
        "nodes it needs are down, drained, or reserved for maintenance",
        "wait; a --time that ends before the maintenance lets it start before",
    ),
    (r"NodeDown", "a node it needs is down", "wait for its administrators"),
    (r"BadConstraints", "no node is as `constraint` says", f"{_NEVER}another constraint"),
    (r"Reservation", "its reservation has not begun, or is gone", "look at `sbatch` of the host"),
    (r"Licenses", "the licenses it needs are taken", "wait"),
    (
        r"InvalidAccount|AccountNotAllowed",
        "its account may not be used there",
        "cancel it and correct `account`: `sacctmgr show assoc user=$USER` lists yours",
    ),
    (
        r"InvalidQOS|QOSNotAllowed|QOSUsageThreshold",
        "its QOS may not be used there",
        "cancel it and correct `qos`: `sacctmgr show assoc user=$USER` lists yours",
    ),
    (
        r"(QOS|Assoc|Max).*PerJob",
        "one run may not have that much, says a limit of your account or QOS",
        f"{_NEVER}less of it",
    ),
    (
        r"(QOS|Assoc).*(Minutes|RunMins|WallDur|Billing)",
        "the budget of your account or QOS is used up by what runs and has run",
        "wait until some of it comes back, or ask its administrators",
    ),
    (
        r"QOS|Assoc|Max",
        "a limit of your account or QOS is reached by what runs already",
        "wait until some of that has ended, or cancel some of it",
    ),
    (r"JobArrayTaskLimit", "as many of its array run as may", "wait"),
    (r"Prolog|Cleaning|BurstBuffer", "its nodes are being made ready", "wait"),
)


def read_waiting(line: str) -> Waiting:
    """What follow.sh says of a run that waits: its state, seconds, and reason.

    >>> read_waiting("PENDING|3600|ReqNodeNotAvail, UnavailableNodes:gpu1").seconds
    3600
    """
    state, _, rest = line.partition("|")
    seconds, _, reason = rest.partition("|")
    return Waiting(state, reason, int(seconds) if seconds.isdecimal() else None)


def explain_waiting(waiting: Waiting) -> str:
    """Why the run waits, what to do, and when it is expected to start."""
    if waiting.state == AFTER:
        return f"it waits on its host for run {waiting.reason} to complete: wait"
    meaning, advice = _meaning(waiting.reason)
    code = f" ({waiting.reason})" if waiting.reason not in {"", "None"} else ""
    return f"it waits in SLURM's queue: {meaning}{code}: {advice}{_expected(waiting.seconds)}"


def _meaning(reason: str) -> tuple[str, str]:
    for pattern, meaning, advice in _MEANINGS:
        if re.match(pattern, reason):
            return meaning, advice
    return "SLURM gives a reason of its own", "`man squeue` there explains it"


def _expected(seconds: int | None) -> str:
    if seconds is None:
        return ""
    for size, noun in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size or (noun == "minute" and seconds >= size):
            return f"; SLURM expects it to start in about {count(round(seconds / size), noun)}"
    return "; SLURM expects it to start within a minute"
