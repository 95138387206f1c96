"""The operational patterns: one job config goes to another cluster by another dispatch config."""

import json
from typing import Any

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk

LAPTOP = """\
clusters:
  desk: {root: ~/theseus, work: ~/theseus/work}
hosts:
  workstation: {type: plain, cluster: desk, ssh: ws, chips: {h100: 8}, uv_groups: [gpu]}
"""
MOVED = """\
priority: [new]
gres_mapping: {h100: h100_80gb}
clusters:
  old: {root: /old, work: /old/work}
  hpc: {root: /nfs/me, work: /scratch/me, share: /nfs/me/.dispatch, log: /nfs/me/logs}
hosts:
  former: {type: plain, cluster: old, ssh: former, chips: {h100: 4}}
  new: {type: plain, cluster: hpc, ssh: login, chips: {h100: 16}, uv_groups: [gpu]}
"""
JOB = "job: command\nrequest: {chip: h100, min_chips: 8}\ncommand: [python, train.py]\nlr: 0.1\n"
WORDS = ("plan", "my-run", "train.yaml", "lr=0.2", "--dry-run", "--json")


@pytest.fixture
def team_desk(desk: Desk) -> Desk:
    """A repository with one job config and a dispatch config for each of two places."""
    desk.write("train.yaml", JOB)
    desk.write("laptop.yaml", LAPTOP)
    desk.write("moved.yaml", MOVED)
    desk.commit()
    return desk


def planned(inside: Inside, desk: Desk, *words: str) -> dict[str, Any]:
    """The plan that *words* add up to."""
    finished = inside(desk, *WORDS, *words)
    assert finished.status == 0, finished.err
    plan: dict[str, Any] = json.loads(finished.out)
    return plan


def same_everywhere(plan: dict[str, Any]) -> dict[str, Any]:
    """What of a plan may not depend on where it goes: paths, host and run id are taken out."""
    text = json.dumps(plan["steps"])
    own = {**plan["paths"], "host": plan["target"]["host"], "cluster": plan["target"]["cluster"]}
    for name, value in sorted(own.items(), key=lambda item: -len(item[1])):
        text = text.replace(json.dumps(value)[1:-1], name.upper())
    steps = json.loads(text.replace(plan["run"]["id"], "ID"))
    kept = {key: plan[key] for key in ("version", "theseus", "source", "request", "notes")}
    run = {key: value for key, value in plan["run"].items() if key != "id"}
    return {**kept, "run": run, "steps": [step["step"] for step in steps]}


def payload(plan: dict[str, Any]) -> dict[str, Any]:
    """The payload of a plan."""
    (text,) = (
        step["content"]["text"]
        for step in plan["steps"]
        if step.get("path", "").endswith("/payload.json")
    )
    content: dict[str, Any] = json.loads(text)
    return content


def test_cluster_migration(team_desk: Desk, inside: Inside) -> None:
    """Two dispatch configs and one job config: only target, allocation, trace and paths differ."""
    one = planned(inside, team_desk, "-d", "laptop.yaml")
    other = planned(inside, team_desk, "-d", "moved.yaml")
    assert (one["target"]["host"], other["target"]["host"]) == ("workstation", "new")
    assert same_everywhere(one) == same_everywhere(other)
    different = {key for key in one if one[key] != other[key]}
    assert different <= {"run", "target", "allocation", "trace", "paths", "steps"}
    before, after = payload(one), payload(other)
    assert before["config"] == after["config"] == {"command": ["python", "train.py"], "lr": 0.2}
    assert before["job"] == after["job"]
    assert {key for key in before if before[key] != after[key]} <= {"run", "hardware"}
    changed = {
        key for key in before["hardware"] if before["hardware"][key] != after["hardware"][key]
    }
    assert changed == {"host", "cluster"}


def test_reproducible_dispatch(team_desk: Desk, inside: Inside) -> None:
    """The same words give the same plan, but for its run id."""
    plans = [planned(inside, team_desk, "-d", "laptop.yaml") for _ in range(2)]
    texts = [json.dumps(plan).replace(plan["run"]["id"], "ID") for plan in plans]
    assert texts[0] == texts[1]


def test_default_config(team_desk: Desk, inside: Inside) -> None:
    """Without -d it is ~/.theseus.yaml, with either spelling of the flag it is the one named."""
    team_desk.write(str(team_desk.home / ".theseus.yaml"), MOVED)
    assert planned(inside, team_desk)["target"]["host"] == "new"
    for flag in ("-d", "--dispatch-config"):
        plan = planned(inside, team_desk, flag, "laptop.yaml")
        assert plan["target"]["host"] == "workstation"
    home = planned(inside, team_desk, "-d", "~/.theseus.yaml")
    assert home["target"]["host"] == "new"


def test_promotion_changes_the_request_alone(team_desk: Desk, inside: Inside) -> None:
    """A larger run of the same file differs in request and allocation, and keeps its config."""
    small = planned(inside, team_desk, "-d", "moved.yaml", "request.min_chips=1")
    large = planned(inside, team_desk, "-d", "moved.yaml", "--n_chips", "16")
    assert payload(small)["config"] == payload(large)["config"]
    assert small["source"] == large["source"]
    assert (small["allocation"]["total_chips"], large["allocation"]["total_chips"]) == (1, 16)


@pytest.mark.slow
def test_safe_promotion(desk: Desk) -> None:
    """A job is tried here with a smaller budget, then sent by the same file with the whole one."""
    desk.write(
        "promoted.py",
        "from theseus.registry import job\n\n\n"
        "@job('promoted/train')\n"
        "def train(cfg, spec):\n"
        "    print(f'{cfg.tokens} tokens in {spec.topology.shards} shards')\n",
    )
    text = "job: promoted/train\nrequest: {min_chips: 0, n_shards: 1}\ntokens: 100000\n"
    desk.write("train.yaml", text)
    desk.commit()
    load = ("--load", "promoted")
    tried = desk.theseus("run", "local", "train.yaml", "out", "tokens=10", *load)
    assert (tried.status, tried.out) == (0, "10 tokens in 1 shards\n"), tried.err
    sent = desk.theseus("submit", "my-run", "train.yaml", "--follow", *load)
    assert (sent.status, "100000 tokens in 1 shards\n" in sent.out) == (0, True), sent.err
    for wrong in ("request.min_chips=-1", "+request.chip=potato"):
        refused = desk.theseus("run", "local", "train.yaml", "out", wrong, *load)
        assert (refused.status, refused.out) == (2, "")
