"""Segments: how a plan's steps are handed to performers."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from theseus.core.plan.steps import ClaimRun, Step, segments

_STEPS = st.lists(st.builds(ClaimRun, st.sampled_from("ab"), st.sampled_from("xyz")), max_size=8)


@given(_STEPS)
def test_segments_partition_the_steps(steps: list[Step]) -> None:
    """Put end to end, the segments are the steps; each knows where it begins."""
    cut = segments(steps)
    assert [step for segment in cut for step in segment.steps] == steps
    for segment in cut:
        assert segment.steps
        assert steps[segment.first : segment.first + len(segment.steps)] == list(segment.steps)


@given(_STEPS)
def test_segments_are_maximal(steps: list[Step]) -> None:
    """A segment is on one host, and the next one is on another."""
    cut = segments(steps)
    for segment in cut:
        assert {step.host for step in segment.steps} == {segment.host}
    for one, other in pairwise(cut):
        assert one.host != other.host
