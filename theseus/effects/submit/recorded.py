"""Recorded: a submission as one file, for a bug report, and performed again without its host.

The file holds the plan, and what the host answered to each step; no secret, as neither does.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.errors import BadFile, Located, PlanError, PlanUnusable
from theseus.core.plan.codec import plan_data, read_plan
from theseus.core.plan.modes import PRIVATE_FILE
from theseus.core.plan.plan import Plan
from theseus.core.submit.submitted import Submitted
from theseus.core.text.json_text import json_text
from theseus.core.values import frozen
from theseus.effects.perform.perform import Performance, Performer, perform
from theseus.effects.perform.recording import (
    Recording,
    RecordingPerformer,
    read_recording,
    recording_data,
)
from theseus.effects.perform.replay import ReplayMismatch, ReplayPerformer
from theseus.effects.reading.load import read_text
from theseus.effects.reading.output_file import OutputFile
from theseus.effects.submit.submission import judged

VERSION = 1


@frozen
class RecordedSubmission:
    """A *plan*, and the *recording* of performing it."""

    plan: Plan
    recording: Recording


@frozen
class Replayed:
    """What became of a plan when it was recorded: of each step, and of the run."""

    performance: Performance
    submitted: Result[Submitted, PlanError]


class Recorder:
    """Keeps what a submission does, however it ends; it is saved when that has been said."""

    def __init__(self) -> None:
        self.recorded: RecordedSubmission | None = None

    @contextmanager
    def around(self, plan: Plan, performer: Performer) -> Iterator[Performer]:
        """*performer*, with what becomes of *plan* kept."""
        recorder = RecordingPerformer(performer)
        try:
            yield recorder
        finally:
            self.recorded = RecordedSubmission(plan, recorder.recording)


def save_recorded(recorded: RecordedSubmission, output: OutputFile) -> Result[None, PlanError]:
    """Write *recorded* to *output*, for its owner alone."""
    data = {"plan": plan_data(recorded.plan), **recording_data(recorded.recording)}
    return output.write(json_text({"version": VERSION, **data}).encode(), PRIVATE_FILE)


def load_recorded(path: str) -> Result[RecordedSubmission, PlanError]:
    """The submission recorded at *path*."""
    text: Result[str, PlanError] = read_text("recording", path, "check the path")
    return text.bind(lambda text: _parsed(path, text))


def replayed(path: str, recorded: RecordedSubmission) -> Result[Replayed, PlanError]:
    """What comes of performing it again by what was answered then; nothing is contacted."""
    plan, performer = recorded.plan, ReplayPerformer(recorded.recording)
    try:
        performance = asyncio.run(perform(plan.steps, performer))
    except ReplayMismatch as mismatch:
        return _no_recording(path, str(mismatch))
    if performer.left():
        return _no_recording(path, "it goes on after the end of its plan")
    return Success(Replayed(performance, judged(plan, performance)))


def _parsed(path: str, text: str) -> Result[RecordedSubmission, PlanError]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _no_recording(path, f"it is no JSON: {error}")
    if not isinstance(data, dict) or data.keys() != {"version", "plan", "performed"}:
        return _no_recording(path, "it is something else")
    if data["version"] != VERSION:
        return _no_recording(path, "another theseus has written it")
    plan = read_plan(data["plan"])
    if not is_successful(plan):
        return Failure(PlanUnusable(path, plan.failure()))
    try:
        performed = read_recording({"performed": data["performed"]})
    except ValueError as error:
        return _no_recording(path, str(error))
    return Success(RecordedSubmission(plan.unwrap(), performed))


def _no_recording(path: str, reason: str) -> Failure[PlanError]:
    said = f"no recording: {reason}; `theseus submit … --record FILE` writes one"
    return Failure(BadFile(path, (Located(0, 0, (), said),)))
