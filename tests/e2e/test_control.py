"""Looking after runs through a real OpenSSH server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.runs import job, submission
from tests.e2e.far_desk import FarDesk, far_desk, noisy
from tests.e2e.sshd import Sshd
from tests.runtime.host import until

pytestmark = pytest.mark.slow


@pytest.fixture(params=["bash", "tcsh", "fish"])
def far(request: pytest.FixtureRequest, sshd: Sshd, tmp_path: Path) -> Iterator[FarDesk]:
    """A desk with one far host, whose login shell prints."""
    if request.param not in sshd.users:
        pytest.skip(f"{request.param} is not installed here, or no user can be made who has it")
    with far_desk(tmp_path, sshd, request.param) as made, noisy(sshd, request.param):
        yield made


def test_a_run_is_looked_after(far: FarDesk) -> None:
    """Through any login shell: a command where it runs, its log, its files, and its end."""
    job(far.desk, 'echo a >"$THESEUS_RESULTS_DIR/a b"; echo working; sleep 600')
    started = far.desk.theseus("submit", "demo", "train.yaml", "--json")
    run = submission(far.desk, started)
    (log,) = (far.place / "work" / "logs").iterdir()
    until(lambda: "working" in log.read_text())
    script = 'id -un; pwd; echo "$1"'
    entered = far.desk.theseus("ssh", "demo", "--", "sh", "-c", script, "x", "it's !\n\"$y")
    assert entered.status == 0, entered.err
    work = far.place / "work" / "project" / "default" / "demo" / run.run_id
    assert entered.out.endswith(f"{far.user}\n{work}\nit's !\n\"$y\n")
    assert far.desk.theseus("logs", "demo", "-n", "1").out == "working\n"
    assert far.desk.theseus("pull", "demo", "--to", "here").status == 0
    assert (far.desk.repository / "here" / "a b").read_text() == "a\n"
    done = far.desk.theseus("cancel", "demo")
    assert (done.status, "nothing of it is left on far" in done.err) == (0, True)
    assert far.outcome(run.run_id)["state"] == "cancelled"
