"""Recordings as files."""

import asyncio
import json

import pytest

from theseus.core.config.secrets import EnvironmentSecret, Secret
from theseus.core.plan.outcome import Done, HostUnreachable, NothingToSend, Outcome
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
    Submit,
    Text,
)
from theseus.effects.hosts.shells import ShellUnavailable
from theseus.effects.perform.parcel import SupplyError
from theseus.effects.perform.perform import perform
from theseus.effects.perform.recording import (
    CutOff,
    RecordingPerformer,
    read_recording,
    recording_data,
)
from theseus.effects.perform.replay import ReplayMismatch, ReplayPerformer

STEPS: tuple[Step, ...] = (
    MakeDir("box", "~/share", 0o700),
    ClaimRun("box", "/share/runs/1"),
    EnsureFile("box", "/share/runtimes/a.zip", 0o600, Packaged("runtime.zip", "a" * 64)),
    EnsureTree("box", "/share/trees/t.tar.gz", "b" * 40),
    PutFile("box", "/share/runs/1/job.env", 0o600, Text("A='it''s'\n")),
    PutFile("box", "/share/runs/1/plan.json", 0o600, PlanDocument()),
    PutSecrets("box", "/share/runs/1/secrets.env", (Secret("TOKEN", EnvironmentSecret("TOKEN")),)),
    Submit("hpc", "/share/runs/1", ("sbatch", "--parsable", "--job-name=a b")),
    Launch("box", "/share/runs/1", "/share/log"),
)


class Yes:
    """A performer that says yes."""

    async def perform(self, segment: Segment) -> tuple[Outcome, ...]:
        """Answer each step with its kind."""
        return tuple(Done(type(step).__name__) for step in segment.steps)


def test_a_saved_recording_reads_back_equal_and_replays() -> None:
    """What was recorded is steps and outcomes, and replaying it gives the same outcomes."""
    recorder = RecordingPerformer(Yes())
    performed = asyncio.run(perform(STEPS, recorder))
    text = json.dumps(recording_data(recorder.recording))
    again = read_recording(json.loads(text))
    assert again == recorder.recording
    assert [step for one in again.performed for step in one.segment.steps] == list(STEPS)
    assert asyncio.run(perform(STEPS, ReplayPerformer(again))) == performed


def test_a_replay_refuses_other_steps() -> None:
    """A plan that differs from the recorded one is a mismatch, not a guess."""
    recorder = RecordingPerformer(Yes())
    asyncio.run(perform(STEPS, recorder))
    other = (MakeDir("box", "/elsewhere", 0o700), *STEPS[1:])
    with pytest.raises(ReplayMismatch):
        asyncio.run(perform(other, ReplayPerformer(recorder.recording)))


@pytest.mark.parametrize(
    "raised",
    [
        ShellUnavailable(HostUnreachable("box", "timed out", "try later")),
        SupplyError(NothingToSend("the tree", "plan again")),
    ],
)
def test_a_failure_is_recorded_and_replayed(raised: ShellUnavailable | SupplyError) -> None:
    """What could not be begun fails again with the same error."""

    class Cut:
        """A performer that cannot begin."""

        async def perform(self, _: Segment) -> tuple[Outcome, ...]:
            """Raise."""
            raise raised

    recorder = RecordingPerformer(Cut())
    performed = asyncio.run(perform(STEPS, recorder))
    assert performed.error == raised.error
    again = read_recording(json.loads(json.dumps(recording_data(recorder.recording))))
    (recorded,) = again.performed
    assert isinstance(recorded, CutOff)
    assert asyncio.run(perform(STEPS, ReplayPerformer(again))) == performed


def test_an_interruption_is_recorded() -> None:
    """Of what was not answered when somebody interrupted, nothing is known."""

    class Waits:
        """A performer that is never answered."""

        async def perform(self, _: Segment) -> tuple[Outcome, ...]:
            """Wait."""
            await asyncio.get_running_loop().create_future()
            return ()

    async def interrupted(recorder: RecordingPerformer) -> None:
        performing = asyncio.create_task(perform(STEPS, recorder))
        await asyncio.sleep(0)
        performing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await performing

    recorder = RecordingPerformer(Waits())
    asyncio.run(interrupted(recorder))
    again = asyncio.run(perform(STEPS, ReplayPerformer(recorder.recording)))
    assert [type(outcome).__name__ for outcome in again.outcomes[:2]] == ["Unknown", "Unknown"]


@pytest.mark.parametrize("data", [None, [], {"performed": 3}, {"performed": [{"segment": {}}]}])
def test_what_is_no_recording_is_refused(data: object) -> None:
    """Data that is no recording is a ValueError that says why."""
    with pytest.raises(ValueError, match=r"."):
        read_recording(data)
