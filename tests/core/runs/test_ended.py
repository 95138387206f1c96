"""What the end of a run means for who waited for it."""

import pytest

from tests.core.test_strings import Given
from theseus.core.runs.ended import RunEnd, exit_status_of
from theseus.core.runs.run_state import (
    Cancelled,
    Completed,
    Failed,
    Lost,
    Preempted,
    Rejected,
    RunState,
)

PLAN = Given().plan().unwrap()


@pytest.mark.parametrize(
    ("state", "status", "text"),
    [
        (Completed(), 0, "run id (my-run) completed"),
        (Failed("no loss", None, 3), 3, "run id (my-run) failed with exit status 3: no loss"),
        (Failed("no word", None, None), 1, "run id (my-run) failed with exit status 1: no word"),
        (Failed("saved", None, 0), 1, "run id (my-run) failed with exit status 1: saved"),
        (Cancelled("by hand"), 143, "run id (my-run) cancelled: by hand"),
        (Preempted("made room"), 1, "run id (my-run) preempted: made room"),
        (Lost("gone"), 1, "run id (my-run) lost: gone"),
        (Rejected("bad account"), 1, "run id (my-run) rejected: bad account"),
    ],
)
def test_ends(state: RunState, status: int, text: str) -> None:
    """Only a run that completed ends well; one that failed gives its own status."""
    end = RunEnd.of(PLAN, state)
    assert exit_status_of(state) == end.exit_status == status
    assert end.text() == text


def test_variables() -> None:
    """A command that is notified finds out which run ended, and how."""
    found = RunEnd.of(PLAN, Failed("no loss", None, 3)).variables()
    assert found["THESEUS_RUN_ID"] == PLAN.run.id
    assert found["THESEUS_STATE"] == "failed"
    assert found["THESEUS_EXIT_STATUS"] == "3"
    assert found["THESEUS_MESSAGE"] == "no loss"
