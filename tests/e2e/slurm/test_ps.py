"""`theseus ps` and `recover` on a real cluster: what SLURM does to runs behind theseus's back."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.e2e.slurm.cluster_desk import ClusterDesk

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]


def rows(at: ClusterDesk) -> dict[str, dict[str, Any]]:
    """What `ps --json` shows, by run."""
    finished = at.theseus("ps", "--json")
    assert finished.status == 0, finished.err
    return {row["run"]: row for row in json.loads(finished.out)}


def test_states(at: ClusterDesk) -> None:
    """Waiting, running, ended and cancelled from outside are told apart, in one question each."""
    for node in ("gpu1", "gpu2"):
        at.cluster.fill(node)
    at.job("echo working; sleep 120")
    waiting, running = at.submit("--chip", "h100", "-n", "8"), at.submit()
    running.wait_for_state("RUNNING")
    shown = rows(at)
    assert (shown[waiting.run_id]["state"], shown[waiting.run_id]["detail"]) in {
        ("queued", "Resources"),
        ("queued", "Priority"),
    }
    assert shown[running.run_id]["state"] == "running"
    at.cluster.run(["scancel", waiting.number])
    waiting.wait_for_state("CANCELLED")
    assert rows(at)[waiting.run_id]["state"] == "cancelled"
    at.job("exit 3")
    ended = at.submit()
    ended.wait_for_state("FAILED")
    row = rows(at)[ended.run_id]
    assert (row["state"], row["exit_status"]) == ("failed", 3)


def test_recovered(at: ClusterDesk) -> None:
    """A job whose answer was lost is found by its comment, and stays the only one."""
    for node in ("gpu1", "gpu2"):
        at.cluster.fill(node)
    at.job("sleep 120")
    run = at.submit("--chip", "h100", "-n", "8")
    number = run.number
    (run.run_dir / "answer").unlink()
    ledger = at.desk.home / ".local/state/theseus/ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("UPDATE runs SET submission = 'unanswered', detail = 'cut'")
        connection.commit()
    recovered = at.theseus("recover", run.run_id, "--submit")
    assert (recovered.status, f"slurm {number}" in recovered.err) == (0, True), recovered.err
    assert rows(at)[run.run_id]["state"] == "queued"
