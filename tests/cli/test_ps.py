"""`theseus ps`: runs as they are now, one question a host, nothing guessed."""

import asyncio
import json
import os
import pty
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk, Finished, command
from tests.cli.runs import Submission, job, submission
from tests.cli.test_run_words import PLACE, remembered
from theseus.core.runs.run_state import Failed, Lost, RunState
from theseus.effects.ledger.entries import all_entries, find_entry
from theseus.effects.ledger.ledger import Ledger
from theseus.effects.runs.live import known_runs
from theseus.effects.runs.wait import Pace, wait_for

pytestmark = pytest.mark.slow
WAITING = "until test -e ~/go; do sleep 0.05; done"


def started(inside: Inside, desk: Desk, *words: str) -> Submission:
    """Submit `train.yaml`."""
    return submission(desk, inside(desk, "submit", "demo", "train.yaml", "--json", *words))


def rows(inside: Inside, desk: Desk, *words: str) -> list[dict[str, Any]]:
    """What `ps --json` shows."""
    finished = inside(desk, "ps", "--json", *words)
    assert finished.status in {0, 4}, finished.err
    found: list[dict[str, Any]] = json.loads(finished.out)
    return found


def states(inside: Inside, desk: Desk, *words: str) -> dict[str, str]:
    """The state of each run that is shown."""
    return {row["run"]: row["state"] for row in rows(inside, desk, *words)}


def test_from_begin_to_end(inside: Inside, desk: Desk) -> None:
    """A run is shown running, then as it ended; what ended is not asked for again."""
    job(desk, f"{WAITING}; exit 3")
    run = started(inside, desk)
    shown = inside(desk, "ps")
    assert (shown.status, shown.err) == (0, "")
    head, line = shown.out.splitlines()
    assert head.split()[:6] == ["RUN", "NAME", "HOST", "CHIPS", "STATE", "AGE"]
    assert line.split()[:5] == [run.run_id, "demo", "box", "-", "running"]
    (desk.home / "go").touch()
    assert run.outcome()["state"] == "failed"
    (row,) = rows(inside, desk)
    assert (row["state"], row["exit_status"]) == ("failed", 3)
    assert row["ended_at"] == run.outcome()["ended_at"]
    (desk.home / "work").rename(desk.home / "gone")
    assert states(inside, desk) == {run.run_id: "failed"}


def test_nothing(inside: Inside, desk: Desk) -> None:
    """Without runs there is a heading, an empty list, no error, and a word about older ones."""
    assert "no such run of the last day; `--all` shows older ones" in inside(desk, "ps").err
    assert inside(desk, "ps", "--all").err == "theseus: no such run\n"
    assert inside(desk, "ps").out.split() == [
        "RUN",
        "NAME",
        "HOST",
        "CHIPS",
        "STATE",
        "AGE",
        "DETAIL",
    ]
    assert rows(inside, desk) == []


def test_filters(inside: Inside, desk: Desk) -> None:
    """Runs are picked by project, group, host and state; a state that is none is refused."""
    job(desk, WAITING)
    first = started(inside, desk, "-p", "a", "-g", "x")
    second = started(inside, desk, "-p", "b", "-g", "x")
    (desk.home / "go").touch()
    for run in (first, second):
        run.outcome()
    (desk.home / "go").unlink()
    third = started(inside, desk, "-p", "b", "-g", "y")
    picks: dict[tuple[str, ...], list[Submission]] = {
        (): [third, second, first],
        ("--project", "a"): [first],
        ("-p", "b", "--group", "y"): [third],
        ("--host", "box"): [third, second, first],
        ("--host", "elsewhere"): [],
        ("--state", "completed"): [second, first],
        ("--state", "completed", "--state", "running", "-p", "b"): [third, second],
    }
    for words, runs in picks.items():
        assert list(states(inside, desk, *words)) == [run.run_id for run in runs], words
    (desk.home / "go").touch()
    third.outcome()
    refused = inside(desk, "ps", "--state", "runing")
    assert (refused.status, refused.out) == (2, "")
    assert "no run is ever 'runing'; did you mean 'running'?" in refused.err
    assert "no run is ever 'x'; known are rejected, " in inside(desk, "ps", "--state", "x").err
    assert inside(desk, "ps", "--json", "--watch").status == 2


def begun(desk: Desk, run: Submission) -> None:
    """Wait until the run's job has begun."""
    until = time.monotonic() + 60
    while not (desk.home / "began").exists():
        assert time.monotonic() < until, run.place("log").read_text()
        time.sleep(0.05)


def kill(pid: int) -> None:
    """SIGKILL a process and all that it has started, the youngest last."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(pid, signal.SIGKILL)
    for child in children:
        with suppress(FileNotFoundError, ProcessLookupError):
            kill(int(child))


def test_killed(inside: Inside, desk: Desk) -> None:
    """A run whose processes were all killed is lost, as soon as its heartbeat is old."""
    job(desk, "touch ~/began; exec sleep 300")
    run = started(inside, desk)
    begun(desk, run)
    kill(int(run.said["answer"].split()[0]))
    (row,) = rows(inside, desk)
    assert (row["state"], row["detail"]) == ("running", "known by its heartbeat"), "it is fresh"
    status = desk.home / f"root/status/project/default/demo/{run.run_id}/metadata.json"
    metadata = json.loads(status.read_text())
    status.write_text(json.dumps({**metadata, "heartbeat": "2026-01-01T00:00:00Z"}, indent=1))
    (row,) = rows(inside, desk)
    assert (row["state"], row["detail"]) == ("lost", "its process is gone and left no outcome")


def test_a_loss_is_seen_twice(inside: Inside, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits takes a run for lost only when it still is at the next look."""
    job(desk, "touch ~/began; exec sleep 300")
    run = started(inside, desk)
    begun(desk, run)
    kill(int(run.said["answer"].split()[0]))
    status = desk.home / f"root/status/project/default/demo/{run.run_id}/metadata.json"
    metadata = json.loads(status.read_text())
    status.write_text(json.dumps({**metadata, "heartbeat": "2026-01-01T00:00:00Z"}, indent=1))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    for name, value in desk.environment().items():
        monkeypatch.setenv(name, value)
    ends: list[RunState] = []

    async def main() -> None:
        ledger = Ledger.open().unwrap()
        runs, _ = known_runs(all_entries(ledger).unwrap())
        pace = Pace(2.0, 2.0)
        waiting = asyncio.create_task(wait_for(ledger, runs, lambda _, end: ends.append(end), pace))
        while not isinstance(find_entry(ledger, run.run_id).unwrap().state, Lost):  # noqa: ASYNC110  a file has no event
            await asyncio.sleep(0.05)
        outcome = '{"state": "failed", "exit_status": 9, "message": "", "ended_at": null}'
        (run.run_dir / "outcome.json").write_text(outcome)
        await waiting

    asyncio.run(main())
    assert [type(end) for end in ends] == [Failed]


def test_share_not_mounted(inside: Inside, desk: Desk) -> None:
    """A share that is not there now says nothing of its runs; what was known is shown with it."""
    job(desk, f"touch ~/began; {WAITING}")
    run = started(inside, desk)
    begun(desk, run)
    assert states(inside, desk) == {run.run_id: "running"}
    share = desk.home / "work/.dispatch"
    (share / "runs").rename(share / "away")
    finished = inside(desk, "ps")
    assert finished.status == 4
    assert "unreachable" in finished.out
    assert "s ago; its share is not there" in finished.out
    (share / "away").rename(share / "runs")
    (desk.home / "go").touch()
    assert run.outcome()["state"] == "completed"
    assert states(inside, desk) == {run.run_id: "completed"}


def test_host_down(inside: Inside, desk: Desk) -> None:
    """A host that cannot be reached is its own state, and no run of it has ended by that."""
    first = started(inside, desk)
    with closing(sqlite3.connect(desk.home / PLACE)) as connection:
        (text,) = connection.execute("SELECT plan FROM runs").fetchone()
        plan = json.loads(text)
        plan["target"] |= {"transport": "asyncssh", "ssh": "nowhere.invalid"}
        connection.execute("UPDATE runs SET plan = ?", (json.dumps(plan),))
        connection.commit()
    finished = inside(desk, "ps")
    assert finished.status == 4
    assert "unreachable" in finished.out
    assert "no such host name" in finished.out
    assert first.outcome()["state"] == "completed"


def test_answer_that_never_came(inside: Inside, desk: Desk) -> None:
    """A client killed before it could note the answer: the run is found as it is, and noted."""
    job(desk, WAITING)
    run = started(inside, desk)
    with closing(sqlite3.connect(desk.home / PLACE)) as connection:
        connection.execute("UPDATE runs SET submission = 'sending', detail = ''")
        connection.commit()
    assert states(inside, desk) == {run.run_id: "running"}
    (entry,) = remembered(desk)
    assert entry.answer == run.said["answer"]
    (desk.home / "go").touch()
    run.outcome()


def test_watch(inside: Inside, desk: Desk) -> None:
    """--watch ends when all runs have; what it prints is the table."""
    run = started(inside, desk)
    run.outcome()
    finished = inside(desk, "ps", "--watch")
    assert finished.status == 0
    assert "completed" in finished.out
    assert "\x1b" not in finished.out


def on_terminal(desk: Desk, *words: str) -> Finished:
    """Run theseus on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    environment = {**desk.environment(), "COLUMNS": "80", "TERM": "xterm"}
    with subprocess.Popen(
        command(*words), cwd=desk.repository, env=environment, stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        out = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                break
            if not piece:
                break
            out += piece
        _, err = process.communicate(timeout=60)
    os.close(ours)
    return Finished(process.returncode, out.decode(), err.decode())


def test_terminal(inside: Inside, desk: Desk) -> None:
    """On a terminal lines are cut to its width; through a pipe they are whole."""
    name = "a name that goes on and on and on and does not end so soon as this, nor here"
    run = submission(desk, inside(desk, "submit", name, "train.yaml", "--json"))
    run.outcome()
    shown = on_terminal(desk, "ps")
    assert all(len(line) <= 80 for line in shown.out.splitlines())
    assert run.run_id in shown.out
    assert "…" in shown.out
    assert name in inside(desk, "ps").out


def test_rescan(inside: Inside, desk: Desk) -> None:
    """A lost ledger is made again from what lies on the hosts, with every run as it is."""
    job(desk, f"touch ~/began; {WAITING}")
    first, second = started(inside, desk), started(inside, desk)
    known = {entry.run_id: entry for entry in remembered(desk)}
    for run in (first, second):
        begun(desk, run)
    (desk.home / PLACE).unlink()
    (first.run_dir.parent / "notes").mkdir()
    (first.run_dir.parent / "notes" / "plan.json").write_text("{}")
    finished = inside(desk, "ps", "--rescan")
    assert finished.status == 0, finished.err
    assert "box: 2 runs found, 2 not known before" in finished.err
    assert finished.out.count("running") == 2
    for entry in remembered(desk):
        before = known[entry.run_id]
        assert (entry.plan, entry.answer) == (before.plan, before.answer)
        assert abs((entry.submitted_at - before.submitted_at).total_seconds()) < 60
    again = inside(desk, "ps", "--rescan")
    assert "2 runs found, 0 not known before" in again.err
    (desk.home / "go").touch()
    for run in (first, second):
        run.outcome()


def test_rescan_of_other_places(inside: Inside, desk: Desk) -> None:
    """A host without runs has none, one out of reach is said, and runs of others are not taken."""
    config = desk.home / ".theseus.yaml"
    text = config.read_text()
    config.write_text(f"{text}  far: {{type: plain, cluster: hpc, ssh: nobody.invalid}}\n")
    finished = inside(desk, "ps", "--rescan")
    assert "box: 0 runs found, 0 not known before" in finished.err
    assert "far: no such host name" in finished.err
    run = started(inside, desk, "--cluster", "hpc")
    run.outcome()
    (desk.home / PLACE).unlink()
    if os.geteuid() == 0:
        os.chown(run.run_dir / "plan.json", 4242, 4242)
        assert "box: 0 runs found" in inside(desk, "ps", "--rescan").err
