"""Runs that were submitted: their logs, their end, their files, and a way in."""

import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk, command
from tests.cli.runs import Submission, job, submission
from tests.runtime.host import until

pytestmark = pytest.mark.slow
WAITING = "echo started; until test -e ~/go; do sleep 0.05; done; echo went"


def submitted(inside: Inside, desk: Desk, *words: str) -> Submission:
    """Submit `train.yaml` with *words*."""
    return submission(desk, inside(desk, "submit", "demo", "train.yaml", "--json", *words))


def begun(run: Submission) -> None:
    """Wait until the job of *run* has begun."""
    until(lambda: "started" in run.place("log").read_text())


def test_logs(inside: Inside, desk: Desk) -> None:
    """The log is printed as it is, whole or its end, and -f takes the job's exit status."""
    job(desk, "for each in 1 2 3; do echo line $each; done; exit 5")
    run = submitted(inside, desk)
    run.outcome()
    whole = inside(desk, "logs", run.run_id)
    assert (whole.status, whole.err) == (0, "")
    assert whole.out == run.place("log").read_text()
    assert "line 1\nline 2\nline 3\n" in whole.out
    last = inside(desk, "logs", "demo", "-n", "2")
    assert last.out == "".join(whole.out.splitlines(keepends=True)[-2:])
    followed = inside(desk, "logs", "-f", "-n", "0", "demo")
    assert (followed.status, followed.out) == (5, "")
    assert "failed with exit status 5" in followed.err
    assert inside(desk, "logs", "-n", "-1", "demo").status == 2


def test_logs_while_it_runs(inside: Inside, desk: Desk) -> None:
    """Without -f what is there is printed, with it the rest as it comes; Ctrl-C leaves the run."""
    job(desk, WAITING)
    run = submitted(inside, desk)
    with desk.start("logs", "-f", run.run_id) as process:
        assert process.stdout is not None
        while b"started" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"`theseus logs -f {run.run_id}` comes back to it" in err.decode()
    so_far = inside(desk, "logs", run.run_id)
    assert (so_far.status, so_far.out.splitlines()[-1]) == (0, "started")
    (desk.home / "go").touch()
    assert run.outcome()["state"] == "completed"


def test_cancel(inside: Inside, desk: Desk) -> None:
    """Several runs are cancelled at once, cancelled again without harm, and remembered so."""
    job(desk, WAITING)
    first, second = submitted(inside, desk), submitted(inside, desk, "-g", "other")
    done = inside(desk, "cancel", first.run_id, second.run_id, first.run_id)
    assert (done.status, done.out) == (0, "")
    assert done.err.count("is cancelled; nothing of it is left on box") == 2
    for run in (first, second):
        assert run.outcome()["state"] == "cancelled"
        assert not Path("/proc", str(run.said["answer"]).split()[0]).exists()
    again = inside(desk, "cancel", first.run_id)
    assert (again.status, "was cancelled before" in again.err) == (0, True)
    followed = inside(desk, "logs", "-f", first.run_id)
    assert followed.status != 0
    assert "cancelled" in followed.err
    unknown = inside(desk, "cancel", "nothing-like-it")
    assert unknown.status == 2


def test_pull(inside: Inside, desk: Desk) -> None:
    """Results come to a directory of the run's name; with a pattern, to where they are wanted."""
    job(desk, 'mkdir "$THESEUS_RESULTS_DIR/plots"; echo a >"$THESEUS_RESULTS_DIR/plots/a b.png"; '
        'echo c >"$THESEUS_CHECKPOINT_DIR/last.pt"; echo b >"$THESEUS_RESULTS_DIR/b"')  # fmt: skip
    run = submitted(inside, desk)
    run.outcome()
    pulled = inside(desk, "pull", "demo")
    assert (pulled.status, pulled.out) == (0, "")
    place = desk.repository / f"demo-{run.run_id}" / "results"
    assert (place / "plots" / "a b.png").read_text() == "a\n"
    assert "2 files of 4 B came to" in pulled.err
    again = inside(desk, "pull", "demo")
    assert "0 files of 0 B came to" in again.err
    assert "2 were here before" in again.err
    some = inside(desk, "pull", "demo", "*.pt", "--to", "../there", "--what", "checkpoints")
    assert some.status == 0, some.err
    assert (desk.place / "there" / "last.pt").read_text() == "c\n"
    none = inside(desk, "pull", "demo", "*.pdf")
    assert none.status == 1
    assert "is called '*.pdf', among 2 files" in none.err


def test_ssh_command(inside: Inside, desk: Desk) -> None:
    """A command starts in the work directory, its words as they are and its input too."""
    job(desk, WAITING)
    run = submitted(inside, desk)
    begun(run)
    words = command(
        "ssh", run.run_id, "--", "sh", "-c", 'pwd; printf "<%s>" "$@"; cat', "x", "a b", ""
    )
    done = subprocess.run(
        words,
        cwd=desk.repository,
        env=desk.environment(),
        input=b"typed",
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    assert done.stdout.decode() == f"{run.place('work')}\n<a b><>typed"
    failing = desk.theseus("ssh", run.run_id, "--", "sh", "-c", "exit 7")
    assert failing.status == 7
    (desk.home / "go").touch()
    run.outcome()
    late = desk.theseus("ssh", run.run_id, "--", "pwd")
    assert late.status == 1
    assert "is not there (any more): nothing was started" in late.err


def test_ssh_terminal(inside: Inside, desk: Desk) -> None:
    """Without a command there is a shell, on the terminal that there is."""
    job(desk, WAITING)
    run = submitted(inside, desk)
    begun(run)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("ssh", run.run_id),
        cwd=desk.repository,
        env={**desk.environment(), "SHELL": "/bin/sh"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        os.write(ours, b"test -t 0 && echo ter''minal in $PWD; exit 3\n")
        said = b""
        while b"terminal in" not in said:
            said += os.read(ours, 4096)
        assert process.wait(timeout=20) == 3
    os.close(ours)
    (desk.home / "go").touch()
