"""What SLURM's words for a job without an outcome mean."""

import pytest

from theseus.core.runs.job_end import explain_end


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("", "it was killed, or the host was restarted"),
        ("FAILED JobLaunchFailure", "SLURM says FAILED JobLaunchFailure; its node could not"),
        ("CANCELLED None", "SLURM says CANCELLED; somebody cancelled it"),
        ("CANCELLED DependencyNeverSatisfied", "the run it waited for did not complete"),
        ("FAILED NonZeroExitCode", "SLURM says FAILED NonZeroExitCode; look at its log"),
        ("FORGOTTEN", "SLURM says FORGOTTEN; SLURM does not remember"),
    ],
)
def test_explain_end(said: str, shown: str) -> None:
    """SLURM's words are shown, and what they mean; without any it is a plain host."""
    assert shown in explain_end(said)
