"""Recorded: a submission as one file, for a bug report, and performed again without its host.

The file holds the plan, and what the host answered to each step; no secret, as neither does.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.error_text import explain
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
from theseus.effects.submit.noted import Warn
from theseus.effects.submit.submission import judged
from theseus.effects.submit.witness import Around

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


def recording_to(output: OutputFile, warn: Warn) -> Around:
    """What records a submission to *output*, however it ends, and warns where that cannot be."""

    @contextmanager
    def around(plan: Plan, performer: Performer) -> Iterator[Performer]:
        recorder = RecordingPerformer(performer)
        try:
            yield recorder
        finally:
            kept = output.write(_text(RecordedSubmission(plan, recorder.recording)), PRIVATE_FILE)
            if not is_successful(kept):
                warn(f"{explain(kept.failure())}; the submission itself is not touched by this")

    return around


def load_recorded(path: str) -> Result[RecordedSubmission, PlanError]:
    """The submission recorded at *path*."""
    text: Result[str, PlanError] = read_text("recording", path, "check the path")
    return text.bind(lambda text: _parsed(path, text))


def replayed(path: str, recorded: RecordedSubmission) -> Result[Replayed, PlanError]:
    """What comes of performing it again by what was answered then; nothing is contacted."""
    plan = recorded.plan
    try:
        performance = asyncio.run(perform(plan.steps, ReplayPerformer(recorded.recording)))
    except ReplayMismatch as mismatch:
        return _no_recording(path, str(mismatch))
    return Success(Replayed(performance, judged(plan, performance)))


def _text(recorded: RecordedSubmission) -> bytes:
    data = {"plan": plan_data(recorded.plan), **recording_data(recorded.recording)}
    return json_text({"version": VERSION, **data}).encode()


def _parsed(path: str, text: str) -> Result[RecordedSubmission, PlanError]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _no_recording(path, f"it is no JSON: {error}")
    if not isinstance(data, dict) or data.get("version") != VERSION:
        return _no_recording(path, "this theseus has not written it")
    plan = read_plan(data.get("plan"))
    if not is_successful(plan):
        return Failure(PlanUnusable(path, plan.failure()))
    try:
        performed = read_recording({"performed": data.get("performed")})
    except ValueError as error:
        return _no_recording(path, str(error))
    return Success(RecordedSubmission(plan.unwrap(), performed))


def _no_recording(path: str, reason: str) -> Failure[PlanError]:
    said = f"no recording: {reason}; `theseus submit … --record FILE` writes one"
    return Failure(BadFile(path, (Located(0, 0, (), said),)))
