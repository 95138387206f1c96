"""Recovery: what was seen tells whether a run was submitted, or that nobody knows yet."""

import pytest
from attrs import evolve

from theseus.core.runs.recovery import NeverSubmitted, NotKnown, Recovery, WasSubmitted, recovery_of
from theseus.core.runs.run_state import Unreachable
from theseus.core.runs.sighting import NoJob, NotTold, Sighting

PLACE = Sighting(place=True)
LAUNCHED = Sighting(place=True, there=True, launched=True)


@pytest.mark.parametrize(
    ("seen", "kind", "said"),
    [
        (Unreachable("no answer in time"), NotKnown, "no answer in time"),
        (evolve(LAUNCHED, answer="slurm 42"), WasSubmitted, "slurm 42"),
        (evolve(LAUNCHED, job=NotTold("timed out")), NotKnown, "SLURM does not answer"),
        (Sighting(), NotKnown, "not mounted"),
        (PLACE, NeverSubmitted, "no run directory"),
        (evolve(LAUNCHED, starting=True, job=NoJob(accounted=False)), NotKnown, "a moment ago"),
        (evolve(PLACE, there=True), NeverSubmitted, "was not started"),
        (LAUNCHED, NeverSubmitted, "no process"),
        (evolve(LAUNCHED, job=NoJob(accounted=False)), NeverSubmitted, "no such job"),
    ],
)
def test_recovery(seen: Sighting | Unreachable, kind: type[Recovery], said: str) -> None:
    """Only what a host could look at is told as known."""
    found = recovery_of(seen)
    assert isinstance(found, kind)
    assert said in repr(found)
