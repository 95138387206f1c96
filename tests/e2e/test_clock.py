"""A client whose clock is wrong: states are judged by the host's clock alone."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.cli.runs import job, submission
from tests.e2e.far_desk import PLACE, FarDesk, far_desk
from tests.e2e.sshd import Sshd
from tests.runtime.host import until

pytestmark = pytest.mark.slow
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.fixture
def far(sshd: Sshd, tmp_path: Path) -> Iterator[FarDesk]:
    """A desk with one far host."""
    with far_desk(tmp_path, sshd, next(iter(sshd.users))) as made:
        yield made


@pytest.mark.parametrize("offset", ["-1h", "+1h"])
def test_an_hour_off(far: FarDesk, offset: str) -> None:
    """A run runs while it runs and has completed when it has, whatever the client's clock says."""
    if FAKETIME is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the Debian package faketime is missing")
        pytest.skip("the Debian package faketime is not installed")
    wrong = Desk(far.desk.place, {"LD_PRELOAD": str(FAKETIME), "FAKETIME": offset})
    job(wrong, f"echo begun; until test -e ~/{PLACE}/go; do sleep 0.05; done")
    run = submission(wrong, wrong.theseus("submit", "demo", "train.yaml", "--json"))
    (log,) = (far.place / "work" / "logs").iterdir()
    until(lambda: "begun" in log.read_text())
    assert state_of(wrong, run.run_id) == "running"
    (far.place / "go").touch()
    assert far.outcome(run.run_id)["state"] == "completed"
    for desk in (wrong, far.desk):
        assert state_of(desk, run.run_id) == "completed"


def state_of(desk: Desk, run_id: str) -> str:
    """What `ps` says of the run."""
    finished = desk.theseus("ps", run_id, "--json")
    assert finished.status == 0, finished.err
    (row,) = json.loads(finished.out)
    return str(row["state"])
