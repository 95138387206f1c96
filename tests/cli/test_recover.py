"""`theseus recover`: a submission whose answer was lost is found out, never guessed or repeated."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk
from tests.cli.runs import job, outcome_in
from tests.cli.test_run_words import PLACE, remembered
from theseus.core.submit.submission import Accepted, Rejected, Sending, Submission, Unanswered

pytestmark = pytest.mark.slow
SLURM_CONFIG = """\
clusters:
  hpc: {root: ~/root, work: ~/work}
hosts:
  login: {type: slurm, cluster: hpc, transport: local, partitions: [{name: main}]}
"""


def planned(inside: Inside, desk: Desk) -> str:
    """The path of a saved plan of `train.yaml`."""
    path = str(desk.place / "p.json")
    finished = inside(desk, "plan", "demo", "train.yaml", "--dry-run", "-o", path)
    assert finished.status == 0, finished.err
    return path


def forgotten(desk: Desk, submission: str = "sending") -> None:
    """Have the ledger know nothing of how submissions ended."""
    with closing(sqlite3.connect(desk.home / PLACE)) as connection:
        connection.execute("UPDATE runs SET submission = ?, detail = ''", (submission,))
        connection.commit()


def known(desk: Desk) -> Submission:
    """What the ledger knows of the one run's submission."""
    (entry,) = remembered(desk)
    return entry.submission


def run_dir(desk: Desk) -> Path:
    """The directory of the one run."""
    (found,) = (desk.home / "work/.dispatch/runs").iterdir()
    return found


def test_was_submitted(inside: Inside, desk: Desk) -> None:
    """A run that is there is found, remembered, and not submitted again, however often."""
    job(desk, "echo ran >>~/count")
    assert inside(desk, "apply", planned(inside, desk), "--force").status == 0
    outcome_in(run_dir(desk))
    forgotten(desk)
    for words in ((), ("--submit",)):
        finished = inside(desk, "recover", "demo", *words)
        assert finished.status == 0
        assert "was submitted to box" in finished.err
    assert isinstance(known(desk), Accepted)
    assert (desk.home / "count").read_text() == "ran\n"


def test_never_submitted(inside: Inside, desk: Desk) -> None:
    """A run that was never started is told so, and --submit starts it once."""
    job(desk, "echo ran >>~/count")
    plan = planned(inside, desk)
    blocked = desk.home / "work/.dispatch/trees"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where the directory should be")
    (blocked.parent / "runs").mkdir()
    assert inside(desk, "apply", plan, "--force").status == 1
    forgotten(desk, "unanswered")
    blocked.unlink()
    finished = inside(desk, "recover", "demo")
    assert finished.status == 1
    assert "never submitted" in finished.err
    assert "--submit" in finished.err
    assert isinstance(known(desk), Rejected)
    assert inside(desk, "recover", "demo", "--submit").status == 0
    assert outcome_in(run_dir(desk))["state"] == "completed"
    assert inside(desk, "recover", "demo", "--submit").status == 0
    assert (desk.home / "count").read_text() == "ran\n"


def test_not_known(inside: Inside, desk: Desk) -> None:
    """Where the share is not there nobody knows, which is status 5 and the same advice again."""
    assert inside(desk, "apply", planned(inside, desk), "--force").status == 0
    outcome_in(run_dir(desk))
    forgotten(desk, "unanswered")
    (desk.home / "work").rename(desk.home / "away")
    finished = inside(desk, "recover", "demo")
    assert finished.status == 5
    assert "not mounted" in finished.err
    assert "theseus recover" in finished.err
    assert isinstance(known(desk), Unanswered)


def test_cancel_what_was_never_submitted(inside: Inside, desk: Desk) -> None:
    """A run whose submission was cut short before it was sent is cancelled by saying so."""
    assert inside(desk, "apply", planned(inside, desk), "--force").status == 0
    outcome_in(run_dir(desk))
    run_dir(desk).rename(desk.home / "elsewhere")
    for submission in ("sending", "unanswered"):
        forgotten(desk, submission)
        finished = inside(desk, "cancel", "demo")
        assert finished.status == 0
        assert "was never submitted to box: it has no run directory" in finished.err
        assert isinstance(known(desk), Rejected)
    forgotten(desk)
    (desk.home / "work/.dispatch/runs").rename(desk.home / "away")
    unknown = inside(desk, "cancel", "demo")
    assert (unknown.status, "not mounted" in unknown.err) == (5, True)
    assert known(desk) == Sending()


def test_cancel_what_was_submitted(inside: Inside, desk: Desk) -> None:
    """A run whose answer never came is cancelled as any other; one that was cleaned is missed."""
    job(desk, "sleep 60")
    assert inside(desk, "apply", planned(inside, desk), "--force").status == 0
    forgotten(desk)
    (run_dir(desk) / "answer").unlink()
    finished = inside(desk, "cancel", "demo")
    assert (finished.status, "is cancelled" in finished.err) == (0, True)
    forgotten(desk, "accepted")
    run_dir(desk).rename(desk.home / "elsewhere")
    missed = inside(desk, "cancel", "demo")
    assert (missed.status, "is not on box" in missed.err) == (1, True)


def slurm(desk: Desk, sbatch: str, squeue: str) -> None:
    """Have this machine be a SLURM host whose programs are stand-ins that note each call."""
    desk.write(str(desk.home / ".theseus.yaml"), SLURM_CONFIG)
    desk.program("sbatch", f'echo sbatch >>"$HOME/calls"\n{sbatch}')
    desk.program("squeue", squeue)
    desk.program("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")


def calls(desk: Desk) -> int:
    """How often sbatch was called."""
    return len((desk.home / "calls").read_text().splitlines())


TIMED_OUT = "echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1"
DEAF = "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1"


def test_answer_of_sbatch_lost(inside: Inside, desk: Desk) -> None:
    """When sbatch accepts and its answer is lost, the job is found: one job, whatever is done."""
    slurm(desk, TIMED_OUT, DEAF)
    plan = planned(inside, desk)
    first = inside(desk, "apply", plan, "--force")
    assert first.status == 5
    assert "Socket timed out" in first.err
    assert "theseus recover" in first.err
    assert isinstance(known(desk), Unanswered)
    for words in (("recover", "demo", "--submit"), ("apply", plan, "--force")):
        assert inside(desk, *words).status == 5, "SLURM cannot be asked"
    run_id = run_dir(desk).name
    looked, claimed = f"7|PENDING|Priority|theseus:{run_id}", f"7 theseus:{run_id} demo-{run_id}"
    desk.program("squeue", f"case $* in *-r*) echo '{looked}' ;; *) echo '{claimed}' ;; esac")
    found = inside(desk, "recover", "demo", "--submit")
    assert (found.status, "slurm 7" in found.err) == (0, True)
    again = inside(desk, "apply", plan, "--force")
    assert (again.status, "was submitted before" in again.err) == (0, True)
    assert calls(desk) == 1
    assert known(desk) == Accepted("slurm 7")


def test_sbatch_never_had_it(inside: Inside, desk: Desk) -> None:
    """When SLURM answers that it has no such job, the run is submitted now, once."""
    slurm(desk, TIMED_OUT, "true")
    assert inside(desk, "apply", planned(inside, desk), "--force").status == 5
    finished = inside(desk, "recover", "demo")
    assert (finished.status, "has no such job" in finished.err) == (1, True)
    desk.program("sbatch", 'echo sbatch >>"$HOME/calls"\necho 8')
    desk.program("scontrol", "exit 1")
    desk.program("sinfo", "exit 1")
    plan = str(desk.place / "p.json")
    assert inside(desk, "apply", plan, "--force").status == 0
    assert inside(desk, "apply", plan, "--force").status == 0
    assert (calls(desk), known(desk)) == (2, Accepted("slurm 8"))
    assert (run_dir(desk) / "answer").exists()
