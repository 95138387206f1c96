"""`--after RUN` on a plain host: two runs in a row, submitted at once."""

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk
from tests.cli.packed_file import PackedFile, until
from tests.cli.runs import job, submission, submitted

pytestmark = pytest.mark.slow
WHEN_TOLD = "until test -e ~/go; do sleep 0.05; done; exit $(cat ~/go)\n"


def test_completed(desk: Desk) -> None:
    """The second run starts when the first has completed, and not before."""
    job(desk, f"echo $THESEUS_NAME >>~/order; {WHEN_TOLD}")
    first = submitted(desk)
    until((desk.home / "order").exists)
    said = desk.theseus("submit", "demo", "train.yaml", "--json", "--after", "demo")
    assert f"starts on box when run {first.run_id} has completed; log: " in said.err
    second = submission(desk, said)
    until(lambda: "waiting for run" in second.place("log").read_text())
    assert (desk.home / "order").read_text() == "demo\n"
    desk.write(str(desk.home / "go"), "0")
    assert second.outcome()["state"] == "completed"
    assert first.outcome()["state"] == "completed"
    assert (desk.home / "order").read_text() == "demo\ndemo\n"


def test_failed(desk: Desk) -> None:
    """When the first run fails, the second does too, without having started."""
    job(desk, WHEN_TOLD)
    first = submitted(desk)
    second = submitted(desk, "--after", first.run_id)
    desk.write(str(desk.home / "go"), "3")
    outcome = second.outcome()
    assert (outcome["state"], outcome["exit_status"]) == ("failed", 1)
    assert f"the run {first.run_id} that this one waits for failed" in outcome["message"]


def test_packed(desk: Desk, inside: Inside) -> None:
    """A packed file waits for a run beneath the share that it is given."""
    first = submitted(desk)
    assert first.outcome()["state"] == "completed"
    path = desk.home / "job.sh"
    words = ("bootstrap", "demo", "train.yaml", "--after", first.run_id, "-o", str(path))
    assert inside(desk, *words).status == 0
    elsewhere = PackedFile(desk, path).run("--share", "other")
    assert elsewhere.status == 1
    assert f"there is no {desk.home}/other/runs/{first.run_id}" in elsewhere.out
    assert PackedFile(desk, path).run().status == 0


def test_name(desk: Desk, inside: Inside) -> None:
    """A word that means no run is bad input."""
    finished = inside(desk, "plan", "demo", "train.yaml", "--after", "dmo")
    assert finished.status == 2
    assert "no run is called 'dmo'" in finished.err
