"""Connections of a real sshd that are lost at the one moment that decides."""

from pathlib import Path

import pytest

from tests.cli.runs import job, submission
from tests.e2e.far_desk import PLACE, far_desk
from tests.e2e.sshd import Sshd

pytestmark = pytest.mark.slow
# in place of a program that the launch of a run calls: ends the sshd of its session, once
BREAKING = """\
for word; do :; done
case $word in {word})
  if mkdir "$HOME/{place}/broken" 2>/dev/null; then
    pid=$$
    until grep -q '^sshd' "/proc/$pid/comm"; do
      pid=$(sed 's/.*) //' "/proc/$pid/stat" | cut -d ' ' -f 2)
    done
    kill -9 "$pid"
    {then}
  fi
  ;;
esac
exec /usr/bin/{name} "$@"
"""
# started: its answer is about to be written; not: its shell dies before it is marked as launched
STARTED = {"name": "mv", "word": "*/answer", "then": ""}
NEVER_STARTED = {"name": "mkdir", "word": "*/launched", "then": "kill -9 $PPID; exit"}


@pytest.mark.parametrize("transport", ["asyncssh", "openssh"])
@pytest.mark.parametrize("launch", [STARTED, NEVER_STARTED], ids=["started", "never started"])
def test_lost_at_launch(sshd: Sshd, tmp_path: Path, transport: str, launch: dict[str, str]) -> None:
    """The client does not know, `recover` finds out, and the same plan again is the same run."""
    shell = next(iter(sshd.users))
    with (
        far_desk(tmp_path, sshd, shell, transport) as far,
        sshd.program(launch["name"], BREAKING.format(place=PLACE, **launch)),
    ):
        job(far.desk, f"echo ran >>~/{PLACE}/count")
        plan = str(far.desk.place / "p.yaml")
        assert far.desk.theseus("plan", "demo", "train.yaml", "-o", plan).status == 0
        lost = far.desk.theseus("apply", plan, "--force")
        assert lost.status == 5, lost
        asked = far.desk.theseus("recover", "demo")
        assert asked.status == (0 if launch is STARTED else 1), asked
        again = submission(far.desk, far.desk.theseus("apply", plan, "--force", "--json"))
        assert again.said["again"] is (launch is STARTED)
        assert far.outcome(again.run_id)["state"] == "completed"
        assert (far.place / "count").read_text() == "ran\n"
