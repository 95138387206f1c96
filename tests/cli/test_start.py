"""What is said of a run that was submitted."""

import pytest

from tests.cases.case import CASES, planned
from theseus.cli.start import finish
from theseus.core.submit.submitted import Submitted

AWAITED = "20251231-235959-k7f2qx"


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("queue-free-now", "started on"),
        ("queue-free-now", "waits for its turn on"),
        ("slurm-one", "submitted to"),
        ("after-on-plain", f"when run {AWAITED} has completed"),
        ("after-on-slurm", f"when run {AWAITED} has completed"),
    ],
)
def test_state(case: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Only a run that nothing holds up is said to have started."""
    plan = planned(CASES / case).unwrap()
    submitted = Submitted(plan, "1 2 3", again=False, queued=said.startswith("waits"))
    assert finish(submitted, follow=False, json=False) == 0
    err = capsys.readouterr().err
    assert said in err
    assert ("started" in err) == (said == "started on")
    assert f"; log: {plan.paths.log}" in err


def test_again(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a run that was submitted before no more is known, whatever it waited for then."""
    plan = planned(CASES / "after-on-plain").unwrap()
    assert finish(Submitted(plan, "1 2 3", again=True), follow=False, json=False) == 0
    assert f"was submitted before on {plan.target.host}" in capsys.readouterr().err
