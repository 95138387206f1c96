"""Refusals of sbatch: each that is known gets advice; its own words are never changed."""

import pytest

from theseus.core.submit.refusals import refusal_advice

FAILED = "sbatch: error: Batch job submission failed: "
POLICY = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"


@pytest.mark.parametrize(
    ("said", "advised"),
    [
        (f"{FAILED}Requested node configuration is not available", "gres_mapping"),
        (f"{FAILED}Invalid account or account/partition combination specified", "`account`"),
        (f"{FAILED}Invalid qos specification", "`qos`"),
        (f"{FAILED}Requested time limit is invalid (missing or exceeds some limit)", "--time"),
        (f"{FAILED}Unable to contact slurm controller (connect failure)", "nothing was submitted"),
        (f"{FAILED}Invalid feature specification", "`constraint`"),
        (f"{FAILED}Invalid generic resource (gres) specification", "gres_mapping"),
        (f"{FAILED}Node count specification invalid", "--nodes"),
        (f"{FAILED}Invalid job array specification", "MaxArraySize"),
        (f"{FAILED}Socket timed out on send/recv operation", "apply the same plan again"),
        ("sbatch: error: Memory specification can not be satisfied", "--mem"),
        ("sbatch: error: invalid partition specified: nope", "`partitions`"),
        (f"sbatch: error: QOSMaxSubmitJobPerUserLimit\n{FAILED}{POLICY}", "account or QOS"),
    ],
)
def test_advice(said: str, advised: str) -> None:
    """What sbatch of Slurm 22.05 says is known, with what to do in the user's own words."""
    assert advised in (refusal_advice(said) or "")


def test_no_advice() -> None:
    """Words that nobody knows speak for themselves."""
    assert refusal_advice("sbatch: error: the moon is full") is None
    assert refusal_advice("") is None
