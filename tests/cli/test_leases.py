"""Leases on a plain host, as its users meet them: refused, queued, seen and given back."""

import json
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.cli.gpus import pretend_gpus, uuid
from tests.cli.runs import job, submission, submitted

pytestmark = pytest.mark.slow
HOLD = 'until test -e ~/go; do sleep 0.05; done; echo "$CUDA_VISIBLE_DEVICES" >>~/seen'


def let_go(desk: Desk) -> None:
    """Let the runs that hold GPUs end."""
    (desk.home / "go").touch()


def seen(desk: Desk) -> list[str]:
    """The GPUs that jobs have seen, in the order in which they ended."""
    return (desk.home / "seen").read_text().splitlines()


def test_turns(desk: Desk) -> None:
    """Who finds the GPUs taken is refused with what would fit; with --queue the run waits."""
    pretend_gpus(desk, 2)
    job(desk, HOLD)
    first = submitted(desk, "--chip", "h100", "-n", "2")
    assert (first.said["gpus"], first.said["queued"]) == ([uuid(0), uuid(1)], False)
    refused = desk.theseus("submit", "demo", "train.yaml", "-n", "1")
    assert refused.status == 3
    assert "0 free of 2; would fit: --queue" in refused.err
    hosts = desk.theseus("hosts")
    assert f"(run {first.run_id})" in hosts.out
    queued = desk.theseus("submit", "demo", "train.yaml", "-n", "2", "--queue", "--json")
    assert "waits for its turn on box" in queued.err
    waiting = submission(desk, queued)
    assert (waiting.said["gpus"], waiting.said["queued"]) == ([], True)
    assert "1 run waiting" in desk.theseus("hosts").out
    let_go(desk)
    assert first.outcome()["state"] == "completed"
    assert waiting.outcome()["state"] == "completed"
    assert seen(desk) == [f"{uuid(0)},{uuid(1)}"] * 2


def test_taken_since(desk: Desk) -> None:
    """A plan whose GPUs were leased meanwhile starts nothing, and may be applied again later."""
    pretend_gpus(desk, 1)
    job(desk, HOLD)
    plan = str(desk.place / "p.json")
    assert desk.theseus("plan", "demo", "train.yaml", "-n", "1", "-o", plan).status == 0
    first = submitted(desk, "-n", "1")
    stale = desk.theseus("apply", plan)
    assert (stale.status, "the plan is stale" in stale.err) == (3, True)
    forced = desk.theseus("apply", plan, "--force")
    assert forced.status == 3
    assert f"{uuid(0)} is leased by" in forced.err
    assert f"(run {first.run_id})" in forced.err
    run = desk.home / "work/.dispatch/runs" / json.loads(Path(plan).read_text())["run"]["id"]
    assert {path.name for path in run.iterdir()}.isdisjoint({"answer", "launched", "outcome.json"})
    let_go(desk)
    assert first.outcome()["state"] == "completed"
    again = submission(desk, desk.theseus("apply", plan, "--json"))
    assert (again.said["again"], again.outcome()["state"]) == (False, "completed")


def test_two_at_once(desk: Desk) -> None:
    """Two that are submitted at the same moment share no GPU; a third finds too few left."""
    pretend_gpus(desk, 8)
    job(desk, HOLD)
    processes = [desk.start("submit", "demo", "train.yaml", "-n", "3", "--json") for _ in range(3)]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in processes]
    assert sorted(status for *_, status in ended) == [0, 0, 3]
    runs = [json.loads(out) for out, _, status in ended if status == 0]
    let_go(desk)
    gpus = [gpu for run in runs for gpu in run["gpus"]]
    assert len(set(gpus)) == len(gpus) == 6


def test_after(desk: Desk) -> None:
    """A run after another waits for that first, and then for its turn."""
    pretend_gpus(desk, 1)
    job(desk, HOLD)
    first = submitted(desk, "-n", "1")
    second = submitted(desk, "-n", "1", "--queue", "--after", first.run_id)
    assert (second.said["gpus"], second.said["queued"]) == ([], False)
    let_go(desk)
    assert second.outcome()["state"] == "completed"
    assert seen(desk) == [uuid(0)] * 2
