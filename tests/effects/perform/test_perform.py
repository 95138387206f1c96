"""A plan is walked in one place, whoever performs it."""

import asyncio
from collections.abc import Sequence

import pytest
from attrs import field, mutable

from theseus.core.config.secrets import EnvironmentSecret, FileSecret, Secret
from theseus.core.plan.outcome import (
    AlreadySubmitted,
    Done,
    Failed,
    HostUnreachable,
    NothingToSend,
    NotReached,
    Outcome,
    Unknown,
)
from theseus.core.plan.steps import (
    ClaimRun,
    EnsureFile,
    EnsureTree,
    Launch,
    MakeDir,
    Packaged,
    PlanDocument,
    PutFile,
    PutSecrets,
    Segment,
    Step,
    Text,
    segments,
)
from theseus.effects.hosts.shells import ShellUnavailable
from theseus.effects.perform.dry_run import DryRunPerformer
from theseus.effects.perform.package import packaged_content, packaged_digest
from theseus.effects.perform.parcel import SupplyError
from theseus.effects.perform.perform import Performance, Performer, PerHost, perform
from theseus.effects.perform.recording import Performed, Recording, RecordingPerformer
from theseus.effects.perform.replay import ReplayMismatch, ReplayPerformer

A, B = "a", "b"
STEPS: tuple[Step, ...] = (
    MakeDir(A, "/one", 0o700),
    MakeDir(A, "/two", 0o700),
    MakeDir(B, "/three", 0o700),
    MakeDir(A, "/four", 0o700),
)


@mutable
class Scripted:
    """A performer that gives what it was told to give, and keeps what it was asked."""

    results: list[tuple[Outcome, ...] | Exception]
    asked: list[Segment] = field(factory=list)

    async def perform(self, segment: Segment) -> tuple[Outcome, ...]:
        """Give the next result."""
        self.asked.append(segment)
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result


def walked(performer: Performer, steps: Sequence[Step] = STEPS) -> Performance:
    """What becomes of *steps*."""
    return asyncio.run(perform(steps, performer))


def test_segments_in_order() -> None:
    """Each segment is performed once, in order, and every step has its outcome."""
    performer = Scripted([(Done("1"), Done("2")), (Done("3"),), (Done("4"),)])
    performance = walked(performer)
    assert performance == Performance((Done("1"), Done("2"), Done("3"), Done("4")))
    assert (performance.answer, performance.failure, performance.already) == ("4", None, None)
    assert tuple(performer.asked) == segments(STEPS)


@pytest.mark.parametrize("bad", [Failed(1, "no"), Unknown("lost"), NotReached()])
def test_the_first_failure_ends_it(bad: Outcome) -> None:
    """After a segment that did not wholly succeed nothing is performed."""
    performer = Scripted([(Done(), Done()), (bad,)])
    performance = walked(performer)
    assert performance == Performance((Done(), Done(), bad, NotReached()))
    assert (performance.answer, performance.failure) == (None, (2, bad))


def test_submitted_before() -> None:
    """A run that was submitted before has its answer and no failure."""
    performance = walked(Scripted([(AlreadySubmitted("then"), NotReached())]))
    assert performance.outcomes == (AlreadySubmitted("then"), *[NotReached()] * 3)
    assert (performance.answer, performance.failure) == ("then", None)
    assert performance.already == AlreadySubmitted("then")


UNREACHABLE = HostUnreachable("b", "down", "wait")
MISSING = NothingToSend("a secret", "set it")


@pytest.mark.parametrize(
    "raised", [ShellUnavailable(UNREACHABLE), SupplyError(MISSING)], ids=["host", "supply"]
)
def test_errors_are_values(raised: ShellUnavailable | SupplyError) -> None:
    """A host out of reach or content that is missing ends it with the error as a value."""
    performance = walked(Scripted([(Done(), Done()), raised]))
    assert performance == Performance((Done(), Done(), NotReached(), NotReached()), raised.error)
    assert performance.failure == (2, NotReached())


def test_no_steps() -> None:
    """Nothing to do is done, without an answer."""
    performance = walked(Scripted([]), ())
    assert (performance.outcomes, performance.answer, performance.failure) == ((), None, None)


def test_per_host() -> None:
    """Each segment goes to the performer of its host."""
    a, b = Scripted([(Done(), Done()), (Done(),)]), Scripted([(Done(),)])
    assert walked(PerHost({A: a, B: b})).failure is None
    assert [segment.host for segment in a.asked + b.asked] == [A, A, B]


def recorded() -> Recording:
    """A recording of STEPS that failed at the third."""
    performer = RecordingPerformer(Scripted([(Done("1"), Done()), (Failed(1, "no"),)]))
    walked(performer)
    return performer.recording


def test_recording() -> None:
    """A recording holds each segment that was performed with its outcomes."""
    first, second, _ = segments(STEPS)
    expected = (Performed(first, (Done("1"), Done())), Performed(second, (Failed(1, "no"),)))
    assert recorded() == Recording(expected)
    steps = [step for each in recorded().performed for step in each.segment.steps]
    assert steps == list(STEPS[:3])


def test_replay() -> None:
    """A replay gives the outcomes that were recorded."""
    performance = walked(ReplayPerformer(recorded()))
    assert performance.outcomes == (Done("1"), Done(), Failed(1, "no"), NotReached())


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((STEPS[0], MakeDir(A, "/2", 0o700)), "step 1 on a differs: recorded MakeDir `mkdir"),
        (STEPS[:1], "step 1 on a differs: .*performed nothing"),
        (STEPS[2:], "a segment at step 0 on a here, the plan one at step 0 on b"),
    ],
)
def test_replay_of_another_plan(steps: tuple[Step, ...], message: str) -> None:
    """A replay of other steps than the recorded is refused with the first difference."""
    with pytest.raises(ReplayMismatch, match=message):
        walked(ReplayPerformer(recorded()), steps)


def test_replay_beyond_the_end() -> None:
    """A replay of more than was recorded is refused."""
    with pytest.raises(ReplayMismatch, match="ends before the segment at step 0 on a"):
        walked(ReplayPerformer(Recording()))


def test_dry_run() -> None:
    """A dry run prints every command and file, shipped ones by digest, secrets by reference."""
    digest = packaged_digest("bootstrap.sh")
    size = len(packaged_content("bootstrap.sh"))
    shipped = Packaged("bootstrap.sh", digest)
    secrets = (Secret("TOKEN", EnvironmentSecret("T")), Secret("K", FileSecret("~/k")))
    steps: tuple[Step, ...] = (
        ClaimRun(A, "~/r"),
        PutFile(A, "/r/job.env", 0o600, Text("ONE='1'\nTWO='2'\n")),
        PutFile(A, "/r/bootstrap.sh", 0o600, shipped),
        PutFile(A, "/r/plan.json", 0o600, PlanDocument()),
        EnsureFile(A, "/b", 0o644, shipped),
        EnsureTree(A, "/t", "abc"),
        PutSecrets(A, "/r/secrets.env", secrets),
        Launch(A, "/r", "/log"),
    )
    lines: list[str] = []
    performance = walked(DryRunPerformer(lines.append), steps)
    assert performance.failure is None
    assert lines == [
        "[0] a$ claim ~/r",
        "[1] a$ receive 0600 /r/job.env",
        "    | ONE='1'",
        "    | TWO='2'",
        "[2] a$ receive 0600 /r/bootstrap.sh",
        f"    | bootstrap.sh, {size} bytes, sha256 {digest}",
        "[3] a$ receive 0600 /r/plan.json",
        "    | (the plan itself, as JSON)",
        "[4] a$ obtain 0644 /b",
        f"    | bootstrap.sh, {size} bytes, sha256 {digest}, sent only where it is missing",
        "[5] a$ obtain 0644 /t",
        "    | (archive of the source tree abc, sent only where it is missing)",
        "[6] a$ receive 0600 /r/secrets.env",
        "    | TOKEN=(secret, from env:T)",
        "    | K=(secret, from file:~/k)",
        "[7] a$ launch /r /log",
    ]
