"""Runs that were submitted: their logs, their end, their files, and a way in."""

import os
import pty
import signal
import subprocess

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk, command
from tests.cli.runs import Submission, job, runs, submission
from tests.runtime.host import until

pytestmark = pytest.mark.slow
WAITING = "echo started; until test -e ~/go; do sleep 0.05; done; echo went"


def submitted(inside: Inside, desk: Desk, *words: str, name: str = "demo") -> Submission:
    """Submit `train.yaml` with *words*."""
    return submission(desk, inside(desk, "submit", name, "train.yaml", "--json", *words))


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
    assert done.err.count(" (demo) is cancelled; nothing of it is left on box") == 2
    for run in (first, second):
        assert run.outcome()["state"] == "cancelled"
        assert not runs(int(str(run.said["answer"]).split()[0]))
    again = inside(desk, "cancel", first.run_id)
    assert (again.status, "was cancelled before" in again.err) == (0, True)
    followed = inside(desk, "logs", "-f", first.run_id)
    assert followed.status != 0
    assert "cancelled" in followed.err
    unknown = inside(desk, "cancel", "nothing-like-it")
    assert unknown.status == 2


def test_pull(inside: Inside, desk: Desk) -> None:
    """Results come to a directory of the run's name; with a pattern, to where they are wanted."""
    job(
        desk,
        'mkdir "$THESEUS_RESULTS_DIR/plots"; echo a >"$THESEUS_RESULTS_DIR/plots/a b.png"; '
        'echo c >"$THESEUS_CHECKPOINT_DIR/last.pt"; echo b >"$THESEUS_RESULTS_DIR/b"',
    )
    run = submitted(inside, desk)
    run.outcome()
    pulled = inside(desk, "pull", "demo")
    assert (pulled.status, pulled.out) == (0, "")
    place = desk.repository / f"demo-{run.run_id}" / "results"
    assert (place / "plots" / "a b.png").read_text() == "a\n"
    assert "2 files of 4 B came to" in pulled.err
    again = inside(desk, "pull", "demo")
    assert "nothing new: 2 files in " in again.err
    (place / "b").unlink()
    assert "1 file of 2 B came to" in (third := inside(desk, "pull", "demo").err)
    assert third.endswith("; 1 already there\n")
    some = inside(desk, "pull", "demo", "*.pt", "--to", "../there", "--what", "checkpoints")
    assert some.status == 0, some.err
    assert (desk.place / "there" / "last.pt").read_text() == "c\n"
    nowhere = inside(desk, "pull", "demo", "--to", "train.yaml")
    assert (nowhere.status, "nothing new" in nowhere.err) == (1, False)
    assert "'b' did not come: Not a directory" in nowhere.err
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
        os.write(ours, b"test -t 0 && echo ter''minal in $PWD\n")
        said = b""
        while b"terminal in" not in said:
            try:
                said += os.read(ours, 4096)
            except OSError:  # the other end is closed
                pytest.fail(said.decode())
        # only now: what a terminal still holds is lost when it closes
        os.write(ours, b"exit 3\n")
        assert process.wait(timeout=20) == 3
    os.close(ours)
    (desk.home / "go").touch()


NOTIFY = 'echo "$THESEUS_NAME $THESEUS_STATE $THESEUS_EXIT_STATUS" >>~/notes'


def test_wait_and_notify(inside: Inside, desk: Desk) -> None:
    """All runs are waited for; the first that did not complete gives the status."""
    config = desk.home / ".theseus.yaml"
    config.write_text(config.read_text() + f"notify: [sh, -c, {NOTIFY!r}]\n")
    job(desk, "test $THESEUS_NAME != bad || exit 3")
    good, bad = submitted(inside, desk), submitted(inside, desk, name="bad")
    for run in (good, bad):
        run.outcome()
    waited = inside(desk, "wait", good.run_id, "bad")
    assert (waited.status, waited.out) == (3, "")
    assert f"run {good.run_id} (demo) completed\n" in waited.err
    assert f"run {bad.run_id} (bad) failed with exit status 3" in waited.err
    assert sorted((desk.home / "notes").read_text().splitlines()) == [
        "bad failed 3",
        "demo completed 0",
    ]
    inside(desk, "logs", "-f", "bad")
    assert (desk.home / "notes").read_text().count("bad failed 3") == 2
    assert inside(desk, "wait", "demo").status == 0


def test_wait_no_longer(inside: Inside, desk: Desk) -> None:
    """After the time that was given, waiting ends and names what goes on."""
    job(desk, WAITING)
    run = submitted(inside, desk)
    waited = inside(desk, "wait", run.run_id, "--timeout", "1")
    assert waited.status == 124
    assert f"after 1 s not known to have ended: {run.run_id} (demo)" in waited.err
    (desk.home / "go").touch()
    run.outcome()
    unasked = inside(desk, "wait", run.run_id, "--timeout", "0")
    assert unasked.status == 124
    assert "not known to have ended" in unasked.err, "its host was not asked in no time"
    assert inside(desk, "wait", run.run_id, "--timeout", "-1").status == 2


def test_wait_interrupted(inside: Inside, desk: Desk) -> None:
    """Ctrl-C ends the waiting, not the runs, and says which go on."""
    job(desk, "test $THESEUS_NAME = demo || until test -e ~/go; do sleep 0.05; done")
    ended, going = submitted(inside, desk), submitted(inside, desk, name="slow")
    with desk.start("wait", ended.run_id, going.run_id) as process:
        assert process.stderr is not None
        assert f"run {ended.run_id} (demo) completed".encode() in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    said = f"theseus: interrupted; not ended, and going on: {going.run_id} (slow)\n"
    assert err.decode() == said
    (desk.home / "go").touch()
    assert going.outcome()["state"] == "completed"


def test_notify_that_fails(inside: Inside, desk: Desk) -> None:
    """A command that cannot be started is said, and does no harm."""
    config = desk.home / ".theseus.yaml"
    config.write_text(config.read_text() + "notify: [no-such-command]\n")
    run = submitted(inside, desk)
    run.outcome()
    waited = inside(desk, "wait", run.run_id)
    assert waited.status == 0
    assert "notify: no-such-command: No such file or directory; correct `notify`" in waited.err
