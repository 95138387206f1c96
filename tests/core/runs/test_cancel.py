"""What a host is told when runs are to end, and what its answer means."""

import pytest

from theseus.core.runs.cancel import (
    Cancellation,
    Cancelled,
    EndedBefore,
    NoSuchRun,
    NotAsked,
    Remains,
    cancel_command,
    explain_cancellation,
    holds,
    read_cancellations,
)
from theseus.core.runs.recovery import NeverSubmitted

ANSWERS: list[tuple[str, Cancellation, bool, str]] = [
    ("cancelled", Cancelled(), True, "run r is cancelled; nothing of it is left on box"),
    (
        "ended cancelled",
        EndedBefore("cancelled"),
        True,
        "run r was cancelled before; nothing of it is left on box",
    ),
    (
        "ended completed",
        EndedBefore("completed"),
        True,
        "run r completed before it could be cancelled; nothing of it is left on box",
    ),
    ("missing", NoSuchRun(), False, "run r is not on box: nothing to cancel there"),
    (
        "unknown Access denied",
        NotAsked("Access denied"),
        False,
        "run r may still be there: SLURM at box said: Access denied; cancel it again",
    ),
    (
        "remains in SLURM: its job 7 is still COMPLETING",
        Remains("in SLURM: its job 7 is still COMPLETING"),
        False,
        (
            "run r remains in SLURM: its job 7 is still COMPLETING; cancel it again, "
            "or ask the administrators of box"
        ),
    ),
]


def test_one_line_for_all() -> None:
    """Every run of a host is in one line, quoted; the home is left to the host."""
    assert cancel_command(["~/runs/a", "/runs/b c"]) == "cancel ~/runs/a '/runs/b c'"


@pytest.mark.parametrize(
    ("line", "meant", "held", "text"), ANSWERS, ids=lambda each: str(each)[:20]
)
def test_each_answer(line: str, meant: Cancellation, *, held: bool, text: str) -> None:
    """Each line that the host may print has a meaning, and that has words."""
    assert read_cancellations(f"{line}\n", 1) == (meant,)
    assert holds(meant) is held
    assert explain_cancellation("r", "box", meant) == text


def test_never_submitted() -> None:
    """Of a run that was never submitted nothing can be there, and it is said how that is known."""
    never = NeverSubmitted("it has no run directory")
    assert holds(never)
    said = "run r was never submitted to box: it has no run directory; nothing to cancel"
    assert explain_cancellation("r", "box", never) == said


def test_answers_in_order() -> None:
    """Each run has its answer; one without is not taken for cancelled."""
    read = read_cancellations("cancelled\nended failed\n", 3)
    assert read == (Cancelled(), EndedBefore("failed"), NotAsked("no answer came"))
