"""`theseus replay`: a recorded submission once more, without its host."""

import sys
from collections.abc import Iterator
from typing import Annotated, assert_never

from returns.pipeline import is_successful
from returns.result import Result

from theseus.cli.flags import Switch
from theseus.cli.invoke import harmless, say
from theseus.cli.report import report
from theseus.cli.start import announce, finish
from theseus.core.errors import PlanError
from theseus.core.plan.outcome import (
    AlreadySubmitted,
    Done,
    Failed,
    NotReached,
    Outcome,
    Unknown,
)
from theseus.core.plan.plan import Plan
from theseus.core.plan.script import describe_step
from theseus.effects.submit.recorded import Replayed, load_recorded, replayed


def replay(recording: str, /, *, json: Annotated[bool, Switch] = False) -> int:
    """Perform a recorded submission again by what its host answered then; contact nothing.

    What is said at the end and the exit status are those of the submission.

    Parameters
    ----------
    recording
        File that `theseus submit --record` or `theseus apply --record` wrote.
    json
        Print what was started as JSON, instead of the steps.
    """
    again: Result[tuple[Plan, Replayed], PlanError] = Result.do(
        (recorded.plan, played)
        for recorded in load_recorded(recording)
        for played in replayed(recording, recorded)
    )
    if not is_successful(again):
        return report(again.failure())
    plan, played = again.unwrap()
    say(f"{recording} is replayed: nothing is contacted")
    announce(plan)
    if not json:
        for line in _lines(plan, played.performance.outcomes):
            sys.stdout.write(f"{harmless(line)}\n")
    if not is_successful(played.submitted):
        return report(played.submitted.failure())
    return finish(played.submitted.unwrap(), follow=False, json=json)


def _lines(plan: Plan, outcomes: tuple[Outcome, ...]) -> Iterator[str]:
    """Each step with what became of it, as a dry run numbers them."""
    for index, (step, outcome) in enumerate(zip(plan.steps, outcomes, strict=True)):
        yield f"[{index}] {step.host}$ {describe_step(step)}"
        yield from (f"    | {line}" for line in _said(outcome).splitlines())


def _said(outcome: Outcome) -> str:
    match outcome:
        case Done(output):
            return output.strip() or "done"
        case AlreadySubmitted(answer):
            return f"submitted before: {answer.strip()}"
        case Failed(status, message):
            return f"failed with status {status}: {message.strip() or 'it said nothing'}"
        case NotReached():
            return "not reached"
        case Unknown(reason):
            return f"not answered: {reason}"
        case _:
            assert_never(outcome)
