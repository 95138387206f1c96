"""Sighting: what was to be seen of a run on its host at one moment. Facts, no judgement.

`sh/look.sh` prints them, for all runs of a host in one go; here they are read. What could not be
asked is a fact of its own and never the same as *not there*.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias

from attrs import evolve

from theseus.core.plan.array_id import covers
from theseus.core.text.instant import instant
from theseus.core.values import frozen

Process: TypeAlias = Literal["alive", "gone", "rebooted", "unknown"]
_PROCESSES: Final[tuple[Process, ...]] = ("alive", "gone", "rebooted", "unknown")


@frozen
class InQueue:
    """SLURM has job *id*: its *state* and *reason*, in SLURM's own words."""

    id: str
    state: str
    reason: str


@frozen
class NoJob:
    """SLURM was asked and does not know the job; *accounted* when its accounting was asked too."""

    accounted: bool


@frozen
class NotTold:
    """SLURM could not be asked; *reason* is what it said instead."""

    reason: str


JobWord: TypeAlias = InQueue | NoJob | NotTold


@frozen
class End:
    """What outcome.json says."""

    state: str
    exit_status: int | None
    message: str
    at: str | None


@frozen
class Sighting:
    """One run: whether its directory is *there*, was *launched*, and what it and its host say.

    *starting* is that somebody may be about to start it at this very moment.

    *place* is whether the directory of all runs is there: else nothing can be said of this one.
    *process* is that of a plain run, *job* that of a SLURM run; None where there is nothing to look
    for yet. *silence* are the seconds since the run's last heartbeat, by the clock of its host.
    """

    place: bool = False
    there: bool = False
    launched: bool = False
    starting: bool = False
    answer: str | None = None
    process: Process | None = None
    job: JobWord | None = None
    end: End | None = None
    said: str | None = None
    silence: int | None = None


@frozen
class _Slurm:
    """What SLURM said of all jobs, in the lines that begin with each word."""

    failures: dict[str, str]
    jobs: tuple[tuple[str, ...], ...]
    accounts: tuple[tuple[str, ...], ...]
    accounted: bool


def sightings(output: str, run_ids: Sequence[str]) -> tuple[Sighting, ...] | None:
    """What look.sh printed of the runs *run_ids*, in their order; None when it was cut short."""
    lines = [line.partition(" ")[::2] for line in output.splitlines()]
    if not lines or lines[-1][0] != "end":
        return None
    slurm = _Slurm(
        failures={
            line[0]: line[1]
            for line in (_split(text, 2) for word, text in lines if word == "squeue")
        },
        jobs=tuple(_split(text, 5) for word, text in lines if word == "job"),
        accounts=tuple(_split(text, 3) for word, text in lines if word == "account"),
        accounted=("sacct", "") in lines,
    )
    clock = next(text for word, text in lines if word == "clock")
    runs = list(_by_run(lines))
    if len(runs) != len(run_ids):
        return None
    return tuple(
        _with_job(_job(run_id, facts), _sighting(facts, clock), slurm)
        for run_id, facts in zip(run_ids, runs, strict=True)
    )


def _split(text: str, pieces: int) -> tuple[str, ...]:
    parts = text.split("|", pieces - 1)
    return (*parts, *[""] * (pieces - len(parts)))


def _by_run(lines: Sequence[tuple[str, str]]) -> Iterator[dict[str, str]]:
    """The lines of each run, by their first word."""
    facts: dict[str, str] | None = None
    for word, text in lines:
        if word in {"run", "clock"} and facts is not None:
            yield facts
        if word == "run":
            facts = {}
        elif facts is not None:
            facts.setdefault(word, text)


def _sighting(facts: dict[str, str], clock: str) -> Sighting:
    said = facts.get("process")
    return Sighting(
        place="place" in facts,
        there="there" in facts,
        launched="launched" in facts,
        starting="starting" in facts,
        answer=facts.get("answer"),
        process=next((each for each in _PROCESSES if each == said), None),
        end=_end(facts["outcome"]) if "outcome" in facts else None,
        said=facts.get("state"),
        silence=_seconds(facts.get("heartbeat"), clock),
    )


def _end(text: str) -> End | None:
    """The outcome in *text*; None of what is none, for it is written whole or not at all."""
    try:
        data: Any = json.loads(text)
    except ValueError:
        return None
    if not isinstance(data, dict) or not isinstance(data.get("state"), str):
        return None
    status, at = data.get("exit_status"), data.get("ended_at")
    return End(
        data["state"],
        status if isinstance(status, int) else None,
        str(data.get("message") or ""),
        at if isinstance(at, str) else None,
    )


def _seconds(heartbeat: str | None, clock: str) -> int | None:
    """Seconds from *heartbeat* to *clock*, both by the same host."""
    beat, now = instant(heartbeat or ""), instant(clock)
    return None if beat is None or now is None else now - beat


def _job(run_id: str, facts: dict[str, str]) -> "_Job | None":
    """What is to be looked for at SLURM; None for a plain run, and one that was not launched."""
    kind, id_, cluster, *_ = *facts.get("answer", "").split(), "", "", ""
    if kind == "slurm":
        return _Job(run_id, id_, cluster)
    if "answer" in facts or "launched" not in facts:
        return None
    if "array" in facts:
        array, index = facts["array"].split()
        return _Job(array, task=f"_{index}")
    return _Job(run_id) if "batch" in facts else None


def _with_job(job: "_Job | None", seen: Sighting, slurm: _Slurm) -> Sighting:
    """*seen* with SLURM's word for its job."""
    if job is None:
        return seen
    word = _word(slurm, job)
    if word == NoJob(accounted=True) and seen.silence is None and job.is_left_out(slurm):
        word = InQueue(job.id or "", "CANCELLED", "")
    # a job whose answer was lost is known by what it is called
    answer = f"slurm {word.id}" if isinstance(word, InQueue) else None
    return evolve(seen, job=word, answer=seen.answer or answer)


@frozen
class _Job:
    """What tells a job from others: its *id* in a *cluster*, else whose it is.

    *owner* is its run or array, and *task* what the id of one job of an array ends in.
    """

    owner: str
    id: str | None = None
    cluster: str = ""
    task: str = ""

    def is_queued(self, job: tuple[str, ...]) -> bool:
        """Whether a line of squeue is about it."""
        cluster, id_, _, _, comment_and_name = job
        if self.id is not None:
            return (cluster, id_) == (self.cluster, self.id)
        # the options of a host may set another comment, or another name
        named = f"{comment_and_name}|".startswith(f"theseus:{self.owner}|") or (
            comment_and_name.endswith(f"-{self.owner}")
        )
        return not cluster and named and id_.endswith(self.task)

    def accounted(self, account: tuple[str, ...]) -> str | None:
        """Its id, where a line of sacct is about it; an older job of its number has another name.

        Jobs of an array that never began share a line.
        """
        said, _, name = account
        named = name.endswith(f"-{self.owner}")
        # the name of a job in an array is that of the array
        known = named if self.id is None else named or "_" in said
        own = self.id or said.partition("_")[0] + self.task
        return own if known and covers(said, own) else None

    def is_left_out(self, slurm: _Slurm) -> bool:
        """Whether *slurm*, which does not know it, knows others of its array.

        Accounting has a line for each job that began. One that was cancelled before it began is
        left out of the line of those that wait, and of the queue.
        """
        array, _, index = (self.id or "").partition("_")
        queued = (id_ for cluster, id_, *_ in slurm.jobs if cluster == self.cluster)
        known = (*queued, *(said for said, *_ in slurm.accounts))
        return bool(index) and any(each.startswith(f"{array}_") for each in known)


def _word(slurm: _Slurm, job: _Job) -> JobWord:
    failure = slurm.failures.get(job.cluster, "it was not asked")
    if failure:
        return NotTold(failure)
    found = [
        InQueue(id_, state, reason)
        for _, id_, state, reason, _ in filter(job.is_queued, slurm.jobs)
    ]
    found += [
        InQueue(id_, _accounted_state(account, id_), "")
        for account in slurm.accounts
        if (id_ := job.accounted(account)) is not None
    ]
    return found[0] if found else NoJob(slurm.accounted)


def _accounted_state(account: tuple[str, ...], id_: str) -> str:
    """The state in a line of sacct that is about *id_*, which squeue does not have any more.

    Those that share a line never began, and one that still waited would be in the queue. Accounting
    learns late that a job of an array was cancelled before it began, and then forgets it.
    """
    said, state, _ = account
    return state.partition(" ")[0] if said == id_ else "CANCELLED"
